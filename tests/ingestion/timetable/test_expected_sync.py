"""Whether an ad account is expected to sync, when, and if not, why not; every page and door gives this one answer."""

from collections.abc import Callable
from datetime import datetime, timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from django_celery_beat.models import CrontabSchedule, IntervalSchedule, PeriodicTask

from accounts.consents import removed_ad_accounts
from accounts.models import AdAccount, LinkedInConnection
from ingestion.linkedin.answers import FailedCall, Retry
from ingestion.linkedin.errors import DayLimitReached
from ingestion.models import AdAccountSettings
from ingestion.sync.rate_limits import TokenBudget
from ingestion.timetable.expected_sync import ExpectedSync, Outlook, expected_syncs
from ingestion.timetable.freshness import freshness
from ingestion.timetable.schedules import SYNC_TASK, schedule_syncs
from reporting.queries import operations
from reporting.queries.data_as_of import attention, with_next_sync
from tests.builders import NOW, make_ad_account, make_connection, make_role, make_sync_run, make_user

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def _usual_freshness(settings):
    settings.FRESHNESS_TTL_MINUTES = 240


@pytest.fixture
def ad_account() -> AdAccount:
    """Connected, in the timetable, never synced."""
    ad_account = make_ad_account(name="Acme")
    make_role(ad_account=ad_account)
    schedule_syncs([ad_account.pk], now=NOW)
    PeriodicTask.objects.update(last_run_at=NOW - 20 * MINUTE)
    return ad_account


def expected(ad_account: AdAccount, *, now: datetime = NOW) -> ExpectedSync:
    return expected_syncs([ad_account.pk], now=now)[ad_account.pk]


def pause(ad_account: AdAccount) -> None:
    AdAccountSettings.objects.create(account=ad_account, is_paused=True, paused_by=make_user(email="eve@example.com"))


# --- by the timetable ---


def test_it_is_due_at_the_next_turn_of_the_timetable(ad_account):
    one = expected(ad_account)
    assert (one.next_at, one.outlook, one.is_expected) == (NOW + 40 * MINUTE, Outlook.DUE, True)
    assert one.reason == "Due: never synced successfully."


def test_a_turn_that_is_overdue_comes_at_once(ad_account):
    assert expected(ad_account, now=NOW + 5 * HOUR).next_at == NOW + 5 * HOUR
    PeriodicTask.objects.update(last_run_at=None)
    assert expected(ad_account).next_at == NOW


def test_a_fresh_ad_account_waits_for_the_first_turn_after_its_freshness(ad_account):
    """The turns come every hour at 40 past; the data is fresh for four hours."""
    make_sync_run(account=ad_account, started_at=NOW - 37 * MINUTE, finished_at=NOW - 36 * MINUTE)
    one = expected(ad_account)
    assert (one.next_at, one.outlook) == (NOW + 3 * HOUR + 40 * MINUTE, Outlook.FRESH)
    assert one.reason == "Synced 37 minutes ago; next sync after 4 hours."
    # The gate says the same, then and a moment before.
    assert freshness(ad_account.pk, now=NOW + 3 * HOUR + 23 * MINUTE).is_due
    assert not freshness(ad_account.pk, now=NOW + 3 * HOUR + 22 * MINUTE).is_due


def test_more_days_of_backfill_make_a_fresh_ad_account_due(ad_account):
    make_sync_run(account=ad_account)
    AdAccountSettings.objects.create(account=ad_account, backfill_days=365)
    assert expected(ad_account).outlook == Outlook.DUE
    assert freshness(ad_account.pk, now=NOW).is_due
    AdAccountSettings.objects.update(backfill_days=90)
    assert expected(ad_account).outlook == Outlook.FRESH


def test_an_operator_s_crontab_is_followed(ad_account, settings):
    """Celery counts crontabs from its own clock."""
    now = timezone.now()
    nightly = CrontabSchedule.objects.create(minute="0", hour="3")
    LinkedInConnection.objects.update(access_token_expires_at=now + 50 * HOUR)
    PeriodicTask.objects.update(interval=None, crontab=nightly, last_run_at=now)
    one = expected(ad_account, now=now)
    assert one.next_at is not None
    assert now < one.next_at <= now + 24 * HOUR
    assert (one.next_at.hour, one.next_at.minute, one.next_at.second) == (3, 0, 0)
    # Fresh until after that turn: the one of the night after.
    settings.FRESHNESS_TTL_MINUTES = (one.next_at - now) / MINUTE + 30
    make_sync_run(account=ad_account, started_at=now, finished_at=now, first_day=now.date() - timedelta(days=120))
    assert expected(ad_account, now=now).next_at == one.next_at + 24 * HOUR


def test_a_changed_interval_is_followed(ad_account):
    daily = IntervalSchedule.objects.create(every=1, period=IntervalSchedule.DAYS)
    PeriodicTask.objects.update(interval=daily)
    assert expected(ad_account).next_at == NOW - 20 * MINUTE + 24 * HOUR


