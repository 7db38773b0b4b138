"""Campaigns, creatives and the names of what LinkedIn calls by URN."""

from django.contrib import admin

from accounts.admin.base import FactAdmin
from accounts.admin.filters import AdAccountFilter
from accounts.shell.admin_filters import RowFilter
from ingestion.models import Campaign, Creative, UrnName

_AFTER_A_SYNC = "Rows appear with the first sync of an ad account; start one on the Sync page."


@admin.register(Campaign)
class CampaignAdmin(FactAdmin[Campaign]):
    list_display = [
        "__str__",
        "account",
        "status",
        "objective",
        "daily_budget",
        "total_budget",
        "unit_cost",
        "cost_type",
        "fetched_at",
        "missing_since",
    ]
    list_filter = [AdAccountFilter, "status", "objective", "type", "cost_type"]
    list_select_related = ["account"]
    search_fields = ["name", "id__exact", "account__name"]
    labels = {
        "account": "ad account",
        "daily_budget": "daily budget",
        "total_budget": "lifetime budget",
        "unit_cost": "bid",
        "campaign_group": "campaign group (LinkedIn's pages: campaign)",
        "fetched_at": "last change seen",
        "name": "campaign (LinkedIn's pages: ad set)",
    }
    list_note = "LinkedIn's own pages call these ad sets, and their campaign groups campaigns."
    also_exported = {"currency": "account__currency", "account_name": "account__name"}
    nothing_yet = _AFTER_A_SYNC

    def currency_of(self, row: Campaign, name: str) -> str | None:
        own = {"daily_budget": row.daily_budget_currency, "total_budget": row.total_budget_currency}
        return own.get(name) or (row.account.currency if row.account else None)


@admin.register(Creative)
class CreativeAdmin(FactAdmin[Creative]):
    list_display = [
        "__str__",
        "campaign",
        "account",
        "intended_status",
        "is_serving",
        "review_status",
        "fetched_at",
        "missing_since",
    ]
    list_filter = [AdAccountFilter, ("campaign", RowFilter), "intended_status", "is_serving", "review_status"]
    list_select_related = ["campaign", "account"]
    search_fields = ["content_name", "id", "campaign__name"]
    labels = {
        "account": "ad account",
        "content_name": "name",
        "fetched_at": "last change seen",
        "is_serving": "serving",
    }
    also_exported = {"campaign_name": "campaign__name", "account_name": "account__name"}
    nothing_yet = _AFTER_A_SYNC


@admin.register(UrnName)
class UrnNameAdmin(FactAdmin[UrnName]):
    ad_account_path = None
    list_display = ["urn", "name", "looked_up_at"]
    search_fields = ["urn", "name"]
    ordering = ["urn"]
    nothing_yet = "Names appear when a sync stores demographics whose segments LinkedIn names by URN."
