"""Writing an export: stopped within seconds by whoever may stop it, never read by who may not, nothing left open."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import psycopg
import pytest
from django.db import connection
from django.utils import timezone

from accounts.models import AdAccount, AdAccountAccess, User
from ingestion.processes import graceful_shutdown
from ingestion.processes.work_requests import message_of
from reporting.api import files
from reporting.exports import export_job, export_store, formats, watch
from reporting.models import Export
from tests.builders import make_access, make_ad_account, make_campaign
from tests.reporting.exports.exporting import ask, content_of, csv_rows, export

State = Export.State


def run(one: Export) -> str:
    said = export_job.run(message_of(one))
    one.refresh_from_db()
    return said


# --- whose rows ---


@pytest.mark.django_db
def test_a_viewer_exports_what_they_see(bob: User, charlie: User, bobs_ad_account: AdAccount) -> None:
    mine = make_campaign(account=bobs_ad_account)
    make_campaign()
    one = export(bob, "campaigns")
    assert [row["id"] for row in csv_rows(content_of(one))] == [str(mine.pk)]
    assert one.ad_account_ids == [bobs_ad_account.pk]
    nothing = export(charlie, "campaigns")
    assert (nothing.state, nothing.rows, nothing.ad_account_ids) == ("written", 0, [])


@pytest.mark.django_db
def test_access_that_ends_before_it_is_written_ends_the_export(bob: User, bobs_ad_account: AdAccount) -> None:
    make_access(user=bob)
    one = ask(bob, "campaigns")
    AdAccountAccess.objects.filter(user=bob, ad_account=bobs_ad_account).delete()
    assert run(one) == "failed"
    assert "no longer see" in one.trouble


@pytest.mark.django_db
@pytest.mark.parametrize("change", [{"is_active": False}, {"role": "viewer"}])
def test_so_does_the_end_of_a_person_or_of_their_role(alice: User, change: dict[str, Any]) -> None:
    one = ask(alice, "campaigns")
    User.objects.filter(pk=alice.pk).update(**change)
    assert run(one) == "failed"
    assert one.stored_as == ""


@pytest.mark.django_db
def test_access_that_is_granted_in_the_meantime_does_not_count(bob: User, bobs_ad_account: AdAccount) -> None:
    """Else whoever asked through a token that names ad accounts would get the others too."""
    one = ask(bob, "campaigns")
    more = make_access(user=bob).ad_account
    make_campaign(account=more)
    run(one)
    assert (one.rows, one.ad_account_ids) == (0, [bobs_ad_account.pk])


@pytest.mark.django_db
def test_a_filter_narrows_what_its_reader_must_see(bob: User, bobs_ad_account: AdAccount) -> None:
    make_access(user=bob)
    one = export(bob, "campaigns", parameters={"ad_account_id": [str(bobs_ad_account.pk)]})
    assert one.ad_account_ids == [bobs_ad_account.pk]


@pytest.mark.django_db
def test_what_was_there_when_it_was_requested_may_be_gone(alice: User) -> None:
    campaign = make_campaign()
    one = ask(alice, "campaigns", parameters={"id": [str(campaign.pk)]})
    campaign.delete()
    assert run(one) == "failed"
    assert "There is no such campaign" in one.trouble


@pytest.mark.django_db
def test_a_crash_is_tried_again_and_leaves_no_file(alice: User, folder: Path) -> None:
    one = ask(alice, "campaigns")
    with patch.object(formats, "write", side_effect=RuntimeError("disk")), pytest.raises(RuntimeError):
        run(one)
    one.refresh_from_db()
    assert (one.state, one.tries) == (State.QUEUED, 1)
    assert list(folder.iterdir()) == []
    assert run(one) == "written"


@pytest.mark.django_db
def test_files_are_their_owners_alone(alice: User, folder: Path) -> None:
    one = export(alice, "campaigns", "xlsx")
    path = folder / one.stored_as
    assert path.stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700


# --- stopped in the middle ---


@contextmanager
def begun(one: Export) -> Iterator[Callable[[], str]]:
    """In a thread of its own, as by a worker; gives what waits for its end."""
    said: list[str] = []

    def work() -> None:
        try:
            said.append(export_job.run(message_of(one)))
        finally:
            connection.close()

    worker = threading.Thread(target=work)
    worker.start()

    def end() -> str:
        worker.join(timeout=20)
        assert not worker.is_alive()
        return said[0]

    try:
        yield end
    finally:
        worker.join(timeout=20)


def wait_until(is_so: Callable[[], Any]) -> None:
    end = time.monotonic() + 10
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.02)


def statements(text: str) -> list[tuple[str, str]]:
    """What other connections are doing: state and statement."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT state, query FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
            " AND (query LIKE %s OR xact_start IS NOT NULL)",
            [f"%{text}%"],
        )
        return [(state, query) for state, query in cursor.fetchall() if state != "idle"]


