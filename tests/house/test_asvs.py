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
# Of the second step, passwords and files: their tests arrive with them.
ARRIVING: Final = {
    "test_a_challenge_ends_after_five_minutes",
    "test_a_code_works_once",
    "test_a_new_device_or_place_is_reported_once",
    "test_a_passkey_is_made_and_passes_the_step_of_the_next_session",
    "test_a_recovery_code_works_once_in_any_spelling",
    "test_a_removed_passkey_is_refused",
    "test_a_response_works_once",
    "test_a_search_has_a_length",
    "test_a_signature_for_something_else_is_refused",
    "test_an_app_is_set_up_with_a_first_code_and_recovery_codes_follow",
    "test_an_own_new_password_is_reported",
    "test_an_unknown_passkey_is_refused",
    "test_another_key_is_refused",
    "test_clocks_may_differ_by_half_a_minute",
    "test_every_notice_has_its_words",
    "test_fewer_than_a_hundred_guesses_an_hour_from_everywhere",
    "test_files_are_their_owners_alone",
    "test_how_long_it_stays_fresh",
    "test_it_needs_a_fresh_second_step",
    "test_no_other_page_opens_before_the_second_step",
    "test_no_page_of_a_model_opens_before_the_second_step",
    "test_one_code_passes_one_of_many_at_once",
    "test_one_network_cannot_try_a_password_on_everybody",
    "test_recovery_codes_are_stored_as_salted_hashes",
    "test_settings_leave_nothing_to_others",
    "test_the_challenge_of_another_session_is_refused",
    "test_the_command_resets_everything_ends_sessions_and_is_on_record",
    "test_the_second_step_follows",
    "test_the_secret_lies_encrypted",
    "test_the_strength_of_a_new_password_is_shown",
    "test_what_is_easy_to_guess_is_refused",
    "test_what_is_hard_to_guess_is_taken",
    "test_whoever_is_responsible_is_warned_before_a_token_ends",
}
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
    missing = {row.number: sorted(named(row.text) - every_test() - ARRIVING) for row in rows()}
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
