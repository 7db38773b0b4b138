"""Signing in with LinkedIn over real HTTP: LinkedIn is the simulator, whose first member is Ada Moreno."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests
from django.test import Client
from django.utils import timezone
from social_core.backends.open_id_connect import OpenIdConnectAuth
from social_django.models import UserSocialAuth

from accounts.models import AuditEvent, User
from accounts.people import invitations
from accounts.roles import Role
from ingestion.linkedin_simulator import oauth, openid, reporting_routes
from tests.builders import make_access, make_ad_account, make_user
from tests.conftest import signed_in
from tests.ingestion.simulated import SimulatedLinkedIn, simulated_linkedin

pytestmark = pytest.mark.django_db

BEGIN = "/people/login/linkedin-openidconnect/"
COMPLETE = "/people/complete/linkedin-openidconnect/"
ADA, MEMBER_2 = "ada.moreno@example.com", 2


@pytest.fixture(autouse=True)
def linkedin(settings: Any) -> Iterator[SimulatedLinkedIn]:
    # The keys are remembered by their address, and the port may be that of an earlier simulator.
    OpenIdConnectAuth.get_jwks_keys_for_uri.invalidate()
    with simulated_linkedin(settings, ad_accounts=1) as simulated:
        settings.LINKEDIN_LOGIN_CLIENT_ID = settings.SOCIAL_AUTH_LINKEDIN_OPENIDCONNECT_KEY = "simulated-login-app"
        settings.LINKEDIN_LOGIN_CLIENT_SECRET = "simulated-login-secret"
        settings.SOCIAL_AUTH_LINKEDIN_OPENIDCONNECT_SECRET = "simulated-login-secret"
        settings.SOCIAL_AUTH_LINKEDIN_OPENIDCONNECT_OIDC_ENDPOINT = f"{settings.LINKEDIN_AUTH_BASE_URL}/oauth"
        settings.ALLOWED_HOSTS = ["127.0.0.1"]
        yield simulated


def way_back(browser: Client, *, member: int = 1, decision: str = "allow", **begin: str) -> str:
    """Press the button and answer LinkedIn's consent page; where LinkedIn sends the browser back to."""
    sent = browser.post(BEGIN, begin, headers={"Host": "127.0.0.1"})
    assert sent.status_code == 302, sent.content.decode()
    address, _, query = sent["Location"].partition("?")
    form = {**dict(parse_qsl(query)), "decision": decision, "member": str(member)}
    back = requests.post(address, data=form, allow_redirects=False, timeout=10)
    parts = urlsplit(back.headers["Location"])
    assert (parts.netloc, parts.path) == ("127.0.0.1", COMPLETE)
    return f"{parts.path}?{parts.query}"


def sign_in(browser: Client, **how: Any) -> Any:
    return browser.get(way_back(browser, **how), headers={"Host": "127.0.0.1"})


def person_of(browser: Client) -> str | None:
    page = browser.get("/people/me/", headers={"Host": "127.0.0.1"})
    return page.context["person"].email if page.status_code == 200 else None


def claim(monkeypatch: pytest.MonkeyPatch, **changes: Any) -> None:
    """Let LinkedIn send other claims about its members; None leaves a claim out."""
    original = openid.userinfo

    def userinfo(*args: Any) -> dict[str, Any]:
        return {name: value for name, value in (original(*args) | changes).items() if value is not None}

    monkeypatch.setattr(oauth, "userinfo", userinfo)
    monkeypatch.setattr(reporting_routes, "userinfo", userinfo)


def test_a_person_signs_in_whatever_the_case_of_their_address(client: Client) -> None:
    person = make_user(email="Ada.Moreno@Example.com", role=Role.ANALYST)
    response = sign_in(client)
    assert (response.status_code, urlsplit(response["Location"]).path) == (302, "/admin/")
    assert person_of(client) == person.email
    assert User.objects.count() == 1


