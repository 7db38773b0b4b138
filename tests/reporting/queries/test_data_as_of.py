"""How recent and complete the data is, what needs attention, and what was spent lately."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.access import visible_ad_accounts
from accounts.models import AdAccount
from ingestion.models import CampaignDailyMetric, CoveredDays, IncompleteDay
from ingestion.timetable import sync_status
from ingestion.timetable.expected_sync import expected_syncs
from ingestion.timetable.freshness import days_due, freshness
from ingestion.timetable.schedules import schedule_syncs
from reporting.checks.severity import Severity
from reporting.periods import Period
from reporting.queries import operations
from reporting.queries.check_runs import check_overview
from reporting.queries.data_as_of import (
    attention,
    connections_of,
    data_as_of,
    overview_spend,
    selection_as_of,
    with_next_sync,
)
from tests.builders import (
    NOW,
    cover_every_ad_account,
    make_ad_account,
    make_campaign,
    make_campaign_day,
    make_connection,
    make_covered_days,
    make_role,
    make_sync_run,
)

EVERYONE = AdAccount.objects.all()
HOUR = timedelta(hours=1)
LATER = NOW + 5 * HOUR


def failed(ad_account: AdAccount, **changes: Any) -> Any:
    return make_sync_run(account=ad_account, status="failed", error_kind="network", **changes)


def incomplete(ad_account: AdAccount, day: date) -> None:
    IncompleteDay.objects.create(
        account=ad_account, date=day, state="differs", differences={}, first_seen_at=NOW, checked_at=NOW
    )


def kinds(**options: Any) -> list[tuple[str, Severity]]:
    found = attention(ad_accounts=options.get("ad_accounts", EVERYONE), now=options.get("now", NOW), names_people=True)
    return [(one.kind, one.severity) for one in found]


@pytest.fixture
def healthy(db: None) -> AdAccount:
    """Synced, connected for long, complete."""
    ad_account = make_ad_account(name="Healthy")
    make_role(ad_account=ad_account)
    make_sync_run(account=ad_account)
    return ad_account


def test_data_as_of_says_when_and_how_far(healthy: AdAccount):
    incomplete(healthy, date(2026, 11, 10))
    schedule_syncs([healthy.pk], now=NOW)
    [(one, expected)] = with_next_sync(ad_accounts=EVERYONE, now=NOW)
    assert [one] == data_as_of(ad_accounts=EVERYONE)
    assert (one.name, one.as_of, one.last_status) == ("Healthy", NOW - timedelta(minutes=1), "success")
    assert (one.complete_through, one.incomplete_days) == (date(2026, 11, 9), 1)
    assert expected == expected_syncs([healthy.pk], now=NOW)[healthy.pk]
    assert expected.is_expected


def test_demographics_have_their_own_mark(healthy: AdAccount):
    """As far as the pivot that is furthest behind; figures do not wait for it."""
    [one] = data_as_of(ad_accounts=EVERYONE)
    assert (one.complete_through, one.demographics_through) == (date(2026, 11, 19), date(2026, 11, 20))
    industries = CoveredDays.objects.filter(account=healthy, pivot_type="industry")
    industries.update(last_day=date(2026, 10, 31))
    [one] = data_as_of(ad_accounts=EVERYONE)
    assert (one.complete_through, one.demographics_through) == (date(2026, 11, 19), date(2026, 10, 31))
    industries.update(is_whole=False)
    [one] = data_as_of(ad_accounts=EVERYONE)
    assert one.demographics_through is None, "LinkedIn cut all that it ever sent"
    industries.delete()
    [one] = data_as_of(ad_accounts=EVERYONE)
    assert (one.complete_through, one.demographics_through) == (date(2026, 11, 19), None)


def test_a_selection_is_as_recent_as_its_oldest(healthy: AdAccount):
    older = make_ad_account()
    make_sync_run(account=older, started_at=NOW - 48 * HOUR, finished_at=NOW - 47 * HOUR)
    make_ad_account()
    found = selection_as_of(ad_accounts=EVERYONE)
    assert (found.ad_accounts, found.never_synced, found.incomplete_days) == (3, 1, 0)
    assert (found.as_of, found.complete_through) == (NOW - 48 * HOUR, date(2026, 11, 17))
    nobody = selection_as_of(ad_accounts=AdAccount.objects.none())
    assert (nobody.ad_accounts, nobody.as_of, nobody.complete_through) == (0, None, None)


def test_all_is_well(healthy: AdAccount):
    assert attention(ad_accounts=EVERYONE, now=NOW, names_people=True) == []


def test_failures_since_the_last_success_are_counted(healthy: AdAccount):
    failed(healthy, started_at=NOW - 5 * HOUR, errors="before the success")
    assert kinds(now=LATER) == []
    failed(healthy, started_at=NOW + HOUR, errors="first")
    newest = failed(healthy, started_at=NOW + 2 * HOUR, errors="LinkedIn is away; try later.\nmore")
    [one] = attention(ad_accounts=EVERYONE, now=LATER, names_people=True)
    assert (one.severity, one.ad_account_id, one.run_id, one.count) == (Severity.CRITICAL, healthy.pk, newest.pk, 2)
    assert one.sentence == "The sync of Healthy failed 2 times since its last success. LinkedIn is away; try later."
    make_sync_run(account=healthy, started_at=NOW + 3 * HOUR, status="partial", errors=None)
    [one] = attention(ad_accounts=EVERYONE, now=LATER, names_people=True)
    assert (one.severity, one.sentence) == (
        Severity.WARNING, "The sync of Healthy was incomplete 3 times since its last success.",
    )  # fmt: skip
    make_sync_run(account=healthy, started_at=NOW + 4 * HOUR)
    assert kinds(now=LATER) == []


@pytest.mark.parametrize(
    ("days_left", "expected"),
    [
        (61, []),
        (60, [("consent_ending", Severity.NOTICE)]),
        (30, [("consent_ending", Severity.WARNING)]),
        (7, [("consent_ending", Severity.CRITICAL)]),
        (1, [("consent_ending", Severity.CRITICAL)]),
        (0, [("consent_lost", Severity.CRITICAL), ("no_connection", Severity.CRITICAL)]),
    ],
)
def test_a_consent_that_ends(healthy: AdAccount, days_left: int, expected: Any):
    role = healthy.linkedin_roles.get()
    connection_ = role.connection
    connection_.access_token_expires_at = connection_.refresh_token_expires_at = NOW + timedelta(days=days_left)
    connection_.save()
    assert kinds() == expected
    for one in attention(ad_accounts=EVERYONE, now=NOW, names_people=True):
        assert connection_.pk == one.connection_id or one.kind == "no_connection"


@pytest.mark.parametrize(
    ("ends", "is_read"),
    [
        ({"access_token_expires_at": NOW, "refresh_token_expires_at": NOW + HOUR}, True),
        ({"access_token_expires_at": NOW + HOUR, "refresh_token_expires_at": NOW}, True),
        ({"access_token_expires_at": NOW + HOUR, "refresh_token": None}, True),
        ({"access_token_expires_at": NOW, "refresh_token": None}, False),
        ({"access_token_expires_at": NOW, "refresh_token_expires_at": NOW}, False),
    ],
)
@pytest.mark.django_db
def test_an_ad_account_is_read_exactly_while_a_sync_could_use_a_connection(ends: dict[str, Any], is_read: bool):
    ad_account = make_ad_account(name="Read once")
    make_sync_run(account=ad_account)
    connection_ = make_connection(**ends)
    make_role(ad_account=ad_account, connection=connection_)
    found = attention(ad_accounts=EVERYONE, now=NOW, names_people=True)
    assert ("no_connection" in {one.kind for one in found}) is not is_read
    [state] = connections_of(ad_accounts=EVERYONE, now=NOW)
    assert (state.state, state.days_left) == (("expiring", 1) if is_read else ("needs_consent", None))
    assert ("consent_lost" in {one.kind for one in found}) is not is_read


def test_a_consent_that_linkedin_refuses_names_its_remedy(healthy: AdAccount):
    make_role(ad_account=healthy, connection=make_connection(state="needs_consent", trouble="Connect LinkedIn again."))
    [one] = attention(ad_accounts=EVERYONE, now=NOW, names_people=True)
    assert (one.kind, one.sentence) == ("consent_lost", "Connect LinkedIn again.")


def test_a_consent_ended_by_a_person_matters_only_where_none_is_left(healthy: AdAccount):
    other = make_ad_account(name="Left alone")
    make_sync_run(account=other)
    ended = make_connection(state="revoked", access_token=None, refresh_token=None)
    for ad_account in (healthy, other):
        make_role(ad_account=ad_account, connection=ended)
    [one] = attention(ad_accounts=EVERYONE, now=NOW, names_people=True)
    assert (one.kind, one.ad_account_id) == ("no_connection", other.pk)
    assert one.sentence == "No LinkedIn consent covers Left alone; somebody with a role on it must connect LinkedIn."


def test_a_lost_role_reads_nothing(healthy: AdAccount):
    healthy.linkedin_roles.update(lost_at=NOW)
    assert kinds() == [("no_connection", Severity.CRITICAL)]


def test_rejected_records_of_the_last_run_only(healthy: AdAccount):
    make_sync_run(account=healthy, started_at=NOW - 9 * HOUR, rows_rejected=5)
    assert kinds() == []
    run = make_sync_run(account=healthy, started_at=NOW + HOUR, rows_rejected=2)
    [one] = attention(ad_accounts=EVERYONE, now=LATER, names_people=True)
    assert (one.kind, one.run_id, one.count) == ("rejected_records", run.pk, 2)
    assert one.sentence.startswith("The last sync of Healthy rejected 2 records")


@pytest.mark.parametrize("status", ["success", "failed", "partial"])
def test_a_skipped_request_is_nobody_s_last_sync(healthy: AdAccount, status: str):
    """Whatever lists or counts syncs is as if it had not been made, but for the list of runs itself."""
    make_sync_run(account=healthy, status=status, started_at=NOW - timedelta(seconds=30), rows_rejected=2)
    schedule_syncs([healthy.pk], now=NOW)

    def seen() -> list[Any]:
        return [
            attention(ad_accounts=EVERYONE, now=NOW, names_people=True),
            data_as_of(ad_accounts=EVERYONE),
            expected_syncs([healthy.pk], now=NOW),
            freshness(healthy.pk, now=NOW),
            [(one.last_status, one.last_errors) for one in sync_status.state(now=NOW).ad_accounts],
            operations.data_ages(NOW),
            operations.sync_day(NOW).seconds,
            check_overview(EVERYONE),
            days_due(healthy.pk, now=NOW),
        ]

    before = seen()
    make_sync_run(account=healthy, status="skipped", started_at=NOW, first_day=None, last_day=None, reason="fresh")
    assert seen() == before


def test_incomplete_days_missing_and_never_synced_most_severe_first(healthy: AdAccount):
    for day in (3, 4):
        incomplete(healthy, date(2026, 11, day))
    gone = make_ad_account(name="Gone", missing_since=NOW)
    make_role(ad_account=gone)
    found = attention(ad_accounts=EVERYONE, now=NOW, names_people=True)
    assert [(one.kind, one.ad_account_id, one.count) for one in found] == [
        ("missing_at_linkedin", gone.pk, 1),
        ("incomplete_days", healthy.pk, 2),
        ("never_synced", gone.pk, 1),
    ]
    assert "2 days of Healthy do not match LinkedIn's totals, starting 2026-11-03" in found[1].sentence


def test_only_what_the_asker_may_see(bob, charlie, bobs_ad_account, healthy: AdAccount):
    foreign = make_ad_account(missing_since=NOW)
    failed(foreign)
    incomplete(foreign, date(2026, 11, 1))
    make_role(ad_account=foreign, connection=make_connection(state="needs_consent"))
    make_role(ad_account=bobs_ad_account)
    mine = visible_ad_accounts(bob)
    assert [one.ad_account_id for one in data_as_of(ad_accounts=mine)] == [bobs_ad_account.pk]
    assert kinds(ad_accounts=mine) == [("never_synced", Severity.NOTICE)]
    assert len(connections_of(ad_accounts=mine, now=NOW)) == 1
    assert len(connections_of(ad_accounts=EVERYONE, now=NOW)) == 3
    nothing = visible_ad_accounts(charlie)
    assert (
        attention(ad_accounts=nothing, now=NOW, names_people=True) == connections_of(ad_accounts=nothing, now=NOW) == []
    )


@pytest.mark.django_db
def test_attention_asks_as_often_for_many_ad_accounts_as_for_one():
    def statements() -> int:
        with CaptureQueriesContext(connection) as captured:
            attention(ad_accounts=EVERYONE, now=NOW, names_people=True)
            with_next_sync(ad_accounts=EVERYONE, now=NOW)
        return len(captured)

    failed(make_ad_account())
    few = statements()
    for _ in range(5):
        make_role(ad_account=failed(make_ad_account(), rows_rejected=1).account)
    assert statements() == few


# --- spend lately ---


@pytest.mark.django_db
@pytest.mark.parametrize("days_ago", [1, 12, 30, 36, 50, 65])
def test_spend_says_nothing_about_a_day_that_is_missing(days_ago: int):
    today = date(2026, 11, 20)
    campaign = make_campaign()
    for number in range(1, 66):
        make_campaign_day(campaign=campaign, date=today - timedelta(days=number), spend=Decimal(2))
    gap = today - timedelta(days=days_ago)
    CampaignDailyMetric.objects.filter(date=gap).delete()
    for first_day, last_day in (
        (today - timedelta(days=90), gap - timedelta(days=1)),
        (gap + timedelta(days=1), today),
    ):
        if first_day <= last_day:
            make_covered_days(account=campaign.account_id or 0, first_day=first_day, last_day=last_day, asked_at=NOW)
    [spend] = overview_spend(ad_accounts=EVERYONE, today=today)
    assert spend.change_percent is None
    assert spend.days.count(None) == (days_ago <= 30)
    assert (spend.coverage.is_whole, spend.compared_coverage.is_whole) == (days_ago > 30, days_ago <= 30)


@pytest.mark.django_db
def test_spend_before_the_first_sync_is_unknown():
    today = date(2026, 11, 20)
    campaign = make_campaign()
    make_campaign_day(campaign=campaign, date=today - timedelta(days=1))
    make_covered_days(
        account=campaign.account_id or 0, first_day=today - timedelta(days=30), last_day=today, asked_at=NOW
    )
    [spend] = overview_spend(ad_accounts=EVERYONE, today=today)
    assert (spend.spend, spend.before, spend.change_percent) == (50, None, None)


@pytest.mark.django_db
def test_spend_of_thirty_days_beside_the_same_weekdays_before():
    today = date(2026, 11, 20)
    euros = make_campaign(account=make_ad_account())
    for days_ago, spend in ((0, 1000), (1, 30), (30, 60), (31, 1000), (35, 1000), (36, 20), (65, 40), (66, 1000)):
        make_campaign_day(campaign=euros, date=today - timedelta(days=days_ago), spend=Decimal(spend))
    dollars = make_campaign(account=make_ad_account(currency="USD"))
    make_campaign_day(campaign=dollars, date=today - timedelta(days=2), spend=Decimal(7))
    between = make_campaign(account=make_ad_account(currency="SEK"))
    make_campaign_day(campaign=between, date=today - timedelta(days=33), spend=Decimal(7))
    cover_every_ad_account()
    found = overview_spend(ad_accounts=EVERYONE, today=today)
    assert found[0].compared_with == Period(date(2026, 9, 16), date(2026, 10, 15))
    assert [(one.currency, one.spend, one.before, one.change_percent) for one in found] == [
        ("EUR", 90, 60, 50),
        ("USD", 7, 0, None),
    ]
    assert [len(one.days) for one in found] == [30, 30]
    assert (found[0].days[0], found[0].days[-1]) == (60, 30)
    assert sum(day or 0 for day in found[1].days) == 7
    assert overview_spend(ad_accounts=AdAccount.objects.none(), today=today) == []
