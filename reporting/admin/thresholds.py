"""Where the audit draws its lines, ad account by ad account."""

from django.contrib import admin, messages
from django.db import transaction
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html

from accounts import access, audit_trail
from accounts.people.current_user import current_user
from accounts.shell.admin_base import OneRightAdmin
from reporting.checks import check_requests
from reporting.models import AuditThresholds


@admin.register(AuditThresholds)
class AuditThresholdsAdmin(OneRightAdmin[AuditThresholds]):
    """Seen and changed by those who may start syncs; every change is recorded, and the ad account rechecked."""

    list_display = ["ad_account", "window_days", "ctr_percent", "spend_without_conversions", "end_near_days"]
    list_select_related = ["ad_account"]
    search_fields = ["ad_account__name", "ad_account__id__exact"]
    autocomplete_fields = ["ad_account"]
    nothing_yet = "Every ad account is judged by the same thresholds. Add those of one that needs others."

    def may_edit(self, request: HttpRequest) -> bool:
        return access.may_edit_thresholds(request.user)

    def get_readonly_fields(self, request: HttpRequest, obj: AuditThresholds | None = None) -> list[str]:
        """Thresholds are of one ad account for good: it is their key."""
        return ["ad_account"] if obj else []

    def save_model(
        self, request: HttpRequest, obj: AuditThresholds, form: "ModelForm[AuditThresholds]", change: bool
    ) -> None:
        super().save_model(request, obj, form, change)
        if form.changed_data:
            changed = [name for name in form.changed_data if name != "ad_account"]
            _record("changed" if change else "added", request, obj, changed=sorted(changed))

    def delete_model(self, request: HttpRequest, obj: AuditThresholds) -> None:
        _record("removed", request, obj)
        super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[AuditThresholds]) -> None:
        with transaction.atomic():
            for one in queryset:
                self.delete_model(request, one)


def _record(change: str, request: HttpRequest, row: AuditThresholds, **detail: object) -> None:
    audit_trail.record(
        "thresholds_changed",
        actor=current_user(request),
        ad_account_id=row.ad_account_id,
        change=change,
        **detail,
    )
    check_requests.ask(row.ad_account_id, by=current_user(request), now=timezone.now())
    message = '{} is being rechecked; <a href="{}">the Action center</a> shows when that is done.'
    where = f"{reverse('reporting:actions')}?ad_account={row.ad_account_id}"
    messages.info(request, format_html(message, row.ad_account, where))
