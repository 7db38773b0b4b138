"""Which command runs which tests."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
COSTLY = {"browser", "installation", "exhaustive", "slow", "live"}


def excluded(expression: str) -> set[str]:
    return set(re.findall(r"not (\w+)", expression))


def test_make_check_leaves_out_every_costly_kind_of_test() -> None:
    quick = re.search(r"^QUICK := (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert quick
    assert excluded(quick[1]) == COSTLY


def test_every_mark_is_known_to_make_check(pytestconfig: pytest.Config) -> None:
    ours = re.findall(r"^    (\w+): ", (ROOT / "pytest.ini").read_text(), re.MULTILINE)
    assert set(ours) == COSTLY
    assert excluded(pytestconfig.getini("addopts")[pytestconfig.getini("addopts").index("-m") + 1]) == {"slow", "live"}


def test_ci_runs_every_test_once() -> None:
    runs = [line for line in (ROOT / ".ci/run").read_text().splitlines() if line.startswith("make ")]
    assert runs == ["make sbom", "make test-all"]


def test_tests_are_marked_by_what_they_use(request: pytest.FixtureRequest) -> None:
    """So that nobody can forget it; among the tests of this run."""
    for item in request.session.items:
        marks = {mark.name for mark in item.iter_markers()}
        assert ("browser" in marks) == item.nodeid.startswith("tests/browser/"), item.nodeid
        if isinstance(item, pytest.Function) and {"stack", "new_stack"} & set(item.fixturenames):
            assert "installation" in marks, item.nodeid
