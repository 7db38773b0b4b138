from datetime import date

import pytest

from accounts.shell import request_values
from accounts.shell.request_values import MAX_ID, MAX_PAGE_NUMBER, BadValue, one_of, or_none

NEVER_NUMBERS = ["", "x", "-1", "+1", " 1", "1.0", "1e3", "1_000", "²", "٣", "1\0", "9" * 20, "9" * 5000]


@pytest.mark.parametrize(("text", "found"), [("0", 0), ("7", 7), ("007", 7), (str(MAX_ID), MAX_ID)])
def test_an_id_is_whatever_a_column_of_ids_holds(text, found):
    assert request_values.row_id(text) == found


@pytest.mark.parametrize("text", [*NEVER_NUMBERS, str(MAX_ID + 1)])
def test_what_is_no_id_is_refused_in_one_sentence(text):
    with pytest.raises(BadValue, match=r"^Not a valid id; give a whole number\.$"):
        request_values.row_id(text)
    assert or_none(request_values.row_id, text) is None


@pytest.mark.parametrize(("text", "found"), [("1", 1), (str(MAX_PAGE_NUMBER), MAX_PAGE_NUMBER)])
def test_pages_begin_with_one(text, found):
    assert request_values.page_number(text) == found


@pytest.mark.parametrize("text", [*NEVER_NUMBERS, "0", str(MAX_PAGE_NUMBER + 1)])
def test_what_is_no_page_is_refused_in_one_sentence(text):
    with pytest.raises(BadValue, match=r"^Give a whole number from 1 to 1000000\.$"):
        request_values.page_number(text)


@pytest.mark.parametrize("text", ["0001-01-01", "2024-02-29", "9999-12-31"])
def test_a_day_has_one_spelling(text):
    assert request_values.day(text) == date.fromisoformat(text)


@pytest.mark.parametrize(
    "text", ["", "x", "99999-01-01", "0000-01-01", "2026-02-30", "3/4/2026", "20260304", "2026-W10-3", "2026-3-4", "\0"]
)
def test_what_is_no_day_is_refused_in_one_sentence(text):
    with pytest.raises(BadValue, match=r"^Not a valid date; write it as YYYY-MM-DD\.$"):
        request_values.day(text)


def test_a_choice_is_one_of_the_known_words():
    assert one_of(["", "day", "week"])("week") == "week"
    with pytest.raises(BadValue, match=r"^There is no “year”; choose one of day, week\.$"):
        one_of(["", "day", "week"])("year")


@pytest.mark.parametrize("text", [None, "", "x"])
def test_without_a_value_there_is_none(text):
    assert or_none(request_values.row_id, text) is None
