"""Every row of LinkedIn's error tables: which error, which kind, tried again or not.

Source: LinkedIn Marketing, "Error Handling", "Rate Limiting" and "Error Responses", 202602.
"""

import ssl
from datetime import UTC, datetime

import pytest
import requests
from urllib3 import HTTPConnectionPool
from urllib3.exceptions import MaxRetryError, SSLError

from ingestion.linkedin import errors
from ingestion.linkedin.answers import HttpAnswer, Retry, failure_of, unreachable
from tests.ingestion.linkedin.loopback import sample

NOW = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)


def failure(status, body=b"", secret="AQsecret", **headers):
    answer = HttpAnswer(
        endpoint="/rest/x",
        status=status,
        headers={name.replace("_", "-"): value for name, value in headers.items()},
        body=body,
        secret=secret,
    )
    return failure_of(answer, now=NOW)


@pytest.mark.parametrize(
    ("name", "kind_of_error", "kind", "retry", "words"),
    [
        ("error_400_field_invalid", errors.BadRequest, "data", Retry.NEVER, "pivots/value: FIELD_INVALID"),
        ("error_400_too_many_entities", errors.BadRequest, "data", Retry.NEVER, "too many entities"),
        ("error_400_version_missing", errors.BadRequest, "version", Retry.NEVER, "version must be present"),
        ("error_401_empty_token", errors.TokenRejected, "consent", Retry.NEW_TOKEN, "not valid"),
        ("error_401_expired_token", errors.TokenRejected, "consent", Retry.NEW_TOKEN, "has expired"),
        ("error_401_revoked_token", errors.TokenRejected, "consent", Retry.NEW_TOKEN, "was revoked"),
        ("error_403_access_denied", errors.AccessDenied, "access", Retry.NEVER, "Not enough permissions"),
        ("error_404_not_found", errors.NotFound, "access", Retry.NEVER, "Not Found"),
        ("error_409_conflict", errors.BadRequest, "data", Retry.NEVER, "Write Conflict"),
        ("error_426_version_sunset", errors.VersionSunset, "version", Retry.NEVER, "20251101"),
        ("error_429_legacy", errors.RateLimited, "throttled", Retry.THROTTLE, "Resource level throttle"),
        ("error_429_analytics_data_limit", errors.RateLimited, "throttled", Retry.THROTTLE, "45 million"),
        ("error_429_day_throttle_application", errors.DayLimitReached, "throttled", Retry.NEVER, "DAY limit"),
        ("error_429_day_throttle_member", errors.DayLimitReached, "throttled", Retry.NEVER, "DAY limit"),
        ("error_500_internal", errors.Unavailable, "network", Retry.BACK_OFF, "Internal Error"),
        ("error_503_maintenance", errors.Unavailable, "network", Retry.BACK_OFF, "Under Maintenance"),
        ("error_504_gateway_timeout", errors.Unavailable, "network", Retry.BACK_OFF, "Gateway Timeout"),
    ],
)
def test_failure_of_each_documented_body(name, kind_of_error, kind, retry, words):
    status = int(name.split("_")[1])
    found = failure(status, sample(name), X_LI_UUID="AAX1", X_Li_Fabric="prod-lva1")
    assert type(found.error) is kind_of_error
    assert (found.error.kind, found.retry) == (kind, retry)
    assert words in str(found.error)
    assert "/rest/x" in str(found.error) or status == 426
    assert (found.error.status, found.error.uuid, found.error.fabric) == (status, "AAX1", "prod-lva1")
    assert found.error.remedy


