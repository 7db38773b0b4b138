"""People: who signs in, who is invited, who is locked out, and what a role lets them do."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import qsessions.admin  # noqa: F401
import social_django.admin  # noqa: F401  (registers what is taken off the site below)
from django import forms
from django.contrib import admin, messages
from django.contrib.admin.models import LogEntry
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.html import format_html
from qsessions.models import Session
from social_django.models import Association, Nonce, UserSocialAuth
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from accounts import audit_trail
from accounts.access import person_of
from accounts.admin.base import PeopleAdmin
from accounts.api_tokens import token_store
from accounts.consents import connections
from accounts.errors import LastOwner, NotInvited
from accounts.models import AdAccount, FailedLogin, Invitation, User
from accounts.people import invitations, membership, sessions
from accounts.people.security_notices import Notice, notify
from accounts.roles import Role
from accounts.shell.admin_base import UnfoldAdmin
from accounts.shell.admin_columns import instant_column
from accounts.sign_in.second_step import confirmation

if TYPE_CHECKING:
    _UserAdmin = DjangoUserAdmin[User]
else:

    class _UserAdmin(DjangoUserAdmin, UnfoldAdmin):
        pass


_LAST_LOGIN = instant_column("last_login", "last login")
_JOINED = instant_column("date_joined", "joined")
_SECOND_STEP = instant_column("second_step_since", "second step since")
_INVITED = instant_column("created_at", "invited")
_EXPIRES = instant_column("expires_at", "expires")
_ACCEPTED = instant_column("accepted_at", "accepted")
_REVOKED = instant_column("revoked_at", "revoked")
_TRIED = instant_column("last_failed_at", "last try")

# Pages of libraries that would show keys of sessions and identities, under permissions that nothing here uses.
for _model in (Session, Association, Nonce, UserSocialAuth):
    admin.site.unregister(_model)


class NewPersonForm(UserCreationForm):  # type: ignore[misc]
    """A new person, without an invitation."""

    class Meta:
        model = User
        fields = ("email", "first_name", "last_name", "role")


class PersonForm(UserChangeForm):  # type: ignore[misc]
    class Meta:
        model = User
        fields = "__all__"
        field_classes: ClassVar[dict[str, type[forms.Field]]] = {}

    def clean(self) -> dict[str, object]:
        """Refuses to demote the last owner; the rows stay locked until the change is stored."""
        given: dict[str, Any] = super().clean() or self.cleaned_data
        before = User.objects.get(pk=self.instance.pk)
        role, is_active = given.get("role", before.role), given.get("is_active", before.is_active)
        if membership.loses_an_owner(before, role=role, is_active=is_active):
            try:
                membership.require_another_owner(before.pk)
            except LastOwner as error:
                raise ValidationError(str(error)) from None
        return given


@admin.register(User)
class UserAdmin(PeopleAdmin[User], _UserAdmin):
    """People: the e-mail address is the login, the role decides all rights."""

    form = PersonForm
    add_form = NewPersonForm
    change_password_form = AdminPasswordChangeForm
    list_display = ["email", "first_name", "last_name", "role", "is_active", _SECOND_STEP, _LAST_LOGIN]
    list_filter = ["role", "is_active"]
    search_fields = ["email", "first_name", "last_name"]
    ordering = ["email"]
    filter_horizontal = []
    readonly_fields: ClassVar[Any] = [_LAST_LOGIN, _JOINED, _SECOND_STEP]
    actions = ["end_sessions"]

    class Media:
        js = ("accounts/password_strength.js",)

    nothing_yet = "Nobody can sign in. `manage.py createsuperuser` creates the first owner."
    fieldsets: ClassVar[Any] = (
        (None, {"fields": ("email", "password")}),
        ("Person", {"fields": ("first_name", "last_name")}),
        ("Rights", {"fields": ("role", "is_active")}),
        ("Dates", {"fields": (_LAST_LOGIN, _JOINED, _SECOND_STEP)}),
    )
    add_fieldsets = (
        (None, {"fields": ("email", "first_name", "last_name", "role")}),
        ("Password", {"fields": ("usable_password", "password1", "password2")}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        """Service accounts have a list of their own."""
        return super().get_queryset(request).filter(is_service_account=False)

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """People cannot remove themselves: somebody has to manage people."""
        return super().has_delete_permission(request, obj) and obj != request.user

    def save_model(self, request: HttpRequest, obj: User, form: "forms.ModelForm[User]", change: bool) -> None:
        if change:
            membership.save(obj, actor=person_of(request), changed=form.changed_data)
            return
        super().save_model(request, obj, form, change)
        audit_trail.record("user_added", actor=person_of(request), user_email=obj.email, role=obj.role)

    @method_decorator(confirmation.confirmed)
    @transaction.atomic
    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:  # noqa: A002
        """Records that a password was set or removed, and ends the sessions and API tokens of before."""
        person = self.get_object(request, id)
        before = person.password if person else ""
        response = super().user_change_password(request, id, form_url)
        if person and User.objects.values_list("password", flat=True).get(pk=person.pk) != before:
            sessions.forget_all(person, exclude_key=request.session.session_key)
            token_store.end_all(person, actor=person_of(request), why="the password was changed")
            audit_trail.record("password_changed", actor=person_of(request), user_email=person.email)
            notify(person, Notice.PASSWORD_CHANGED, how=f"by {person_of(request)}")
        return response

    @admin.action(description="End all sessions of the selected people")
    def end_sessions(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        ended = sum(
            sessions.end_all(person, actor=person_of(request), exclude_key=request.session.session_key)
            for person in queryset
        )
        messages.success(
            request, f"{ended} session{'' if ended == 1 else 's'} ended; the one you are using stays signed in."
        )

    def get_deleted_objects(
        self, objs: Sequence[User] | QuerySet[User], request: HttpRequest
    ) -> tuple[list[str], dict[str, int], set[str], list[str]]:
        """What belongs to them is deleted, too, even what nobody may delete on its own, such as API tokens."""
        shown, counts, _, protected = super().get_deleted_objects(objs, request)
        return shown, counts, set(), protected

    def log_deletions(self, request: HttpRequest, queryset: QuerySet[User]) -> list[LogEntry]:
        """The audit trail records it; the admin's own log would keep the name."""
        return []

    def delete_model(self, request: HttpRequest, obj: User) -> None:
        membership.remove(obj, actor=person_of(request))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        with transaction.atomic():
            for person in queryset.exclude(pk=person_of(request).pk):
                self.delete_model(request, person)

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, object] | None = None
    ) -> HttpResponse:
        person = self.get_object(request, object_id) if request.method == "GET" else None
        if person and (living := connections.living_of(person, now=timezone.now())):
            which = ", ".join(map(str, living))
            messages.warning(
                request,
                f"Their LinkedIn consent (connection {which}) stays in use, so that syncs do not stop. To end it, too, "
                "open it under Connections and end it first.",
            )
        try:
            return super().delete_view(request, object_id, extra_context)
        except LastOwner as error:
            messages.error(request, str(error))
            return redirect("admin:accounts_user_change", object_id)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, object] | None = None) -> HttpResponse:
        try:
            return super().changelist_view(request, extra_context)
        except LastOwner as error:
            messages.error(request, str(error))
            return redirect("admin:accounts_user_changelist")


