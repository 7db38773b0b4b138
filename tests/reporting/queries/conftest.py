"""What is stored is read after all of it was requested: what is dated ahead counts for nothing."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
import time_machine


@pytest.fixture(autouse=True)
def clock() -> Iterator[time_machine.Traveller]:
    """After the days that `cover_every_ad_account` covers."""
    with time_machine.travel(datetime(2027, 1, 1, 12, tzinfo=UTC), tick=False) as traveller:
        yield traveller
