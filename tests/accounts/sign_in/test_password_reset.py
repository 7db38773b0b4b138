import re
from typing import Any
from uuid import uuid4

import pytest
from django.core import mail
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from kombu.exceptions import OperationalError

from accounts.api_tokens import token_store
from accounts.models import ApiToken, AuditEvent, User
from accounts.sign_in.password_reset import send_link
from config.logs import _SECRET_PATH
from tests.builders import make_user
from tests.conftest import signed_in

pytestmark = pytest.mark.django_db

RESET = "/people/password-reset/"
OLD, NEW = "correct horse battery staple", "an even longer staple of horses"


@pytest.fixture(autouse=True)
def nobody_asked_before(settings: Any) -> None:
    """Emptying the cache would empty the Valkey that other tests work with."""
    settings.CACHES = {"default": {**settings.CACHES["default"], "KEY_PREFIX": uuid4().hex}}


@pytest.fixture(autouse=True)
def sent_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """No worker runs here."""
    monkeypatch.setattr(send_link, "delay", send_link)


@pytest.fixture(autouse=True)
def site(settings: Any) -> None:
    """Another host than the one the requests of these tests name."""
    settings.SITE_URL = "https://ads.example.com"


@pytest.fixture
def dora(db: None) -> User:
    return make_user(email="Dora@example.com", password=OLD)


def ask(email: str) -> Any:
    return Client().post(RESET, {"email": email}, follow=True)


def link() -> str:
    (found,) = re.findall(r"https://ads\.example\.com(/people/password-reset/\S+/)", str(mail.outbox[-1].body))
    return str(found)


def choose(browser: Client, password: str = NEW) -> Any:
    form = browser.get(link(), follow=True)
    path = form.redirect_chain[-1][0]
    return browser.post(path, {"new_password1": password, "new_password2": password}, follow=True)


def signs_in(password: str, email: str = "dora@example.com") -> bool:
    return bool(Client().post("/admin/login/", {"username": email, "password": password}).status_code == 302)


def test_a_new_password_by_e_mail(dora: User, client: Client) -> None:
    assert client.get(RESET).status_code == 200
    ask("dora@EXAMPLE.com")
    (message,) = mail.outbox
    assert message.to == ["dora@example.com"]
    assert message.subject == "Reset your LinkedIn Ads Action Center password"
    response = choose(client)
    assert "Your password is changed; sign in with it." in response.content.decode()
    assert signs_in(NEW)
    assert not signs_in(OLD)
    event = AuditEvent.objects.get(kind="password_changed")
    assert (event.actor_email, event.detail["by"]) == (dora.email, "link")


def test_everybody_sees_the_same_page(dora: User) -> None:
    make_user(email="linkedin@example.com")
    make_user(email="gone@example.com", password=OLD, is_active=False)
    pages = set()
    for email in ("dora@example.com", "linkedin@example.com", "gone@example.com", "nobody@example.com"):
        response = ask(email)
        assert response.redirect_chain == [("/people/password-reset/sent/", 302)]
        pages.add(response.content)
    assert len(pages) == 1
    assert [message.to for message in mail.outbox] == [["dora@example.com"]]


def test_a_mailbox_is_not_flooded(dora: User) -> None:
    for email in ("dora@example.com", "DORA@example.com", "dora@example.com"):
        assert ask(email).redirect_chain == [("/people/password-reset/sent/", 302)]
    assert len(mail.outbox) == 1


def test_a_failing_mail_server_reveals_nothing(dora: User, settings: Any) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    assert ask("dora@example.com").content == ask("nobody@example.com").content


def test_the_page_does_the_same_for_everybody(dora: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its time would reveal who has an account: it asks the database the same and leaves the rest to a task."""
    queued: list[str] = []
    monkeypatch.setattr(send_link, "delay", queued.append)
    make_user(email="linkedin@example.com")
    asked = []
    emails = ["dora@example.com", "linkedin@example.com", "nobody@example.com"]
    for email in emails:
        with CaptureQueriesContext(connection) as queries:
            Client().post(RESET, {"email": email})
        asked.append([re.sub(r"'[^']*'|\d+", "?", query["sql"]) for query in queries])
    assert asked[0] == asked[1] == asked[2]
    assert not [sql for sql in asked[0] if "users" in sql]
    assert queued == emails
    assert mail.outbox == []


def test_without_a_broker_everybody_is_told_to_try_again(dora: User, monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(_: str) -> None:
        raise OperationalError

    monkeypatch.setattr(send_link, "delay", unreachable)
    answers = [Client().post(RESET, {"email": email}) for email in ("dora@example.com", "nobody@example.com")]
    assert [answer.status_code for answer in answers] == [503, 503]
    assert answers[0].content == answers[1].content


def test_one_network_asks_for_few_links(dora: User) -> None:
    answers = [Client().post(RESET, {"email": f"person{number}@example.com"}).status_code for number in range(35)]
    assert answers == [302] * 29 + [429] * 6
    asked = [Client().post(RESET, {"email": "dora@example.com"}, REMOTE_ADDR="10.0.0.9").status_code for _ in range(6)]
    assert asked == [302] * 4 + [429] * 2


def test_a_new_password_by_link_ends_tokens_that_are_not_kept(dora: User, client: Client) -> None:
    kept, _ = token_store.issue(user=dora, name="Kept", scope="read", now=timezone.now())
    token_store.issue(user=dora, name="Ended", scope="read", now=timezone.now())
    ask(dora.email)
    path = client.get(link(), follow=True).redirect_chain[-1][0]
    form = {"new_password1": NEW, "new_password2": NEW, "keep_tokens": [kept.pk]}
    assert client.post(path, form).status_code == 302
    assert list(ApiToken.objects.all()) == [kept]


def test_a_link_works_once(dora: User, client: Client) -> None:
    ask(dora.email)
    choose(client)
    page = Client().get(link(), follow=True).content.decode()
    assert "Request a new one" in page
    assert 'name="new_password1"' not in page


def test_a_bad_password_is_explained(dora: User, client: Client) -> None:
    ask(dora.email)
    assert "too short" in choose(client, "short").content.decode()
    assert signs_in(OLD)


def test_a_new_password_signs_out_everywhere_and_unlocks(dora: User, client: Client) -> None:
    thief = signed_in(dora)
    assert thief.get("/people/me/").status_code == 200
    for _ in range(5):
        signs_in("wrong")
    assert not signs_in(OLD)
    ask(dora.email)
    choose(client)
    assert thief.get("/people/me/").status_code == 302
    assert signs_in(NEW)


def test_the_access_log_keeps_no_token() -> None:
    def logged(path: str) -> str:
        return _SECRET_PATH.sub(r"\1…", path)

    assert logged("/people/invitation/abc-123_x/") == "/people/invitation/…/"
    assert logged("/people/password-reset/MQ/c8-abc/") == "/people/password-reset/MQ/…/"
    assert logged("/people/password-reset/MQ/choose/") == "/people/password-reset/MQ/choose/"
    assert logged("/people/password-reset/sent/") == "/people/password-reset/sent/"


def test_without_valkey_the_message_goes_out_all_the_same(dora: User, settings: Any) -> None:
    nowhere = {**settings.CACHES["default"], "LOCATION": "redis://127.0.0.1:1/0"}
    settings.CACHES = {"default": nowhere}
    assert ask(dora.email).status_code == 200
    assert len(mail.outbox) == 1
