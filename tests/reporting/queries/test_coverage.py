"""What figures rest on: days that are stored, for every ad account, after they were over."""

from datetime import date, datetime, time, timedelta

import pytest

from accounts.models import AdAccount
from ingestion.models import CoveredDays, IncompleteDay
from ingestion.sync import coverage as stored_coverage
from reporting.api.coverage import complete_through
from reporting.periods import Period
from reporting.queries.coverage import SelectionCoverage, selection_coverage
from reporting.queries.data_as_of import selection_as_of
from tests.builders import NOW, make_ad_account, make_campaign, make_covered_days, make_creative

pytestmark = pytest.mark.django_db

TODAY = NOW.date()
PERIOD = Period(TODAY - timedelta(days=10), TODAY - timedelta(days=1))
FIRST, LAST = PERIOD.first_day, PERIOD.last_day
DAY = timedelta(days=1)


def found(**options: object) -> SelectionCoverage:
    return selection_coverage(ad_accounts=AdAccount.objects.all(), period=PERIOD, **options)  # type: ignore[arg-type]


def covered(ad_account: AdAccount, first_day: date = FIRST, last_day: date = TODAY, **changes: datetime) -> None:
    make_covered_days(account=ad_account, first_day=first_day, last_day=last_day, **changes)


def test_a_period_that_is_stored_is_whole_and_complete() -> None:
    covered(make_ad_account(), FIRST - 5 * DAY)
    one = found().together
    assert (one.fetched, one.stored, one.complete) == (((FIRST, LAST),),) * 3
    assert (one.is_whole, one.is_complete, one.missing) == (True, True, ())
    assert (one.stored_since, one.complete_through) == (FIRST - 5 * DAY, LAST)


@pytest.mark.parametrize("gap", [FIRST, FIRST + 4 * DAY, LAST])
def test_one_day_that_was_never_fetched_is_missing(gap: date) -> None:
    ad_account = make_ad_account()
    for first, last in ((FIRST - 5 * DAY, gap - DAY), (gap + DAY, TODAY)):
        covered(ad_account, first, last)
    one = found().together
    assert not one.is_whole
    assert not one.is_whole_so_far
    assert not one.is_complete
    assert one.missing == ((gap, gap),)
    assert not one.has_fetched(gap, gap)
    assert one.has_stored(gap - DAY, gap - DAY) is (gap > FIRST)


def test_a_day_that_was_fetched_while_it_was_under_way_is_not_stored() -> None:
    covered(make_ad_account(), last_day=LAST, asked_at=datetime.combine(LAST, time(23), NOW.tzinfo))
    one = found().together
    assert (one.fetched, one.missing) == (((FIRST, LAST),), ((LAST, LAST),))
    assert (one.is_whole, one.is_whole_so_far) == (False, True)


@pytest.mark.parametrize("dataset", [stored_coverage.CAMPAIGN_DAYS, stored_coverage.CREATIVE_DAYS])
def test_a_day_must_be_in_both_tables_and_whole(dataset: stored_coverage.Dataset) -> None:
    ad_account = make_ad_account()
    covered(ad_account)
    stored_coverage.record(dataset, (FIRST, FIRST), ad_account_id=ad_account.pk, asked_at=NOW, is_whole=False)
    one = found().together
    assert (one.has_fetched(FIRST, FIRST), one.missing) == (True, ((FIRST, FIRST),))


def test_a_day_that_does_not_match_is_stored_and_not_complete() -> None:
    ad_account = make_ad_account()
    covered(ad_account)
    day = FIRST + 3 * DAY
    IncompleteDay.objects.create(
        account=ad_account, date=day, state="differs", differences={}, first_seen_at=NOW, checked_at=NOW
    )
    one = found().together
    assert (one.is_whole, one.is_complete, one.complete_through) == (True, False, day - DAY)
    assert one.complete == ((FIRST, day - DAY), (day + DAY, LAST))


def test_a_day_of_which_nothing_is_stored_although_linkedin_counted_something_is_missing() -> None:
    ad_account = make_ad_account()
    covered(ad_account)
    day = FIRST + 3 * DAY
    IncompleteDay.objects.create(
        account=ad_account, date=day, state="missing", differences={}, first_seen_at=NOW, checked_at=NOW
    )
    one = found().together
    assert (one.is_whole, one.missing, one.has_fetched(day, day)) == (False, ((day, day),), False)


def test_nothing_is_complete_of_an_ad_account_that_was_never_checked() -> None:
    for ad_account in (make_ad_account(), make_ad_account()):
        covered(ad_account)
    CoveredDays.objects.filter(account=ad_account, data_table="incomplete_days").delete()
    one, as_of = found().together, selection_as_of(ad_accounts=AdAccount.objects.all())
    assert (one.is_whole, one.is_complete) == (True, False)
    assert as_of.complete_through is None
    assert complete_through(as_of, one) is None


def test_of_several_ad_accounts_a_day_counts_if_all_have_it() -> None:
    whole, young, never = make_ad_account(), make_ad_account(), make_ad_account()
    covered(whole)
    covered(young, FIRST + 2 * DAY)
    both = selection_coverage(ad_accounts=AdAccount.objects.exclude(pk=never.pk), period=PERIOD)
    assert both.together.stored == ((FIRST + 2 * DAY, LAST),)
    assert both.together.stored_since == FIRST + 2 * DAY
    assert both.lacking() == [young.pk]
    assert both.by_ad_account[whole.pk].is_whole
    everything = found()
    assert (everything.together.stored, everything.together.stored_since) == ((), None)


def test_only_the_ad_accounts_of_the_campaigns_or_creatives_count() -> None:
    whole, _never = make_ad_account(), make_ad_account()
    covered(whole)
    campaign = make_campaign(account=whole)
    creative = make_creative(campaign=campaign)
    assert found(campaign_ids=[campaign.pk]).together.is_whole
    assert found(creative_ids=[creative.pk]).together.is_whole
    assert not found().together.is_whole


def test_no_ad_account_covers_nothing() -> None:
    assert not found().together.is_whole
