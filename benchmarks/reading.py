"""Measures how long PostgreSQL takes to answer each question that reports ask.

`manage.py load_test_figures --metric-rows 10000000` fills an empty database first; `python -m benchmarks.reading`
then asks each question for one ad account over 90 days, by week over a year, and for all ad accounts, and prints the
median of PostgreSQL's own execution times, summed over the statements of one question. `--plans` prints the plans.
The bar, for one ad account: under 100 ms each.
"""

import argparse
import os
import statistics
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, TypedDict, cast

from benchmarks import figures
from benchmarks.figures import Figure, at_most, figure
from benchmarks.statements import Statement, statements_of

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from accounts.models import AdAccount
    from reporting.periods import Period

BAR_MS = 100.0
Question = Callable[[], object]


class _Usual(TypedDict):
    """What nearly every question takes."""

    ad_accounts: "QuerySet[AdAccount]"
    period: "Period"


_VIEWS = {
    "campaigns by week": """
SELECT week_start, currency, sum(spend), sum(clicks) FROM reporting.reporting_campaign_daily
WHERE ad_account_id = ANY(%(ad_accounts)s) AND date BETWEEN %(first_day)s AND %(last_day)s GROUP BY 1, 2""",
    "creatives": """
SELECT creative_urn, currency, sum(spend) FROM reporting.reporting_creative_daily
WHERE ad_account_id = ANY(%(ad_accounts)s) AND date BETWEEN %(first_day)s AND %(last_day)s GROUP BY 1, 2""",
    "ad accounts, every column": """
SELECT * FROM reporting.reporting_account_daily
WHERE ad_account_id = ANY(%(ad_accounts)s) AND date BETWEEN %(first_day)s AND %(last_day)s""",
}


def main() -> None:
    parser = figures.parser(__doc__)
    parser.add_argument("--times", type=int, default=9, help="how often each question is asked; the median counts")
    parser.add_argument("--plans", action="store_true", help="print EXPLAIN ANALYZE of every statement")
    parser.add_argument("--only", default="", help="only questions whose name holds this text")
    options = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    import django

    django.setup()
    figures.report(_measure(options), json_file=options.json)


def _measure(options: argparse.Namespace) -> Iterator[Figure]:
    for name, question in _questions().items():
        if options.only in name:
            median_ms = _median_ms(question, options.times, show=options.plans)
            yield at_most(name, median_ms, "ms", BAR_MS) if name.startswith("one") else figure(name, median_ms, "ms")


def _questions() -> dict[str, Question]:
    from django.utils import timezone

    from accounts.models import AdAccount
    from ingestion.models import CampaignDailyMetric
    from reporting.periods import Period
    from reporting.queries.audience import audiences
    from reporting.queries.budgets import budget_use, spend_distribution
    from reporting.queries.data_as_of import attention, data_as_of, overview_spend
    from reporting.queries.grouping import GroupBy, fetch_all
    from reporting.queries.journey import engagement, funnel, top_creatives
    from reporting.queries.performance import performance, totals

    last_day = CampaignDailyMetric.objects.latest("date").date
    quarter = Period(last_day - timedelta(days=89), last_day)
    year = Period(last_day - timedelta(days=364), last_day)
    first = AdAccount.objects.order_by("pk").first()
    assert first
    now = timezone.now()
    questions: dict[str, Question] = {}
    for who, ad_accounts in (("one", AdAccount.objects.filter(pk=first.pk)), ("all", AdAccount.objects.all())):
        usual: _Usual = {"ad_accounts": ad_accounts, "period": quarter}

        def add(name: str, question: Callable[..., object], who: str = who, **options: object) -> None:
            questions[f"{who}: {name}"] = partial(question, **options)

        for group_by in GroupBy:
            add(f"performance by {group_by}, 90 days", performance, **usual, group_by=group_by)
        add("performance by week, a year", performance, ad_accounts=ad_accounts, period=year, group_by="week")
        add("performance by month, a year", performance, ad_accounts=ad_accounts, period=year, group_by="month")
        add("totals, 90 days", totals, **usual)
        add("audiences, 90 days", audiences, **usual)
        add("budget use, 90 days", budget_use, **usual)
        add("spend distribution, 90 days", spend_distribution, **usual)
        add("funnel, 90 days", funnel, **usual)
        add("engagement, 90 days", engagement, **usual)
        add("top creatives, 90 days", top_creatives, **usual)
        add("data as of", data_as_of, ad_accounts=ad_accounts, now=now)
        add("attention", attention, ad_accounts=ad_accounts, now=now)
        add("overview spend", overview_spend, ad_accounts=ad_accounts, today=last_day + timedelta(days=1))
        for name, statement in _VIEWS.items():
            params = {
                "ad_accounts": [one.pk for one in ad_accounts],
                "first_day": quarter.first_day,
                "last_day": last_day,
            }
            add(f"view: {name}, 90 days", fetch_all, sql=statement, params=params)
    return questions


def _median_ms(question: Question, times: int, *, show: bool) -> float:
    """Once to warm up, then the statements it sent are run again with the clock of the server."""
    statements = statements_of(question)
    if show:
        for statement in statements:
            sys.stdout.write("\n".join(map(str, _explained(statement, form="TEXT"))) + "\n\n")
    return statistics.median(sum(map(_execution_ms, statements)) for _ in range(times))


def _execution_ms(statement: Statement) -> float:
    [plans] = _explained(statement, form="JSON")
    [plan] = cast("list[dict[str, float]]", plans)
    return plan["Execution Time"] + plan["Planning Time"]


def _explained(statement: Statement, *, form: str) -> list[object]:
    """One line of text per row, or one JSON document in a single one."""
    from django.db import connection

    sql, params = statement
    timing = "ON" if form == "TEXT" else "OFF"
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, TIMING {timing}, BUFFERS, FORMAT {form}) {sql}", params)
        return [row[0] for row in cursor.fetchall()]


if __name__ == "__main__":
    main()
