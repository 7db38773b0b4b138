"""Measures how long the server takes to answer each page, and how many statements each costs.

`manage.py load_test_figures --metric-rows 1000000 --accounts 120` fills an empty database first; `python -m
benchmarks.pages` then opens every list and page as an owner and as a viewer with one grant, in this process, and
prints the median. The bar: under 300 ms each, and at most 25 statements. Sessions and people that it makes are rolled
back.
"""

import argparse
import os
import statistics
import sys
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

BAR_MS = 300.0
MOST_STATEMENTS = 25


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=3, help="how often each page is opened; the median counts")
    parser.add_argument("--only", default="", help="only pages whose name holds this text")
    parser.add_argument("--statements", action="store_true", help="print the slowest statements of each page")
    options = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    import django

    django.setup()
    late = sum(_measure(options))
    sys.exit(1 if late else 0)


def _measure(options: Any) -> Iterator[bool]:
    from django.db import transaction

    with transaction.atomic():
        browsers = _browsers()
        for name, address in _pages():
            for who, browser in browsers.items():
                # A viewer's list is too short for them.
                if options.only in f"{who} {name}" and not (who == "viewer" and " page " in name):
                    yield _measure_one(f"{who:6} {name}", browser, address, options)
        transaction.set_rollback(True)


def _measure_one(name: str, browser: Any, address: str, options: Any) -> bool:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    seconds = []
    for _ in range(options.times + 1):
        with CaptureQueriesContext(connection) as asked:
            started = time.perf_counter()
            response = browser.get(address)
            seconds.append(time.perf_counter() - started)
    # The first one also loads templates.
    median_ms = statistics.median(seconds[1:]) * 1000
    is_late = median_ms > BAR_MS or len(asked) > MOST_STATEMENTS or response.status_code != 200
    verdict = f"  status {response.status_code}" if response.status_code != 200 else "  over the bar" if is_late else ""
    sys.stdout.write(f"{median_ms:8.0f} ms {len(asked):4}  {name}{verdict}\n")
    if options.statements:
        for one in sorted(asked.captured_queries, key=lambda one: float(one["time"]), reverse=True)[:3]:
            sys.stdout.write(f"    {float(one['time']) * 1000:6.0f} ms  {one['sql'][:600]}\n")
    return is_late


def _browsers() -> dict[str, Any]:
    from django.test import Client

    from accounts.models import AdAccount, AdAccountAccess, User

    owner = User.objects.create_user(email="owner@pages.invalid", role="owner", is_staff=True)
    viewer = User.objects.create_user(email="viewer@pages.invalid", role="viewer", is_staff=True)
    ad_account = AdAccount.objects.order_by("pk").first()
    AdAccountAccess.objects.create(user=viewer, ad_account=ad_account)
    browsers = {"owner": Client(SERVER_NAME="127.0.0.1"), "viewer": Client(SERVER_NAME="127.0.0.1")}
    for person, browser in zip((owner, viewer), browsers.values(), strict=True):
        browser.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    return browsers


def _pages() -> Iterator[tuple[str, str]]:
    """Every page by name; lists also narrowed, searched and deep."""
    yield from _lists()
    yield from _rows()
    yield "home", "/admin/"
    yield "sync", "/sync/"


def _lists() -> Iterator[tuple[str, str]]:
    from django.contrib import admin
    from django.urls import reverse

    from accounts.admin.base import FactAdmin
    from accounts.models import AdAccount
    from ingestion.models import AudienceDemographic, Campaign, Creative

    ad_account = AdAccount.objects.order_by("pk").first()
    campaign = Campaign.objects.filter(account=ad_account).order_by("pk").first()
    creative = Creative.objects.filter(campaign=campaign).order_by("pk").first()
    month = AudienceDemographic.objects.order_by("-date_start").values_list("date_start", flat=True).first()
    for model, model_admin in admin.site._registry.items():
        if not isinstance(model_admin, FactAdmin):
            continue
        name = str(model._meta.verbose_name_plural)
        address = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
        narrowed: dict[str, dict[str, Any]] = {
            "": {},
            "of an ad account": {"ad_account": getattr(ad_account, "pk", 0)},
            "of an ad account, by spend": {"ad_account": getattr(ad_account, "pk", 0), "o": "-6"},
            "of a campaign": {"campaign": getattr(campaign, "pk", 0)},
            "of a creative": {"creative": getattr(creative, "pk", "")},
            "of days": {"date_from": month, "date_to": month, "date_start_from": month},
            "search": {"q": getattr(campaign, "name", "")},
            "search of nothing": {"q": "no such thing"},
        }
        parameters = set(_parameters(model_admin)) | ({"q"} if model_admin.search_fields else set())
        for how, query in narrowed.items():
            known = {key: value for key, value in query.items() if key in parameters | {"o"}}
            if how and set(known) <= {"o"}:
                continue
            yield f"{name} {how}".strip(), f"{address}?{urlencode(known)}"
        pages = model._default_manager.count() // 50
        if pages > 10:
            yield f"{name} page {pages // 2}", f"{address}?p={pages // 2}"
            yield f"{name} page {pages}", f"{address}?p={pages}"


def _parameters(model_admin: Any) -> Iterator[str]:
    for one in model_admin.list_filter:
        yield from getattr(one, "parameters", ())


def _rows() -> Iterator[tuple[str, str]]:
    from django.contrib import admin
    from django.contrib.admin.utils import quote
    from django.urls import reverse

    from accounts.admin.base import FactAdmin

    for model, model_admin in admin.site._registry.items():
        row = model._default_manager.order_by("pk").first() if isinstance(model_admin, FactAdmin) else None
        if row is not None:
            name = f"admin:{model._meta.app_label}_{model._meta.model_name}_change"
            yield f"one {model._meta.verbose_name}", reverse(name, args=[quote(row.pk)])


if __name__ == "__main__":
    main()
