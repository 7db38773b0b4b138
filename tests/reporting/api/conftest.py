"""The clock stands still."""

from collections.abc import Iterator
from typing import Any

import pytest
import time_machine

from tests.builders import NOW


@pytest.fixture(autouse=True)
def clock() -> Iterator[Any]:
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller
