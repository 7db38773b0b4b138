"""Which tests run where: the marks they get from what they need, the process they go to, and in which order.

The groups of pytest-xdist 3.8 hang on an attribute that pytest 9.2 no longer has: marked tests run anywhere.
"""

from collections.abc import Sequence

import pytest
from xdist.scheduler import LoadScopeScheduling

# By how their ids begin: one process starts what they share.
_TOGETHER = ("tests/browser/", "tests/config/test_other_users.py", "tests/reporting/test_agreement.py")
# Those that take longest begin first: begun last, one process would end them while the others had nothing left.
_FIRST = (
    "tests/journeys/test_scale.py::test_a_thousand",
    "tests/journeys/test_worlds.py::test_whatever",
    "tests/journeys/test_restored.py",
    "tests/journeys/test_crashes.py",
    "tests/contract/test_every_reply.py",
    "tests/browser/",
    "tests/contract/",
    "tests/reporting/test_agreement.py",
)
_INSTALLATIONS = frozenset({"stack", "new_stack", "synced_stack"})


class Scheduling(LoadScopeScheduling):  # type: ignore[misc]
    def _split_scope(self, nodeid: str) -> str:
        return next((group for group in _TOGETHER if nodeid.startswith(group)), nodeid)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.nodeid.startswith("tests/browser/"):
            item.add_marker("browser")
        if not _INSTALLATIONS.isdisjoint(_fixtures(item)):
            item.add_marker("installation")
    items.sort(key=lambda item: not item.nodeid.startswith(_FIRST))


def _fixtures(item: pytest.Item) -> Sequence[str]:
    return item.fixturenames if isinstance(item, pytest.Function) else ()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> Scheduling | None:
    return Scheduling(config, log) if config.getvalue("dist") == "loadgroup" else None
