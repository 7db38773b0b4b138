"""People, consents, grants and the audit trail in the admin, and what the admins of other rooms start from.

Who sees what is asked of `access.py`; Django's own permission tables are not used.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from django.core.paginator import Paginator
from django.db import connection as database
from django.db import transaction
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.functional import cached_property
from unfold.decorators import action
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from accounts import access, audit
from accounts.models import (
    AdAccount,
    AdAccountAccess,
    AuditEvent,
    ConsentWarning,
    LinkedInAdAccountRole,
    LinkedInConnection,
    User,
)

if TYPE_CHECKING:
    UnfoldAdmin = admin.ModelAdmin[Any]
    _UserAdmin = DjangoUserAdmin[User]
else:
    from unfold.admin import ModelAdmin as UnfoldAdmin

    class _UserAdmin(DjangoUserAdmin, UnfoldAdmin):
        pass


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


@admin.register(AdAccount)
class AdAccountAdmin(FactAdmin):
    ad_account_path = "pk"
    list_display = ["name", "id", "status", "currency", "type", "is_test", "missing_since"]
    list_filter = ["status", "currency", "type", "is_test"]
    search_fields = ["name", "id__exact"]


@admin.register(LinkedInAdAccountRole)
class LinkedInAdAccountRoleAdmin(FactAdmin):
    ad_account_path = "ad_account"
    list_display = ["ad_account", "role", "connection", "lost_at"]
    list_filter = [AdAccountFilter, "role"]
    search_fields = ["ad_account__name", "connection__user__email"]
    ordering = ["ad_account__name", "id"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        # Joined here and not by list_select_related, which leaves out the page of one row.
        rows = super().get_queryset(request).select_related("ad_account", "connection__user")
        return rows.defer(*_tokens("connection__"))


@admin.register(LinkedInConnection)
class LinkedInConnectionAdmin(ReadOnlyAdmin):
    list_display = ["__str__", "state_now", "days_left", "consent_ends_at", "trouble"]
    list_filter = ["state"]
    list_select_related = ["user"]
    search_fields = ["user__email"]
    ordering = ["id"]
    fields = [
        "user",
        "member_urn",
        "state_now",
        "days_left",
        "trouble",
        "scopes",
        "access_token_expires_at",
        "refresh_token_expires_at",
        "connected_at",
        "refreshed_at",
    ]
    actions_list = ["connect_linkedin"]
    actions_detail = ["end_consent"]

    def may_view(self, request: HttpRequest) -> bool:
        return access.may_connect_linkedin(request.user)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        # Never read here: a token whose key is lost must not break the page that says what to do.
        return super().get_queryset(request).defer(*_tokens())

    @admin.display(description="state", ordering="state")
    def state_now(self, connection: LinkedInConnection) -> str:
        """With `expiring`, which is not stored."""
        return connection.state_at(timezone.now()).replace("_", " ")

    @admin.display(description="days left")
    def days_left(self, connection: LinkedInConnection) -> int | None:
        is_alive = connection.state == LinkedInConnection.State.ACTIVE
        return connection.days_left(timezone.now()) if is_alive else None

    @action(description="Connect LinkedIn", url_path="connect")  # type: ignore[untyped-decorator]
    def connect_linkedin(self, request: HttpRequest) -> HttpResponse:
        return redirect("accounts:connect")

    @action(description="End this consent", url_path="end", permissions=["end_consent"])  # type: ignore[untyped-decorator]
    def end_consent(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return redirect("accounts:end_consent", connection_id=int(object_id))

    def has_end_consent_permission(self, request: HttpRequest, object_id: str) -> bool:
        rows = self.get_queryset(request)
        connection = rows.filter(pk=object_id).first() if str(object_id).isdecimal() else None
        return connection is not None and access.may_end_consent(request.user, connection)


@admin.register(ConsentWarning)
class ConsentWarningAdmin(ReadOnlyAdmin):
    list_display = ["sent_at", "connection", "days", "consented_at"]
    list_filter = ["days"]
    ordering = ["-sent_at", "-id"]

    def may_view(self, request: HttpRequest) -> bool:
        return access.may_connect_linkedin(request.user)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("connection__user").defer(*_tokens("connection__"))


def _tokens(prefix: str = "") -> list[str]:
    return [f"{prefix}access_token", f"{prefix}refresh_token"]


@admin.register(AdAccountAccess)
class AdAccountAccessAdmin(PeopleAdmin):
    """Which viewer may see which ad account; every change is recorded."""

    list_display = ["user", "ad_account", "granted_by", "granted_at"]
    list_filter = ["user"]
    list_select_related = ["user", "ad_account", "granted_by"]
    search_fields = ["user__email", "ad_account__name"]
    autocomplete_fields = ["user", "ad_account"]
    fields = ["user", "ad_account"]
    ordering = ["user__email", "ad_account__name", "id"]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A grant is given or taken back, never bent into another."""
        return False

    def save_model(self, request: HttpRequest, obj: AdAccountAccess, form: Any, change: bool) -> None:
        obj.granted_by = _actor(request)
        super().save_model(request, obj, form, change)
        self._record("ad_account_granted", request, obj)

    def delete_model(self, request: HttpRequest, obj: AdAccountAccess) -> None:
        self._record("ad_account_grant_taken_back", request, obj)
        super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        with transaction.atomic():
            for grant in queryset.select_related("user"):
                self.delete_model(request, grant)

    @staticmethod
    def _record(kind: str, request: HttpRequest, grant: AdAccountAccess) -> None:
        audit.record(kind, actor=_actor(request), ad_account_id=grant.ad_account_id, user_email=grant.user.email)


