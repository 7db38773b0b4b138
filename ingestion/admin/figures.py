"""Counts and money: the metrics of campaigns and creatives, the demographics, the daily totals."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from django.contrib import admin
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import F, Lookup, Model, Q, QuerySet
from django.db.models.sql.compiler import SQLCompiler
from django.http import HttpRequest
from django.utils.html import format_html

from accounts.admin.base import FactAdmin
from accounts.admin.filters import AdAccountFilter
from accounts.models import AdAccount
from accounts.shell.admin_base import Row
from accounts.shell.admin_columns import link
from accounts.shell.admin_filters import DaysFilter, RowFilter
from accounts.shell.linkedin_words import urn_name
from ingestion.models import (
    AccountDailyTotal,
    AudienceDemographic,
    CampaignDailyMetric,
    CreativeDailyMetric,
    UrnName,
)
from ingestion.sync.names import COMPANY_SIZES

if TYPE_CHECKING:
    from django.contrib.admin.options import _ListDisplayT
    from django.db.models.sql.compiler import _AsSqlType

FIGURES = ["impressions", "clicks", "spend", "ctr", "cpc", "conversions", "leads"]
_SEGMENT_FIGURES = [name for name in FIGURES if name != "cpc"]
# The parameters that leave few enough rows to be sorted.
_NARROWS_MUCH = ("q", "ad_account", "campaign__id__exact", "creative__campaign__id__exact", "creative__id__exact")
# A search that finds more than so many campaigns names them by a subquery.
_FEW = 10_000


class FiguresAdmin(FactAdmin[Row]):
    """Columns of tables that hold counts and money, by the million.

    `parent` is the foreign key to what the figures are of: the search looks there, and the keys that it finds narrow
    the figures by their index.
    """

    parent: ClassVar[str] = "account"
    nothing_yet = (
        "Figures appear with the first sync of an ad account, for days on which anything happened; start one on the"
        " Sync page. Viewers see the ad accounts granted to them."
    )
    ordering = ["-date", "-id"]

    def ad_account_of(self, row: Row) -> AdAccount | None:
        raise NotImplementedError

    def currency_of(self, row: Row, name: str) -> str | None:
        ad_account = self.ad_account_of(row)
        return ad_account.currency if ad_account else None

    @admin.display(description="ad account")
    def ad_account(self, row: Row) -> str | None:
        return link(self.ad_account_of(row))

    def get_sortable_by(self, request: HttpRequest) -> "_ListDisplayT[Row]":
        """Sorting millions of rows takes seconds: it is offered once the list is narrowed."""
        is_narrowed = any(request.GET.get(name) for name in _NARROWS_MUCH)
        return super().get_sortable_by(request) if is_narrowed else ()

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Row], search_term: str
    ) -> tuple[QuerySet[Row], bool]:
        if not search_term.strip():
            return queryset, False
        model: type[Model] = self.opts.get_field(self.parent).related_model  # type: ignore[assignment]
        parents = admin.site.get_model_admin(model)
        found, _ = parents.get_search_results(request, parents.get_queryset(request).order_by(), search_term)
        return queryset.filter(among(self.parent, found)), False

    def of_ad_account(self, rows: QuerySet[Row], ad_account_id: int) -> QuerySet[Row]:
        if self.parent == "account":
            return rows.filter(account=ad_account_id)
        model: type[Model] = self.opts.get_field(self.parent).related_model  # type: ignore[assignment]
        return rows.filter(among(self.parent, model._default_manager.filter(account=ad_account_id).order_by()))


class _IsAnyOf(Lookup):
    """`column = ANY(array)`: thousands of keys travel as one value, where `IN` would name each."""

    lookup_name = "is_any_of"
    prepare_rhs = False

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> "_AsSqlType":
        column, params = self.process_lhs(compiler, connection)
        return f"{column} = ANY(%s)", (*params, self.rhs)


def among(column: str, found: QuerySet[Model], *, also: Sequence[object] = ()) -> Q | _IsAnyOf:
    """The condition that a column holds one of these rows' keys, or one of the others.

    It names the keys themselves, which the planner knows more about, unless they are many.
    """
    keys = list(found.values_list("pk", flat=True)[: _FEW + 1])
    if len(keys) > _FEW:
        return Q(**{f"{column}__in": found.values("pk")}) | Q(**{f"{column}__in": also})
    return _IsAnyOf(F(column), [*keys, *also])


@admin.register(CampaignDailyMetric)
class CampaignDailyMetricAdmin(FiguresAdmin[CampaignDailyMetric]):
    ad_account_path = "campaign__account"
    parent = "campaign"
    list_display = ["date", "campaign", "ad_account", *FIGURES]
    list_filter = [AdAccountFilter, ("campaign", RowFilter), ("date", DaysFilter)]
    list_select_related = ["campaign__account"]
    search_fields = ["campaign__name"]
    search_help_text = "Campaign by name or ID"
    also_exported = {
        "currency": "campaign__account__currency",
        "campaign_name": "campaign__name",
        "account_id": "campaign__account_id",
        "account_name": "campaign__account__name",
    }

    def ad_account_of(self, row: CampaignDailyMetric) -> AdAccount | None:
        return row.campaign.account


@admin.register(CreativeDailyMetric)
class CreativeDailyMetricAdmin(FiguresAdmin[CreativeDailyMetric]):
    ad_account_path = "creative__account"
    parent = "creative"
    list_display = ["date", "creative", "campaign", "ad_account", *FIGURES]
    list_filter = [
        AdAccountFilter,
        ("creative__campaign", RowFilter),
        ("creative", RowFilter),
        ("date", DaysFilter),
    ]
    list_select_related = ["creative__campaign", "creative__account"]
    search_fields = ["creative__content_name"]
    search_help_text = "Creative by name or URN, or its campaign"
    also_exported = {
        "currency": "creative__account__currency",
        "creative_name": "creative__content_name",
        "campaign_id": "creative__campaign_id",
        "campaign_name": "creative__campaign__name",
        "account_id": "creative__account_id",
        "account_name": "creative__account__name",
    }

    @admin.display(description="campaign")
    def campaign(self, row: CreativeDailyMetric) -> str | None:
        return link(row.creative.campaign)

    def ad_account_of(self, row: CreativeDailyMetric) -> AdAccount | None:
        return row.creative.account


@admin.register(AccountDailyTotal)
class AccountDailyTotalAdmin(FiguresAdmin[AccountDailyTotal]):
    list_display = ["date", "account", *FIGURES]
    list_filter = [AdAccountFilter, ("date", DaysFilter)]
    list_select_related = ["account"]
    search_fields = ["account__name"]
    labels = {"account": "ad account"}
    also_exported = {"currency": "account__currency", "account_name": "account__name"}

    def ad_account_of(self, row: AccountDailyTotal) -> AdAccount | None:
        return row.account


@admin.register(AudienceDemographic)
class AudienceDemographicAdmin(FiguresAdmin[AudienceDemographic]):
    list_display = ["month", "pivot_type", "segment_label", "account", "share_pct", *_SEGMENT_FIGURES]
    list_filter = [AdAccountFilter, "pivot_type", ("date_start", DaysFilter)]
    list_select_related = ["account"]
    search_fields = ["segment_name"]
    search_help_text = "Segment by its name, or by its whole URN"
    ordering = ["-date_start", "-id"]
    labels = {
        "account": "ad account",
        "date_start": "first day of the month",
        "pivot_type": "by",
        "share_pct": "share of impressions",
    }
    also_exported = {"currency": "account__currency", "account_name": "account__name"}

    @admin.display(description="month", ordering="date_start")
    def month(self, row: AudienceDemographic) -> str:
        return format_html('<span class="nowrap">{}</span>', f"{row.date_start:%b %Y}")

    @admin.display(description="segment", ordering="segment_name")
    def segment_label(self, row: AudienceDemographic) -> str:
        return row.segment_name or urn_name(row.segment)

    def ad_account_of(self, row: AudienceDemographic) -> AdAccount | None:
        return row.account

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[AudienceDemographic], search_term: str
    ) -> tuple[QuerySet[AudienceDemographic], bool]:
        """By the names that LinkedIn ever gave: some thousands, where their months are a million rows."""
        if not search_term.strip():
            return queryset, False
        names = admin.site.get_model_admin(UrnName)
        found, _ = names.get_search_results(request, names.get_queryset(request).order_by(), search_term)
        words = search_term.lower().split()
        sizes = [
            size for size, name in COMPANY_SIZES.items() if all(word in f"{size} {name}".lower() for word in words)
        ]
        return queryset.filter(among("segment", found, also=[*sizes, search_term.strip()])), False
