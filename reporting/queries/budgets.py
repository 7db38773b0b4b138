"""Spend compared with budgets by campaign, and the distribution of spend."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import groupby

from django.db.models import QuerySet
from django.utils import timezone

from accounts.models import AdAccount
from accounts.shell import clock
from reporting.periods import Period
from reporting.queries.coverage import CoveredRows, SelectionCoverage, coverage_of
from reporting.queries.grouping import GroupBy, Row, Selection, fetch_all
from reporting.queries.money import Money, by_currency
from reporting.queries.performance import PerformanceRow, performance
from reporting.ratios import percent_of


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetUse:
    """One campaign's spend in the period compared with its budgets.

    LinkedIn may spend up to 50% more than the daily budget on one day and evens it out over the week, so
    `days_over_daily_budget` alone is no problem; more than 100% of the period is. Percentages are None without such a
    budget or an active day, if the budget's currency is not the ad account's, or where days are missing: `is_whole`
    says whether the period is stored so far, `is_stored_since_start` whether all days since the campaign began are,
    up to the newest. Figures of the period are None if it has no rows and was not fetched.
    """

    campaign_id: int
    name: str
    status: str | None
    ad_account_id: int
    spend: Money | None
    daily_budget: Money | None
    total_budget: Money | None
    days_active: int | None
    days_over_daily_budget: int | None
    spent_in_all_stored_days: Money | None
    first_day: date
    last_day: date
    is_whole: bool
    is_stored_since_start: bool

    @property
    def daily_budget_of_active_days(self) -> Money | None:
        """The daily budget times the days on which the campaign ran."""
        if self.daily_budget is None or self.days_active is None:
            return None
        return Money(self.daily_budget.amount * self.days_active, self.daily_budget.currency)

    @property
    def daily_used_percent(self) -> Decimal | None:
        """Spend in the period as a share of the daily budget of its active days."""
        return _used_percent(self.spend, self.daily_budget_of_active_days) if self.is_whole else None

    @property
    def total_used_percent(self) -> Decimal | None:
        """Spend on all stored days, not only the period's, as a share of the total budget."""
        if not self.is_stored_since_start:
            return None
        return _used_percent(self.spent_in_all_stored_days, self.total_budget)

    @property
    def is_overspent(self) -> bool:
        """More than a budget; days that are missing cannot bring the spend of all days below what is stored."""
        of_total = _used_percent(self.spent_in_all_stored_days, self.total_budget)
        return any(percent is not None and percent > 100 for percent in (self.daily_used_percent, of_total))


@dataclass(frozen=True, slots=True)
class SpendShare:
    """One share of the spend in one currency; the rest has no key."""

    key: str
    label: str
    spend: Money
    share_percent: Decimal | None


@dataclass(frozen=True, slots=True)
class SpendDistribution:
    """The spend in one currency: the largest shares, then the rest combined.

    Shares are None unless all days of the currency's ad accounts are stored.
    """

    total: Money
    parts: tuple[SpendShare, ...]


# Lifetime spend is read only where a total budget needs it, since it reads all days of the campaign.
_BUDGETS = """
SELECT campaign.id, coalesce(campaign.name, campaign.id::text), campaign.status, ad_account.id, ad_account.currency,
       campaign.daily_budget, campaign.daily_budget_currency, campaign.total_budget, campaign.total_budget_currency,
       spent.spend, spent.days_active, spent.days_over,
       CASE WHEN campaign.total_budget IS NOT NULL THEN
           (SELECT sum(day.spend) FROM campaign_daily_metrics AS day WHERE day.campaign_id = campaign.id)
       END,
       CASE WHEN campaign.total_budget IS NOT NULL THEN
           (SELECT range_agg(daterange(first_day, last_day, '[]')) FILTER (WHERE is_whole) @> daterange(
                (coalesce(campaign.run_schedule_start_at, campaign.created_at) AT TIME ZONE 'UTC')::date,
                greatest((coalesce(campaign.run_schedule_start_at, campaign.created_at) AT TIME ZONE 'UTC')::date,
                         max(last_day) + 1)
            )
            FROM covered_days
            WHERE account_id = ad_account.id AND data_table = 'campaign_daily_metrics' AND pivot_type = ''
              AND asked_at <= %(latest)s)
       END
FROM campaigns AS campaign
JOIN ad_accounts AS ad_account ON ad_account.id = campaign.account_id
LEFT JOIN LATERAL (
    SELECT sum(day.spend) AS spend,
           count(*) FILTER (WHERE day.impressions > 0 OR day.spend > 0) AS days_active,
           count(*) FILTER (WHERE day.spend > campaign.daily_budget
                              AND campaign.daily_budget_currency = ad_account.currency) AS days_over
    FROM campaign_daily_metrics AS day
    WHERE day.campaign_id = campaign.id AND day.date BETWEEN %(first_day)s AND %(last_day)s
) AS spent ON true
WHERE campaign.account_id = ANY(%(ad_account_ids)s)
  AND (spent.days_active > 0 OR (campaign.status = 'ACTIVE' AND campaign.missing_since IS NULL))
  AND (%(campaign_ids)s::bigint[] IS NULL OR campaign.id = ANY(%(campaign_ids)s))
ORDER BY spent.spend DESC NULLS LAST, campaign.id
LIMIT %(limit)s
"""


