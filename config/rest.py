"""Errors of the API: one body for all of them (RFC 9457), with what to do about it."""

import math
import re
from collections.abc import Mapping
from typing import Final

from rest_framework.exceptions import (
    APIException,
    AuthenticationFailed,
    MethodNotAllowed,
    NotAuthenticated,
    NotFound,
    Throttled,
    ValidationError,
)
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView, exception_handler

from accounts.api.throttling import AnonymousPerMinute
from accounts.shell.request_values import BadValue, NotThere

PROBLEM: Final = "application/problem+json"
_TOKENS_PAGE = "/people/me/tokens/"
# What the caller does next, by status; an exception of ours may have a better `remedy`.
_REMEDIES: Final = {
    400: "Correct the request and send it again.",
    401: f"Send the header Authorization: Bearer <token>; {_TOKENS_PAGE} issues one to you.",
    403: "Ask an owner for the role or the ad account it needs; a token of scope read changes nothing.",
    404: "Check the address; an ad account that you may not see is not found either.",
    406: "Ask for application/json.",
    415: "Send application/json.",
}
# The kind of problem and its title, by status.
_KINDS: Final = {
    400: ("invalid", "The request is not valid"),
    401: ("not_authenticated", "You are not signed in"),
    403: ("permission_denied", "You may not do this"),
    404: ("not_found", "Not found"),
    405: ("method_not_allowed", "This method is not possible here"),
    406: ("not_acceptable", "This format is not available"),
    409: ("conflict", "This is not possible at the moment"),
    410: ("gone", "No longer available"),
    415: ("unsupported_media_type", "This content type is not understood"),
    422: ("key_reused", "This Idempotency-Key belongs to another request"),
    429: ("throttled", "Too many requests"),
    500: ("internal", "Something went wrong here"),
    503: ("unavailable", "Not available at the moment"),
}
_OTHER: Final = ("error", "The request failed")
_NOT_A_DATE: Final = "Not a valid date; write it as YYYY-MM-DD."
# What Django REST framework and its relatives say, for people who do not know their fields and classes.
_IN_OTHER_WORDS: Final = tuple(
    (re.compile(pattern, re.DOTALL), words)
    for pattern, words in (
        (r"Authentication credentials were not provided\.", "This needs an API token, or a browser that is signed in."),
        (
            r"Invalid token header\. .*",
            "The header Authorization holds no token; write Bearer, a space, the token.",
        ),
        (r"CSRF Failed: .*", "The request lacks the CSRF token of this browser session."),
        (r"You do not have permission to perform this action\.", "You may not do this."),
        (r"Not found\.", "There is nothing at this address."),
        (r"No \w+ matches the given query\.", "There is no such row, or you may not see it."),
        (r'Method "(.{1,20}).*" not allowed\.', r"\1 is not possible here."),
        (r"Could not satisfy the request Accept header\.", "No format that the Accept header names is available."),
        (r'Unsupported media type "(.{0,60}).*" in request\.', r"A body of type “\1” is not understood."),
        (r"Request was throttled\..*", "Too many requests in this minute."),
        (r"Invalid data\. Expected a dictionary, but got \w+\.", "Send a JSON object, with fields and their values."),
        (r"Date has wrong format\..*|Expected a date but got a datetime\.", _NOT_A_DATE),
        (r"Must be a valid boolean\.", "Use true or false."),
        (r"A valid integer is required\.|String value too large\.", "Give a whole number."),
        (r"Ensure this value is less than or equal to (\d+)\.", r"Give at most \1."),
        (r"Ensure this value is greater than or equal to (\d+)\.", r"Give at least \1."),
        (r"Ensure this field has no more than (\d+) characters\.", r"Give at most \1 characters."),
        (r"Not a valid string\.", "Give a text."),
        (r"This field may not be (null|blank)\.", "Give a value."),
    )
)


