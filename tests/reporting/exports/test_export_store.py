"""Which export begins when, what becomes of its row, and what PostgreSQL itself refuses."""

import itertools
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.db import DatabaseError, transaction
from django.utils import timezone

from accounts.models import User
from ingestion.processes import work_requests
from ingestion.processes.work_requests import AlreadyTaken, message_of
from reporting.exports import export_store
from reporting.exports.export_store import NoRoom, TooManyWaiting, Written
from reporting.models import Export
from reporting.models.export import export_storage
from tests.builders import NOW, make_user
from tests.reporting.exports.exporting import export

pytestmark = pytest.mark.django_db
State = Export.State
NUMBERS = itertools.count()


def queued(person: User, **more: Any) -> Export:
    """One of its own: identical ones are the same."""
    mine = {"name": [str(next(NUMBERS))]}
    asked = {"of": "campaigns", "parameters": mine, "file_format": "csv", "dialect": "", "ad_account_ids": None}
    return export_store.queue(asked_by=person, now=NOW, **asked | more)


def taken(person: User) -> Export:
    return export_store.take(message_of(queued(person)), now=NOW)


def finish(one: Export) -> None:
    name = export_storage().save(f"{one.pk}.csv", ContentFile(b"id\n"))
    written = Written(
        stored_as=name, rows=0, size_bytes=3, digest="d", headers={}, ad_account_ids=None, shows_colleagues=False
    )
    export_store.finish(one, written, now=NOW)


def states(person: User) -> list[str]:
    return list(Export.objects.filter(asked_by=person).order_by("pk").values_list("state", flat=True))


# --- who begins ---


def test_two_of_a_person_and_four_in_all() -> None:
    people = [make_user(email=f"person{number}@example.com") for number in range(3)]
    first = [[queued(person) for _ in range(3)] for person in people]
    for exports in first[:2]:
        for one in exports[:2]:
            export_store.take(message_of(one), now=NOW)
        with pytest.raises(NoRoom):
            export_store.take(message_of(exports[2]), now=NOW)
    with pytest.raises(NoRoom):
        export_store.take(message_of(first[2][0]), now=NOW)
    assert [one.state for one in Export.objects.order_by("pk")].count(State.WRITING) == 4
    assert export_store.next_in_line() == []


def test_who_waits_begins_when_another_ends() -> None:
    anna, ben = make_user(email="anna@example.com"), make_user(email="ben@example.com")
    running = [taken(person) for person in (anna, anna, ben, ben)]
    waiting = [queued(anna), queued(ben), queued(ben)]
    assert [export_store.position(one) for one in waiting] == [1, 2, 3]
    finish(running[2])
    # Anna, who is first, has two already.
    assert export_store.next_in_line() == [message_of(waiting[1])]
    finish(running[0])
    assert export_store.next_in_line() == [message_of(one) for one in waiting[:2]]
    export_store.take(message_of(waiting[0]), now=NOW)
    waiting[0].refresh_from_db()
    assert export_store.position(waiting[0]) is None
    assert export_store.position(waiting[2]) == 2


def test_nobody_has_more_than_twenty_waiting(alice: User) -> None:
    for _ in range(export_store.MAX_WAITING_PER_PERSON):
        queued(alice)
    with pytest.raises(TooManyWaiting):
        queued(alice)
    queued(make_user())


def test_two_clicks_are_one_export(alice: User) -> None:
    first = queued(alice, parameters={})
    assert queued(alice, parameters={}) == first
    assert queued(alice, parameters={}, file_format="xlsx") != first
    assert queued(make_user(), parameters={}) != first
    export_store.take(message_of(first), now=NOW)
    assert queued(alice, parameters={}) == first
    finish(first := Export.objects.get(pk=first.pk))
    assert queued(alice, parameters={}) != first


def test_one_message_is_worked_on_once(alice: User) -> None:
    message = message_of(queued(alice))
    export_store.take(message, now=NOW)
    with pytest.raises(AlreadyTaken):
        export_store.take(message, now=NOW)


