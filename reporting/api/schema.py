"""What the OpenAPI document says beside the views: how to authenticate, and what an error looks like."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiResponse
from rest_framework import serializers

from reporting.exports import MEDIA_TYPES


class ErrorSerializer(serializers.Serializer[Any]):
    """What is wrong, and what to do about it."""

    type = serializers.CharField(help_text="What kind of error, such as invalid or permission_denied.")
    message = serializers.CharField(help_text="What is wrong, in a sentence.")
    field = serializers.CharField(allow_null=True, help_text="The parameter or field that is wrong, if it is one.")
    remedy = serializers.CharField(help_text="What to do.")


class ErrorBodySerializer(serializers.Serializer[Any]):
    """The one body of every error."""

    error = ErrorSerializer(help_text="What is wrong.")


_ERRORS = {
    400: "A parameter or field is wrong.",
    401: "No API token, or one that is wrong, expired or revoked.",
    403: "The role or the token's scope does not allow it.",
    429: "Too many requests in this minute; Retry-After says how many seconds to wait.",
    503: "PostgreSQL gave the question up, because it took too long.",
}
_NOT_FOUND = "There is no such thing, or its ad account is not yours to see."


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
    """Every operation with the errors that any of them may answer."""

    def _get_response_bodies(self, direction: Any = "response") -> dict[str, Any]:
        bodies: dict[str, Any] = super()._get_response_bodies(direction)
        errors = _ERRORS | ({404: _NOT_FOUND} if "{" in self.path else {})
        for status, description in errors.items():
            told = OpenApiResponse(ErrorBodySerializer, description=description)
            bodies.setdefault(str(status), self._get_response_for_code(told, str(status)))
        return bodies

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
