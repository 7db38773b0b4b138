"""Alerts, and what of the audit trail waits to leave, for owners."""

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from accounts import access
from accounts.audit import alerts
from accounts.audit.alert_rules import RULES
from accounts.audit.sentences import sentence
from accounts.models import AuditAlert, AuditDelivery
from accounts.shell.admin_base import ReadOnlyAdmin


@admin.register(AuditAlert)
class AuditAlertAdmin(ReadOnlyAdmin[AuditAlert]):
    list_display = ["raised_at", "reason", "what_happened", "seen_at", "seen_by"]
    list_filter = [("seen_at", admin.EmptyFieldListFilter)]
    list_select_related = ["event", "seen_by"]
    ordering = ["-raised_at", "-id"]
    fields = ["raised_at", "reason", "what_happened", "event", "seen_at", "seen_by"]
    readonly_fields = ["reason", "what_happened"]
    actions = ["mark_as_seen"]
    nothing_yet = "Events that owners should know of at once are listed here and sent by e-mail."

    def may_view(self, request: HttpRequest) -> bool:
        return access.may_manage_people(request.user)

    @admin.display(description="reason", ordering="rule")
    def reason(self, alert: AuditAlert) -> str:
        rule = RULES.get(alert.rule)
        return rule.title if rule else alert.rule

    @admin.display(description="what happened")
    def what_happened(self, alert: AuditAlert) -> str:
        return sentence(alert.event)

    @admin.action(description="Mark the selected alerts as seen")
    def mark_as_seen(self, request: HttpRequest, queryset: QuerySet[AuditAlert]) -> None:
        ids = list(queryset.values_list("pk", flat=True))
        count = alerts.mark_as_seen(ids, by=access.person_of(request), now=timezone.now())
        messages.success(request, f"{count} marked as seen.")


@admin.register(AuditDelivery)
class AuditDeliveryAdmin(ReadOnlyAdmin[AuditDelivery]):
    list_display = ["event", "destination", "attempts", "next_attempt_at", "last_error"]
    list_filter = ["destination"]
    list_select_related = ["event"]
    ordering = ["event_id", "id"]
    nothing_yet = "Every event of the audit trail has reached where it is to go."

    def may_view(self, request: HttpRequest) -> bool:
        return access.may_manage_people(request.user)
