"""The one answer to "which ad accounts may this user see or change".

Admin, API, pages, exports and snapshots call it. Only the role counts, and only while the person is active.
Through an API token a person sees the same, or only the ad accounts that the token names, and may change less: its
scope decides whether they may start syncs and take snapshots, or change findings. Nothing else can be done with one.
"""

from typing import Protocol

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet

from accounts.models import AdAccount, AdAccountAccess, ApiToken, LinkedInConnection, User
from accounts.roles import (
    MAY_CHANGE_FINDINGS,
    MAY_CONNECT_LINKEDIN,
    MAY_MANAGE_PEOPLE,
    MAY_REMOVE_AD_ACCOUNTS,
    MAY_SYNC,
    MAY_TAKE_SNAPSHOTS,
    SEES_COLLEAGUES,
    SEES_EVERY_AD_ACCOUNT,
)

Asker = AbstractBaseUser | AnonymousUser


class NotAllowed(PermissionDenied):
    """This person may not do this; the message says whom to ask. Pages and API answer it with 403."""


class _HasUser(Protocol):
    """A request of Django or of its REST framework."""

    @property
    def user(self) -> Asker: ...


def person_of(request: _HasUser) -> User:
    """The person who makes a request, themselves or through an API token. Raises PermissionDenied for anybody else."""
    if not isinstance(request.user, User):
        raise PermissionDenied
    return request.user


def visible_ad_accounts(user: Asker) -> QuerySet[AdAccount]:
    """The ad accounts this user may see: all of them, the granted ones, or none; a token may name fewer."""
    role, named = _role(user), _named_by_token(user)
    if role is None:
        return AdAccount.objects.none()
    visible = AdAccount.objects.all() if named is None else AdAccount.objects.filter(pk__in=named)
    if role in SEES_EVERY_AD_ACCOUNT:
        return visible
    return visible.filter(pk__in=AdAccountAccess.objects.filter(user=user.pk).values("ad_account"))


def sees_every_ad_account(user: Asker) -> bool:
    """Whether rows need no filter at all; saves owners a join on the large tables."""
    return _role(user) in SEES_EVERY_AD_ACCOUNT and _named_by_token(user) is None


def sees_colleagues(user: Asker) -> bool:
    """Whether this user is shown other people: their names, what they did, and the reasons they gave."""
    return _role(user) in SEES_COLLEAGUES


def may_enter(user: Asker) -> bool:
    """Whether this user may open the site at all; other functions decide what it shows them."""
    return _role(user) is not None


def may_connect_linkedin(user: Asker) -> bool:
    return _role_in_person(user) in MAY_CONNECT_LINKEDIN


def may_see_connections(user: Asker) -> bool:
    """Whether this user may see the LinkedIn connections; a token that names ad accounts does not."""
    return _role(user) in MAY_CONNECT_LINKEDIN and _named_by_token(user) is None


def may_end_consent(user: Asker, connection: LinkedInConnection) -> bool:
    """Whether this user may end a LinkedIn consent: the person who gave it, whatever their role, and owners."""
    role = _role_in_person(user)
    return role in MAY_MANAGE_PEOPLE or (role is not None and connection.user_id == user.pk)


def may_sync(user: Asker, ad_account_id: int) -> bool:
    """Whether this user may start a sync of this ad account."""
    return may_sync_anything(user) and visible_ad_accounts(user).filter(pk=ad_account_id).exists()


def may_change_anything(user: Asker) -> bool:
    """False for read-only tokens, whoever their person is; other functions decide what exactly may be changed."""
    return _token_scope(user) != ApiToken.Scope.READ


def may_issue_api_token(user: Asker, scope: str) -> bool:
    """Whether this user may make a token of this scope: all may make one that reads, else who may do it in person."""
    role = _role_in_person(user)
    if scope == ApiToken.Scope.READ:
        return role is not None
    return role in (MAY_CHANGE_FINDINGS if scope == ApiToken.Scope.READ_AND_CHANGE else MAY_SYNC)


def may_sync_anything(user: Asker) -> bool:
    """Whether this user may start syncs at all; `may_sync` decides for one ad account."""
    return _role(user) in MAY_SYNC and may_change_anything(user)


def may_take_snapshots(user: Asker) -> bool:
    """Whether this user may take snapshots of the ad accounts they see."""
    return _role(user) in MAY_TAKE_SNAPSHOTS and may_change_anything(user)


def may_edit_timetable(user: Asker) -> bool:
    """Whether this user may see and change what runs when."""
    return _role_in_person(user) in MAY_SYNC


def may_change_findings(user: Asker) -> bool:
    """Whether this user may run checks on the ad accounts they see, and assign, snooze, accept and reopen findings."""
    return _role(user) in MAY_CHANGE_FINDINGS and _token_scope(user) in {None, ApiToken.Scope.READ_AND_CHANGE}


def may_edit_thresholds(user: Asker) -> bool:
    """Whether this user may change the thresholds of the checks."""
    return _role_in_person(user) in MAY_SYNC


def may_see_timetable(user: Asker) -> bool:
    """Whether this user may see what runs when; a token that names ad accounts does not."""
    return _role(user) in MAY_SYNC and _named_by_token(user) is None


def may_manage_people(user: Asker) -> bool:
    """Whether this user may invite people, change roles and grants, and read the audit trail."""
    return _role_in_person(user) in MAY_MANAGE_PEOPLE


def may_remove_ad_accounts(user: Asker) -> bool:
    """Whether this user may remove an ad account with all its data, and restore a removed one."""
    return _role_in_person(user) in MAY_REMOVE_AD_ACCOUNTS


def _role(user: Asker) -> str | None:
    """The role of an active person, else None."""
    return user.role if isinstance(user, User) and user.is_active else None


def _role_in_person(user: Asker) -> str | None:
    """The role of a person who does not act through a token."""
    return _role(user) if _token_scope(user) is None else None


def _named_by_token(user: Asker) -> frozenset[int] | None:
    """The only ad accounts that the token shows; None without a token, or for one that shows all its person sees."""
    return user.token_ad_account_ids if isinstance(user, User) else None


def _token_scope(user: Asker) -> str | None:
    return user.token_scope if isinstance(user, User) else None
