import re

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.staticfiles import finders
from django.test import Client, RequestFactory
from django.urls import reverse

from accounts.models import User
from accounts.roles import Role
from accounts.shell.admin_base import ListAdmin
from reporting.pages import navigation
from tests.builders import make_user
from tests.conftest import signed_in

pytestmark = pytest.mark.django_db

PAGES = ["Overview", "Visual report", "Action center", "Snapshots", "Exports", "Sync"]
DATA = ["Ad accounts", "Campaigns", "Creatives", "Campaign metrics", "Creative metrics", "Demographics", "Daily totals"]
NAME_OF_A_LIST = re.compile(r"admin:(?P<app>\w+)_(?P<model>[a-z]+)_changelist")
SYNC = ["Ad account states", "Runs", "Rejected records", "Incomplete days"]


def titles(user: User) -> dict[str, list[str]]:
    request = RequestFactory().get("/admin/")
    request.user = user
    return {group["title"]: [item["title"] for item in group["items"]] for group in navigation.sidebar(request)}


def links(user: User) -> list[str]:
    request = RequestFactory().get("/admin/")
    request.user = user
    return [item["link"] for group in navigation.sidebar(request) for item in group["items"]]


def test_owners_see_everything_in_the_order_people_look_for_it(alice: User) -> None:
    assert titles(alice) == {
        "": [*PAGES, "Status"],
        "Data": [*DATA, "Removed ad accounts"],
        "Sync": [*SYNC, "Timetable", "Ad account settings"],
        "LinkedIn": ["Connections", "Roles", "Consent warnings"],
        "People": [
            "People",
            "Invitations",
            "Grants",
            "API tokens",
            "Service accounts",
            "Failed logins",
            "Audit trail",
            "Alerts",
            "Unsent events",
        ],
    }


def test_managers_see_no_people(db: None) -> None:
    seen = titles(make_user(email="mia@example.com", role=Role.MANAGER))
    assert "People" not in seen
    assert seen["Sync"] == [*SYNC, "Timetable", "Ad account settings"]
    assert seen["LinkedIn"] == ["Connections", "Roles", "Consent warnings"]


def test_viewers_see_what_linkedin_told(bob: User) -> None:
    assert titles(bob) == {"": PAGES, "Data": DATA, "Sync": SYNC}


@pytest.mark.parametrize("role", Role)
def test_no_entry_leads_to_a_refusal(role: Role) -> None:
    user = make_user(email="one@example.com", role=role)
    browser = signed_in(user)
    assert {link: browser.get(link).status_code for link in links(user)} == dict.fromkeys(links(user), 200)


def test_the_page_draws_the_sidebar_and_marks_where_one_is(as_bob: Client) -> None:
    page = as_bob.get(reverse("admin:ingestion_synclog_changelist"))
    marked = [
        item["title"] for group in page.context["sidebar_navigation"] for item in group["items"] if item["active"]
    ]
    assert marked == ["Runs"]


def test_the_sidebar_asks_the_database_nothing(alice: User, django_assert_num_queries) -> None:
    with django_assert_num_queries(0):
        links(alice)


def test_icons_are_among_the_static_files(as_alice: Client) -> None:
    page = as_alice.get(reverse("admin:index")).content.decode()
    for name in ("icon.svg", "icon.png"):
        assert finders.find(f"reporting/{name}")
        assert f'href="/static/reporting/{name}"' in page


def test_a_list_is_called_as_the_entry_that_leads_to_it():
    """But for the timetable, whose model is a library's."""
    for entry in (entry for group in navigation.GROUPS.values() for entry in group):
        named = NAME_OF_A_LIST.fullmatch(entry.url_name)
        if named and named["model"] != "periodictask":
            heading = apps.get_model(named["app"], named["model"])._meta.verbose_name_plural
            assert entry.title.lower() in str(heading).lower()


def test_every_list_says_what_to_do_while_it_is_empty():
    for model, its_admin in admin.site._registry.items():
        if isinstance(its_admin, ListAdmin):
            assert its_admin.nothing_yet.endswith("."), model
