"""Who saw the ads, by pivot."""

from collections.abc import Iterable, Iterator
from datetime import date

from reporting.metrics import SEGMENT_COUNTS
from reporting.pages.report.answers import Block, Chart, Column, Row, Table, metric_column
from reporting.pages.report.filters import ReportSelection
from reporting.pages.report.sections.definition import BlocksAndNotes, SectionDefinition
from reporting.periods import Period
from reporting.queries.audience import Audience, Audiences, Segment, audiences
from reporting.queries.late_demographics import LatePivot, late_demographics

_TOP = 10
_MONTHS_MISSING = "Not every month was fetched"
_NAMED = ("impressions", "clicks", "ctr_percent", "conversions", "leads")
_OF_SEGMENTS = (*_NAMED, *(one.column for one in SEGMENT_COUNTS if one.is_offered and one.column not in _NAMED))


def demographics(selection: ReportSelection) -> BlocksAndNotes:
    """Who saw the ads: one block per pivot with figures, and the months they cover."""
    found = audiences(ad_accounts=selection.ad_accounts, period=selection.period, top=_TOP)
    late = late_demographics(ad_accounts=selection.ad_accounts)
    return tuple(_pivot(one) for one in found.pivots if one.segments), (*_months(found, selection), *_late(late))


def _pivot(audience: Audience) -> Block:
    columns = (
        Column(name="segment", label="Segment"),
        Column(name="share", label="Percent share", unit="percent"),
        *map(metric_column, _OF_SEGMENTS),
    )
    segments = [*audience.segments, *([audience.rest] if audience.rest else [])]
    return Block(
        key=audience.pivot_type,
        title=audience.label,
        note=_coverage(audience),
        table=Table(
            columns=columns,
            rows=tuple(map(_segment_row, segments)),
            why_empty=(_MONTHS_MISSING if audience.missing_months else "",) * len(segments),
        ),
        chart=Chart(kind="bars", labels="segment", series=("impressions" if audience.missing_months else "share",)),
    )


def _segment_row(one: Segment) -> Row:
    return one.name, one.share_percent, *(one.value(name) for name in _OF_SEGMENTS)


def _coverage(audience: Audience) -> str:
    coverage = audience.coverage_percent
    if audience.missing_months:
        return ""
    if coverage is None:
        return "There are no complete months of impressions to compare the segments with."
    if 99.5 <= coverage < 100.5:
        return "The segments cover all impressions in these months."
    if coverage > 100:
        return "LinkedIn counts some members in several segments, so the segments add up to more than all impressions."
    return f"The segments cover {coverage:.0f}% of all impressions; LinkedIn withholds segments that are too small."


def _months(found: Audiences, selection: ReportSelection) -> tuple[str, ...]:
    asked = list(dict.fromkeys(day.replace(day=1) for day in Period(found.first_day, found.last_day).each_day()))
    ahead = [month for month in asked if month > selection.today]
    missing = _named(month for month in asked if month not in (*found.months, *found.missing_months, *ahead))
    span = " to ".join(f"{month:%B %Y}" for month in dict.fromkeys([asked[0], asked[-1]]))
    notes = [f"LinkedIn counts audiences by calendar month, so whole months are shown: {span}."]
    if found.partly_fetched_months:
        partly = _named(found.partly_fetched_months)
        notes.append(f"{partly} has not been fetched completely, so it does not count towards the coverage.")
    if ahead:
        notes.append(f"Without shares, because this lies ahead: {_named(ahead)}.")
    if not_fetched := [month for month in found.missing_months if month not in ahead]:
        months = _named(not_fetched)
        notes.append(f"Not fetched for all ad accounts and pivots, so without shares: {months}.")
    if found.months and missing:
        notes.append(f"No figures are stored for {missing}.")
    if selection.campaign_ids is not None:
        notes.append("Audiences are stored per ad account, so the campaign filter does not apply.")
    return tuple(notes)


def _named(months: Iterable[date]) -> str:
    return ", ".join(f"{month:%B %Y}" for month in months)


def _late(pivots: list[LatePivot]) -> Iterator[str]:
    """What LinkedIn no longer sends; one sentence for all pivots that it last sent on the same day."""
    by_day: dict[date | None, list[str]] = {}
    for one in pivots:
        by_day.setdefault(one.since, []).append(one.label.lower())
    for since, labels in by_day.items():
        when = f"since {since}" if since else "so far"
        yield f"LinkedIn has sent no demographics by {', '.join(labels)} {when}; no other figure depends on them."


SECTION = SectionDefinition("Demographics", demographics)
