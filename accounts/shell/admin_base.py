"""Base classes for the admins of every room: how rows are listed and shown; each admin says who may look.

Independent of people and ad accounts; the base classes that check access to those are in `accounts/admin/base.py`.
"""

from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.functional import cached_property

from accounts.shell import row_links
from accounts.shell.admin_columns import API_WORDS, Column, Row, columns
from accounts.shell.admin_filters import ApiWordFilter
from accounts.shell.admin_paging import EstimatingPaginator, ShownCount
from accounts.shell.list_address import (
    OfferedFilters,
    check_address,
    check_search,
    initial_values,
    read_filters,
    without_blanks,
)
from accounts.shell.request_values import NotThere

__all__ = ["EstimatingPaginator", "ListAdmin", "OneRightAdmin", "ReadOnlyAdmin", "Row", "UnfoldAdmin"]

if TYPE_CHECKING:
    from django.contrib.admin.options import _FieldGroups, _ListDisplayT, _ListFilterT

    class UnfoldAdmin(admin.ModelAdmin[Row]):
        """The admin of one table in Unfold's design."""
else:
    from unfold.admin import ModelAdmin

    class UnfoldAdmin(ModelAdmin):
        def __class_getitem__(cls, model: object) -> type:
            """Names the table for type checkers: Django's admins are generic only in their stubs."""
            return cls


class ListAdmin(UnfoldAdmin[Row]):
    """A list that says, where it is empty, what to do for rows to appear."""

    nothing_yet: ClassVar[str]
    # Whether everybody who sees a row's name elsewhere may open the row's page.
    is_open_to_all_who_see_its_rows: ClassVar[bool] = False

    def _get_obj_does_not_exist_redirect(self, request: HttpRequest, opts: object, object_id: str) -> HttpResponse:
        """Raises NotThere, in the same words whether the row does not exist or is somebody else's."""
        name = f"{self.opts.app_label}_{self.opts.model_name}_changelist"
        raise NotThere(f"There is no such {self.opts.verbose_name}, or you may not see it.", where=f"admin:{name}")

    def get_changelist(self, request: HttpRequest, **_: object) -> type[ChangeList]:
        return OfferedFilters

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Row], search_term: str
    ) -> tuple[QuerySet[Row], bool]:
        """For the list and for the fields that find rows by typing. Raises BadValue."""
        check_search(search_term)
        found: tuple[QuerySet[Row], bool] = super().get_search_results(request, queryset, search_term)
        return found

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Raises BadValue."""
        return initial_values(self.model, super().get_changeform_initial_data(request))

    def get_changelist_instance(self, request: HttpRequest) -> ChangeList:
        """Raises BadValue and NotThere for an address that asks for what the list does not have."""
        request.GET = without_blanks(request.GET)  # type: ignore[assignment]  # its stubs know the first one alone
        with read_filters():
            changes = super().get_changelist_instance(request)
        check_address(changes, request)
        changes.result_count = ShownCount(changes.result_count)
        if changes.full_result_count is not None:
            changes.full_result_count = ShownCount(changes.full_result_count)
        return changes


class ReadOnlyAdmin(ListAdmin[Row]):
    """Rows to look at and never to change; `may_view` says by whom.

    Fields are shown as their type asks for; a method of the same name takes precedence.
    """

    list_per_page = 50
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    list_filter_submit = True
    paginator = EstimatingPaginator
    change_form_outer_before_template = "admin/row_links.html"
    labels: ClassVar[dict[str, str]] = {}

    def currency_of(self, row: Row, name: str) -> str | None:
        """The currency of an amount of the row."""
        return None

    @cached_property
    def _list_columns(self) -> dict[str, Column]:
        return self._columns(in_list=True)

    @cached_property
    def _row_fields(self) -> dict[str, Column]:
        return self._columns(in_list=False)

    def _columns(self, *, in_list: bool) -> dict[str, Column]:
        names = [field.name for field in self.opts.concrete_fields if not hasattr(type(self), field.name)]
        return columns(self.model, names, labels=self.labels, currency_of=self.currency_of, in_list=in_list)

    def get_list_display(self, request: HttpRequest) -> "_ListDisplayT[Row]":
        first, *rest = super().get_list_display(request)
        ours = self._list_columns
        # The first one leads to the row: no link may stand within it.
        is_link = first in ours and self.opts.get_field(str(first)).is_relation
        return [first if is_link else ours.get(str(first), first), *(ours.get(str(name), name) for name in rest)]

    def get_list_filter(self, request: HttpRequest) -> "list[_ListFilterT]":
        """Narrowed by the words that the columns show."""
        return [
            (name, ApiWordFilter)
            if name in API_WORDS and not getattr(self.opts.get_field(name), "choices", None)
            else name
            for name in super().get_list_filter(request)
        ]

    def get_changelist_instance(self, request: HttpRequest) -> ChangeList:
        """Where nothing was counted no rows are read: a search in vain reads its table once, not twice."""
        changes = super().get_changelist_instance(request)
        if not changes.result_count:
            changes.result_list = changes.queryset.none()
        return changes

    def get_fields(self, request: HttpRequest, obj: Row | None = None) -> "_FieldGroups":
        names = self.fields or [field.name for field in self.opts.concrete_fields]
        fields: list[Any] = [self._row_fields.get(str(name), name) for name in names]
        return fields

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, object],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: Row | None = None,
    ) -> HttpResponse:
        context["row_links"] = row_links.links_of(obj, request) if obj else []
        return super().render_change_form(request, context, add, change, form_url, obj)

    def may_view(self, request: HttpRequest) -> bool:
        raise NotImplementedError

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.may_view(request)

    def has_view_permission(self, request: HttpRequest, obj: Row | None = None) -> bool:
        return self.may_view(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Row | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Row | None = None) -> bool:
        return False


class OneRightAdmin(ListAdmin[Row]):
    """Rows that whoever has one right may see, add, change and delete, and nobody else; `may_edit` asks for it."""

    def may_edit(self, request: HttpRequest) -> bool:
        raise NotImplementedError

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.may_edit(request)

    def has_view_permission(self, request: HttpRequest, obj: Row | None = None) -> bool:
        return self.may_edit(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.may_edit(request)

    def has_change_permission(self, request: HttpRequest, obj: Row | None = None) -> bool:
        return self.may_edit(request)

    def has_delete_permission(self, request: HttpRequest, obj: Row | None = None) -> bool:
        return self.may_edit(request)
