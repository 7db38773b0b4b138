"""LinkedIn consents: stored, listed, marked, ended. `tokens.py` renews them, `choice.py` picks one for an ad account.

Tokens are read as late as possible: a row whose tokens no key opens any more can still be listed, marked and
replaced by a new consent.
"""

from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import Q

from accounts import audit_trail
from accounts.consents import linkedin_app
from accounts.consents.linkedin_oauth import TokenGrant
from accounts.consents.signals import linkedin_connected
from accounts.errors import AccountsError, OAuthError, UndecryptableToken
from accounts.models import LinkedInConnection, User
from accounts.models.linkedin_connection import CONSENT_END
from accounts.people.security_notices import Notice, notify

# From then on every page shows that a consent is about to end.
_NOTICE_PERIOD: Final = timedelta(days=14)
_REFRESH_TOKEN_LIFETIME: Final = timedelta(days=365)
CONSENT_ENDED: Final = "LinkedIn no longer accepts this consent (it expired or was revoked); connect LinkedIn again."


def store_grant(*, user: User | None, grant: TokenGrant, now: datetime, announce: bool = True) -> LinkedInConnection:
    """Store a new consent, as this person's first connection or in place of the earlier one.

    `linkedin_connected` is sent once the transaction is committed, unless the caller does the rest itself.
    """
    with transaction.atomic():
        if user:
            # The person's row stands for the connection that may not exist yet, so two consents become one.
            User.objects.select_for_update().get(pk=user.pk)
        earlier = LinkedInConnection.objects.select_for_update(no_key=True).filter(user=user).without_tokens()
        connection = earlier.order_by("id").first() or LinkedInConnection(user=user)
        connection.state = LinkedInConnection.State.ACTIVE
        connection.trouble = None
        connection.scopes = sorted(grant.scopes)
        connection.access_token = grant.access_token
        connection.access_token_expires_at = grant.expires_at
        connection.refresh_token = grant.refresh_token
        connection.refresh_token_expires_at = _refresh_token_end(grant, now=now)
        connection.connected_at = now
        connection.refreshed_at = None
        connection.save()
        audit_trail.record("consent_given", actor=user, connection_id=connection.pk, scopes=sorted(grant.scopes))
        if user:
            notify(user, Notice.CONSENT_GIVEN)
        if announce:
            _announce(connection.pk)
    return connection


def remember_member(connection_id: int, member_urn: str) -> None:
    """Store which LinkedIn member consented; the audit trail records a change."""
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
    """The scopes a sync needs and this consent lacks; none if LinkedIn did not say what it granted."""
    scopes = frozenset(granted.scopes)
    if not scopes:
        return []
    missing = [] if scopes & {"r_ads", "rw_ads"} else ["r_ads"]
    return missing if "r_ads_reporting" in scopes else [*missing, "r_ads_reporting"]


def what_to_do(connection: LinkedInConnection, *, now: datetime) -> str:
    """What a person has to do about a connection, in full sentences; empty if there is nothing to do."""
    if connection.state != LinkedInConnection.State.ACTIVE:
        return connection.trouble or ""
    missing = missing_scopes(connection)
    lacks = (
        f"Lacks {' and '.join(missing)}, which syncs need: add what is missing to LINKEDIN_SCOPES and to the app's "
        "products in LinkedIn's Developer Portal, then connect LinkedIn again."
    )
    trouble = connection.trouble if connection.is_living(now) else CONSENT_ENDED
    return " ".join(filter(None, [trouble, lacks if missing else None]))


def ending_soon(*, now: datetime) -> list[LinkedInConnection]:
    """Connections that need a new consent now or within two weeks, the first to end first; without their tokens."""
    ending = Q(state=LinkedInConnection.State.ACTIVE, consent_end__lte=now + _NOTICE_PERIOD)
    rows = LinkedInConnection.objects.alias(consent_end=CONSENT_END).filter(
        ending | Q(state=LinkedInConnection.State.NEEDS_CONSENT)
    )
    return list(rows.select_related("user").without_tokens().order_by("consent_end", "pk"))


