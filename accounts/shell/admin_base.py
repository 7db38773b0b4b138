"""What the admins of every room start from: who may look, which rows, and how they are shown."""

from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.functional import cached_property

from accounts import access
from accounts.shell import row_links
from accounts.shell.admin_columns import API_WORDS, Column, columns
from accounts.shell.admin_exports import ExportsList
from accounts.shell.admin_filters import AdAccountFilter, ApiWordFilter
from accounts.shell.admin_paging import EstimatingPaginator

__all__ = ["AdAccountFilter", "EstimatingPaginator", "FactAdmin", "PeopleAdmin", "ReadOnlyAdmin", "UnfoldAdmin"]

if TYPE_CHECKING:
    UnfoldAdmin = admin.ModelAdmin[Any]
else:
    from unfold.admin import ModelAdmin as UnfoldAdmin


class ListAdmin(UnfoldAdmin):
    """A list that says, where it is empty, what to do for rows to appear."""

    nothing_yet: ClassVar[str]


class ReadOnlyAdmin(ListAdmin):
    """Rows to look at and never to change; `may_view` says by whom.

    Fields are shown as their type asks for; a method of the same name goes before.
    """

    list_per_page = 50
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    list_filter_submit = True
    paginator = EstimatingPaginator
    change_form_outer_before_template = "admin/row_links.html"
    labels: ClassVar[dict[str, str]] = {}

    def currency_of(self, row: Any, name: str) -> str | None:
        """The currency of an amount of the row."""
        return None

    def of_ad_account(self, rows: QuerySet[Any], ad_account_id: int) -> QuerySet[Any]:
        """The rows of one ad account."""
        return rows.filter(**{self.ad_account_path: ad_account_id})  # type: ignore[attr-defined]

    @cached_property
    def _list_columns(self) -> dict[str, Column]:
        return self._columns([field.name for field in self.opts.concrete_fields], in_list=True)

    @cached_property
    def _row_fields(self) -> dict[str, Column]:
        return self._columns([field.name for field in self.opts.concrete_fields], in_list=False)

    def _columns(self, names: list[str], *, in_list: bool) -> dict[str, Column]:
        own = [name for name in names if not hasattr(type(self), name)]
        return columns(self.model, own, labels=self.labels, currency_of=self.currency_of, in_list=in_list)

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        names: Any = super().get_list_display(request)
        first, *rest = names
        shown = self._list_columns
        # The first one leads to the row: no link may stand within it.
        if first in shown and not self.opts.get_field(first).is_relation:
            first = shown[first]
        return [first, *(shown.get(name, name) for name in rest)]

    def get_list_filter(self, request: HttpRequest) -> list[Any]:
        """Narrowed by the words that the columns show."""
        return [
            (name, ApiWordFilter)
            if name in API_WORDS and not getattr(self.opts.get_field(name), "choices", None)
            else name
            for name in super().get_list_filter(request)
        ]

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """Where nothing was counted nothing is asked for: a search in vain reads its table once, not twice."""
        shown: Any = super().get_changelist_instance(request)
        if not shown.result_count:
            shown.result_list = shown.queryset.none()
        return shown

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        names: Any = self.fields or [field.name for field in self.opts.concrete_fields]
        return [self._row_fields.get(name, name) for name in names]

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        row = kwargs.get("obj")
        context["row_links"] = row_links.links_of(row, request) if row else []
        return super().render_change_form(request, context, *args, **kwargs)

    def may_view(self, request: HttpRequest) -> bool:
        raise NotImplementedError

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.may_view(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.may_view(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class FactAdmin(ExportsList, ReadOnlyAdmin):
    """What LinkedIn told: every active member of staff sees the rows of the ad accounts they may see.

    `ad_account_path` leads from a row to its ad account; None where rows belong to none.
    """

    ad_account_path: ClassVar[str | None] = "account"
    is_open_to_all_who_see_its_rows = True

    def may_view(self, request: HttpRequest) -> bool:
        return bool(request.user.is_active and request.user.is_staff)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows = super().get_queryset(request)
        # No filter for those who see everything: it would hide rows without an ad account and cost a join.
        if self.ad_account_path is None or access.sees_every_ad_account(request.user):
            return rows
        return rows.filter(**{f"{self.ad_account_path}__in": access.visible_ad_accounts(request.user)})


class OneRightAdmin(ListAdmin):
    """Rows that whoever has one right may see, add, change and delete, and nobody else; `may_edit` asks for it."""

    def may_edit(self, request: HttpRequest) -> bool:
        raise NotImplementedError

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.may_edit(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.may_edit(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.may_edit(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.may_edit(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.may_edit(request)


class PeopleAdmin(OneRightAdmin):
    """Rows that only those who manage people may see and change."""

    def may_edit(self, request: HttpRequest) -> bool:
        return access.may_manage_people(request.user)
