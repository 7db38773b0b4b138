"""Signing in at the company's own OpenID provider, and the step of social-auth's pipeline that says whom it lets in.

A person needs an account here, an invitation, a group that `OIDC_ROLES` gives a role, or an address of an allowed
domain. Once somebody has signed in, their identity at the provider counts, whatever address it has later. Where
`OIDC_ROLES` is set, groups decide the role at every login. Tokens of the login are not stored.
"""

import hashlib
import logging
from collections.abc import Mapping, Sequence
from typing import Any, Final

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from social_core.backends.base import BaseAuth
from social_core.backends.open_id_connect import OpenIdConnectAuth
from social_core.exceptions import AuthResponseError, SocialAuthBaseException

from accounts import audit_trail
from accounts.errors import LastOwner, NotInvited
from accounts.models import User
from accounts.people import invitations, membership
from accounts.people.email_address import normalized_or_none
from accounts.roles import Role
from accounts.sign_in.linkedin_login import Refused, sign_up_domains

log = logging.getLogger(__name__)

NAME: Final = "oidc"

_INACTIVE = "Your account here is switched off; ask an owner to switch it on again."
_UNVERIFIED = (
    "The sign-in service sent no verified e-mail address of yours; ask an owner of this service to check its settings "
    "(OIDC_TRUST_EMAIL)."
)
_UNUSABLE = (
    "The sign-in service sent an e-mail address that cannot be used here: only plain letters may stand before the @. "
    "Ask whoever manages your account there for another address."
)
_STRANGER = "{} has no account here; ask an owner of this service to invite exactly this address."
_NO_ROLE = "None of your groups has a role here; ask whoever manages your groups, or an owner of this service."
_ANOTHER_PERSON = (
    "You are signed in as {}, and at the sign-in service you are {}; sign out first to switch between the two accounts."
)


class SingleSignOn(OpenIdConnectAuth):  # type: ignore[type-arg]
    """social-auth's own backend, stricter in three points.

    An identity belongs to its issuer: another provider that is set up later may give the same `sub` to somebody else.
    What the provider says about a person without saying whom it is about does not count, nor does a malformed time.
    """

    name = NAME

    def get_user_id(self, details: Mapping[str, object], response: Mapping[str, object]) -> str:
        issuer = hashlib.sha256(str((self.id_token or {}).get("iss")).encode()).hexdigest()[:16]
        subject = super().get_user_id(details, response)  # type: ignore[no-untyped-call]
        return f"{issuer}:{subject}"

    def validate_userinfo_sub(self, userinfo: dict[str, Any] | None) -> dict[str, Any] | None:
        if not isinstance(userinfo, dict) or not userinfo.get("sub"):
            raise AuthResponseError(self, claim="sub", code="missing_claim", stage="user_info")
        return super().validate_userinfo_sub(userinfo)

    def validate_temporal_claims(self, id_token: dict[str, Any]) -> None:
        for claim in ("iat", "nbf", "exp"):
            if claim in id_token and not isinstance(id_token[claim], int | float):
                raise AuthResponseError(self, claim=claim, code="invalid_claim", stage="token_validation")
        super().validate_temporal_claims(id_token)


def is_configured() -> bool:
    """Whether people can sign in at a provider of the company's own."""
    return bool(
        settings.SOCIAL_AUTH_OIDC_OIDC_ENDPOINT and settings.SOCIAL_AUTH_OIDC_KEY and settings.SOCIAL_AUTH_OIDC_SECRET
    )


def provider_of(error: SocialAuthBaseException) -> tuple[str, str]:
    """What the provider of a failed login is called, and which settings to check."""
    if getattr(error.backend, "name", "") == NAME:
        return settings.OIDC_NAME, "OIDC_ENDPOINT, OIDC_CLIENT_ID, OIDC_CLIENT_SECRET"
    return "LinkedIn", "LINKEDIN_LOGIN_CLIENT_ID and LINKEDIN_LOGIN_CLIENT_SECRET"


def is_the_only_way() -> bool:
    """Whether passwords and LinkedIn sign nobody in."""
    return bool(settings.SIGN_IN_WITH == "sso")


@transaction.atomic
def person_behind(
    backend: SingleSignOn,
    details: Mapping[str, object],
    response: Mapping[str, object],
    user: User | None = None,
    social: object | None = None,
    groups: Sequence[str] | None = None,
    **_: object,
) -> dict[str, User | bool]:
    """The person who signs in; `user` owns this identity or is already signed in. Raises Refused."""
    role = _role_of(backend, groups)
    if user is None:
        user = _find_or_create(backend, _address(backend, response), details, role=role)
    elif social is None:
        # Signed in here with a new identity: it has to be the same person's.
        email = _address(backend, response)
        if email != user.email:
            raise Refused(backend, _ANOTHER_PERSON.format(user.email, email))
    if not user.is_active:
        raise Refused(backend, _INACTIVE)
    if role and user.role != role:
        _give_role(user, role)
    return {"user": user, "is_new": False}


def _role_of(backend: SingleSignOn, groups: Sequence[str] | None) -> Role | None:
    """The strongest role of these groups; None where groups decide nothing. Raises Refused if there is none."""
    if not settings.OIDC_ROLES:
        return None
    given = {settings.OIDC_ROLES[group] for group in groups or () if group in settings.OIDC_ROLES}
    # `Role` lists the strongest first.
    strongest = next((role for role in Role if role in given), None)
    if strongest is None:
        raise Refused(backend, _NO_ROLE)
    return strongest


def _address(backend: SingleSignOn, response: Mapping[str, object]) -> str:
    """From the signed token, else from what the provider said with the person's access token. Raises Refused."""
    signed: Mapping[str, object] = backend.id_token or {}
    source = signed if signed.get("email") else response
    email = source.get("email")
    is_verified = source.get("email_verified")
    trusted = is_verified in (True, "true") or (settings.OIDC_TRUST_EMAIL and is_verified is None)
    if not isinstance(email, str) or not email or not trusted:
        raise Refused(backend, _UNVERIFIED)
    if normalized := normalized_or_none(email):
        return normalized
    raise Refused(backend, _UNUSABLE)


def _find_or_create(
    backend: "BaseAuth[object]", email: str, details: Mapping[str, object], *, role: Role | None
) -> User:
    if person := User.objects.with_email(email):
        return person
    names = {name: str(details.get(name) or "")[:150] for name in ("first_name", "last_name")}
    if invitation := invitations.open_invitation(email, now=timezone.now()):
        try:
            return invitations.accept(invitation.pk, now=timezone.now(), **names)
        except NotInvited as error:  # revoked, or accepted in another browser, a moment ago
            raise Refused(backend, str(error)) from None
    is_of_an_allowed_domain = email.rpartition("@")[2] in sign_up_domains()
    if role is None and not is_of_an_allowed_domain:
        raise Refused(backend, _STRANGER.format(email))
    person = User.objects.create_user(email, role=role or Role.VIEWER, **names)
    audit_trail.record("user_added", actor=person, user_email=person.email, role=person.role)
    return person


def _give_role(person: User, role: Role) -> None:
    before = person.role
    person.role = role
    try:
        membership.save(person, actor=None, changed=["role"])
    except LastOwner:
        person.role = before
        log.warning("%s has no group of an owner, and stays one: there is no other owner.", f"Person {person.pk}")
