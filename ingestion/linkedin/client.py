"""Calls to LinkedIn's Marketing API: headers, access token, retries. Endpoints and records are defined elsewhere.

Source: LinkedIn Marketing, "Protocol Versions", "Query Tunneling", "Versioning" and "Rate Limiting", 202602.
"""

import json
import logging
import random as _random
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime
from types import TracebackType
from typing import Final, NoReturn, Protocol, Self, TypeVar
from urllib.parse import urlsplit

import requests
from urllib3.exceptions import HTTPError

from ingestion.linkedin.answers import FailedCall, HttpAnswer, NotJson, Retry, failure_of, garbled, unreachable
from ingestion.linkedin.errors import ClientCancelled, TokenRejected
from ingestion.linkedin.resources import resource_of
from ingestion.linkedin.retries import RetryPolicy
from ingestion.linkedin.session import Bearer, pooled_session

logger = logging.getLogger(__name__)

MAX_QUERY_BYTES: Final = 4_000  # LinkedIn refuses 4 KB with 414; its own clients tunnel from here on
FRESH_TOKEN_PAUSE_SECONDS: Final = 30.0
_CHUNK_BYTES = 1 << 15

T = TypeVar("T")


class TokenSource(Protocol):
    """Where access tokens come from; called from several threads."""

    def current(self) -> str:
        """A usable access token."""
        ...

    def renew(self, rejected: str) -> str:
        """A token newer than the rejected one, or the same if it was just issued. Raises TokenRejected."""
        ...


class StaticToken:
    """A token that cannot be renewed."""

    def __init__(self, token: str) -> None:
        self._token = token

    def current(self) -> str:
        return self._token

    def renew(self, rejected: str) -> NoReturn:
        raise TokenRejected("LinkedIn rejected the access token, and there is no other.")

    def __repr__(self) -> str:
        return "<StaticToken>"


class Budget(Protocol):
    """What all processes together may request with one token; called from several threads."""

    def enter(self, wait: Callable[[float], None], resource: str) -> str:
        """A place for one request of a resource, as soon as there is one; `wait` sleeps. Raises DayLimitReached."""
        ...

    def leave(self, place: str, failure: FailedCall | None) -> None:
        """The request is over; the failure says whether it was throttled."""
        ...


class Unlimited:
    """No budget: every request goes out at once."""

    def enter(self, wait: Callable[[float], None], resource: str) -> str:
        return ""

    def leave(self, place: str, failure: FailedCall | None) -> None:
        pass


