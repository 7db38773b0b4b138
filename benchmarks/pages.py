"""Measures how long the server takes to answer each page, and how many statements each costs.

`manage.py load_test_figures --metric-rows 1000000 --accounts 120` fills an empty database first; `python -m
benchmarks.pages` then opens every list and page as an owner and as a viewer with one grant, in this process, and
prints the median: the work of this process and of PostgreSQL's, and how long it took. The bar: under 300 ms of work
each, which a busy machine does not change, and at most 25 statements. Sessions and people that it makes are rolled
back.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import psutil

from benchmarks import figures
from benchmarks.figures import Figure

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin
    from django.db.models import Model
    from django.test import Client

BAR_MS = 300.0
MAX_STATEMENTS = 25
# The column of spend in lists of figures.
_BY_SPEND = 6


@dataclass(frozen=True, slots=True)
class Visit:
    """One answer: CPU milliseconds of this process and of PostgreSQL's, how long it took, its statements."""

    status: int
    cpu_ms: float
    postgresql_ms: float
    took_ms: float
    statements: list[dict[str, str]]

    @property
    def work_ms(self) -> float:
        return self.cpu_ms + self.postgresql_ms

    @property
    def is_over_the_bar(self) -> bool:
        return self.work_ms > BAR_MS or len(self.statements) > MAX_STATEMENTS or self.status != 200

    def __str__(self) -> str:
        theirs = f"{self.postgresql_ms:.0f} of them PostgreSQL's"
        return f"{theirs}, took {self.took_ms:.0f} ms, {len(self.statements)} statements"


def main() -> None:
    parser = figures.parser(__doc__)
    parser.add_argument("--times", type=int, default=3, help="how often each page is opened; the median counts")
    parser.add_argument("--only", default="", help="only pages whose name holds this text")
    parser.add_argument("--statements", action="store_true", help="print the slowest statements of each page")
    options = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    import django

    django.setup()
    figures.report(_measure(options), json_file=options.json)


