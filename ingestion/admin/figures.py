"""Counts and money: the metrics of campaigns and creatives, the demographics, the daily totals."""

from decimal import Decimal
from typing import Any

from django.contrib import admin

from accounts.admin.base import AdAccountFilter, EstimatingPaginator, FactAdmin
from accounts.models import AdAccount
from ingestion.models import AccountDailyTotal, AudienceDemographic, CampaignDailyMetric, CreativeDailyMetric

FIGURES = ["impressions", "clicks", "spent", "ctr_percent", "cost_per_click", "conversions", "leads"]
_SEGMENT_FIGURES = [name for name in FIGURES if name != "cost_per_click"]


def money(amount: Decimal | None, currency: str | None) -> str | None:
    """An amount beside its currency, or nothing; PostgreSQL's ten decimals mean nothing to people."""
    return None if amount is None else f"{amount:,.2f} {currency or ''}".rstrip()


class FiguresAdmin(FactAdmin):
    """Columns of tables that hold counts and money."""

    paginator = EstimatingPaginator

    def _ad_account(self, row: Any) -> AdAccount | None:
        raise NotImplementedError

    @admin.display(description="ad account")
    def ad_account(self, row: Any) -> str | None:
        ad_account = self._ad_account(row)
        return str(ad_account) if ad_account else None

    @admin.display(description="spend", ordering="spend")
    def spent(self, row: Any) -> str | None:
        return money(row.spend, self._currency(row))

    @admin.display(description="CPC", ordering="cpc")
    def cost_per_click(self, row: Any) -> str | None:
        return money(row.cpc, self._currency(row))

    @admin.display(description="CTR", ordering="ctr")
    def ctr_percent(self, row: Any) -> str:
        return f"{row.ctr:.2f} %"

    def _currency(self, row: Any) -> str | None:
        ad_account = self._ad_account(row)
        return ad_account.currency if ad_account else None


@admin.register(CampaignDailyMetric)
class CampaignDailyMetricAdmin(FiguresAdmin):
    ad_account_path = "campaign__account"
    list_display = ["date", "campaign", "ad_account", *FIGURES]
    list_filter = [AdAccountFilter]
    list_select_related = ["campaign__account"]
    search_fields = ["campaign__name", "campaign__id__exact"]
    date_hierarchy = "date"
    ordering = ["-date", "-id"]

    def _ad_account(self, row: CampaignDailyMetric) -> AdAccount | None:
        return row.campaign.account


@admin.register(CreativeDailyMetric)
class CreativeDailyMetricAdmin(FiguresAdmin):
    ad_account_path = "creative__account"
    list_display = ["date", "creative", "campaign", "ad_account", *FIGURES]
    list_filter = [AdAccountFilter]
    list_select_related = ["creative__campaign", "creative__account"]
    search_fields = ["creative__content_name", "creative__id"]
    date_hierarchy = "date"
    ordering = ["-date", "-id"]

    @admin.display(description="campaign")
    def campaign(self, row: CreativeDailyMetric) -> str | None:
        return str(row.creative.campaign) if row.creative.campaign else None

    def _ad_account(self, row: CreativeDailyMetric) -> AdAccount | None:
        return row.creative.account


@admin.register(AccountDailyTotal)
class AccountDailyTotalAdmin(FiguresAdmin):
    list_display = ["date", "account", *FIGURES]
    list_filter = [AdAccountFilter]
    list_select_related = ["account"]
    search_fields = ["account__name", "account__id__exact"]
    date_hierarchy = "date"
    ordering = ["-date", "-id"]

    def _ad_account(self, row: AccountDailyTotal) -> AdAccount | None:
        return row.account


@admin.register(AudienceDemographic)
class AudienceDemographicAdmin(FiguresAdmin):
    list_display = ["month", "pivot_type", "segment_label", "account", "share", *_SEGMENT_FIGURES]
    list_filter = [AdAccountFilter, "pivot_type"]
    list_select_related = ["account"]
    search_fields = ["segment_name", "segment"]
    date_hierarchy = "date_start"
    ordering = ["-date_start", "-id"]

    @admin.display(description="month", ordering="date_start")
    def month(self, row: AudienceDemographic) -> str:
        return f"{row.date_start:%Y-%m}"

    @admin.display(description="segment", ordering="segment_name")
    def segment_label(self, row: AudienceDemographic) -> str:
        return row.segment_name or row.segment

    @admin.display(description="share", ordering="share_pct")
    def share(self, row: AudienceDemographic) -> str:
        return f"{row.share_pct:.2f} %"

    def _ad_account(self, row: AudienceDemographic) -> AdAccount | None:
        return row.account
