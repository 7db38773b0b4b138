"""What `manage.py alive` tells the health checks of worker and beat."""

from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts.shell import valkey
from ingestion.management.commands.alive import own_worker_name
from ingestion.processes import heartbeats


@pytest.fixture(autouse=True)
def nobody_signed(db):
    heartbeats.remove_worker(own_worker_name())
    valkey.client().delete(heartbeats._beat_key())


def test_the_worker_of_this_machine_counts_and_no_other():
    with pytest.raises(CommandError, match=r"sent no heartbeat lately; start it again\.$"):
        call_command("alive", "worker")
    heartbeats.record_worker("celery@elsewhere", concurrency=1, active=0)
    with pytest.raises(CommandError):
        call_command("alive", "worker")
    heartbeats.record_worker(own_worker_name(), concurrency=1, active=0)
    call_command("alive", "worker")
    heartbeats.remove_worker("celery@elsewhere")


def test_beat_is_silent_after_a_while(time_machine):
    with pytest.raises(CommandError, match="Beat has not read its timetable lately"):
        call_command("alive", "beat")
    heartbeats.record_beat()
    call_command("alive", "beat")
    time_machine.move_to(timezone.now() + heartbeats.BEAT_ALIVE + timedelta(seconds=5))
    with pytest.raises(CommandError):
        call_command("alive", "beat")
