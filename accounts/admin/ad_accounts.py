"""Ad accounts and the grants on them."""

from django.contrib import admin
from django.db import transaction
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect

from accounts import access, audit_trail
from accounts.admin.base import ConfirmedAdmin, FactAdmin, PeopleAdmin
from accounts.consents import removed_ad_accounts
from accounts.models import AdAccount, AdAccountAccess, RemovedAdAccount
from accounts.shell.admin_base import ReadOnlyAdmin
from accounts.shell.admin_columns import instant_column
from accounts.shell.admin_filters import RowFilter


@admin.register(AdAccount)
class AdAccountAdmin(FactAdmin[AdAccount]):
    ad_account_path = "pk"
    list_display = ["name", "id", "status", "currency", "type", "is_test", "fetched_at", "missing_since"]
    list_filter = ["status", "currency", "type", "is_test"]
    search_fields = ["name", "id__exact"]
    labels = {"is_test": "test", "fetched_at": "last change seen"}
    nothing_yet = (
        "Connect LinkedIn (under Connections), and the ad accounts it can read appear here. Viewers see those that an"
        " owner has granted them."
    )


@admin.register(AdAccountAccess)
class AdAccountAccessAdmin(PeopleAdmin[AdAccountAccess]):
    """Which viewer may see which ad account; every change is recorded."""

    list_display = ["user", "ad_account", "granted_by", instant_column("granted_at", "granted")]
    list_filter = [("user", RowFilter)]
    list_filter_submit = True
    list_select_related = ["user", "ad_account", "granted_by"]
    search_fields = ["user__email", "ad_account__name"]
    autocomplete_fields = ["user", "ad_account"]
    fields = ["user", "ad_account"]
    ordering = ["user__email", "ad_account__name", "id"]
    nothing_yet = "Viewers see only the ad accounts that are granted to them here; every other role sees all of them."

    def has_change_permission(self, request: HttpRequest, obj: AdAccountAccess | None = None) -> bool:
        """A grant is given or revoked, never changed into another."""
        return False

    def save_model(
        self, request: HttpRequest, obj: AdAccountAccess, form: "ModelForm[AdAccountAccess]", change: bool
    ) -> None:
        obj.granted_by = access.person_of(request)
        super().save_model(request, obj, form, change)
        self._record("ad_account_granted", request, obj)

    def delete_model(self, request: HttpRequest, obj: AdAccountAccess) -> None:
        self._record("ad_account_grant_taken_back", request, obj)
        super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[AdAccountAccess]) -> None:
        with transaction.atomic():
            for grant in queryset.select_related("user"):
                self.delete_model(request, grant)

    def response_delete(self, request: HttpRequest, obj_display: str, obj_id: int) -> HttpResponse:
        """Back to the grants: Django sends those who may not change a row to the start page."""
        response = super().response_delete(request, obj_display, obj_id)
        is_popup = not isinstance(response, HttpResponseRedirect)
        return response if is_popup else redirect("admin:accounts_adaccountaccess_changelist")

    @staticmethod
    def _record(kind: str, request: HttpRequest, grant: AdAccountAccess) -> None:
        audit_trail.record(
            kind, actor=access.person_of(request), ad_account_id=grant.ad_account_id, user_email=grant.user.email
        )


@admin.register(RemovedAdAccount)
class RemovedAdAccountAdmin(ConfirmedAdmin[RemovedAdAccount], ReadOnlyAdmin[RemovedAdAccount]):
    """Removed ad accounts. Deleting the row restores the ad account at the next discovery."""

    list_display = ["name", "id", "asked_by", "asked_at", "rows_found", "rows_removed", "finished_at"]
    list_select_related = ["asked_by"]
    search_fields = ["name", "id__exact"]
    nothing_yet = (
        "No ad accounts have been removed. The button on an ad account's page removes it with all its data; progress is"
        " shown here. If you then delete its row here, LinkedIn can list it again."
    )

    def may_view(self, request: HttpRequest) -> bool:
        return access.may_remove_ad_accounts(request.user)

    def has_delete_permission(self, request: HttpRequest, obj: RemovedAdAccount | None = None) -> bool:
        """Not while its rows are still being removed."""
        return self.may_view(request) and (obj is None or obj.finished_at is not None)

    def delete_model(self, request: HttpRequest, obj: RemovedAdAccount) -> None:
        removed_ad_accounts.restore(obj, actor=access.person_of(request))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[RemovedAdAccount]) -> None:
        with transaction.atomic():
            for removed in queryset.exclude(finished_at=None):
                self.delete_model(request, removed)
