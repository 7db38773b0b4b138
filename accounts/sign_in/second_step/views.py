"""Pages of the second step: passing it, setting it up, recovery codes, and the list of a person's devices."""

import json
from typing import Final
from urllib.parse import quote

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render, resolve_url
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_http_methods, require_POST
from unfold.widgets import UnfoldAdminTextInputWidget

from accounts import audit_trail
from accounts.access import person_of
from accounts.errors import LockedOut, PasskeyRefused, UndecryptableToken
from accounts.models import AuthenticatorApp, User
from accounts.people.your_account import shell
from accounts.shell.request_values import only_parameters
from accounts.sign_in.second_step import confirmation, devices, guesses, one_time_codes, passkeys, session

_RECOVERY: Final = "a recovery code"
_WRONG: Final = "This code is not valid. Codes change every 30 seconds, and each works once."
_LOCKED: Final = "Too many wrong codes. Try again later, or ask an owner to unlock it under Failed logins."
_UNREADABLE: Final = (
    "Codes of your app cannot be checked, because its encryption key is missing; use a recovery code or a passkey, or "
    "ask whoever runs this service to put the key back into FIELD_ENCRYPTION_KEYS."
)
_NO_JSON: Final = "This is not what a browser sends; reload the page and try again."
_LAST_ONE: Final = "Your role needs a second step; add another device before you remove this one."
_FULL: Final = f"You have {devices.MAX_DEVICES} devices, which is the limit; remove one first."


class CodeForm(forms.Form):
    code = forms.CharField(
        max_length=40,
        widget=UnfoldAdminTextInputWidget(
            attrs={"autocomplete": "one-time-code", "autofocus": "", "spellcheck": "false", "autocapitalize": "none"}
        ),
    )


class NameForm(forms.Form):
    """What a new device is called."""

    name = forms.CharField(
        max_length=devices.MAX_NAME,
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"}),
        help_text="So that you recognize it in the list.",
    )


# --- Passing it ---


@sensitive_post_parameters("code")
@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@only_parameters("next")
def second_step(request: HttpRequest) -> HttpResponse:
    """Takes a code of an app, a recovery code or a passkey; leads people without a device to setting one up."""
    person = person_of(request)
    if not session.has_one(person):
        return redirect("people:second_steps" if session.needs_one(person) else "admin:index")
    if not session.is_due(request) and not session.is_stale(request):
        return redirect(_next(request))
    form = CodeForm(request.POST if request.method == "POST" else None)
    status = 200
    if form.is_bound and form.is_valid():
        try:
            with guesses.guess(request, person) as guess:
                device, trouble = _check_code(person, form.cleaned_data["code"])
                guess.passed = device is not None
                if device is None:
                    _record_failure(request, person)
        except LockedOut:
            device, trouble, status = None, _LOCKED, 429
        if device:
            return _passed(request, person, device)
        form.add_error("code", trouble)
    context = {
        "title": "Second step",
        "form": form,
        "is_due": session.is_due(request),
        "has_passkeys": passkeys.has_any(person),
        "passkeys_are_possible": passkeys.are_possible(request),
        "next": _next(request),
    }
    return _page(request, "second_step", context, status=status)


def _check_code(person: User, code: str) -> tuple[str | None, str]:
    """What gave this code, or else what is wrong."""
    trouble = _WRONG
    try:
        if device := devices.app_that_gave(person, code, now=timezone.now()):
            return device, ""
    except UndecryptableToken:
        trouble = _UNREADABLE
    return (_RECOVERY, "") if devices.use_recovery_code(person, code) else (None, trouble)


def _passed(request: HttpRequest, person: User, device: str) -> HttpResponse:
    _record_passed(request, person, device)
    if device == _RECOVERY:
        left = devices.codes_left(person)
        sentence = f"{left} recovery code{' is' if left == 1 else 's are'} left; you can create new ones here."
        messages.warning(request, sentence)
        return redirect("people:second_steps")
    return redirect(_next(request))


@never_cache
@require_POST
def begin_passkey(request: HttpRequest) -> JsonResponse:
    """The options with which the browser asks for one of the person's passkeys."""
    person = _signed_in(request)
    if person is None or not passkeys.has_any(person):
        return _refusal("Sign in first.", status=403)
    return JsonResponse(passkeys.begin_use(request, person))


