"""Single sign-on over real HTTP at a provider of the company's own, and every way to cheat there."""

import html
import re
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from django.core.checks import run_checks
from django.test import Client
from django.utils import timezone
from social_core.backends.open_id_connect import OpenIdConnectAuth
from social_django.models import UserSocialAuth

from accounts.models import AuditEvent, User
from accounts.people import invitations
from accounts.roles import Role
from tests.accounts.sign_in.openid_provider import (
    ANOTHER_KEY,
    CLIENT_ID,
    CLIENT_SECRET,
    KEY,
    Provider,
    running_provider,
)
from tests.accounts.sign_in.second_step.people import give_app
from tests.builders import make_user
from tests.conftest import signed_in

pytestmark = pytest.mark.django_db

BEGIN = "/people/login/oidc/"
COMPLETE = "/people/complete/oidc/"
ADA = "ada@example.com"
PASSWORD = "correct horse battery staple"
SSO_ONLY = [
    "accounts.sign_in.sign_in_links.SignInLinkBackend",
    "accounts.sign_in.single_sign_on.SingleSignOn",
]


@pytest.fixture(autouse=True)
def provider(settings: Any) -> Iterator[Provider]:
    # Both are remembered by their address, and the port may be that of an earlier provider.
    OpenIdConnectAuth.get_jwks_keys_for_uri.invalidate()
    OpenIdConnectAuth.get_openid_configuration.invalidate()
    with running_provider() as running:
        settings.SOCIAL_AUTH_OIDC_OIDC_ENDPOINT = running.url
        settings.SOCIAL_AUTH_OIDC_KEY = CLIENT_ID
        settings.SOCIAL_AUTH_OIDC_SECRET = CLIENT_SECRET
        settings.OIDC_NAME = "Example Corp"
        yield running


def begin(browser: Client, **form: str) -> str:
    """Press the button; the address that the page goes on to."""
    page = browser.post(BEGIN, form)
    assert page.status_code == 200, page.content.decode()
    found = re.search(r'<meta http-equiv="refresh" content="0;url=([^"]+)">', page.content.decode())
    assert found
    return html.unescape(found[1])


def way_back(browser: Client, provider: Provider, **form: str) -> str:
    back = urlsplit(provider.authorize(begin(browser, **form)))
    assert back.path == COMPLETE
    return f"{back.path}?{back.query}"


def sign_in(browser: Client, provider: Provider, **form: str) -> Any:
    return browser.get(way_back(browser, provider, **form))


def person_of(browser: Client) -> str | None:
    page = browser.get("/people/me/")
    return page.context["person"].email if page.status_code == 200 else None


def test_a_person_signs_in_and_no_token_is_stored(client: Client, provider: Provider) -> None:
    make_user(email=ADA, role=Role.ANALYST)
    response = sign_in(client, provider, next="/report/")
    assert response["Location"] == "/report/"
    assert person_of(client) == ADA
    assert "Example Corp" in client.get("/people/me/").content.decode()
    identity = UserSocialAuth.objects.get()
    assert identity.extra_data == {}
    assert re.fullmatch(r"[0-9a-f]{16}:ada-1", identity.uid)
    assert "token" not in str(dict(client.session.items()))


def test_what_the_button_asks_for(client: Client) -> None:
    asked = urlsplit(begin(client)).query
    for part in ("scope=openid+profile+email", "code_challenge_method=S256", "nonce=", "state=", "response_type=code"):
        assert part in asked


def test_the_page_goes_on_without_a_redirect(client: Client) -> None:
    """A provider may lead on to hosts that the policy for forms does not name."""
    response = client.post(BEGIN)
    assert "Location" not in response
    assert "127.0.0.1" not in response["Content-Security-Policy"]


def test_the_second_step_follows(client: Client, provider: Provider) -> None:
    give_app(make_user(email=ADA))
    sign_in(client, provider)
    assert client.get("/admin/")["Location"].startswith("/people/second-step/")


# --- Who gets in ---


def test_a_stranger_gets_no_account(client: Client, provider: Provider) -> None:
    response = sign_in(client, provider)
    assert response.status_code == 403
    assert "ada@example.com has no account here" in response.content.decode()
    assert not User.objects.exists()


def test_an_invited_person_joins(client: Client, provider: Provider, alice: User) -> None:
    invitations.invite(email=ADA, role=Role.ANALYST, actor=alice, now=timezone.now())
    provider.claims |= {"given_name": "Ada", "family_name": "Moreno"}
    sign_in(client, provider)
    person = User.objects.get(email=ADA)
    assert (person.role, person.first_name, person.has_usable_password()) == (Role.ANALYST, "Ada", False)


