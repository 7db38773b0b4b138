"""Every admin page says which LinkedIn consents need renewal, to those who may connect LinkedIn."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client, RequestFactory
from django.urls import reverse

from accounts.consents.context_processors import consent_notices
from accounts.models import User
from accounts.roles import Role
from tests.builders import NOW, make_connection, make_user
from tests.conftest import signed_in

PAGES = ("admin:index", "admin:accounts_linkedinconnection_changelist", "accounts:connect")


@pytest.fixture(autouse=True)
def _now(db: None) -> Any:
    with time_machine.travel(NOW, tick=False):
        yield


def make_ending(days: int, **changes: Any) -> None:
    end = NOW + timedelta(days=days)
    make_connection(access_token_expires_at=end, refresh_token_expires_at=end, **changes)


@pytest.mark.parametrize("page", PAGES)
def test_every_page_shows_a_consent_that_ends_within_two_weeks_or_has_ended(as_alice: Client, page: str) -> None:
    make_ending(14, user=make_user(email="maria@example.com"))
    make_connection(state="needs_consent", user=make_user(email="otto@example.com"))
    shown = " ".join(as_alice.get(reverse(page)).content.decode().split())
    assert "The LinkedIn consent of maria@example.com ends in 14 days." in shown
    assert "The LinkedIn consent of otto@example.com has ended" in shown
    assert f'href="{reverse("accounts:connect")}">Connect LinkedIn</a>' in shown


def test_no_page_shows_a_consent_that_needs_nothing(as_alice: Client) -> None:
    make_ending(15)
    make_connection(state="revoked")
    make_connection(access_token_expires_at=NOW + timedelta(days=1))
    assert "The LinkedIn consent of" not in as_alice.get(reverse("admin:index")).content.decode()


@pytest.mark.parametrize("role", [Role.VIEWER, Role.ANALYST])
def test_those_who_may_not_connect_see_no_notice(role: Role) -> None:
    make_ending(1)
    page = signed_in(make_user(role=role)).get(reverse("admin:index")).content.decode()
    assert "The LinkedIn consent of" not in page


def test_it_costs_one_query_and_none_where_nobody_looks(alice: User, django_assert_num_queries: Any) -> None:
    make_ending(1)
    make_ending(2)
    request = RequestFactory().get("/")
    request.user = alice
    with django_assert_num_queries(0):
        notices = consent_notices(request)["consent_notices"]
    with django_assert_num_queries(1):
        assert notices
        assert [one.days_left for one in notices] == [1, 2]