@never_cache
@require_POST
def complete_passkey(request: HttpRequest) -> JsonResponse:
    """Checks what the passkey signed."""
    person = _signed_in(request)
    if person is None:
        return _refusal("Sign in first.", status=403)
    try:
        with guesses.guess(request, person) as guess:
            device, trouble = _check_passkey(request, person)
            guess.passed = device is not None
            if device is None:
                _record_failure(request, person)
    except LockedOut:
        device, trouble = None, _LOCKED
    if device is None:
        return _refusal(trouble, status=429 if trouble == _LOCKED else 400)
    _record_passed(request, person, device)
    return JsonResponse({"next": _next(request)})


def _check_passkey(request: HttpRequest, person: User) -> tuple[str | None, str]:
    """The passkey that signed the challenge, or else what is wrong."""
    try:
        return passkeys.complete_use(request, person, _json(request)), ""
    except PasskeyRefused as error:
        return None, str(error)


def _record_passed(request: HttpRequest, person: User, device: str) -> None:
    session.record_passed(request)
    audit_trail.record("second_step_passed", actor=person, device=device, ip=request.META.get("REMOTE_ADDR"))


def _record_failure(request: HttpRequest, person: User) -> None:
    audit_trail.record("second_step_failed", actor=person, ip=request.META.get("REMOTE_ADDR"))


# --- The person's devices ---


@never_cache
@login_required
@require_http_methods(["GET", "HEAD"])
@only_parameters()
def second_steps(request: HttpRequest) -> HttpResponse:
    """The devices, and the ways to add one; before the first one also the page that a role's requirement leads to."""
    person = person_of(request)
    context: dict[str, object] = {
        "title": "Second step" if session.has_one(person) else "Set up your second step",
        "devices": devices.devices_of(person),
        "codes_left": devices.codes_left(person),
        "is_required": session.needs_one(person),
        "is_stale": session.is_stale(request),
        "confirm_url": confirmation.address(reverse("people:second_steps")),
        "app_form": NameForm(auto_id="app-%s", initial={"name": "My phone"}),
        "passkey_form": NameForm(auto_id="passkey-%s", initial={"name": "My passkey"}),
        "passkeys_are_possible": passkeys.are_possible(request),
    }
    return _page(request, "second_steps", context)


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@only_parameters()
@confirmation.confirmed
def add_app(request: HttpRequest) -> HttpResponse:
    """Makes the secret of a new app; the next page shows it."""
    person = person_of(request)
    if request.method != "POST":
        return redirect("people:second_steps")
    form = NameForm(request.POST)
    if not devices.has_room(person):
        messages.error(request, _FULL)
    elif form.is_valid():
        devices.begin_app(person, name=form.cleaned_data["name"], now=timezone.now())
        return redirect("people:authenticator_app")
    return redirect("people:second_steps")


@sensitive_post_parameters("code")
@sensitive_variables("app", "secret")
@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@only_parameters()
@confirmation.confirmed
def authenticator_app(request: HttpRequest) -> HttpResponse:
    """Shows the QR code of a new app until a first code confirms it."""
    person = person_of(request)
    app = _pending_app(person)
    if app is None:
        return redirect("people:second_steps")
    form = CodeForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        if devices.confirm_app(person, form.cleaned_data["code"], now=timezone.now()):
            return _added(request, person, app.name)
        form.add_error("code", _WRONG)
    secret = str(app.secret)
    context = {
        "title": "Set up an authenticator app",
        "form": form,
        "qr_code": one_time_codes.qr_code(one_time_codes.address_of(secret, email=person.email)),
        "secret": " ".join(secret[at : at + 4] for at in range(0, len(secret), 4)),
        "name": app.name,
    }
    return _page(request, "authenticator_app", context)


@never_cache
@require_POST
def begin_passkey_registration(request: HttpRequest) -> JsonResponse:
    """The options with which the browser makes a passkey."""
    person = _signed_in(request)
    if person is None:
        return _refusal("Sign in first.", status=403)
    if session.is_stale(request):
        return _refusal("Your last second step is too long ago; reload the page and confirm it first.", status=403)
    return JsonResponse(passkeys.begin_registration(request, person))


