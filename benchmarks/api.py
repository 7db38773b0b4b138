"""Measures how long the server takes to answer the API's lists of figures and reports, and the visual report.

`manage.py load_test_figures --metric-rows 10000000` fills an empty database first; `python -m benchmarks.api` then asks
as an owner, in this process and without throttling. It prints two medians: how long a request took, and how long the
processor worked on it, here (view and serializer) and in PostgreSQL. On a machine with nothing else to do they are the
same; on a busy one the first includes others' work. So the bar is for the second (on Linux with the embedded
PostgreSQL; elsewhere for the first): 100 ms for each page of a list, report and section, one second for the visual
report with its page and all sections. `--plans` prints what PostgreSQL did. The person it makes is rolled back.
"""

import argparse
import os
import statistics
import sys
import time
from collections.abc import Iterator
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from benchmarks import figures
from benchmarks.figures import Figure, at_most
from benchmarks.statements import statements_of

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.test import Client

    from ingestion.models import CampaignDailyMetric, CreativeDailyMetric

BAR_MS = 100.0
REPORT_BAR_MS = 1000.0
_PAGE = "visual report, its page"


def main() -> None:
    parser = figures.parser(__doc__)
    parser.add_argument("--times", type=int, default=9, help="how often each request is sent; the median counts")
    parser.add_argument("--plans", action="store_true", help="print EXPLAIN ANALYZE of every statement")
    parser.add_argument("--only", default="", help="only requests whose name holds this text")
    options = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    import django

    django.setup()
    figures.report(_measure(options), json_file=options.json)


def _measure(options: argparse.Namespace) -> Iterator[Figure]:
    from django.db import transaction

    with transaction.atomic():
        client = _client()
        of_report = []
        for name, address in dict(_requests()).items():
            if options.only not in name:
                continue
            took_ms, worked_ms = _medians(client, address, options.times)
            yield at_most(
                name, worked_ms, "ms", BAR_MS if name != _PAGE else REPORT_BAR_MS, note=f"took {took_ms:.0f} ms"
            )
            if name.startswith("visual report"):
                of_report.append((took_ms, worked_ms))
            if options.plans:
                _show_plans(client, address)
        if of_report:
            took_ms, worked_ms = map(sum, zip(*of_report, strict=True))
            whole = "visual report, all of it one after the other"
            yield at_most(whole, worked_ms, "ms", REPORT_BAR_MS, note=f"took {took_ms:.0f} ms")
        transaction.set_rollback(True)


def _medians(client: "Client", address: str, times: int) -> tuple[float, float]:
    """Milliseconds taken and worked, after one request to warm up."""
    took, worked = [], []
    for _ in range(times + 1):
        started, worked_before = time.perf_counter(), _worked()
        response = client.get(address)
        took.append(time.perf_counter() - started)
        worked.append(_worked() - worked_before)
        assert response.status_code == 200, (address, response.content[:500])
    return statistics.median(took[1:]) * 1000, statistics.median(worked[1:]) * 1000


def _worked() -> float:
    """Seconds that the processor has spent on this process and on its connection's PostgreSQL process."""
    from django.db import connection

    statistics_file = Path(f"/proc/{connection.connection.info.backend_pid}/schedstat")
    if connection.settings_dict["HOST"][:1] != "/" or not statistics_file.exists():
        return time.perf_counter()
    return time.process_time() + int(statistics_file.read_text().split()[0]) / 1e9


def _client() -> "Client":
    """An owner's browser."""
    from django.conf import settings
    from django.test import Client

    from accounts.models import User

    settings.API_REQUESTS_PER_MINUTE = sys.maxsize
    owner = User.objects.create_user(email="owner@api.invalid", role="owner", is_staff=True)
    client = Client(SERVER_NAME="127.0.0.1")
    client.force_login(owner, backend="accounts.sign_in.password_backend.PasswordBackend")
    return client


# --- Requests ---


def _requests() -> Iterator[tuple[str, str]]:
    from accounts.models import AdAccount
    from ingestion.models import CampaignDailyMetric

    last_day = CampaignDailyMetric.objects.latest("date").date
    ad_account = AdAccount.objects.order_by("pk").values_list("pk", flat=True)[0]
    yield from _lists(ad_account, last_day)
    yield from _reports(ad_account, last_day)
    yield from _visual_report(ad_account, last_day)


