"""LinkedIn consents: stored, chosen for an ad account, renewed; the only writer of linkedin_connections.

Tokens are read as late as possible: a row whose tokens no key opens any more can still be listed, marked and
replaced by a new consent.
"""

import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Final

import requests
from django.conf import settings
from django.db import connection as database
from django.db import transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Greatest
from django.utils import timezone

from accounts import audit_trail
from accounts.consents import linkedin_oauth
from accounts.consents.linkedin_oauth import TokenGrant
from accounts.consents.signals import linkedin_connected
from accounts.errors import AccountsError, NoUsableConnection, OAuthError, UndecryptableToken
from accounts.models import AdAccount, LinkedInAdAccountRole, LinkedInConnection, User

LEAST_LIFE: Final = timedelta(minutes=5)
# LinkedIn's access tokens live 60 days: a week is long enough for trouble on the way to pass.
_REFRESHED_BEFORE: Final = timedelta(days=7)
# From then on every page says that a consent ends.
_SAID_BEFORE: Final = timedelta(days=14)
_REFRESH_TOKEN_LIVES: Final = timedelta(days=365)
# LinkedIn may answer 401 to a brand-new token for some seconds; a newer one would fare no better.
_BRAND_NEW: Final = timedelta(seconds=60)
# LinkedIn tells ends in whole seconds from now, so equal ends differ a little.
_SAME_END: Final = timedelta(hours=1)
_TOKENS: Final = ("access_token", "refresh_token")
_CONSENT_ENDED = "LinkedIn no longer accepts this consent (it expired or was revoked); connect LinkedIn again."


def store_grant(*, user: User | None, grant: TokenGrant, now: datetime, announce: bool = True) -> LinkedInConnection:
    """Keep a new consent, as this person's first connection or in place of the earlier one.

    `linkedin_connected` is sent once the transaction is committed, unless the caller goes on by itself.
    """
    with transaction.atomic():
        if user:
            # The person's row stands for the connection that may not exist yet: two consents stay one.
            User.objects.select_for_update().get(pk=user.pk)
        earlier = LinkedInConnection.objects.select_for_update(no_key=True).filter(user=user).defer(*_TOKENS)
        connection = earlier.order_by("id").first() or LinkedInConnection(user=user)
        connection.state = LinkedInConnection.State.ACTIVE
        connection.trouble = None
        connection.scopes = sorted(grant.scopes)
        connection.access_token = grant.access_token
        connection.access_token_expires_at = grant.expires_at
        connection.refresh_token = grant.refresh_token
        connection.refresh_token_expires_at = grant.refresh_token_expires_at or _usual_end(grant, now=now)
        connection.connected_at = now
        connection.refreshed_at = None
        connection.save()
        audit_trail.record("consent_given", actor=user, connection_id=connection.pk, scopes=sorted(grant.scopes))
        if announce:
            _announce(connection.pk)
    return connection


def remember_member(connection_id: int, member_urn: str) -> None:
    """Keep who consented at LinkedIn, as LinkedIn names the member; the audit trail tells of a change."""
    with transaction.atomic():
        rows = LinkedInConnection.objects.select_for_update(no_key=True).filter(pk=connection_id)
        earlier = rows.values_list("member_urn", flat=True).first()
        if rows.exclude(member_urn__isnull=False, member_urn=member_urn).update(member_urn=member_urn) and earlier:
            audit_trail.record(
                "consent_given_by_another_member",
                connection_id=connection_id,
                member_urn=member_urn,
                earlier_member_urn=earlier,
            )


def missing_scopes(granted: TokenGrant | LinkedInConnection) -> list[str]:
    """The scopes a sync needs and this consent lacks; none when LinkedIn did not say what it granted."""
    scopes = frozenset(granted.scopes)
    if not scopes:
        return []
    missing = [] if scopes & {"r_ads", "rw_ads"} else ["r_ads"]
    return missing if "r_ads_reporting" in scopes else [*missing, "r_ads_reporting"]


def what_to_do(connection: LinkedInConnection) -> str:
    """What a person has to do about a connection, in full sentences; nothing where all is well."""
    missing = missing_scopes(connection) if connection.state == LinkedInConnection.State.ACTIVE else []
    lacks = (
        f"Lacks {' and '.join(missing)}, which syncs need: add what is missing to LINKEDIN_SCOPES and to the app's "
        "products in LinkedIn's Developer Portal, then connect LinkedIn again."
    )
    return " ".join(filter(None, [connection.trouble, lacks if missing else None]))


