"""A link from the command line that signs an owner in: the way back where no other login works.

It works once and for ten minutes. It is the first step alone: the second one is still due. The database stores nothing
of it: it is signed with `SECRET_KEY`, and the login that it leads to ends it.
"""

from typing import Final
from urllib.parse import urljoin

from django.conf import settings
from django.contrib.auth.backends import ModelBackend
from django.core import signing
from django.db import transaction
from django.http import HttpRequest
from django.urls import reverse

from accounts import audit_trail
from accounts.models import User
from accounts.roles import Role

MINUTES: Final = 10
BACKEND: Final = "accounts.sign_in.sign_in_links.SignInLinkBackend"
_SALT: Final = "accounts.sign_in.sign_in_links"


class SignInLinkBackend(ModelBackend):
    """Keeps people signed in who came by such a link; no password opens it."""

    def authenticate(self, request: HttpRequest | None, **_: object) -> None:  # type: ignore[override]
        return None


@transaction.atomic
def create(person: User) -> str:
    """The link for an owner; on record."""
    token = signing.dumps([person.pk, _state_of(person)], salt=_SALT)
    audit_trail.record("sign_in_link_created", user_email=person.email, by="command")
    return urljoin(settings.SITE_URL, reverse("people:sign_in_link", args=[token]))


def owner_behind(token: str, *, lock: bool = False) -> User | None:
    """The active owner whom this link signs in; None once it was used or is too old."""
    try:
        person_id, state = signing.loads(token, salt=_SALT, max_age=MINUTES * 60)
    except signing.BadSignature:
        return None
    rows = User.objects.select_for_update() if lock else User.objects
    person = rows.filter(pk=person_id, is_active=True, role=Role.OWNER).first()
    return person if person and _state_of(person) == state else None


def _state_of(person: User) -> str:
    """Another one after each login, so that a link works once."""
    return person.last_login.isoformat() if person.last_login else ""
