"""The list as it is filtered now, whole, as a file: for everybody who may see the list, of the rows they may see."""

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, Final

from django.contrib import admin, messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse

from accounts import audit_trail
from accounts.access import person_of
from accounts.shell.downloads import download, in_pieces

# Writing takes about ten seconds for so many rows, while somebody waits; CSV has no such end.
MOST_ROWS: Final = 100_000

if TYPE_CHECKING:
    _Base = admin.ModelAdmin[Any]
else:
    _Base = object


class ExportsList(_Base):
    """Adds `export/csv/` and `export/xlsx/` to a list, and its buttons.

    Columns are the table's own, in its words; `also_exported` adds columns of what a row belongs to: name in the file
    → path. Money stands as plain decimals; where the table has no currency of its own, one is added.
    """

    list_before_template = "admin/list_tools.html"
    also_exported: ClassVar[dict[str, str]] = {}
    # A line above the list.
    list_note: ClassVar[str] = ""
    # Of what, in the audit trail.
    exported_as: ClassVar[str] = ""

    def get_urls(self) -> list[URLPattern]:
        name = f"{self.opts.app_label}_{self.opts.model_name}_export"
        export = path("export/<str:file_format>/", self.admin_site.admin_view(self.export), name=name)
        return [export, *super().get_urls()]

    def export(self, request: HttpRequest, file_format: str) -> HttpResponseBase:
        if not self.has_view_permission(request):
            raise PermissionDenied
        if file_format not in {"csv", "xlsx"}:
            raise Http404
        to_list = reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist")
        try:
            rows = self.get_changelist_instance(request).get_queryset(request)
        except IncorrectLookupParameters:
            # As the list itself does with a filter that makes no sense.
            return redirect(to_list)
        count = rows.order_by().count()
        if file_format == "xlsx" and count > MOST_ROWS:
            messages.error(
                request,
                f"{count:,} rows are too many for a spreadsheet, which takes {MOST_ROWS:,} here:"
                " narrow the list by its filters, or download it as CSV.",
            )
            return redirect(f"{to_list}?{request.GET.urlencode()}")
        name = self.opts.db_table
        # Before the file: what leaves here is recorded even if the download breaks off.
        own = audit_trail.record(
            "exported",
            actor=person_of(request),
            what=self.exported_as or f"{self.opts.verbose_name_plural} ({name})",
            rows=count,
            filters=dict(request.GET.lists()),
        )
        lines = self.export_rows(rows.exclude(pk=own.pk) if self.model is type(own) else rows)
        if file_format == "csv":
            lines = (list(map(_exact, line)) for line in lines)
        return download(file_format, name, self.export_header(), lines)

    def export_header(self) -> list[str]:
        return [*(str(field.column) for field in self.opts.concrete_fields), *self.also_exported]

    def export_rows(self, rows: QuerySet[Any]) -> Iterator[Any]:
        names = [*(field.attname for field in self.opts.concrete_fields), *self.also_exported.values()]
        return in_pieces(rows.values_list(*names))


def _exact(value: Any) -> Any:
    """Instants to the microsecond."""
    return value.isoformat() if isinstance(value, datetime) else value