def ending_soon(*, now: datetime) -> list[LinkedInConnection]:
    """Connections that need a new consent, or will within two weeks, the first to end first; without their tokens."""
    end = Greatest("access_token_expires_at", "refresh_token_expires_at")
    ending = Q(state=LinkedInConnection.State.ACTIVE) & Q(end__lte=now + _SAID_BEFORE)
    rows = LinkedInConnection.objects.annotate(end=end).filter(ending | Q(state=LinkedInConnection.State.NEEDS_CONSENT))
    return list(rows.select_related("user").defer(*_TOKENS).order_by("end", "pk"))


def usable_connection(
    ad_account_id: int, *, but_not: Collection[int] = (), now: datetime | None = None
) -> LinkedInConnection:
    """The living connection with a role on this ad account whose tokens last longest.

    Raises NoUsableConnection, and marks the connections whose tokens have ended.
    """
    holders = LinkedInConnection.objects.filter(
        ad_account_roles__ad_account=ad_account_id, ad_account_roles__lost_at=None
    ).exclude(pk__in=but_not)
    best = (
        holders.filter(_living(now or timezone.now()))
        .order_by(Greatest("access_token_expires_at", "refresh_token_expires_at").desc(), "-id")
        .defer(*_TOKENS)
        .first()
    )
    if best:
        return best
    if holders.exists():
        _lose(list(holders.values_list("pk", flat=True)), trouble=_CONSENT_ENDED)
        raise NoUsableConnection(
            f"The LinkedIn consent for ad account {ad_account_id} has ended; connect LinkedIn again.",
            kind="consent",
        )
    raise NoUsableConnection(
        f"No LinkedIn connection has a role on ad account {ad_account_id}; connect LinkedIn as a member who "
        "has one in Campaign Manager.",
        kind="access",
    )


def chosen_roles(*, now: datetime) -> QuerySet[LinkedInAdAccountRole]:
    """Roles through which ad accounts can be read now, the one that `usable_connection` takes first."""
    living = LinkedInConnection.objects.filter(_living(now))
    roles = LinkedInAdAccountRole.objects.filter(lost_at=None, connection__in=living.values("pk"))
    ends_at = Greatest("connection__access_token_expires_at", "connection__refresh_token_expires_at")
    return roles.order_by(ends_at.desc(), "-connection")


def mark_needs_consent(connection_id: int, *, trouble: str) -> None:
    """Nothing is asked with this connection until a new consent; `trouble` says why, with the remedy."""
    _lose([connection_id], trouble=trouble)


def end(connection_id: int, *, actor: User, now: datetime) -> AccountsError | None:
    """End a consent: forget its tokens here, then tell LinkedIn; returns why LinkedIn could not be told, if so.

    What is here is committed first, so that nothing LinkedIn does can keep a consent alive that a person ended.
    """
    with transaction.atomic():
        rows = LinkedInConnection.objects.select_for_update(no_key=True).filter(pk=connection_id)
        row = rows.exclude(state=LinkedInConnection.State.REVOKED).defer(*_TOKENS).first()
        if row is None:
            return None
        tokens, trouble = _tokens_to_revoke(connection_id)
        rows.update(
            state=LinkedInConnection.State.REVOKED,
            access_token=None,
            access_token_expires_at=min(row.access_token_expires_at, now),
            refresh_token=None,
            refresh_token_expires_at=None,
            # With the person gone nobody's next consent is to be compared with this one.
            member_urn=row.member_urn if row.user_id else None,
            trouble="A person ended this consent here; connect LinkedIn again to go on.",
        )
        audit_trail.record("consent_revoked", actor=actor, connection_id=connection_id)
    trouble = trouble or _revoke_at_linkedin(tokens)
    if trouble:
        audit_trail.record("consent_not_revoked_at_linkedin", connection_id=connection_id, reason=str(trouble))
    return trouble


def living_of(person: User) -> list[int]:
    """A person's connections that syncs can use."""
    active = person.linkedin_connections.filter(state=LinkedInConnection.State.ACTIVE)
    return list(active.order_by("pk").values_list("pk", flat=True))


def forget_members_of_ended(person: User) -> None:
    """The person is removed: who consented at LinkedIn is forgotten where the consent has ended."""
    person.linkedin_connections.filter(state=LinkedInConnection.State.REVOKED).update(member_urn=None)


def ad_accounts_only_it_reads(connection_id: int, *, now: datetime) -> QuerySet[AdAccount]:
    """The ad accounts that no other living connection could go on syncing."""
    held = LinkedInAdAccountRole.objects.filter(lost_at=None)
    others = LinkedInConnection.objects.filter(_living(now)).exclude(pk=connection_id)
    return AdAccount.objects.filter(pk__in=held.filter(connection=connection_id).values("ad_account")).exclude(
        pk__in=held.filter(connection__in=others.values("pk")).values("ad_account")
    )


