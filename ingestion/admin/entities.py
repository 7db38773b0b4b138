"""Campaigns, creatives and the names of what LinkedIn calls by URN."""

from django.contrib import admin

from accounts.admin.base import AdAccountFilter, EstimatingPaginator, FactAdmin
from ingestion.admin.figures import money
from ingestion.models import Campaign, Creative, UrnName


@admin.register(Campaign)
class CampaignAdmin(FactAdmin):
    list_display = ["__str__", "account", "status", "objective", "type", "budget", "bid", "missing_since"]
    list_filter = [AdAccountFilter, "status", "objective", "type", "cost_type"]
    list_select_related = ["account"]
    search_fields = ["name", "id__exact", "account__name"]

    @admin.display(description="budget")
    def budget(self, campaign: Campaign) -> str | None:
        daily = money(campaign.daily_budget, campaign.daily_budget_currency)
        total = money(campaign.total_budget, campaign.total_budget_currency)
        parts = [daily and f"{daily} a day", total and f"{total} in all"]
        return ", ".join(part for part in parts if part) or None

    @admin.display(description="bid", ordering="unit_cost")
    def bid(self, campaign: Campaign) -> str | None:
        currency = campaign.account.currency if campaign.account else None
        amount = money(campaign.unit_cost, currency)
        return f"{amount} {campaign.cost_type or ''}".rstrip() if amount else campaign.cost_type


@admin.register(Creative)
class CreativeAdmin(FactAdmin):
    list_display = ["__str__", "campaign", "account", "intended_status", "is_serving", "review_status"]
    list_filter = [AdAccountFilter, "intended_status", "is_serving", "review_status"]
    list_select_related = ["campaign", "account"]
    search_fields = ["content_name", "id", "campaign__name"]


@admin.register(UrnName)
class UrnNameAdmin(FactAdmin):
    ad_account_path = None
    list_display = ["urn", "name", "looked_up_at"]
    search_fields = ["urn", "name"]
    ordering = ["urn"]
    paginator = EstimatingPaginator
