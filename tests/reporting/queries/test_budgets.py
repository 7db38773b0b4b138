"""Money planned against money spent, and where it went."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from accounts.access import visible_ad_accounts
from accounts.models import AdAccount
from reporting.periods import Period
from reporting.queries.budgets import BudgetUse, budget_use, spend_distribution
from reporting.queries.money import Money
from tests.builders import (
    NOW,
    cover_every_ad_account,
    make_ad_account,
    make_campaign,
    make_campaign_day,
    make_covered_days,
)

EVERYONE = AdAccount.objects.all()
FIRST_DAY = date(2026, 11, 1)
TEN_DAYS = Period(FIRST_DAY, FIRST_DAY + timedelta(days=9))


def spent(campaign: Any, *amounts: int, first_day: date = FIRST_DAY) -> None:
    """One day after the other."""
    for number, amount in enumerate(amounts):
        make_campaign_day(campaign=campaign, date=first_day + timedelta(days=number), spend=Decimal(amount))


def only(**options: Any) -> BudgetUse:
    cover_every_ad_account()
    [found] = budget_use(ad_accounts=EVERYONE, period=TEN_DAYS, **options)
    return found


@pytest.mark.django_db
def test_spend_against_the_daily_budget_of_active_days():
    spent(make_campaign(daily_budget=Decimal(50)), 40, 70, 60)
    found = only()
    assert (found.spend, found.days_active) == (Money(Decimal(170), "EUR"), 3)
    assert found.daily_budget_of_active_days == Money(Decimal(150), "EUR")
    assert found.daily_used_percent == Decimal("113.333333")
    assert found.days_over_daily_budget == 2
    assert (found.is_overspent, found.total_budget, found.total_used_percent) == (True, None, None)


@pytest.mark.django_db
def test_a_total_budget_is_used_up_by_every_stored_day():
    campaign = make_campaign(
        daily_budget=None, daily_budget_currency=None, total_budget=Decimal(100), total_budget_currency="EUR",
        run_schedule_start_at=datetime(2026, 9, 1, tzinfo=UTC),
    )  # fmt: skip
    spent(campaign, 50, 10, first_day=FIRST_DAY - timedelta(days=60))
    spent(campaign, 20)
    found = only()
    assert (found.spend, found.spent_in_all_stored_days) == (Money(Decimal(20), "EUR"), Money(Decimal(80), "EUR"))
    assert (found.total_used_percent, found.daily_used_percent, found.is_overspent) == (80, None, False)
    spent(campaign, 30, first_day=FIRST_DAY + timedelta(days=1))
    assert (only().total_used_percent, only().is_overspent) == (110, True)


@pytest.mark.django_db
def test_a_budget_in_another_currency_is_not_compared():
    spent(make_campaign(daily_budget_currency="USD"), 500)
    found = only()
    assert (found.daily_used_percent, found.days_over_daily_budget, found.is_overspent) == (None, 0, False)
    assert found.daily_budget == Money(Decimal(50), "USD")


@pytest.mark.django_db
def test_campaigns_that_ran_and_campaigns_that_are_active():
    account = make_ad_account()
    archived = make_campaign(account=account, status="ARCHIVED")
    spent(archived, 5)
    idle = make_campaign(account=account)
    make_campaign(account=account, status="PAUSED")
    make_campaign(account=account, missing_since=NOW)
    cover_every_ad_account()
    found = budget_use(ad_accounts=EVERYONE, period=TEN_DAYS)
    assert [one.campaign_id for one in found] == [archived.pk, idle.pk]
    assert (found[1].days_active, found[1].daily_used_percent) == (0, None)
    assert found[1].spend == Money(Decimal(0), "EUR")
    assert only(limit=1).campaign_id == archived.pk
    assert only(campaign_ids=[idle.pk]).campaign_id == idle.pk
    assert not budget_use(ad_accounts=EVERYONE, period=TEN_DAYS, campaign_ids=[])


def test_only_what_the_asker_may_see(bob, charlie, bobs_ad_account):
    mine = make_campaign(account=bobs_ad_account)
    foreign = make_campaign()
    spent(mine, 1)
    spent(foreign, 100)
    [found] = budget_use(ad_accounts=visible_ad_accounts(bob), period=TEN_DAYS)
    assert found.campaign_id == mine.pk
    [distribution] = spend_distribution(ad_accounts=visible_ad_accounts(bob), period=TEN_DAYS)
    assert distribution.total.amount == 1
    assert not budget_use(ad_accounts=visible_ad_accounts(charlie), period=TEN_DAYS)
    assert not spend_distribution(ad_accounts=visible_ad_accounts(charlie), period=TEN_DAYS)


@pytest.mark.django_db
def test_the_largest_parts_and_the_rest_by_currency():
    euros, dollars = make_ad_account(), make_ad_account(currency="USD")
    for number in range(1, 11):
        spent(make_campaign(account=euros, name=f"e{number}"), number)
    spent(make_campaign(account=dollars, name="d"), 8)
    spent(make_campaign(account=dollars, name="free"), 0)
    cover_every_ad_account()
    found = spend_distribution(ad_accounts=EVERYONE, period=TEN_DAYS)
    assert [one.total for one in found] == [Money(Decimal(55), "EUR"), Money(Decimal(8), "USD")]
    assert [part.label for part in found[0].parts] == ["e10", "e9", "e8", "e7", "e6", "e5", "e4", "3 more"]
    assert found[0].parts[-1].spend == Money(Decimal(6), "EUR")
    assert found[0].parts[0].share_percent == Decimal("18.181818")
    assert sum(part.spend.amount for part in found[0].parts) == 55
    assert [(part.label, part.share_percent) for part in found[1].parts] == [("d", 100)]


# --- what figures rest on ---

GAPS = {"first": FIRST_DAY, "middle": FIRST_DAY + timedelta(days=4), "last": TEN_DAYS.last_day}


def leave_out(account: Any, day: date) -> None:
    """Every day from September to November is stored but this one."""
    asked_at = datetime(2026, 12, 1, tzinfo=UTC)
    for first_day, last_day in (
        (date(2026, 9, 1), day - timedelta(days=1)),
        (day + timedelta(days=1), date(2026, 11, 30)),
    ):
        make_covered_days(account=account, first_day=first_day, last_day=last_day, asked_at=asked_at)


@pytest.mark.django_db
@pytest.mark.parametrize("gap", GAPS)
def test_there_is_no_share_of_days_of_which_one_is_missing(gap: str):
    campaign = make_campaign(
        total_budget=Decimal(100), total_budget_currency="EUR", run_schedule_start_at=datetime(2026, 9, 1, tzinfo=UTC)
    )
    spent(campaign, *(10 for _ in TEN_DAYS.each_day()))
    leave_out(campaign.account, GAPS[gap])
    [found] = budget_use(ad_accounts=EVERYONE, period=TEN_DAYS)
    assert (found.daily_used_percent, found.total_used_percent, found.is_overspent) == (None, None, False)
    assert (found.is_whole, found.is_stored_since_start) == (False, False)
    [distribution] = spend_distribution(ad_accounts=EVERYONE, period=TEN_DAYS)
    assert [part.share_percent for part in distribution.parts] == [None]
    make_campaign_day(campaign=campaign, date=date(2026, 11, 20), spend=Decimal(5))
    [found] = budget_use(ad_accounts=EVERYONE, period=TEN_DAYS)
    assert found.is_overspent, "what is missing cannot make it less"


@pytest.mark.django_db
def test_a_campaign_without_rows_has_spent_nothing_only_if_every_day_was_fetched():
    campaign = make_campaign()
    leave_out(campaign.account, FIRST_DAY)
    [found] = budget_use(ad_accounts=EVERYONE, period=TEN_DAYS)
    assert (found.spend, found.days_active, found.days_over_daily_budget) == (None, None, None)
    later = Period(FIRST_DAY + timedelta(days=1), TEN_DAYS.last_day)
    [found] = budget_use(ad_accounts=EVERYONE, period=later)
    assert (found.spend, found.days_active, found.days_over_daily_budget) == (Money(Decimal(0), "EUR"), 0, 0)


@pytest.mark.django_db
def test_a_lifetime_budget_counts_from_the_day_that_the_campaign_began():
    """Days before it have no spend, so it makes no difference whether they were fetched."""
    campaign = make_campaign(
        total_budget=Decimal(100), total_budget_currency="EUR", created_at=datetime(2026, 11, 2, tzinfo=UTC)
    )
    spent(campaign, 0, 40)
    leave_out(campaign.account, FIRST_DAY)
    [found] = budget_use(ad_accounts=EVERYONE, period=TEN_DAYS)
    assert (found.total_used_percent, found.daily_used_percent) == (40, None)
    campaign.created_at = None
    campaign.save()
    [found] = budget_use(ad_accounts=EVERYONE, period=TEN_DAYS)
    assert found.total_used_percent is None