def test_an_operator_s_own_entry_counts_too(ad_account):
    PeriodicTask.objects.update(enabled=False)
    hourly = IntervalSchedule.objects.create(every=10, period=IntervalSchedule.MINUTES)
    PeriodicTask.objects.create(
        name="Mine", task=SYNC_TASK, args=f"[{ad_account.pk}]", interval=hourly, last_run_at=NOW - MINUTE
    )
    assert expected(ad_account).next_at == NOW + 9 * MINUTE


@pytest.mark.parametrize(
    "change",
    [{"enabled": False}, {"expires": NOW - MINUTE}, {"one_off": True, "total_run_count": 1}],
    ids=["switched off", "expired", "has run once"],
)
def test_a_switched_off_entry_syncs_nothing(ad_account, change):
    PeriodicTask.objects.update(**change)
    one = expected(ad_account)
    assert (one.next_at, one.outlook, one.may_grow_old) == (None, Outlook.SWITCHED_OFF, True)
    assert one.reason == "Its entry in the timetable is switched off."


def test_an_entry_that_starts_later_waits_for_that(ad_account):
    PeriodicTask.objects.update(start_time=NOW + 5 * HOUR)
    next_at = expected(ad_account).next_at
    assert next_at is not None
    assert next_at >= NOW + 5 * HOUR


def test_without_an_entry_nothing_is_expected_and_that_is_a_problem(ad_account):
    PeriodicTask.objects.all().delete()
    one = expected(ad_account)
    assert (one.next_at, one.outlook, one.may_grow_old) == (None, Outlook.NOT_SCHEDULED, False)


# --- in its way ---


def test_a_paused_ad_account_says_so_and_not_who_paused_it(ad_account):
    """Viewers are not shown the names of others, and they see this answer."""
    pause(ad_account)
    one = expected(ad_account)
    assert (one.next_at, one.outlook, one.reason) == (None, Outlook.PAUSED, "Paused in its settings.")
    assert one.may_grow_old


def test_without_a_living_connection_nothing_is_expected(ad_account):
    LinkedInConnection.objects.update(state=LinkedInConnection.State.NEEDS_CONSENT)
    one = expected(ad_account)
    assert (one.next_at, one.outlook, one.may_grow_old) == (None, Outlook.CONSENT_ENDED, False)
    assert "connect LinkedIn again" in one.reason
    make_role(ad_account=ad_account, connection=make_connection())
    assert expected(ad_account).outlook == Outlook.DUE


def test_an_access_token_that_ended_is_renewed_by_the_sync(ad_account):
    LinkedInConnection.objects.update(access_token_expires_at=NOW - HOUR)
    assert expected(ad_account).outlook == Outlook.DUE
    LinkedInConnection.objects.update(refresh_token_expires_at=NOW - HOUR)
    assert expected(ad_account).outlook == Outlook.CONSENT_ENDED


def test_a_lost_role_and_one_that_never_was_differ(ad_account):
    ad_account.linkedin_roles.update(lost_at=NOW)
    assert (expected(ad_account).next_at, expected(ad_account).outlook) == (None, Outlook.ROLE_LOST)
    ad_account.linkedin_roles.all().delete()
    assert (expected(ad_account).next_at, expected(ad_account).outlook) == (None, Outlook.NO_CONNECTION)


def test_what_linkedin_no_longer_returns_or_somebody_removes_is_not_synced(ad_account):
    AdAccount.objects.update(missing_since=NOW)
    assert (expected(ad_account).next_at, expected(ad_account).outlook) == (None, Outlook.MISSING)
    removed_ad_accounts.mark(ad_account, rows=1, actor=None, now=NOW)
    assert (expected(ad_account).next_at, expected(ad_account).outlook) == (None, Outlook.REMOVED)


def use_up(budget: TokenBudget, resource: str, *, until: datetime) -> None:
    place = budget.enter(lambda seconds: None, resource)
    budget.leave(place, FailedCall(DayLimitReached("no", resource=resource, resets_at=until), Retry.NEVER))


def test_linkedins_daily_limit_postpones_the_next_sync(ad_account):
    """The limit is of the connection that the next sync would use."""
    connection = ad_account.linkedin_roles.get().connection
    midnight = NOW.replace(hour=0) + 24 * HOUR
    budget = TokenBudget(connection.pk, now=lambda: NOW)
    use_up(budget, "adAnalytics", until=midnight)
    one = expected(ad_account)
    # The first of the hourly turns, at 40 past, after that.
    assert (one.next_at, one.outlook) == (midnight + 40 * MINUTE, Outlook.DAILY_LIMIT)
    assert one.reason == "LinkedIn's daily limit is used up until 2026-11-21 00:00 UTC."
    assert expected(ad_account, now=midnight).outlook == Outlook.DUE
    make_role(ad_account=ad_account, connection=make_connection(refresh_token_expires_at=NOW + timedelta(days=360)))
    assert expected(ad_account).outlook == Outlook.DUE


