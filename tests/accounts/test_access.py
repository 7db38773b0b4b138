import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied
from django.test import RequestFactory

from accounts.access import (
    may_connect_linkedin,
    may_edit_timetable,
    may_manage_people,
    may_sync,
    person_of,
    sees_every_ad_account,
    visible_ad_accounts,
)
from accounts.models import AdAccount, User
from accounts.roles import Role
from tests.builders import make_access, make_ad_account, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def other_ad_account() -> AdAccount:
    return make_ad_account(name="Somebody else's brand")


def test_an_owner_sees_every_ad_account(alice: User, bobs_ad_account: AdAccount, other_ad_account: AdAccount) -> None:
    assert set(visible_ad_accounts(alice)) == {bobs_ad_account, other_ad_account}


def test_a_viewer_sees_what_was_granted(bob: User, bobs_ad_account: AdAccount, other_ad_account: AdAccount) -> None:
    make_access(user=make_user(), ad_account=bobs_ad_account)
    assert list(visible_ad_accounts(bob)) == [bobs_ad_account]


def test_a_stranger_sees_nothing(charlie: User, bobs_ad_account: AdAccount) -> None:
    assert list(visible_ad_accounts(charlie)) == []


def test_nobody_sees_nothing(bobs_ad_account: AdAccount) -> None:
    assert list(visible_ad_accounts(AnonymousUser())) == []


def test_the_person_of_a_request_is_whoever_signed_in(bob: User) -> None:
    request = RequestFactory().get("/")
    request.user = bob
    assert person_of(request) == bob
    request.user = AnonymousUser()
    with pytest.raises(PermissionDenied):
        person_of(request)


@pytest.mark.parametrize("role", Role)
def test_an_inactive_person_may_nothing(role: Role, bobs_ad_account: AdAccount) -> None:
    user = make_user(role=role, is_active=False)
    make_access(user=user, ad_account=bobs_ad_account)
    assert list(visible_ad_accounts(user)) == []
    assert not may_connect_linkedin(user)
    assert not may_sync(user, bobs_ad_account.pk)


def test_only_the_role_counts_not_djangos_superuser_flag(bobs_ad_account: AdAccount) -> None:
    user = make_user(is_superuser=True)
    assert list(visible_ad_accounts(user)) == []
    assert not may_manage_people(user)


@pytest.mark.parametrize(
    ("role", "sees_all", "may_run", "manages_people"),
    [
        (Role.OWNER, True, True, True),
        (Role.MANAGER, True, True, False),
        (Role.ANALYST, True, False, False),
        (Role.VIEWER, False, False, False),
    ],
)
def test_what_each_role_may(
    role: Role, sees_all: bool, may_run: bool, manages_people: bool, bobs_ad_account: AdAccount
) -> None:
    user = make_user(role=role)
    make_access(user=user, ad_account=bobs_ad_account)
    assert sees_every_ad_account(user) is sees_all
    assert may_connect_linkedin(user) is may_run
    assert may_sync(user, bobs_ad_account.pk) is may_run
    assert may_edit_timetable(user) is may_run
    assert may_manage_people(user) is manages_people


def test_nobody_syncs_an_ad_account_that_does_not_exist(alice: User) -> None:
    assert not may_sync(alice, 404)
