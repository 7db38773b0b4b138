"""Answers are read without searching through their rows for reference cycles."""

import gc
import json
from collections.abc import Iterator
from typing import Any

import pytest

from ingestion.linkedin.pages import PageReader
from ingestion.linkedin.records import CreativeDayRecord
from ingestion.sync import gc_tuning
from tests.ingestion.simulated import simulated_linkedin

ROWS = 15_000


@pytest.fixture
def searches() -> Iterator[list[str]]:
    """One entry for each search for cycles; Python's own thresholds come back afterwards."""
    before = gc.get_threshold()
    found: list[str] = []

    def note(phase: str, info: dict[str, Any]) -> None:
        if phase == "start":
            found.append(phase)

    gc.callbacks.append(note)
    yield found
    gc.callbacks.remove(note)
    gc.set_threshold(*before)


def _answer() -> bytes:
    day = {"year": 2026, "month": 5, "day": 4}
    row = {"pivotValues": ["urn:li:sponsoredCreative:7"], "dateRange": {"start": day, "end": day}, "clicks": 3}
    return json.dumps({"elements": [row] * ROWS}).encode()


def test_a_full_answer_is_read_without_walking_through_its_rows(searches: list[str]) -> None:
    body, reader = _answer(), PageReader(CreativeDayRecord)
    gc.set_threshold(700, 10, 10)
    reader.listing(body, endpoint="x")
    by_default = len(searches)
    gc_tuning.search_rarely()
    searches.clear()
    assert len(reader.listing(body, endpoint="x").page.records) == ROWS
    assert len(searches) <= 1 < by_default / 20


@pytest.mark.django_db(transaction=True)
def test_a_sync_asks_for_it(settings: Any, searches: list[str]) -> None:
    with simulated_linkedin(settings) as linkedin:
        linkedin.connect()
        assert linkedin.sync().status == "success"
    assert gc.get_threshold()[0] >= 10 * ROWS
