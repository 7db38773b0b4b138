"""A fresh second step before what could hand the installation to somebody else: who sits at a signed-in browser now.

People without a second step are not asked: there is nothing to ask for. Some pages say `@confirmed`, the lists of
people have it from `accounts/admin/base.py`, and `accounts/sign_in/second_step/middleware.py` names the others.
"""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse

from accounts.sign_in.second_step import session

Rest = ParamSpec("Rest")
View = Callable[Concatenate[HttpRequest, Rest], HttpResponseBase]

_SEND_AGAIN = "Nothing was changed, because your last second step is too long ago; confirm and send the form again."


def confirmed(view: View[Rest]) -> View[Rest]:
    """A view that is shown, and whose form works, only soon after a second step; the person is led back to it."""

    @wraps(view)
    def answer(request: HttpRequest, /, *args: Rest.args, **kwargs: Rest.kwargs) -> HttpResponseBase:
        return ask_again(request) or view(request, *args, **kwargs)

    return answer


def ask_again(request: HttpRequest) -> HttpResponse | None:
    """The way to the second step and back to this address, if the last one is too long ago."""
    if not session.is_stale(request):
        return None
    if request.method not in {"GET", "HEAD"}:
        messages.warning(request, _SEND_AGAIN)
    return redirect(address(request.get_full_path()))


def address(back: str) -> str:
    """Of the second step, which leads back to an address of this site."""
    return f"{reverse('people:second_step')}?{urlencode({'next': back})}"
