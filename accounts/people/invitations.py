"""Invites people by e-mail and creates their accounts; the only writer of invitations.

The token of a link is random, and only its digest is stored, so a copy of the database lets nobody in. Whoever signs
in with LinkedIn and the invited address, verified there, gets an account without the link.
"""

import hashlib
import logging
import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urljoin

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.db.models import QuerySet
from django.template.loader import render_to_string
from django.urls import reverse

from accounts import audit_trail
from accounts.errors import NotInvited
from accounts.models import AdAccount, AdAccountAccess, Invitation, User
from accounts.people.email_address import normalized_or_none
from accounts.roles import Role

log = logging.getLogger(__name__)

LIFETIME: Final = timedelta(days=7)

_IS_HERE = "{} already has an account here; change its role under People instead."
_IS_INVITED = "{} is already invited; send that invitation again, or revoke it first."
_HAS_ACCOUNT = "There is already an account for {}; sign in with it, or reset its password."
_NOT_OPEN = {
    Invitation.State.ACCEPTED: "This invitation was used before; sign in with the account it created.",
    Invitation.State.REVOKED: "This invitation was revoked; ask the person who invited you for a new one.",
    Invitation.State.EXPIRED: "This invitation has expired; ask the person who invited you to send it again.",
}
UNKNOWN: Final = (
    "There is no such invitation, or a newer one replaced it; open the link in the latest e-mail, or ask the "
    "person who invited you to send it again."
)


def trouble_with_inviting(email: str, *, now: datetime) -> str | None:
    """Why this address cannot be invited, with the remedy."""
    if User.objects.with_email(email):
        return _IS_HERE.format(email)
    return _IS_INVITED.format(email) if open_invitation(email, now=now) else None


@transaction.atomic
def invite(
    *, email: str, role: str, ad_accounts: Iterable[AdAccount] = (), actor: User, now: datetime
) -> tuple[Invitation, str]:
    """Store an invitation; returns it and the token of its link, which cannot be shown again. Raises NotInvited."""
    if trouble := trouble_with_inviting(email, now=now):
        raise NotInvited(trouble)
    # An expired one would be in the way of the constraint.
    _unused(email).update(revoked_at=now)
    token = secrets.token_urlsafe(32)
    invitation = Invitation.objects.create(
        email=email,
        role=role,
        invited_by=actor,
        created_at=now,
        expires_at=now + LIFETIME,
        token_digest=_digest(token),
    )
    # Other roles see every ad account; grants would take effect if they ever became viewers.
    if role == Role.VIEWER:
        invitation.ad_accounts.set(ad_accounts)
    audit_trail.record("user_invited", actor=actor, user_email=invitation.email, role=role)
    return invitation, token


@transaction.atomic
def resend(invitation_id: int, *, actor: User, now: datetime) -> tuple[Invitation, str]:
    """Give an unused invitation another week and a new link; the old link stops working. Raises NotInvited."""
    invitation = _locked(invitation_id)
    if invitation.state_at(now) not in {Invitation.State.PENDING, Invitation.State.EXPIRED}:
        raise NotInvited(f"The invitation of {invitation.email} was used or revoked; invite them again.")
    token = secrets.token_urlsafe(32)
    invitation.token_digest, invitation.expires_at = _digest(token), now + LIFETIME
    invitation.save(update_fields=["token_digest", "expires_at"])
    audit_trail.record("user_invited", actor=actor, user_email=invitation.email, role=invitation.role, again=True)
    return invitation, token


@transaction.atomic
def revoke(invitation_id: int, *, actor: User, now: datetime) -> bool:
    """Revoke an unused invitation; returns whether there was one to revoke."""
    invitation = _locked(invitation_id)
    if invitation.accepted_at or invitation.revoked_at:
        return False
    invitation.revoked_at = now
    invitation.save(update_fields=["revoked_at"])
    audit_trail.record("invitation_revoked", actor=actor, user_email=invitation.email, role=invitation.role)
    return True


@transaction.atomic
def accept(
    invitation_id: int,
    *,
    now: datetime,
    password: str | None = None,
    first_name: str = "",
    last_name: str = "",
) -> User:
    """Create the person with role and grants; without a password they sign in with LinkedIn only. Raises NotInvited."""
    invitation = _locked(invitation_id)
    if trouble := trouble_with(invitation, now=now):
        raise NotInvited(trouble)
    person = User.objects.create_user(
        invitation.email, password, first_name=first_name, last_name=last_name, role=invitation.role
    )
    AdAccountAccess.objects.bulk_create(
        AdAccountAccess(user=person, ad_account=ad_account, granted_by_id=invitation.invited_by_id)
        for ad_account in invitation.ad_accounts.all()
    )
    invitation.accepted_at = now
    invitation.save(update_fields=["accepted_at"])
    audit_trail.record("invitation_accepted", actor=person, user_email=person.email, role=person.role)
    return person


def trouble_with(invitation: Invitation, *, now: datetime) -> str | None:
    """Why this invitation cannot be accepted, with the remedy."""
    state = Invitation.State(invitation.state_at(now))
    if state in _NOT_OPEN:
        return _NOT_OPEN[state]
    return _HAS_ACCOUNT.format(invitation.email) if User.objects.with_email(invitation.email) else None


def find(token: str) -> Invitation | None:
    """The invitation with this token in its link, in any state."""
    return Invitation.objects.select_related("invited_by").filter(token_digest=_digest(token)).first()


def open_invitation(email: str, *, now: datetime) -> Invitation | None:
    """The invitation of exactly this address, in whatever case."""
    return _unused(email).filter(expires_at__gt=now).first()


def url_of(token: str) -> str:
    """The link, with the public address of this service, not the one its sender happens to use."""
    return urljoin(settings.SITE_URL, reverse("people:invitation", args=[token]))


def send(invitation: Invitation, *, url: str) -> bool:
    """E-mail the link; returns whether the mail server accepted it. The invitation is valid either way."""
    context = {"invitation": invitation, "url": url, "ad_accounts": list(invitation.ad_accounts.all())}
    message = EmailMessage(
        "You are invited to the LinkedIn Ads Action Center",
        render_to_string("email/invitation.txt", context),
        to=[invitation.email],
    )
    try:
        message.send()
    except OSError as error:
        log.warning("Invitation %s was not sent (%s); check the EMAIL_ settings.", invitation.pk, type(error).__name__)
        return False
    return True


def _unused(email: str) -> QuerySet[Invitation]:
    return Invitation.objects.filter(email=normalized_or_none(email), accepted_at=None, revoked_at=None)


def _locked(invitation_id: int) -> Invitation:
    return Invitation.objects.select_for_update().get(pk=invitation_id)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
