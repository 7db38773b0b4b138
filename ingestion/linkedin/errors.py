"""What can go wrong with LinkedIn, named by what the caller does next.

After `TryLater` the same call may succeed later; `GiveUp` needs a person. Each error carries the short `kind` that a
sync log stores (consent, access, throttled, version, network, data; internal for our own `ClientCancelled`) and a
`remedy` for whoever reads it. No error ever holds a token, a secret or an authorization code.
"""

from datetime import datetime
from typing import Final, TypedDict, Unpack

SERVICE_REPORT: Final = "Report this with the request id to the maintainers of this service."


class About(TypedDict, total=False):
    """What LinkedIn says about its own answer.

    `uuid` and `fabric` (the response headers X-LI-UUID and X-Li-Fabric) are what LinkedIn's support needs.
    """

    status: int | None
    code: str | None
    uuid: str | None
    fabric: str | None


class LinkedInError(Exception):
    """One sentence of what happened; `status`, `code`, `uuid` and `fabric` as LinkedIn gave them, else None."""

    kind: str = "data"
    remedy: str = SERVICE_REPORT

    def __init__(
        self,
        message: str,
        *,
        kind: str | None = None,
        remedy: str | None = None,
        **about: Unpack[About],
    ) -> None:
        super().__init__(message)
        self.kind = kind or self.kind
        self.remedy = remedy or self.remedy
        self.status = about.get("status")
        self.code = about.get("code")
        self.uuid = about.get("uuid")
        self.fabric = about.get("fabric")


class ClientCancelled(LinkedInError):
    """The client was cancelled by its owner, usually because another request of the same sync failed."""

    kind = "internal"
    remedy = "Look at the error that made the sync stop."


class TryLater(LinkedInError):
    """The same call may succeed later without anybody doing anything."""


class RateLimited(TryLater):
    """LinkedIn demands a longer pause than the call may still last: `retry_after_seconds` from now."""

    kind = "throttled"
    remedy = "Wait; the next scheduled sync continues automatically. Lower SYNC_CONCURRENCY if this repeats."

    def __init__(self, message: str, *, retry_after_seconds: float = 60.0, **about: Unpack[About]) -> None:
        super().__init__(message, **about)
        self.retry_after_seconds = retry_after_seconds


class DayLimitReached(TryLater):
    """A daily quota of the application or the member is used up until `resets_at`, midnight UTC.

    LinkedIn counts by `resource`: others still answer.
    """

    kind = "throttled"
    remedy = "Wait until 00:00 UTC; the limits are shown in LinkedIn's Developer Portal under Analytics."

    def __init__(
        self, message: str, *, resource: str = "", resets_at: datetime | None = None, **about: Unpack[About]
    ) -> None:
        super().__init__(message, **about)
        self.resource = resource
        self.resets_at = resets_at


class Unavailable(TryLater):
    """LinkedIn, or the way to it, did not answer properly for as long as the call was allowed to last."""

    kind = "network"
    remedy = "Wait; the next scheduled sync continues automatically. See linkedin-apistatus.com if it lasts."


class GiveUp(LinkedInError):
    """The same call fails until a person changes something."""


class TokenRejected(GiveUp):
    """LinkedIn no longer takes the access token: expired, revoked, or issued for other scopes."""

    kind = "consent"
    remedy = "Open the consent page again and approve access with the same LinkedIn member."


class AccessDenied(GiveUp):
    """The member or the application may not read this."""

    kind = "access"
    remedy = "Check the member's role on the ad account in Campaign Manager and the scopes of the consent."


class NotFound(AccessDenied):
    """LinkedIn answers 404: the object is gone or, for ads, the member may not see it (they look alike)."""


class VersionSunset(GiveUp):
    """LinkedIn has switched off the API version in use."""

    kind = "version"
    remedy = "Set LINKEDIN_API_VERSION to a supported release (YYYYMM) and restart."


class BadRequest(GiveUp):
    """LinkedIn does not understand or accept the request; its own explanation is in the message."""


class TooLong(BadRequest):
    """The request was longer than LinkedIn takes, although long queries are tunnelled."""


class UnexpectedResponse(GiveUp):
    """An answer of a shape LinkedIn does not document: not JSON, no elements, a page token that repeats."""