@never_cache
@require_POST
def complete_passkey_registration(request: HttpRequest) -> JsonResponse:
    """Stores the passkey that the browser made."""
    person = _signed_in(request)
    if person is None or session.is_stale(request):
        return _refusal("Sign in first.", status=403)
    try:
        name = passkeys.complete_registration(request, person, _json(request), now=timezone.now())
    except PasskeyRefused as error:
        return _refusal(str(error))
    return JsonResponse({"next": _added(request, person, name)["Location"]})


def _added(request: HttpRequest, person: User, name: str) -> HttpResponse:
    """The session has just used the new device; whoever has no recovery codes yet gets them next."""
    session.record_passed(request)
    messages.success(request, f"“{name}” is your second step from now on.")
    return redirect("people:second_steps" if devices.codes_left(person) else "people:recovery_codes")


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@only_parameters()
@sensitive_variables("codes")
@confirmation.confirmed
def recovery_codes(request: HttpRequest) -> HttpResponse:
    """Makes recovery codes; the response to the button is the only page that ever shows them."""
    person = person_of(request)
    if not session.has_one(person):
        return redirect("people:second_steps")
    codes = devices.replace_codes(person, now=timezone.now()) if request.method == "POST" else []
    text = "\n".join([f"Recovery codes of {person.email} for {request.get_host()}", *codes, ""])
    context = {
        "title": "Recovery codes",
        "codes": codes,
        "codes_left": 0 if codes else devices.codes_left(person),
        "file": f"data:text/plain;charset=utf-8,{quote(text)}",
    }
    return _page(request, "recovery_codes", context)


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@only_parameters()
@confirmation.confirmed
def remove_device(request: HttpRequest) -> HttpResponse:
    """Removes one device of the person's own, which signs out their other browsers."""
    person = person_of(request)
    if request.method != "POST":
        return redirect("people:second_steps")
    with transaction.atomic():
        gone = devices.remove(person, request.POST.get("device", ""), session_key=request.session.session_key)
        if gone and not session.has_one(person) and session.needs_one(person):
            transaction.set_rollback(True)
            messages.error(request, _LAST_ONE)
            return redirect("people:second_steps")
    if gone:
        messages.success(request, f"“{gone.name}” is removed, and you are signed out everywhere else.")
    return redirect("people:second_steps")


# --- What they share ---


def _signed_in(request: HttpRequest) -> User | None:
    """For what a script asks: it cannot follow to the sign-in page."""
    return request.user if isinstance(request.user, User) else None


def _pending_app(person: User) -> AuthenticatorApp | None:
    try:
        return devices.pending_app(person)
    except UndecryptableToken:
        return None


def _json(request: HttpRequest) -> dict[str, object]:
    """Raises PasskeyRefused for what is no JSON object."""
    try:
        sent = json.loads(request.body) if len(request.body) <= passkeys.MAX_BYTES else None
    except (ValueError, RecursionError):
        sent = None
    if not isinstance(sent, dict):
        raise PasskeyRefused(_NO_JSON)
    return sent


def _refusal(sentence: str, *, status: int = 400) -> JsonResponse:
    return JsonResponse({"detail": sentence}, status=status)


def _next(request: HttpRequest) -> str:
    """Where the person wanted to go, on this site."""
    wanted = request.POST.get("next") or request.GET.get("next", "")
    is_here = url_has_allowed_host_and_scheme(
        wanted, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return wanted if is_here else resolve_url("admin:index")


def _page(request: HttpRequest, name: str, context: dict[str, object], *, status: int = 200) -> HttpResponse:
    """Without the site's navigation until the session may use it."""
    is_inside = not session.is_due(request) and name != "second_step"
    frame = shell(request) if is_inside else admin.site.each_context(request)
    layout = "accounts/second_step/inside.html" if is_inside else "accounts/second_step/outside.html"
    return render(
        request,
        f"accounts/second_step/{name}.html",
        frame | {"layout": layout, "is_part_of": "people:second_steps"} | context,
        status=status,
    )
