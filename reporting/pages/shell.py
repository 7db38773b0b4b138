"""What all pages use: the admin's frame, sign-in and messages."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from django.contrib import admin
from django.contrib.admin.views.decorators import staff_member_required
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.views.decorators.cache import never_cache

from accounts import access
from accounts.shell import download_slots
from accounts.shell.download_slots import Slot
from accounts.shell.request_values import BadValue, NotThere, check_names

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


def part(request: HttpRequest, name: str, context: Mapping[str, object], *, status: int = 200) -> HttpResponse:
    """A part of a page that refreshes itself."""
    return render(request, f"reporting/parts/{name}.html", context, status=status)


def without_parameters(request: HttpRequest) -> None:
    """For pages whose address has none. Raises BadValue."""
    check_names(request.GET, ())


def wants_part(request: HttpRequest) -> bool:
    """Whether only the changing part of the page is requested."""
    return request.headers.get("HX-Request") == "true"


def require_ad_account(request: HttpRequest, ad_account_id: str) -> None:
    """An ad account that a filter names. Raises NotThere; in the same words whether others may see it or not."""
    if ad_account_id and not access.visible_ad_accounts(request.user).filter(pk=ad_account_id).exists():
        raise NotThere("There is no such ad account, or you may not see it.")


@contextmanager
def room_for_a_download(request: HttpRequest) -> Iterator[Slot]:
    """For a file that this person downloads, unless they have enough of them at once. Raises BadValue."""
    try:
        with download_slots.room(str(request.user.pk)) as slot:
            yield slot
    except download_slots.NoneFree as refusal:
        raise BadValue(str(refusal)) from None
