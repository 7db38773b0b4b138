"""What one HTTP answer, or the lack of one, means: the error for the caller and whether to try again.

No HTTP term goes beyond this module. Bodies may be HTML or empty at LinkedIn's edge, so nothing relies on JSON.
Source: LinkedIn Marketing, "Error Handling", "Rate Limiting" and "Error Responses", 202602.
"""

import enum
import json
import re
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

import requests
from urllib3.exceptions import NameResolutionError, ProxyError

from ingestion.linkedin import errors
from ingestion.linkedin.resources import resource_of

# The limit of 45 million metric values counts over five minutes; half a minute more keeps clear of its edge.
DATA_LIMIT_PAUSE_SECONDS: Final = 330.0
_MAX_TEXT = 300


class Retry(enum.Enum):
    """What to do after a failed call."""

    NEVER = enum.auto()
    BACK_OFF = enum.auto()  # until the call's deadline
    FEW = enum.auto()  # a handful of times: more would not help
    TWICE = enum.auto()  # usually configuration, so the error should show soon
    THROTTLE = enum.auto()  # slower, or as long as LinkedIn says
    NEW_TOKEN = enum.auto()


@dataclass(frozen=True, slots=True)
class FailedCall:
    """An error that is not raised yet; `wait_seconds` where LinkedIn itself says how long to wait."""

    error: errors.LinkedInError
    retry: Retry
    wait_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """One HTTP answer to `endpoint`, a path without query; `secret` must never be shown."""

    endpoint: str
    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    secret: str = field(repr=False)


class NotJson(ValueError):
    """A body that is no JSON document."""


def failure_of(answer: HttpAnswer, *, now: datetime) -> FailedCall:
    """The failure an answer other than 200 stands for."""
    body = _error_body(answer)
    about = _about(answer, body)
    if answer.status == 401:
        return FailedCall(_token_rejected(answer, about), Retry.NEW_TOKEN)
    if answer.status == 429:
        return _throttled(answer, body, about, now=now)
    if answer.status == 408 or (answer.status >= 500 and answer.status != 501):
        words = f"LinkedIn could not answer {answer.endpoint}: {_explanation(body, answer)}."
        return FailedCall(errors.Unavailable(words, **about), Retry.BACK_OFF, _retry_after(answer, now=now))
    if 200 <= answer.status < 400:
        words = f"LinkedIn answered {answer.endpoint} with the unexpected status {answer.status}."
        return FailedCall(errors.UnexpectedResponse(words, remedy="Check LINKEDIN_API_BASE_URL.", **about), Retry.NEVER)
    return FailedCall(_refused(answer, body, about), Retry.NEVER)


def garbled(answer: HttpAnswer) -> FailedCall:
    """The failure of a 200 whose body is no JSON: cut off, or not LinkedIn's at all."""
    about = _about(answer, {})
    if answer.body.lstrip()[:1] in (b"{", b"["):
        words = f"LinkedIn's answer to {answer.endpoint} was cut off."
        return FailedCall(errors.Unavailable(words, **about), Retry.FEW)
    words = f"The answer to {answer.endpoint} is not JSON."
    remedy = "Check that LINKEDIN_API_BASE_URL points to LinkedIn and that no proxy answers in its place."
    return FailedCall(errors.UnexpectedResponse(words, remedy=remedy, **about), Retry.FEW)


def unreachable(error: Exception, *, host: str, setting: str) -> FailedCall:
    """The failure of a request that got no whole answer; `setting` is the one that names the host.

    Says nothing of the exception itself: those of requests hold the request with its headers and form.
    """
    words, retry = _network_sentence(error, host)
    remedy = f"Check {setting} and this machine's network." if retry in (Retry.TWICE, Retry.NEVER) else None
    return FailedCall(errors.Unavailable(words, remedy=remedy), retry)


