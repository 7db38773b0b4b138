"""One format for each kind of value."""

from datetime import date
from decimal import Decimal

import pytest

from accounts.shell import formatting


@pytest.mark.parametrize(
    ("count", "shown"),
    [
        (0, "0 bytes"), (999, "999 bytes"), (1000, "1 kB"), (1500, "1.5 kB"), (20_000_000, "20 MB"),
        (19_100_000, "19 MB"), (1_500_000_000, "1.5 GB"), (12_345_678_901_234, "12 TB"), (None, "–"),
    ],
)  # fmt: skip
def test_sizes_are_in_units_of_a_thousand(count: int | None, shown: str) -> None:
    assert formatting.size(count) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [("0.400", "0.4 %"), ("28.35", "28.35 %"), ("107.00", "107 %"), ("100", "100 %"), ("-0.001", "0 %")],
)
def test_percentages_have_no_zeros_at_the_end(value: str, shown: str) -> None:
    assert f">{shown}<" in formatting.percent(Decimal(value))


def test_a_change_keeps_its_sign() -> None:
    assert ">+14 %<" in formatting.change(Decimal("14.04"))
    assert ">-3.5 %<" in formatting.change(Decimal("-3.46"))


def test_days_within_a_sentence_are_shown_as_all_others() -> None:
    day = formatting.day(date(2026, 11, 1))
    assert (
        formatting.with_days("Some days since 2026-11-01 are not stored.") == f"Some days since {day} are not stored."
    )
    assert formatting.with_days("2026-11-01/2026-11-01") == f"{day}/{day}"


@pytest.mark.parametrize(
    "text", ["2026-13-45", "x-2026-11-01", "2026-11-012", "Week 2026-W47", "A 12026-11-01 name", ""]
)
def test_what_is_no_day_stays_as_it_is(text: str) -> None:
    assert formatting.with_days(text) == text


def test_a_sentence_is_text_and_not_html() -> None:
    assert formatting.with_days("<b>2026-11-01</b>").startswith("&lt;b&gt;<time")
