"""What the demo tells of the syncs it waits for; `tests/journeys/test_first_day.py` takes the whole journey."""

import threading

import pytest

from ingestion.demo.journey import Journey
from tests.builders import make_ad_account, make_sync_run

pytestmark = pytest.mark.django_db


def test_the_sync_that_ends_last_is_told_too(monkeypatch):
    """It ended while the demo looked whether all have."""
    ad_account = make_ad_account(name="Brand")

    def ended_just_now(*_: object) -> bool:
        make_sync_run(account=ad_account)
        return True

    monkeypatch.setattr(Journey, "_all_synced", ended_just_now)
    told: list[str] = []
    Journey(8000)._wait_for_syncs(set(), told.append, threading.Event())
    assert [sentence.split(":")[0] for sentence in told] == [f"  {ad_account}"]
