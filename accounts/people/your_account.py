"""Your account: a person's role and rights, how they sign in, and where they are signed in."""

from dataclasses import dataclass
from typing import Final

from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin.views.decorators import staff_member_required
from django.contrib.auth.views import PasswordChangeView
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse_lazy
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from accounts import audit_trail
from accounts.access import person_of
from accounts.models import User
from accounts.people import sessions
from accounts.people.security_notices import Notice, notify
from accounts.roles import rights_of
from accounts.shell.request_values import only_parameters
from accounts.sign_in.forms import OwnPasswordForm


@dataclass(frozen=True, slots=True)
class Section:
    """One page of "Your account"; `route` is the name of its URL."""

    title: str
    route: str


SECTIONS: Final = [
    Section("You and your sessions", "people:me"),
    Section("Password", "people:password"),
    Section("Second step", "people:second_steps"),
    Section("API tokens", "accounts:api_tokens"),
]


@never_cache
@staff_member_required
@require_GET
@only_parameters()
def me(request: HttpRequest) -> HttpResponse:
    """Name, rights, ways to sign in, and every browser that is signed in."""
    person = person_of(request)
    browsers = sessions.signed_in_browsers(person, this_key=request.session.session_key, now=timezone.now())
    context = {
        "title": "Your account",
        "person": person,
        "rights": rights_of(person.role),
        "ways_in": _ways_in(person),
        "browsers": browsers,
        "has_others": any(not browser.is_this_one for browser in browsers),
    }
    return render(request, "accounts/me.html", shell(request) | context)


@staff_member_required
@require_POST
def own_sessions(request: HttpRequest) -> HttpResponse:
    """Ends one of the person's own sessions, or all but this one."""
    person = person_of(request)
    if session_id := request.POST.get("session"):
        ended = int(sessions.end(person, session_id, actor=person))
    else:
        ended = sessions.end_all(person, actor=person, exclude_key=request.session.session_key)
    sentence = f"{ended} session{'' if ended == 1 else 's'} ended." if ended else "That session had already ended."
    messages.success(request, sentence)
    return redirect("people:me")


@method_decorator([never_cache, staff_member_required, only_parameters()], name="dispatch")
class OwnPassword(PasswordChangeView):
    """A new password in exchange for the old one; it ends every other session, and API tokens that are not kept."""

    template_name = "accounts/own_password.html"
    form_class = OwnPasswordForm
    success_url = reverse_lazy("people:me")
    title = "Password"

    def get_context_data(self, **kwargs: object) -> dict[str, object]:
        return shell(self.request) | super().get_context_data(**kwargs)

    def get_form_kwargs(self) -> dict[str, object]:
        return super().get_form_kwargs() | {"address": self.request.META.get("REMOTE_ADDR")}

    def form_valid(self, form: OwnPasswordForm) -> HttpResponse:  # type: ignore[override]  # of `form_class`
        person = person_of(self.request)
        with transaction.atomic():
            response = super().form_valid(form)
            sessions.forget_all(person, exclude_key=self.request.session.session_key)
            form.end_tokens(person)
            audit_trail.record("password_changed", actor=person, user_email=person.email)
            notify(person, Notice.PASSWORD_CHANGED, how="on the page Your account")
        messages.success(self.request, "Your password is changed, and you are signed out everywhere else.")
        return response


def shell(request: HttpRequest) -> dict[str, object]:
    """What the page of every section needs besides its own content."""
    is_without_passwords = settings.SIGN_IN_WITH == "sso"
    sections = [one for one in SECTIONS if not (is_without_passwords and one.route == "people:password")]
    return {**admin.site.each_context(request), "sections": sections}


def _ways_in(person: User) -> list[str]:
    ways = ["Password"] if person.has_usable_password() and settings.SIGN_IN_WITH != "sso" else []
    names = {"oidc": settings.OIDC_NAME, "linkedin-openidconnect": "LinkedIn"}
    providers = person.social_auth.values_list("provider", flat=True).order_by("provider").distinct()
    return [*ways, *(names.get(provider, provider) for provider in providers)]
