"""No address makes a page fail, and none is answered as if it had asked for something else.

What does not exist, what is somebody else's, and what cannot be read is refused with a sentence and a way on.
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import unescape
from typing import Any
from urllib.parse import urlencode

import pytest
import yaml
from django.contrib import admin
from django.contrib.admin.utils import quote
from django.db.models import Model
from django.http import HttpRequest
from django.test import Client
from django.urls import reverse

from accounts.models import AdAccount
from reporting.models import Snapshot
from reporting.pages.report.sections import NAMES
from tests import builders
from tests.builders import DAY, NOW
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
    "reporting:exports": ("page",),
    "reporting:actions": ("page", "ad_account", "rule", "severity", "state", "assignee"),
    "reporting:actions_csv": ("ad_account", "rule", "severity", "state", "assignee", "dialect"),
    "reporting:check_progress": ("of", "ad_account", "assignee"),
    "reporting:report": (
        "ad_account", "campaign", "currency", "period", "first_day", "last_day", "without_today", "compare", "by",
        "trend", "campaign_metric", "creative_metric",
    ),
    "people:invitation": ("next",),
    "accounts:callback": ("state", "code", "error"),
}  # fmt: skip
# Whose parameters are read once, in a sign-in: any value is one that a link or LinkedIn may bring.
_OF_SIGN_IN = {"people:invitation", "accounts:callback"}
# Whose parameters fill a form, which says itself what is wrong with them.
_FORMS = {"reporting:plan"}
# What no row has, and what no parameter may be.
UNKNOWN_ID, NONSENSE = 404, "nonsense"
_IDS = {"ad_account", "campaign", "assignee"}
DOCUMENTED = yaml.load(DOCUMENT.read_text(), yaml.CSafeLoader)["paths"]
OF_THE_API = {
    path: [one["name"] for one in operations["get"].get("parameters", ()) if one["in"] == "query"]
    for path, operations in DOCUMENTED.items()
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


@pytest.mark.slow
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


# --- refusals ---


@dataclass
class Rows:
    """What Bob may see, and what he may not: an ad account and its rows of each."""

    own: dict[str, int | str]
    others: dict[str, int | str]


@pytest.fixture
def rows(bobs_ad_account: AdAccount) -> Rows:
    return Rows(_rows(bobs_ad_account), _rows(builders.make_ad_account(name="Somebody else's")))


def _rows(ad_account: AdAccount) -> dict[str, int | str]:
    campaign = builders.make_campaign(account=ad_account)
    creative = builders.make_creative(campaign=campaign)
    run = builders.make_sync_run(account=ad_account)
    builders.make_rejected_record(run=run)
    return {
        "ad_account": ad_account.pk,
        "ad_account_id": ad_account.pk,
        "campaign": campaign.pk,
        "campaign_id": campaign.pk,
        "creative_id": creative.pk,
        "run_id": run.pk,
        "ad-accounts": ad_account.pk,
        "campaigns": campaign.pk,
        "creatives": creative.pk,
        "findings": builders.make_finding(campaign=campaign).pk,
        "sync-logs": run.pk,
        "snapshots": Snapshot.objects.create(
            ad_account=ad_account, trigger="manual", asked_at=NOW, first_day=DAY, last_day=DAY
        ).pk,
    }


def assert_refused(response: Any, *statuses: int) -> str:
    """With a sentence and, on a page, a link to what there is; returns what it says."""
    assert response.status_code in statuses, (response.request, response.content[:500])
    said = response.content.decode()
    if response["Content-Type"].startswith("text/html"):
        assert 'role="alert"' in said
        assert 'href="' in said.partition('role="alert"')[2]
    else:
        assert "." in said
    return str(said)


@pytest.mark.parametrize("name", sorted(_FORMS))
def test_forms_refuse_what_is_not_there(as_alice: Client, name: str) -> None:
    for parameter in PARAMETERS[name]:
        for value in (NONSENSE, UNKNOWN_ID):
            answer = as_alice.get(reverse(name), {parameter: value})
            assert answer.status_code == 400
            assert "errorlist" in answer.content.decode() or "text-red" in answer.content.decode()


@pytest.mark.parametrize("name", [name for name in PARAMETERS if name not in _OF_SIGN_IN | _FORMS])
def test_pages_refuse_what_is_not_there(as_bob: Client, rows: Rows, name: str) -> None:
    address = reverse(name)
    assert_refused(as_bob.get(address, {NONSENSE: "1"}), 400)
    for parameter in PARAMETERS[name]:
        assert_refused(as_bob.get(address, {parameter: NONSENSE}), 400)
        if parameter in _IDS:
            unknown = assert_refused(as_bob.get(address, {parameter: UNKNOWN_ID}), 404)
            if parameter in rows.others:
                foreign = as_bob.get(address, {parameter: str(rows.others[parameter])})
                assert _without(assert_refused(foreign, 404), rows.others[parameter]) == _without(unknown, UNKNOWN_ID)
                assert as_bob.get(address, {parameter: str(rows.own[parameter])}).status_code == 200
        if parameter == "page":
            assert_refused(as_bob.get(address, {parameter: "99999"}), 404)


def _without(page: str, sent: object) -> str:
    """A page keeps the filters in its links, and its forms have tokens of their own."""
    return re.sub('csrfmiddlewaretoken" value="[^"]*"', "", page.replace(str(sent), ""))


# Whose address LinkedIn, Django's admin or a library reads, each in its own way.
_READ_ELSEWHERE = {
    "accounts:callback", "admin:login", "admin:logout", "admin:jsi18n", "admin:search", "admin:autocomplete",
    "admin:app_list", "admin:password_change", "admin:password_change_done", "admin:view_on_site", "people:begin",
    "people:complete",
}  # fmt: skip


def _own_pages() -> Iterator[str]:
    """Every page of ours that a GET shows to an owner, and that is none of the API or of the admin's tables."""
    for name, outcomes in PAGES.items():
        is_ours = name.startswith(("accounts:", "people:", "reporting:")) or name == "admin:index"
        if is_ours and name not in _READ_ELSEWHERE and outcomes[-1] == 200:
            yield name


