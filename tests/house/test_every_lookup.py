"""No address of a list reaches a column by a look-up that no filter of the list offers, nor runs for long.

Django's admin takes any look-up on any column, also of rows that a row points to.
"""

from collections.abc import Iterator
from typing import Any, Final

import pytest
from django.contrib import admin
from django.db import connection, models
from django.http import HttpRequest
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import AdAccount, User
from accounts.shell.admin_base import ListAdmin
from accounts.shell.list_address import MAX_SEARCH_LENGTH
from tests import builders
from tests.house.test_every_request_value import OF_THE_API, assert_refused
from tests.house.test_every_url_and_role import MODELS, ROWS

pytestmark = pytest.mark.django_db
# A regular expression that runs for a minute, and one that PostgreSQL does not understand.
HOSTILE: Final = ("(x{1,100}){1,100}y", "(")
LOOKUPS: Final = ("regex", "iregex", "startswith", "contains", "gt", "lt", "range", "in", "isnull", "year")


def address_of(model: type[models.Model], action: str = "changelist") -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{action}")


def offered_by(model: type[models.Model]) -> set[str]:
    """The parameters of its filters, as Django itself makes them."""
    request = HttpRequest()
    request.user = builders.make_user(role="owner")
    specs = admin.site.get_model_admin(model).get_changelist_instance(request).filter_specs
    return {str(name) for spec in specs for name in spec.expected_parameters()}


def paths(model: type[models.Model], *, deep: bool = True) -> Iterator[str]:
    """Its columns, and those of the rows that it points to or that point to it."""
    for field in model._meta.get_fields():
        yield field.name
        related = field.related_model
        if deep and field.is_relation and isinstance(related, type):
            yield from (f"{field.name}__{path}" for path in paths(related, deep=False))


def test_every_list_is_one_of_ours() -> None:
    assert {type(one).__name__ for one in admin.site._registry.values() if not isinstance(one, ListAdmin)} == set()


@pytest.mark.slow
@pytest.mark.exhaustive
@pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.label)
def test_a_list_takes_no_lookup_but_those_of_its_filters(
    as_alice: Client, bobs_ad_account: AdAccount, model: type[models.Model]
) -> None:
    ROWS[model](bobs_ad_account)
    offered = offered_by(model)
    own = set(paths(model, deep=False))
    names = own | {f"{path}__{one}" for path in own for one in LOOKUPS}
    names |= {f"{path}__{one}" for path in set(paths(model)) - own for one in ("regex", "startswith")}
    for name in sorted(names - offered):
        value = HOSTILE[0] if name.endswith("regex") else "1"
        with CaptureQueriesContext(
            connection,
        ) as asked:
            assert_refused(as_alice.get(address_of(model), {name: value}), 400)
        assert not any(" ~ " in one["sql"] or " ~* " in one["sql"] for one in asked.captured_queries), name


@pytest.mark.parametrize(
    ("list_name", "parameter"),
    [
        ("ingestion_campaigndailymetric", "spend__regex"),
        ("ingestion_campaigndailymetric", "campaign__name__iregex"),
        ("accounts_adaccount", "name__regex"),
        ("accounts_user", "password__startswith"),
        ("accounts_user", "linkedin_connections__access_token__regex"),
        ("accounts_linkedinconnection", "access_token__startswith"),
        ("accounts_linkedinconnection", "user__password__regex"),
        ("accounts_linkedinadaccountrole", "connection__refresh_token__regex"),
        ("accounts_apitoken", "digest__startswith"),
        ("accounts_invitation", "token_digest__startswith"),
        ("accounts_auditevent", "detail__regex"),
        ("accounts_adaccountaccess", "user__password__startswith"),
        ("ingestion_synclog", "asked_by__password__startswith"),
    ],
)
@pytest.mark.parametrize("value", HOSTILE)
def test_a_hostile_lookup_is_refused_with_words(as_alice: Client, list_name: str, parameter: str, value: str) -> None:
    said = assert_refused(as_alice.get(reverse(f"admin:{list_name}_changelist"), {parameter: value}), 400)
    assert "no such filter" in said


@pytest.mark.parametrize("export", ["csv", "xlsx"])
def test_a_download_takes_the_same_filters(as_alice: Client, export: str) -> None:
    address = reverse("admin:ingestion_campaign_export", args=[export])
    assert_refused(as_alice.get(address, {"name__regex": HOSTILE[0]}), 400)


def test_an_action_on_the_selected_rows_takes_the_same_filters(as_alice: Client, bob: User) -> None:
    form = {"action": "end_sessions", "_selected_action": bob.pk}
    assert_refused(as_alice.post(f"{address_of(User)}?password__startswith=md5", form), 400)


@pytest.mark.parametrize("parameters", ["_to_field=password", "_to_field=email__regex", "e=1", "o=1.1", "o=1.-1"])
def test_a_list_refuses_what_no_page_links_to(as_alice: Client, parameters: str) -> None:
    assert_refused(as_alice.get(f"{address_of(User)}?{parameters}"), 400)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.label)
