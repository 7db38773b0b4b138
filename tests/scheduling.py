"""How tests are dealt out to processes: those that share a slow world go to one, and the longest begin first.

The groups of pytest-xdist 3.8 hang on an attribute that pytest 9.2 no longer has: marked tests run anywhere.
"""

from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

# By how their ids begin.
_TOGETHER = ("tests/browser/", "tests/reporting/test_agreement.py")
# They take minutes each: begun last, one process would end them while the others had nothing left.
_FIRST = (
    "tests/journeys/test_scale.py::test_a_thousand",
    "tests/journeys/test_worlds.py::test_whatever",
    "tests/journeys/test_restored.py",
    "tests/journeys/test_crashes.py",
    "tests/contract/test_every_reply.py::test_every_reply_at_length",
)


class Together(LoadScopeScheduling):  # type: ignore[misc]
    def _split_scope(self, nodeid: str) -> str:
        return next((group for group in _TOGETHER if nodeid.startswith(group)), nodeid)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: not item.nodeid.startswith(_FIRST))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Together | None:
    return Together(config, log) if config.getvalue("dist") == "loadgroup" else None