def test_an_old_invitation_does_not_let_in(client: Client, provider: Provider, alice: User) -> None:
    invitations.invite(email=ADA, role=Role.OWNER, actor=alice, now=timezone.now() - timedelta(days=8))
    assert sign_in(client, provider).status_code == 403


def test_an_allowed_domain_lets_in_as_a_viewer(client: Client, provider: Provider, settings: Any) -> None:
    settings.SIGN_UP_EMAIL_DOMAINS = ["Example.com"]
    sign_in(client, provider)
    assert User.objects.get(email=ADA).role == Role.VIEWER
    assert AuditEvent.objects.get(kind="user_added").detail["user_email"] == ADA


@pytest.mark.parametrize("verified", [False, "false", "yes", 1.5, None])
def test_an_unverified_address_is_refused(client: Client, provider: Provider, verified: Any) -> None:
    make_user(email=ADA, role=Role.OWNER)
    provider.claims["email_verified"] = verified
    assert sign_in(client, provider).status_code == 403
    assert person_of(client) is None
    assert not UserSocialAuth.objects.exists()


def test_addresses_without_the_claim_can_be_trusted_and_unverified_ones_never(
    client: Client, provider: Provider, settings: Any
) -> None:
    make_user(email=ADA)
    settings.OIDC_TRUST_EMAIL = True
    provider.claims["email_verified"] = False
    assert sign_in(client, provider).status_code == 403
    del provider.claims["email_verified"]
    assert sign_in(client, provider).status_code == 302


@pytest.mark.parametrize(
    "email", [None, "", 7, ["ada@example.com"], "bill@ınitech.example", "bıll@initech.example", "ada"]
)
def test_an_address_that_is_none_lets_nobody_in(client: Client, provider: Provider, email: Any) -> None:
    make_user(email="bill@initech.example", role=Role.OWNER)
    provider.claims["email"] = email
    assert sign_in(client, provider).status_code == 403
    assert person_of(client) is None


def test_an_identity_stays_with_its_person(client: Client, provider: Provider, alice: User) -> None:
    make_user(email=ADA)
    sign_in(client, provider)
    provider.claims["email"] = alice.email
    browser = Client()
    sign_in(browser, provider)
    assert person_of(browser) == ADA


def test_the_same_number_at_another_provider_is_somebody_else(
    client: Client, provider: Provider, settings: Any
) -> None:
    make_user(email=ADA, role=Role.OWNER)
    sign_in(client, provider)
    with running_provider() as other:
        settings.SOCIAL_AUTH_OIDC_OIDC_ENDPOINT = other.url
        other.claims["email"] = "mallory@example.com"
        browser = Client()
        assert sign_in(browser, other).status_code == 403
        assert person_of(browser) is None


def test_an_inactive_person_stays_out(client: Client, provider: Provider) -> None:
    make_user(email=ADA, is_active=False)
    assert sign_in(client, provider).status_code == 403
    assert person_of(client) is None


def test_an_identity_of_somebody_else_does_not_get_into_a_session(
    client: Client, provider: Provider, as_alice: Client, alice: User
) -> None:
    response = sign_in(as_alice, provider)
    assert response.status_code == 403
    assert "sign out first" in response.content.decode()
    make_user(email=ADA)
    sign_in(client, provider)
    assert "belongs to another account" in sign_in(as_alice, provider).content.decode()
    assert person_of(as_alice) == alice.email


# --- Groups ---


@pytest.fixture
def with_groups(settings: Any) -> None:
    settings.OIDC_ROLES = {"ads-admins": "owner", "cn=team,ou=ads": "manager", "agency": "viewer"}
    settings.SOCIAL_AUTH_OIDC_GROUPS_KEY = "groups"


@pytest.mark.usefixtures("with_groups")
@pytest.mark.parametrize(
    ("groups", "role"),
    [
        (["agency"], Role.VIEWER),
        (["agency", "cn=team,ou=ads", "others"], Role.MANAGER),
        (["ads-admins", "agency"], Role.OWNER),
    ],
)
def test_the_strongest_group_decides_the_role(client: Client, provider: Provider, groups: list[str], role: str) -> None:
    provider.claims["groups"] = groups
    sign_in(client, provider)
    assert User.objects.get(email=ADA).role == role


