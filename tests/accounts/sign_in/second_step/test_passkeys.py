"""Passkeys: made, used, and every way to pretend."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django_otp_webauthn.models import WebAuthnAttestation, WebAuthnCredential
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from accounts.models import AuditEvent, User
from accounts.sign_in.second_step import devices
from config.env import passkey_origins
from tests.accounts.sign_in.second_step.authenticator import Authenticator, encoded
from tests.accounts.sign_in.second_step.people import give_app, passed
from tests.builders import make_user
from tests.conftest import signed_in

pytestmark = pytest.mark.django_db

REGISTER = "/people/me/second-step/passkey/{}/"
USE = "/people/second-step/passkey/{}/"


@pytest.fixture(autouse=True)
def at_localhost(settings: Any) -> None:
    settings.OTP_WEBAUTHN_RP_ID = "localhost"
    settings.OTP_WEBAUTHN_ALLOWED_ORIGINS = ["http://localhost"]
    settings.ALLOWED_HOSTS = ["localhost", "testserver"]


def post(browser: Client, address: str, body: Any = None) -> Any:
    return browser.post(address, json.dumps(body or {}), content_type="application/json")


def register(browser: Client, device: Authenticator | None = None, *, name: str = "Laptop") -> Authenticator:
    device = device or Authenticator()
    options = post(browser, REGISTER.format("begin")).json()
    response = post(browser, REGISTER.format("complete"), {"credential": device.register(options), "name": name})
    assert response.status_code == 200, response.content
    return device


def use(browser: Client, device: Authenticator, **changes: Any) -> Any:
    options = post(browser, USE.format("begin")).json()
    return post(browser, USE.format("complete"), {"credential": device.use(options, **changes)})


def is_in(browser: Client) -> bool:
    return browser.get("/people/me/").status_code == 200


def test_a_passkey_is_made_and_passes_the_step_of_the_next_session(as_bob: Client, bob: User) -> None:
    device = register(as_bob)
    assert is_in(as_bob)
    assert not WebAuthnAttestation.objects.exists()
    assert "Laptop" in as_bob.get("/people/me/second-step/").content.decode()
    browser = signed_in(bob)
    assert not is_in(browser)
    page = browser.get("/people/second-step/?next=/report/", HTTP_HOST="localhost").content.decode()
    assert 'data-complete="/people/second-step/passkey/complete/?next=%2Freport%2F"' in page
    response = use(browser, device)
    assert response.json() == {"next": "/admin/"}
    assert is_in(browser)
    kinds = list(AuditEvent.objects.order_by("pk").values_list("kind", flat=True))
    assert kinds == ["second_step_added", "second_step_passed"]
    assert WebAuthnCredential.objects.get().last_used_at is not None


def test_the_first_passkey_leads_to_recovery_codes(as_bob: Client) -> None:
    options = post(as_bob, REGISTER.format("begin")).json()
    body = {"credential": Authenticator().register(options), "name": "Laptop"}
    assert post(as_bob, REGISTER.format("complete"), body).json() == {"next": "/people/me/second-step/codes/"}


def test_options_name_the_persons_passkeys_alone(as_bob: Client, as_alice: Client) -> None:
    mine, theirs = register(as_bob), register(as_alice)
    options = post(as_bob, USE.format("begin")).json()
    assert [one["id"] for one in options["allowCredentials"]] == [encoded(mine.credential_id)]
    assert (options["rpId"], options["userVerification"]) == ("localhost", "preferred")
    options = post(as_bob, REGISTER.format("begin")).json()
    assert encoded(theirs.credential_id) not in str(options)
    assert options["attestation"] == "none"


def refused(browser: Client, response: Any) -> None:
    assert response.status_code == 400, response.content
    assert response.json()["detail"]
    assert not is_in(browser)


@pytest.fixture
def device(as_bob: Client) -> Authenticator:
    return register(as_bob)


@pytest.fixture
def browser(device: Authenticator, bob: User) -> Client:
    """Of Bob, before his second step."""
    return signed_in(bob)


@pytest.mark.parametrize(
    "changes",
    [
        {"origin": "https://evil.example"},
        {"origin": "http://localhost:8000"},
        {"origin": "http://localhost.evil.example"},
        {"challenge": encoded(b"x" * 32)},
        {"challenge": ""},
        {"type": "webauthn.create"},
    ],
)
def test_a_signature_for_something_else_is_refused(browser: Client, device: Authenticator, changes: Any) -> None:
    refused(browser, use(browser, device, **changes))


def test_another_key_is_refused(browser: Client, device: Authenticator) -> None:
    refused(browser, use(browser, Authenticator(credential_id=device.credential_id, count=9)))


def test_another_host_is_refused(browser: Client, device: Authenticator) -> None:
    device.rp_id = "evil.example"
    refused(browser, use(browser, device))


def test_nobody_present_is_refused(browser: Client, device: Authenticator) -> None:
    device.flags = 0
    refused(browser, use(browser, device))


def test_a_copied_device_is_refused(browser: Client, device: Authenticator, bob: User) -> None:
    """Its counter is behind that of the original."""
    device.count = 5
    assert use(browser, device).status_code == 200
    device.count = 3
    other = signed_in(bob)
    refused(other, use(other, device))


def test_a_passkey_of_somebody_else_is_refused(browser: Client, as_alice: Client) -> None:
    refused(browser, use(browser, register(as_alice)))


def test_an_unknown_passkey_is_refused(browser: Client) -> None:
    refused(browser, use(browser, Authenticator()))


def test_a_removed_passkey_is_refused(browser: Client, device: Authenticator, bob: User) -> None:
    give_app(bob)
    key = WebAuthnCredential.objects.get()
    passed(bob).post("/people/me/second-step/remove/", {"device": f"passkey-{key.pk}"})
    other = signed_in(bob)
    assert post(other, USE.format("begin")).status_code == 403


def test_a_response_works_once(browser: Client, device: Authenticator, bob: User) -> None:
    options = post(browser, USE.format("begin")).json()
    body = {"credential": device.use(options)}
    assert post(browser, USE.format("complete"), body).status_code == 200
    assert post(browser, USE.format("complete"), body).status_code == 400
    other = signed_in(bob)
    refused(other, post(other, USE.format("complete"), body))


def test_a_challenge_is_used_up_by_a_wrong_response(browser: Client, device: Authenticator) -> None:
    options = post(browser, USE.format("begin")).json()
    refused(browser, post(browser, USE.format("complete"), {"credential": {}}))
    refused(browser, post(browser, USE.format("complete"), {"credential": device.use(options)}))


def test_the_challenge_of_another_session_is_refused(browser: Client, device: Authenticator, bob: User) -> None:
    other = signed_in(bob)
    options = post(browser, USE.format("begin")).json()
    post(other, USE.format("begin"))
    refused(other, post(other, USE.format("complete"), {"credential": device.use(options)}))


def test_the_challenge_of_making_one_is_none_for_using_one(as_bob: Client, device: Authenticator, bob: User) -> None:
    options = post(as_bob, REGISTER.format("begin")).json()
    assert post(as_bob, USE.format("complete"), {"credential": device.use(options)}).status_code == 400


def test_a_challenge_ends_after_five_minutes(browser: Client, device: Authenticator) -> None:
    options = post(browser, USE.format("begin")).json()
    with time_machine.travel(datetime.now(UTC) + timedelta(seconds=301), tick=False):
        response = post(browser, USE.format("complete"), {"credential": device.use(options)})
        assert response.status_code == 400
        assert "took too long" in response.json()["detail"]


def test_refused_passkeys_are_counted(browser: Client, device: Authenticator) -> None:
    statuses = [use(browser, device, origin="https://evil.example").status_code for _ in range(5)]
    assert statuses == [400] * 4 + [429]
    assert use(browser, device).status_code == 429
    assert not is_in(browser)


def test_the_same_passkey_is_not_made_twice(as_bob: Client, as_alice: Client, device: Authenticator) -> None:
    for other in (as_bob, as_alice):
        options = post(other, REGISTER.format("begin")).json()
        response = post(other, REGISTER.format("complete"), {"credential": device.register(options)})
        assert response.status_code == 400
        assert "registered already" in response.json()["detail"]
    assert WebAuthnCredential.objects.count() == 1


@pytest.mark.parametrize("changes", [{"origin": "https://evil.example"}, {"type": "webauthn.get"}, {"challenge": "x"}])
def test_a_passkey_made_elsewhere_is_not_stored(as_bob: Client, changes: Any) -> None:
    options = post(as_bob, REGISTER.format("begin")).json()
    body = {"credential": Authenticator().register(options, **changes)}
    assert post(as_bob, REGISTER.format("complete"), body).status_code == 400
    assert not WebAuthnCredential.objects.exists()
    assert not AuditEvent.objects.exists()


def test_a_passkey_needs_a_fresh_step_and_its_begin_too(bob: User) -> None:
    give_app(bob)
    stale = passed(bob, seconds_ago=10_000)
    assert post(stale, REGISTER.format("begin")).status_code == 403
    assert post(stale, REGISTER.format("complete")).status_code == 403


@pytest.mark.parametrize("address", [USE.format("begin"), USE.format("complete"), REGISTER.format("begin")])
def test_a_script_of_nobody_is_refused(client: Client, address: str) -> None:
    assert post(client, address).status_code == 403


@pytest.mark.parametrize("address", [USE.format("complete"), REGISTER.format("complete")])
def test_a_script_needs_its_csrf_token(bob: User, address: str) -> None:
    session = signed_in(bob).cookies
    browser = Client(enforce_csrf_checks=True)
    browser.cookies = session
    assert post(browser, address).status_code == 403


def test_there_is_a_limit(as_bob: Client, bob: User) -> None:
    for _ in range(devices.MAX_DEVICES):
        give_app(bob)
    browser = passed(bob)
    options = post(browser, REGISTER.format("begin")).json()
    response = post(browser, REGISTER.format("complete"), {"credential": Authenticator().register(options)})
    assert "remove one first" in response.json()["detail"]


@pytest.mark.parametrize("name", ["", " ", "x" * 500, "\0", 7, None, ["a"], "<b>"])
def test_any_name_is_taken(as_bob: Client, name: Any) -> None:
    options = post(as_bob, REGISTER.format("begin")).json()
    body = {"credential": Authenticator().register(options), "name": name}
    assert post(as_bob, REGISTER.format("complete"), body).status_code == 200
    page = as_bob.get("/people/me/second-step/").content.decode()
    assert "<b>" not in page


# --- Whatever else is sent ---

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
FIELDS = ("id", "rawId", "type", "response", "clientExtensionResults", "authenticatorAttachment")
RESPONSE_FIELDS = ("clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle", "transports")


@pytest.mark.slow
@hypothesis_settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_response_of_a_stranger_fails(data: st.DataObject, as_bob: Client, bob: User) -> None:
    """One field of a good response is something else, or bytes of it are."""
    kind = data.draw(st.sampled_from(["register", "use"]))
    owner = make_user()
    browser = signed_in(owner)
    device = Authenticator()
    if kind == "use":
        register(browser, device)
    address = (REGISTER if kind == "register" else USE).format
    options = post(browser, address("begin")).json()
    credential: dict[str, Any] = getattr(device, kind)(options)
    place = data.draw(st.sampled_from(["credential", "response", "bytes", "body"]))
    if place == "credential":
        credential[data.draw(st.sampled_from(FIELDS))] = data.draw(JSON)
    elif place == "response":
        credential["response"][data.draw(st.sampled_from(RESPONSE_FIELDS))] = data.draw(JSON)
    elif place == "bytes":
        name = data.draw(st.sampled_from(sorted(set(RESPONSE_FIELDS) & set(credential["response"]) - {"transports"})))
        credential["response"][name] = encoded(data.draw(st.binary(max_size=80)))
    body = data.draw(JSON) if place == "body" else {"credential": credential}
    response = browser.post(address("complete"), json.dumps(body), content_type="application/json")
    assert response.status_code in {200, 400, 429}


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff", b"null", b"[" * 60_000, b"{" + b" " * 60_000 + b"}"])
def test_no_json_is_refused(as_bob: Client, body: bytes) -> None:
    post(as_bob, REGISTER.format("begin"))
    response = as_bob.post(REGISTER.format("complete"), body, content_type="application/json")
    assert response.status_code == 400


# --- Where they are possible ---


@pytest.mark.parametrize(
    ("site_url", "origins"),
    [
        ("https://ads.example.com", ["https://ads.example.com"]),
        ("https://Ads.Example.com:443", ["https://ads.example.com"]),
        ("https://ads.example.com:8443", ["https://ads.example.com:8443"]),
        ("http://localhost:8000", ["http://localhost:8000"]),
        ("http://127.0.0.1:8000", []),
        ("https://192.0.2.7", []),
        ("https://[2001:db8::1]", []),
        ("http://ads.example.com", []),
    ],
)
def test_browsers_allow_passkeys_at_some_addresses(site_url: str, origins: list[str]) -> None:
    assert passkey_origins(site_url) == origins


def test_they_are_offered_only_there(as_bob: Client, settings: Any) -> None:
    address = "/people/me/second-step/"
    assert 'data-passkey="register"' in as_bob.get(address, HTTP_HOST="localhost").content.decode()
    assert 'data-passkey="register"' not in as_bob.get(address).content.decode()
    settings.OTP_WEBAUTHN_ALLOWED_ORIGINS = []
    assert 'data-passkey="register"' not in as_bob.get(address, HTTP_HOST="localhost").content.decode()
