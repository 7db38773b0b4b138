"""Proxies of the environment lead to LinkedIn and not to this machine; passwords of ~/.netrc go nowhere."""

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from social_django.utils import load_backend, load_strategy

from accounts.consents.linkedin_oauth import LinkedInApp
from accounts.errors import OAuthError
from config.env import keep_requests_to_this_machine_direct
from ingestion.linkedin import endpoints
from ingestion.linkedin.errors import LinkedInError
from tests.ingestion.linkedin.loopback import TOKEN, Clock, Reply, Script, make_client, serving

LINKEDIN = "http://linkedin.example.com"


@pytest.fixture
def proxy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Script]:
    """What the proxy of the environment is asked for; every host has a password in ~/.netrc."""
    script = Script()
    script.answer(Reply(status=502))
    (tmp_path / ".netrc").write_text("default login somebody password geheim\n")
    (tmp_path / ".netrc").chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    with serving(script) as url:
        for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, url)
        yield script


def from_the_token_endpoint(base_url: str) -> None:
    app = LinkedInApp(
        client_id="app", client_secret="x", redirect_uri="http://a/", scopes=("r_ads",), auth_base_url=base_url
    )
    with suppress(OAuthError):
        app.exchange_code("code", now=datetime.now(UTC))


def from_the_api(base_url: str) -> None:
    client = make_client(base_url, Clock())
    with suppress(LinkedInError):
        list(endpoints.ad_accounts(client))


def from_sign_in(base_url: str) -> None:
    backend = load_backend(load_strategy(), "linkedin-openidconnect", "http://a/")
    with suppress(Exception):
        backend.request(f"{base_url}/oauth/v2/accessToken", method="POST", data={"code": "code"})


ASKERS = [from_the_token_endpoint, from_the_api, from_sign_in]


@pytest.mark.django_db
@pytest.mark.parametrize("ask", ASKERS)
def test_linkedin_is_asked_through_the_proxy_without_a_password(proxy, ask: Callable[[str], None]):
    ask(LINKEDIN)
    assert proxy.requests
    for request in proxy.requests:
        assert request.target.startswith(f"{LINKEDIN}/")
        assert request.headers.get("Authorization", f"Bearer {TOKEN}") == f"Bearer {TOKEN}"


@pytest.mark.django_db
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
@pytest.mark.parametrize("ask", ASKERS)
def test_this_machine_is_asked_directly_without_a_password(proxy, ask: Callable[[str], None], host):
    script = Script()
    script.answer(Reply())
    with serving(script) as url:
        ask(url.replace("127.0.0.1", host))
    assert script.requests
    assert not proxy.requests
    assert {request.headers.get("Authorization") for request in script.requests} <= {None, f"Bearer {TOKEN}"}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({}, {"NO_PROXY": "localhost,127.0.0.1,::1"}),
        ({"NO_PROXY": "example.com, 127.0.0.1"}, {"NO_PROXY": "example.com,127.0.0.1,localhost,::1"}),
        ({"no_proxy": "example.com"}, {"no_proxy": "example.com,localhost,127.0.0.1,::1"}),
        ({"NO_PROXY": "*"}, {"NO_PROXY": "*"}),
    ],
)
def test_exceptions_of_the_environment_stay(monkeypatch, before, after):
    for name in ("NO_PROXY", "no_proxy", "NETRC"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    for name, value in before.items():
        monkeypatch.setenv(name, value)
    keep_requests_to_this_machine_direct()
    assert {name: value for name, value in os.environ.items() if name.lower() == "no_proxy"} == after
    keep_requests_to_this_machine_direct()
    assert os.environ["NETRC"] == os.devnull
