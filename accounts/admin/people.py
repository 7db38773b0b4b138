"""People: who signs in, and what their role lets them do."""

from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.db import transaction
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from accounts import audit
from accounts.admin.base import PeopleAdmin, UnfoldAdmin, actor_of
from accounts.models import User

if TYPE_CHECKING:
    _UserAdmin = DjangoUserAdmin[User]
else:

    class _UserAdmin(DjangoUserAdmin, UnfoldAdmin):
        pass


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
            audit.record("user_added", actor=actor_of(request), user_email=obj.email, role=obj.role)
        elif form.changed_data:
            audit.record(
                "user_changed",
                actor=actor_of(request),
                user_email=obj.email,
                role=obj.role,
                changed=sorted(form.changed_data),
            )

    def delete_model(self, request: HttpRequest, obj: User) -> None:
        audit.record("user_removed", actor=actor_of(request), user_email=obj.email)
        super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        with transaction.atomic():
            for person in queryset.exclude(pk=request.user.pk):
                self.delete_model(request, person)
