"""Money planned against money spent, and where it went."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from accounts.access import visible_ad_accounts
from accounts.models import AdAccount
from reporting.periods import Period
from reporting.queries.budgets import BudgetUse, budget_use, spend_distribution
from reporting.queries.money import Money
from tests.builders import NOW, make_ad_account, make_campaign, make_campaign_day

EVERYONE = AdAccount.objects.all()
FIRST_DAY = date(2026, 11, 1)
TEN_DAYS = Period(FIRST_DAY, FIRST_DAY + timedelta(days=9))


def spent(campaign: Any, *amounts: int, first_day: date = FIRST_DAY) -> None:
    """One day after the other."""
    for number, amount in enumerate(amounts):
        make_campaign_day(campaign=campaign, date=first_day + timedelta(days=number), spend=Decimal(amount))


def only(**options: Any) -> BudgetUse:
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
        daily_budget=None, daily_budget_currency=None, total_budget=Decimal(100), total_budget_currency="EUR"
    )
    spent(campaign, 50, 10, first_day=FIRST_DAY - timedelta(days=60))
    spent(campaign, 20)
    found = only()
    assert (found.spend.amount, found.spent_in_all_stored_days) == (20, Money(Decimal(80), "EUR"))
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
    found = budget_use(ad_accounts=EVERYONE, period=TEN_DAYS)
    assert [one.campaign_id for one in found] == [archived.pk, idle.pk]
    assert (found[1].days_active, found[1].daily_used_percent, found[1].spend.amount) == (0, None, 0)
    assert only(limit=1).campaign_id == archived.pk
    assert only(campaign_ids=[idle.pk]).campaign_id == idle.pk
    assert budget_use(ad_accounts=EVERYONE, period=TEN_DAYS, campaign_ids=[]) == []


def test_only_what_the_asker_may_see(bob, charlie, bobs_ad_account):
    mine = make_campaign(account=bobs_ad_account)
    foreign = make_campaign()
    spent(mine, 1)
    spent(foreign, 100)
    [found] = budget_use(ad_accounts=visible_ad_accounts(bob), period=TEN_DAYS)
    assert found.campaign_id == mine.pk
    [distribution] = spend_distribution(ad_accounts=visible_ad_accounts(bob), period=TEN_DAYS)
    assert distribution.total.amount == 1
    assert budget_use(ad_accounts=visible_ad_accounts(charlie), period=TEN_DAYS) == []
    assert spend_distribution(ad_accounts=visible_ad_accounts(charlie), period=TEN_DAYS) == []


@pytest.mark.django_db
def test_the_largest_parts_and_the_rest_by_currency():
    euros, dollars = make_ad_account(), make_ad_account(currency="USD")
    for number in range(1, 11):
        spent(make_campaign(account=euros, name=f"e{number}"), number)
    spent(make_campaign(account=dollars, name="d"), 8)
    spent(make_campaign(account=dollars, name="free"), 0)
    found = spend_distribution(ad_accounts=EVERYONE, period=TEN_DAYS)
    assert [one.total for one in found] == [Money(Decimal(55), "EUR"), Money(Decimal(8), "USD")]
    assert [part.label for part in found[0].parts] == ["e10", "e9", "e8", "e7", "e6", "e5", "e4", "3 more"]
    assert found[0].parts[-1].spend == Money(Decimal(6), "EUR")
    assert found[0].parts[0].share_percent == Decimal("18.181818")
    assert sum(part.spend.amount for part in found[0].parts) == 55
    assert [(part.label, part.share_percent) for part in found[1].parts] == [("d", 100)]
