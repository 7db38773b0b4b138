"""What each page costs: statements that do not grow with the rows, and server time at a million rows."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection
from django.db.models import Model
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.roles import Role
from benchmarks.pages import MAX_STATEMENTS, Visit, pages
from ingestion.demo.made_up_figures import Scale, make_up
from ingestion.models import CampaignDailyMetric, CreativeDailyMetric, SyncLog
from tests.builders import make_access, make_ad_account, make_role, make_sync_run, make_user
from tests.conftest import signed_in
from tests.house.test_every_url_and_role import MODELS, PEOPLE, ROWS

OWN_PAGES = ("admin:index", "reporting:sync", "reporting:status", "reporting:actions", "reporting:report", "people:me")
MANY = 7
MAX_TRIES = 5


def statements(browser: Client, address: str) -> int:
    """How many a page asks once it was opened before: what is asked once per process is known then."""
    browser.get(address)
    with CaptureQueriesContext(connection) as asked:
        assert browser.get(address).status_code == 200
    return len(asked)


@pytest.mark.exhaustive
@pytest.mark.django_db
@pytest.mark.parametrize(
    ("model", "who"),
    [
        pytest.param(model, who, id=f"{model.__name__}-{who}")
        for model, (of_the_list, *_) in MODELS.items()
        for who in ("owner", "viewer with grant")
        if of_the_list[PEOPLE.index(who)] == 200
    ],
)
def test_a_list_asks_the_same_for_many_rows_as_for_one(model: type[Model], who: str) -> None:
    person = make_user(role=Role.OWNER if who == "owner" else Role.VIEWER)
    browser = signed_in(person)

    def add_a_row() -> None:
        ad_account = make_ad_account()
        make_access(user=person, ad_account=ad_account)
        ROWS[model](ad_account)

    address = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    add_a_row()
    for_one = statements(browser, address)
    for _ in range(MANY - 1):
        add_a_row()
    assert statements(browser, address) == for_one <= MAX_STATEMENTS


@pytest.mark.exhaustive
@pytest.mark.django_db
@pytest.mark.parametrize("who", [Role.OWNER, Role.VIEWER])
@pytest.mark.parametrize("name", OWN_PAGES)
def test_a_page_asks_the_same_for_many_ad_accounts_as_for_one(name: str, who: Role) -> None:
    if (name, who) == ("reporting:status", Role.VIEWER):
        pytest.skip("the status is of the whole installation")
    person = make_user(role=who)
    browser = signed_in(person)

    def add_an_ad_account() -> None:
        ad_account = make_ad_account()
        make_access(user=person, ad_account=ad_account)
        make_role(ad_account=ad_account)
        make_sync_run(account=ad_account)
        make_sync_run(account=ad_account, status=SyncLog.Status.FAILED, errors="No. Try again.", rows_rejected=1)

    add_an_ad_account()
    for_one = statements(browser, reverse(name))
    for _ in range(MANY - 1):
        add_an_ad_account()
    assert statements(browser, reverse(name)) == for_one <= MAX_STATEMENTS


# --- At a million rows ---


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.django_db(transaction=True)
def test_every_page_answers_in_time_at_a_million_rows(caplog: pytest.LogCaptureFixture) -> None:
    """The work of the server counts, and of several tries the best: what else the machine does is not its fault."""
    caplog.set_level("WARNING")
    yesterday = timezone.now().date() - timedelta(days=1)
    scale = Scale(metric_rows=340_000, ad_accounts=120, days=2 * 365, segments_per_pivot=20, last_day=yesterday)
    for _ in make_up(scale):
        pass
    assert CampaignDailyMetric.objects.count() + CreativeDailyMetric.objects.count() > 1_000_000
    late = {name: visit for name, open_it in pages() if (visit := _best(open_it)).is_over_the_bar}
    assert not late, "\n".join(f"{name}: {visit.status}, {visit}" for name, visit in late.items())


def _best(open_it: Callable[[], Visit]) -> Visit:
    visit = open_it()
    for _ in range(MAX_TRIES - 1):
        if not visit.is_over_the_bar:
            break
        visit = min(visit, open_it(), key=lambda one: one.work_ms)
    return visit
