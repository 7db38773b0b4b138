"""Pages of the ways in besides passwords and LinkedIn: single sign-on, and an owner's link from the command line."""

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Final

from django.conf import settings
from django.contrib import admin
from django.contrib.auth import login
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST
from social_django.views import auth

from accounts.sign_in import sign_in_links, single_sign_on
from accounts.sign_in.views import begin_linkedin_login

_NOT_CONFIGURED = (
    "Nobody can sign in here that way yet; set OIDC_ENDPOINT, OIDC_CLIENT_ID and OIDC_CLIENT_SECRET and restart."
)
_ONLY_WAY = "People sign in here with {} alone; go back to the sign-in page."
_LINK_IS_OVER: Final = (
    "This link was used before, is older than ten minutes or belongs to nobody who may use it; "
    "`manage.py sign_in_link` prints another one."
)

View = Callable[..., HttpResponseBase]


@require_POST
def begin_login(request: HttpRequest, backend: str) -> HttpResponse:
    """The buttons' target: the login at LinkedIn or at the company's provider, if it is configured."""
    if backend == single_sign_on.NAME:
        return _begin_single_sign_on(request)
    if single_sign_on.is_the_only_way():
        return _only_way(request)
    return begin_linkedin_login(request, backend)


def _begin_single_sign_on(request: HttpRequest) -> HttpResponse:
    if not single_sign_on.is_configured():
        return _trouble(request, _NOT_CONFIGURED, status=409)
    response: HttpResponse = auth(request, single_sign_on.NAME)
    if "Location" not in response:
        return response
    # A page that continues automatically: the Content-Security-Policy stops a form that is redirected to hosts it does
    # not name, and a provider may lead on to others.
    return _page(request, "to_provider", {"address": response["Location"]})


def passwords_only(view: View, *, methods: frozenset[str] = frozenset({"GET", "HEAD", "POST"})) -> View:
    """A page about passwords, which are of no use where single sign-on is the only way."""

    @wraps(view)
    def answer(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        if single_sign_on.is_the_only_way() and request.method in methods:
            return _only_way(request)
        return view(request, *args, **kwargs)

    return answer


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def sign_in_link(request: HttpRequest, token: str) -> HttpResponse:
    """Signs in the owner of the link; only the button does, since programs open links, too."""
    with transaction.atomic():
        person = sign_in_links.owner_behind(token, lock=request.method == "POST")
        if person is None:
            return _trouble(request, _LINK_IS_OVER, status=410)
        if request.method == "POST":
            login(request, person, backend=sign_in_links.BACKEND)
            return redirect("admin:index")
    return _page(request, "sign_in_link", {"person": person})


def _only_way(request: HttpRequest) -> HttpResponse:
    return _trouble(request, _ONLY_WAY.format(settings.OIDC_NAME), status=409)


def _trouble(request: HttpRequest, sentence: str, *, status: int) -> HttpResponse:
    return _page(request, "sign_in_trouble", {"sentence": sentence}, status=status)


def _page(request: HttpRequest, name: str, context: Mapping[str, object], status: int = 200) -> HttpResponse:
    frame = {**admin.site.each_context(request), "title": "Sign in"}
    return render(request, f"accounts/{name}.html", {**frame, **context}, status=status)
