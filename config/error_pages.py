"""Responses to what cannot be served; they use neither database nor context processors, which may be what failed."""

import sys
from collections.abc import Callable
from typing import Final

import structlog
from django.conf import settings
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse
from django.template import loader
from django.urls import reverse

from accounts.shell.request_values import BadValue, NotThere
from config.database_errors import is_cancelled, is_unreachable
from config.rest import PROBLEM, problem

# A restarted database is back within seconds.
_RETRY_SECONDS: Final = 10


def server_error(request: HttpRequest) -> HttpResponse:
    """500, with the request's id in the log, where it has one; 503 where the database is the reason."""
    error = sys.exc_info()[1]
    if is_unreachable(error):
        return _unavailable(request)
    if is_cancelled(error):
        return _too_slow(request)
    request_id = structlog.contextvars.get_contextvars().get("request_id")
    if request.path.startswith("/api/"):
        where = f" under request_id {request_id}" if request_id else ""
        remedy = f"Try again later; whoever runs this service finds the reason in its log{where}."
        return _problem(request, 500, "Something went wrong here; it is not your request.", remedy)
    page = loader.get_template("500.html").render({"request_id": request_id})
    return HttpResponse(page, status=500)


def _unavailable(request: HttpRequest) -> HttpResponse:
    if request.path.startswith("/api/"):
        response = _problem(request, 503, "The database cannot be reached.", f"Try again in {_RETRY_SECONDS} s.")
    else:
        response = HttpResponse(loader.get_template("503.html").render(), status=503)
    response["Retry-After"] = str(_RETRY_SECONDS)
    return response


def _too_slow(request: HttpRequest) -> HttpResponse:
    if request.path.startswith("/api/"):
        remedy = "Request fewer days, fewer ad accounts or smaller pages; format=csv has no time limit."
        return _problem(request, 503, "The query took too long.", remedy)
    context = {"seconds": settings.API_STATEMENT_SECONDS, "href": request.path if request.GET else ""}
    return HttpResponse(loader.get_template("too_slow.html").render(context), status=503)


def _problem(request: HttpRequest, status: int, detail: str, remedy: str) -> HttpResponse:
    body = problem(status=status, detail=detail, instance=request.get_full_path(), remedy=remedy)
    return JsonResponse(body, status=status, content_type=PROBLEM)


def explain_not_allowed(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware: a 405 has no text of its own, and a reload or a late login leads to one."""

    def answer(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if isinstance(response, HttpResponseNotAllowed) and not response.content:
            response.content = loader.get_template("405.html").render().encode()
        return response

    return answer


class ExplainRefusals:
    """Middleware: says what is wrong with the address of a page, or what is not there, and where to go on."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self._get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if isinstance(exception, BadValue):
            return _refusal(request, str(exception), where="", status=400)
        if isinstance(exception, NotThere):
            return _refusal(request, str(exception), where=exception.where, status=404)
        return _too_slow(request) if is_cancelled(exception) else None


def _refusal(request: HttpRequest, sentence: str, *, where: str, status: int) -> HttpResponse:
    """The page that lists what there is: the one named, or this one without its parameters."""
    href = reverse(where) if where else (request.path if request.GET else "")
    page = loader.get_template("refused.html").render({"sentence": sentence, "status": status, "href": href})
    return HttpResponse(page, status=status)


def refuse_nul(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware: PostgreSQL takes no NUL in a text, so a filter with one would fail; the API names the field."""

    def answer(request: HttpRequest) -> HttpResponse:
        if "%00" in request.META.get("QUERY_STRING", "") and not request.path.startswith("/api/"):
            raise BadRequest("A NUL in the address.")
        return get_response(request)

    return answer
