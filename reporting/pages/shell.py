"""What all pages use: the admin's frame, sign-in and messages."""

from collections.abc import Callable, Mapping

from django.contrib import admin
from django.contrib.admin.views.decorators import staff_member_required
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.views.decorators.cache import never_cache

View = Callable[..., HttpResponseBase]


def for_people(view: View) -> View:
    """Only for signed-in people; others are sent to the sign-in page and back. Never stored in a browser's cache."""
    guarded: View = never_cache(staff_member_required(view))
    return guarded


def page(
    request: HttpRequest, name: str, context: Mapping[str, object], *, title: str, subtitle: str = "", status: int = 200
) -> HttpResponse:
    """A whole page."""
    frame = {**admin.site.each_context(request), "title": title, "subtitle": ""}
    return render(request, f"reporting/{name}.html", {**frame, **context}, status=status)


def part(request: HttpRequest, name: str, context: Mapping[str, object]) -> HttpResponse:
    """A part of a page that refreshes itself."""
    return render(request, f"reporting/parts/{name}.html", context)


def wants_part(request: HttpRequest) -> bool:
    """Whether only the changing part of the page is requested."""
    return request.headers.get("HX-Request") == "true"
