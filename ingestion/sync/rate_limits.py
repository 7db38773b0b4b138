"""LinkedIn's limits as one budget per token, shared through Valkey by every worker on every machine.

- How many requests may run: rises while answers are good (by one per round of answers), halves on a
  429 (AIMD). Syncs that run at the same time share the places evenly.
- After a 429 no request goes out until a pause is over: LinkedIn's `Retry-After`, else one that doubles.
- After a DAY throttle of a resource no request for it goes out until 00:00 UTC; others still do, because LinkedIn
  counts each resource separately. Where figures need the resource, no sync begins either.
- Of the 45 million metric values (fields × records) that LinkedIn gives an application in five minutes,
  requests that would pass the limit wait.

A place that is not renewed becomes free: processes die. Times are Valkey's own, so clocks may differ; only the
daily limit goes by the caller's, because it names an instant.
"""

import random
import uuid
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

import redis
from django.conf import settings

from accounts.shell import valkey
from ingestion.linkedin.answers import FailedCall
from ingestion.linkedin.errors import DayLimitReached, RateLimited
from ingestion.linkedin.resources import Resource

FIRST_PLACES = 4
MAX_PLACES = 32
VALUES_IN_FIVE_MINUTES = 45_000_000
_PLACE_SECONDS = 30
_BUCKET_SECONDS = 10
_BUCKETS = 31
# A run that wanted a place this recently takes part in sharing them.
_ASKING_SECONDS = 3
# Whatever is not listed here may be what figures need.
_NOT_FOR_FIGURES = frozenset({Resource.AD_ACCOUNT_USERS, Resource.NAMES, Resource.POSTS})

# KEYS: places, limit, askers, pause. ARGV: place, run, seconds of a place, first limit, seconds of an asker.
# Returns 0 for a place, else milliseconds to wait before asking again.
_ENTER = """
local now = redis.call('TIME')
now = now[1] * 1000 + math.floor(now[2] / 1000)
local pause = redis.call('PTTL', KEYS[4])
if pause > 0 then return pause end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', now)
redis.call('ZADD', KEYS[3], now + ARGV[5] * 1000, ARGV[2])
redis.call('EXPIRE', KEYS[3], 3600)
local limit = math.floor(tonumber(redis.call('GET', KEYS[2]) or ARGV[4]))
local taken = redis.call('ZRANGE', KEYS[1], 0, -1)
if #taken >= limit then return 50 end
local mine = 0
for _, place in ipairs(taken) do
  if string.sub(place, 1, #ARGV[2] + 1) == ARGV[2] .. '/' then mine = mine + 1 end
end
local share = math.ceil(limit / redis.call('ZCARD', KEYS[3]))
if mine >= share then return 20 end
redis.call('ZADD', KEYS[1], now + ARGV[3] * 1000, ARGV[1])
redis.call('EXPIRE', KEYS[1], 3600)
return 0
"""

# KEYS: places, limit, pause, throttles. ARGV: place, outcome, pause in ms or 0, first limit, most.
_LEAVE = """
local limit = tonumber(redis.call('GET', KEYS[2]) or ARGV[4])
local taken = redis.call('ZCARD', KEYS[1])
local running = redis.call('PTTL', KEYS[3])
redis.call('ZREM', KEYS[1], ARGV[1])
if ARGV[2] == 'good' and running <= 0 then
  -- A limit that is never reached says nothing about what LinkedIn would allow.
  if taken >= math.floor(limit) then
    redis.call('SET', KEYS[2], math.min(tonumber(ARGV[5]), limit + 1 / limit), 'EX', 86400)
  end
  redis.call('DEL', KEYS[4])
elseif ARGV[2] == 'throttled' then
  local pause = tonumber(ARGV[3])
  if running <= 0 then
    -- The requests that were under way together are one event, not several.
    redis.call('SET', KEYS[2], math.max(1, limit / 2), 'EX', 86400)
    local again = redis.call('INCR', KEYS[4])
    redis.call('EXPIRE', KEYS[4], 600)
    if pause == 0 then pause = math.min(60000, 5000 * 2 ^ (again - 1)) end
  end
  if pause > running then redis.call('SET', KEYS[3], '1', 'PX', math.floor(pause)) end
end
return 0
"""


@dataclass(frozen=True, slots=True)
class ParkedResources:
    """Until when LinkedIn's daily limit keeps each resource of one connection from being requested."""

    until: Mapping[str, datetime]

    @property
    def figures(self) -> datetime | None:
        """Until when figures cannot be synced: all that they need is requested, or nothing."""
        return max((until for resource, until in self.until.items() if figures_need(resource)), default=None)

    @property
    def others(self) -> Mapping[str, datetime]:
        """The resources without which figures are synced all the same."""
        return {resource: until for resource, until in self.until.items() if not figures_need(resource)}


def figures_need(resource: str) -> bool:
    """Whether a sync of figures cannot do without a resource: ad accounts, campaigns, creatives, analytics."""
    return resource not in _NOT_FOR_FIGURES


def parked_resources(connection_ids: Collection[int], *, now: datetime) -> dict[int, ParkedResources]:
    """What LinkedIn's daily limit keeps each connection from requesting; those with no such limit are left out.

    Empty where Valkey does not answer soon: pages ask this, and that Valkey is away shows elsewhere.
    """
    ids = list(connection_ids)
    if not ids:
        return {}
    try:
        with valkey.client().pipeline(transaction=False) as together:
            for connection_id in ids:
                together.hgetall(_parked_key(connection_id))
            stored = together.execute()
    except redis.RedisError:
        return {}
    parked = {one: _parked(texts, now=now) for one, texts in zip(ids, stored, strict=True)}
    return {connection_id: one for connection_id, one in parked.items() if one.until}


