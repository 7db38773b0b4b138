"""Headers that answers have unless a view says otherwise."""

from collections.abc import Callable
from typing import Final

from django.http import HttpRequest, HttpResponse

_JSON: Final = ("application/json", "application/problem+json")


def safe_headers(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware: nobody keeps an answer that says nothing of caching, and JSON of the API is saved as api.json.

    Otherwise the end of the address would name the file.
    """

    def answer(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        response.headers.setdefault("Cache-Control", "private, no-store")
        if request.path.startswith("/api/") and response.headers.get("Content-Type", "").startswith(_JSON):
            response.headers.setdefault("Content-Disposition", 'inline; filename="api.json"')
        return response

    return answer