def problem(*, status: int, detail: str, instance: str, remedy: str, field: str | None = None) -> dict[str, object]:
    """The body of an error. `type` is an address in the documentation; `remedy` and `field` are our own members."""
    kind, title = _KINDS.get(status, _OTHER)
    return {
        "type": f"/api/v1/problems#{kind}",
        "title": title,
        "status": status,
        "detail": detail,
        "instance": instance,
        "field": field,
        "remedy": remedy,
    }


def error_response(exception: Exception, context: Mapping[str, object]) -> Response | None:
    """The problem that an exception of a view is; None for a bug, which becomes a 500."""
    exception = _throttled(_in_words_of_rest(exception), context)
    response = exception_handler(exception, dict(context))
    if response is None:
        return None
    field, message = _first(response.data)
    request = context["request"]
    assert isinstance(request, Request)
    response.data = problem(
        status=response.status_code,
        detail=_in_other_words(message),
        instance=request.get_full_path(),
        field=field if isinstance(exception, ValidationError) else getattr(exception, "field", None),
        remedy=_remedy(exception, response.status_code, context["view"]),
    ) | getattr(exception, "members", {})
    response.content_type = PROBLEM
    return response


def _in_words_of_rest(exception: Exception) -> Exception:
    """What the readers of addresses raise, which pages share."""
    if isinstance(exception, BadValue):
        return ValidationError({exception.field: [str(exception)]} if exception.field else str(exception))
    return NotFound(str(exception)) if isinstance(exception, NotThere) else exception


def _throttled(exception: Exception, context: Mapping[str, object]) -> Exception:
    """Whoever is refused for lack of a token is refused before the views count requests, so it is counted here."""
    request = context["request"]
    if isinstance(exception, NotAuthenticated | AuthenticationFailed) and isinstance(request, Request):
        wait = AnonymousPerMinute.seconds_to_wait(request, context["view"])
        return exception if wait is None else Throttled(math.ceil(wait))
    return exception


def _in_other_words(message: str) -> str:
    for pattern, words in _IN_OTHER_WORDS:
        if found := pattern.fullmatch(message):
            return found.expand(words)
    return message


def _remedy(exception: Exception, status: int, view: object) -> str:
    if isinstance(exception, MethodNotAllowed) and isinstance(view, APIView):
        return f"Use one of {', '.join(view.allowed_methods)}."
    if isinstance(exception, Throttled):
        return f"Wait {getattr(exception, 'wait', None) or 60} s and send it again."
    default = _REMEDIES.get(status, "Look in the server's log." if status >= 500 else _REMEDIES[400])
    return str(getattr(exception, "remedy", default) if isinstance(exception, APIException) else default)


def _first(data: object, path: str = "") -> tuple[str | None, str]:
    """The first message in an error body of Django REST framework, and the path of its field."""
    if isinstance(data, dict):
        key, value = next(iter(data.items()))
        is_field = key not in {"detail", "non_field_errors"}
        return _first(value, f"{path}.{key}".lstrip(".") if is_field else path)
    if isinstance(data, list):
        at, value = next((at, value) for at, value in enumerate(data) if value)
        return _first(value, f"{path}.{at}".lstrip(".") if isinstance(value, dict) else path)
    return path or None, str(data)


class Problems(APIView):
    """The kinds of problems, which the `type` of each leads to."""

    permission_classes = (AllowAny,)
    schema = None

    def get(self, request: Request) -> Response:
        return Response(
            {
                kind: {"status": status, "title": title, "remedy": _REMEDIES.get(status)}
                for status, (kind, title) in _KINDS.items()
            }
        )


class NoSuchEndpoint(APIView):
    """Every address under /api/ that is none, whoever asks."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    schema = None

    def initial(self, request: Request, *args: object, **kwargs: object) -> None:
        self.check_throttles(request)
        raise _NoSuchEndpoint


class _NoSuchEndpoint(NotFound):
    default_detail = "There is no such endpoint."
    remedy = "Check the address; /api/v1 lists what there is."
