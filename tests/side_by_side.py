"""Which tests one process runs one after another while others run beside it: those that share a slow world.

The groups of pytest-xdist 3.8 hang on an attribute that pytest 9.2 no longer has: marked tests run anywhere.
"""

from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

# By how their ids begin.
_TOGETHER = ("tests/browser/", "tests/reporting/test_agreement.py")


class Together(LoadScopeScheduling):  # type: ignore[misc]
    def _split_scope(self, nodeid: str) -> str:
        return next((group for group in _TOGETHER if nodeid.startswith(group)), nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Together | None:
    return Together(config, log) if config.getvalue("dist") == "loadgroup" else None