@pytest.mark.usefixtures("with_groups")
def test_groups_decide_at_every_sign_in_and_it_is_on_record(client: Client, provider: Provider, alice: User) -> None:
    provider.claims["groups"] = ["ads-admins"]
    sign_in(client, provider)
    provider.claims["groups"] = ["agency"]
    sign_in(Client(), provider)
    assert User.objects.get(email=ADA).role == Role.VIEWER
    event = AuditEvent.objects.get(kind="role_changed")
    assert (event.actor_email, event.detail) == (None, {"user_email": ADA, "before": "owner", "after": "viewer"})


@pytest.mark.usefixtures("with_groups")
@pytest.mark.parametrize("groups", [[], ["others"], ["Ads-Admins"], ["ads-admins "], ["owner"]])
def test_no_group_no_way_in(client: Client, provider: Provider, groups: list[str]) -> None:
    make_user(email=ADA, role=Role.OWNER)
    provider.claims["groups"] = groups
    response = sign_in(client, provider)
    assert response.status_code == 403
    assert "None of your groups" in response.content.decode()
    assert person_of(client) is None


@pytest.mark.usefixtures("with_groups")
@pytest.mark.parametrize("groups", [None, "ads-admins", 7, {"ads-admins": 1}, [["ads-admins"]], [None]])
def test_malformed_groups_let_nobody_in(client: Client, provider: Provider, groups: Any) -> None:
    make_user(email=ADA)
    provider.claims["groups"] = groups
    assert sign_in(client, provider).status_code in {403, 502}
    assert person_of(client) is None
    assert User.objects.get(email=ADA).role == Role.VIEWER


@pytest.mark.usefixtures("with_groups")
def test_groups_that_do_not_fit_into_the_token_are_not_taken_for_none(client: Client, provider: Provider) -> None:
    """Entra ID leaves them out of the token then, and says so."""
    make_user(email=ADA)
    provider.claims |= {"_claim_names": {"groups": "src1"}}
    assert sign_in(client, provider).status_code == 502
    assert person_of(client) is None


@pytest.mark.usefixtures("with_groups")
def test_the_last_owner_stays_one(client: Client, provider: Provider) -> None:
    make_user(email=ADA, role=Role.OWNER)
    provider.claims["groups"] = ["agency"]
    assert sign_in(client, provider).status_code == 302
    assert User.objects.get(email=ADA).role == Role.OWNER


def test_without_roles_groups_change_nothing(client: Client, provider: Provider) -> None:
    make_user(email=ADA)
    provider.claims["groups"] = ["ads-admins"]
    sign_in(client, provider)
    assert User.objects.get(email=ADA).role == Role.VIEWER


# --- Tokens that are not what they should be ---

NOT_NOW = 100_000


def _unsigned(claims: dict[str, Any]) -> str:
    return jwt.encode(claims, "", algorithm="none")


def _signed_with_the_public_key(claims: dict[str, Any]) -> str:
    """The confusion of algorithms: the published key taken for a shared secret."""
    public = KEY.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return jwt.encode(claims, public, algorithm="HS256", headers={"kid": "key-1"})


def _tampered(claims: dict[str, Any]) -> str:
    head, _, signature = jwt.encode(claims, KEY, algorithm="RS256", headers={"kid": "key-1"}).split(".")
    other = jwt.encode(claims | {"email": "alice@example.com"}, ANOTHER_KEY, algorithm="RS256").split(".")[1]
    return f"{head}.{other}.{signature}"


@pytest.mark.parametrize(
    "sign",
    [
        _unsigned,
        _signed_with_the_public_key,
        _tampered,
        lambda claims: jwt.encode(claims, ANOTHER_KEY, algorithm="RS256", headers={"kid": "key-1"}),
        lambda claims: jwt.encode(claims, ANOTHER_KEY, algorithm="RS256", headers={"kid": "key-2"}),
        lambda claims: jwt.encode(claims, KEY, algorithm="RS512", headers={"kid": "key-1"}),
        lambda claims: jwt.encode(claims, CLIENT_SECRET * 3, algorithm="HS256", headers={"kid": "key-1"}),
        lambda _: "x",
        lambda _: "a.b.c",
        lambda _: "",
        lambda _: "....",
    ],
)
def test_a_token_that_the_provider_did_not_sign_is_refused(client: Client, provider: Provider, sign: Any) -> None:
    make_user(email=ADA)
    provider.sign = sign
    assert sign_in(client, provider).status_code in {400, 403, 502}
    assert person_of(client) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://evil.example"},
        {"iss": None},
        {"aud": "another-service"},
        {"aud": ["another-service"]},
        {"aud": [CLIENT_ID, "another-service"]},
        {"aud": None},
        {"azp": "another-service"},
        {"exp": timedelta(seconds=-60)},
        {"exp": None},
        {"exp": "never"},
        {"iat": timedelta(seconds=-NOT_NOW)},
        {"iat": timedelta(seconds=NOT_NOW)},
        {"iat": None},
        {"iat": "123"},
        {"iat": [1]},
        {"nbf": timedelta(seconds=NOT_NOW)},
        {"nbf": "x"},
        {"nonce": "another"},
        {"nonce": None},
        {"nonce": 7},
        {"sub": None},
        {"sub": ""},
        {"sub": "somebody else"},
        {"at_hash": "another"},
        {"at_hash": 7},
    ],
    ids=str,
)
def test_a_token_with_another_claim_is_refused(client: Client, provider: Provider, changes: dict[str, Any]) -> None:
    changes = {
        claim: int(time.time() + value.total_seconds()) if isinstance(value, timedelta) else value
        for claim, value in changes.items()
    }
    make_user(email=ADA)
    provider.spoil_token = lambda claims: {k: v for k, v in (claims | changes).items() if v is not None}
    assert sign_in(client, provider).status_code in {400, 403, 502}
    assert person_of(client) is None
    assert not UserSocialAuth.objects.exists()