class InvitationForm(forms.ModelForm):  # type: ignore[type-arg]  # Django has no generic one at run time
    """Whom to invite, and in which role; a viewer without ad accounts would see nothing."""

    class Meta:
        model = Invitation
        fields = ("email", "role", "ad_accounts")

    def clean_email(self) -> str:
        email: str = self.cleaned_data["email"]
        if trouble := invitations.trouble_with_inviting(email, now=timezone.now()):
            raise ValidationError(trouble)
        return email

    def clean(self) -> dict[str, object]:
        given = super().clean() or self.cleaned_data
        misses = given.get("role") == Role.VIEWER and "ad_accounts" in given and not given["ad_accounts"]
        if misses and AdAccount.objects.exists():
            self.add_error("ad_accounts", "Viewers see only what is granted to them; choose at least one ad account.")
        return given

    def save_m2m(self) -> None:
        """`InvitationAdmin.save_form` has stored the ad accounts."""


class InvitationStateFilter(admin.SimpleListFilter):
    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: "admin.ModelAdmin[Invitation]") -> list[tuple[str, str]]:
        return Invitation.State.choices

    def queryset(self, request: HttpRequest, queryset: QuerySet[Invitation]) -> QuerySet[Invitation]:
        unused = queryset.filter(accepted_at=None, revoked_at=None)
        now = timezone.now()
        narrowed = {
            Invitation.State.PENDING: unused.filter(expires_at__gt=now),
            Invitation.State.EXPIRED: unused.filter(expires_at__lte=now),
            Invitation.State.ACCEPTED: queryset.exclude(accepted_at=None),
            Invitation.State.REVOKED: queryset.exclude(revoked_at=None),
        }
        return {str(state): rows for state, rows in narrowed.items()}.get(self.value() or "", queryset)


