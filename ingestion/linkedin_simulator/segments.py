"""Who saw the ads: the segments of each MEMBER pivot, their names, and how figures fall on them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .chance import chance
from .figures import IMPRESSIONS, Figures
from .names import (
    COMPANIES,
    COMPANY_SIZES,
    COUNTRIES,
    INDUSTRIES,
    JOB_FUNCTIONS,
    REGIONS,
    SENIORITIES,
    TITLES,
)

_MAX_PLACES = 5_000
FEWEST_EVENTS = 3
MAX_SEGMENTS = 100


@dataclass(frozen=True, slots=True)
class SegmentKind:
    """One MEMBER pivot: the URN kind of its values (None for bare enums) and the names known for them."""

    pivot_type: str
    urn_kind: str | None
    facet: str
    first_number: int
    names: Sequence[str]
    is_closed: bool = False

    def count(self, segments_per_pivot: int) -> int:
        """Give how many segments a world of that size has here."""
        return min(segments_per_pivot, len(self.names)) if self.is_closed else segments_per_pivot

    def value(self, place: int) -> str:
        """Give the URN or enum LinkedIn sends for a segment."""
        if self.urn_kind is None:
            return self.names[place]
        return f"urn:li:{self.urn_kind}:{self.first_number + place}"

    def name(self, place: int) -> str:
        """Give a segment's name for people."""
        if place < len(self.names):
            return self.names[place]
        return f"{self.names[place % len(self.names)]} {place // len(self.names) + 1}"


MEMBER_PIVOTS = {
    "MEMBER_JOB_TITLE": SegmentKind("job_title", "title", "titles", 1, TITLES),
    "MEMBER_JOB_FUNCTION": SegmentKind("job_function", "function", "jobFunctions", 1, JOB_FUNCTIONS, True),
    "MEMBER_SENIORITY": SegmentKind("seniority", "seniority", "seniorities", 1, SENIORITIES, True),
    "MEMBER_INDUSTRY": SegmentKind("industry", "industry", "industries", 4, INDUSTRIES),
    "MEMBER_COMPANY_SIZE": SegmentKind("company_size", None, "staffCountRanges", 0, COMPANY_SIZES, True),
    "MEMBER_COMPANY": SegmentKind("company", "organization", "employers", 1_001, COMPANIES),
    "MEMBER_COUNTRY_V2": SegmentKind("country", "geo", "locations", 101_000_000, COUNTRIES),
    "MEMBER_REGION_V2": SegmentKind("region", "geo", "locations", 90_000_000, REGIONS),
}


def named_segment(urn: str) -> tuple[str, str] | None:
    """Give facet URN and name of a segment, or None for one the targeting look-up leaves out."""
    prefix, _, number = urn.rpartition(":")
    if not number.isdigit() or _is_left_out(urn):
        return None
    for kind in MEMBER_PIVOTS.values():
        place = int(number) - kind.first_number
        limit = len(kind.names) if kind.is_closed else _MAX_PLACES
        if prefix == f"urn:li:{kind.urn_kind}" and 0 <= place < limit:
            return f"urn:li:adTargetingFacet:{kind.facet}", kind.name(place)
    return None


def _is_left_out(urn: str) -> bool:
    return not urn.startswith(("urn:li:seniority:", "urn:li:function:")) and chance(0, urn) % 13 == 0


def facet_segments(facet_urn: str) -> list[tuple[str, str]]:
    """Give URN and name of every segment of a short facet."""
    for kind in MEMBER_PIVOTS.values():
        if facet_urn == f"urn:li:adTargetingFacet:{kind.facet}" and kind.urn_kind:
            return [(kind.value(place), kind.name(place)) for place in range(len(kind.names))]
    return []


def split(
    total: Figures, pivot: str, *, count: int, seed: int, audience: int, day: int
) -> Iterator[tuple[str, Figures]]:
    """Give each segment's share of a total: the hundred largest, none below three impressions.

    Shares are rounded down, so that a pivot adds up to a little less than the total, as at LinkedIn.
    """
    kind = MEMBER_PIVOTS[pivot]
    places = range(kind.count(count))
    weights = [_weight(seed, audience, pivot, place, day) for place in places]
    together = sum(weights)
    shares = [
        (kind.value(place), tuple(value * weight // together for value in total))
        for place, weight in zip(places, weights, strict=True)
    ]
    largest = sorted(shares, key=lambda share: -share[1][IMPRESSIONS])[:MAX_SEGMENTS]
    kept = {value for value, figures in largest if figures[IMPRESSIONS] >= FEWEST_EVENTS}
    return ((value, figures) for value, figures in shares if value in kept)  # type: ignore[misc]


def _weight(seed: int, audience: int, pivot: str, place: int, day: int) -> int:
    liking = chance(seed, audience, pivot, place)
    return (9_000 // (1 + liking % 17) + 300) * (800 + chance(liking, day) % 400)
