"""Sync runs, the records they rejected, and the state of each ad account."""

import json
from typing import Any, cast

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts import access
from accounts.admin.base import FactAdmin
from accounts.admin.filters import AdAccountFilter
from accounts.shell import formatting
from accounts.shell.admin_columns import age, link
from accounts.shell.admin_filters import DaysFilter
from ingestion.models import IncompleteDay, RejectedRecord, SyncedAdAccount, SyncLog
from ingestion.timetable.expected_sync import ExpectedSync, expected_syncs
from ingestion.timetable.sync_status import complete_through, with_sync_state


@admin.register(SyncLog)
class SyncLogAdmin(FactAdmin[SyncLog]):
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
    list_filter = [
        AdAccountFilter,
        "status",
        "trigger",
        "error_kind",
        ("started_at", DaysFilter),
    ]
    list_select_related = ["account"]
    search_fields = ["account__name", "account__id__exact", "errors"]
    ordering = ["-started_at", "-id"]
    fields = [
        "ad_account",
        *(field.name for field in SyncLog._meta.concrete_fields if field.name != "account"),
    ]
    labels = {"started_at": "started", "finished_at": "finished", "trigger": "started by", "error_kind": "problem with"}
    nothing_yet = "No syncs yet. Start one on the Sync page; connecting LinkedIn starts the first one automatically."

    def get_fields(self, request: HttpRequest, obj: SyncLog | None = None) -> list[Any]:
        """Who requested a sync is for those to know who may see others."""
        fields = super().get_fields(request, obj)
        if access.sees_colleagues(request.user):
            return list(fields)
        return [one for one in fields if getattr(one, "__name__", one) != "asked_by"]

    @admin.display(description="ad account", ordering="account__name")
    def ad_account(self, run: SyncLog) -> str:
        return link(run.account) or "all"

    @admin.display(description="took")
    def duration(self, run: SyncLog) -> str | None:
        return formatting.duration(run.finished_at - run.started_at) if run.finished_at else None


@admin.register(RejectedRecord)
class RejectedRecordAdmin(FactAdmin[RejectedRecord]):
    list_display = ["created_at", "account", "run", "endpoint", "reason"]
    list_filter = [AdAccountFilter, ("created_at", DaysFilter)]
    list_select_related = ["account", "run"]
    search_fields = ["endpoint", "reason"]
    ordering = ["-id"]
    fields = ["created_at", "run", "account", "endpoint", "reason", "record"]
    readonly_fields = ["record"]
    labels = {"account": "ad account", "created_at": "rejected"}
    nothing_yet = "Nothing to do: every record that LinkedIn sent was valid."

    @admin.display(description="as LinkedIn sent it")
    def record(self, rejected: RejectedRecord) -> SafeString:
        pretty = json.dumps(rejected.payload, indent=2, ensure_ascii=False)
        return format_html('<pre class="overflow-x-auto whitespace-pre-wrap">{}</pre>', pretty)


@admin.register(SyncedAdAccount)
class SyncedAdAccountAdmin(FactAdmin[SyncedAdAccount]):
    """The syncs of each ad account: data as of, complete through, when it syncs next or why it does not."""

    ad_account_path = "pk"
    list_display = ["name", "data_as_of", "complete", "incomplete", "last_status", "next_sync", "last_answer"]
    search_fields = ["name", "id__exact"]
    nothing_yet = "Connect LinkedIn: the ad accounts that it may read appear here."

    def get_queryset(self, request: HttpRequest) -> QuerySet[SyncedAdAccount]:
        # Annotating keeps the model, which the types do not know.
        return cast("QuerySet[SyncedAdAccount]", with_sync_state(super().get_queryset(request)))

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """With the next sync of every row shown, looked up together."""
        shown: Any = super().get_changelist_instance(request)
        shown.result_list = list(shown.result_list)
        expected = expected_syncs([row.pk for row in shown.result_list], now=timezone.now())
        for row in shown.result_list:
            row.expected_sync = expected[row.pk]
        return shown

    @admin.display(description="data as of", empty_value="never synced", ordering="data_as_of")
    def data_as_of(self, ad_account: Any) -> str | None:
        return age(ad_account.data_as_of)

    @admin.display(description="complete through")
    def complete(self, ad_account: Any) -> str | None:
        through = complete_through(ad_account)
        return formatting.day(through) if through else None

    @admin.display(description="days that do not add up")
    def incomplete(self, ad_account: Any) -> str:
        return formatting.number(ad_account.incomplete_day_count)

    @admin.display(description="last sync")
    def last_status(self, ad_account: Any) -> str | None:
        status: str | None = ad_account.last_status
        return dict(SyncLog.Status.choices).get(status, status) if status else None

    @admin.display(description="next sync")
    def next_sync(self, ad_account: Any) -> SafeString:
        expected: ExpectedSync = ad_account.expected_sync
        if expected.next_at is None:
            return format_html("{}", expected.reason)
        return format_html("{}<br>{}", formatting.instant(expected.next_at), expected.reason)

    @admin.display(description="why it has not synced since")
    def last_answer(self, ad_account: Any) -> str | None:
        """The gate's answer since the last success; an earlier answer no longer matters."""
        gate = getattr(ad_account, "sync_gate", None)
        if gate is None or (ad_account.data_as_of and ad_account.data_as_of >= gate.asked_at):
            return None
        return format_html("{}, {}", gate.answer, formatting.age(gate.asked_at, now=timezone.now()))


@admin.register(IncompleteDay)
class IncompleteDayAdmin(FactAdmin[IncompleteDay]):
    list_display = ["date", "account", "state", "shown_differences", "first_seen_at", "checked_at"]
    list_filter = [AdAccountFilter, "state", ("date", DaysFilter)]
    list_select_related = ["account"]
    search_fields = ["account__name", "account__id__exact"]
    ordering = ["-date", "-id"]
    labels = {"account": "ad account", "first_seen_at": "first seen", "checked_at": "checked"}
    nothing_yet = "Nothing to do: every day that was checked adds up to LinkedIn's own totals."

    @admin.display(description="our sum minus LinkedIn's total")
    def shown_differences(self, day: IncompleteDay) -> str:
        return "; ".join(
            f"{table}: " + ", ".join(f"{name} {value:+,.10g}" for name, value in found.items())
            for table, found in day.differences.items()
        )
