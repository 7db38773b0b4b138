"""Nothing that a viewer can open names a colleague, quotes their reasons, or says who gave a consent."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

import pytest
from django.contrib import admin
from django.http.response import HttpResponseBase
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import access
from accounts.models import AdAccount, User
from accounts.roles import Role
from ingestion.models import AdAccountSettings, SyncGate
from ingestion.timetable.freshness import pass_gate
from reporting.checks import findings
from reporting.models import Finding
from reporting.snapshots import snapshot_store
from tests import builders
from tests.builders import NOW
from tests.conftest import signed_in
from tests.house.test_every_url_and_role import MODELS, PAGES
from tests.house.urls import every_pattern

pytestmark = pytest.mark.django_db
# What would give a colleague away.
NAME, SURNAME, EMAIL, REASON = "Zacharias", "Quellenberg", "zq@colleagues.example", "Because-the-boss-wants-it"
TELLS: Final = (NAME, SURNAME, EMAIL, REASON)


@pytest.fixture
def colleague(bobs_ad_account: AdAccount) -> User:
    """Has done everything that leaves a name on the ad account that Bob sees."""
    person = builders.make_user(email=EMAIL, first_name=NAME, last_name=SURNAME, role=Role.MANAGER)
    connection = builders.make_connection(
        user=person,
        access_token_expires_at=timezone.now() + timedelta(days=3),
        refresh_token=None,
        refresh_token_expires_at=None,
    )
    builders.make_role(ad_account=bobs_ad_account, connection=connection)
    campaign = builders.make_campaign(account=bobs_ad_account)
    accepted, assigned = (
        builders.make_finding(campaign=campaign, rule_id=rule) for rule in ("max_delivery", "low_ctr")
    )
    findings.accept([accepted.pk], reason=REASON, by=person, now=NOW)
    findings.assign([assigned.pk], to=person, by=person, now=NOW)
    builders.make_sync_run(account=bobs_ad_account, asked_by=person, trigger="manual")
    snapshot = snapshot_store.queue(bobs_ad_account, days=1, asked_by=person, now=NOW)
    assert snapshot.asked_by == person
    AdAccountSettings.objects.create(account=bobs_ad_account, is_paused=True, paused_by=person)
    pass_gate(bobs_ad_account.pk, force=False, by_hand=False, now=NOW)
    return person


def text_of(response: HttpResponseBase) -> str:
    content = b"".join(response) if response.streaming else response.content  # type: ignore[attr-defined]
    return content.decode(errors="replace")


def addresses(ad_account: AdAccount) -> Iterator[str]:
    """Every page without arguments, every row of the admin, every list of the API in each format."""
    yield from (f"/{one.route}" for one in every_pattern() if not one.arguments and one.name in PAGES)
    yield from ("/actions/?state=all", "/actions/findings.csv?state=all")
    yield from of_the_admin()
    for name in ("findings", "sync-logs", "snapshots", "ad-accounts", "campaigns"):
        yield from (f"/api/v1/{name}{more}" for more in ("", "?format=csv", "?format=ndjson", "/changes"))
    yield from (f"/api/v1/findings/{one.pk}" for one in Finding.objects.all())
    yield from (reverse("reporting:run", args=[one.pk]) for one in ad_account.sync_runs.all())


def of_the_admin() -> Iterator[str]:
    for model in MODELS:
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        for row in model._default_manager.all()[:3]:
            yield from (reverse(f"{name}_{action}", args=[row.pk]) for action in ("change", "history"))
        if hasattr(admin.site.get_model_admin(model), "export"):
            yield reverse(f"{name}_export", args=["csv"])


@pytest.mark.slow
@pytest.mark.exhaustive
@pytest.mark.usefixtures("snapshot_folder")
def test_no_page_file_or_reply_gives_a_colleague_away(
    as_bob: Client, colleague: User, bobs_ad_account: AdAccount
) -> None:
    seen = 0
    for address in addresses(bobs_ad_account):
        said = text_of(as_bob.get(address))
        assert not [one for one in TELLS if one in said], address
        seen += 1
    assert seen > 100


@pytest.mark.slow
@pytest.mark.exhaustive
@pytest.mark.usefixtures("snapshot_folder")
def test_others_see_them_where_they_matter(colleague: User, bobs_ad_account: AdAccount) -> None:
    """So that the test above looks where there is something to be seen."""
    as_analyst = signed_in(builders.make_user(role=Role.ANALYST))
    found = {address: text_of(as_analyst.get(address)) for address in addresses(bobs_ad_account)}
    for one, others in {
        "/actions/": (NAME,),
        "/actions/?state=all": (NAME, REASON),
        "/actions/findings.csv?state=all": (EMAIL, REASON),
        "/api/v1/findings": (EMAIL, REASON),
        "/api/v1/findings?format=csv": (EMAIL, REASON),
        "/api/v1/status": (NAME,),
        "/snapshots/": (NAME,),
        "/sync/": (NAME,),
    }.items():
        assert all(other in found[one] for other in others), one


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("snapshot_folder", "colleague")
def test_the_change_feed_leaves_out_the_reasons(as_bob: Client) -> None:
    as_analyst = signed_in(builders.make_user(role=Role.ANALYST))
    of_bob, of_the_analyst = (one.get("/api/v1/findings/changes").json()["results"] for one in (as_bob, as_analyst))
    assert {one["row"]["accepted_reason"] for one in of_bob} == {None}
    assert {one["row"]["accepted_reason"] for one in of_the_analyst} == {None, REASON}


@pytest.mark.parametrize("role", Role)
def test_only_viewers_do_not(role: Role) -> None:
    assert access.sees_colleagues(builders.make_user(role=role)) is (role != Role.VIEWER)


def test_a_viewer_cannot_find_out_who_a_finding_is_assigned_to(as_bob: Client, colleague: User) -> None:
    assert as_bob.get(f"/actions/?assignee={colleague.pk}").status_code == 404
    known, unknown = (as_bob.get(f"/api/v1/findings?assignee={one}") for one in (EMAIL, "nobody@nowhere.example"))
    assert (known.status_code, unknown.status_code) == (400, 400)
    assert known.json()["detail"] == unknown.json()["detail"]


def test_the_gate_names_nobody(colleague: User) -> None:
    assert SyncGate.objects.get().answer == "paused in its settings"
