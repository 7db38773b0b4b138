"""How many files one person downloads at once; counted in Valkey, over all web processes.

A slot is free again when its response is closed, and after a while where its process died. Without Valkey nobody is
refused.
"""

import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

import redis
import structlog
from django.conf import settings
from django.http import StreamingHttpResponse

from accounts.shell import valkey

_log = structlog.get_logger(__name__)
REFUSED: Final = "You are downloading as many files as you may at once."
# A process that died keeps its slots for this long; who reads more slowly may begin one more.
_KEPT_SECONDS: Final = 300


class NoneFree(Exception):
    """This person has as many downloads as they may have at once."""

    def __init__(self) -> None:
        super().__init__(f"{REFUSED} Wait until one of them has ended.")


@dataclass(frozen=True, slots=True)
class Slot:
    """The place of one download."""

    key: str
    name: str = field(default_factory=lambda: uuid.uuid4().hex)

    def held_by(self, response: StreamingHttpResponse) -> StreamingHttpResponse:
        """Until the response has been sent, or was given up."""
        response.streaming_content = _Held(iter(response), self)
        return response

    def free(self) -> None:
        try:
            valkey.client().zrem(self.key, self.name)
        except redis.RedisError:
            _log.warning("a download is counted for some minutes more: Valkey does not answer")


class _Held:
    """What is sent; closed with its response, also where nothing of it was read."""

    def __init__(self, pieces: Iterator[bytes], slot: Slot) -> None:
        self._pieces, self._slot = pieces, slot

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        return next(self._pieces)

    def close(self) -> None:
        self._slot.free()


@contextmanager
def room(person: str) -> Iterator[Slot]:
    """A place for one more download, which the response then holds. Raises NoneFree."""
    slot = _take(person)
    try:
        yield slot
    except BaseException:
        slot.free()
        raise


def _take(person: str) -> Slot:
    slot = Slot(valkey.key("downloads", person))
    now = time.time()
    try:
        with valkey.client().pipeline() as pipeline:
            pipeline.zremrangebyscore(slot.key, "-inf", now - _KEPT_SECONDS)
            pipeline.zadd(slot.key, {slot.name: now})
            pipeline.zcard(slot.key)
            pipeline.expire(slot.key, _KEPT_SECONDS)
            taken = pipeline.execute()[2]
    except redis.RedisError:
        _log.warning("downloads are not counted: Valkey does not answer")
        return slot
    if taken > settings.DOWNLOADS_AT_ONCE:
        slot.free()
        raise NoneFree
    return slot