# --- how it ends ---


def test_a_dead_worker_is_replaced_within_minutes(alice: User) -> None:
    one = taken(alice)
    assert work_requests.overdue(Export, now=NOW + timedelta(seconds=59)) == []
    assert export_store.report_progress(one, rows=7, rows_expected=9, size_bytes=70, now=NOW + timedelta(seconds=59))
    assert work_requests.overdue(Export, now=NOW + timedelta(seconds=61)) == []
    assert states(alice) == [State.WRITING]
    work_requests.overdue(Export, now=NOW + timedelta(minutes=2))
    assert states(alice) == [State.QUEUED]
    # What is still alive of the first worker counts for nothing.
    assert not export_store.report_progress(one, rows=9, rows_expected=9, size_bytes=90, now=NOW)
    with pytest.raises(export_store.TakenOver):
        finish(one)
    [again] = work_requests.overdue(Export, now=NOW + timedelta(minutes=4))
    begun = export_store.take(message_of(again), now=NOW + timedelta(minutes=4))
    assert (begun.rows, begun.size_bytes, begun.tries) == (0, 0, 1)


def test_after_three_dead_workers_it_says_so(alice: User) -> None:
    one, now = queued(alice), NOW
    for _ in range(3):
        one.refresh_from_db()
        export_store.take(message_of(one), now=now)
        now += timedelta(minutes=30)
        work_requests.overdue(Export, now=now)
        now += timedelta(minutes=30)
    one.refresh_from_db()
    assert (one.state, one.finished_at is not None) == (State.FAILED, True)
    assert "failed 3 times" in one.trouble


def test_a_worker_that_ends_gives_it_back_without_counting_a_try(alice: User) -> None:
    one = taken(alice)
    export_store.hand_back(one, now=NOW)
    one.refresh_from_db()
    assert (one.state, one.tries) == (State.QUEUED, 0)
    assert export_store.next_in_line() == [message_of(one)]


@pytest.mark.parametrize("begin", [queued, taken])
def test_a_cancelled_one_is_nobodys_any_more(alice: User, begin: Any) -> None:
    one = begin(alice)
    message = message_of(one)
    assert export_store.cancel(one, now=NOW)
    assert not export_store.cancel(one, now=NOW)
    assert not export_store.report_progress(one, rows=1, rows_expected=1, size_bytes=1, now=NOW)
    with pytest.raises(AlreadyTaken):
        export_store.take(message, now=NOW)
    assert states(alice) == [State.CANCELLED]


# --- how long it is kept ---


def test_a_file_is_kept_for_some_hours_and_its_row_for_a_week(alice: User, folder: Path, settings: Any) -> None:
    settings.EXPORT_KEEP_HOURS = 5
    one = export(alice, "campaigns")
    assert one.finished_at
    assert one.expires_at == one.finished_at + timedelta(hours=5)
    assert export_store.prune(now=one.finished_at + timedelta(hours=4)) == 0
    assert len(list(folder.iterdir())) == 1
    assert export_store.prune(now=one.finished_at + timedelta(hours=6)) == 1
    assert list(folder.iterdir()) == []
    one.refresh_from_db()
    assert (one.state, one.stored_as) == (State.EXPIRED, "")
    export_store.prune(now=one.finished_at + timedelta(days=8))
    assert not Export.objects.exists()


def test_files_of_killed_workers_are_deleted_in_the_end(alice: User, folder: Path) -> None:
    one = export(alice, "campaigns")
    export_storage().save("9-2.csv", ContentFile(b"id,na"))
    export_store.prune(now=timezone.now())
    assert len(list(folder.iterdir())) == 2
    export_store.prune(now=timezone.now() + timedelta(hours=23))
    export_store.prune(now=timezone.now() + timedelta(days=1, hours=1))
    assert list(folder.iterdir()) == []
    assert Export.objects.get(pk=one.pk).state == State.EXPIRED


