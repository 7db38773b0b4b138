"""What holds for every page, script, column and file: properties that no single feature owns."""

import re
import socket
import subprocess
import tomllib
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pytest
import time_machine
from django.apps import apps
from django.conf import settings as live_settings
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.core.signing import JSONSerializer
from django.db import transaction
from django.test import Client
from django.utils import timezone
from django.utils.module_loading import import_string
from pytest_socket import SocketConnectBlockedError

from accounts.api_tokens import token_store
from accounts.consents.encryption import EncryptedTextField
from accounts.models import User
from accounts.roles import Role
from config import settings as configured
from tests.builders import NOW, make_user
from tests.conftest import signed_in
from tests.house.urls import every_address

ROOT: Final = Path(__file__).resolve().parents[2]
OURS: Final = ("accounts", "config", "ingestion", "reporting", "templates")
PASSWORD: Final = "correct horse battery staple"


def files(*suffixes: str, folders: tuple[str, ...] = OURS) -> list[Path]:
    found = [path for folder in folders for suffix in suffixes for path in (ROOT / folder).rglob(f"*{suffix}")]
    return [path for path in found if "vendor" not in path.parts and not path.name.endswith(".min.js")]


def lines_with(pattern: str, *suffixes: str) -> list[str]:
    return [
        f"{path.relative_to(ROOT)}: {line.strip()}"
        for path in files(*suffixes)
        for line in path.read_text().splitlines()
        if re.search(pattern, line)
    ]


# --- Passwords and sessions ---


def hasher() -> PBKDF2PasswordHasher:
    """The one of production: tests use a quicker one."""
    default = "django.contrib.auth.hashers.PBKDF2PasswordHasher"
    found: PBKDF2PasswordHasher = import_string(getattr(configured, "PASSWORD_HASHERS", [default])[0])()
    return found


def test_passwords_are_hashed_slowly_with_a_salt_of_their_own():
    assert isinstance(hasher(), PBKDF2PasswordHasher)
    assert hasher().algorithm == "pbkdf2_sha256"
    assert hasher().iterations >= 100_000
    salts = {hasher().salt() for _ in range(100)}
    assert len(salts) == 100
    assert all(len(salt) * 5.95 >= 128 for salt in salts)  # bits of letters and digits


@pytest.mark.parametrize("password", ["x" * 127 + "a", "🦊 größe — ключ 密码 " * 4 + "a"])
def test_every_character_of_a_password_counts(db: None, password: str):
    """128 of them, of any script, spaces and emoji included."""
    person = make_user(email="dora@example.com", password=password)
    assert person.check_password(password)
    assert not person.check_password(password[:-1] + "b")
    assert not person.check_password(password[:-1])


def test_an_old_password_still_signs_in(db: None, client: Client):
    make_user(email="dora@example.com", password=PASSWORD)
    with time_machine.travel(timezone.now() + timedelta(days=10 * 365)):
        response = client.post("/admin/login/", {"username": "dora@example.com", "password": PASSWORD})
        assert response.status_code == 302


def test_password_fields_allow_pasting_and_managers(client: Client, as_bob: Client, bob: User):
    bob.set_password(PASSWORD)
    bob.save()
    as_bob.force_login(bob, backend="accounts.sign_in.password_backend.PasswordBackend")
    for browser, address in ((client, "/admin/login/"), (as_bob, "/people/me/password/")):
        page = browser.get(address).content.decode()
        fields = re.findall(r'<input[^>]*type="password"[^>]*>', page)
        assert fields, address
        assert all(re.search(r'autocomplete="(current|new)-password"', field) for field in fields)
        assert not any("onpaste" in field or "readonly" in field for field in fields)
    assert lines_with(r"[\"']paste[\"']|onpaste", ".js", ".html") == []


def test_no_second_step_comes_by_mail_or_telephone():
    assert [app for app in live_settings.INSTALLED_APPS if re.search(r"sms|twilio|otp_email|phone", app)] == []


def test_the_models_have_no_hint_or_question():
    names = [field.name for model in apps.get_app_config("accounts").get_models() for field in model._meta.get_fields()]
    assert [name for name in names if re.search(r"hint|question|answer", name)] == []


@pytest.mark.django_db
def test_a_new_installation_has_nobody():
    """The migrations make no person."""
    assert not User.objects.exists()


def test_session_keys_are_long_and_random(as_alice: Client, as_bob: Client):
    keys = {browser.cookies[live_settings.SESSION_COOKIE_NAME].value for browser in (as_alice, as_bob)}
    assert len(keys) == 2
    assert all(re.fullmatch(r"[a-z0-9]{32}", key) for key in keys)  # 165 bits, from `secrets`


