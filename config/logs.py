"""Log lines: text for a person at a terminal, JSON for a machine; each says which request or task it belongs to.

No line holds a query string, since LinkedIn's callback carries an authorization code there, and no traceback shows
the values of variables, since some are tokens.
"""

import logging
import re
import time
from functools import partial

import structlog
from django.http import HttpRequest, HttpResponse
from django.utils.functional import SimpleLazyObject
from django_structlog.middlewares import RequestMiddleware
from structlog.typing import Processor

from config.database_errors import is_unreachable

_log = structlog.get_logger(__name__)
# What proxies usually send; anything else could forge or flood log lines.
_VALID_REQUEST_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{7,63}")
# Whoever has the link of an invitation or a new password can use it: its token stays out of every line.
_SECRET_PATH = re.compile(r"^(/people/(?:invitation|password-reset/[^/]+)/)(?!choose/)[^/]+")
# Our own lines about requests and tasks say the same.
_QUIETER = {
    "celery.app.trace": "WARNING",
    "celery.worker.strategy": "WARNING",
    "django.request": "CRITICAL",
}

# What every line gets, whether it was logged through structlog or the standard library.
_COMMON: tuple[Processor, ...] = (
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
)


def logging_settings(*, line_format: str, level: str) -> dict[str, object]:
    """Django's LOGGING; also sends structlog's own lines through the standard library."""
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_COMMON,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"()": partial(line_formatter, line_format)}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {name: {"level": level} for name, level in _QUIETER.items()},
    }


def line_formatter(line_format: str) -> logging.Formatter:
    """Lays out lines of structlog and of the standard library alike."""
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=_COMMON,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_renderers(line_format)],
    )


def _renderers(line_format: str) -> list[Processor]:
    if line_format == "json":
        exceptions = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
        return [structlog.processors.ExceptionRenderer(exceptions), structlog.processors.JSONRenderer()]
    return [
        structlog.dev.ConsoleRenderer(
            colors=False, pad_event_to=0, pad_level=False, exception_formatter=structlog.dev.plain_traceback
        )
    ]


class RequestLines(RequestMiddleware):
    """One line per request when it is over, in place of the web server's; the response carries the request's id."""

    def prepare(self, request: HttpRequest) -> None:
        request._began_at = time.monotonic()  # type: ignore[attr-defined]
        given = request.headers.get("X-Request-ID", "")
        if not _VALID_REQUEST_ID.fullmatch(given):
            request.META.pop("HTTP_X_REQUEST_ID", None)
            request.__dict__.pop("headers", None)
        super().prepare(request)
        request.request_id = structlog.contextvars.get_contextvars()["request_id"]  # type: ignore[attr-defined]

    def handle_response(self, request: HttpRequest, response: HttpResponse) -> None:
        response["X-Request-ID"] = request.request_id  # type: ignore[attr-defined]
        began_at: float = request._began_at  # type: ignore[attr-defined]
        structlog.contextvars.bind_contextvars(duration_ms=round((time.monotonic() - began_at) * 1000))
        super().handle_response(request, response)

    def _process_exception(self, request: HttpRequest, exception: Exception) -> None:
        """A line without a traceback while the database cannot be reached: every request has the same cause."""
        if not is_unreachable(exception):
            super()._process_exception(request, exception)
            return
        # What keeps the library from a second line.
        request._raised_exception = exception  # type: ignore[attr-defined]
        cause = str(exception).partition("\n")[0]
        _log.error("the database cannot be reached", code=503, request=self.format_request(request), cause=cause)

    @staticmethod
    def format_request(request: HttpRequest) -> str:
        """The path alone, without its query and without the secrets some paths hold."""
        path = _SECRET_PATH.sub(r"\1…", request.path)
        return f"{request.method} {path}"

    @staticmethod
    def bind_user_id(request: HttpRequest) -> None:
        """Only where the user is loaded already: a log line is not worth a query, and no request may fail for it."""
        user = request.__dict__.get("user")
        if isinstance(user, SimpleLazyObject):
            user = getattr(request, "_cached_user", None)
        if user is not None:
            structlog.contextvars.bind_contextvars(user_id=user.pk)
