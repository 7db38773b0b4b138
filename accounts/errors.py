"""What callers of this room catch."""

from datetime import datetime


class AccountsError(Exception):
    """The message is one sentence that names the remedy; `kind` is what `sync_log` stores."""

    kind: str = "internal"

    def __init__(self, message: str = "", *, kind: str | None = None) -> None:
        super().__init__(message)
        self.kind = kind or self.kind


class UndecryptableToken(AccountsError):
    """None of the encryption keys opens a stored token."""

    kind = "consent"


class NoUsableConnection(AccountsError):
    """No living connection can read the ad account."""

    kind = "consent"


class OAuthError(AccountsError):
    """LinkedIn gave no token, or could not be reached; it never contains a code, token or secret.

    `grant_is_over`: the refresh token will never work again, so only a new consent helps.
    """

    kind = "consent"

    def __init__(self, message: str, *, kind: str | None = None, grant_is_over: bool = False) -> None:
        super().__init__(message, kind=kind)
        self.grant_is_over = grant_is_over


class ApiTokenRefused(AccountsError):
    """There is no such API token, or this person may not have it."""


class LockedOut(AccountsError):
    """Too many failed attempts; pages and API answer it with 429. `until` is when the next one is possible."""

    def __init__(self, until: datetime) -> None:
        super().__init__("Too many failed attempts; try again later.")
        self.until = until


class TooBusy(AccountsError):
    """More passwords are being checked than this machine can at once; pages answer it with 503."""


class UnknownAuditKind(AccountsError):
    """An audit event of a kind that `AuditEvent.Kind` does not list."""


class LastOwner(AccountsError):
    """No owner would be left to manage people."""


class NotInvited(AccountsError):
    """This address cannot be invited, or this invitation can no longer be used."""


class PasskeyRefused(AccountsError):
    """A browser's passkey was not accepted; nothing was stored and no step was passed."""
