"""What callers of this room catch."""


class AccountsError(Exception):
    """The message is one sentence that names the remedy; `kind` is what `sync_log` stores."""

    kind: str = "internal"

    def __init__(self, message: str = "", *, kind: str | None = None) -> None:
        super().__init__(message)
        self.kind = kind or self.kind


class UndecryptableToken(AccountsError):
    """The keys at hand do not open a stored token."""

    kind = "consent"


class NoUsableConnection(AccountsError):
    """No living connection can read the ad account."""

    kind = "consent"


class OAuthError(AccountsError):
    """LinkedIn gave no token, or could not be asked; no code, token or secret is in here.

    `grant_is_over`: the refresh token is dead for good, only a new consent helps.
    """

    kind = "consent"

    def __init__(self, message: str, *, kind: str | None = None, grant_is_over: bool = False) -> None:
        super().__init__(message, kind=kind)
        self.grant_is_over = grant_is_over


class ApiTokenRefused(AccountsError):
    """Nobody may have such an API token, or this person may not."""


class UnknownAuditKind(AccountsError):
    """An audit event of a kind that `AuditEvent.Kind` does not list."""


class LastOwner(AccountsError):
    """Nobody would be left to manage people."""


class NotInvited(AccountsError):
    """This address cannot be invited, or this invitation cannot be used any more."""
