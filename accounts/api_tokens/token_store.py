"""API tokens: issued, found, revoked; the only writer of api_tokens.

The token itself is returned once, with the row; the database has only its digest.
"""

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from ipaddress import ip_address, ip_network
from typing import Final, TypedDict

from django.db import transaction
from django.db.models import QuerySet
from knox.crypto import hash_token
from knox.models import get_digest_token
from knox.settings import CONSTANTS

from accounts import audit_trail
from accounts.access import may_issue_api_token
from accounts.errors import ApiTokenRefused
from accounts.models import ApiToken, User
from accounts.people.security_notices import Notice, notify
from accounts.shell.clock import is_ahead

DAYS: Final = (30, 90, 365)
DEFAULT_DAYS: Final = 90
# Recording every use would turn each read of the API into a write.
_USE_RECORDED_EVERY: Final = timedelta(minutes=1)


def issue(
    *,
    user: User,
    name: str,
    scope: str,
    days: int = DEFAULT_DAYS,
    ad_account_ids: Iterable[int] | None = None,
    networks: Iterable[str] = (),
    actor: User | None = None,
    now: datetime,
) -> tuple[ApiToken, str]:
    """A new token of this person or service account: its row, and the token to show once. Raises ApiTokenRefused.

    `ad_account_ids` are the only ones that it shows, None for all of its user's; `networks` (CIDR) the only ones that
    it works from. `actor` is who issues it for a service account; None for the user, or the command line.
    """
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
            ad_account_ids=None if ad_account_ids is None else sorted(ad_account_ids),
            networks=[normalized_network(network) for network in networks],
        )
        _record_issue(token, actor=actor)
        if not user.is_service_account:
            notify(user, Notice.API_TOKEN_ISSUED, name=name)
    return token, plain


class _Detail(TypedDict, total=False):
    """What an event says only where there is something to say."""

    ad_accounts: list[int]
    networks: list[str]
    user_email: str
    by: str
    why: str


def _record_issue(token: ApiToken, *, actor: User | None) -> None:
    is_service = token.user.is_service_account
    detail: _Detail = {}
    if token.ad_account_ids is not None:
        detail["ad_accounts"] = token.ad_account_ids
    if token.networks:
        detail["networks"] = token.networks
    if is_service:
        detail["user_email"], detail["by"] = token.user.email, "page" if actor else "command"
    audit_trail.record(
        "api_token_issued",
        actor=actor if is_service else token.user,
        token=str(token),
        scope=token.scope,
        expires_at=token.expiry.isoformat(),
        **detail,
    )


def normalized_network(text: str) -> str:
    """A network as CIDR, such as 203.0.113.0/24; a single address is one of its own. Raises ApiTokenRefused."""
    try:
        return str(ip_network(text.strip()))
    except ValueError:
        sentence = f"{text.strip()} is not a network; write one such as 203.0.113.0/24 or 2001:db8::/32."
        raise ApiTokenRefused(sentence) from None


def revoke(token: ApiToken, *, actor: User | None, why: str = "") -> None:
    """Revoke a token immediately; nothing happens if it was revoked before. `why` is the end of a sentence."""
    with transaction.atomic():
        if ApiToken.objects.filter(pk=token.pk).delete()[0]:
            detail: _Detail = {"why": why} if why else {}
            audit_trail.record(
                "api_token_revoked", actor=actor, user_email=token.user.email, token=str(token), **detail
            )
            if actor != token.user and not token.user.is_service_account:
                notify(token.user, Notice.API_TOKEN_REVOKED, name=token.name, why=why or f"{actor} revoked it")


def end_all(user: User, *, actor: User | None, why: str, keep: Collection[int] = ()) -> int:
    """Revoke the tokens of a person, but for some ids; returns how many."""
    tokens = list(of(user).exclude(pk__in=keep).select_related("user"))
    for token in tokens:
        revoke(token, actor=actor, why=why)
    return len(tokens)


def find(plain: str) -> ApiToken | None:
    """The row of a token that a request brings, with its person; expired ones too.

    Looked up by its digest, so that the time it takes reveals nothing about a guess.
    """
    return ApiToken.objects.select_related("user").filter(digest=hash_token(plain)).first()


def works_from(token: ApiToken, address: str | None) -> bool:
    """Whether the token may be used from this address."""
    if not token.networks:
        return True
    try:
        client = ip_address(address or "")
    except ValueError:
        return False
    client = getattr(client, "ipv4_mapped", None) or client
    return any(client in ip_network(network) for network in token.networks)


def record_use(token: ApiToken, *, now: datetime) -> None:
    """Record when a token was last used, to the minute."""
    last = token.last_used_at
    if last is None or last <= now - _USE_RECORDED_EVERY or is_ahead(last, now=now):
        ApiToken.objects.filter(pk=token.pk).update(last_used_at=now)


def of(user: User) -> QuerySet[ApiToken]:
    """The tokens of one person, newest first."""
    return ApiToken.objects.filter(user=user).order_by("-created", "-pk")


def valid(user: User, *, now: datetime) -> QuerySet[ApiToken]:
    """Those that have not expired."""
    return of(user).filter(expiry__gt=now)