@admin.register(AuditEvent)
class AuditEventAdmin(ReadOnlyAdmin):
    list_display = ["happened_at", "kind", "actor_email", "ad_account_id", "detail"]
    list_filter = ["kind"]
    search_fields = ["actor_email", "kind", "ad_account_id__exact"]
    date_hierarchy = "happened_at"
    ordering = ["-happened_at", "-id"]
    paginator = EstimatingPaginator

    def may_view(self, request: HttpRequest) -> bool:
        return access.may_manage_people(request.user)


class NewPersonForm(UserCreationForm):  # type: ignore[misc]
    """A new person; they sign in here unless told otherwise."""

    class Meta:
        model = User
        fields = ("email", "first_name", "last_name", "role", "is_staff")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["is_staff"].initial = True


class PersonForm(UserChangeForm):  # type: ignore[misc]
    class Meta:
        model = User
        fields = "__all__"
        field_classes: ClassVar[dict[str, type[forms.Field]]] = {}


@admin.register(User)
class UserAdmin(PeopleAdmin, _UserAdmin):
    """People: the e-mail address is the login, the role says everything about rights."""

    form = PersonForm
    add_form = NewPersonForm
    change_password_form = AdminPasswordChangeForm
    list_display = ["email", "first_name", "last_name", "role", "is_staff", "is_active", "last_login"]
    list_filter = ["role", "is_staff", "is_active"]
    search_fields = ["email", "first_name", "last_name"]
    ordering = ["email"]
    filter_horizontal = []
    readonly_fields = ["last_login", "date_joined"]
    fieldsets = (
        (None, {"fields": ("email", "password")}),
        ("Person", {"fields": ("first_name", "last_name")}),
        ("Rights", {"fields": ("role", "is_staff", "is_active")}),
        ("Dates", {"fields": ("last_login", "date_joined")}),
    )
    add_fieldsets = (
        (None, {"fields": ("email", "first_name", "last_name", "role", "is_staff")}),
        ("Password", {"fields": ("usable_password", "password1", "password2")}),
    )

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Nobody removes themselves: somebody must be left to manage people."""
        return super().has_delete_permission(request, obj) and obj != request.user

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if not change:
            audit.record("user_added", actor=_actor(request), user_email=obj.email, role=obj.role)
        elif form.changed_data:
            audit.record(
                "user_changed",
                actor=_actor(request),
                user_email=obj.email,
                role=obj.role,
                changed=sorted(form.changed_data),
            )

    def delete_model(self, request: HttpRequest, obj: User) -> None:
        audit.record("user_removed", actor=_actor(request), user_email=obj.email)
        super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        with transaction.atomic():
            for person in queryset.exclude(pk=request.user.pk):
                self.delete_model(request, person)


def _actor(request: HttpRequest) -> User | None:
    return request.user if isinstance(request.user, User) else None


# Roles are code; groups would promise something that nothing reads.
admin.site.unregister(Group)
