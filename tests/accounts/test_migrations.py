"""Addresses of the version before come into their one form, or stop the migration, which names them."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.migrations.executor import MigrationExecutor

from tests.builders import NOW

BEFORE, AFTER = (
    ("accounts", "0019_forget_members_of_lost_consents"),
    ("accounts", "0020_one_form_of_an_email_address"),
)

pytestmark = [pytest.mark.slow, pytest.mark.django_db]


@pytest.fixture
def before() -> Iterator[Any]:
    """The tables before addresses had one form."""
    executor = MigrationExecutor(connection)
    executor.migrate([BEFORE])
    yield executor.loader.project_state([BEFORE]).apps
    executor = MigrationExecutor(connection)
    executor.migrate(executor.loader.graph.leaf_nodes("accounts"))


def add(apps: Any, *, people: tuple[str, ...] = (), invited: tuple[str, ...] = ()) -> None:
    for email in people:
        apps.get_model("accounts", "User").objects.create(email=email, password="!")
    for number, email in enumerate(invited):
        apps.get_model("accounts", "Invitation").objects.create(
            email=email, created_at=NOW, expires_at=NOW + timedelta(days=7), token_digest=f"{number:064}"
        )


def addresses(apps: Any, model: str) -> list[str]:
    return list(apps.get_model("accounts", model).objects.order_by("pk").values_list("email", flat=True))


def test_addresses_come_into_their_one_form(before: Any) -> None:
    add(
        before,
        people=("Alice@Example.COM", "bob@example.com", "KRIS@bücher.EXAMPLE", "kris@ınitech.example", "A+B@x.example"),
        invited=("Dora@Example.com", "Emil@bücher.example"),
    )
    MigrationExecutor(connection).migrate([AFTER])
    assert addresses(before, "User") == [
        "alice@example.com",
        "bob@example.com",
        "kris@xn--bcher-kva.example",
        "kris@xn--nitech-o9a.example",
        "a+b@x.example",
    ]
    assert addresses(before, "Invitation") == ["dora@example.com", "emil@xn--bcher-kva.example"]


def test_addresses_without_such_a_form_stop_it_and_are_named(before: Any) -> None:
    unusable = ("krıs@example.com", "ｋris@example.com", '"dora"@example.com')
    add(before, people=("Alice@Example.COM", *unusable), invited=("Emíl@example.com",))
    with pytest.raises(ValueError, match="give them others") as stopped, transaction.atomic():
        MigrationExecutor(connection).migrate([AFTER])
    assert all(email in str(stopped.value) for email in (*unusable, "Emíl@example.com"))
    assert "Alice" not in str(stopped.value)
    assert addresses(before, "User") == ["Alice@Example.COM", *unusable]
    # The tests that follow need the tables as they are now.
    for model in ("User", "Invitation"):
        before.get_model("accounts", model).objects.all().delete()