class LinkedInClient:
    """Sends GET requests and returns the bodies of 200 answers; safe for several threads at once.

    A call is retried until `deadline_seconds` are over; `timeout_seconds` are those of connecting and of
    silence while reading. Waiting for a place in the `budget` does not count against the deadline. Only tests pass
    a `sleep`: `cancel()` cannot cut it short.
    """

    def __init__(
        self,
        *,
        base_url: str,
        version: str,
        tokens: TokenSource,
        concurrency: int = 4,
        session: requests.Session | None = None,
        deadline_seconds: float = 900,
        timeout_seconds: tuple[float, float] = (10, 300),
        sleep: Callable[[float], None] | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        random: Callable[[], float] = _random.random,
        budget: Budget | None = None,
    ) -> None:
        self._base_url = base_url.rstrip("/")
        self._host = urlsplit(self._base_url).hostname or "LinkedIn"
        self._headers = {"LinkedIn-Version": version, "X-Restli-Protocol-Version": "2.0.0"}
        self._tokens = tokens
        self._owns_session = session is None
        self._session = session or pooled_session(concurrency)
        self._deadline_seconds = deadline_seconds
        self._timeout_seconds = timeout_seconds
        self._cancelled = threading.Event()
        self._sleep = sleep if sleep not in (None, time.sleep) else self._cancelled.wait
        self._monotonic = monotonic
        self._now = now
        self._random = random
        self._budget = budget or Unlimited()
        self._lock = threading.Lock()
        self._calls_made = 0
        self._calls_throttled = 0

    @property
    def calls_made(self) -> int:
        """HTTP requests really sent, retries included."""
        return self._calls_made

    @property
    def calls_throttled(self) -> int:
        """How many of them LinkedIn answered with 429."""
        return self._calls_throttled

    def get(self, path: str, query: str = "", *, headers: Mapping[str, str] | None = None) -> bytes:
        """The JSON body of a 200. `path` and `query` are sent exactly as given, so encode them first.

        Raises LinkedInError.
        """
        return self.read(path, query, parse=_json_bytes, headers=headers)

    def read(
        self,
        path: str,
        query: str = "",
        *,
        parse: Callable[[bytes], T],
        headers: Mapping[str, str] | None = None,
        max_server_errors: int | None = None,
    ) -> T:
        """What `parse` makes of the body of a 200; a body that it finds to be NotJson is requested again.

        `max_server_errors` is how many 5xx answers end the call; None leaves that to the deadline.
        Raises LinkedInError.
        """
        retries = self._retry_policy()
        tokens = self._tokens_to_try(path, retries)
        token: str | None = next(tokens)
        while token is not None:
            outcome = self._try(path, query, token, headers or {}, retries, parse)
            if not isinstance(outcome, FailedCall):
                return outcome
            failure = outcome
            if failure.retry is Retry.NEW_TOKEN:
                token = next(tokens, None)
            else:
                wait = retries.wait_after(failure, max_server_errors=max_server_errors)
                self._wait(wait, failure, path)
        raise failure.error

    def cancel(self) -> None:
        """End every wait and refuse every further call with ClientCancelled; running requests are dropped."""
        self._cancelled.set()

    def close(self) -> None:
        """Cancel what is still running and close the connections."""
        self.cancel()
        if self._owns_session:
            self._session.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        version = self._headers["LinkedIn-Version"]
        return f"<LinkedInClient {self._host} version {version}, {self._calls_made} calls made>"

    def _retry_policy(self) -> RetryPolicy:
        return RetryPolicy(deadline_seconds=self._deadline_seconds, monotonic=self._monotonic, random=self._random)

    def _tokens_to_try(self, path: str, retries: RetryPolicy) -> Iterator[str]:
        """The current token; after a 401 a renewed one; after another 401 and a pause the current one again.

        A brand-new token may answer 401 for some seconds (seen by several connectors), hence the pause.
        """
        token = self._tokens.current()
        yield token
        renewed = self._tokens.renew(token)
        if renewed != token:
            logger.info("%s: 401, trying again with a renewed access token", path)
            yield renewed
        if retries.seconds_left() > FRESH_TOKEN_PAUSE_SECONDS:
            logger.info("%s: 401, trying again in %.0f s", path, FRESH_TOKEN_PAUSE_SECONDS)
            self.pause(FRESH_TOKEN_PAUSE_SECONDS)
            yield self._tokens.current()

    def _try(
        self,
        path: str,
        query: str,
        token: str,
        headers: Mapping[str, str],
        retries: RetryPolicy,
        parse: Callable[[bytes], T],
    ) -> T | FailedCall:
        self._stop_if_cancelled()
        if not (token.isascii() and token.isprintable() and token.strip()):
            # Sent as it is, it would come back inside the exception of a library.
            raise TokenRejected("The stored access token is not one LinkedIn can have issued.")
        answer = self._send_within_budget(path, query, token, headers, retries)
        if isinstance(answer, FailedCall):
            return answer
        try:
            return parse(answer.body)
        except NotJson:
            return garbled(answer)

    def _send_within_budget(
        self, path: str, query: str, token: str, headers: Mapping[str, str], retries: RetryPolicy
    ) -> HttpAnswer | FailedCall:
        """A 200, or why there is none."""
        with retries.paused():
            place = self._budget.enter(self.pause, resource_of(path))
        failure: FailedCall | None = None
        try:
            answer = self._send(path, query, token, headers, retries)
            if isinstance(answer, FailedCall):
                failure = answer
            elif answer.status != 200:
                failure = failure_of(answer, now=self._now())
                with self._lock:
                    self._calls_throttled += answer.status == 429
        finally:
            self._budget.leave(place, failure)
        return failure or answer

    def _send(
        self, path: str, query: str, token: str, headers: Mapping[str, str], retries: RetryPolicy
    ) -> HttpAnswer | FailedCall:
        try:
            request = self._prepared(path, query, token, headers)
            url = request.url or ""
            settings = self._session.merge_environment_settings(url, {}, True, None, None)
            connect, read = self._timeout_seconds
            timeout = (connect, max(1.0, min(read, retries.seconds_left())))
            with self._lock:
                self._calls_made += 1
            with closing(self._session.send(request, allow_redirects=False, timeout=timeout, **settings)) as response:
                body = self._body(response, retries)
        except (requests.RequestException, HTTPError, OSError) as error:
            return unreachable(error, host=self._host, setting="LINKEDIN_API_BASE_URL")
        return HttpAnswer(endpoint=path, status=response.status_code, headers=response.headers, body=body, secret=token)

    def _prepared(self, path: str, query: str, token: str, headers: Mapping[str, str]) -> requests.PreparedRequest:
        """The request with its target exactly as built; requests would re-quote it."""
        tunnelled = len(query) > MAX_QUERY_BYTES
        sent = {**self._headers, **headers}
        if tunnelled:
            sent["X-HTTP-Method-Override"] = "GET"
            sent["Content-Type"] = "application/x-www-form-urlencoded"
        request = self._session.prepare_request(
            requests.Request(
                "POST" if tunnelled else "GET",
                self._base_url + path,
                headers=sent,
                data=query.encode("ascii") if tunnelled else None,
                auth=Bearer(token),
            )
        )
        request.url = self._base_url + path + (f"?{query}" if query and not tunnelled else "")
        return request

    def _body(self, response: requests.Response, retries: RetryPolicy) -> bytes:
        """The whole body. In pieces, because a time-out alone does not end an answer that trickles."""
        pieces = []
        for piece in response.iter_content(_CHUNK_BYTES):
            self._stop_if_cancelled()
            if retries.seconds_left() <= 0:
                raise requests.Timeout("the deadline passed while the answer was being read")
            pieces.append(piece)
        return b"".join(pieces)

    def _wait(self, seconds: float, failure: FailedCall, path: str) -> None:
        logger.info(
            "%s: %s (status %s, request id %s), trying again in %.1f s",
            *(path, type(failure.error).__name__, failure.error.status, failure.error.uuid, seconds),
        )
        self.pause(seconds)

    def pause(self, seconds: float) -> None:
        """Sleep, unless cancelled meanwhile. Raises ClientCancelled."""
        self._sleep(seconds)
        self._stop_if_cancelled()

    def _stop_if_cancelled(self) -> None:
        if self._cancelled.is_set():
            raise ClientCancelled("The calls to LinkedIn were cancelled.")


def _json_bytes(body: bytes) -> bytes:
    try:
        json.loads(body)
    except (ValueError, RecursionError):
        raise NotJson from None
    return body