def living_of(person: User, *, now: datetime) -> list[int]:
    """A person's connections that syncs can use."""
    return list(person.linkedin_connections.living(now=now).order_by("pk").values_list("pk", flat=True))


def mark_needs_consent(*connection_ids: int, trouble: str) -> None:
    """Stop using the active ones of these connections until a new consent; `trouble` says why, with the remedy."""
    with transaction.atomic():
        # By id, so that two of these never wait for each other in a circle.
        active = LinkedInConnection.objects.filter(pk__in=connection_ids, state=LinkedInConnection.State.ACTIVE)
        lost = list(active.select_for_update(no_key=True).order_by("pk").values_list("pk", flat=True))
        rows = LinkedInConnection.objects.filter(pk__in=lost)
        rows.update(state=LinkedInConnection.State.NEEDS_CONSENT, trouble=trouble)
        # As in `end`: no later consent of a person who was removed would be compared with this one.
        rows.filter(user=None).update(member_urn=None)
        for connection_id in lost:
            audit_trail.record("consent_lost", connection_id=connection_id, reason=trouble)


def end(connection_id: int, *, actor: User, now: datetime) -> AccountsError | None:
    """End a consent: delete its tokens here, then revoke them at LinkedIn; returns why that failed, if it did.

    Our side is committed first, so that nothing LinkedIn does can keep a consent alive that a person ended.
    """
    with transaction.atomic():
        rows = LinkedInConnection.objects.select_for_update(no_key=True).filter(pk=connection_id)
        row = rows.exclude(state=LinkedInConnection.State.REVOKED).without_tokens().first()
        if row is None:
            return None
        tokens, trouble = _tokens_to_revoke(connection_id)
        rows.update(
            state=LinkedInConnection.State.REVOKED,
            access_token=None,
            access_token_expires_at=min(row.access_token_expires_at, now),
            refresh_token=None,
            refresh_token_expires_at=None,
            # If the person is removed, there is no later consent of theirs to compare this one with.
            member_urn=row.member_urn if row.user_id else None,
            trouble="Somebody ended this consent here; connect LinkedIn again to resume.",
        )
        audit_trail.record("consent_revoked", actor=actor, connection_id=connection_id)
        if row.user and row.user != actor:
            notify(row.user, Notice.CONSENT_ENDED, who=str(actor))
    trouble = trouble or _revoke_at_linkedin(tokens)
    if trouble:
        audit_trail.record("consent_not_revoked_at_linkedin", connection_id=connection_id, reason=str(trouble))
    return trouble


def forget_members_of_ended(person: User, *, now: datetime) -> None:
    """Forget which LinkedIn member consented, where the consent of a person about to be removed has ended."""
    person.linkedin_connections.exclude(pk__in=living_of(person, now=now)).update(member_urn=None)


def _refresh_token_end(grant: TokenGrant, *, now: datetime) -> datetime | None:
    """If LinkedIn sent no end with a refresh token: a year from the first consent, as it documents."""
    if grant.refresh_token is None:
        return None
    return grant.refresh_token_expires_at or now + _REFRESH_TOKEN_LIFETIME


def _tokens_to_revoke(connection_id: int) -> tuple[list[str], AccountsError | None]:
    """The refresh token first, because it could bring new access tokens; or why they cannot be read."""
    try:
        row = LinkedInConnection.objects.only("refresh_token", "access_token").get(pk=connection_id)
    except UndecryptableToken as error:
        return [], error
    return [token for token in (row.refresh_token, row.access_token) if token], None


def _revoke_at_linkedin(tokens: list[str]) -> OAuthError | None:
    """Stops at the first failure: if LinkedIn does not answer once, nobody waits for it twice."""
    app = linkedin_app.from_settings()
    try:
        for token in tokens:
            app.revoke(token)
    except OAuthError as error:
        return error
    return None


def _announce(connection_id: int) -> None:
    def send() -> None:
        linkedin_connected.send(sender=LinkedInConnection, connection_id=connection_id)

    # robust: the consent is stored; a broker that is down must not look like a failed consent.
    transaction.on_commit(send, robust=True)
