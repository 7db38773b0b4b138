"""The cast: Alice owns, Bob may view one ad account, Charlie is a stranger to all of them."""

import gc
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.db import connection
from django.test import Client, TransactionTestCase, override_settings
from hypothesis import settings as hypothesis_settings
from whitenoise.middleware import WhiteNoiseMiddleware
from whitenoise.responders import StaticFile

from accounts.api import throttling
from accounts.models import AdAccount, User
from accounts.roles import Role
from accounts.shell import valkey
from accounts.sign_in.session_store import SessionStore
from config.embedded import EmbeddedServers
from tests import restored_database
from tests.accounts.consents.scripted_linkedin import TOKENS
from tests.builders import make_access, make_ad_account, make_user
from tests.emptying import empty_tables
from tests.migrated import TEMPLATE, copy_migrated_cluster
from tests.secrets_in_logs import SecretListener
from tests.snapshot_storage import files_kept_in, snapshots_kept_in

# Python's own is 700.
_GC_THRESHOLD: Final = 20_000
# On a busy machine an example takes as long as it takes.
hypothesis_settings.register_profile("any machine", hypothesis_settings(), deadline=None)
hypothesis_settings.load_profile("any machine")

_RESTORED: Final = pytest.StashKey[str]()


@pytest.fixture
def no_valkey(settings: Any) -> Iterator[None]:
    """Nobody answers at the address of Valkey."""
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    remembered = (valkey.client, valkey.patient_client, throttling._limiter)
    for one in remembered:
        one.cache_clear()
    yield
    for one in remembered:
        one.cache_clear()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--restored", action="store_true", help="run in a database that the product's own restore made of a backup"
    )
    parser.addoption("--backup", type=Path, help="restore this one, which an earlier version may have made")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if told := config.stash.get(_RESTORED, ""):
        terminalreporter.write_line(f"in a restored database: {told}")


def pytest_collection_finish() -> None:
    """What is loaded by now stays: the garbage collector need not look through it again and again, nor often."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_GC_THRESHOLD)


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


@pytest.fixture(scope="session", autouse=True)
def quick_passwords() -> Iterator[None]:
    """The real hasher takes its time on purpose, in every test that makes a person or signs one in."""
    with override_settings(PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"]):
        yield


@pytest.fixture(scope="session", autouse=True)
def quick_emptying() -> Iterator[None]:
    """Django would truncate every table after each test that commits, and write the rights anew."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", lambda _: empty_tables())
        yield


@pytest.fixture(scope="session", autouse=True)
def static_files_found_once() -> Iterator[None]:
    """Each `Client` loads the middleware, and WhiteNoise's looks for some hundred files, which stay the same."""
    look = WhiteNoiseMiddleware.add_files_from_finders
    found: dict[Any, dict[str, StaticFile]] = {}

    def add_files_from_finders(self: WhiteNoiseMiddleware) -> None:
        how = (self.static_prefix, self.max_age, self.charset, self.allow_all_origins, self.add_headers_function)
        if how not in found:
            look(self)
            found[how] = self.files.copy()
        self.files.update(found[how])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(WhiteNoiseMiddleware, "add_files_from_finders", add_files_from_finders)
        yield


@pytest.fixture
def snapshot_folder(tmp_path: Path) -> Iterator[Path]:
    """The storage of snapshots keeps its files here."""
    with snapshots_kept_in(tmp_path / "snapshots"):
        yield tmp_path / "snapshots"


@pytest.fixture
def export_folder(tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The storage of exports keeps its files here. What a test has not committed, the watch of an export cannot see."""
    settings.EXPORT_TEMPORARY_FOLDER = tmp_path / "exports-being-written"
    monkeypatch.setattr("reporting.exports.watch._EVERY_SECONDS", 3600)
    with files_kept_in(tmp_path / "exports", "exports"):
        yield tmp_path / "exports"


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings: None, pytestconfig: pytest.Config) -> None:
    """A copy of one that is migrated; runs in restored databases may go beside, on the same server."""
    servers: EmbeddedServers = settings.EMBEDDED_SERVERS
    if servers.postgresql and copy_migrated_cluster(servers.data_dir):
        connection.settings_dict["TEST"]["TEMPLATE"] = TEMPLATE
    if pytestconfig.getoption("restored"):
        own = connection.settings_dict
        suffix = "upgraded" if pytestconfig.getoption("backup") else "restored"
        own["TEST"]["NAME"] = f"{own['TEST']['NAME'] or 'test_' + own['NAME']}_{suffix}"


@pytest.fixture(scope="session")
def django_db_setup(
    django_db_setup: None, django_db_blocker: Any, pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """After tests that commit every table is emptied, which the audit trail refuses anywhere else."""
    is_restored = pytestconfig.getoption("restored")
    with django_db_blocker.unblock():
        if is_restored:
            pytestconfig.stash[_RESTORED] = restored_database.put_in_place(
                tmp_path_factory.mktemp("restored"), backup=pytestconfig.getoption("backup")
            )
        let_tests_empty_the_audit_trail()
        let_nobody_store_large_objects()
        if is_restored:
            restored_database.remove_rows()


def let_nobody_store_large_objects() -> None:
    """As an administrator does once, before roles for BI tools can be made on a server of theirs."""
    with connection.cursor() as cursor:
        cursor.execute(
            "REVOKE EXECUTE ON FUNCTION lo_creat, lo_create, lo_from_bytea, lo_put, lo_truncate, lo_truncate64, lowrite"
            " FROM PUBLIC"
        )


def let_tests_empty_the_audit_trail() -> None:
    """Also after a test that made the table anew by migrating."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE audit_events DISABLE TRIGGER audit_events_are_not_emptied")


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
    """A browser in which this person signed in before the test begins; the audit trail has no line of it.

    Its session is stored at once: `force_login` would make it three times, and most tests of pages have such a browser.
    """
    session = SessionStore(ip="127.0.0.1", user_agent="")
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = "accounts.sign_in.password_backend.PasswordBackend"
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    client = Client()
    client.cookies[settings.SESSION_COOKIE_NAME] = str(session.session_key)
    return client
