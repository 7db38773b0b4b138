"""What browsers are told with every answer, and what https changes about it."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.test import Client

from tests.builders import make_user

REPOSITORY = Path(__file__).resolve().parents[2]

HEADERS = {
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
POLICY = {
    "default-src": "'self'",
    "script-src": "'self' 'unsafe-eval'",
    "style-src": "'self' 'unsafe-inline'",
    "img-src": "'self' data:",
    "object-src": "'none'",
    "frame-src": "'none'",
    "base-uri": "'self'",
    "frame-ancestors": "'none'",
    "form-action": "'self' https://www.linkedin.com",
}


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("path", "status"),
    [("/admin/login/", 200), ("/static/admin/css/base.css", 200), ("/no/such/page/", 404), ("/linkedin/connect/", 302)],
)
def test_pages_files_and_errors_carry_every_header(client: Client, path: str, status: int) -> None:
    response = client.get(path)
    if response.streaming:
        assert response.getvalue()
        response.close()
    assert response.status_code == status
    assert {name: response.headers.get(name) for name in HEADERS} == HEADERS
    assert "camera=()" in response.headers["Permissions-Policy"]
    policy = response.headers["Content-Security-Policy"]
    assert dict(part.strip().split(" ", 1) for part in policy.split(";")) == POLICY
    assert "Strict-Transport-Security" not in response.headers


@pytest.mark.django_db
def test_https_redirects_and_is_insisted_on(settings: Any) -> None:
    settings.SECURE_SSL_REDIRECT, settings.SECURE_HSTS_SECONDS = True, 3600
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    browser = Client()
    assert browser.get("/admin/login/")["Location"] == "https://testserver/admin/login/"
    behind_proxy = browser.get("/admin/login/", headers={"x-forwarded-proto": "https"})
    assert (behind_proxy.status_code, behind_proxy["Strict-Transport-Security"]) == (200, "max-age=3600")


@pytest.mark.django_db
def test_a_forwarded_scheme_is_not_believed_by_itself(settings: Any) -> None:
    settings.SECURE_SSL_REDIRECT = True
    assert Client().get("/admin/login/", headers={"x-forwarded-proto": "https"}).status_code == 301


@pytest.mark.django_db
def test_the_sessions_cookie_is_out_of_reach_of_scripts_and_other_sites(client: Client) -> None:
    make_user(email="dora@example.com", password="correct horse battery staple")
    client.post("/admin/login/", {"username": "dora@example.com", "password": "correct horse battery staple"})
    cookie = client.cookies["sessionid"]
    assert (cookie["httponly"], cookie["samesite"]) == (True, "Lax")


@pytest.mark.django_db
@pytest.mark.parametrize("address", ["/api/v1/me", "/api/v1/campaigns?fields=id&x=run.bat", "/api/v1/none/setup.bat"])
def test_json_has_one_name_whatever_the_address_says(as_bob: Client, address: str) -> None:
    response = as_bob.get(address)
    assert "json" in response["Content-Type"]
    assert response["Content-Disposition"] == 'inline; filename="api.json"'


@pytest.mark.django_db
def test_files_keep_their_own_names_and_pages_have_none(as_bob: Client) -> None:
    assert "attachment" in as_bob.get("/api/v1/campaigns?format=csv")["Content-Disposition"]
    assert "Content-Disposition" not in as_bob.get("/admin/").headers


# --- What follows from SITE_URL ---

PRODUCTION = {
    "DATABASE_URL": "postgresql://ads:database-password@db.example.com/ads?sslmode=verify-full",
    "REDIS_URL": "rediss://:password-of-the-broker@redis.example.com/0",
    "SECRET_KEY": "7fKq2Vw9ZxN4bTgR8cLm1YpJ6hSdA3eUoI5kQvWnXyBzCtFrGu",
    "FIELD_ENCRYPTION_KEYS": Fernet.generate_key().decode(),
    "LINKEDIN_CLIENT_ID": "the-client-id",
    "LINKEDIN_CLIENT_SECRET": "the-client-secret",
    "EMAIL_HOST": "mail.example.com",
}
SHOWN = [
    "SECURE_SSL_REDIRECT", "SECURE_HSTS_SECONDS", "SECURE_PROXY_SSL_HEADER", "SESSION_COOKIE_SECURE",
    "CSRF_COOKIE_SECURE", "SESSION_COOKIE_NAME", "CSRF_COOKIE_NAME", "ALLOWED_HOSTS",
    "CSRF_TRUSTED_ORIGINS", "LINKEDIN_REDIRECT_URI",
]  # fmt: skip


def run(*words: str, **changes: str) -> subprocess.CompletedProcess[str]:
    """A process with exactly this environment."""
    environment = {"PATH": os.environ["PATH"], "ENV_FILE": os.devnull, "PYTHONPATH": str(REPOSITORY)}
    return subprocess.run(
        [sys.executable, *words],
        cwd=REPOSITORY, env=environment | changes, capture_output=True, text=True, timeout=90, check=False,
    )  # fmt: skip


def derived(**changes: str) -> list[Any]:
    code = f"import json; from config import settings; print(json.dumps([getattr(settings, n) for n in {SHOWN}]))"
    done = run("-c", code, **changes)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.installation
def test_an_https_site_keeps_what_only_https_can_keep() -> None:
    assert derived(**PRODUCTION, SITE_URL="https://ads.example.com", BEHIND_PROXY="true") == [
        True, 2_592_000, ["HTTP_X_FORWARDED_PROTO", "https"], True, True, "__Host-sessionid", "__Host-csrftoken",
        ["ads.example.com"], ["https://ads.example.com"], "https://ads.example.com/linkedin/callback/",
    ]  # fmt: skip


@pytest.mark.installation
def test_a_local_machine_works_over_http(tmp_path: Path) -> None:
    assert derived(DATA_DIR=str(tmp_path)) == [
        False, 0, None, False, False, "sessionid", "csrftoken",
        ["127.0.0.1", "localhost"], ["http://127.0.0.1:8000"], "http://127.0.0.1:8000/linkedin/callback/",
    ]  # fmt: skip


@pytest.mark.installation
def test_production_passes_djangos_own_check_for_deployment() -> None:
    done = run(
        "manage.py", "check", "--deploy", "--fail-level", "WARNING",
        **PRODUCTION, SITE_URL="https://ads.example.com", BEHIND_PROXY="true", PROXY_NETWORKS="10.0.0.0/8",
        # Nothing is collected in a checkout.
        SILENCED_CHECKS="accounts.W020",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "no issues" in done.stdout