def test_no_token_of_the_login_is_stored(client: Client) -> None:
    make_user(email=ADA)
    sign_in(client)
    sign_in(Client())
    (identity,) = UserSocialAuth.objects.all()
    assert identity.extra_data == {}
    assert "token" not in str(dict(client.session.items()))


def test_a_stranger_gets_no_account(client: Client) -> None:
    response = sign_in(client)
    page = response.content.decode()
    assert response.status_code == 403
    assert f"{ADA} has no account here; ask an owner" in page
    assert not User.objects.exists()
    assert not UserSocialAuth.objects.exists()
    assert person_of(client) is None


@pytest.mark.parametrize("claims", [{"email_verified": False}, {"email_verified": None}, {"email": None}])
def test_an_address_that_linkedin_has_not_verified_is_refused(
    client: Client, claims: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    make_user(email=ADA, role=Role.OWNER)
    claim(monkeypatch, **claims)
    response = sign_in(client)
    assert response.status_code == 403
    assert "verified e-mail address" in response.content.decode()
    assert person_of(client) is None
    assert not UserSocialAuth.objects.exists()


def test_an_inactive_person_stays_out(client: Client) -> None:
    person = make_user(email=ADA)
    sign_in(client)
    person.is_active = False
    person.save()
    for browser in (Client(), client):
        response = sign_in(browser)
        assert response.status_code == 403
        assert "ask an owner to switch it on again" in response.content.decode()
        assert person_of(browser) is None


def test_a_person_inactive_before_their_first_login_stays_out(client: Client) -> None:
    make_user(email=ADA, is_active=False)
    assert sign_in(client).status_code == 403
    assert not UserSocialAuth.objects.exists()


def test_an_invited_person_joins_with_role_and_grants(client: Client, alice: User) -> None:
    ad_account = make_ad_account()
    now = timezone.now()
    invitation, _ = invitations.invite(email=ADA, role=Role.VIEWER, ad_accounts=[ad_account], actor=alice, now=now)
    assert sign_in(client).status_code == 302
    person = User.objects.get(email=ADA)
    assert (person.role, person.first_name, person.has_usable_password()) == (Role.VIEWER, "Ada", False)
    assert person.ad_account_access.get().ad_account == ad_account
    invitation.refresh_from_db()
    assert invitation.accepted_at is not None
    assert AuditEvent.objects.get(kind="invitation_accepted").actor_email == ADA


@pytest.mark.parametrize("other", [{"email": "ada@example.com"}, {"now": timezone.now() - timedelta(days=8)}])
def test_another_address_or_an_old_invitation_does_not_let_in(
    client: Client, alice: User, other: dict[str, Any]
) -> None:
    values: dict[str, Any] = {"email": ADA, "role": Role.OWNER, "actor": alice, "now": timezone.now()}
    invitations.invite(**values | other)
    assert sign_in(client).status_code == 403
    assert not User.objects.filter(email=ADA).exists()


def test_an_allowed_domain_lets_in_as_a_viewer_who_sees_nothing(client: Client, settings: Any) -> None:
    settings.SIGN_UP_EMAIL_DOMAINS = ["Example.com"]
    make_access()
    assert sign_in(client).status_code == 302
    person = User.objects.get(email=ADA)
    assert (person.role, person.ad_account_access.count()) == (Role.VIEWER, 0)
    assert AuditEvent.objects.get(kind="user_added").detail["user_email"] == ADA


@pytest.mark.parametrize("domain", ["ample.com", "com", "example.com.org", "sub.example.com"])
def test_a_domain_counts_whole(client: Client, settings: Any, domain: str) -> None:
    settings.SIGN_UP_EMAIL_DOMAINS = [domain]
    assert sign_in(client).status_code == 403


def test_an_identity_stays_with_its_person(client: Client, monkeypatch: pytest.MonkeyPatch, alice: User) -> None:
    """Even if LinkedIn later sends the address of somebody else, such as an owner."""
    make_user(email=ADA)
    sign_in(client)
    claim(monkeypatch, email=alice.email)
    browser = Client()
    sign_in(browser)
    assert person_of(browser) == ADA


def test_an_identity_of_somebody_else_does_not_get_into_a_session(
    client: Client, as_alice: Client, alice: User
) -> None:
    make_user(email=ADA)
    sign_in(client)
    response = sign_in(as_alice)
    assert response.status_code == 403
    assert "belongs to another account" in response.content.decode()
    response = sign_in(as_alice, member=MEMBER_2)
    assert response.status_code == 403
    assert "sign out first" in response.content.decode()
    assert not UserSocialAuth.objects.filter(user=alice).exists()
    assert person_of(as_alice) == alice.email


def test_a_signed_in_person_links_their_own_identity() -> None:
    person = make_user(email=ADA, password="correct horse battery staple")
    browser = signed_in(person)
    assert sign_in(browser).status_code == 302
    page = browser.get("/people/me/", headers={"Host": "127.0.0.1"}).content.decode()
    assert "Password, LinkedIn" in page


@pytest.mark.parametrize(
    ("wanted", "path"),
    [
        ("/people/me/", "/people/me/"),
        ("https://evil.example/", "/admin/"),
        ("//evil.example/", "/admin/"),
        ("javascript:alert(1)", "/admin/"),
    ],
)
def test_people_land_on_this_host(client: Client, wanted: str, path: str) -> None:
    make_user(email=ADA)
    response = sign_in(client, next=wanted)
    landed = urlsplit(response["Location"])
    assert landed.netloc in {"", "127.0.0.1"}
    assert landed.path == path
    assert "evil" not in landed.netloc


def test_a_login_that_this_browser_did_not_start_is_refused(client: Client) -> None:
    make_user(email=ADA)
    back = way_back(Client())
    response = client.get(back, headers={"Host": "127.0.0.1"})
    assert response.status_code == 400
    assert "start again from the sign-in page" in response.content.decode()
    assert person_of(client) is None


def test_refusing_consent_at_linkedin_is_explained(client: Client) -> None:
    response = sign_in(client, decision="cancel")
    assert response.status_code == 403
    assert "You did not allow the login" in response.content.decode()


def test_an_unreachable_linkedin_is_explained(client: Client, settings: Any) -> None:
    settings.SOCIAL_AUTH_LINKEDIN_OPENIDCONNECT_OIDC_ENDPOINT = "http://127.0.0.1:1/oauth"
    response = client.post(BEGIN, headers={"Host": "127.0.0.1"})
    assert response.status_code == 502
    assert "try again in a few minutes" in response.content.decode()


def test_a_token_of_another_issuer_is_refused(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    make_user(email=ADA)
    signed = openid.id_token
    monkeypatch.setattr(
        oauth, "id_token", lambda key, issuer, *rest: signed(key, "https://www.linkedin.com/oauth", *rest)
    )
    assert sign_in(client).status_code == 502
    assert person_of(client) is None


def test_the_button_is_there_with_an_app_only(client: Client, settings: Any) -> None:
    page = client.get("/admin/login/", {"next": "/people/me/"}, headers={"Host": "127.0.0.1"}).content.decode()
    assert "Sign in with LinkedIn" in page
    assert "Forgot your password?" in page
    assert '<input type="hidden" name="next" value="/people/me/">' in page
    settings.LINKEDIN_LOGIN_CLIENT_ID = ""
    page = client.get("/admin/login/", headers={"Host": "127.0.0.1"}).content.decode()
    assert "Sign in with LinkedIn" not in page
    assert client.post(BEGIN, headers={"Host": "127.0.0.1"}).status_code == 409


def test_the_button_needs_its_csrf_token() -> None:
    browser = Client(enforce_csrf_checks=True)
    assert browser.post(BEGIN, headers={"Host": "127.0.0.1"}).status_code == 403
    assert browser.get(BEGIN, headers={"Host": "127.0.0.1"}).status_code == 405
