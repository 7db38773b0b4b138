"""No address makes a page fail: whatever stands in its parameters, or in place of an id."""

from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import urlencode

import pytest
import yaml
from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest
from django.test import Client
from django.urls import reverse

from accounts.models import AdAccount
from tests import builders
from tests.contract.test_every_reply import DOCUMENT
from tests.house.test_every_url_and_role import MODELS, PAGES, ROWS
from tests.house.urls import Pattern, every_pattern

pytestmark = [pytest.mark.exhaustive, pytest.mark.django_db]

VALUES = ("", "0", "-1", "x", "²", str(2**63), "9" * 30, "0001-01-01", "99999-01-01", "9999-12-31", "\0")
# What our own pages read; the parameters of an admin's list are those of its filters.
PARAMETERS = {
    "reporting:sync": ("page", "ad_account", "status"),
    "reporting:plan": ("ad_accounts", "first_day", "last_day", "force"),
    "reporting:snapshots": ("page", "ad_account"),
    "reporting:actions": ("page", "ad_account", "rule", "severity", "state", "assignee"),
    "reporting:actions_csv": ("ad_account", "rule", "severity", "state", "assignee"),
    "reporting:check_progress": ("of", "ad_account", "assignee"),
    "reporting:report": ("ad_account", "campaign", "currency", "period", "first_day", "last_day", "compare", "by"),
    "people:invitation": ("next",),
    "accounts:callback": ("state", "code", "error"),
}
OF_THE_API = {
    path: [one["name"] for one in operations["get"].get("parameters", ()) if one["in"] == "query"]
    for path, operations in yaml.load(DOCUMENT.read_text(), yaml.CSafeLoader)["paths"].items()
    if "get" in operations and "{" not in path
}


def assert_answers(browser: Client, address: str, parameter: str, values: Sequence[str] = VALUES) -> None:
    for value in values:
        asked = f"{address}?{urlencode({parameter: value})}"
        response: Any = browser.get(asked)
        assert response.status_code < 500, asked
        b"".join(response)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "parameter"), [(name, one) for name, parameters in PARAMETERS.items() for one in parameters]
)
def test_our_pages_answer_whatever_the_address_says(as_alice: Client, name: str, parameter: str) -> None:
    assert_answers(as_alice, reverse(name, args=["unknown"] if name == "people:invitation" else []), parameter)


@pytest.mark.parametrize("path", [path for path, parameters in OF_THE_API.items() if parameters])
def test_the_api_answers_whatever_the_address_says(as_alice: Client, path: str) -> None:
    for parameter in OF_THE_API[path]:
        assert_answers(as_alice, path, parameter)


def _parameters_of(model_admin: "admin.ModelAdmin[Model]") -> Iterator[str]:
    """Those of its filters, as Django itself makes them."""
    request = HttpRequest()
    request.user = builders.make_user(role="owner")
    for spec in model_admin.get_changelist_instance(request).filter_specs:
        yield from (name for name in spec.expected_parameters() if name and not name.endswith("__isnull"))


@pytest.mark.slow
@pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.label)
def test_lists_answer_whatever_the_address_says(as_alice: Client, bobs_ad_account: AdAccount, model) -> None:
    """A row makes the filters draw themselves."""
    ROWS[model](bobs_ad_account)
    address = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    for parameter in {*_parameters_of(admin.site.get_model_admin(model)), "p", "o", "q", "ad_account"}:
        assert_answers(as_alice, address, parameter, ["-1", "x", str(2**63), "9" * 30, "0001-01-01", "9999-12-31"])


def _with_an_id() -> list[Pattern]:
    ids = {"pk", "run_id", "ad_account_id", "snapshot_id", "connection_id", "token_id", "object_id", "id"}
    return [one for one in every_pattern() if ids.intersection(one.arguments)]


@pytest.mark.parametrize("pattern", _with_an_id(), ids=lambda pattern: pattern.name)
def test_an_id_that_no_row_can_have_is_not_found(as_alice: Client, pattern: Pattern) -> None:
    for value in (str(2**63), "9" * 30):
        address = "/" + pattern.route
        for argument in pattern.arguments:
            address = address.replace(f"<{argument}>", value)
        for response in (as_alice.get(address), as_alice.post(address)):
            assert response.status_code < 500, address


def test_the_pages_with_parameters_are_known() -> None:
    assert PARAMETERS.keys() <= PAGES.keys()
    assert len(OF_THE_API) > 15


def test_a_page_number_that_is_none_is_the_first_page(as_alice: Client) -> None:
    """It failed: PostgreSQL skips no more rows than a bigint counts."""
    builders.make_sync_run(account=builders.make_ad_account(name="The brand"))
    page = as_alice.get("/sync/?page=99999999999999999999")
    assert page.status_code == 200
    assert "The brand" in page.content.decode()