@pytest.mark.parametrize(
    "userinfo", [{}, {"email": ADA, "email_verified": True}, {"sub": "somebody else", "email": ADA}, [], None, "x", 7]
)
def test_userinfo_about_nobody_or_somebody_else_is_refused(client: Client, provider: Provider, userinfo: Any) -> None:
    make_user(email=ADA)
    provider.spoil_userinfo = lambda _: userinfo
    assert sign_in(client, provider).status_code in {400, 403, 502}
    assert person_of(client) is None


def test_what_is_signed_counts_before_what_is_not(client: Client, provider: Provider, alice: User) -> None:
    make_user(email=ADA)
    provider.spoil_userinfo = lambda claims: claims | {"email": alice.email}
    sign_in(client, provider)
    assert person_of(client) == ADA


@pytest.mark.parametrize("missing", ["id_token", "access_token"])
def test_a_response_without_a_token_is_refused(client: Client, provider: Provider, missing: str) -> None:
    make_user(email=ADA)
    provider.spoil_response = lambda response: {k: v for k, v in response.items() if k != missing}
    assert sign_in(client, provider).status_code == 502
    assert person_of(client) is None


def test_a_new_key_of_the_provider_is_fetched(client: Client, provider: Provider) -> None:
    make_user(email=ADA)
    sign_in(client, provider)
    provider.keys = [("key-2", ANOTHER_KEY)]
    provider.sign = lambda claims: jwt.encode(claims, ANOTHER_KEY, algorithm="RS256", headers={"kid": "key-2"})
    browser = Client()
    sign_in(browser, provider)
    assert person_of(browser) == ADA


# --- State ---


def test_a_login_that_this_browser_did_not_start_is_refused(client: Client, provider: Provider) -> None:
    make_user(email=ADA)
    response = client.get(way_back(Client(), provider))
    assert response.status_code == 400
    assert "start again from the sign-in page" in response.content.decode()
    assert person_of(client) is None


def test_a_login_works_once(client: Client, provider: Provider) -> None:
    make_user(email=ADA)
    back = way_back(client, provider)
    assert client.get(back).status_code == 302
    client.post("/admin/logout/")
    assert client.get(back).status_code == 400
    assert person_of(client) is None


@pytest.mark.parametrize("query", ["", "?code=x", "?state=x", "?code=x&state=x", "?error=access_denied", "?state=%00"])
def test_a_way_back_out_of_nowhere_is_refused(client: Client, query: str) -> None:
    response = client.get(f"{COMPLETE}{query}")
    assert response.status_code in {400, 403}
    assert person_of(client) is None


def test_a_code_of_another_login_is_refused(client: Client, provider: Provider) -> None:
    """Two windows of one browser, their codes exchanged: PKCE and the nonce belong to one login each."""
    make_user(email=ADA)
    first, second = way_back(client, provider), way_back(client, provider)
    code = re.search(r"code=([^&]+)", second)
    assert code
    assert client.get(re.sub(r"code=[^&]+", f"code={code[1]}", first)).status_code in {400, 502}
    assert person_of(client) is None


@pytest.mark.parametrize("wanted", ["https://evil.example/", "//evil.example/", "javascript:alert(1)"])
def test_people_land_on_this_host(client: Client, provider: Provider, wanted: str) -> None:
    make_user(email=ADA)
    assert sign_in(client, provider, next=wanted)["Location"] == "/admin/"


