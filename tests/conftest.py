"""The cast: Alice owns, Bob may view one ad account, Charlie is a stranger to all of them."""

import logging
from collections.abc import Iterator

import pytest
from django.conf import settings
from django.test import Client

from accounts.models import AdAccount, User
from accounts.roles import Role
from tests.accounts.scripted_linkedin import TOKENS
from tests.builders import make_access, make_ad_account, make_user
from tests.secrets_in_logs import SecretListener


@pytest.fixture(autouse=True)
def secret_listener() -> Iterator[SecretListener]:
    """Every test fails that makes anything log a token, a code, a key or a client secret.

    Listens anew for each test, from INFO on as production does: what a test calls may set up logging again.
    """
    clear = [settings.SECRET_KEY, *settings.FIELD_ENCRYPTION_KEYS, "simulated-ads-secret", "the-client-secret"]
    listener = SecretListener([*clear, str(TOKENS["access_token"]), str(TOKENS["refresh_token"])])
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.INFO)
    root.addHandler(listener)
    yield listener
    root.removeHandler(listener)
    root.setLevel(level)
    assert not listener.heard, "a secret was logged"


@pytest.fixture
def alice(db: None) -> User:
    """An owner."""
    return make_user(email="alice@example.com", first_name="Alice", role=Role.OWNER)


@pytest.fixture
def bobs_ad_account(db: None) -> AdAccount:
    """The one ad account that Bob may see."""
    return make_ad_account(name="Bob's brand")


@pytest.fixture
def bob(bobs_ad_account: AdAccount) -> User:
    """A viewer with one grant."""
    user = make_user(email="bob@example.com", first_name="Bob")
    make_access(user=user, ad_account=bobs_ad_account)
    return user


@pytest.fixture
def charlie(db: None) -> User:
    """A viewer without any grant."""
    return make_user(email="charlie@example.com", first_name="Charlie")


@pytest.fixture
def as_alice(alice: User) -> Client:
    return signed_in(alice)


@pytest.fixture
def as_bob(bob: User) -> Client:
    return signed_in(bob)


@pytest.fixture
def as_charlie(charlie: User) -> Client:
    return signed_in(charlie)


def signed_in(user: User) -> Client:
    """A browser in which this person has signed in."""
    client = Client()
    client.force_login(user)
    return client
