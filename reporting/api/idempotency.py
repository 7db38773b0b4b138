"""`Idempotency-Key`: a request that is sent again, because its reply was lost, is not carried out again.

Kept in Valkey for a day, by person and token, so all web processes know it. Only successful replies are kept: what
was refused may be sent again with the same key. Without Valkey such a request is refused, since nobody would know of
the first one.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import redis
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import ApiToken, User
from accounts.shell import valkey
from reporting.api.files import ExactJSON

HEADER: Final = "Idempotency-Key"
KEPT: Final = timedelta(hours=24)
# Whoever carries out a request and dies leaves its key for this long.
_CARRIED_OUT_WITHIN: Final = timedelta(minutes=2)
_VALID: Final = re.compile(r"[\x21-\x7e]{1,255}")


class KeyReused(APIException):
    """The key belongs to another request."""

    status_code = 422
    default_detail = "This Idempotency-Key was sent with another request in the last 24 hours."
    remedy = "Use a new key for every request, and the same one only to send a request again."


class StillRunning(APIException):
    """The first request with this key has not ended."""

    status_code = 409
    default_detail = "A request with this Idempotency-Key is being carried out."
    remedy = "Send it again in a second to get its reply."


class CannotRemember(APIException):
    status_code = 503
    default_detail = "Idempotency-Key is not available: Valkey does not answer."
    remedy = "Try again later, or send the request without the header."


class Repeated(Exception):
    """The request was carried out before; its reply."""

    def __init__(self, response: Response) -> None:
        super().__init__("carried out before")
        self.response = response


@dataclass(frozen=True, slots=True)
class Key:
    """The key of a request that is being carried out; `request_hash` tells it from others with the same key."""

    name: str
    request_hash: str

    def keep(self, response: Response) -> None:
        """For the day: what another request with this key gets. Fails silently: the request has been carried out."""
        reply = {
            "hash": self.request_hash,
            "status": response.status_code,
            "data": response.data,
            "location": response.headers.get("Location"),
        }
        with suppress(redis.RedisError):
            valkey.client().set(self.name, json.dumps(reply, cls=ExactJSON), ex=KEPT)

    def forget(self) -> None:
        """The request was not carried out."""
        with suppress(redis.RedisError):
            valkey.client().delete(self.name)


def begin(request: Request, person: User) -> Key | None:
    """None without the header. Raises Repeated, KeyReused, StillRunning, CannotRemember and ValidationError."""
    text = request.headers.get(HEADER)
    if text is None:
        return None
    if not _VALID.fullmatch(text):
        raise ValidationError({HEADER: ["Give 1 to 255 visible ASCII characters, such as a UUID."]})
    key = Key(valkey.key("idempotency", person.pk, _token_of(request), _hash(text)), _hash_of(request))
    try:
        claim = json.dumps({"hash": key.request_hash})
        if valkey.client().set(key.name, claim, ex=_CARRIED_OUT_WITHIN, nx=True):
            return key
        found = valkey.client().get(key.name)
    except redis.RedisError:
        raise CannotRemember from None
    # It may have ended in between.
    reply = json.loads(found) if isinstance(found, str) else {"hash": key.request_hash}
    if reply["hash"] != key.request_hash:
        raise KeyReused
    if "status" not in reply:
        raise StillRunning
    raise Repeated(_response(reply))


def _token_of(request: Request) -> int:
    """0 in a browser. Another token of the same person may see other ad accounts."""
    return request.auth.pk if isinstance(request.auth, ApiToken) else 0


def _response(reply: Mapping[str, object]) -> Response:
    headers = {"Idempotent-Replayed": "true"}
    if reply["location"]:
        headers["Location"] = str(reply["location"])
    return Response(reply["data"], status=int(str(reply["status"])), headers=headers)


def _hash_of(request: Request) -> str:
    """Of address and body; spaces and the order of its fields make no other body."""
    return _hash(json.dumps([request.get_full_path(), request.data], sort_keys=True, default=str))


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
