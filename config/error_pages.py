"""The answer to a failure of ours: it asks neither the database nor a context processor, which may be what failed."""

import structlog
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template import loader


def server_error(request: HttpRequest) -> HttpResponse:
    """500, with the id under which the log tells of this request, where it has one."""
    request_id = structlog.contextvars.get_contextvars().get("request_id")
    if request.path.startswith("/api/"):
        return JsonResponse({"error": _error(request_id)}, status=500)
    page = loader.get_template("500.html").render({"request_id": request_id})
    return HttpResponse(page, status=500)


def _error(request_id: str | None) -> dict[str, str | None]:
    """The body of every error of the API; see `config/rest.py`."""
    where = f" under request_id {request_id}" if request_id else ""
    return {
        "type": "internal",
        "message": "Something went wrong here; it is not your request.",
        "field": None,
        "remedy": f"Try again later; whoever runs this service finds the reason in its log{where}.",
    }
