"""The whole list, as it is filtered, as a file: for everybody who may see the list, of the rows they may see."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import ClassVar, Final

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse

from accounts.shell.admin_base import Row, UnfoldAdmin
from accounts.shell.downloads import download, in_pieces

# Writing this many rows takes about ten seconds, during which someone waits; CSV needs no limit.
MAX_XLSX_ROWS: Final = 100_000


class ExportsList(UnfoldAdmin[Row]):
    """Adds `export/csv/` and `export/xlsx/` to a list, and its buttons.

    Columns are the table's own, in its words; `also_exported` adds columns of what a row belongs to: name in the file
    → path. Money stands as plain decimals; where the table has no currency of its own, one is added.
    """

    list_before_template = "admin/list_tools.html"
    also_exported: ClassVar[dict[str, str]] = {}
    # A line above the list.
    list_note: ClassVar[str] = ""

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
        rows = self.get_changelist_instance(request).get_queryset(request)
        count = rows.order_by().count()
        if file_format == "xlsx" and count > MAX_XLSX_ROWS:
            messages.error(
                request,
                f"{count:,} rows are too many for a spreadsheet, which takes {MAX_XLSX_ROWS:,} here:"
                " narrow the list by its filters, or download it as CSV.",
            )
            return redirect(f"{to_list}?{request.GET.urlencode()}")
        lines = self.export_rows(self.record_export(request, rows, count=count))
        if file_format == "csv":
            lines = (list(map(_exact, line)) for line in lines)
        return download(file_format, self.opts.db_table, self.export_header(), lines)

    def record_export(self, request: HttpRequest, rows: QuerySet[Row], *, count: int) -> QuerySet[Row]:
        """Put on record that these rows leave, before the first does; gives the rows of the file."""
        raise NotImplementedError

    def export_header(self) -> list[str]:
        return [*(str(field.column) for field in self.opts.concrete_fields), *self.also_exported]

    def export_rows(self, rows: QuerySet[Row]) -> Iterator[Sequence[object]]:
        names = [*(field.attname for field in self.opts.concrete_fields), *self.also_exported.values()]
        return in_pieces(rows.values_list(*names))


def _exact(value: object) -> object:
    """Instants to the microsecond."""
    return value.isoformat() if isinstance(value, datetime) else value