def connections_to_refresh(*, now: datetime) -> list[int]:
    """Active connections whose access token ends within a week, whether or not LinkedIn will renew it."""
    active = LinkedInConnection.objects.filter(state=LinkedInConnection.State.ACTIVE)
    ending = active.filter(access_token_expires_at__lte=now + _REFRESHED_BEFORE)
    return list(ending.order_by("pk").values_list("pk", flat=True))


def refresh_before_the_end(
    connection_id: int, *, now: Callable[[], datetime] = timezone.now, session: requests.Session | None = None
) -> None:
    """Renew an access token that ends within a week; one that serves and cannot be renewed is left to its end.

    Raises OAuthError, or NoUsableConnection where only a new consent helps: the connection is marked then.
    """
    ConnectionTokens(connection_id, least_life=_REFRESHED_BEFORE, now=now, session=session).current()


def reencrypt_tokens() -> tuple[int, list[int]]:
    """Encrypt stored tokens with the first key; returns how many connections are done, and those no key opens."""
    done, unreadable = 0, []
    for connection_id in LinkedInConnection.objects.order_by("pk").values_list("pk", flat=True):
        # One by one: a sync that renews its token waits for one row at most.
        with transaction.atomic():
            row = LinkedInConnection.objects.select_for_update(no_key=True).filter(pk=connection_id)
            try:
                connection = row.exclude(access_token=None, refresh_token=None).first()
            except UndecryptableToken:
                unreadable.append(connection_id)
                continue
            if connection:
                connection.save(update_fields=_TOKENS)
                done += 1
    return done, unreadable


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
    """Access tokens of one connection, renewed when they end; safe for many threads and processes.

    The row's lock lets one of them ask LinkedIn while the others wait and take what it got. Call it outside
    of transactions: a renewal, or the mark that one is impossible, is committed before anything is raised.
    """

    def __init__(
        self,
        connection_id: int,
        *,
        least_life: timedelta = LEAST_LIFE,
        now: Callable[[], datetime] = timezone.now,
        session: requests.Session | None = None,
    ) -> None:
        self._connection_id = connection_id
        self._least_life = least_life
        self._now = now
        self._session = session
        self._lock = threading.Lock()
        self._token = ""
        self._good_until: datetime | None = None

    def current(self) -> str:
        """A token that lasts for `least_life`, or for as long as LinkedIn still gives one.

        Raises NoUsableConnection or OAuthError.
        """
        with self._lock:
            if self._good_until is None or self._now() + self._least_life >= self._good_until:
                self._read_and_renew(rejected=None)
            return self._token

    def renew(self, rejected: str) -> str:
        """A token newer than the rejected one, or the same if it is brand-new.

        Raises NoUsableConnection or OAuthError.
        """
        with self._lock:
            # Else another thread was here first, and the caller has not tried what it got.
            if self._token in {"", rejected}:
                self._read_and_renew(rejected=rejected)
            return self._token

    def __repr__(self) -> str:
        return f"<ConnectionTokens of connection {self._connection_id}>"

    def _read_and_renew(self, *, rejected: str | None) -> None:
        self._token, self._good_until = "", None
        with _thread_keeps_no_database_connection():
            # durable: an outer transaction would undo the mark when its owner hears of the failure.
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
            return NoUsableConnection((row and row.trouble) or _CONSENT_ENDED)
        if self._is_good(row, rejected=rejected, now=now):
            return None
        # A token that nobody rejected serves to its very end.
        still_serves = rejected is None and row.access_token_expires_at > now
        if not _may_refresh(row, now=now) or (still_serves and not _gains_by_refresh(row)):
            return None if still_serves else _give_up(row)
        try:
            grant = _refresh(row, now=now, session=self._session)
        except OAuthError as error:
            if still_serves:
                _go_on_without(row, error)
                return None
            return _give_up(row) if error.grant_is_over else error
        _store_refreshed(row, grant, now=now)
        return None

    def _is_good(self, row: LinkedInConnection, *, rejected: str | None, now: datetime) -> bool:
        is_brand_new = now - max(row.connected_at, row.refreshed_at or row.connected_at) < _BRAND_NEW
        if rejected is None:
            # Those who waited for the lock take what the first of them got, however soon it ends.
            return row.access_token_expires_at > now + (timedelta() if is_brand_new else self._least_life)
        if row.access_token != rejected:
            return row.access_token_expires_at > now
        return is_brand_new