def _lists(ad_account: int, last_day: date) -> Iterator[tuple[str, str]]:
    """Every filter, order and depth."""
    from ingestion.models import CampaignDailyMetric, CreativeDailyMetric

    ran_last = CampaignDailyMetric.objects.filter(campaign__account=ad_account, date=last_day).order_by("campaign_id")
    campaign: dict[str, object] = {"campaign_id": ran_last.values_list("campaign_id", flat=True)[0]}
    of_account: dict[str, object] = {"ad_account_id": ad_account}
    quarter: dict[str, object] = {"date_from": last_day - timedelta(days=89), "date_to": last_day}
    narrowed: dict[str, dict[str, object]] = {
        "all": {},
        "of 90 days": quarter,
        "of an ad account": of_account,
        "of an ad account and 90 days": of_account | quarter,
        "of a campaign": campaign,
        "of a campaign and 90 days": campaign | quarter,
    }
    for model, key, columns in (
        (CampaignDailyMetric, "campaign_id", {"ad_account_id": "campaign__account_id", "campaign_id": "campaign_id"}),
        (
            CreativeDailyMetric,
            "creative_id",
            {"ad_account_id": "creative__account_id", "campaign_id": "creative__campaign_id"},
        ),
    ):
        name = f"{key.removesuffix('_id')}-metrics"
        for how, query in narrowed.items():
            columns |= {"date_from": "date__gte", "date_to": "date__lte"}
            rows = model.objects.filter(**{columns[one]: value for one, value in query.items()})
            for order, cursor_columns in ((key, (key, "date")), ("date", ("date", key))):
                for place, direction, cursor in _places(rows, order, cursor_columns):
                    query_string = urlencode({**query, "order": direction, **cursor})
                    yield f"{name} {how}, order {direction}, {place} page", f"/api/v1/{name}?{query_string}"


def _places(
    rows: "QuerySet[CampaignDailyMetric] | QuerySet[CreativeDailyMetric]", order: str, columns: tuple[str, str]
) -> Iterator[tuple[str, str, dict[str, str]]]:
    """The first page, one in the middle and the last, forwards and backwards; each by the row before it."""
    from reporting.api.pagination import _encoded

    count = rows.count()
    middle = rows.order_by(*columns).values_list(*columns)[count // 2]
    ends = {"": [f"-{one}" for one in columns], "-": list(columns)}
    for sign, from_the_end in ends.items():
        before_last = rows.order_by(*from_the_end).values_list(*columns)[min(50, count - 1)]
        yield "first", sign + order, {}
        yield "middle", sign + order, {"cursor": _encoded(sign + order, list(middle))}
        yield "last", sign + order, {"cursor": _encoded(sign + order, list(before_last))}


def _reports(ad_account: int, last_day: date) -> Iterator[tuple[str, str]]:
    for days in (90, 365):
        query_string = urlencode(
            {
                "ad_account_id": ad_account,
                "group_by": "week",
                "first_day": last_day - timedelta(days=days - 1),
                "last_day": last_day,
            }
        )
        yield f"reports/performance by week, {days} days", f"/api/v1/reports/performance?{query_string}"


def _visual_report(ad_account: int, last_day: date) -> Iterator[tuple[str, str]]:
    from django.urls import reverse

    from reporting.pages.report.sections import NAMES

    query_string = urlencode(
        {
            "ad_account": ad_account,
            "period": "custom",
            "first_day": last_day - timedelta(days=89),
            "last_day": last_day,
        }
    )
    yield _PAGE, f"{reverse('reporting:report')}?{query_string}"
    for name, title in NAMES.items():
        yield f"visual report, {title}", f"{reverse('reporting:report_section', args=[name])}?{query_string}"


# --- plans ---


def _show_plans(client: "Client", address: str) -> None:
    from django.db import connection

    for sql, params in statements_of(partial(client.get, address)):
        if "_daily_metrics" in sql or "audience_demographics" in sql:
            with connection.cursor() as cursor:
                cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS) {sql}", params)
                sys.stdout.write("\n".join(line for (line,) in cursor.fetchall()) + "\n\n")


if __name__ == "__main__":
    main()
