"""Base classes for admins whose rows belong to people or ad accounts; `accounts/shell/` has what every list shares."""

from typing import ClassVar

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from accounts import access, audit_trail
from accounts.access import person_of
from accounts.shell.admin_base import ListAdmin, OneRightAdmin, ReadOnlyAdmin, Row
from accounts.shell.admin_exports import ExportsList
from accounts.sign_in.second_step import confirmation


class OfAdAccountAdmin(ReadOnlyAdmin[Row]):
    """Rows that belong to ad accounts; `ad_account_path` leads from a row to its own, None where rows have none."""

    ad_account_path: ClassVar[str | None] = "account"

    def of_ad_account(self, rows: QuerySet[Row], ad_account_id: int) -> QuerySet[Row]:
        """The rows of one ad account."""
        return rows.filter(**{str(self.ad_account_path): ad_account_id})


class RecordsExports(ExportsList[Row]):
    """A list that is downloaded whole, each time on record in the audit trail."""

    # Of what, in the audit trail; else the name of the table.
    exported_as: ClassVar[str] = ""

    def record_export(self, request: HttpRequest, rows: QuerySet[Row], *, count: int) -> QuerySet[Row]:
        """Before the file: what leaves here is recorded even if the download breaks off."""
        event = audit_trail.record(
            "exported",
            actor=person_of(request),
            what=self.exported_as or f"{self.opts.verbose_name_plural} ({self.opts.db_table})",
            rows=count,
            filters=dict(request.GET.lists()),
        )
        # The file of the trail itself is the list as it was.
        return rows.exclude(pk=event.pk) if isinstance(event, self.model) else rows


class FactAdmin(RecordsExports[Row], OfAdAccountAdmin[Row]):
    """LinkedIn's facts: every active member of staff sees the rows of the ad accounts they may see."""

    is_open_to_all_who_see_its_rows = True

    def may_view(self, request: HttpRequest) -> bool:
        return bool(request.user.is_active and request.user.is_staff)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Row]:
        rows = super().get_queryset(request)
        # No filter for those who see everything: it would hide rows without an ad account and cost a join.
        if self.ad_account_path is None or access.sees_every_ad_account(request.user):
            return rows
        return rows.filter(**{f"{self.ad_account_path}__in": access.visible_ad_accounts(request.user)})


class ConfirmedAdmin(ListAdmin[Row]):
    """Rows that are added, changed and deleted only soon after a second step; lists of them are shown at any time."""

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, object] | None = None,
    ) -> HttpResponse:
        may_save = self.has_change_permission(request) if object_id else self.has_add_permission(request)
        is_asked = may_save or request.method == "POST"
        response = confirmation.ask_again(request) if is_asked else None
        return response or super().changeform_view(request, object_id, form_url, extra_context)

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, object] | None = None
    ) -> HttpResponse:
        may_delete = self.has_delete_permission(request)
        response = confirmation.ask_again(request) if may_delete else None
        return response or super().delete_view(request, object_id, extra_context)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, object] | None = None) -> HttpResponse:
        response = confirmation.ask_again(request) if request.method == "POST" else None
        return response or super().changelist_view(request, extra_context)


class PeopleAdmin(ConfirmedAdmin[Row], OneRightAdmin[Row]):
    """Rows that only those who manage people may see and change."""

    def may_edit(self, request: HttpRequest) -> bool:
        return access.may_manage_people(request.user)
