"""LinkedIn's facts and the sync runs in the admin, read-only; and the timetable in the same dress."""

import json
from decimal import Decimal
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django_celery_beat import admin as beat_admin
from django_celery_beat.models import (
    ClockedSchedule,
    CrontabSchedule,
    IntervalSchedule,
    PeriodicTask,
    SolarSchedule,
)
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from accounts import access
from accounts.admin import AdAccountFilter, EstimatingPaginator, FactAdmin, UnfoldAdmin
from accounts.models import AdAccount
from ingestion.models import (
    AccountDailyTotal,
    AudienceDemographic,
    Campaign,
    CampaignDailyMetric,
    Creative,
    CreativeDailyMetric,
    IncompleteDay,
    RejectedRecord,
    SyncedAdAccount,
    SyncLog,
    UrnName,
)
from ingestion.state import complete_through, with_sync_state

_FIGURES = ["impressions", "clicks", "spent", "ctr_percent", "cost_per_click", "conversions", "leads"]
_SEGMENT_FIGURES = [name for name in _FIGURES if name != "cost_per_click"]


def _money(amount: Decimal | None, currency: str | None) -> str | None:
    """An amount beside its currency, or nothing; PostgreSQL's ten decimals mean nothing to people."""
    return None if amount is None else f"{amount:,.2f} {currency or ''}".rstrip()


class _FiguresAdmin(FactAdmin):
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
        return _money(row.spend, self._currency(row))

    @admin.display(description="CPC", ordering="cpc")
    def cost_per_click(self, row: Any) -> str | None:
        return _money(row.cpc, self._currency(row))

    @admin.display(description="CTR", ordering="ctr")
    def ctr_percent(self, row: Any) -> str:
        return f"{row.ctr:.2f} %"

    def _currency(self, row: Any) -> str | None:
        ad_account = self._ad_account(row)
        return ad_account.currency if ad_account else None


@admin.register(Campaign)
class CampaignAdmin(FactAdmin):
    list_display = ["__str__", "account", "status", "objective", "type", "budget", "bid", "missing_since"]
    list_filter = [AdAccountFilter, "status", "objective", "type", "cost_type"]
    list_select_related = ["account"]
    search_fields = ["name", "id__exact", "account__name"]

    @admin.display(description="budget")
    def budget(self, campaign: Campaign) -> str | None:
        daily = _money(campaign.daily_budget, campaign.daily_budget_currency)
        total = _money(campaign.total_budget, campaign.total_budget_currency)
        parts = [daily and f"{daily} a day", total and f"{total} in all"]
        return ", ".join(part for part in parts if part) or None

    @admin.display(description="bid", ordering="unit_cost")
    def bid(self, campaign: Campaign) -> str | None:
        currency = campaign.account.currency if campaign.account else None
        amount = _money(campaign.unit_cost, currency)
        return f"{amount} {campaign.cost_type or ''}".rstrip() if amount else campaign.cost_type


@admin.register(Creative)
class CreativeAdmin(FactAdmin):
    list_display = ["__str__", "campaign", "account", "intended_status", "is_serving", "review_status"]
    list_filter = [AdAccountFilter, "intended_status", "is_serving", "review_status"]
    list_select_related = ["campaign", "account"]
    search_fields = ["content_name", "id", "campaign__name"]


@admin.register(CampaignDailyMetric)
class CampaignDailyMetricAdmin(_FiguresAdmin):
    ad_account_path = "campaign__account"
    list_display = ["date", "campaign", "ad_account", *_FIGURES]
    list_filter = [AdAccountFilter]
    list_select_related = ["campaign__account"]
    search_fields = ["campaign__name", "campaign__id__exact"]
    date_hierarchy = "date"
    ordering = ["-date", "-id"]

    def _ad_account(self, row: CampaignDailyMetric) -> AdAccount | None:
        return row.campaign.account


@admin.register(CreativeDailyMetric)
class CreativeDailyMetricAdmin(_FiguresAdmin):
    ad_account_path = "creative__account"
    list_display = ["date", "creative", "campaign", "ad_account", *_FIGURES]
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
class AccountDailyTotalAdmin(_FiguresAdmin):
    list_display = ["date", "account", *_FIGURES]
    list_filter = [AdAccountFilter]
    list_select_related = ["account"]
    search_fields = ["account__name", "account__id__exact"]
    date_hierarchy = "date"
    ordering = ["-date", "-id"]

    def _ad_account(self, row: AccountDailyTotal) -> AdAccount | None:
        return row.account


@admin.register(AudienceDemographic)
class AudienceDemographicAdmin(_FiguresAdmin):
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


@admin.register(SyncLog)
class SyncLogAdmin(FactAdmin):
    list_display = [
        "started_at",
        "ad_account",
        "status",
        "trigger",
        "duration",
        "rows_stored",
        "rows_rejected",
        "api_calls_made",
        "error_kind",
    ]
    list_filter = [AdAccountFilter, "status", "trigger", "error_kind"]
    list_select_related = ["account"]
    search_fields = ["account__name", "account__id__exact", "errors"]
    date_hierarchy = "started_at"
    ordering = ["-started_at", "-id"]
    paginator = EstimatingPaginator
    exclude = ["account"]
    readonly_fields = ["ad_account"]

    @admin.display(description="ad account", ordering="account__name")
    def ad_account(self, run: SyncLog) -> str:
        return str(run.account) if run.account else "all"

    @admin.display(description="took")
    def duration(self, run: SyncLog) -> str | None:
        if run.finished_at is None:
            return None
        return f"{(run.finished_at - run.started_at).total_seconds():.1f} s"

    def get_fields(self, request: HttpRequest, obj: SyncLog | None = None) -> list[Any]:
        rest = [name for name in super().get_fields(request, obj) if name != "ad_account"]
        return ["ad_account", *rest]


