"""The page for a failure of ours: it asks neither the database nor a context processor, which may be what failed."""

import structlog
from django.http import HttpRequest, HttpResponse
from django.template import loader


def server_error(request: HttpRequest) -> HttpResponse:
    """500, with the id under which the log tells of this request, where it has one."""
    request_id = structlog.contextvars.get_contextvars().get("request_id")
    page = loader.get_template("500.html").render({"request_id": request_id})
    return HttpResponse(page, status=500)
