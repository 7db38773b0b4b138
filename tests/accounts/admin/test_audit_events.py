"""The owner's view of the audit trail, and its file."""

import csv
import io
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from accounts import audit_trail
from accounts.models import AdAccount, AuditEvent, User
from accounts.roles import Role
from tests.builders import NOW, make_user
from tests.conftest import signed_in

pytestmark = pytest.mark.django_db

LIST = "/admin/accounts/auditevent/"
EXPORT = f"{LIST}export/csv/"


@pytest.fixture
def some_events(alice: User, bob: User, bobs_ad_account: AdAccount) -> None:
    with time_machine.travel(NOW - timedelta(days=30), tick=False):
        audit_trail.record(
            "ad_account_granted", actor=alice, ad_account_id=bobs_ad_account.pk, user_email="bob@example.com"
        )
    with time_machine.travel(NOW, tick=False):
        audit_trail.record("consent_lost", connection_id=7, reason="LinkedIn said no")
        audit_trail.record("login_failed", user_email="=HYPERLINK(evil)", ip="203.0.113.9")


def read(response: Any) -> list[dict[str, str]]:
    assert response.status_code == 200
    assert response.streaming
    return list(csv.DictReader(io.StringIO(response.getvalue().decode())))


def test_the_list_reads_as_sentences(as_alice: Client, some_events: None, bobs_ad_account: AdAccount) -> None:
    page = as_alice.get(LIST).content.decode()
    assert (
        f"alice@example.com granted bob@example.com access to the ad account Bob&#x27;s brand ({bobs_ad_account.pk})"
        in page
    )
    assert "LinkedIn connection 7 was lost: LinkedIn said no" in page


@pytest.mark.parametrize(
    ("query", "kinds"),
    [
        ({"kind__exact": "consent_lost"}, ["consent_lost"]),
        ({"actor": "alice"}, ["ad_account_granted"]),
        ({"actor": "system"}, ["login_failed", "consent_lost"]),
        ({"happened_at_from": "2026-11-01"}, ["login_failed", "consent_lost"]),
        ({"happened_at_to": "2026-11-01"}, ["ad_account_granted"]),
        ({"ad_account": "bobs"}, ["ad_account_granted"]),
        ({"q": "bob@example"}, ["ad_account_granted"]),
        ({"q": "alice"}, ["ad_account_granted"]),
        ({"q": "nobody"}, []),
        ({}, ["login_failed", "consent_lost", "ad_account_granted"]),
    ],
)
def test_list_and_file_are_filtered_the_same(
    as_alice: Client,
    alice: User,
    bobs_ad_account: AdAccount,
    some_events: None,
    query: dict[str, str],
    kinds: list[str],
) -> None:
    named = {"alice": str(alice.pk), "bobs": str(bobs_ad_account.pk)}
    query = {key: named.get(value, value) if key != "q" else value for key, value in query.items()}
    listed = as_alice.get(LIST, query)
    assert [event.kind for event in listed.context["cl"].result_list] == kinds
    assert [row["kind"] for row in read(as_alice.get(EXPORT, query))] == kinds


@pytest.mark.parametrize(
    "query",
    ["happened_at__gte=never", "happened_at__year=x", "actor=nonsense", "actor=404", "kind__exact=x", "colour=red"],
)
def test_a_filter_that_makes_no_sense_is_refused_in_list_and_file(as_alice: Client, query: str) -> None:
    for address in (LIST, EXPORT):
        answer = as_alice.get(f"{address}?{query}")
        assert answer.status_code == 400
        assert f'href="{address}"' in answer.content.decode()
    assert not AuditEvent.objects.exists()


def test_the_list_leads_to_the_file_of_what_it_shows(as_alice: Client, some_events: None) -> None:
    page = as_alice.get(LIST, {"kind__exact": "consent_lost"}).content.decode()
    assert f'href="{EXPORT}?kind__exact=consent_lost"' in page


def test_the_file_has_every_column_and_no_formula(
    as_alice: Client, some_events: None, alice: User, bobs_ad_account: AdAccount
) -> None:
    response = as_alice.get(EXPORT)
    assert response["Content-Disposition"] == 'attachment; filename="audit_events.csv"'
    rows = read(response)
    assert rows[-1] == {
        "happened_at": "2026-10-21T12:00:00+00:00",
        "kind": "ad_account_granted",
        "sentence": "alice@example.com granted bob@example.com access to "
        f"the ad account Bob's brand ({bobs_ad_account.pk})",
        "actor_id": str(alice.pk),
        "actor_email": "alice@example.com",
        "ad_account_id": str(bobs_ad_account.pk),
        "detail": '{"user_email": "bob@example.com"}',
    }
    assert not [cell for row in rows for cell in row.values() if cell.startswith(("=", "+", "-", "@"))]


def test_an_export_is_recorded(as_alice: Client, some_events: None) -> None:
    as_alice.get(EXPORT, {"kind__exact": "consent_lost"})
    event = AuditEvent.objects.get(kind="exported")
    assert event.actor_email == "alice@example.com"
    assert event.detail == {"what": "the audit trail", "rows": 1, "filters": {"kind__exact": ["consent_lost"]}}


@pytest.mark.parametrize("role", [Role.MANAGER, Role.ANALYST, Role.VIEWER])
def test_only_owners_export(role: Role, some_events: None) -> None:
    assert signed_in(make_user(role=role)).get(EXPORT).status_code == 403
    assert not AuditEvent.objects.filter(kind="exported").exists()


def test_who_is_not_signed_in_gets_no_file(client: Client) -> None:
    assert client.get(EXPORT)["Location"].startswith(reverse("admin:login"))


def test_a_long_trail_is_read_in_pieces(as_alice: Client, django_assert_max_num_queries: Any) -> None:
    AuditEvent.objects.bulk_create(AuditEvent(kind="consent_refreshed", detail={"n": n}) for n in range(2500))
    with django_assert_max_num_queries(20):
        assert len(read(as_alice.get(EXPORT))) == 2500
