"""The whole list, as it is filtered, as a file: for everybody who may see the list, of the rows they may see."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import ClassVar, Final
from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse

from accounts.shell import download_slots
from accounts.shell.admin_base import Row, UnfoldAdmin
from accounts.shell.downloads import DIALECTS, MAX_DIRECT_ROWS, PLAIN, Dialect, download, in_pieces

# What the address ends with: how the file is written.
_DIALECTS: Final[dict[str, Dialect]] = {"csv": PLAIN, "xlsx": PLAIN, **DIALECTS}
# Where a file is requested that takes longer than somebody should wait. A name, since that room is above this one.
_EXPORT_PAGE: Final = "reporting:new_export"


# What an export calls a list: this, and the label of its model.
LIST: Final = "lists/"


class ExportsList(UnfoldAdmin[Row]):
    """Adds `export/csv/` and `export/xlsx/` to a list, and its buttons.

    Columns are the table's own, in its words; `also_exported` adds columns of what a row belongs to: name in the file
    → path. Money stands as plain decimals; where the table has no currency of its own, one is added.
    """

    list_before_template = "admin/list_tools.html"
    also_exported: ClassVar[dict[str, str]] = {}
    # Whether its files name people, so that the person at the browser confirms first that it is still them.
    names_people: ClassVar[bool] = False
    # A line above the list.
    list_note: ClassVar[str] = ""

    def get_urls(self) -> list[URLPattern]:
        name = f"{self.opts.app_label}_{self.opts.model_name}_export"
        export = path("export/<str:file_format>/", self.admin_site.admin_view(self.export), name=name)
        return [export, *super().get_urls()]

    def export(self, request: HttpRequest, file_format: str) -> HttpResponseBase:
        if not self.has_view_permission(request):
            raise PermissionDenied
        if file_format not in _DIALECTS:
            raise Http404
        rows = self.get_changelist_instance(request).get_queryset(request)
        count = rows.order_by().count()
        if count > MAX_DIRECT_ROWS:
            of, filters = f"{LIST}{self.opts.label_lower}", request.GET.urlencode()
            return redirect(f"{reverse(_EXPORT_PAGE)}?{urlencode({'of': of, 'as': file_format, 'filters': filters})}")
        kind, dialect = ("xlsx" if file_format == "xlsx" else "csv"), _DIALECTS[file_format]
        try:
            with download_slots.room(str(request.user.pk)) as slot:
                lines = self.export_rows(self.record_export(request, rows, count=count))
                if kind == "csv":
                    lines = (list(map(exact, line)) for line in lines)
                return slot.held_by(download(kind, self.opts.db_table, self.export_header(), lines, dialect=dialect))
        except download_slots.NoneFree as refusal:
            messages.error(request, str(refusal))
            to_list = reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist")
            return redirect(f"{to_list}?{request.GET.urlencode()}")

    def record_export(self, request: HttpRequest, rows: QuerySet[Row], *, count: int) -> QuerySet[Row]:
        """Put on record that these rows leave, before the first does; gives the rows of the file."""
        raise NotImplementedError

    def export_header(self) -> list[str]:
        return [*(str(field.column) for field in self.opts.concrete_fields), *self.also_exported]

    def export_rows(self, rows: QuerySet[Row]) -> Iterator[Sequence[object]]:
        names = [*(field.attname for field in self.opts.concrete_fields), *self.also_exported.values()]
        return in_pieces(rows.values_list(*names))


def exact(value: object) -> object:
    """Instants to the microsecond."""
    return value.isoformat() if isinstance(value, datetime) else value
