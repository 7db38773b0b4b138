"""Works out what so many ad accounts need, from what the other benchmarks measured.

`python -m benchmarks.scaling --ad-accounts 10 1000 100000` asks nothing and measures nothing: it is the arithmetic of
docs/scaling.md, and every option is an input that yours may differ in.
"""

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass, fields
from math import ceil

_DAY = 86_400
# Of LinkedIn: see ingestion/sync/rate_limits.py.
VALUES_IN_FIVE_MINUTES, MAX_PLACES = 45_000_000, 32
# Fields of a daily row and of a segment, as asked for.
VALUES_PER_ROW, VALUES_PER_SEGMENT = 14, 7
PIVOTS = 8


@dataclass(frozen=True, slots=True)
class Inputs:
    """A usual ad account, LinkedIn as it may be, and what was measured (bytes with indexes)."""

    campaigns: float = 10
    creatives: float = 40
    segments: float = 30
    freshness_minutes: float = 240
    lookback_days: float = 30
    backfill_days: float = 90
    seconds_per_call: float = 0.5
    calls_per_sync: float = 14
    requests_side_by_side: float = 4
    own_seconds_per_sync: float = 0.21
    microseconds_per_row: float = 26.0
    gate_seconds: float = 0.01
    busy_share: float = 0.7
    bytes_per_campaign_day: float = 295
    bytes_per_creative_day: float = 400
    bytes_per_account_day: float = 196
    bytes_per_segment: float = 297
    bytes_per_run: float = 312
    beat_megabytes: float = 142.5
    beat_kilobytes_per_entry: float = 3.7
    beat_percent_per_thousand: float = 0.19


@dataclass(frozen=True, slots=True)
class Needs:
    """What one installation needs; each line of docs/scaling.md is one property."""

    ad_accounts: int
    inputs: Inputs

    @property
    def syncs_per_day(self) -> float:
        return self.ad_accounts * 1440 / self.inputs.freshness_minutes

    @property
    def rows_per_day(self) -> float:
        return self.ad_accounts * (self.inputs.campaigns + self.inputs.creatives)

    @property
    def seconds_per_sync(self) -> float:
        """One child of a worker, from the first call to the commit."""
        given = self.inputs
        rows = (given.campaigns + given.creatives) * given.lookback_days
        waiting = given.calls_per_sync / given.requests_side_by_side * given.seconds_per_call
        return waiting + given.own_seconds_per_sync + rows * given.microseconds_per_row / 1e6

    @property
    def children(self) -> int:
        """Beat asks four times per freshness; three of them end at the gate."""
        each = self.seconds_per_sync + 3 * self.inputs.gate_seconds
        return ceil(self.syncs_per_day * each / _DAY / self.inputs.busy_share)

    @property
    def connections(self) -> int:
        """To PostgreSQL: a child has one, two web processes have eight threads each, beat has one."""
        return self.children + 2 * 8 + 1

    @property
    def messages_per_second(self) -> float:
        return self.syncs_per_day * 4 / _DAY

    @property
    def calls_per_day(self) -> float:
        return self.syncs_per_day * self.inputs.calls_per_sync

    @property
    def consents(self) -> int:
        """LinkedIn connections whose budgets together bear the calls."""
        return ceil(self.calls_per_day / _DAY * self.inputs.seconds_per_call / MAX_PLACES / self.inputs.busy_share)

    @property
    def values_percent(self) -> float:
        """Of LinkedIn's 45 million values in five minutes, which one application has."""
        return self.syncs_per_day / 288 * self._values(self.inputs.lookback_days) / VALUES_IN_FIVE_MINUTES * 100

    @property
    def first_sync_hours(self) -> float:
        """All of them, if the values were the only limit."""
        return self.ad_accounts * self._values(self.inputs.backfill_days) / VALUES_IN_FIVE_MINUTES / 12

    @property
    def gigabytes_per_year(self) -> float:
        given = self.inputs
        per_day = (
            given.campaigns * given.bytes_per_campaign_day
            + given.creatives * given.bytes_per_creative_day
            + given.bytes_per_account_day
        )
        per_month = PIVOTS * given.segments * given.bytes_per_segment
        # Of the runs older than 90 days one a day is kept.
        return self.ad_accounts * (365 * (per_day + given.bytes_per_run) + 12 * per_month) / 1e9

    @property
    def gigabytes_of_runs(self) -> float:
        """Of the last 90 days."""
        return self.syncs_per_day * 90 * self.inputs.bytes_per_run / 1e9

    @property
    def beat_megabytes(self) -> float:
        return self.inputs.beat_megabytes + self.ad_accounts * self.inputs.beat_kilobytes_per_entry / 1000

    @property
    def beat_percent(self) -> float:
        """Of one core."""
        return self.ad_accounts / 1000 * self.inputs.beat_percent_per_thousand

    def _values(self, days: float) -> float:
        months = days / 30.4 + 1
        rows = (self.inputs.campaigns + self.inputs.creatives + 1) * days
        return rows * VALUES_PER_ROW + PIVOTS * self.inputs.segments * months * VALUES_PER_SEGMENT


LINES = {
    "syncs a day": "syncs_per_day",
    "rows of daily figures a day": "rows_per_day",
    "seconds per sync": "seconds_per_sync",
    "children of workers": "children",
    "connections to PostgreSQL": "connections",
    "messages a second (broker)": "messages_per_second",
    "calls a day": "calls_per_day",
    "consents that bear them": "consents",
    "LinkedIn's values, % of the limit": "values_percent",
    "first syncs, hours at that limit": "first_sync_hours",
    "database, GB a year": "gigabytes_per_year",
    "runs of 90 days, GB": "gigabytes_of_runs",
    "beat, MB": "beat_megabytes",
    "beat, % of a core": "beat_percent",
}


def table(scales: list[int], inputs: Inputs) -> Iterator[str]:
    """As Markdown, a column for each number of ad accounts."""
    needs = [Needs(ad_accounts, inputs) for ad_accounts in scales]
    yield f"| ad accounts | {' | '.join(f'{one:,}' for one in scales)} |"
    yield f"| --- |{' --- |' * len(scales)}"
    for line, name in LINES.items():
        yield f"| {line} | {' | '.join(_shown(getattr(one, name)) for one in needs)} |"


def _shown(number: float) -> str:
    return f"{number:,.0f}" if number >= 100 or number == int(number) else f"{number:.2g}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ad-accounts", type=int, nargs="+", default=[10, 1_000, 100_000])
    for one in fields(Inputs):
        parser.add_argument(f"--{one.name.replace('_', '-')}", type=float, default=one.default)
    given = parser.parse_args()
    inputs = Inputs(**{one.name: getattr(given, one.name) for one in fields(Inputs)})
    sys.stdout.write("\n".join(table(given.ad_accounts, inputs)) + "\n")


if __name__ == "__main__":
    main()