@pytest.fixture
def slow_statement(monkeypatch: pytest.MonkeyPatch) -> None:
    """A COPY that would take minutes before its first row."""
    copied = files.csv_lines

    def slowly(*arguments: Any) -> Iterator[bytes]:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_sleep(100)")
        yield from copied(*arguments)

    monkeypatch.setattr(formats, "csv_lines", slowly)
    monkeypatch.setattr(watch, "_EVERY_SECONDS", 0.1)


@pytest.fixture
def slow_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file whose rows come for minutes."""

    def rows(*_: Any) -> Iterator[bytes]:
        for _number in range(100_000):
            time.sleep(0.002)
            yield b"1,2\n"

    monkeypatch.setattr(formats, "csv_lines", rows)
    monkeypatch.setattr(watch, "_EVERY_SECONDS", 0.1)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("slowness", ["slow_statement", "slow_rows"])
@pytest.mark.parametrize("how", ["cancelled", "removed", "given to another worker", "its person is removed"])
def test_what_nobody_wants_any_more_stops_within_seconds(
    alice: User, folder: Path, request: pytest.FixtureRequest, slowness: str, how: str
) -> None:
    request.getfixturevalue(slowness)
    one = ask(alice, "campaigns")
    with begun(one) as end:
        wait_until(lambda: Export.objects.get(pk=one.pk).state == State.WRITING)
        wait_until(lambda: statements("pg_sleep") or slowness == "slow_rows")
        time.sleep(0.2)
        stopped_at = time.monotonic()
        if how == "cancelled":
            assert export_store.cancel(one, now=timezone.now())
        elif how == "removed":
            Export.objects.all().delete()
        elif how == "its person is removed":
            alice.delete()
        else:
            Export.objects.update(delivery=7)
        assert end().startswith("stopped: cancelled")
        assert time.monotonic() - stopped_at < 3
    assert statements("pg_sleep") == []
    assert list(folder.iterdir()) == []


@pytest.mark.django_db(transaction=True)
def test_a_worker_that_is_asked_to_end_gives_it_back(alice: User, slow_statement: None, folder: Path) -> None:
    one = ask(alice, "campaigns")
    with begun(one) as end, patch.object(graceful_shutdown, "is_asked_for", return_value=False) as asked:
        wait_until(lambda: statements("pg_sleep"))
        asked.return_value = True
        assert end() == "stopped: its worker ends"
    one.refresh_from_db()
    assert (one.state, one.tries) == (State.QUEUED, 0)
    assert list(folder.iterdir()) == []


@pytest.mark.django_db(transaction=True)
def test_progress_is_seen_while_it_is_written(alice: User, slow_rows: None) -> None:
    make_campaign()
    one = ask(alice, "campaigns")
    with begun(one) as end:
        wait_until(lambda: Export.objects.get(pk=one.pk).rows > 10)
        seen = Export.objects.get(pk=one.pk)
        assert (seen.rows_expected, seen.progress_percent) == (1, 99)
        assert seen.resend_at
        assert seen.resend_at > timezone.now()
        export_store.cancel(one, now=timezone.now())
        end()


@pytest.mark.django_db(transaction=True)
def test_everything_is_read_as_of_one_moment_and_the_transaction_ends(alice: User) -> None:
    make_ad_account()
    seen: list[str] = []
    written = formats.write

    def write(*arguments: Any, **more: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SHOW transaction_isolation")
            seen.append(cursor.fetchone()[0])
            cursor.execute("SHOW transaction_read_only")
            seen.append(cursor.fetchone()[0])
        written(*arguments, **more)

    with patch.object(formats, "write", write):
        assert export(alice, "ad-accounts").rows == 1
    assert seen == ["repeatable read", "on"]
    backend: psycopg.Connection[Any] = connection.connection
    assert backend.info.transaction_status.name == "IDLE"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("file_format", Export.Format.values)
def test_every_format_stops(alice: User, file_format: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also those whose writers are somebody else's code."""
    monkeypatch.setattr(watch, "_ROWS_BETWEEN_CHECKS", 2)
    for _ in range(5):
        make_campaign()
    one = ask(alice, "campaigns", file_format)
    counted = watch.Watch.count

    def count(self: watch.Watch, rows: Any) -> Any:
        self._stopped_by = watch.Reason.LOST
        return counted(self, rows)

    with patch.object(watch.Watch, "count", count):
        assert export_job.run(message_of(one)).startswith("stopped")