def _parked(stored: Mapping[str, str], *, now: datetime) -> ParkedResources:
    """What is still parked of what Valkey holds for a connection."""
    instants = {str(resource): datetime.fromisoformat(str(text)) for resource, text in stored.items()}
    return ParkedResources({resource: until for resource, until in instants.items() if _lasts(until, now=now)})


def _lasts(until: datetime, *, now: datetime) -> bool:
    """Whether the daily limit is still used up: never for longer than a day, unless a clock was wrong."""
    return now < until <= now + timedelta(days=1)


class TokenBudget:
    """What one run may ask with one connection's token; implements the client's `Budget`."""

    def __init__(self, connection_id: int, *, now: Callable[[], datetime]) -> None:
        token = _token_key(connection_id)
        self._places = f"{token}:places"
        self._limit = f"{token}:limit"
        self._askers = f"{token}:askers"
        self._pause = f"{token}:pause"
        self._throttles = f"{token}:throttles"
        self._parked = _parked_key(connection_id)
        self._values = valkey.key("linkedin-budget", "application", settings.LINKEDIN_CLIENT_ID, "values")
        self._run = uuid.uuid4().hex
        self._held: set[str] = set()
        self._now = now
        self._valkey = valkey.patient_client()
        self._enter = self._valkey.register_script(_ENTER)
        self._leave = self._valkey.register_script(_LEAVE)

    def enter(self, wait: Callable[[float], None], resource: str) -> str:
        """A place for one request of a resource, as soon as there is one. Raises DayLimitReached."""
        place = f"{self._run}/{uuid.uuid4().hex}"
        keys = [self._places, self._limit, self._askers, self._pause]
        while True:
            self._require_not_parked(resource)
            again_ms = int(self._enter(keys, [place, self._run, _PLACE_SECONDS, FIRST_PLACES, _ASKING_SECONDS]))
            if again_ms == 0:
                self._held.add(place)
                return place
            # Jitter, so that those who wait do not ask in step.
            wait(min(again_ms / 1000, 1.0) * random.uniform(0.5, 1.0))  # noqa: S311  # nosec B311

    def leave(self, place: str, failure: FailedCall | None) -> None:
        """Give the place back; a 429 slows everybody down, a DAY throttle stops all requests of its resource."""
        self._held.discard(place)
        outcome, pause_ms = "good", 0
        if failure and isinstance(failure.error, DayLimitReached):
            self._park(failure.error)
            outcome = "neutral"
        elif failure and isinstance(failure.error, RateLimited):
            outcome, pause_ms = "throttled", int((failure.wait_seconds or 0) * 1000)
        elif failure:
            outcome = "neutral"
        keys = [self._places, self._limit, self._pause, self._throttles]
        self._leave(keys, [place, outcome, pause_ms, FIRST_PLACES, MAX_PLACES])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """A run that has ended takes no share any more; it would until it is forgotten, some seconds later."""
        # Valkey may be what ended it.
        with suppress(redis.RedisError):
            self._valkey.zrem(self._askers, self._run)

    def renew(self) -> None:
        """Show that the places held are still used."""
        held = list(self._held)
        if held:
            seconds, microseconds = self._valkey.time()
            until = seconds * 1000 + microseconds // 1000 + _PLACE_SECONDS * 1000
            self._valkey.zadd(self._places, dict.fromkeys(held, until), xx=True)

    def require_not_parked(self) -> None:
        """Raises DayLimitReached while LinkedIn's daily limit keeps figures from being requested."""
        for resource in map(str, self._valkey.hkeys(self._parked)):
            if figures_need(resource):
                self._require_not_parked(resource)

    def _require_not_parked(self, resource: str) -> None:
        parked = self._valkey.hget(self._parked, resource)
        if parked is None:
            return
        until = datetime.fromisoformat(str(parked))
        if _lasts(until, now=self._now()):
            raise DayLimitReached(
                f"LinkedIn's daily limit for {resource} is used up until {until:%Y-%m-%d %H:%M} UTC.",
                resource=resource,
                resets_at=until,
            )
        self._valkey.hdel(self._parked, resource)

    def await_values(self, values: int, wait: Callable[[float], None]) -> None:
        """Wait until so many metric values fit into LinkedIn's five minutes; then count them as requested."""
        wanted = min(values, VALUES_IN_FIVE_MINUTES)
        while self._values_asked() + wanted > VALUES_IN_FIVE_MINUTES:
            wait(_BUCKET_SECONDS / 2)
        self.count_values(values)

    def count_values(self, values: int) -> None:
        """Count metric values; negative where fewer came than were expected."""
        if values:
            bucket = f"{self._values}:{self._valkey.time()[0] // _BUCKET_SECONDS}"
            with self._valkey.pipeline() as together:
                together.incrby(bucket, values)
                together.expire(bucket, _BUCKETS * _BUCKET_SECONDS)
                together.execute()

    def _values_asked(self) -> int:
        now = self._valkey.time()[0] // _BUCKET_SECONDS
        counts = self._valkey.mget([f"{self._values}:{now - age}" for age in range(_BUCKETS)])
        return sum(int(count) for count in counts if count)

    def _park(self, error: DayLimitReached) -> None:
        if error.resets_at is not None:
            with self._valkey.pipeline() as together:
                together.hset(self._parked, error.resource, error.resets_at.isoformat())
                together.expire(self._parked, 2 * 86_400)
                together.execute()


def _token_key(connection_id: int) -> str:
    return valkey.key("linkedin-budget", "connection", connection_id)


def _parked_key(connection_id: int) -> str:
    return f"{_token_key(connection_id)}:parked-resources"