def test_a_session_in_an_address_is_none(as_alice: Client, client: Client):
    key = as_alice.cookies[live_settings.SESSION_COOKIE_NAME].value
    for name in ("sessionid", live_settings.SESSION_COOKIE_NAME, "session"):
        assert client.get("/admin/", {name: key}).status_code == 302


def test_a_token_in_an_address_is_none(bob: User, client: Client):
    _, token = token_store.issue(user=bob, name="one", scope="read", now=NOW)
    for name in ("token", "access_token", "api_key", "authorization"):
        assert client.get("/api/v1/me", {name: token}).status_code == 401


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://testserver"},
        {"x-forwarded-user": "alice@example.com"},
        {"remote-user": "alice@example.com"},
        {"x-remote-user": "alice@example.com"},
        {"x-original-url": "/api/v1/me"},
    ],
)
def test_no_header_lets_anybody_in(alice: User, client: Client, headers: dict[str, str]):
    assert client.get("/api/v1/me", headers=headers).status_code == 401
    assert client.get("/admin/", headers=headers).status_code == 302


@pytest.mark.parametrize("origin", ["https://mallory.example", "null", "http://testserver.mallory.example"])
def test_no_other_site_may_read(as_alice: Client, origin: str):
    for method in (as_alice.get, as_alice.options):
        response = method("/api/v1/me", headers={"origin": origin})
        assert not [name for name in response.headers if name.lower().startswith("access-control-")]


@pytest.mark.django_db
def test_nobody_becomes_an_owner_by_a_field_of_a_form(as_bob: Client, bob: User):
    """Fields that a form does not have are not taken over."""
    extra = {"role": "owner", "is_superuser": "on", "is_staff": "on", "email": "alice@example.com"}
    as_bob.post("/people/me/password/", extra)
    as_bob.post("/people/me/sessions/", extra)
    as_bob.post("/people/me/tokens/", {"name": "one", "scope": "read", "days": "90", **extra})
    as_bob.post("/api/v1/me", extra, content_type="application/json")
    bob.refresh_from_db()
    assert (bob.role, bob.email, bob.is_superuser) == (Role.VIEWER, "bob@example.com", False)


# --- What answers say ---


@pytest.fixture(scope="module")
def answers(django_db_setup: None, django_db_blocker: Any) -> Iterator[dict[str, Any]]:
    """What an owner gets at every address."""
    with django_db_blocker.unblock(), transaction.atomic():
        browser = signed_in(make_user(email="walker@example.com", role=Role.OWNER))
        yield {address: browser.get(address) for address in every_address()}
        transaction.set_rollback(True)


@pytest.mark.slow
def test_answers_about_people_and_ad_accounts_are_kept_by_nobody_between(answers: dict[str, Any]):
    kept = {}
    for address, response in answers.items():
        control = response.headers.get("Cache-Control", "")
        if response.status_code == 200 and not re.search(r"no-store|private", control):
            kept[address] = control
    assert kept == {}


@pytest.mark.slow
def test_every_answer_says_what_it_is(answers: dict[str, Any]):
    """With a character set wherever it is text."""
    wrong = {}
    for address, response in answers.items():
        kind = response.headers.get("Content-Type", "")
        has_body = response.streaming or bool(response.content)
        if has_body and (not kind or (kind.startswith("text/") and "charset=" not in kind)):
            wrong[address] = kind
    assert wrong == {}


def test_no_header_tells_a_version(as_bob: Client):
    for address in ("/admin/", "/api/v1/me", "/none", "/healthz"):
        response = as_bob.get(address)
        assert not {"Server", "X-Powered-By", "X-Django-Version"} & set(response.headers)


@pytest.mark.parametrize(
    "path",
    [
        "/static/", "/static/admin/", "/static/../manage.py", "/static/%2e%2e/manage.py", "/static/..%2fmanage.py",
        "/static//etc/passwd", "/.git/config", "/.env", "/manage.py", "/static/.DS_Store",
        "/static/reporting/pages.css~", "/static/reporting/pages.css.bak", "/data/secrets.json", "/snapshots/",
    ],
)  # fmt: skip
@pytest.mark.django_db
def test_only_collected_files_are_served(client: Client, path: str):
    assert client.get(path).status_code in {404, 302, 301}
    there = client.get("/static/reporting/pages.css")
    there.close()
    assert there.status_code == 200


