"""Who may sign in with LinkedIn; a step of social-auth's pipeline, after LinkedIn identified the person.

A LinkedIn login alone is not enough: the person must have an account here, be invited or have an address of an
allowed domain, each proven by an e-mail address that LinkedIn has verified. Tokens of the login are not stored.
"""

from collections.abc import Mapping
from contextlib import suppress

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils import timezone
from social_core.backends.base import BaseAuth
from social_core.exceptions import AuthPolicyError

from accounts import audit_trail
from accounts.errors import NotInvited
from accounts.models import User
from accounts.people import invitations
from accounts.people.email_address import normalized_domain, normalized_or_none
from accounts.roles import Role

_INACTIVE = "Your account here is switched off; ask an owner to switch it on again."
_UNVERIFIED = (
    "LinkedIn sent no verified e-mail address of yours; confirm your primary address in LinkedIn's settings "
    "and allow access to it, then try again."
)
_UNUSABLE = (
    "LinkedIn sent an e-mail address that cannot be used here: only plain letters may stand before the @. Make another "
    "address your primary one in LinkedIn's settings, then try again."
)
_STRANGER = (
    "{} has no account here; ask an owner of this service to invite exactly this address, or sign in at LinkedIn "
    "with the address that was invited."
)
_ANOTHER_PERSON = (
    "You are signed in as {}, and at LinkedIn you are {}; sign out first to switch between the two accounts."
)


class Refused(AuthPolicyError):
    """LinkedIn identified the person, but they may not sign in; `sentence` names the remedy."""

    def __init__(self, backend: "BaseAuth[object]", sentence: str) -> None:
        super().__init__(backend, stage="pipeline")
        self.sentence = sentence


def is_configured() -> bool:
    """Whether an app for signing in is configured."""
    return bool(settings.LINKEDIN_LOGIN_CLIENT_ID and settings.LINKEDIN_LOGIN_CLIENT_SECRET)


def person_behind(
    backend: "BaseAuth[object]",
    details: Mapping[str, object],
    response: Mapping[str, object],
    user: User | None = None,
    social: object | None = None,
    **_: object,
) -> dict[str, User | bool]:
    """The person who signs in; `user` owns this LinkedIn identity or is already signed in. Raises Refused."""
    if user is None:
        user = _find_or_create(backend, _verified_email(backend, response), details)
    elif social is None:
        # Signed in here with a new LinkedIn identity: it has to be the same person's.
        email = _verified_email(backend, response)
        if email != user.email:
            raise Refused(backend, _ANOTHER_PERSON.format(user.email, email))
    if not user.is_active:
        raise Refused(backend, _INACTIVE)
    return {"user": user, "is_new": False}


def _verified_email(backend: "BaseAuth[object]", response: Mapping[str, object]) -> str:
    email = response.get("email")
    # LinkedIn documents a boolean; the specification also allows text.
    if not isinstance(email, str) or not email or response.get("email_verified") not in (True, "true"):
        raise Refused(backend, _UNVERIFIED)
    if normalized := normalized_or_none(email):
        return normalized
    raise Refused(backend, _UNUSABLE)


def sign_up_domains() -> set[str]:
    """In their one form; what is no domain lets nobody in."""
    found = set()
    for domain in settings.SIGN_UP_EMAIL_DOMAINS:
        with suppress(ValidationError):
            found.add(normalized_domain(domain))
    return found


def _find_or_create(backend: "BaseAuth[object]", email: str, details: Mapping[str, object]) -> User:
    if person := User.objects.with_email(email):
        return person
    names = {name: str(details.get(name) or "")[:150] for name in ("first_name", "last_name")}
    if invitation := invitations.open_invitation(email, now=timezone.now()):
        try:
            return invitations.accept(invitation.pk, now=timezone.now(), **names)
        except NotInvited as error:  # revoked, or accepted in another browser, a moment ago
            raise Refused(backend, str(error)) from None
    if email.rpartition("@")[2] in sign_up_domains():
        person = User.objects.create_user(email, role=Role.VIEWER, **names)
        audit_trail.record("user_added", actor=person, user_email=person.email, role=person.role)
        return person
    raise Refused(backend, _STRANGER.format(email))