@pytest.mark.parametrize(
    ("resource", "part"), [("adTargetingEntities", "Names of audience segments"), ("posts", "Names of posts")]
)
def test_a_daily_limit_of_what_figures_do_not_need_postpones_nothing_and_is_named(ad_account, resource, part):
    before = expected(ad_account)
    midnight = NOW.replace(hour=0) + 24 * HOUR
    connection = ad_account.linkedin_roles.get().connection
    use_up(TokenBudget(connection.pk, now=lambda: NOW), resource, until=midnight)
    one = expected(ad_account)
    assert (one.next_at, one.outlook) == (before.next_at, before.outlook)
    assert one.reason == f"{before.reason} {part} are paused until 2026-11-21 00:00 UTC by LinkedIn's daily limit."
    assert expected(ad_account, now=midnight).reason.count("paused") == 0


@pytest.mark.parametrize("status", ["queued", "running"])
def test_a_sync_that_is_queued_or_runs_is_now_even_where_it_is_paused(ad_account, status):
    pause(ad_account)
    make_sync_run(account=ad_account, status=status, started_at=NOW - MINUTE, finished_at=None)
    one = expected(ad_account)
    assert (one.next_at, one.outlook, one.may_grow_old) == (NOW, Outlook(status), False)


# --- all at once, and everywhere the same ---


def test_it_takes_as_many_queries_for_many_as_for_one(ad_account):
    def queries(ids: list[int]) -> int:
        with CaptureQueriesContext(database) as captured:
            expected_syncs(ids, now=NOW)
        return len(captured)

    others = [make_role().ad_account_id for _ in range(4)]
    schedule_syncs(others, now=NOW)
    assert queries([ad_account.pk, *others]) == queries([ad_account.pk])
    assert expected_syncs([], now=NOW) == {}


def nothing(ad_account: AdAccount) -> None:
    pass


def switch_off(ad_account: AdAccount) -> None:
    PeriodicTask.objects.update(enabled=False)


def lose_the_role(ad_account: AdAccount) -> None:
    ad_account.linkedin_roles.update(lost_at=timezone.now())


@pytest.mark.parametrize("change", [nothing, pause, switch_off, lose_the_role])
def test_every_page_and_door_gives_the_same_answer(
    ad_account: AdAccount, as_alice: Client, change: Callable[[AdAccount], None], monkeypatch
):
    monkeypatch.setenv("COLUMNS", "300")
    now = timezone.now()
    make_sync_run(account=ad_account, started_at=now - 9 * HOUR, finished_at=now - 9 * HOUR, heartbeat_at=now)
    LinkedInConnection.objects.update(refresh_token_expires_at=now + timedelta(days=300))
    change(ad_account)
    one = expected(ad_account, now=now)
    at = f"{one.next_at:%Y-%m-%d %H:%M} UTC" if one.next_at else ""

    [(_, in_queries)] = with_next_sync(ad_accounts=AdAccount.objects.all(), now=now)
    assert in_queries == one

    [in_api] = as_alice.get("/api/v1/status").json()["ad_accounts"]
    assert (bool(in_api["next_sync_at"]), in_api["next_sync_reason"]) == (one.is_expected, one.reason)

    out = StringIO()
    call_command("status", json=True, stdout=out)
    assert f'"next_sync_reason": "{one.reason}"' in out.getvalue()
    out = StringIO()
    call_command("status", stdout=out)
    assert one.reason in out.getvalue()
    assert at or "none expected" in out.getvalue()

    for page in (reverse("admin:index"), reverse("admin:ingestion_syncedadaccount_changelist")):
        html = as_alice.get(page).content.decode()
        assert one.reason.rstrip(".") in html, page
    form = as_alice.get(reverse("reporting:sync")).content.decode()
    assert (f"– {one.reason.rstrip('.')}" in form) is not one.is_expected

    data_is_old = not one.may_grow_old
    [age] = operations.data_ages(now)
    assert (age.is_old, age.may_be_old) == (data_is_old, not data_is_old)
    incidents = {incident.kind for incident in operations.service_state(now).incidents}
    assert ("data" in incidents) is data_is_old
    metrics = Client(headers={"host": "127.0.0.1"}).get("/metrics").content.decode()
    assert f"linkedin_ads_ad_accounts_old {float(data_is_old)}" in metrics
    assert f"linkedin_ads_ad_accounts_paused {float(not data_is_old)}" in metrics
    page = as_alice.get(reverse("reporting:status")).content.decode()
    assert ("is older than it should be" in page) is data_is_old

    needs_connection = {
        found.kind for found in attention(ad_accounts=AdAccount.objects.all(), now=now, names_people=True)
    }
    assert ("no_connection" in needs_connection) is (one.outlook == Outlook.ROLE_LOST)
