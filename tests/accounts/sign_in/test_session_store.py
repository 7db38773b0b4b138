"""The database holds no key that opens a session."""

from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.conf import settings
from django.test import Client
from qsessions.models import Session

from accounts.models import User
from accounts.sign_in.session_store import SessionStore, stored_key

pytestmark = pytest.mark.django_db


def test_the_key_is_nowhere_in_the_table(as_alice: Client) -> None:
    key = as_alice.cookies[settings.SESSION_COOKIE_NAME].value
    [row] = Session.objects.all()
    assert row.session_key == stored_key(key) != key
    assert key not in str(Session.objects.values().get())
    assert as_alice.get("/people/me/").status_code == 200


def test_what_the_table_holds_opens_nothing(as_alice: Client) -> None:
    thief = Client()
    thief.cookies[settings.SESSION_COOKIE_NAME] = Session.objects.get().session_key
    assert thief.get("/people/me/").status_code == 302
    assert as_alice.get("/people/me/").status_code == 200


def test_every_method_of_a_session_finds_its_row(db: None) -> None:
    store = SessionStore(ip="127.0.0.1", user_agent="x")
    store["colour"] = "green"
    store.save()
    key = str(store.session_key)
    assert store.exists(key)
    assert SessionStore(session_key=key)["colour"] == "green"
    store["colour"] = "blue"
    store.save()
    assert SessionStore(session_key=key)["colour"] == "blue"
    store.cycle_key()
    assert not store.exists(key)
    assert SessionStore(session_key=str(store.session_key))["colour"] == "blue"
    assert SessionStore(session_key="a" * 32).load() == {}
    store.flush()
    assert not Session.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_so_does_every_asynchronous_one(db: None) -> None:
    async def walk() -> None:
        store = SessionStore(ip="127.0.0.1", user_agent="x")
        await store.aset("colour", "green")
        await store.asave()
        key = str(store.session_key)
        assert await store.aexists(key)
        assert await SessionStore(session_key=key).aget("colour") == "green"
        await store.acycle_key()
        assert not await store.aexists(key)
        await store.aflush()

    async_to_sync(walk)()
    assert not Session.objects.exists()


def test_no_method_of_the_library_names_a_row_in_its_own_way() -> None:
    """A later version of Django or of django-qsessions may add one."""
    own = set(vars(SessionStore))
    named: set[str] = set()
    for one in SessionStore.__mro__[1:]:
        for name, value in vars(one).items():
            code: Any = getattr(value, "__code__", None)
            if code and "session_key" in code.co_varnames + code.co_names and "objects" in code.co_names:
                named.add(name)
    assert named <= own, "they would look for the key itself"


def test_signing_in_and_out(client: Client, db: None) -> None:
    password = "correct horse battery staple"
    User.objects.create_user("dora@example.com", password)
    client.post("/admin/login/", {"username": "dora@example.com", "password": password})
    key = client.cookies[settings.SESSION_COOKIE_NAME].value
    assert Session.objects.get().session_key == stored_key(key)
    client.post("/admin/logout/")
    assert not Session.objects.filter(session_key=stored_key(key)).exists()
