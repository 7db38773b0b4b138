"""The parts of the OpenAPI document that no view describes: authentication, errors, headers."""

from typing import Any, Literal

from drf_spectacular.authentication import SessionScheme
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema_serializer
from rest_framework import serializers

from accounts.shell.request_values import MAX_ID
from reporting.api.files import MEDIA_TYPES

# A part of the document.
Node = dict[str, Any]
Direction = Literal["request", "response"]


@extend_schema_serializer(
    component_name="Problem",
    examples=[
        OpenApiExample(
            "A wrong order",
            response_only=True,
            status_codes=["400"],
            value={
                "type": "/api/v1/problems#invalid",
                "title": "The request is not valid",
                "status": 400,
                "detail": "Unknown order “spend”; use id, -id.",
                "instance": "/api/v1/campaigns?order=spend",
                "field": "order",
                "remedy": "Correct the request and send it again.",
            },
        )
    ],
)
class ProblemSerializer(serializers.Serializer[object]):
    """The body of every error (RFC 9457): what is wrong, and what to do about it."""

    type = serializers.CharField(help_text="Kind of problem, an address: /api/v1/problems#invalid, …#not_found, ….")
    title = serializers.CharField(help_text="The kind of problem in words.")
    status = serializers.IntegerField(help_text="The status of the response.")
    detail = serializers.CharField(help_text="What is wrong, in a sentence.")
    instance = serializers.CharField(help_text="The address that was requested.")
    field = serializers.CharField(allow_null=True, help_text="The wrong parameter or field, if there is one.")
    remedy = serializers.CharField(help_text="What to do.")


_ERRORS = {
    400: "A parameter or field is wrong.",
    401: "The API token is missing, wrong, expired or revoked.",
    403: "The role or the token's scope does not allow it.",
    406: "The Accept header names no available format.",
    429: "Too many requests in this minute; Retry-After gives the seconds to wait.",
    500: "A bug; the remedy names the request to look up in the log.",
    503: "The query took too long and was cancelled, or the database cannot be reached.",
}
_NOT_FOUND = "It does not exist, or you may not see its ad account."
_NO_SUCH_ROW = "A filter names what does not exist or what you may not see, or the list ends before this page."
_UNDER_WAY = "A request with this Idempotency-Key is being carried out."
_KEY_REUSED = "This Idempotency-Key was sent with another request."
_NO_JSON = "The content type of the body is not JSON."
_UNCHANGED = "Nothing has changed since the response with this ETag."
_FORMAT = "csv, xlsx and ndjson return all pages as one file, of up to 50,000 rows; POST exports for more."
_HEADERS = [
    OpenApiParameter(
        "Retry-After", int, "header", response=[429, 503], description="Seconds to wait before the next request."
    ),
    OpenApiParameter(
        "RateLimit-Policy", str, "header", response=[200, 202, 429], description="The limits: q requests in w seconds."
    ),
    OpenApiParameter(
        "RateLimit", str, "header", response=[200, 202, 429], description="What is left: r requests in t seconds."
    ),
]
_HEADERS_OF_CONDITIONAL = [
    OpenApiParameter("If-None-Match", str, "header", description="An ETag; while it is current, the response is 304."),
    OpenApiParameter(
        "ETag",
        str,
        "header",
        response=[200, 304],
        description="Identifies this response; absent during a sync.",
    ),
    OpenApiParameter("Last-Modified", str, "header", response=[200, 304], description="When figures last changed."),
]
_HEADERS_OF_POST = [
    OpenApiParameter(
        "Idempotency-Key",
        {"type": "string", "minLength": 1, "maxLength": 255, "pattern": r"^[\x21-\x7e]+$"},
        "header",
        description="Sent again with the same key within 24 hours, the request is not carried out again.",
    ),
    OpenApiParameter(
        "Idempotent-Replayed", str, "header", response=[200, 202], description="true: the reply of the first request."
    ),
]
_HEADERS_OF_FIGURES = [
    OpenApiParameter(
        "Data-As-Of", OpenApiTypes.DATETIME, "header", response=[200], description="data_as_of of a file, if known."
    ),
    OpenApiParameter(
        "Complete-Through", OpenApiTypes.DATE, "header", response=[200], description="complete_through of a file."
    ),
    *(
        OpenApiParameter(name, str, "header", response=[200], description=f"{meaning}, as first/last, with commas.")
        for name, meaning in (
            ("Stored-Days", "The stored days of a file"),
            ("Missing-Days", "The days that are missing from a file"),
            ("Compared-Stored-Days", "The stored days that a file is compared with"),
            ("Compared-Missing-Days", "The missing days that a file is compared with"),
        )
    ),
    OpenApiParameter(
        "Missing-Months", str, "header", response=[200], description="missing_months of a file, YYYY-MM, with commas."
    ),
]


class ApiTokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """`Authorization: Bearer <token>`."""

    target_class = "accounts.api.authentication.ApiTokenAuthentication"
    name = "token"
    # Otherwise the library's own extension for django-rest-knox is found first.
    priority = 1

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, str]:
        return {
            "type": "http",
            "scheme": "bearer",
            "description": "An API token from /people/me/tokens/; it acts as the person it belongs to.",
        }


class BrowserSessionScheme(SessionScheme):  # type: ignore[no-untyped-call]
    """The session of a browser, named as the library names Django REST framework's own."""

    target_class = "accounts.api.browser_session.BrowserSession"


class ErrorsToo(AutoSchema):
    """Adds to every operation its possible errors and its headers."""

    def get_override_parameters(self) -> list[Any]:
        headers = list(_HEADERS)
        if self._is_conditional():
            headers += _HEADERS_OF_CONDITIONAL
        if getattr(self.view, "has_figures", False):
            headers += _HEADERS_OF_FIGURES
        if self.method == "POST":
            headers += _HEADERS_OF_POST
        return headers

    def _get_response_bodies(self, direction: Direction = "response") -> dict[str, object]:
        bodies: dict[str, object] = super()._get_response_bodies(direction)
        for status, description in self._errors().items():
            response = OpenApiResponse(ProblemSerializer, description=description)
            bodies.setdefault(str(status), self._get_response_for_code(response, str(status)))
        if self._is_conditional():
            bodies["304"] = self._get_response_for_code(OpenApiResponse(description=_UNCHANGED), "304")
        return bodies

    def _is_conditional(self) -> bool:
        return getattr(self.view, "is_conditional", False) and self.method == "GET"

    def _has_ids(self) -> bool:
        """Whether pages or rows are named in the query."""
        is_list = self._is_list_view() and getattr(self.view, "pagination_class", None) is not None
        return is_list or hasattr(self.view, "question")

    def _errors(self) -> dict[int, str]:
        errors = dict(_ERRORS)
        if "{" in self.path:
            errors[404] = _NOT_FOUND
        elif self.method == "GET" and self._has_ids():
            errors[404] = _NO_SUCH_ROW
        if self.method == "POST":
            errors |= {409: _UNDER_WAY, 415: _NO_JSON, 422: _KEY_REUSED}
        return errors

    def _get_response_for_code(
        self,
        serializer: OpenApiResponse,
        status_code: str,
        media_types: list[str] | None = None,
        direction: Direction = "response",
    ) -> Node:
        """Errors are always problems; a file is bytes."""
        if int(status_code) >= 400:
            media_types = ["application/problem+json"]
        response: Node = super()._get_response_for_code(serializer, status_code, media_types, direction)  # type: ignore[no-untyped-call]
        for media_type, content in response.get("content", {}).items():
            if media_type in MEDIA_TYPES.values():
                content["schema"] = {"type": "string", "format": "binary"}
        return response

    def _get_format_parameters(self) -> list[Node]:
        parameters: list[Node] = super()._get_format_parameters()
        return [one | {"description": _FORMAT} for one in parameters]

    def _resolve_path_parameters(self, variables: list[str]) -> list[Node]:
        """Whole numbers up to what a column can hold."""
        found: list[Node] = super()._resolve_path_parameters(variables)  # type: ignore[no-untyped-call]
        for parameter in found:
            parameter["description"] = "LinkedIn's id, or the number of the row."
            if parameter["schema"]["type"] == "integer":
                parameter["schema"] |= {"minimum": 0, "maximum": MAX_ID}
        return found


def with_plain_types(result: Node, **_: object) -> Node:
    """LinkedIn's ids and sums of counts exceed 32 bits, the default integer of some generated clients.

    Django REST framework describes its pages in the words of OpenAPI 3.0, which 3.1 no longer has.
    """
    pending: list[object] = [result]
    while pending:
        node = pending.pop()
        if isinstance(node, dict):
            if node.get("type") in ("integer", ["integer", "null"]):
                node.setdefault("format", "int64")
            if node.pop("nullable", False):
                node["type"] = [node["type"], "null"]
            pending += node.values()
        elif isinstance(node, list):
            pending += node
    return result