def test_parts_of_files_are_deleted_too(settings: Any) -> None:
    part = export_store.temporary_folder() / "of-a-spreadsheet"
    part.mkdir()
    (part / "sheet1").touch()
    assert settings.EXPORT_TEMPORARY_FOLDER.stat().st_mode & 0o777 == 0o700
    export_store.prune(now=timezone.now())
    assert part.exists()
    export_store.prune(now=timezone.now() + timedelta(days=1, hours=1))
    assert not part.exists()


def test_what_nobody_picked_up_fails(alice: User) -> None:
    one = queued(alice)
    export_store.prune(now=NOW + timedelta(days=2))
    one.refresh_from_db()
    assert one.state == State.FAILED
    assert "worker" in one.trouble


def test_the_file_goes_with_its_row(alice: User, folder: Path, django_capture_on_commit_callbacks: Any) -> None:
    export(alice, "campaigns")
    with django_capture_on_commit_callbacks(execute=True):
        alice.delete()
    assert list(folder.iterdir()) == []


def test_a_removed_ad_account_is_in_no_file(
    alice: User, bob: User, bobs_ad_account: Any, folder: Path, django_capture_on_commit_callbacks: Any
) -> None:
    export(alice, "campaigns")
    export(bob, "campaigns")
    kept = queued(make_user(), ad_account_ids=[bobs_ad_account.pk + 1])
    with django_capture_on_commit_callbacks(execute=True):
        assert export_store.remove_of(bobs_ad_account.pk) == 2
    assert list(folder.iterdir()) == []
    assert list(Export.objects.all()) == [kept]


# --- what PostgreSQL refuses ---


STEPS = {
    ("queued", "writing"), ("queued", "failed"), ("queued", "cancelled"), ("writing", "queued"),
    ("writing", "written"), ("writing", "failed"), ("writing", "cancelled"), ("written", "expired"),
}  # fmt: skip
COLUMNS: dict[str, dict[str, Any]] = {
    "queued": {"finished_at": None, "document": "", "started_at": None},
    "writing": {"finished_at": None, "document": "", "started_at": NOW},
    "written": {"finished_at": NOW, "document": "1.csv", "digest": "d", "expires_at": NOW, "started_at": NOW},
    "failed": {"finished_at": NOW, "document": ""},
    "cancelled": {"finished_at": NOW, "document": ""},
    "expired": {"finished_at": NOW, "document": ""},
}


@pytest.mark.parametrize("before", State.values)
@pytest.mark.parametrize("after", State.values)
def test_states_follow_each_other(alice: User, before: str, after: str) -> None:
    one = Export.objects.create(
        asked_by=alice, asked_at=NOW, of="campaigns", file_format="csv", state=before, **COLUMNS[before]
    )
    is_allowed = before == after or (before, after) in STEPS
    try:
        with transaction.atomic():
            Export.objects.filter(pk=one.pk).update(state=after, **COLUMNS[after])
    except DatabaseError:
        assert not is_allowed
    else:
        assert is_allowed


@pytest.mark.parametrize(
    ("state", "columns"),
    [
        ("written", {"document": ""}),
        ("written", {"digest": ""}),
        ("written", {"expires_at": None}),
        ("written", {"started_at": None}),
        ("written", {"finished_at": None}),
        ("writing", {"document": "1.csv"}),
        ("writing", {"finished_at": NOW}),
        ("queued", {"document": "1.csv"}),
        ("failed", {"finished_at": None}),
        ("expired", {"document": "1.csv"}),
    ],
)
def test_a_row_says_what_its_state_needs(alice: User, state: str, columns: dict[str, Any]) -> None:
    with pytest.raises(DatabaseError), transaction.atomic():
        Export.objects.create(
            asked_by=alice, asked_at=NOW, of="campaigns", file_format="csv", state=state, **COLUMNS[state] | columns
        )
