"""Per-ad-account settings, seen and changed by those who may sync."""

from django.contrib import admin
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest

from accounts import access
from accounts.access import person_of
from accounts.shell.admin_base import OneRightAdmin
from ingestion.models import AdAccountSettings
from ingestion.timetable import ad_account_settings


@admin.register(AdAccountSettings)
class AdAccountSettingsAdmin(OneRightAdmin[AdAccountSettings]):
    list_display = ["account", "backfill_days", "is_paused", "paused_by", "notes"]
    list_filter = ["is_paused"]
    list_select_related = ["account", "paused_by"]
    search_fields = ["account__name", "account__id__exact", "notes"]
    autocomplete_fields = ["account"]
    fields = ["account", "backfill_days", "is_paused", "notes"]
    ordering = ["account__name", "pk"]
    nothing_yet = "All ad accounts follow the installation's settings. An ad account's page leads to its own."

    def get_readonly_fields(self, request: HttpRequest, obj: AdAccountSettings | None = None) -> list[str]:
        """The ad account of existing settings never changes."""
        return ["account"] if obj else []

    def may_edit(self, request: HttpRequest) -> bool:
        return access.may_edit_timetable(request.user)

    def save_model(
        self, request: HttpRequest, obj: AdAccountSettings, form: "ModelForm[AdAccountSettings]", change: bool
    ) -> None:
        if form.changed_data or not change:
            ad_account_settings.save(
                obj,
                changed=[name for name in form.changed_data if name != "account"],
                actor=person_of(request),
            )

    def delete_model(self, request: HttpRequest, obj: AdAccountSettings) -> None:
        ad_account_settings.forget(obj, actor=person_of(request))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[AdAccountSettings]) -> None:
        for one in queryset:
            self.delete_model(request, one)