@admin.register(RejectedRecord)
class RejectedRecordAdmin(FactAdmin):
    list_display = ["created_at", "account", "endpoint", "reason"]
    list_filter = [AdAccountFilter, "endpoint"]
    list_select_related = ["account"]
    search_fields = ["endpoint", "reason"]
    ordering = ["-id"]
    paginator = EstimatingPaginator
    fields = ["created_at", "run", "account", "endpoint", "reason", "record"]
    readonly_fields = ["record"]

    @admin.display(description="as LinkedIn sent it")
    def record(self, rejected: RejectedRecord) -> SafeString:
        pretty = json.dumps(rejected.payload, indent=2, ensure_ascii=False)
        return format_html('<pre class="overflow-x-auto whitespace-pre-wrap">{}</pre>', pretty)


@admin.register(UrnName)
class UrnNameAdmin(FactAdmin):
    ad_account_path = None
    list_display = ["urn", "name", "looked_up_at"]
    search_fields = ["urn", "name"]
    ordering = ["urn"]
    paginator = EstimatingPaginator


@admin.register(SyncedAdAccount)
class SyncedAdAccountAdmin(FactAdmin):
    """How the syncs of each ad account stand: data as of, complete through, why the last one was skipped."""

    ad_account_path = "pk"
    list_display = ["name", "data_as_of", "complete", "incomplete", "last_status", "last_asked", "last_answer"]
    search_fields = ["name", "id__exact"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return with_sync_state(super().get_queryset(request))

    @admin.display(description="data as of", empty_value="never synced")
    def data_as_of(self, ad_account: Any) -> Any:
        return ad_account.data_as_of

    @admin.display(description="complete through")
    def complete(self, ad_account: Any) -> Any:
        return complete_through(ad_account)

    @admin.display(description="days that do not add up")
    def incomplete(self, ad_account: Any) -> Any:
        return ad_account.incomplete_day_count

    @admin.display(description="last sync")
    def last_status(self, ad_account: Any) -> Any:
        return ad_account.last_status

    @admin.display(description="last asked")
    def last_asked(self, ad_account: Any) -> Any:
        return ad_account.sync_gate.asked_at if hasattr(ad_account, "sync_gate") else None

    @admin.display(description="the gate's answer")
    def last_answer(self, ad_account: Any) -> Any:
        return ad_account.sync_gate.answer if hasattr(ad_account, "sync_gate") else None


@admin.register(IncompleteDay)
class IncompleteDayAdmin(FactAdmin):
    list_display = ["date", "account", "state", "shown_differences", "first_seen_at", "checked_at"]
    list_filter = [AdAccountFilter, "state"]
    list_select_related = ["account"]
    date_hierarchy = "date"

    @admin.display(description="our sum less LinkedIn's total")
    def shown_differences(self, day: IncompleteDay) -> str:
        return "; ".join(
            f"{table}: " + ", ".join(f"{name} {value:+,.10g}" for name, value in found.items())
            for table, found in day.differences.items()
        )


# --- The timetable: django-celery-beat registers plain admins when its module is imported, above ------------

for _model in (PeriodicTask, IntervalSchedule, CrontabSchedule, SolarSchedule, ClockedSchedule):
    admin.site.unregister(_model)


class _TimetableAdmin(UnfoldAdmin):
    """Seen and changed by those who may start syncs."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        return access.may_edit_timetable(request.user)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return access.may_edit_timetable(request.user)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return access.may_edit_timetable(request.user)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return access.may_edit_timetable(request.user)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return access.may_edit_timetable(request.user)


class TaskSelect(UnfoldAdminSelectWidget, beat_admin.TaskSelectWidget):  # type: ignore[misc]
    """The registered tasks, dressed as every other choice."""


class TimetableForm(beat_admin.PeriodicTaskForm):  # type: ignore[misc]
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Absent where the person may only look.
        if "task" in self.fields:
            self.fields["task"].widget = UnfoldAdminTextInputWidget()
        if "regtask" in self.fields:
            self.fields["regtask"].widget = TaskSelect()


@admin.register(PeriodicTask)
class PeriodicTaskAdmin(_TimetableAdmin, beat_admin.PeriodicTaskAdmin):  # type: ignore[misc]
    form = TimetableForm


@admin.register(IntervalSchedule, SolarSchedule)
class ScheduleAdmin(_TimetableAdmin, beat_admin.ScheduleAdmin):  # type: ignore[misc]
    inlines = []


@admin.register(CrontabSchedule)
class CrontabScheduleAdmin(_TimetableAdmin, beat_admin.CrontabScheduleAdmin):  # type: ignore[misc]
    inlines = []


@admin.register(ClockedSchedule)
class ClockedScheduleAdmin(_TimetableAdmin, beat_admin.ClockedScheduleAdmin):  # type: ignore[misc]
    inlines = []
