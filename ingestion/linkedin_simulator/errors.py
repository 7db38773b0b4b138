"""LinkedIn's refusals, each with the body LinkedIn sends; one exception carries them to the answer."""

from collections.abc import Mapping

BAD_REQUEST = "com.linkedin.common.error.BadRequest"
SEVERAL_ERRORS = "Multiple errors occurred during param validation. Please see errorDetails for more information."
ONE_ERROR = "Invalid param. Please see errorDetails for more information."


class Refusal(Exception):
    """A request that LinkedIn would answer with an error."""

    def __init__(
        self, status: int, body: Mapping[str, object] | bytes, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(f"{status} {body!r}")
        self.status = status
        self.body = body
        self.headers = dict(headers or {})


def _input_errors(message: str, errors: list[dict[str, object]]) -> Refusal:
    body = {
        "errorDetailType": BAD_REQUEST,
        "message": message,
        "errorDetails": {"inputErrors": errors},
        "status": 400,
    }
    return Refusal(400, body)


def _input_error(path: str, code: str, description: str | None = None) -> dict[str, object]:
    error: dict[str, object] = {"input": {"inputPath": {"fieldPath": path}}, "code": code}
    return {"description": description, **error} if description else error


def param_invalid(path: str) -> Refusal:
    """A parameter that cannot be parsed, for example because its parentheses were percent-encoded."""
    description = "Invalid value for param; wrong type or other syntax error"
    return _input_errors(ONE_ERROR, [_input_error(path, "PARAM_INVALID", description)])


def params_not_allowed(paths: list[str]) -> Refusal:
    """Parameters that the finder does not have, such as protocol 1.0's dotted ones."""
    return _input_errors(SEVERAL_ERRORS, [_input_error(path, "QUERY_PARAM_NOT_ALLOWED") for path in paths])


def field_invalid(path: str, description: str) -> Refusal:
    """A value that parses but is not acceptable."""
    return _input_errors(SEVERAL_ERRORS, [_input_error(path, "FIELD_INVALID", description)])


def plain_bad_request(message: str) -> Refusal:
    """The short 400 without a code."""
    return Refusal(400, {"message": message, "status": 400})


def version_missing() -> Refusal:
    """No LinkedIn-Version header."""
    message = "A version must be present. Please specify a version by adding the LinkedIn-Version header."
    body = {"status": 400, "code": "VERSION_MISSING", "message": message}
    return Refusal(400, body, {"X-RestLi-Gateway-Error": "true"})


def version_inactive(version: str) -> Refusal:
    """A sunset or never published version; LinkedIn echoes it with a two-digit day."""
    message = f"Requested version {version}01 is not active"
    return Refusal(426, {"status": 426, "code": "NONEXISTENT_VERSION", "message": message})


def token_empty() -> Refusal:
    """No bearer token at all."""
    body = {"message": "Empty oauth2_access_token", "serviceErrorCode": 401, "status": 401}
    return Refusal(401, body)


_TOKEN_ERRORS = {
    65600: ("INVALID_ACCESS_TOKEN", "Invalid access token"),
    65601: ("REVOKED_ACCESS_TOKEN", "The token used in the request has been revoked by the user"),
    65602: ("EXPIRED_ACCESS_TOKEN", "The token used in the request has expired"),
}


def token_refused(service_code: int) -> Refusal:
    """A token that is unknown (65600), revoked (65601) or expired (65602)."""
    code, message = _TOKEN_ERRORS[service_code]
    body = {"status": 401, "serviceErrorCode": service_code, "code": code, "message": message}
    return Refusal(401, body)


def access_denied(permission: str, version: str) -> Refusal:
    """A missing scope; `permission` is LinkedIn's own spelling, such as adAnalytics.FINDER-analytics."""
    return Refusal(403, access_denied_body(permission, version))


def access_denied_body(permission: str, version: str) -> dict[str, object]:
    """Give the body of a 403 for one resource and method."""
    message = f"Not enough permissions to access: {permission}.{version}01"
    return {"status": 403, "serviceErrorCode": 100, "code": "ACCESS_DENIED", "message": message}


def no_permission_on(urn: str) -> Refusal:
    """An ad account, or something else with a URN, that the member has no role on."""
    message = f"Viewer may not have permission READ on entity {urn}"
    return Refusal(403, {"status": 403, "code": "NO_PERMISSION_ON_ENTITY", "message": message})


def urn_not_accepted(urn: str) -> Refusal:
    """A batch with a URN that LinkedIn does not take: all of it is refused."""
    return field_invalid("urns", f"ERROR :: /urns :: {urn} is not supported")


def not_found() -> Refusal:
    """Nothing there."""
    return Refusal(404, {"status": 404, "code": "NOT_FOUND", "message": "Not Found"})


def method_not_allowed() -> Refusal:
    """A verb this resource does not have."""
    return Refusal(405, {"status": 405, "message": "Method Not Allowed"})


def too_long() -> Refusal:
    """A query string over 4 KB; the edge answers without JSON."""
    page = b"<html><head><title>414 Request-URI Too Large</title></head><body>414</body></html>"
    return Refusal(414, page, {"Content-Type": "text/html"})


def throttled(limit: str, retry_after: int | None = None) -> Refusal:
    """A resource throttle, `limit` being APPLICATION DAY, APPLICATION_AND_MEMBER DAY, … MINUTE."""
    message = f"Resource level throttle {limit} limit for calls to this resource is reached."
    body = {"status": 429, "serviceErrorCode": 101, "code": "TOO_MANY_REQUESTS", "message": message}
    return Refusal(429, body, {} if retry_after is None else {"Retry-After": str(retry_after)})


def data_limit_exceeded() -> Refusal:
    """More than 45 million metric values in five minutes."""
    message = (
        "The data request limit has been exceeded. "
        "More than 45 million metric values were requested in a 5-minute window."
    )
    return Refusal(429, {"status": 429, "code": "TOO_MANY_REQUESTS", "message": message})


def internal_error_page() -> Refusal:
    """A 500 from the edge: HTML, not JSON."""
    page = b"<!DOCTYPE html><html><head><title>LinkedIn</title></head><body><h1>500</h1></body></html>"
    return Refusal(500, page, {"Content-Type": "text/html; charset=utf-8"})


def under_maintenance() -> Refusal:
    """503."""
    return Refusal(503, {"status": 503, "code": "UNDER_MAINTENANCE", "message": "Under Maintenance"})


def gateway_timeout() -> Refusal:
    """504."""
    return Refusal(504, {"status": 504, "message": "Gateway Timeout"})
