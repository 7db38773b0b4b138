"""The sync page: runs as each person may see them, starting after a look at the plan, cancelling, trying again."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import AdAccount, User
from accounts.roles import Role
from ingestion import tasks
from ingestion.models import RejectedRecord, SyncLog
from tests.builders import make_ad_account, make_campaign, make_sync_run, make_user
from tests.conftest import signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def told(monkeypatch) -> list[Any]:
    calls: list[Any] = []
    monkeypatch.setattr(tasks.sync_ad_account, "delay", lambda ad_account_id, **_: calls.append(ad_account_id))
    return calls


@pytest.fixture
def as_manager() -> Client:
    return signed_in(make_user(email="mia@example.com", role=Role.MANAGER))


def running(ad_account: AdAccount, **changes: Any) -> SyncLog:
    now = timezone.now()
    progress = {"step": "creative days", "share": 0.42}
    alive = {"status": "running", "started_at": now, "heartbeat_at": now, "finished_at": None, "progress": progress}
    return make_sync_run(account=ad_account, **alive | changes)


def test_without_any_run_it_says_what_to_do_first(as_manager):
    page = as_manager.get("/sync/").content.decode()
    assert "No syncs yet" in page
    assert 'href="/linkedin/connect/"' in page


def test_runs_are_listed_with_what_they_did_and_why_they_failed(as_manager, django_assert_max_num_queries):
    for number in range(30):
        make_sync_run(account=make_ad_account(name=f"Brand {number}"))
    make_sync_run(
        account=make_ad_account(name="Lost"),
        status="failed",
        errors="LinkedIn refused. Ask for a role.",
        error_kind="access",
    )
    with django_assert_max_num_queries(15):
        page = as_manager.get("/sync/").content.decode()
    assert "Brand 29" in page
    assert "LinkedIn refused. Ask for a role." in page


def test_the_list_refreshes_itself_only_while_something_is_under_way(as_manager):
    ad_account = make_ad_account()
    make_sync_run(account=ad_account)
    assert 'hx-get="/sync/' not in as_manager.get("/sync/").content.decode()
    running(ad_account)
    assert 'hx-trigger="every 2s"' in as_manager.get("/sync/").content.decode()
    part = as_manager.get("/sync/", headers={"HX-Request": "true"}).content.decode()
    assert part.strip().startswith('<div id="runs"')
    assert "Creative days, 42 %" in part


def test_the_list_can_be_narrowed(as_manager):
    good, bad = make_ad_account(name="Good one"), make_ad_account(name="Bad one")
    make_sync_run(account=good)
    make_sync_run(account=bad, status="failed")
    runs = as_manager.get("/sync/?status=failed", headers={"HX-Request": "true"}).content.decode()
    assert "Bad one" in runs
    assert "Good one" not in runs
    runs = as_manager.get(f"/sync/?ad_account={good.pk}", headers={"HX-Request": "true"}).content.decode()
    assert "Good one" in runs
    assert "Bad one" not in runs
    assert "No runs match this filter" in as_manager.get("/sync/?status=cancelled").content.decode()


def test_older_runs_are_a_page_away(as_manager):
    ad_account = make_ad_account()
    start = timezone.now()
    for number in range(52):
        make_sync_run(account=ad_account, started_at=start - timedelta(hours=number), finished_at=start)
    assert "Older" in as_manager.get("/sync/").content.decode()
    second = as_manager.get("/sync/?page=2").content.decode()
    assert "Newer" in second
    assert "Older" not in second


@pytest.mark.parametrize(
    ("query", "status", "sentence"),
    [
        ("?page=x", 400, "Give a whole number"),
        ("?page=0", 400, "Give a whole number"),
        ("?page=99999", 404, "There is no page 99999; the list ends before it."),
        ("?ad_account=x", 400, "Not a valid id"),
        ("?ad_account=404", 404, "There is no such ad account, or you may not see it."),
        ("?status=x", 400, "choose one of queued"),
        ("?sort=x", 400, "Unknown parameter “sort”"),
    ],
)
def test_an_address_that_asks_for_what_is_not_there_is_refused(as_manager, query, status, sentence):
    answer = as_manager.get(f"/sync/{query}")
    assert answer.status_code == status
    assert sentence in answer.content.decode()
    assert 'href="/sync/"' in answer.content.decode()


def test_a_viewer_sees_the_runs_of_granted_ad_accounts_alone(as_bob, bobs_ad_account):
    own = make_sync_run(account=bobs_ad_account)
    other = make_sync_run(account=make_ad_account(name="Somebody else's"))
    discovery = make_sync_run(account=None)
    page = as_bob.get("/sync/").content.decode()
    assert "Bob&#x27;s brand" in page
    assert "Somebody else" not in page
    assert "all ad accounts" not in page
    assert "Start a sync" not in page
    assert as_bob.get(f"/sync/runs/{own.pk}/").status_code == 200
    assert as_bob.get(f"/sync/runs/{other.pk}/").status_code == 404
    assert as_bob.get(f"/sync/runs/{discovery.pk}/").status_code == 404


def test_the_plan_is_shown_before_anything_is_asked(as_manager, told):
    ad_account = make_ad_account(name="Planned")
    make_campaign(account=ad_account)
    page = as_manager.post("/sync/plan/", {"ad_accounts": [ad_account.pk]}).content.decode()
    assert "What this sync will request from LinkedIn" in page
    assert "Start 1 sync" in page
    assert not SyncLog.objects.exists()
    assert told == []


def test_starting_queues_and_says_so(as_manager, told, django_capture_on_commit_callbacks):
    ad_accounts = [make_ad_account(), make_ad_account()]
    ids = [one.pk for one in ad_accounts]
    with django_capture_on_commit_callbacks(execute=True):
        page = as_manager.post("/sync/start/", {"ad_accounts": ids}, follow=True).content.decode()
    assert "You requested a sync of 2 ad accounts." in page
    assert sorted(told) == sorted(ids)
    assert set(SyncLog.objects.values_list("status", "asked_by__email")) == {("queued", "mia@example.com")}


def test_a_fresh_ad_account_is_told_apart(as_manager, told):
    ad_account = make_ad_account(name="Fresh brand")
    now = timezone.now()
    make_sync_run(
        account=ad_account,
        started_at=now,
        finished_at=now,
        last_day=now.date(),
        first_day=now.date() - timedelta(days=90),
    )
    page = as_manager.post("/sync/start/", {"ad_accounts": [ad_account.pk]}, follow=True).content.decode()
    assert "synced just now" in page
    assert told == []


@pytest.mark.parametrize(
    ("wish", "sentence"),
    [
        ({}, "Choose at least one ad account."),
        ({"first_day": "2026-03-02", "last_day": "2026-03-01"}, "The last day is before the first; swap them."),
        ({"first_day": "2999-01-01"}, "This day is in the future"),
        ({"first_day": "soon"}, "Not a valid date; write it as YYYY-MM-DD."),
    ],
)
def test_bad_input_is_explained_and_loses_nothing(as_manager, told, wish, sentence):
    ad_account = make_ad_account()
    chosen = {"ad_accounts": [ad_account.pk]} if wish else {}
    for address in ("/sync/plan/", "/sync/start/"):
        answer = as_manager.post(address, chosen | wish)
        assert answer.status_code == 400
        page = answer.content.decode()
        assert sentence in page
        assert not wish or "checked" in page
    assert told == []


def test_a_run_tells_its_trouble_and_what_was_set_aside(as_manager):
    run = make_sync_run(account=make_ad_account(), status="partial", errors="One step failed. Wait.", rows_rejected=1)
    RejectedRecord.objects.create(
        run=run,
        account=run.account,
        endpoint="/rest/adAnalytics",
        payload={"odd": "<script>"},
        reason="clicks: not a number",
    )
    page = as_manager.get(f"/sync/runs/{run.pk}/").content.decode()
    assert "One step failed. Wait." in page
    assert "clicks: not a number" in page
    assert "&lt;script&gt;" in page
    assert "Try again" in page


def test_a_run_says_what_was_left_for_later_and_calls_it_no_trouble(as_manager):
    run = make_sync_run(account=make_ad_account(), notes="Names of posts left for tomorrow: 3.")
    page = as_manager.get(f"/sync/runs/{run.pk}/").content.decode()
    assert "Left for later" in page
    assert "Names of posts left for tomorrow: 3." in page
    assert "What went wrong" not in page


def test_cancel_and_try_again_from_the_page(as_manager, told, django_capture_on_commit_callbacks):
    run = running(make_ad_account())
    page = as_manager.post(f"/sync/runs/{run.pk}/cancel/", follow=True).content.decode()
    assert "It ends after its current request" in page
    assert SyncLog.objects.get().cancel_asked_at is not None
    SyncLog.objects.update(status="cancelled", finished_at=timezone.now())
    with django_capture_on_commit_callbacks(execute=True):
        page = as_manager.post(f"/sync/runs/{run.pk}/retry/", follow=True).content.decode()
    assert "You requested a sync of" in page
    assert told == [run.account_id]


def test_a_skipped_run_says_why(as_manager):
    run = make_sync_run(account=make_ad_account(), status="skipped", reason="synced 5 minutes ago")
    for address in ("/sync/", "/sync/?status=skipped", f"/sync/runs/{run.pk}/"):
        page = as_manager.get(address).content.decode()
        assert "Skipped: synced 5 minutes ago." in page
        assert ">skipped</span>" in page
    assert "synced 5 minutes ago" in as_manager.get(f"/admin/ingestion/synclog/{run.pk}/change/").content.decode()


def test_the_next_try_is_shown_and_can_be_cancelled(as_manager):
    run = make_sync_run(
        account=make_ad_account(), status="failed", delivery=2, resend_at=timezone.now() + timedelta(minutes=4)
    )
    assert "Next try" in as_manager.get("/sync/").content.decode()
    page = as_manager.get(f"/sync/runs/{run.pk}/").content.decode()
    assert "Next try" in page
    assert "Cancel the next try" in page
    page = as_manager.post(f"/sync/runs/{run.pk}/cancel/", follow=True).content.decode()
    assert "You cancelled the next try" in page
    assert "Cancel the next try" not in page


@pytest.mark.parametrize("role", [Role.ANALYST, Role.VIEWER])
def test_those_who_may_not_sync_cannot(role, told):
    ad_account = make_ad_account()
    run = make_sync_run(account=ad_account, status="failed")
    person: User = make_user(role=role)
    browser = signed_in(person)
    for address in ("/sync/plan/", "/sync/start/"):
        assert browser.post(address, {"ad_accounts": [ad_account.pk]}).status_code == 403
    for address in (f"/sync/runs/{run.pk}/cancel/", f"/sync/runs/{run.pk}/retry/"):
        assert browser.post(address).status_code == (403 if role == Role.ANALYST else 404)
    assert told == []


def test_a_message_stays_true_while_the_sync_runs_and_after_it(as_manager):
    """The list refreshes itself; “queued” stayed above a sync that had succeeded."""
    ad_account = make_ad_account(name="The brand")
    page = as_manager.post("/sync/start/", {"ad_accounts": ad_account.pk}, follow=True).content.decode()
    assert "You requested a sync of The brand" in page
    assert "is queued" not in page
    run = SyncLog.objects.get()
    page = as_manager.post(f"/sync/runs/{run.pk}/cancel/", follow=True).content.decode()
    assert "You cancelled this sync." in page
