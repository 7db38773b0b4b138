"""Pages for people who are not signed in yet: LinkedIn's login, invitations, forgotten passwords, lock-out.

Known and unknown addresses get the same responses, so that nobody finds out who has an account.
"""

import logging
import math
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from django.contrib import admin, messages
from django.contrib.auth import login
from django.contrib.auth.forms import SetPasswordForm
from django.contrib.auth.views import PasswordResetConfirmView
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse_lazy
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST
from django.views.generic import FormView, TemplateView
from django.views.generic.base import ContextMixin
from kombu.exceptions import OperationalError
from social_core.exceptions import AuthCanceled, AuthProviderError, SocialAuthBaseException
from social_django.views import auth

from accounts import audit_trail
from accounts.errors import NotInvited
from accounts.models import Invitation, User
from accounts.people import invitations, sessions
from accounts.people.security_notices import Notice, notify
from accounts.shell.request_values import only_parameters
from accounts.sign_in import linkedin_login, lock_out, password_reset
from accounts.sign_in.forms import ForgottenPasswordForm, JoinForm, NewPasswordForm
from accounts.sign_in.single_sign_on import provider_of

log = logging.getLogger(__name__)

_PASSWORD_BACKEND: Final = "accounts.sign_in.password_backend.PasswordBackend"  # noqa: S105

_BUSY_SECONDS: Final = 5
_BUSY = "Many people are signing in at this moment; try again in a few seconds."
_NO_MAIL = "Messages cannot be sent at the moment; try again in a few minutes."
_NOT_CONFIGURED = (
    "Nobody can sign in with LinkedIn here yet; set LINKEDIN_LOGIN_CLIENT_ID and LINKEDIN_LOGIN_CLIENT_SECRET "
    "and restart."
)
_CANCELLED = "You did not allow the login at {}; try again and choose Allow, or sign in another way."
_IDENTITY_IN_USE = (
    "This {} identity belongs to another account here; sign out first to switch between the two accounts."
)
_START_AGAIN = (
    "This login was not started in this browser, was used before or took too long; start again from the sign-in page."
)
_UNREACHABLE = "{} could not be reached to identify you; try again in a few minutes, or sign in another way."
_BROKEN = (
    "The login with {} failed; try again. If it fails again, ask an owner to check {} and the redirect URL that is "
    "registered there."
)


# --- LinkedIn ---


@require_POST
def begin_linkedin_login(request: HttpRequest, backend: str) -> HttpResponse:
    """The button's target: LinkedIn's login, if an app is configured for it."""
    if not linkedin_login.is_configured():
        return _trouble(request, _NOT_CONFIGURED, status=409)
    response: HttpResponse = auth(request, backend)
    return response


def linkedin_trouble(request: HttpRequest, error: SocialAuthBaseException) -> HttpResponse:
    """What went wrong at a login elsewhere, with the remedy; the other side's own words are not shown."""
    where, to_check = provider_of(error)
    if isinstance(error, linkedin_login.Refused):
        return _trouble(request, error.sentence, status=403)
    if isinstance(error, AuthCanceled) or request.GET.get("error", "").startswith("user_cancelled"):
        return _trouble(request, _CANCELLED.format(where), status=403)
    if error.code == "identity_in_use":
        return _trouble(request, _IDENTITY_IN_USE.format(where), status=403)
    if error.recovery == "restart_login" or error.source in {"session", "request"}:
        return _trouble(request, _START_AGAIN, status=400)
    if isinstance(error, AuthProviderError) and error.recovery == "retry_later":
        return _trouble(request, _UNREACHABLE.format(where), status=502)
    return _trouble(request, _BROKEN.format(where, to_check), status=502)


# --- Invitations ---


@sensitive_post_parameters()
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@only_parameters("next")
def invitation(request: HttpRequest, token: str) -> HttpResponse:
    """Shows who invites to which role; people join with LinkedIn, or with a name and a password."""
    found = invitations.find(token)
    if found is None:
        return _trouble(request, invitations.UNKNOWN, status=404, title="Invitation")
    if trouble := invitations.trouble_with(found, now=timezone.now()):
        return _trouble(request, trouble, status=410, title="Invitation")
    if request.user.is_authenticated:
        return _page(request, "invitation_signed_in", {"title": "Invitation", "invitation": found}, status=409)
    form = JoinForm(request.POST or None, email=found.email)
    if request.method == "POST" and form.is_valid():
        return _join(request, found, form.cleaned_data)
    context = {
        "title": "Invitation",
        "invitation": found,
        "ad_accounts": found.ad_accounts.all(),
        "form": form,
    }
    return _page(request, "invitation", context)