def _measure(options: argparse.Namespace) -> Iterator[Figure]:
    from django.db import transaction

    with transaction.atomic():
        for name, open_it in pages():
            if options.only in name:
                # The first one also loads templates.
                visits = [open_it() for _ in range(options.times + 1)][1:]
                visit = sorted(visits, key=lambda one: one.work_ms)[len(visits) // 2]
                bar = f"at most {BAR_MS:.0f} and {MAX_STATEMENTS} statements"
                wrong = f"status {visit.status}, " if visit.status != 200 else ""
                yield Figure(name, round(visit.work_ms), "ms", bar, not visit.is_over_the_bar, f"{wrong}{visit}")
                if options.statements:
                    _print_slowest(visit)
        transaction.set_rollback(True)


def _print_slowest(visit: Visit) -> None:
    for one in sorted(visit.statements, key=lambda one: float(one["time"]), reverse=True)[:3]:
        sys.stdout.write(f"    {float(one['time']) * 1000:6.0f} ms  {one['sql'][:600]}\n")


def pages() -> Iterator[tuple[str, Callable[[], Visit]]]:
    """Every page, by name, with how to open it; to the viewer those that answer: others refuse, or are not as long."""
    visit = partial(_visit, _our_postgresql())
    for who, browser in _browsers().items():
        for name, address in _addresses():
            if who == "owner" or browser.get(address).status_code == 200:
                yield f"{who:6} {name}", partial(visit, browser, address)
    yield "metrics", partial(visit, _client(), "/metrics")


def _visit(postgresql: psutil.Process, browser: "Client", address: str) -> Visit:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as captured:
        before = _clocks(postgresql)
        response = browser.get(address)
        cpu, theirs, took = (1000 * (now - then) for then, now in zip(before, _clocks(postgresql), strict=True))
    return Visit(response.status_code, cpu, theirs, took, captured.captured_queries)


def _clocks(postgresql: psutil.Process) -> tuple[float, float, float]:
    return time.process_time(), sum(postgresql.cpu_times()[:2]), time.perf_counter()


def _our_postgresql() -> psutil.Process:
    """The process on this machine that answers this connection, alone: helpers of its own would not be counted."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SET max_parallel_workers_per_gather = 0")
        cursor.execute("SELECT pg_backend_pid()")
        return psutil.Process(cursor.fetchone()[0])


def _browsers() -> dict[str, "Client"]:
    from accounts.models import AdAccount, AdAccountAccess, User

    owner = User.objects.create_user(email="owner@pages.invalid", role="owner", is_staff=True)
    viewer = User.objects.create_user(email="viewer@pages.invalid", role="viewer", is_staff=True)
    ad_account = AdAccount.objects.earliest("pk")
    AdAccountAccess.objects.create(user=viewer, ad_account=ad_account)
    browsers = {"owner": _client(), "viewer": _client()}
    for person, browser in zip((owner, viewer), browsers.values(), strict=True):
        browser.force_login(person, backend="accounts.sign_in.password_backend.PasswordBackend")
    return browsers


def _client() -> "Client":
    from django.test import Client

    return Client(SERVER_NAME="127.0.0.1", HTTP_HOST="127.0.0.1")


def _addresses() -> Iterator[tuple[str, str]]:
    yield from _lists()
    yield from _rows()
    yield from _own_pages()


def _own_pages() -> Iterator[tuple[str, str]]:
    """Those that are no list of the admin."""
    from django.urls import reverse

    from ingestion.models import SyncLog

    run = SyncLog.objects.order_by("account", "-started_at").first()
    yield "overview", reverse("admin:index")
    yield "sync", reverse("reporting:sync")
    yield "sync, failed ones", f"{reverse('reporting:sync')}?status=failed"
    if run:
        yield "a sync's run", reverse("reporting:run", args=[run.pk])
    for name in ("reporting:status", "reporting:report", "reporting:actions", "people:me", "accounts:api_tokens"):
        yield name.partition(":")[2], reverse(name)


def _lists() -> Iterator[tuple[str, str]]:
    """Every list of the admin, as it comes, narrowed, searched and deep."""
    from django.contrib import admin

    narrowed = _narrowed()
    for model, model_admin in admin.site._registry.items():
        address, name = _address(model, "changelist"), str(model._meta.verbose_name_plural)
        parameters = {"o", *_parameters(model_admin), *(["q"] if model_admin.search_fields else [])}
        for how, query in narrowed.items():
            known = {key: value for key, value in query.items() if key in parameters}
            if len(model_admin.list_display) <= _BY_SPEND:
                known.pop("o", None)
            if not how or set(known) - {"o"}:
                yield f"{name} {how}".strip(), f"{address}?{urlencode(known)}"
        last = model._default_manager.count() // 50
        if last > 10:
            yield f"{name} page {last // 2}", f"{address}?p={last // 2}"
            yield f"{name} page {last}", f"{address}?p={last}"


def _narrowed() -> dict[str, dict[str, object]]:
    """Ways to narrow a list; each takes those of the parameters that it knows."""
    from accounts.models import AdAccount
    from ingestion.models import AudienceDemographic, Campaign, Creative

    ad_account = AdAccount.objects.order_by("pk").first()
    campaign = Campaign.objects.filter(account=ad_account).order_by("pk").first()
    creative = Creative.objects.filter(campaign=campaign).order_by("pk").first()
    month = AudienceDemographic.objects.order_by("-date_start").values_list("date_start", flat=True).first()
    return {
        "": {},
        "of an ad account": {"ad_account": getattr(ad_account, "pk", 0)},
        "of an ad account, by spend": {"ad_account": getattr(ad_account, "pk", 0), "o": f"-{_BY_SPEND}"},
        "of a campaign": {
            name: getattr(campaign, "pk", 0) for name in ("campaign__id__exact", "creative__campaign__id__exact")
        },
        "of a creative": {"creative__id__exact": getattr(creative, "pk", "")},
        "of days": {"date_from": month, "date_to": month, "date_start_from": month, "started_at_from": month},
        "search": {"q": getattr(campaign, "name", "")},
        "search of what many hold": {"q": "i"},
        "search of nothing": {"q": "no such thing"},
    }


def _parameters(model_admin: "ModelAdmin[Model]") -> Iterator[str]:
    """The parameters of its filters, as an owner sees them."""
    from django.http import HttpRequest

    from accounts.models import User

    request = HttpRequest()
    request.user = User(role="owner", is_staff=True)
    for spec in model_admin.get_changelist_instance(request).filter_specs:
        yield from filter(None, spec.expected_parameters())


def _rows() -> Iterator[tuple[str, str]]:
    """The page of one row of each table that has any."""
    from django.contrib import admin
    from django.contrib.admin.utils import quote

    for model in admin.site._registry:
        row = model._default_manager.order_by("pk").first()
        if row is not None:
            yield f"one {model._meta.verbose_name}", _address(model, "change", quote(row.pk))


def _address(model: "type[Model]", page: str, *key: object) -> str:
    from django.urls import reverse

    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=key)


if __name__ == "__main__":
    main()