@pytest.mark.django_db
def test_a_body_that_is_too_large_is_refused(as_alice: Client):
    body = b'{"a": "' + b"x" * (live_settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1) + b'"}'
    response = as_alice.post("/api/v1/snapshots", body, content_type="application/json")
    assert response.status_code in {400, 413}
    assert as_alice.post("/people/me/password/", {"old_password": "x" * len(body)}).status_code in {400, 413}


@pytest.mark.django_db
def test_a_refusal_is_logged_with_who_and_what(as_charlie: Client, charlie: User, caplog: pytest.LogCaptureFixture):
    with caplog.at_level("INFO"):
        assert as_charlie.get("/admin/accounts/user/").status_code == 403
    [line] = [one.msg for one in caplog.records if isinstance(one.msg, dict) and one.msg.get("code") == 403]
    assert line["user_id"] == charlie.pk
    assert "/admin/accounts/user/" in line["request"]


# --- What the code does not do ---


def test_tasks_and_sessions_are_json():
    assert live_settings.CELERY_ACCEPT_CONTENT == ["json"]
    assert live_settings.CELERY_TASK_SERIALIZER == "json"
    assert import_string(live_settings.SESSION_SERIALIZER) is JSONSerializer
    assert lines_with(r"^\s*(import|from) (pickle|marshal|shelve|dill)\b|yaml\.(unsafe_)?load\(", ".py") == []


def test_nothing_reaches_another_machine_while_tests_run():
    """Whatever they run, so what phones home fails them; 192.0.2.1 is nobody's."""
    with pytest.warns(UserWarning, match=r"192\.0\.2\.1"), pytest.raises(SocketConnectBlockedError):
        socket.create_connection(("192.0.2.1", 443), timeout=1)


def test_no_code_is_made_of_text():
    assert lines_with(r"(?<![\w.])(eval|exec|__import__)\(", ".py") == []


def test_no_script_of_ours_evaluates_text():
    """Nor has HTML made of text; Alpine, which compiles its attributes, is the theme's."""
    made_of_text = r"(?<![\w.])eval\(|new Function\(|innerHTML|outerHTML|document\.write|insertAdjacentHTML"
    assert lines_with(made_of_text, ".js") == []


def test_no_script_of_ours_keeps_data_in_the_browser():
    assert lines_with(r"localStorage|sessionStorage|indexedDB|document\.cookie", ".js", ".html") == []


def test_lint_knows_weaknesses():
    """Ruff's S rules are flake8-bandit's; what is silenced has a reason beside it."""
    lint = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]
    assert "S" in lint["ruff"]["lint"]["select"]
    assert {one for one in lint["ruff"]["lint"]["ignore"] if one.startswith("S")} == {"S101", "S603"}
    recipe = (ROOT / "Makefile").read_text().partition("\nlint:")[2].partition("\n\n")[0]
    assert "/bandit " in recipe
    for code in ("shell=True", "os.system("):
        assert lines_with(re.escape(code), ".py") == []


def test_the_image_installs_packages_by_their_hashes():
    assert "--require-hashes" in (ROOT / "Dockerfile").read_text()
    lock = (ROOT / "requirements/base.txt").read_text()
    blocks = re.split(r"\n(?=\S)", re.sub(r"(?m)^\s*#.*\n?", "", lock).strip())
    assert len(blocks) > 50
    assert all("--hash=sha256:" in block for block in blocks)


def test_no_secret_is_in_the_repository():
    """Of the kinds that our settings hold; made-up ones are in tests alone."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    kinds = r"-----BEGIN [A-Z ]*PRIVATE KEY|laac_[A-Za-z0-9]{20}|whsec_[A-Za-z0-9+/=]{20}|AQ[A-Za-z0-9_-]{60}"
    paths = [ROOT / name for name in listed.splitlines() if not name.startswith(("tests/", "docs/"))]
    texts = {path: path.read_text() for path in paths if path.suffix in {".py", ".yml", ".yaml", ".toml", ".example"}}
    assert [path for path, text in texts.items() if re.search(kinds, text)] == []
    secret = r"^(?:SECRET_KEY|FIELD_ENCRYPTION_KEYS|\w+_(?:SECRET|PASSWORD|TOKEN))=(.+)$"
    assert re.findall(secret, (ROOT / ".env.example").read_text(), re.MULTILINE) == []


def test_the_same_token_is_never_stored_twice_alike():
    """Each has its own initialization vector."""
    column = EncryptedTextField()
    assert column.get_prep_value("the same token") != column.get_prep_value("the same token")
