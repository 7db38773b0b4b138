"""The audit trail, for owners."""

import json
from collections.abc import Iterable, Iterator, Sequence

from django.contrib import admin
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from unfold.contrib.filters.admin import DropdownFilter

from accounts import access
from accounts.admin.base import OfAdAccountAdmin, RecordsExports
from accounts.admin.filters import AdAccountFilter
from accounts.audit.sentences import sentence
from accounts.models import AdAccount, AuditEvent, User
from accounts.shell.admin_filters import DaysFilter
from accounts.shell.downloads import in_pieces
from accounts.shell.request_values import or_none, row_id
from accounts.sign_in.second_step import confirmation

_HEADER = ["happened_at", "kind", "sentence", "actor_id", "actor_email", "ad_account_id", "detail"]
_SYSTEM = "system"


class ActorFilter(DropdownFilter):  # type: ignore[misc]
    """Filters the trail by one person, or the system; the search finds people who were removed."""

    title = "who"
    parameter_name = "actor"

    def lookups(self, request: HttpRequest, model_admin: "AuditEventAdmin") -> Iterable[tuple[str, str]]:
        people = User.objects.order_by("email").values_list("pk", "email")
        return [(_SYSTEM, "the system"), *((str(number), email) for number, email in people)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[AuditEvent]) -> QuerySet[AuditEvent]:
        value = self.value()
        if not value:
            return queryset
        if value == _SYSTEM:
            return queryset.filter(actor_id=None)
        person_id = or_none(row_id, value)
        return queryset.none() if person_id is None else queryset.filter(actor_id=person_id)


@admin.register(AuditEvent)
class AuditEventAdmin(RecordsExports[AuditEvent], OfAdAccountAdmin[AuditEvent]):
    ad_account_path = "ad_account_id"
    list_display = ["happened_at", "what_happened", "kind", "actor_email"]
    list_filter = ["kind", ActorFilter, ("happened_at", DaysFilter), AdAccountFilter]
    exported_as = "the audit trail"
    names_people = True
    nothing_yet = "Every sign-in, connection, grant, manual sync and change is listed here, permanently."
    search_fields = ["actor_email", "kind", "ad_account_id__exact", "detail__user_email"]
    fields = ["happened_at", "what_happened", "kind", "actor_email", "actor_id", "ad_account_id", "detail"]
    readonly_fields = ["what_happened"]
    ordering = ["-happened_at", "-id"]

    def may_view(self, request: HttpRequest) -> bool:
        return access.may_manage_people(request.user)

    def get_queryset(self, request: HttpRequest) -> QuerySet[AuditEvent]:
        name = AdAccount.objects.filter(pk=OuterRef("ad_account_id")).values("name")
        return super().get_queryset(request).annotate(ad_account_name=Subquery(name))

    @admin.display(description="what happened")
    def what_happened(self, event: AuditEvent) -> str:
        return sentence(event, ad_account_name=getattr(event, "ad_account_name", None))

    def export(self, request: HttpRequest, file_format: str) -> HttpResponseBase:
        return confirmation.ask_again(request) or super().export(request, file_format)

    def export_header(self) -> list[str]:
        return _HEADER

    def export_rows(self, rows: QuerySet[AuditEvent]) -> Iterator[Sequence[object]]:
        for event in in_pieces(rows):
            yield [
                event.happened_at,
                event.kind,
                self.what_happened(event),
                event.actor_id,
                event.actor_email,
                event.ad_account_id,
                json.dumps(event.detail, ensure_ascii=False, sort_keys=True),
            ]
