"""What callers of this room catch."""


class AccountsError(Exception):
    """The message is one sentence that names the remedy; `kind` is what `sync_log` stores."""

    kind = "internal"


class UndecryptableToken(AccountsError):
    """The keys at hand do not open a stored token."""

    kind = "consent"


class NoUsableConnection(AccountsError):
    """No living connection can read the ad account."""

    kind = "consent"


class NotConfigured(AccountsError):
    """The LinkedIn app is not named in the settings."""
