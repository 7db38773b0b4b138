"""What needs a fresh second step."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import pytest

from accounts.api_tokens import service_accounts, token_store
from accounts.models import ApiToken, AuditEvent, ServiceAccount, User
from accounts.roles import Role
from accounts.sign_in.second_step import session
from tests import builders
from tests.accounts.sign_in.second_step.people import code_of, give_app, passed
from tests.builders import NOW
from tests.conftest import signed_in

pytestmark = pytest.mark.django_db


def make_service_account() -> ServiceAccount:
    return service_accounts.add(name="Sheet", role=Role.ANALYST, responsible=None, actor=None)


STALE = session.FRESH_MINUTES * 60 + 5


@dataclass(frozen=True)
class Place:
    """An address that needs a fresh step: to be shown, and for its form."""

    name: str
    address: Callable[[], str]
    methods: tuple[str, ...] = ("GET", "POST")


PLACES = (
    Place("add a person", lambda: "/admin/accounts/user/add/"),
    Place("change a person", lambda: f"/admin/accounts/user/{builders.make_user().pk}/change/"),
    Place("remove a person", lambda: f"/admin/accounts/user/{builders.make_user().pk}/delete/"),
    Place("set a password", lambda: f"/admin/accounts/user/{builders.make_user().pk}/password/"),
    Place("act on people", lambda: "/admin/accounts/user/", ("POST",)),
    Place("grant", lambda: "/admin/accounts/adaccountaccess/add/"),
    Place("revoke a grant", lambda: f"/admin/accounts/adaccountaccess/{builders.make_access().pk}/delete/"),
    Place("act on grants", lambda: "/admin/accounts/adaccountaccess/", ("POST",)),
    Place("invite", lambda: "/admin/accounts/invitation/add/"),
    Place("act on invitations", lambda: "/admin/accounts/invitation/", ("POST",)),
    Place("unlock logins", lambda: "/admin/accounts/failedlogin/", ("POST",)),
    Place("restore ad accounts", lambda: "/admin/accounts/removedadaccount/", ("POST",)),
    Place("issue a token", lambda: "/people/me/tokens/", ("POST",)),
    Place("add a service account", lambda: "/admin/accounts/serviceaccount/add/"),
    Place("change a service account", lambda: f"/admin/accounts/serviceaccount/{make_service_account().pk}/change/"),
    Place("remove a service account", lambda: f"/admin/accounts/serviceaccount/{make_service_account().pk}/delete/"),
    Place(
        "issue a token to a service account",
        lambda: f"/people/service-accounts/{make_service_account().pk}/tokens/",
        ("POST",),
    ),
    Place("remove an ad account", lambda: f"/ad-accounts/{builders.make_ad_account().pk}/remove/"),
    Place("give a consent", lambda: "/linkedin/connect/"),
    Place("end a consent", lambda: f"/linkedin/connections/{builders.make_connection().pk}/end/"),
    Place("export the trail as CSV", lambda: "/admin/accounts/auditevent/export/csv/", ("GET",)),
    Place("export the trail as XLSX", lambda: "/admin/accounts/auditevent/export/xlsx/", ("GET",)),
    Place("add an app", lambda: "/people/me/second-step/app/add/", ("POST",)),
    Place("confirm an app", lambda: "/people/me/second-step/app/"),
    Place("recovery codes", lambda: "/people/me/second-step/codes/"),
    Place("remove a device", lambda: "/people/me/second-step/remove/", ("POST",)),
)


def way(response: Any) -> str:
    # A download that is not read to its end keeps its file open.
    b"".join(response)
    return str(response.headers.get("Location", response.status_code))


@pytest.fixture
def owner(alice: User) -> User:
    give_app(alice)
    return alice


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.name)
def test_it_needs_a_fresh_second_step(owner: User, place: Place) -> None:
    address = place.address()
    stale, fresh = passed(owner, seconds_ago=STALE), passed(owner)
    without = signed_in(builders.make_user(role=Role.OWNER))
    wanted = f"/people/second-step/?next={quote(address, safe='')}"
    for method in place.methods:
        events = AuditEvent.objects.count()
        assert way(stale.generic(method, address)) == wanted
        assert AuditEvent.objects.count() == events
        for browser in (fresh, without):
            assert not way(browser.generic(method, address)).startswith("/people/second-step/"), method


def test_lists_need_no_fresh_one(owner: User) -> None:
    stale = passed(owner, seconds_ago=STALE)
    for address in ("/admin/accounts/user/", "/admin/accounts/auditevent/", "/people/me/tokens/", "/admin/"):
        assert stale.get(address).status_code == 200, address
    # Whoever manages nobody is not asked about what they may not do either way.
    bob = builders.make_user()
    give_app(bob)
    assert passed(bob, seconds_ago=STALE).get("/admin/accounts/user/add/").status_code == 403


def test_confirming_leads_back_and_the_form_works_then(owner: User) -> None:
    browser = passed(owner, seconds_ago=STALE)
    response = browser.post("/people/me/tokens/", {"name": "Looker", "scope": "read", "days": "90"}, follow=True)
    page = response.content.decode()
    assert "Nothing was changed" in page
    assert "Confirm that it is still you" in page
    assert not ApiToken.objects.exists()
    response = browser.post(
        "/people/second-step/", {"code": code_of(owner.authenticator_apps.get()), "next": "/people/me/tokens/"}
    )
    assert response["Location"] == "/people/me/tokens/"
    browser.post("/people/me/tokens/", {"name": "Looker", "scope": "read", "days": "90"})
    assert ApiToken.objects.get().user == owner


def test_the_page_of_tokens_offers_to_confirm_before_the_form(owner: User) -> None:
    page = passed(owner, seconds_ago=STALE).get("/people/me/tokens/").content.decode()
    assert "confirm first that it is you" in page
    assert "confirm first" not in passed(owner).get("/people/me/tokens/").content.decode()


def test_a_wrong_code_confirms_nothing(owner: User) -> None:
    browser = passed(owner, seconds_ago=STALE)
    browser.post("/people/second-step/", {"code": "000000"})
    assert way(browser.get("/admin/accounts/user/add/")).startswith("/people/second-step/")
    # The session itself stays as good as it was.
    assert browser.get("/admin/").status_code == 200


@pytest.mark.parametrize(("seconds_ago", "is_asked"), [(0, False), (890, False), (910, True), (-3600, True)])
def test_how_long_it_stays_fresh(owner: User, seconds_ago: int, is_asked: bool) -> None:
    """A step that lies ahead was taken while a clock was wrong."""
    browser = passed(owner, seconds_ago=seconds_ago)
    assert (browser.get("/admin/accounts/user/add/").status_code == 302) is is_asked


def test_a_password_alone_renews_no_session_that_passed_one(owner: User) -> None:
    owner.set_password("correct horse battery staple")
    owner.save()
    browser = passed(owner)
    assert browser.get("/admin/").status_code == 200
    browser.post("/admin/login/", {"username": owner.email, "password": "correct horse battery staple"})
    assert way(browser.get("/admin/")).startswith("/people/second-step/")


def test_revoking_a_token_needs_none(owner: User) -> None:
    token, _ = token_store.issue(user=owner, name="one", scope="read", now=NOW)
    assert passed(owner, seconds_ago=STALE).post(f"/people/me/tokens/{token.pk}/revoke/").status_code == 302
    assert not ApiToken.objects.exists()