@pytest.mark.parametrize("name", list(_own_pages()))
def test_every_page_refuses_a_parameter_that_it_does_not_have(
    as_alice: Client, bobs_ad_account: AdAccount, name: str
) -> None:
    """Whichever room it is in."""
    pattern = next(one for one in every_pattern() if one.name == name)
    values = {
        "ad_account_id": bobs_ad_account.pk,
        "run_id": builders.make_sync_run(account=bobs_ad_account).pk,
        "connection_id": builders.make_connection(user=builders.make_user()).pk,
        "name": "trend",
        "uidb64": "x",
        "token": "unknown",
        "snapshot_id": 1,
    }
    address = "/" + pattern.route
    for argument in pattern.arguments:
        address = address.replace(f"<{argument}>", str(values[argument]))
    said = assert_refused(as_alice.get(address, {NONSENSE: "1"}), 400)
    assert "Unknown parameter" in said


def test_a_refusal_has_no_capital_letter_after_a_colon(as_alice: Client) -> None:
    said = assert_refused(as_alice.get("/sync/", {"status": NONSENSE}), 400)
    assert "“status” in the address" in said
    assert ". There is no “nonsense”; choose one of" in said


def test_the_plan_refuses_in_the_words_of_the_house(as_alice: Client, bobs_ad_account: AdAccount) -> None:
    """Django's own texts name no remedy."""
    shown = {
        "ad_accounts": "There is no such ad account, or it is not shared with you; choose from the list.",
        "first_day": "Not a valid date; write it as YYYY-MM-DD.",
        "last_day": "Not a valid date; write it as YYYY-MM-DD.",
    }
    for name, sentence in shown.items():
        for wrong in (NONSENSE, str(UNKNOWN_ID), "2026-13-01"):
            asked = {"ad_accounts": bobs_ad_account.pk} | {name: wrong}
            page = as_alice.get("/sync/plan/", asked)
            assert page.status_code == 400
            assert sentence in page.content.decode()
    for days in ("", "0", "x", "99999"):
        page = as_alice.post("/snapshots/take/", {"ad_account": bobs_ad_account.pk, "days": days})
        assert "Give a whole number of days from 1 to" in page.content.decode()
    assert (
        "There is no such ad account"
        in as_alice.post("/snapshots/take/", {"ad_account": 404, "days": 3}).content.decode()
    )
    tokens = as_alice.post("/people/me/tokens/", {"name": "", "scope": NONSENSE, "days": "7"}).content.decode()
    for sentence in ("Give a name, so that you", "Choose a scope from the list.", "Choose from the list how long"):
        assert sentence in tokens


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.label)
def test_a_row_that_is_not_there_is_refused_in_one_way(as_alice: Client, as_bob: Client, rows: Rows, model) -> None:
    """Django says that it may have been deleted, and sends people to the first page."""
    name = f"{model._meta.app_label}_{model._meta.model_name}"
    for action in ("change", "delete", "history"):
        address = reverse(f"admin:{name}_{action}", args=[str(UNKNOWN_ID)])
        answer = as_alice.get(address)
        if answer.status_code != 403:
            said = assert_refused(answer, 404)
            assert f"There is no such {model._meta.verbose_name}, or you may not see it." in unescape(said)
        key = {"campaign": "campaign", "creative": "creative_id", "adaccount": "ad_account"}.get(model._meta.model_name)
        if key and action == "change":
            foreign, unknown = (
                assert_refused(as_bob.get(reverse(f"admin:{name}_change", args=[quote(one)])), 404)
                for one in (rows.others[key], UNKNOWN_ID)
            )
            assert foreign == unknown