def test_refusing_at_the_provider_is_explained(client: Client, provider: Provider) -> None:
    state = re.search(r"state=([^&]+)", begin(client))
    assert state
    response = client.get(f"{COMPLETE}?error=access_denied&state={state[1]}")
    assert response.status_code == 403
    assert "You did not allow the login at Example Corp" in response.content.decode()


@pytest.mark.parametrize("endpoint", ["http://127.0.0.1:1", "http://127.0.0.1:1/realms/x"])
def test_an_unreachable_provider_is_explained(client: Client, settings: Any, endpoint: str) -> None:
    settings.SOCIAL_AUTH_OIDC_OIDC_ENDPOINT = endpoint
    response = client.post(BEGIN)
    assert response.status_code == 502
    assert "Example Corp could not be reached" in response.content.decode()


# --- The only way ---


@pytest.fixture
def sso_only(settings: Any) -> None:
    settings.SIGN_IN_WITH, settings.AUTHENTICATION_BACKENDS = "sso", SSO_ONLY


@pytest.mark.usefixtures("sso_only")
def test_nothing_else_signs_in(client: Client, provider: Provider, settings: Any, alice: User) -> None:
    settings.LINKEDIN_LOGIN_CLIENT_ID = settings.LINKEDIN_LOGIN_CLIENT_SECRET = "set"
    person = make_user(email=ADA, password=PASSWORD)
    page = client.get("/admin/login/").content.decode()
    assert "Sign in with Example Corp" in page
    assert 'type="password"' not in page
    assert "LinkedIn</button>" not in page.replace("\n", "")
    assert "Forgot" not in page
    assert client.post("/admin/login/", {"username": ADA, "password": PASSWORD}).status_code == 200
    assert client.post("/people/login/linkedin-openidconnect/").status_code == 409
    assert client.get("/people/password-reset/").status_code == 409
    assert client.post("/people/password-reset/", {"email": person.email}).status_code == 409
    _, token = invitations.invite(email="new@example.com", role=Role.VIEWER, actor=alice, now=timezone.now())
    page = client.get(f"/people/invitation/{token}/").content.decode()
    assert "Continue with Example Corp" in page
    assert 'type="password"' not in page
    form = {"first_name": "N", "password1": PASSWORD, "password2": PASSWORD}
    assert client.post(f"/people/invitation/{token}/", form).status_code == 409
    assert not User.objects.filter(email="new@example.com").exists()
    assert person_of(client) is None
    sign_in(client, provider)
    assert person_of(client) == ADA
    assert client.get("/people/me/password/").status_code == 409
    assert "/people/me/password/" not in client.get("/people/me/").content.decode()


@pytest.mark.usefixtures("sso_only")
def test_sessions_that_began_with_a_password_end() -> None:
    assert person_of(signed_in(make_user())) is None


def test_the_button_is_there_with_a_provider_only(client: Client, settings: Any) -> None:
    assert "Sign in with Example Corp" in client.get("/admin/login/").content.decode()
    settings.SOCIAL_AUTH_OIDC_KEY = ""
    assert "Sign in with Example Corp" not in client.get("/admin/login/").content.decode()
    assert client.post(BEGIN).status_code == 409


def test_the_button_needs_its_csrf_token() -> None:
    browser = Client(enforce_csrf_checks=True)
    assert browser.post(BEGIN).status_code == 403
    assert browser.get(BEGIN).status_code == 405


# --- Settings ---


def ids() -> set[str]:
    return {message.id or "" for message in run_checks()}


def test_e002_says_when_nobody_could_sign_in(settings: Any) -> None:
    settings.SIGN_IN_WITH = "sso"
    assert "accounts.E002" not in ids()
    settings.SOCIAL_AUTH_OIDC_SECRET = ""
    assert "accounts.E002" in ids()


@pytest.mark.parametrize(
    ("endpoint", "is_open"),
    [
        ("https://accounts.google.com", True),
        ("https://login.microsoftonline.com/common/v2.0", True),
        ("https://login.microsoftonline.com/organizations/v2.0", True),
        ("https://login.microsoftonline.com/7c1e4a52-0000-0000-0000-000000000000/v2.0", False),
        ("https://sso.example.com/realms/ads", False),
    ],
)
def test_w010_warns_of_addresses_that_anybody_chooses(settings: Any, endpoint: str, is_open: bool) -> None:
    settings.SOCIAL_AUTH_OIDC_OIDC_ENDPOINT = endpoint
    assert "accounts.W010" not in ids()
    settings.OIDC_TRUST_EMAIL = True
    assert ("accounts.W010" in ids()) is is_open