def budget_use(
    *,
    ad_accounts: QuerySet[AdAccount],
    period: Period,
    campaign_ids: Collection[int] | None = None,
    limit: int | None = None,
) -> CoveredRows[BudgetUse]:
    """Campaigns that ran in the period or are active now, highest spend first."""
    selection = Selection(ad_accounts, period, campaign_ids)
    coverage = coverage_of(selection)
    params = selection.source().params
    params |= {"campaign_ids": None if campaign_ids is None else list(campaign_ids), "limit": limit}
    params["latest"] = clock.latest(timezone.now())
    return CoveredRows([_budget_use(row, coverage) for row in fetch_all(_BUDGETS, params)], coverage)


def spend_distribution(
    *,
    ad_accounts: QuerySet[AdAccount],
    period: Period,
    group_by: GroupBy | str = GroupBy.CAMPAIGN,
    campaign_ids: Collection[int] | None = None,
    top: int = 7,
) -> CoveredRows[SpendDistribution]:
    """The `top` largest shares in each currency and the rest; none for a currency without spend."""
    rows = performance(
        ad_accounts=ad_accounts, period=period, group_by=group_by, campaign_ids=campaign_ids, order_by="spend"
    )
    spent = sorted((row for row in rows if row.value("spend")), key=lambda row: by_currency(row.currency))
    return CoveredRows(
        [
            _distribution(currency, list(group), top, is_known=rows.coverage.of_currency(currency).is_whole_so_far)
            for currency, group in groupby(spent, key=lambda row: row.currency)
        ],
        rows.coverage,
    )


def _budget_use(row: Row, coverage: SelectionCoverage) -> BudgetUse:
    campaign_id, name, status, ad_account_id, currency, daily, daily_currency, total, total_currency, *spent = row
    spend, days_active, days_over, in_all_days, is_stored_since_start = spent
    period, covered = coverage.period, coverage.of_ad_account(ad_account_id)
    if spend is None:
        is_known = covered.has_fetched(period.first_day, period.last_day)
        spend, days_active, days_over = (Decimal(0), 0, 0) if is_known else (None, None, None)
    return BudgetUse(
        campaign_id=campaign_id,
        name=name,
        status=status,
        ad_account_id=ad_account_id,
        spend=None if spend is None else Money(spend, currency),
        daily_budget=None if daily is None else Money(daily, daily_currency),
        total_budget=None if total is None else Money(total, total_currency),
        days_active=days_active,
        days_over_daily_budget=days_over,
        spent_in_all_stored_days=None if in_all_days is None else Money(in_all_days, currency),
        first_day=period.first_day,
        last_day=period.last_day,
        is_whole=covered.is_whole_so_far,
        is_stored_since_start=bool(is_stored_since_start),
    )


def _used_percent(spent: Money | None, budget: Money | None) -> Decimal | None:
    if spent is None or budget is None or spent.currency != budget.currency:
        return None
    return percent_of(spent.amount, budget.amount)


def _distribution(currency: str | None, rows: list[PerformanceRow], top: int, *, is_known: bool) -> SpendDistribution:
    """Rows in one currency, highest spend first."""
    total = sum((row.total("spend") for row in rows), Decimal(0))

    def part(key: str, label: str, spend: Decimal) -> SpendShare:
        return SpendShare(key, label, Money(spend, currency), percent_of(spend, total) if is_known else None)

    parts = [part(row.key, row.label, row.total("spend")) for row in rows[:top]]
    rest = rows[top:]
    if rest:
        parts.append(part("", f"{len(rest)} more", sum((row.total("spend") for row in rest), Decimal(0))))
    return SpendDistribution(Money(total, currency), tuple(parts))