def _join(request: HttpRequest, found: Invitation, given: Mapping[str, str]) -> HttpResponse:
    try:
        person = invitations.accept(
            found.pk,
            now=timezone.now(),
            password=given["password1"],
            first_name=given["first_name"],
            last_name=given["last_name"],
        )
    except NotInvited as error:
        return _trouble(request, str(error), status=410, title="Invitation")
    login(request, person, backend=_PASSWORD_BACKEND)
    messages.success(request, f"Welcome, {person}.")
    return redirect("admin:index")


# --- Lock-out ---


def locked_out(request: HttpRequest, *, until: datetime) -> HttpResponse:
    """Too many failed attempts; the same for addresses without an account."""
    seconds = max(1, math.ceil((until - timezone.now()).total_seconds()))
    response = _page(request, "locked_out", {"title": "Too many attempts", "wait": _in_words(seconds)}, status=429)
    response["Retry-After"] = str(seconds)
    return response


def too_busy(request: HttpRequest) -> HttpResponse:
    """More people sign in at once than this machine can check passwords of."""
    response = _trouble(request, _BUSY, status=503, title="Busy")
    response["Retry-After"] = str(_BUSY_SECONDS)
    return response


def _in_words(seconds: int) -> str:
    """Such as 15 minutes or 2 hours, rounded up."""
    minutes = math.ceil(seconds / 60)
    count, unit = (minutes, "minute") if minutes < 120 else (math.ceil(minutes / 60), "hour")
    return f"{count} {unit}{'' if count == 1 else 's'}"


# --- Forgotten passwords ---


class _InTheShell(ContextMixin):
    """Gives the pages of django.contrib.auth what the theme's shell needs."""

    request: HttpRequest

    def get_context_data(self, **kwargs: object) -> dict[str, object]:
        return admin.site.each_context(self.request) | super().get_context_data(**kwargs)


@method_decorator(only_parameters(), name="dispatch")
class ForgottenPassword(_InTheShell, FormView):  # type: ignore[type-arg]  # Django has no generic one at run time
    """Has a link sent to people who have a password. Nothing here depends on who has an account, nor takes longer."""

    template_name = "accounts/password_reset.html"
    form_class = ForgottenPasswordForm
    success_url = reverse_lazy("people:password_reset_sent")
    extra_context = {"title": "Forgotten password"}  # noqa: RUF012

    def form_valid(self, form: ForgottenPasswordForm) -> HttpResponse:
        """Every request counts as a failed attempt: nobody needs many."""
        email = form.cleaned_data["email"]
        with lock_out.attempt(lock_out.Door.RESET, account=email, address=self.request.META.get("REMOTE_ADDR")):
            try:
                password_reset.send_link.delay(email)
            except OperationalError:
                log.error("No password can be reset by e-mail: the broker does not answer.")
                return _trouble(self.request, _NO_MAIL, status=503, title="Forgotten password")
        return super().form_valid(form)


@method_decorator(only_parameters(), name="dispatch")
class ResetSent(_InTheShell, TemplateView):
    template_name = "accounts/password_reset_sent.html"
    extra_context = {"title": "Check your inbox"}  # noqa: RUF012


@method_decorator(only_parameters(), name="dispatch")
class NewPassword(_InTheShell, PasswordResetConfirmView):
    """The page behind the link; a new password signs the person out everywhere and unlocks their login."""

    template_name = "accounts/new_password.html"
    form_class = NewPasswordForm
    reset_url_token = "choose"  # noqa: S105
    success_url = reverse_lazy("admin:login")
    title = "New password"

    def form_valid(self, form: "SetPasswordForm[User]") -> HttpResponse:
        person = self.user
        assert isinstance(person, User)  # a link without a person never gets here
        with transaction.atomic():
            response = super().form_valid(form)
            sessions.forget_all(person)
            assert isinstance(form, NewPasswordForm)
            form.end_tokens(person)
            lock_out.unlock(person.email)
            audit_trail.record("password_changed", actor=person, user_email=person.email, by="link")
            notify(person, Notice.PASSWORD_CHANGED, how="with a link that was sent to this address")
        messages.success(self.request, "Your password is changed; sign in with it.")
        return response


def _trouble(request: HttpRequest, sentence: str, *, status: int, title: str = "Sign in") -> HttpResponse:
    return _page(request, "sign_in_trouble", {"title": title, "sentence": sentence}, status=status)


def _page(request: HttpRequest, name: str, context: Mapping[str, object], status: int = 200) -> HttpResponse:
    return render(request, f"accounts/{name}.html", {**admin.site.each_context(request), **context}, status=status)
