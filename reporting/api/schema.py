"""What the OpenAPI document says beside the views: how to authenticate, and what an error looks like."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema_serializer
from rest_framework import serializers

from accounts.shell.request_values import MAX_ID
from reporting.api.files import MEDIA_TYPES
from reporting.api.pagination import PageNumbers


class ErrorSerializer(serializers.Serializer[object]):
    """What is wrong, and what to do about it."""

    type = serializers.CharField(help_text="What kind of error, such as invalid or permission_denied.")
    message = serializers.CharField(help_text="What is wrong, in a sentence.")
    field = serializers.CharField(allow_null=True, help_text="The parameter or field that is wrong, if it is one.")
    remedy = serializers.CharField(help_text="What to do.")


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "A wrong order",
            response_only=True,
            status_codes=["400"],
            value={
                "error": {
                    "type": "invalid",
                    "message": "There is no order “spend”; known are id, -id.",
                    "field": "order",
                    "remedy": "Correct the request and send it again.",
                }
            },
        )
    ]
)
class ErrorBodySerializer(serializers.Serializer[object]):
    """The one body of every error."""

    error = ErrorSerializer(help_text="What is wrong.")


_ERRORS = {
    400: "A parameter or field is wrong.",
    401: "No API token, or one that is wrong, expired or revoked.",
    403: "The role or the token's scope does not allow it.",
    406: "The Accept header names nothing that is sent here.",
    429: "Too many requests in this minute; Retry-After says how many seconds to wait.",
    500: "A bug; the remedy names the request to look for in the log.",
    503: "PostgreSQL gave the question up, because it took too long.",
}
_NOT_FOUND = "There is no such thing, or its ad account is not yours to see."
_NO_SUCH_PAGE = "The list ends before this page."
_NO_JSON = "The body is not declared as JSON."
_UNCHANGED = "Nothing has changed since the answer of this ETag."
_FORMAT = "csv, xlsx and ndjson send every page as one file."
_HEADERS = [
    OpenApiParameter(
        "Retry-After", int, "header", response=[429], description="Seconds to wait before the next request."
    )
]
_HEADERS_OF_CONDITIONAL = [
    OpenApiParameter("If-None-Match", str, "header", description="An ETag; while it is still true the answer is 304."),
    OpenApiParameter(
        "ETag", str, "header", response=[200, 304], description="Names this answer; none while a sync runs."
    ),
    OpenApiParameter("Last-Modified", str, "header", response=[200, 304], description="When figures last changed."),
]
_HEADERS_OF_FIGURES = [
    OpenApiParameter(
        "Data-As-Of", OpenApiTypes.DATETIME, "header", response=[200], description="data_as_of of a file, if known."
    ),
    OpenApiParameter(
        "Complete-Through", OpenApiTypes.DATE, "header", response=[200], description="complete_through of a file."
    ),
]


class ApiTokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """`Authorization: Bearer <token>`."""

    target_class = "accounts.api.authentication.ApiTokenAuthentication"
    name = "token"
    # The library's own extension for django-rest-knox would be found first.
    priority = 1

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {
            "type": "http",
            "scheme": "bearer",
            "description": "An API token from /people/me/tokens/; it acts as its person.",
        }


class ErrorsToo(AutoSchema):
    """Every operation with the errors that any of them may answer, and the headers that belong to it."""

    def get_override_parameters(self) -> list[Any]:
        headers = list(_HEADERS)
        if self._is_conditional():
            headers += _HEADERS_OF_CONDITIONAL
        if getattr(self.view, "has_figures", False):
            headers += _HEADERS_OF_FIGURES
        return headers

    def _get_response_bodies(self, direction: Any = "response") -> dict[str, Any]:
        bodies: dict[str, Any] = super()._get_response_bodies(direction)
        for status, description in self._errors().items():
            told = OpenApiResponse(ErrorBodySerializer, description=description)
            bodies.setdefault(str(status), self._get_response_for_code(told, str(status)))
        if self._is_conditional():
            bodies["304"] = self._get_response_for_code(OpenApiResponse(description=_UNCHANGED), "304")
        return bodies

    def _is_conditional(self) -> bool:
        return getattr(self.view, "is_conditional", False) and self.method == "GET"

    def _errors(self) -> dict[int, str]:
        errors = dict(_ERRORS)
        if "{" in self.path:
            errors[404] = _NOT_FOUND
        elif self._is_list_view() and getattr(self.view, "pagination_class", None) is PageNumbers:
            errors[404] = _NO_SUCH_PAGE
        if self.method == "POST":
            errors[415] = _NO_JSON
        return errors

    def _get_response_for_code(
        self, serializer: Any, status_code: Any, media_types: Any = None, direction: Any = "response"
    ) -> Any:
        """Errors are always JSON; a file is bytes."""
        if int(status_code) >= 400:
            media_types = ["application/json"]
        parent: Any = super()
        response = parent._get_response_for_code(serializer, status_code, media_types, direction)
        for media_type, content in response.get("content", {}).items():
            if media_type in MEDIA_TYPES.values():
                content["schema"] = {"type": "string", "format": "binary"}
        return response

    def _get_format_parameters(self) -> list[Any]:
        parent: Any = super()
        return [one | {"description": _FORMAT} for one in parent._get_format_parameters()]

    def _resolve_path_parameters(self, variables: Any) -> list[Any]:
        """Whole numbers as far as a column holds them."""
        parent: Any = super()
        found: list[Any] = parent._resolve_path_parameters(variables)
        for parameter in found:
            parameter["description"] = "LinkedIn's id, or the number of the row."
            if parameter["schema"]["type"] == "integer":
                parameter["schema"] |= {"minimum": 0, "maximum": MAX_ID}
        return found


def with_long_numbers(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """LinkedIn's ids and sums of counts pass 32 bits, which is all that some generated clients give an integer."""
    pending: list[Any] = [result]
    while pending:
        node = pending.pop()
        if isinstance(node, dict):
            if node.get("type") == "integer":
                node.setdefault("format", "int64")
            pending += node.values()
        elif isinstance(node, list):
            pending += node
    return result
