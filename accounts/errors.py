"""What callers of this room catch."""


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


class UnknownAuditKind(AccountsError):
    """An audit event of a kind that `AuditEvent.Kind` does not list."""


class LastOwner(AccountsError):
    """No owner would be left to manage people."""


class NotInvited(AccountsError):
    """This address cannot be invited, or this invitation can no longer be used."""


class PasskeyRefused(AccountsError):
    """A browser's passkey was not accepted; nothing was stored and no step was passed."""