def _network_sentence(error: Exception, host: str) -> tuple[str, Retry]:
    chain = list(_chain(error))
    if any(isinstance(link, ssl.SSLCertVerificationError) for link in chain):
        return f"The TLS certificate of {host} could not be verified.", Retry.TWICE
    if any(isinstance(link, ssl.SSLError) and "WRONG_VERSION_NUMBER" in str(link) for link in chain):
        return f"{host} does not speak TLS on this port.", Retry.TWICE
    if any(isinstance(link, ProxyError | requests.exceptions.ProxyError) for link in chain):
        return f"The proxy on the way to {host} refuses the connection.", Retry.TWICE
    if any(isinstance(link, NameResolutionError) for link in chain):
        return f"The name {host} could not be resolved.", Retry.TWICE
    if any(isinstance(link, ConnectionRefusedError) for link in chain):
        return f"{host} refuses the connection.", Retry.TWICE
    if "TLS CA certificate bundle" in str(error):
        return "The file of TLS certificates that REQUESTS_CA_BUNDLE names cannot be read.", Retry.NEVER
    if isinstance(error, ValueError):
        return f"The address of {host} is not one that can be called.", Retry.NEVER
    if isinstance(error, requests.Timeout) or "timed out" in str(error):
        return f"{host} did not answer in time.", Retry.BACK_OFF
    return f"The connection to {host} broke.", Retry.BACK_OFF


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error and every one inside it; requests and urllib3 wrap in `args`, `reason` and `__context__`."""
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        link = waiting.pop()
        if id(link) in seen:
            continue
        seen.add(id(link))
        yield link
        inner = [*link.args, getattr(link, "reason", None), link.__cause__, link.__context__]
        waiting.extend(part for part in inner if isinstance(part, BaseException))


def _error_body(answer: HttpAnswer) -> dict[str, object]:
    try:
        body = json.loads(answer.body)
    except (ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}


def _about(answer: HttpAnswer, body: Mapping[str, object]) -> errors.About:
    code = body.get("code") or body.get("serviceErrorCode")
    return {
        "status": answer.status,
        "code": _clean(str(code), answer.secret) if code else None,
        "uuid": answer.headers.get("X-LI-UUID"),
        "fabric": answer.headers.get("X-Li-Fabric"),
    }


def _explanation(body: Mapping[str, object], answer: HttpAnswer) -> str:
    """LinkedIn's own explanation in one line, with the fields it rejects."""
    message = body.get("message")
    text = message if isinstance(message, str) and message.strip() else f"status {answer.status}"
    return _clean("; ".join([text, *_input_errors(body)]), answer.secret)


def _input_errors(body: Mapping[str, object]) -> Iterator[str]:
    details = body.get("errorDetails")
    listed = details.get("inputErrors") if isinstance(details, dict) else None
    for item in listed if isinstance(listed, list) else []:
        if not isinstance(item, dict):
            continue
        path = item.get("input")
        path = path.get("inputPath") if isinstance(path, dict) else None
        name = path.get("fieldPath") if isinstance(path, dict) else None
        yield ": ".join(str(part) for part in (name, item.get("code"), item.get("description")) if part)


def _clean(text: str, secret: str) -> str:
    """One printable line of bounded length, without the secret even if LinkedIn repeated it."""
    text = text.replace(secret, "…") if secret else text
    return " ".join(text.split())[:_MAX_TEXT].rstrip(" .")


def _token_rejected(answer: HttpAnswer, about: errors.About) -> errors.TokenRejected:
    reason = {
        "EXPIRED_ACCESS_TOKEN": "it has expired",
        "65602": "it has expired",
        "REVOKED_ACCESS_TOKEN": "it was revoked",
        "65601": "it was revoked",
    }.get(about["code"] or "", "it is not valid")
    return errors.TokenRejected(f"LinkedIn rejected the access token for {answer.endpoint}: {reason}.", **about)


def _refused(answer: HttpAnswer, body: Mapping[str, object], about: errors.About) -> errors.GiveUp:
    words = _explanation(body, answer)
    if answer.status == 403:
        return errors.AccessDenied(f"LinkedIn denies access to {answer.endpoint}: {words}.", **about)
    if answer.status in (404, 410):
        return errors.NotFound(f"LinkedIn found nothing readable at {answer.endpoint}: {words}.", **about)
    if answer.status == 426:
        return errors.VersionSunset(f"LinkedIn no longer offers the API version in use: {words}.", **about)
    if answer.status == 414:
        return errors.TooLong(f"The request to {answer.endpoint} is too long for LinkedIn.", **about)
    words = f"LinkedIn refused the request to {answer.endpoint}: {words}."
    if about["code"] == "VERSION_MISSING":
        return errors.BadRequest(words, kind="version", remedy=errors.VersionSunset.remedy, **about)
    return errors.BadRequest(words, **about)


def _throttled(answer: HttpAnswer, body: Mapping[str, object], about: errors.About, *, now: datetime) -> FailedCall:
    words = _explanation(body, answer)
    # The four kinds of 429 share one code: only the text tells a minute from a day.
    if re.search(r"\bDAY\b", words):
        midnight = datetime.combine(now.astimezone(UTC).date() + timedelta(days=1), time(), tzinfo=UTC)
        limit = errors.DayLimitReached(
            f"LinkedIn's daily limit for {answer.endpoint} is used up: {words}.",
            resource=resource_of(answer.endpoint),
            resets_at=midnight,
            **about,
        )
        return FailedCall(limit, Retry.NEVER)
    pause = _retry_after(answer, now=now)
    if pause is None and re.search(r"45 million|data request limit", words, re.IGNORECASE):
        pause = DATA_LIMIT_PAUSE_SECONDS
    error = errors.RateLimited(
        f"LinkedIn allows fewer calls of {answer.endpoint}: {words}.",
        retry_after_seconds=60.0 if pause is None else pause,
        **about,
    )
    return FailedCall(error, Retry.THROTTLE, pause)


def _retry_after(answer: HttpAnswer, *, now: datetime) -> float | None:
    """Seconds of the Retry-After header, given as whole seconds or as an HTTP date; at least one second."""
    value = answer.headers.get("Retry-After", "").strip()
    if re.fullmatch(r"[0-9]{1,9}", value):
        return max(1.0, float(value))
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(1.0, (moment - now).total_seconds())