@pytest.mark.parametrize("name", NAMES)
def test_sections_refuse_what_is_not_there(as_bob: Client, rows: Rows, name: str) -> None:
    address = reverse("reporting:report_section", args=[name])
    assert as_bob.get(address).status_code == 200
    for parameter in (*PARAMETERS["reporting:report"], "format"):
        for more in ({}, {"format": "csv"}) if parameter != "format" else ({},):
            assert_refused(as_bob.get(address, {parameter: NONSENSE, **more}), 400)
    for parameter in ("ad_account", "campaign"):
        unknown, foreign = (
            assert_refused(as_bob.get(address, {parameter: one}), 404) for one in (UNKNOWN_ID, rows.others[parameter])
        )
        assert foreign == unknown
    assert_refused(as_bob.get(address, {"first_day": "2026-11-02", "last_day": "2026-11-01"}), 400)


def test_the_report_refuses_days_that_are_reversed(as_bob: Client, rows: Rows) -> None:
    assert_refused(as_bob.get("/report/", {"first_day": "2026-11-02", "last_day": "2026-11-01"}), 400)


@pytest.mark.parametrize("path", DOCUMENTED)
def test_the_api_refuses_what_is_not_there(as_bob: Client, as_alice: Client, rows: Rows, path: str) -> None:
    """Bob's own rows are found: it is not for another reason that the others are not."""
    if f"{path}/".split("/")[3] in {"connections", "schedules"}:
        as_bob = as_alice
    of_own, of_others, unknown = (
        path.replace("{id}", str(found.get(f"{path}/".split("/")[3], UNKNOWN_ID)))
        for found in (rows.own, rows.others, {})
    )
    operations = DOCUMENTED[path]
    if "get" in operations:
        _assert_the_api_refuses(as_bob, of_own, operations["get"].get("parameters", ()), rows)
        if "{id}" in path:
            said = [assert_refused(as_bob.get(one), 404) for one in (of_others, unknown)]
            assert _message(said[0]) == _message(said[1])
    if "post" in operations:
        answer = as_alice.post(f"{of_own}?{NONSENSE}=1", {}, content_type="application/json")
        assert "Unknown parameter" in assert_refused(answer, 400)


