"""Connecting LinkedIn: the page before LinkedIn's consent page, the callback, and the page that ends a consent.

Requests to LinkedIn are in `linkedin_oauth.py`, what is stored is in `connections.py`.
"""

import secrets
import time
from typing import Final
from urllib.parse import urlsplit

from django.contrib import admin, messages
from django.contrib.admin.views.decorators import staff_member_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from accounts.access import may_connect_linkedin, may_end_consent, person_of, visible_ad_accounts
from accounts.consents import choice, connections, linkedin_app
from accounts.errors import OAuthError
from accounts.models import LinkedInConnection, User
from accounts.shell.request_values import only_parameters

_PENDING: Final = "linkedin_consent"
# LinkedIn's codes expire after 30 minutes; nobody needs longer to agree.
_PENDING_SECONDS: Final = 30 * 60

# How many ad accounts a page names; its count includes all of them.
_MAX_NAMED: Final = 50

_SCOPES: Final = {
    "r_ads": "read your ad accounts, campaigns and creatives",
    "rw_ads": "read your ad accounts, campaigns and creatives (it would also allow changes; none are made)",
    "r_ads_reporting": "read the figures of your ads",
    "r_organization_social": "read the texts of your organization's posts, to name creatives after them",
}
_NOT_CONFIGURED = "No LinkedIn app is configured; set LINKEDIN_CLIENT_ID and LINKEDIN_CLIENT_SECRET and restart."
_NOT_ALLOWED = "Your role may not connect LinkedIn; ask an owner to make you a manager."
_STALE = (
    "This consent was not started in this browser, was used before or took longer than 30 minutes; "
    "start again from the page that connects LinkedIn."
)
_REFUSED = {
    "user_cancelled_login": "You did not sign in at LinkedIn; try again as a member with ad accounts.",
    "user_cancelled_authorize": "You did not allow access at LinkedIn; try again and choose Allow.",
}
_REFUSED_OTHERWISE = "LinkedIn refused the consent; check the app's products and scopes in LinkedIn's Developer Portal."
_NO_CODE = "LinkedIn sent no authorization code; try again."


@never_cache
@staff_member_required
@require_http_methods(["GET", "HEAD", "POST"])
@only_parameters()
def connect(request: HttpRequest) -> HttpResponse:
    """Lists what LinkedIn will ask the person to allow; the button leads there."""
    if not may_connect_linkedin(request.user):
        return _trouble(request, _NOT_ALLOWED, status=403)
    if linkedin_app.missing_settings():
        return _trouble(request, _NOT_CONFIGURED, status=200 if request.method != "POST" else 409)
    if request.method == "POST":
        return redirect(_consent_url(request))
    app = linkedin_app.from_settings()
    requested = [(scope, _SCOPES.get(scope, "")) for scope in app.scopes]
    return _page(request, "connect", {"asked": requested, "other_host": _other_host(request, app.redirect_uri)})


@never_cache
@staff_member_required
@require_GET
def callback(request: HttpRequest) -> HttpResponse:
    """Where LinkedIn sends the person back: stores the consent, or explains what is wrong with it."""
    if not _state_matches(request):
        return _trouble(request, _STALE, status=400)
    if not may_connect_linkedin(request.user):
        return _trouble(request, _NOT_ALLOWED, status=403)
    if error := request.GET.get("error"):
        return _trouble(request, _REFUSED.get(error, _REFUSED_OTHERWISE), status=400)
    if not (code := request.GET.get("code")):
        return _trouble(request, _NO_CODE, status=400)
    return _store_consent(request, user=person_of(request), code=code)


@never_cache
@staff_member_required
@require_http_methods(["GET", "HEAD", "POST"])
@only_parameters()
def end_consent(request: HttpRequest, connection_id: int) -> HttpResponse:
    """Explains what stops when a consent ends; the button ends it."""
    rows = LinkedInConnection.objects.select_related("user").without_tokens()
    connection = get_object_or_404(rows, pk=connection_id)
    if not may_end_consent(request.user, connection):
        raise PermissionDenied
    if request.method == "POST":
        _end(request, connection, actor=person_of(request))
        return redirect("admin:index")
    stops = choice.ad_accounts_read_only_by(connection_id, now=timezone.now())
    context = {
        "title": "End the LinkedIn consent",
        "connection": connection,
        "is_over": connection.state == LinkedInConnection.State.REVOKED,
        "stops": stops.count(),
        "named": (stops & visible_ad_accounts(request.user))[:_MAX_NAMED],
    }
    return _page(request, "end_consent", context)


def _end(request: HttpRequest, connection: LinkedInConnection, *, actor: User) -> None:
    trouble = connections.end(connection.pk, actor=actor, now=timezone.now())
    messages.success(request, "The consent is ended and its tokens are deleted; stored data stays.")
    if trouble:
        sentence = (
            f"LinkedIn could not revoke it: {trouble} To be sure, the member removes this app in LinkedIn's settings, "
            "under Data privacy, Permitted services."
        )
        messages.warning(request, sentence)


def _store_consent(request: HttpRequest, *, user: User, code: str) -> HttpResponse:
    now = timezone.now()
    try:
        grant = linkedin_app.from_settings().exchange_code(code, now=now)
    except OAuthError as error:
        return _trouble(request, str(error), status=400 if error.kind == "consent" else 502)
    if missing := connections.missing_scopes(grant):
        sentence = (
            f"LinkedIn gave access without {' and '.join(missing)}; add what is missing to LINKEDIN_SCOPES "
            "and to the app's products in LinkedIn's Developer Portal, then try again."
        )
        return _trouble(request, sentence, status=400)
    connections.store_grant(user=user, grant=grant, now=now)
    messages.success(request, "LinkedIn is connected; its ad accounts appear here in a moment.")
    return redirect("admin:index")


def _consent_url(request: HttpRequest) -> str:
    state = secrets.token_urlsafe(32)
    request.session[_PENDING] = {"state": state, "expires_at": time.time() + _PENDING_SECONDS}
    return linkedin_app.from_settings().consent_url(state=state)


def _state_matches(request: HttpRequest) -> bool:
    """Whether this browser started this consent recently; the state works once."""
    pending = request.session.pop(_PENDING, None)
    if not pending or pending["expires_at"] < time.time():
        return False
    return constant_time_compare(pending["state"], request.GET.get("state", ""))


def _other_host(request: HttpRequest, redirect_uri: str) -> str:
    """The host LinkedIn sends people back to, if it is another than this one: sessions do not cross hosts."""
    back = urlsplit(redirect_uri)
    return "" if back.netloc == request.get_host() else f"{back.scheme}://{back.netloc}"


def _trouble(request: HttpRequest, sentence: str, *, status: int) -> HttpResponse:
    can_try_again = may_connect_linkedin(request.user) and sentence != _NOT_CONFIGURED
    context = {"sentence": sentence, "can_try_again": can_try_again}
    return _page(request, "connect_trouble", context, status=status)


def _page(request: HttpRequest, name: str, context: dict[str, object], status: int = 200) -> HttpResponse:
    shell = {**admin.site.each_context(request), "title": "Connect LinkedIn"}
    return render(request, f"accounts/{name}.html", shell | context, status=status)