def _usual_end(grant: TokenGrant, *, now: datetime) -> datetime | None:
    """LinkedIn documents a year from the first consent, for a refresh token whose end it did not tell."""
    return now + _REFRESH_TOKEN_LIVES if grant.refresh_token else None


def _living(now: datetime) -> Q:
    """Connections with an access token that lives or can be renewed."""
    renewable = Q(refresh_token__isnull=False) & (
        Q(refresh_token_expires_at__isnull=True) | Q(refresh_token_expires_at__gt=now)
    )
    return Q(state=LinkedInConnection.State.ACTIVE) & (Q(access_token_expires_at__gt=now) | renewable)


def _may_refresh(row: LinkedInConnection, *, now: datetime) -> bool:
    ends_at = row.refresh_token_expires_at
    return bool(row.refresh_token) and (ends_at is None or ends_at > now)


def _gains_by_refresh(row: LinkedInConnection) -> bool:
    """Whether a new access token would last longer: in the last weeks of a consent both tokens end together."""
    ends_at = row.refresh_token_expires_at
    return ends_at is None or ends_at > row.access_token_expires_at + _SAME_END


def _go_on_without(row: LinkedInConnection, error: OAuthError) -> None:
    """The access token serves to its end; a refresh token that LinkedIn calls dead is not sent again."""
    if not error.grant_is_over:
        return
    row.refresh_token = row.refresh_token_expires_at = None
    row.trouble = str(error)
    row.save(update_fields=["refresh_token", "refresh_token_expires_at", "trouble"])
    audit_trail.record("consent_not_renewable", connection_id=row.pk, reason=str(error))


def _refresh(row: LinkedInConnection, *, now: datetime, session: requests.Session | None) -> TokenGrant:
    return linkedin_oauth.refresh(
        auth_base_url=settings.LINKEDIN_AUTH_BASE_URL,
        client_id=settings.LINKEDIN_CLIENT_ID,
        client_secret=settings.LINKEDIN_CLIENT_SECRET,
        refresh_token=row.refresh_token or "",
        now=now,
        session=session,
    )


def _tokens_to_revoke(connection_id: int) -> tuple[list[str], AccountsError | None]:
    """The refresh token first, for it could bring new access tokens; or why they cannot be read."""
    try:
        row = LinkedInConnection.objects.only("refresh_token", "access_token").get(pk=connection_id)
    except UndecryptableToken as error:
        return [], error
    return [token for token in (row.refresh_token, row.access_token) if token], None


def _revoke_at_linkedin(tokens: list[str]) -> OAuthError | None:
    """The first trouble ends it: whoever does not answer once is not waited for twice."""
    try:
        for token in tokens:
            linkedin_oauth.revoke(
                auth_base_url=settings.LINKEDIN_AUTH_BASE_URL,
                client_id=settings.LINKEDIN_CLIENT_ID,
                client_secret=settings.LINKEDIN_CLIENT_SECRET,
                token=token,
            )
    except OAuthError as error:
        return error
    return None


def _store_refreshed(row: LinkedInConnection, grant: TokenGrant, *, now: datetime) -> None:
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
    mark_needs_consent(row.pk, trouble=_CONSENT_ENDED)
    return NoUsableConnection(_CONSENT_ENDED)


def _lose(connection_ids: list[int], *, trouble: str) -> None:
    """Mark those of them that are active, and record each, in one transaction."""
    with transaction.atomic():
        # By id, so that two of these never wait for each other in a circle.
        active = LinkedInConnection.objects.filter(pk__in=connection_ids, state=LinkedInConnection.State.ACTIVE)
        lost = list(active.select_for_update(no_key=True).order_by("pk").values_list("pk", flat=True))
        LinkedInConnection.objects.filter(pk__in=lost).update(
            state=LinkedInConnection.State.NEEDS_CONSENT, trouble=trouble
        )
        for connection_id in lost:
            audit_trail.record("consent_lost", connection_id=connection_id, reason=trouble)


def _announce(connection_id: int) -> None:
    def send() -> None:
        linkedin_connected.send(sender=LinkedInConnection, connection_id=connection_id)

    # robust: the consent is stored; a broker that is down must not look like a failed consent.
    transaction.on_commit(send, robust=True)


@contextmanager
def _thread_keeps_no_database_connection() -> Iterator[None]:
    """Close what was opened here: a worker thread ends without Django's request or task clean-up."""
    opens_here = database.connection is None and threading.current_thread() is not threading.main_thread()
    try:
        yield
    finally:
        if opens_here:
            database.close()
