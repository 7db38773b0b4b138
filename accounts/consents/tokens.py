"""Tokens of LinkedIn connections: handed out, renewed before they expire, encrypted again with another key."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Final

from django.db import connection as database
from django.db import transaction
from django.utils import timezone

from accounts import audit_trail
from accounts.consents import connections, linkedin_app
from accounts.consents.linkedin_oauth import TokenGrant
from accounts.errors import NoUsableConnection, OAuthError, UndecryptableToken
from accounts.models import LinkedInConnection
from accounts.shell.clock import is_ahead

MIN_LIFETIME: Final = timedelta(minutes=5)
# LinkedIn's access tokens live 60 days: a week is long enough for problems on the way to pass.
_RENEWED_AHEAD: Final = timedelta(days=7)
# LinkedIn may answer 401 to a brand-new token for some seconds; a newer one would fare no better.
_BRAND_NEW: Final = timedelta(seconds=60)
# LinkedIn gives ends in whole seconds from now, so equal ends differ a little.
_SAME_END: Final = timedelta(hours=1)
_TOKENS: Final = ("access_token", "refresh_token")


def connections_to_renew(*, now: datetime) -> list[int]:
    """Active connections whose access token expires within a week, whether or not LinkedIn will renew it.

    One whose consent has ended is among them: trying to renew it marks it.
    """
    active = LinkedInConnection.objects.filter(state=LinkedInConnection.State.ACTIVE)
    ending = active.filter(access_token_expires_at__lte=now + _RENEWED_AHEAD)
    return list(ending.order_by("pk").values_list("pk", flat=True))


def renew_ahead(connection_id: int, *, now: Callable[[], datetime] = timezone.now) -> None:
    """Renew an access token that expires within a week; one that works and cannot be renewed is used to its end.

    Raises OAuthError, or NoUsableConnection if only a new consent helps, after marking the connection.
    """
    ConnectionTokens(connection_id, min_lifetime=_RENEWED_AHEAD, now=now).current()


def reencrypt() -> tuple[int, list[int]]:
    """Encrypt stored tokens with the first key; returns how many connections are done, and those no key opens."""
    done, failed = 0, []
    for connection_id in LinkedInConnection.objects.order_by("pk").values_list("pk", flat=True):
        # One by one: a sync that renews its token waits for one row at most.
        with transaction.atomic():
            row = LinkedInConnection.objects.select_for_update(no_key=True).filter(pk=connection_id)
            try:
                connection = row.exclude(access_token=None, refresh_token=None).first()
            except UndecryptableToken:
                failed.append(connection_id)
                continue
            if connection:
                connection.save(update_fields=_TOKENS)
                done += 1
    return done, failed


def unreadable() -> list[int]:
    """The connections whose tokens none of `FIELD_ENCRYPTION_KEYS` opens."""
    found = []
    for connection_id in LinkedInConnection.objects.order_by("pk").values_list("pk", flat=True):
        try:
            LinkedInConnection.objects.only(*_TOKENS).get(pk=connection_id)
        except UndecryptableToken:
            found.append(connection_id)
    return found


class ConnectionTokens:
    """Access tokens of one connection, renewed when they expire; safe for many threads and processes.

    The row's lock lets one of them ask LinkedIn while the others wait and use what it got. Call it outside
    transactions: a renewal, or the mark that one is impossible, is committed before anything is raised.
    """

    def __init__(
        self,
        connection_id: int,
        *,
        min_lifetime: timedelta = MIN_LIFETIME,
        now: Callable[[], datetime] = timezone.now,
    ) -> None:
        self._connection_id = connection_id
        self._min_lifetime = min_lifetime
        self._now = now
        self._lock = threading.Lock()
        self._token = ""
        self._good_until: datetime | None = None

    def current(self) -> str:
        """A token valid for at least `min_lifetime`, or as long as LinkedIn still gives one.

        Raises NoUsableConnection or OAuthError.
        """
        with self._lock:
            if self._good_until is None or self._now() + self._min_lifetime >= self._good_until:
                self._read_and_renew(rejected=None)
            return self._token

    def renew(self, rejected: str) -> str:
        """A token newer than the rejected one, or the same if it is brand-new.

        Raises NoUsableConnection or OAuthError.
        """
        with self._lock:
            # Otherwise another thread was here first, and the caller has not tried what it got.
            if self._token in {"", rejected}:
                self._read_and_renew(rejected=rejected)
            return self._token

    def __repr__(self) -> str:
        return f"<ConnectionTokens of connection {self._connection_id}>"

    def _read_and_renew(self, *, rejected: str | None) -> None:
        self._token, self._good_until = "", None
        with _thread_keeps_no_database_connection():
            # durable: an outer transaction would undo the mark when the error reaches its owner.
            with transaction.atomic(durable=True):
                row = LinkedInConnection.objects.select_for_update(no_key=True).filter(pk=self._connection_id).first()
                failure = self._bring_up_to_date(row, rejected=rejected)
            if failure:
                raise failure
        assert row is not None
        self._token, self._good_until = row.access_token or "", row.access_token_expires_at

    def _bring_up_to_date(
        self, row: LinkedInConnection | None, *, rejected: str | None
    ) -> NoUsableConnection | OAuthError | None:
        """Leave a good token on the row, or return why there is none: raising here would undo the mark."""
        now = self._now()
        if row is None or row.state != LinkedInConnection.State.ACTIVE:
            return NoUsableConnection((row and row.trouble) or connections.CONSENT_ENDED)
        if self._is_good(row, rejected=rejected, now=now):
            return None
        # A token that nobody rejected works until it expires.
        still_works = rejected is None and row.access_token_expires_at > now
        if not _can_be_renewed(row, now=now) or (still_works and not _gains_by_renewal(row)):
            return None if still_works else _give_up(row)
        try:
            grant = linkedin_app.from_settings().refresh(row.refresh_token or "", now=now)
        except OAuthError as error:
            if still_works:
                _continue_unrenewed(row, error)
                return None
            return _give_up(row) if error.grant_is_over else error
        _store_renewed(row, grant, now=now)
        return None

    def _is_good(self, row: LinkedInConnection, *, rejected: str | None, now: datetime) -> bool:
        granted_at = max(row.connected_at, row.refreshed_at or row.connected_at)
        is_brand_new = now - granted_at < _BRAND_NEW and not is_ahead(granted_at, now=now)
        if rejected is None:
            # Those who waited for the lock use what the first of them got, however soon it expires.
            return row.access_token_expires_at > now + (timedelta() if is_brand_new else self._min_lifetime)
        if row.access_token != rejected:
            return row.access_token_expires_at > now
        return is_brand_new


def _can_be_renewed(row: LinkedInConnection, *, now: datetime) -> bool:
    ends_at = row.refresh_token_expires_at
    return ends_at is not None and ends_at > now


def _gains_by_renewal(row: LinkedInConnection) -> bool:
    """Whether a new access token would last longer: in the last weeks of a consent both tokens end together."""
    ends_at = row.refresh_token_expires_at
    return ends_at is not None and ends_at > row.access_token_expires_at + _SAME_END


def _continue_unrenewed(row: LinkedInConnection, error: OAuthError) -> None:
    """The access token is used until it expires; a refresh token that LinkedIn calls dead is not sent again."""
    if not error.grant_is_over:
        return
    row.refresh_token = row.refresh_token_expires_at = None
    row.trouble = str(error)
    row.save(update_fields=["refresh_token", "refresh_token_expires_at", "trouble"])
    audit_trail.record("consent_not_renewable", connection_id=row.pk, reason=str(error))


def _store_renewed(row: LinkedInConnection, grant: TokenGrant, *, now: datetime) -> None:
    """What LinkedIn did not repeat stays as it was."""
    row.access_token = grant.access_token
    row.access_token_expires_at = grant.expires_at
    row.refresh_token = grant.refresh_token or row.refresh_token
    row.refresh_token_expires_at = grant.refresh_token_expires_at or row.refresh_token_expires_at
    row.scopes = sorted(grant.scopes) or row.scopes
    row.refreshed_at = now
    row.save(
        update_fields=[
            *_TOKENS, "access_token_expires_at", "refresh_token_expires_at", "scopes", "refreshed_at",
        ]
    )  # fmt: skip
    audit_trail.record("consent_refreshed", connection_id=row.pk, ends_at=row.access_token_expires_at.isoformat())


def _give_up(row: LinkedInConnection) -> NoUsableConnection:
    connections.mark_needs_consent(row.pk, trouble=connections.CONSENT_ENDED)
    return NoUsableConnection(connections.CONSENT_ENDED)


@contextmanager
def _thread_keeps_no_database_connection() -> Iterator[None]:
    """Close what was opened here: a worker thread ends without Django's request or task clean-up."""
    opens_here = database.connection is None and threading.current_thread() is not threading.main_thread()
    try:
        yield
    finally:
        if opens_here:
            database.close()
