"""docs/asvs.md is complete, and every test that it names exists."""

import re
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

import yaml

ROOT: Final = Path(__file__).resolve().parents[2]
# The numbers of OWASP ASVS 4.0.3 with a mark for level 2, by section.
NUMBERS: Final = {
    "1.1": "1 2 3 4 5 6 7", "1.2": "1 2 3 4", "1.4": "1 4 5", "1.5": "1 2 3 4", "1.6": "1 2 3 4", "1.7": "1 2",
    "1.8": "1 2", "1.9": "1 2", "1.10": "1", "1.11": "1 2", "1.12": "2", "1.14": "1 2 3 4 5 6",
    "2.1": "1 2 3 4 5 6 7 8 9 10 11 12", "2.2": "1 2 3", "2.3": "1 2 3", "2.4": "1 2 3 4 5", "2.5": "1 2 3 4 5 6 7",
    "2.6": "1 2 3", "2.7": "1 2 3 4 5 6", "2.8": "1 2 3 4 5 6 7", "2.9": "1 2 3", "2.10": "1 2 3 4",
    "3.1": "1", "3.2": "1 2 3 4", "3.3": "1 2 3 4", "3.4": "1 2 3 4 5", "3.5": "1 2 3", "3.7": "1",
    "4.1": "1 2 3 5", "4.2": "1 2", "4.3": "1 2 3",
    "5.1": "1 2 3 4 5", "5.2": "1 2 3 4 5 6 7 8", "5.3": "1 2 3 4 5 6 7 8 9 10", "5.4": "1 2 3", "5.5": "1 2 3 4",
    "6.1": "1 2 3", "6.2": "1 2 3 4 5 6", "6.3": "1 2", "6.4": "1 2",
    "7.1": "1 2 3 4", "7.2": "1 2", "7.3": "1 3 4", "7.4": "1 2 3",
    "8.1": "1 2 3 4", "8.2": "1 2 3", "8.3": "1 2 3 4 5 6 7 8",
    "9.1": "1 2 3", "9.2": "1 2 3 4",
    "10.2": "1 2", "10.3": "1 2 3",
    "11.1": "1 2 3 4 5 6 7 8",
    "12.1": "1 2 3", "12.2": "1", "12.3": "1 2 3 4 5 6", "12.4": "1 2", "12.5": "1 2", "12.6": "1",
    "13.1": "1 3 4 5", "13.2": "1 2 3 5 6", "13.3": "1 2", "13.4": "1 2",
    "14.1": "1 2 3 4", "14.2": "1 2 3 4 5 6", "14.3": "2 3", "14.4": "1 2 3 4 5 6 7", "14.5": "1 2 3 4",
}  # fmt: skip
STATES: Final = {"passed", "not applicable", "failed"}


class Row(NamedTuple):
    number: str
    requirement: str
    state: str
    text: str


def rows() -> list[Row]:
    page = (ROOT / "docs/asvs.md").read_text()
    cells = [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in page.splitlines() if line[:1] == "|"]
    return [Row(one[0].strip("*"), *one[1:]) for one in cells if re.fullmatch(r"\*?[\d.]+\*?", one[0])]


@cache
def every_test() -> frozenset[str]:
    found: set[str] = set()
    for path in (ROOT / "tests").rglob("test_*.py"):
        found |= set(re.findall(r"^ *(?:async )?def (test_\w+)", path.read_text(), re.MULTILINE))
    return frozenset(found)


def named(text: str) -> set[str]:
    return set(re.findall(r"`(test_\w+)`", text))


def test_every_requirement_of_levels_1_and_2_is_there_once_in_order():
    expected = [f"{section}.{number}" for section, numbers in NUMBERS.items() for number in numbers.split()]
    assert [row.number for row in rows()] == expected
    assert len(expected) == 259


def test_every_row_has_a_state_and_says_why():
    for row in rows():
        assert row.state in STATES, row.number
        if row.state == "passed":
            assert named(row.text), row.number
        else:
            assert row.text, row.number


def test_every_test_that_is_named_exists():
    missing = {row.number: sorted(named(row.text) - every_test()) for row in rows()}
    assert {number: names for number, names in missing.items() if names} == {}


def test_every_component_is_in_the_trust_boundaries():
    page = (ROOT / "docs/security.md").read_text()
    section = page.partition("## Threats and trust boundaries")[2].partition("\n## ")[0]
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    assert set(services) <= set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE))


def test_every_line_of_the_checklist_names_a_test():
    page = (ROOT / "docs/security.md").read_text()
    section = page.partition("## Checklist for changes")[2].partition("\n## ")[0]
    lines = re.findall(r"^- .*(?:\n  .*)*", section, re.MULTILINE)
    assert lines
    assert all(named(line) and named(line) <= every_test() for line in lines)
