"""The root lists every endpoint that is no part of another."""

import pytest
import yaml
from django.test import Client

from tests.reporting.api.asking import get
from tests.reporting.api.test_schema import DOCUMENT

pytestmark = pytest.mark.django_db


def test_every_endpoint_is_listed_and_answers(as_alice: Client) -> None:
    listed = get(as_alice, "")
    documented = yaml.load(DOCUMENT.read_text(), yaml.CSafeLoader)["paths"]
    not_below_a_row = {path.removeprefix("/api/v1/") for path in documented if "{" not in path and path != "/api/v1"}
    assert listed.keys() == {one for one in not_below_a_row if not one.endswith("/changes")} | {
        "problems",
        "schema/",
        "docs/",
    }
    for path, address in listed.items():
        assert address == f"http://testserver/api/v1/{path}"
        assert as_alice.get(address).status_code == 200, path


def test_it_is_for_people_and_tokens(client: Client, as_alice: Client) -> None:
    assert client.get("/api/v1/").status_code == client.get("/api/v1").status_code == 401
    assert as_alice.get("/api/v1").json() == as_alice.get("/api/v1/").json()
