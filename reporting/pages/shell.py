"""The shell every page stands in: the admin's frame, its login, its messages."""

from collections.abc import Callable

from django.contrib import admin
from django.contrib.admin.views.decorators import staff_member_required
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.views.decorators.cache import never_cache

View = Callable[..., HttpResponseBase]


def for_people(view: View) -> View:
    """Only for those who signed in; others are sent to the login and back. Never kept by a browser's cache."""
    guarded: View = never_cache(staff_member_required(view))
    return guarded


def page(
    request: HttpRequest, name: str, context: dict[str, object], *, title: str, subtitle: str = "", status: int = 200
) -> HttpResponse:
    """A whole page."""
    frame = {**admin.site.each_context(request), "title": title, "subtitle": subtitle}
    return render(request, f"reporting/{name}.html", frame | context, status=status)


def part(request: HttpRequest, name: str, context: dict[str, object]) -> HttpResponse:
    """What replaces a part of a page that refreshes itself."""
    return render(request, f"reporting/parts/{name}.html", context)


def wants_part(request: HttpRequest) -> bool:
    """Whether a page asks for its changing part alone."""
    return request.headers.get("HX-Request") == "true"
