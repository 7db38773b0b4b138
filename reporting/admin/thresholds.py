"""The thresholds of the checks, by ad account."""

from django import forms
from django.contrib import admin, messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html

from accounts import access, audit_trail
from accounts.access import person_of
from accounts.shell import formatting
from accounts.shell.admin_base import OneRightAdmin
from reporting.checks import check_requests
from reporting.checks.rules.base import plain
from reporting.models import CheckThresholds


@admin.register(CheckThresholds)
class CheckThresholdsAdmin(OneRightAdmin[CheckThresholds]):
    """For people who may start syncs; every change is recorded, and the ad account is checked again."""

    list_display = ["ad_account", "window_days", "ctr", "spend", "end_near_days"]
    list_select_related = ["ad_account"]
    search_fields = ["ad_account__name", "ad_account__id__exact"]
    autocomplete_fields = ["ad_account"]
    nothing_yet = "All ad accounts use the default thresholds. Add a row for one that needs its own."

    @admin.display(description="CTR (percent)", ordering="ctr_percent", empty_value="default")
    def ctr(self, row: CheckThresholds) -> str | None:
        return None if row.ctr_percent is None else plain(row.ctr_percent)

    @admin.display(description="spend without conversions", ordering="spend_without_conversions", empty_value="default")
    def spend(self, row: CheckThresholds) -> str | None:
        amount = row.spend_without_conversions
        return None if amount is None else formatting.money(amount, row.ad_account.currency)

    def may_edit(self, request: HttpRequest) -> bool:
        return access.may_edit_thresholds(request.user)

    def get_readonly_fields(self, request: HttpRequest, obj: CheckThresholds | None = None) -> list[str]:
        """The ad account is the key of the row, so it never changes."""
        return ["ad_account"] if obj else []

    def save_model(
        self, request: HttpRequest, obj: CheckThresholds, form: "forms.ModelForm[CheckThresholds]", change: bool
    ) -> None:
        super().save_model(request, obj, form, change)
        if form.changed_data:
            changed = [name for name in form.changed_data if name != "ad_account"]
            _record("changed" if change else "added", request, obj, changed=sorted(changed))

    def delete_model(self, request: HttpRequest, obj: CheckThresholds) -> None:
        _record("removed", request, obj)
        super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[CheckThresholds]) -> None:
        with transaction.atomic():
            for one in queryset:
                self.delete_model(request, one)


def _record(change: str, request: HttpRequest, row: CheckThresholds, **detail: list[str]) -> None:
    audit_trail.record(
        "thresholds_changed",
        actor=person_of(request),
        ad_account_id=row.ad_account_id,
        change=change,
        **detail,
    )
    check_requests.request_check(row.ad_account_id, by=person_of(request), now=timezone.now())
    message = 'You requested a check of {}. <a href="{}">The Action center</a> shows its progress.'
    href = f"{reverse('reporting:actions')}?ad_account={row.ad_account_id}"
    messages.info(request, format_html(message, row.ad_account, href))


def former_address(request: HttpRequest, rest: str = "") -> HttpResponse:
    """The same page of the thresholds where it is now; the model used to be called AuditThresholds."""
    query = f"?{request.GET.urlencode()}" if request.GET else ""
    page = f"{reverse('admin:reporting_checkthresholds_changelist')}{rest}{query}"
    return redirect(page, permanent=True, preserve_request=True)
