"""The name under which a browser saves an answer of the API."""

from collections.abc import Callable
from typing import Final

from django.http import HttpRequest, HttpResponse

_JSON: Final = ("application/json", "application/problem+json")


def fixed_file_name(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware: JSON is saved as api.json, whatever the end of the address would have it called."""

    def answer(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if request.path.startswith("/api/") and response.headers.get("Content-Type", "").startswith(_JSON):
            response.headers.setdefault("Content-Disposition", 'inline; filename="api.json"')
        return response

    return answer
