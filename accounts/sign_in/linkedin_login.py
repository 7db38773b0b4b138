"""Who may sign in with LinkedIn; a step of social-auth's pipeline, which asks LinkedIn who somebody is.

Being able to log in to LinkedIn opens nothing: the person must be here, be invited or have an address of an
allowed domain, each shown by an e-mail address that LinkedIn has verified. Tokens of the login are not stored.
"""

from collections.abc import Mapping

from django.conf import settings
from django.utils import timezone
from social_core.backends.base import BaseAuth
from social_core.exceptions import AuthPolicyError

from accounts import audit_trail
from accounts.errors import NotInvited
from accounts.models import User
from accounts.people import invitations
from accounts.roles import Role

_INACTIVE = "Your account here is switched off; ask an owner to switch it on again."
_UNVERIFIED = (
    "LinkedIn did not tell a verified e-mail address of yours; confirm your primary address in LinkedIn's settings "
    "and allow access to it, then try again."
)
_STRANGER = (
    "{} has no account here; ask an owner of this service to invite exactly this address, or sign in at LinkedIn "
    "with the address that was invited."
)
_ANOTHER_PERSON = (
    "You are signed in as {}, and LinkedIn says that you are {}; sign out first to change between the two accounts."
)


class Refused(AuthPolicyError):
    """LinkedIn knows who it is, but they may not come in; `sentence` names the remedy."""

    def __init__(self, backend: "BaseAuth[object]", sentence: str) -> None:
        super().__init__(backend, stage="pipeline")
        self.sentence = sentence


def is_configured() -> bool:
    """Whether there is an app to sign in with."""
    return bool(settings.LINKEDIN_LOGIN_CLIENT_ID and settings.LINKEDIN_LOGIN_CLIENT_SECRET)


def person_behind(
    backend: "BaseAuth[object]",
    details: Mapping[str, object],
    response: Mapping[str, object],
    user: User | None = None,
    social: object | None = None,
    **_: object,
) -> dict[str, User | bool]:
    """The person who signs in; `user` is who owns this LinkedIn identity or has signed in already. Raises Refused."""
    if user is None:
        user = _let_in(backend, _verified_email(backend, response), details)
    elif social is None:
        # Signed in here, and LinkedIn's identity is new: it must be the same person's.
        email = _verified_email(backend, response)
        if email != user.email.lower():
            raise Refused(backend, _ANOTHER_PERSON.format(user.email, email))
    if not user.is_active:
        raise Refused(backend, _INACTIVE)
    return {"user": user, "is_new": False}


def _verified_email(backend: "BaseAuth[object]", response: Mapping[str, object]) -> str:
    email = response.get("email")
    # LinkedIn documents a boolean; the specification lets others send it as text.
    if isinstance(email, str) and email and response.get("email_verified") in (True, "true"):
        return email.strip().lower()
    raise Refused(backend, _UNVERIFIED)


def _let_in(backend: "BaseAuth[object]", email: str, details: Mapping[str, object]) -> User:
    if person := User.objects.filter(email__iexact=email).first():
        return person
    names = {name: str(details.get(name) or "")[:150] for name in ("first_name", "last_name")}
    if invitation := invitations.open_invitation(email, now=timezone.now()):
        try:
            return invitations.accept(invitation.pk, now=timezone.now(), **names)
        except NotInvited as error:  # revoked, or accepted in another browser, a moment ago
            raise Refused(backend, str(error)) from None
    if email.rpartition("@")[2] in {domain.lower() for domain in settings.SIGN_UP_EMAIL_DOMAINS}:
        person = User.objects.create_user(email, role=Role.VIEWER, **names)
        audit_trail.record("user_added", actor=person, user_email=person.email, role=person.role)
        return person
    raise Refused(backend, _STRANGER.format(email))
