"""The columns of the views for BI tools, made from the catalogue of metrics; `docs/bi.md` lists them.

The ad accounts are looked up once per query and compared as an array, so that the planner goes from the campaigns to
each one's stretch of the unique index (campaign, date). security_barrier: conditions and functions of a query are not
tried on rows that are hidden from its role. What is joined by LEFT JOIN is unique by the columns of the join, and costs
nothing unless one of its columns is selected.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ingestion import catalogue
from ingestion.catalogue import AddsUp
from reporting.metrics import DAILY, RATIOS, SUMS, Ratio, Type, Unit

_UNITS: Final = {Unit.COUNT: "count", Unit.MONEY: "money in currency", Unit.PERCENT: "percent"}
_PLACES: Final = {Unit.PERCENT: 6, Unit.MONEY: 10}
# Those that the views had at first: later ones follow all other columns.
_FIRST: Final = frozenset(metric.column for metric in catalogue.CATALOGUE[: catalogue.FIRST_METRICS])


@dataclass(frozen=True, slots=True)
class Column:
    """One column, where it comes from, and its description."""

    name: str
    source: str
    type: str
    meaning: str
    unit: str


@dataclass(frozen=True, slots=True)
class View:
    """One view of the schema `reporting`."""

    name: str
    about: str
    columns: tuple[Column, ...]
    rows: str

    @property
    def path(self) -> str:
        return f"reporting.{self.name}"

    def statement(self, places: Sequence[str]) -> str:
        """`places`: names of the first columns; PostgreSQL, and people who read the view, rely on their order."""
        by_name = {column.name: column for column in self.columns}
        names = dict.fromkeys((*places, *by_name))
        shown = ",\n    ".join(f"{by_name[name].source} AS {name}" for name in names)
        return f"CREATE OR REPLACE VIEW {self.path} WITH (security_barrier) AS\nSELECT\n    {shown}\n{self.rows}"


def views(stored: Mapping[str, Collection[str]] | None = None) -> tuple[View, ...]:
    """Every view; of the metrics those that the tables hold, where `stored` gives their columns."""
    days = [one for one in DAILY if stored is None or one.column in stored["campaign_daily_metrics"]]
    months = [one for one in catalogue.DEMOGRAPHIC if stored is None or one.column in stored["audience_demographics"]]
    of_all = [one for one in days if AddsUp.OVER_ENTITIES in one.adds_up]
    return (
        View(
            "reporting_campaign_daily",
            "One row per campaign and UTC day on which anything happened.",
            (*_DAY, *_of_ad_account("campaign.account_id"), *_OF_CAMPAIGN, *_figures(days, "day"),
             _mark("day", "campaign", "ad_account")),
            _CAMPAIGN_ROWS,
        ),
        View(
            "reporting_creative_daily",
            "One row per creative and UTC day on which anything happened.",
            (*_DAY, *_of_ad_account("creative.account_id"), *_OF_CAMPAIGN_OF_CREATIVE, *_OF_CREATIVE,
             *_figures(days, "day"), _mark("day", "creative", "campaign", "ad_account")),
            _CREATIVE_ROWS,
        ),
        View(
            "reporting_account_daily",
            "One row per ad account and UTC day on which anything happened: the sums of its campaigns.",
            (*_DAY, *_of_ad_account("day.account_id"), *_figures(of_all, "day", are_sums=True),
             _mark("day", "ad_account")),
            _ACCOUNT_ROWS.format(
                sums=", ".join(
                    (
                        *(f"sum(figures.{metric.column}) AS {metric.column}" for metric in of_all),
                        "max(figures.change_mark) AS change_mark",
                    )
                )
            ),
        ),
        View(
            "reporting_demographics_monthly",
            "One row per ad account, pivot, segment and calendar month: who saw the ads.",
            (*_MONTH, *_of_ad_account("month.account_id"), *_OF_SEGMENT,
             *_figures(months, "month", before_ratios=(_SHARE,), is_complete=_WHOLE_MONTH),
             _mark("month", "ad_account")),
            _SEGMENT_ROWS,
        ),
    )  # fmt: skip


# --- columns ---


def _figures(
    metrics: Sequence[catalogue.Metric],
    table: str,
    *,
    are_sums: bool = False,
    before_ratios: tuple[Column, ...] = (),
    is_complete: str = "coalesce(synced.checked_days @> day.date, false) AND incomplete.date IS NULL",
) -> Iterator[Column]:
    """Counts and money with what follows from them, how far to trust them, and the metrics that came later."""
    there = {metric.column for metric in metrics}
    for metric in (one for one in metrics if one.column in _FIRST):
        if metric.unit is Unit.MONEY:
            yield _CURRENCY
        yield _metric(metric, table, is_sum=are_sums)
        yield from _sums_after(metric.column, there, table, are_sums=are_sums)
    yield from before_ratios
    yield from (_ratio(one, table) for one in RATIOS if {*one.columns, one.divisor} <= there)
    yield Column("is_complete", is_complete, "boolean", _IS_COMPLETE, "true or false")
    yield _DATA_AS_OF
    yield from (_metric(one, table, is_sum=are_sums) for one in metrics if one.column not in _FIRST)


def _mark(*tables: str) -> Column:
    """When the row changed last, as copies of a view compare it."""
    marks = ", ".join(f"{table}.change_mark" for table in tables)
    return Column("change_mark", f"greatest({marks})", "bigint", _CHANGE_MARK, "number")


def _metric(metric: catalogue.Metric, table: str, *, is_sum: bool) -> Column:
    kind = _count_type(is_sum=is_sum) if metric.type is Type.COUNT else "numeric"
    return Column(metric.column, f"{table}.{metric.column}", kind, metric.description, _UNITS[metric.unit])


def _sums_after(column: str, there: set[str], table: str, *, are_sums: bool) -> Iterator[Column]:
    """Sums of several columns follow the last of them."""
    for one in SUMS:
        if len(one.columns) > 1 and one.columns[-1] == column and there.issuperset(one.columns):
            source = " + ".join(f"{table}.{name}" for name in one.columns)
            meaning = one.description[0].lower() + one.description[1:]
            yield Column(one.name, source, _count_type(is_sum=are_sums), meaning, _UNITS[one.unit])


def _ratio(ratio: Ratio, table: str) -> Column:
    dividend = " + ".join(f"{table}.{name}" for name in ratio.columns)
    source = f"round(({dividend}) * {ratio.times}::numeric / nullif({table}.{ratio.divisor}, 0), {_PLACES[ratio.unit]})"
    return Column(ratio.name, source, "numeric", f"{ratio.formula}; empty without {ratio.divisor}", _UNITS[ratio.unit])


def _count_type(*, is_sum: bool) -> str:
    return "bigint" if is_sum else "integer"


def _of_ad_account(key: str) -> tuple[Column, ...]:
    return (
        Column("ad_account_id", key, "bigint", "LinkedIn's id of the ad account", "id"),
        Column("ad_account_name", "ad_account.name", "text", "its current name", "text"),
    )


_CURRENCY: Final = Column(
    "currency",
    "ad_account.currency",
    "text",
    "ISO code of all amounts in this row; never add up different ones",
    "text",
)
_DATA_AS_OF: Final = Column(
    "data_as_of", "synced.data_as_of", "timestamp with time zone",
    "when the last successful sync of the ad account began", "instant",
)  # fmt: skip
_IS_COMPLETE: Final = (
    "whether the figures are considered final: the day is over and adds up to LinkedIn's own totals; for"
    " demographics, the whole month was counted"
)
_CHANGE_MARK: Final = (
    "transaction that last changed the stored figures or the names beside them; compare it with change_horizon()"
)
_DAY: Final = (
    Column("date", "day.date", "date", "UTC day; compare it with dates, not with timestamps", "day"),
    Column("week_start", "date_trunc('week', day.date::timestamp)::date", "date", "Monday of the ISO week", "day"),
    Column(
        "month_start",
        "date_trunc('month', day.date::timestamp)::date",
        "date",
        "first day of the calendar month",
        "day",
    ),
)
_MONTH: Final = (
    Column("month_start", "month.date_start", "date", "first day of the calendar month", "day"),
    Column(
        "last_day_counted", "month.date_end", "date",
        "last day of the month that LinkedIn had counted at the last sync", "day",
    ),
)  # fmt: skip
_CAMPAIGN_COLUMNS: Final = (
    Column(
        "campaign_name", "campaign.name", "text", "its current name; empty if LinkedIn no longer returns it", "text"
    ),
    Column(
        "campaign_status", "campaign.status", "text",
        "its current status: ACTIVE, PAUSED, ARCHIVED, COMPLETED, CANCELED, …", "text",
    ),
    Column(
        "campaign_objective", "campaign.objective", "text", "its objective: WEBSITE_VISIT, LEAD_GENERATION, …", "text"
    ),
    Column("campaign_group_urn", "campaign.campaign_group", "text", "campaign group that it belongs to", "URN"),
)  # fmt: skip
_OF_CAMPAIGN: Final = (
    Column("campaign_id", "day.campaign_id", "bigint", "LinkedIn's id of the campaign", "id"),
    *_CAMPAIGN_COLUMNS,
)
_OF_CAMPAIGN_OF_CREATIVE: Final = (
    Column("campaign_id", "creative.campaign_id", "bigint", "LinkedIn's id of the campaign", "id"),
    *_CAMPAIGN_COLUMNS,
)
_OF_CREATIVE: Final = (
    Column("creative_urn", "day.creative_id", "character varying", "LinkedIn's URN of the creative", "URN"),
    Column(
        "creative_name", "creative.content_name", "text",
        "its own name, else its post's name or first words, else its headline", "text",
    ),
    Column(
        "creative_status", "creative.intended_status", "text",
        "the status set by the advertiser: ACTIVE, PAUSED, …", "text",
    ),
    Column("is_serving", "creative.is_serving", "boolean", "whether LinkedIn is showing it now", "true or false"),
    Column(
        "review_status", "creative.review_status", "text",
        "current state of LinkedIn's review: PENDING, APPROVED, REJECTED, NEEDS_REVIEW", "text",
    ),
)  # fmt: skip
_OF_SEGMENT: Final = (
    Column(
        "pivot_type", "month.pivot_type", "character varying",
        "what the audience is segmented by: job_title, job_function, seniority, industry, company_size, company,"
        " country, region", "text",
    ),
    Column(
        "segment_urn", "month.segment", "character varying", "LinkedIn's identifier of the segment",
        "URN or enum",
    ),
    Column(
        "segment_name", "coalesce(month.segment_name, month.segment)", "text", "display name of the segment", "text"
    ),
)  # fmt: skip
_SHARE: Final = Column(
    "share_percent", "month.share_pct", "numeric",
    "of the impressions of all segments of this ad account, pivot and month; empty without impressions", "percent",
)  # fmt: skip
_WHOLE_MONTH: Final = """month.date_end = (month.date_start + interval '1 month' - interval '1 day')::date AND EXISTS (
        SELECT FROM covered_days
        WHERE covered_days.account_id = month.account_id AND data_table = 'audience_demographics'
          AND covered_days.pivot_type = month.pivot_type AND last_day >= month.date_start
          AND first_day <= month.date_start AND is_whole AND (asked_at AT TIME ZONE 'UTC')::date > month.date_end
          AND asked_at <= now() + interval '1 minute'
    )"""


# --- rows ---

_VISIBLE: Final = "ANY (ARRAY(SELECT id FROM reporting_visible_ad_accounts))"
_CAMPAIGN_ROWS: Final = f"""FROM campaign_daily_metrics AS day
JOIN campaigns AS campaign ON campaign.id = day.campaign_id
JOIN ad_accounts AS ad_account ON ad_account.id = campaign.account_id
LEFT JOIN reporting_synced_ad_accounts AS synced ON synced.account_id = campaign.account_id
LEFT JOIN incomplete_days AS incomplete ON incomplete.account_id = campaign.account_id AND incomplete.date = day.date
WHERE campaign.account_id = {_VISIBLE}"""
_CREATIVE_ROWS: Final = f"""FROM creative_daily_metrics AS day
JOIN creatives AS creative ON creative.id = day.creative_id
LEFT JOIN campaigns AS campaign ON campaign.id = creative.campaign_id
JOIN ad_accounts AS ad_account ON ad_account.id = creative.account_id
LEFT JOIN reporting_synced_ad_accounts AS synced ON synced.account_id = creative.account_id
LEFT JOIN incomplete_days AS incomplete ON incomplete.account_id = creative.account_id AND incomplete.date = day.date
WHERE creative.account_id = {_VISIBLE}"""
_SEGMENT_ROWS: Final = f"""FROM audience_demographics AS month
JOIN ad_accounts AS ad_account ON ad_account.id = month.account_id
LEFT JOIN reporting_synced_ad_accounts AS synced ON synced.account_id = month.account_id
WHERE month.account_id = {_VISIBLE}"""


# Summed from campaigns, as every report is; not LinkedIn's own totals, which is_complete compares them with.
_ACCOUNT_ROWS: Final = f"""FROM (
    SELECT campaign.account_id, figures.date, {{sums}}
    FROM campaign_daily_metrics AS figures
    JOIN campaigns AS campaign ON campaign.id = figures.campaign_id
    WHERE campaign.account_id = {_VISIBLE}
    GROUP BY campaign.account_id, figures.date
) AS day
JOIN ad_accounts AS ad_account ON ad_account.id = day.account_id
LEFT JOIN reporting_synced_ad_accounts AS synced ON synced.account_id = day.account_id
LEFT JOIN incomplete_days AS incomplete ON incomplete.account_id = day.account_id AND incomplete.date = day.date"""  # noqa: S608
