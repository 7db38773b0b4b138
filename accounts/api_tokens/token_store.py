"""API tokens: issued, found, revoked; the only writer of api_tokens.

The token itself is returned once, with the row; the database has only its digest.
"""

from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import QuerySet
from knox.crypto import hash_token
from knox.models import get_digest_token
from knox.settings import CONSTANTS

from accounts import audit_trail
from accounts.access import may_issue_api_token
from accounts.errors import ApiTokenRefused
from accounts.models import ApiToken, User
from accounts.shell.clock import is_ahead

DAYS: Final = (30, 90, 365)
DEFAULT_DAYS: Final = 90
# Recording every use would turn each read of the API into a write.
_USE_RECORDED_EVERY: Final = timedelta(minutes=1)


def issue(*, user: User, name: str, scope: str, days: int = DEFAULT_DAYS, now: datetime) -> tuple[ApiToken, str]:
    """A new token of this person: its row, and the token to show once. Raises ApiTokenRefused."""
    if days not in DAYS:
        raise ApiTokenRefused(
            f"A token is valid for {', '.join(map(str, DAYS[:-1]))} or {DAYS[-1]} days; choose one of these."
        )
    if scope not in ApiToken.Scope.values:
        raise ApiTokenRefused(f"A token may {' or '.join(ApiToken.Scope.values)}; choose one of these.")
    if not may_issue_api_token(user, scope):
        raise ApiTokenRefused("Your role does not allow what this token may do; issue a read-only one.")
    digest, plain = get_digest_token()
    with transaction.atomic():
        token = ApiToken.objects.create(
            user=user,
            name=name,
            scope=scope,
            digest=digest,
            token_key=plain[: CONSTANTS.TOKEN_KEY_LENGTH],
            created=now,
            expiry=now + timedelta(days=days),
        )
        audit_trail.record(
            "api_token_issued",
            actor=user,
            token=str(token),
            scope=scope,
            expires_at=token.expiry.isoformat(),
        )
    return token, plain


def revoke(token: ApiToken, *, actor: User) -> None:
    """Revoke a token immediately; nothing happens if it was revoked before."""
    with transaction.atomic():
        if ApiToken.objects.filter(pk=token.pk).delete()[0]:
            audit_trail.record("api_token_revoked", actor=actor, user_email=token.user.email, token=str(token))


def find(plain: str) -> ApiToken | None:
    """The row of a token that a request brings, with its person; expired ones too.

    Looked up by its digest, so that the time it takes reveals nothing about a guess.
    """
    return ApiToken.objects.select_related("user").filter(digest=hash_token(plain)).first()


def record_use(token: ApiToken, *, now: datetime) -> None:
    """Record when a token was last used, to the minute."""
    last = token.last_used_at
    if last is None or last <= now - _USE_RECORDED_EVERY or is_ahead(last, now=now):
        ApiToken.objects.filter(pk=token.pk).update(last_used_at=now)


def of(user: User) -> QuerySet[ApiToken]:
    """The tokens of one person, newest first."""
    return ApiToken.objects.filter(user=user).order_by("-created", "-pk")
