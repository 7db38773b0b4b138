"""Who waits is sent to a worker when there is room, and not before."""

from typing import Any
from unittest.mock import patch

import pytest
from django.utils import timezone

from accounts.models import User
from ingestion.processes.work_requests import message_of
from reporting.exports import export_requests, export_store, tasks
from reporting.models import Export
from tests.reporting.exports.exporting import ask

pytestmark = pytest.mark.django_db


@pytest.fixture
def waiting(alice: User) -> Export:
    """The third of a person, whose first two are being written."""
    for of in ("campaigns", "creatives"):
        export_store.take(message_of(ask(alice, of)), now=timezone.now())
    return ask(alice, "ad-accounts")


def test_without_room_it_waits(waiting: Export) -> None:
    with patch.object(tasks.write_export, "delay") as delay:
        assert tasks.write_export(*message_of(waiting)) == {"status": "waiting"}
        assert tasks.requeue_lost_exports() == {"requeued": 0, "begun": 0}
    delay.assert_not_called()


def test_the_end_of_another_makes_room(alice: User, waiting: Export, django_capture_on_commit_callbacks: Any) -> None:
    writing = Export.objects.filter(state=Export.State.WRITING).latest("pk")
    with patch.object(tasks.write_export, "delay") as delay, django_capture_on_commit_callbacks(execute=True):
        export_requests.cancel(writing, now=timezone.now())
    delay.assert_called_once_with(*message_of(waiting))
    assert tasks.write_export(*message_of(waiting)) == {"status": "written"}


def test_so_does_the_death_of_its_worker(waiting: Export) -> None:
    Export.objects.filter(state=Export.State.WRITING).update(resend_at=timezone.now() - export_store.LEASE)
    with patch.object(tasks.write_export, "delay") as delay:
        assert tasks.requeue_lost_exports() == {"requeued": 0, "begun": 1}
    # The dead ones themselves wait a minute first.
    delay.assert_called_once_with(*message_of(waiting))


def test_one_that_is_written_lets_the_next_begin(alice: User, waiting: Export) -> None:
    first = Export.objects.earliest("pk")
    export_store.hand_back(first, now=timezone.now())
    with patch.object(tasks.write_export, "delay") as delay:
        assert tasks.write_export(*message_of(waiting)) == {"status": "written"}
    first.refresh_from_db()
    delay.assert_called_once_with(*message_of(first))


def test_a_bug_lets_the_next_begin_too(waiting: Export) -> None:
    first = Export.objects.earliest("pk")
    export_store.hand_back(first, now=timezone.now())
    with (
        patch("reporting.exports.formats.write", side_effect=ZeroDivisionError),
        patch.object(tasks.write_export, "delay") as delay,
        pytest.raises(ZeroDivisionError),
    ):
        tasks.write_export(*message_of(waiting))
    first.refresh_from_db()
    delay.assert_called_once_with(*message_of(first))
