"""What the admins of every room start from: who may look, which rows, and lengths that do not scan tables."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import admin
from django.core.paginator import Paginator
from django.db import connection as database
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.functional import cached_property

from accounts import access
from accounts.models import User

if TYPE_CHECKING:
    UnfoldAdmin = admin.ModelAdmin[Any]
else:
    from unfold.admin import ModelAdmin as UnfoldAdmin

# Below this many rows counting them costs less than being wrong.
_WORTH_COUNTING = 100_000


class EstimatingPaginator(Paginator):  # type: ignore[type-arg]  # Django has no generic one at run time
    """Takes PostgreSQL's own estimate for the length of a large table that no filter narrows."""

    @cached_property
    def count(self) -> int:
        query = getattr(self.object_list, "query", None)
        if query is not None and not query.where:
            estimate = _estimated_rows(query.model._meta.db_table)
            if estimate > _WORTH_COUNTING:
                return estimate
        return super().count


def _estimated_rows(table: str) -> int:
    with database.cursor() as cursor:
        cursor.execute("SELECT reltuples::bigint FROM pg_class WHERE oid = %s::regclass", [table])
        row = cursor.fetchone()
    return int(row[0]) if row else 0


class AdAccountFilter(admin.SimpleListFilter):
    """Narrows a list to one ad account; offers only those the person may see."""

    title = "ad account"
    parameter_name = "ad_account"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        self._path: str = model_admin.ad_account_path
        return [(str(one.pk), str(one)) for one in access.visible_ad_accounts(request.user)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value()
        if not value:
            return queryset
        return queryset.filter(**{self._path: int(value)}) if value.isdecimal() else queryset.none()


class ReadOnlyAdmin(UnfoldAdmin):
    """Rows to look at and never to change; `may_view` says by whom."""

    list_per_page = 50
    show_full_result_count = False

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


class FactAdmin(ReadOnlyAdmin):
    """What LinkedIn told: every active member of staff sees the rows of the ad accounts they may see.

    `ad_account_path` leads from a row to its ad account; None where rows belong to none.
    """

    ad_account_path: ClassVar[str | None] = "account"

    def may_view(self, request: HttpRequest) -> bool:
        return bool(request.user.is_active and request.user.is_staff)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows = super().get_queryset(request)
        # No filter for those who see everything: it would hide rows without an ad account and cost a join.
        if self.ad_account_path is None or access.sees_every_ad_account(request.user):
            return rows
        return rows.filter(**{f"{self.ad_account_path}__in": access.visible_ad_accounts(request.user)})


class PeopleAdmin(UnfoldAdmin):
    """Rows that only those who manage people may see and change."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        return access.may_manage_people(request.user)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return access.may_manage_people(request.user)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return access.may_manage_people(request.user)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return access.may_manage_people(request.user)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return access.may_manage_people(request.user)


def actor_of(request: HttpRequest) -> User | None:
    return request.user if isinstance(request.user, User) else None
