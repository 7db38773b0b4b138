"""The runs, what they set aside, and how each ad account stands."""

import json
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts.admin.base import AdAccountFilter, EstimatingPaginator, FactAdmin
from ingestion.models import IncompleteDay, RejectedRecord, SyncedAdAccount, SyncLog
from ingestion.state import complete_through, with_sync_state


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
