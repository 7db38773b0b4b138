"""Service accounts: programs with a role of their own; their tokens do not end with a person who leaves.

A service account is a row of `users` that nobody can sign in as. Its address ends with a domain that does not exist.
"""

from collections.abc import Iterable
from typing import Final

from django.db import transaction
from django.utils.text import slugify

from accounts import audit_trail
from accounts.errors import ApiTokenRefused
from accounts.models import AdAccount, AdAccountAccess, ServiceAccount, User
from accounts.people.email_address import SERVICE_ACCOUNT_DOMAIN
from accounts.roles import Role

# Owners manage people, which no token can do.
ROLES = [Role.MANAGER, Role.ANALYST, Role.VIEWER]

_MAX_NAME_LENGTH: Final = 60


@transaction.atomic
def add(
    *, name: str, role: str, ad_accounts: Iterable[AdAccount] = (), responsible: User | None, actor: User | None
) -> ServiceAccount:
    """A new service account; `ad_accounts` are what a viewer sees. Raises ApiTokenRefused."""
    if role not in ROLES:
        raise ApiTokenRefused(f"A service account is {', '.join(ROLES[:-1])} or {ROLES[-1]}; choose one of these.")
    if trouble := trouble_with_name(name):
        raise ApiTokenRefused(trouble)
    account = ServiceAccount(
        email=_address(name), first_name=name, role=role, is_service_account=True, responsible=responsible
    )
    account.set_unusable_password()
    account.save()
    audit_trail.record("service_account_added", actor=actor, user_email=account.email, role=role, by=_by(actor))
    if role == Role.VIEWER:
        grant(account, ad_accounts, actor=actor)
    return account


def trouble_with_name(name: str) -> str | None:
    """Why a service account cannot have this name."""
    if not slugify(name) or not name.isprintable():
        return "Give it a name with letters or digits, such as Looker Studio."
    if len(name) > _MAX_NAME_LENGTH:
        return f"A name has at most {_MAX_NAME_LENGTH} characters."
    if ServiceAccount.objects.filter(email=_address(name)).exists():
        return f"There already is a service account called {name}; choose another name."
    return None


def find(name: str) -> ServiceAccount | None:
    """The service account of this name."""
    found = ServiceAccount.objects.filter(email=_address(name)).first()
    return found if isinstance(found, ServiceAccount) else None


@transaction.atomic
def grant(account: User, ad_accounts: Iterable[AdAccount], *, actor: User | None) -> None:
    """What a viewer sees from now on: these ad accounts and no others."""
    wanted = {ad_account.pk for ad_account in ad_accounts}
    granted = set(AdAccountAccess.objects.filter(user=account).values_list("ad_account_id", flat=True))
    AdAccountAccess.objects.filter(user=account, ad_account_id__in=granted - wanted).delete()
    AdAccountAccess.objects.bulk_create(
        AdAccountAccess(user=account, ad_account_id=one, granted_by=actor) for one in sorted(wanted - granted)
    )
    changes = [("ad_account_granted", wanted - granted), ("ad_account_grant_taken_back", granted - wanted)]
    for kind, ids in changes:
        for one in sorted(ids):
            audit_trail.record(kind, actor=actor, ad_account_id=one, user_email=account.email, by=_by(actor))


def _by(actor: User | None) -> str:
    """Where it was done; without a person it was the command line."""
    return "page" if actor else "command"


def _address(name: str) -> str:
    return f"{slugify(name)[:60].strip('-')}{SERVICE_ACCOUNT_DOMAIN}"