def _assert_the_api_refuses(browser: Client, address: str, parameters: Sequence[dict[str, Any]], rows: Rows) -> None:
    assert_refused(browser.get(address, {NONSENSE: "1"}), 400)
    names = [one["name"] for one in parameters if one["in"] == "query"]
    for name in names:
        if name not in _FREE_TEXT:
            assert_refused(browser.get(address, {name: NONSENSE}), 400, 404)
        if name in rows.others or name == "id":
            key = f"{address}/".split("/")[3] if name == "id" else name
            own, foreign = rows.own[key], rows.others[key]
            assert browser.get(address, {name: own}).status_code == 200, (address, name)
            said = [assert_refused(browser.get(address, {name: one}), 404) for one in (foreign, UNKNOWN_ID)]
            assert _message(said[0]) == _message(said[1])
            assert _message(assert_refused(browser.get(address, {name: f"{own},{UNKNOWN_ID}"}), 404))
    for start in names:
        for end in {f"{start.removesuffix('_from')}{ending}" for ending in ("_to", "_before")} & set(names):
            days = ("2026-11-02", "2026-11-01")
            given = days if end.endswith("_to") else tuple(f"{day}T00:00:00Z" for day in days)
            assert_refused(browser.get(address, {start: given[0], end: given[1]}), 400)
    if {"first_day", "last_day"} <= set(names):
        assert_refused(browser.get(address, {"first_day": "2026-11-02", "last_day": "2026-11-01"}), 400)


# Texts of people and of LinkedIn, which may be anything.
_FREE_TEXT = {"name", "creative_name", "search", "segment", "endpoint"}


def _message(said: str) -> object:
    return json.loads(said)["detail"]


@pytest.mark.slow
@pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.label)
def test_lists_refuse_what_is_not_there(as_alice: Client, bobs_ad_account: AdAccount, model) -> None:
    ROWS[model](bobs_ad_account)
    model_admin = admin.site.get_model_admin(model)
    address = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    for parameter in {*_parameters_of(model_admin), NONSENSE, "p", "o", "e", "ad_account"}:
        assert_refused(as_alice.get(address, {parameter: NONSENSE}), 400, 404)
        if parameter.endswith("_from"):
            reversed_days = {parameter: "2026-11-02", f"{parameter.removesuffix('_from')}_to": "2026-11-01"}
            assert_refused(as_alice.get(address, reversed_days), 400)
    assert_refused(as_alice.get(address, {"p": "99999"}), 404)
    # A form sends the filters that nobody filled in, too.
    blank = dict.fromkeys({*_parameters_of(model_admin), "q", "o"}, "")
    shown = [as_alice.get(address, sent).context["cl"].result_count for sent in ({}, blank)]
    assert shown[0] == shown[1]


@pytest.mark.parametrize("model", [model for model in MODELS if model._meta.app_label == "ingestion"])
def test_lists_do_not_tell_whether_somebody_elses_ad_account_exists(as_bob: Client, rows: Rows, model) -> None:
    model_admin = admin.site.get_model_admin(model)
    if "ad_account" not in _parameters_of(model_admin):
        return
    address = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    foreign, unknown = (
        assert_refused(as_bob.get(address, {"ad_account": one}), 404) for one in (rows.others["ad_account"], UNKNOWN_ID)
    )
    assert foreign == unknown


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


def test_a_page_number_that_is_none_is_refused(as_alice: Client) -> None:
    """It failed: PostgreSQL skips no more rows than a bigint counts."""
    builders.make_sync_run(account=builders.make_ad_account(name="The brand"))
    page = as_alice.get("/sync/?page=99999999999999999999")
    assert page.status_code == 400
    assert "The brand" not in page.content.decode()