def test_a_search_has_a_length(as_alice: Client, bobs_ad_account: AdAccount, model: type[models.Model]) -> None:
    ROWS[model](bobs_ad_account)
    for term in ("w " * MAX_SEARCH_LENGTH, "\\", "%_%", "'\"", "a" * MAX_SEARCH_LENGTH):
        response = as_alice.get(address_of(model), {"q": term})
        is_searched = bool(admin.site.get_model_admin(model).search_fields)
        assert response.status_code == (200 if is_searched and len(term) <= MAX_SEARCH_LENGTH else 400), term


def autocompletes() -> Iterator[tuple[str, str, str]]:
    for model in MODELS:
        for field in model._meta.get_fields():
            related = field.related_model
            if field.concrete and field.is_relation and related in MODELS:
                yield model._meta.app_label, str(model._meta.model_name), field.name


@pytest.mark.parametrize("of", [*autocompletes()], ids=".".join)
@pytest.mark.parametrize(
    "more", [{"term": "w " * 500}, {"page": "x"}, {"page": "-1"}, {"page": "9" * 30}, {"term": "("}, {"term": "\\"}]
)
def test_fields_that_find_rows_by_typing_answer(as_alice: Client, of: tuple[str, str, str], more: Any) -> None:
    names = dict(zip(("app_label", "model_name", "field_name"), of, strict=True))
    response = as_alice.get(reverse("admin:autocomplete"), names | {"term": ""} | more)
    assert response.status_code in {200, 400, 404}, (names, more)


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({"s": "sync"}, 200),
        ({"s": "sync", "page": "1"}, 200),
        ({"s": "sync", "extended": "1"}, 200),
        ({"s": "sync", "page": "x"}, 400),
        ({"s": "sync", "page": "0"}, 400),
        ({"s": "sync", "page": "99"}, 404),
        ({"s": "s" * 1000}, 400),
    ],
)
def test_the_search_of_the_sidebar_answers(as_alice: Client, asked: dict[str, str], status: int) -> None:
    assert as_alice.get(reverse("admin:search"), asked).status_code == status


def test_the_search_of_the_sidebar_says_that_it_needs_valkey(as_alice: Client, settings: Any) -> None:
    settings.CACHES = {"default": {**settings.CACHES["default"], "LOCATION": ["redis://127.0.0.1:1/0"]}}
    assert as_alice.get(reverse("admin:search"), {"s": "sync"}).status_code == 503


@pytest.mark.slow
@pytest.mark.exhaustive
@pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.label)
def test_a_form_takes_any_value_from_its_address(as_alice: Client, model: type[models.Model]) -> None:
    """What a link fills in, may be filled in wrongly."""
    for field in model._meta.get_fields():
        for value in ("x", "-1", "9" * 30, "(", "1,x", ""):
            response = as_alice.get(address_of(model, "add"), {field.name: value})
            if response.status_code not in {200, 403}:
                assert_refused(response, 400)


def test_a_form_is_filled_in_by_its_address(as_alice: Client, bobs_ad_account: AdAccount) -> None:
    address = reverse("admin:ingestion_adaccountsettings_add")
    assert "Bob&#x27;s brand" in as_alice.get(address, {"account": bobs_ad_account.pk}).content.decode()
    said = assert_refused(as_alice.get(address, {"account": "x"}), 400)
    assert "“account” in the address is not valid" in said
    clocked = as_alice.get(
        reverse("admin:django_celery_beat_clockedschedule_add"), {"clocked_time": "2026-11-20 10:30"}
    )
    assert 'value="10:30' in clocked.content.decode()


CURSORS: Final = (
    "x", "~", ".", "a~" + "b" * 43, "." + "a" * 50 + "~" + "b" * 43, "ü~ü", "A" * 3000, "eyJ0ZXN0IjogMX0", "0", "-1",
)  # fmt: skip


@pytest.mark.slow
@pytest.mark.exhaustive
@pytest.mark.parametrize("path", [path for path, parameters in OF_THE_API.items() if parameters])
def test_the_api_refuses_hostile_values_or_answers(as_alice: Client, bobs_ad_account: AdAccount, path: str) -> None:
    builders.make_campaign_day(campaign=builders.make_campaign(account=bobs_ad_account))
    for parameter in OF_THE_API[path]:
        for value in (*HOSTILE, *CURSORS, "1," * 500 + "1", "\\", "%", "'; SELECT pg_sleep(9) --", "1e400", "NaN"):
            response = as_alice.get(path, {parameter: value})
            assert response.status_code in {200, 400, 404, 406, 410}, (parameter, value)
            assert response.status_code == 200 or "detail" in response.json(), (parameter, value)
            if response.streaming:
                b"".join(response)