@admin.register(Invitation)
class InvitationAdmin(PeopleAdmin[Invitation]):
    """Inviting people; an invitation is sent again or revoked, never changed into another."""

    form = InvitationForm
    list_display = ["email", "role", "state", "invited_by", _INVITED, _EXPIRES]
    list_filter = [InvitationStateFilter, "role"]
    list_select_related = ["invited_by"]
    search_fields = ["email"]
    ordering = ["-created_at", "-id"]
    autocomplete_fields = ["ad_accounts"]
    conditional_fields = {"ad_accounts": "role == 'viewer'"}
    actions = ["resend", "revoke"]
    nothing_yet = (
        "Nobody has been invited yet. Invited people get an e-mail with a link that lets them join in their role."
    )

    def get_fields(self, request: HttpRequest, obj: Invitation | None = None) -> list[Any]:
        editable = ["email", "role", "ad_accounts"]
        known = ["state", "invited_by", _INVITED, _EXPIRES, _ACCEPTED, _REVOKED]
        return editable + known if obj else editable

    def has_change_permission(self, request: HttpRequest, obj: Invitation | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Invitation | None = None) -> bool:
        """They record who invited whom."""
        return False

    @admin.display(description="state")
    def state(self, invitation: Invitation) -> str:
        return Invitation.State(invitation.state_at(timezone.now())).label

    def save_form(self, request: HttpRequest, form: InvitationForm, change: bool) -> Invitation:
        """Invites; the form's own row is never stored."""
        given = form.cleaned_data
        actor = person_of(request)
        invitation, token = invitations.invite(
            email=given["email"],
            role=given["role"],
            ad_accounts=given["ad_accounts"],
            actor=actor,
            now=timezone.now(),
        )
        self._deliver(request, invitation, token)
        return invitation

    def save_model(self, request: HttpRequest, obj: Invitation, form: InvitationForm, change: bool) -> None:
        """`save_form` has stored it."""

    def has_resend_permission(self, request: HttpRequest) -> bool:
        return self.has_add_permission(request)

    @admin.action(description="Send again with a new link", permissions=["resend"])
    def resend(self, request: HttpRequest, queryset: QuerySet[Invitation]) -> None:
        actor = person_of(request)
        for invitation_id in queryset.values_list("pk", flat=True):
            try:
                self._deliver(request, *invitations.resend(invitation_id, actor=actor, now=timezone.now()))
            except NotInvited as error:
                messages.error(request, str(error))

    @admin.action(description="Revoke", permissions=["resend"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[Invitation]) -> None:
        actor = person_of(request)
        ids = queryset.values_list("pk", flat=True)
        revoked = sum(invitations.revoke(invitation_id, actor=actor, now=timezone.now()) for invitation_id in ids)
        messages.success(request, f"{revoked} invitation{'' if revoked == 1 else 's'} revoked.")

    def _deliver(self, request: HttpRequest, invitation: Invitation, token: str) -> None:
        """Send the link once it is stored, and show it: it can be passed on manually, and is never shown again."""
        url = invitations.url_of(token)

        def send() -> None:
            if not invitations.send(invitation, url=url):
                sentence = (
                    f"The e-mail to {invitation.email} could not be sent; check the EMAIL_ settings, and pass on "
                    "the link below yourself in the meantime."
                )
                messages.warning(request, sentence)
            shown = "The invitation of {} is valid for a week with this link, which is shown only once: {}"
            messages.info(request, format_html(shown, invitation.email, url))

        transaction.on_commit(send)


@admin.register(FailedLogin)
class FailedLoginAdmin(PeopleAdmin[FailedLogin]):
    """Failed attempts of the last day, by account and by network; removing a row unlocks it."""

    list_display = ["account", "network", "door", "failures", _TRIED]
    list_filter = ["door"]
    search_fields = ["account", "network"]
    ordering = ["-last_failed_at", "-id"]
    fields: ClassVar[Any] = ["account", "network", "door", "failures", _TRIED]
    nothing_yet = "No recent failed logins. Accounts and networks with too many failed attempts can be unlocked here."
    actions = ["unlock"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: FailedLogin | None = None) -> bool:
        return False

    @admin.action(description="Unlock", permissions=["delete"])
    def unlock(self, request: HttpRequest, queryset: QuerySet[FailedLogin]) -> None:
        unlocked, _ = queryset.delete()
        messages.success(request, f"{unlocked} login{'' if unlocked == 1 else 's'} unlocked.")