@pytest.mark.parametrize(
    ("status", "kind_of_error", "retry"),
    [
        (301, errors.UnexpectedResponse, Retry.NEVER),
        (405, errors.BadRequest, Retry.NEVER),
        (408, errors.Unavailable, Retry.BACK_OFF),
        (410, errors.NotFound, Retry.NEVER),
        (411, errors.BadRequest, Retry.NEVER),
        (412, errors.BadRequest, Retry.NEVER),
        (414, errors.TooLong, Retry.NEVER),
        (422, errors.BadRequest, Retry.NEVER),
        (429, errors.RateLimited, Retry.THROTTLE),
        (500, errors.Unavailable, Retry.BACK_OFF),
        (501, errors.BadRequest, Retry.NEVER),
        (502, errors.Unavailable, Retry.BACK_OFF),
    ],
)
@pytest.mark.parametrize("body", [b"", b"<html>Bad gateway</html>", b"[1]", b'{"message": 7, "errorDetails": []}'])
def test_failure_of_a_body_that_explains_nothing(status, kind_of_error, retry, body):
    found = failure(status, body)
    assert type(found.error) is kind_of_error
    assert found.retry is retry
    assert str(status) in str(found.error) or status == 414


def test_failure_of_a_sunset_version_names_the_setting():
    assert "LINKEDIN_API_VERSION" in failure(426, sample("error_426_version_sunset")).error.remedy


def test_failure_of_the_day_limit_ends_at_midnight_utc():
    error = failure(429, sample("error_429_day_throttle_member"), Retry_After="5").error
    assert isinstance(error, errors.DayLimitReached)
    assert error.resets_at == datetime(2026, 11, 22, tzinfo=UTC)


@pytest.mark.parametrize(
    ("header", "wait"),
    [
        ("17", 17),
        ("0", 1),
        ("Sat, 21 Nov 2026 10:00:42 GMT", 42),
        ("Sat, 21 Nov 2026 09:00:00 GMT", 1),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("", None),
    ],
)
def test_failure_of_a_throttle_waits_as_long_as_the_header_says(header, wait):
    assert failure(429, sample("error_429_legacy"), Retry_After=header).wait_seconds == wait


def test_failure_of_the_data_limit_waits_330_seconds():
    assert failure(429, sample("error_429_analytics_data_limit")).wait_seconds == 330


def test_failure_never_repeats_the_token_even_if_linkedin_does():
    body = b'{"message": "bad token AQsecret", "code": "AQsecret"}'
    for status in (400, 401, 403, 404, 426, 429, 500):
        error = failure(status, body).error
        assert "AQsecret" not in f"{error} {error.code} {error!r}"
    assert "AQsecret" not in repr(HttpAnswer("/x", 200, {}, b"AQsecret", "AQsecret"))


def test_failure_keeps_a_long_explanation_to_one_short_line():
    message = str(failure(400, b'{"message": "' + b"word \\n" * 500 + b'"}').error)
    assert "\n" not in message
    assert len(message) < 400


def wrapped(inner):
    """As urllib3 and requests wrap it: in `reason`, in `args`."""
    return requests.exceptions.SSLError(MaxRetryError(HTTPConnectionPool("h"), "/", SSLError(inner)))


@pytest.mark.parametrize(
    ("error", "words", "retry"),
    [
        (wrapped(ssl.SSLCertVerificationError("self-signed")), "TLS certificate of h.example", Retry.TWICE),
        (wrapped(ssl.SSLError("WRONG_VERSION_NUMBER")), "does not speak TLS", Retry.TWICE),
        (wrapped(ssl.SSLEOFError("EOF")), "connection to h.example broke", Retry.BACK_OFF),
        (requests.exceptions.ProxyError("no"), "proxy on the way to h.example", Retry.TWICE),
        (requests.exceptions.InvalidURL("no"), "address of h.example", Retry.NEVER),
        (requests.exceptions.ConnectTimeout("late"), "did not answer in time", Retry.BACK_OFF),
        (requests.exceptions.ConnectionError("Read timed out."), "did not answer in time", Retry.BACK_OFF),
        (ConnectionResetError(), "connection to h.example broke", Retry.BACK_OFF),
    ],
)
def test_unreachable_names_the_host_and_what_to_check(error, words, retry):
    failure = unreachable(error, host="h.example", setting="LINKEDIN_API_BASE_URL")
    assert words in str(failure.error)
    assert failure.retry is retry
    assert ("LINKEDIN_API_BASE_URL" in failure.error.remedy) == (retry is not Retry.BACK_OFF)
