"""Which days of a period are stored: beside the rows of a page, in the headers of a file."""

from collections.abc import Sequence
from datetime import date
from typing import Final

from rest_framework import serializers

from ingestion.sync.windows import DayRange
from reporting.queries.coverage import Coverage
from reporting.queries.data_as_of import SelectionAsOf

# Proxies refuse headers of more than a few thousand characters.
_MAX_RANGES: Final = 100


class DaysShown(serializers.Serializer[object]):
    first_day = serializers.DateField(help_text="First UTC day.")
    last_day = serializers.DateField(help_text="Last UTC day.")


class CoverageSerializer(serializers.Serializer[object]):
    """What the figures of a period rest on; of several ad accounts a day counts only if all of them have it."""

    first_day = serializers.DateField(help_text="First UTC day of the period.")
    last_day = serializers.DateField(help_text="Last UTC day of the period.")
    is_whole = serializers.BooleanField(
        help_text="Whether every day is stored. Changes are null unless both periods are whole."
    )
    is_complete = serializers.BooleanField(help_text="Whether every day is stored and matches LinkedIn's own totals.")
    stored_since = serializers.DateField(
        allow_null=True, help_text="The oldest day that was ever fetched; null where none was."
    )
    stored = DaysShown(many=True, help_text="The days that were fetched after they were over.")
    missing = DaysShown(many=True, help_text="The other days: their figures are null, or not final.")
    complete = DaysShown(many=True, help_text="The stored days that match LinkedIn's own totals.")


def shown(coverage: Coverage) -> dict[str, object]:
    """As `CoverageSerializer` describes it."""
    return {
        "first_day": coverage.period.first_day,
        "last_day": coverage.period.last_day,
        "is_whole": coverage.is_whole,
        "is_complete": coverage.is_complete,
        "stored_since": coverage.stored_since,
        "stored": _ranges(coverage.stored),
        "missing": _ranges(coverage.missing),
        "complete": _ranges(coverage.complete),
    }


def complete_through(as_of: SelectionAsOf, coverage: Coverage) -> date | None:
    """The last day through which the figures of a period are complete: not beyond a day of it that is not."""
    if coverage.is_complete:
        return as_of.complete_through
    known = as_of.complete_through, coverage.complete_through
    return None if None in known else min(day for day in known if day)


def coverage_headers(coverage: Coverage, compared: Coverage | None = None) -> dict[str, str]:
    """Headers that say which days of each period of a file are stored."""
    headers = {}
    for prefix, one in (("", coverage), ("Compared-", compared)):
        if one:
            for name, ranges in (("Stored-Days", one.stored), ("Missing-Days", one.missing)):
                if ranges:
                    headers[prefix + name] = _in_header(ranges)
    return headers


def _ranges(ranges: Sequence[DayRange]) -> list[dict[str, date]]:
    return [{"first_day": first_day, "last_day": last_day} for first_day, last_day in ranges]


def _in_header(ranges: Sequence[DayRange]) -> str:
    """ISO 8601 intervals, separated by commas."""
    known = [f"{first_day}/{last_day}" for first_day, last_day in ranges[:_MAX_RANGES]]
    return ", ".join([*known, "..."] if len(ranges) > _MAX_RANGES else known)
