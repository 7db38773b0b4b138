"""Validated records to column values; pure, never a query.

A row is a tuple, and what makes it also names its columns: `load.py` copies by these names. A metric that LinkedIn did
not send is zero, unless the catalogue says otherwise: LinkedIn documents absence as "zero or not applicable".
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from operator import attrgetter
from typing import Final, Generic, NamedTuple, TypeVar, cast

from accounts.consents.ad_accounts import AdAccountRow
from ingestion import catalogue
from ingestion.catalogue import Metric
from ingestion.linkedin.records import (
    AccountDayRecord,
    AdAccountRecord,
    CampaignDayRecord,
    CampaignRecord,
    CreativeDayRecord,
    CreativeRecord,
    DemographicMonthRecord,
    MoneyRecord,
)

Value = int | str | Decimal | date | datetime | list[str] | None
Row = tuple[Value, ...]
# A number, or a creative's URN.
Id = int | str
# What it is of, the day, and its metrics.
DayRow = tuple[Id, date, *tuple[int | Decimal | None, ...]]

R = TypeVar("R")
W = TypeVar("W", bound=Row)


class CampaignRow(NamedTuple):
    """A row of `campaigns`."""

    id: int
    account_id: int
    name: str | None
    status: str | None
    type: str | None
    daily_budget: Decimal | None
    daily_budget_currency: str | None
    total_budget: Decimal | None
    total_budget_currency: str | None
    cost_type: str | None
    unit_cost: Decimal | None
    bid_strategy: str | None
    creative_selection: str | None
    offsite_delivery_enabled: bool | None
    audience_expansion_enabled: bool | None
    campaign_group: str | None
    objective: str | None
    format: str | None
    serving_statuses: list[str] | None
    run_schedule_start_at: datetime | None
    run_schedule_end_at: datetime | None
    created_at: datetime | None
    last_modified_at: datetime | None
    # Empty: LinkedIn returned it.
    missing_since: datetime | None = None


class CreativeRow(NamedTuple):
    """A row of `creatives`."""

    id: str
    campaign_id: int
    account_id: int
    intended_status: str | None
    is_serving: bool | None
    content_reference: str | None
    content_name: str | None
    serving_hold_reasons: list[str] | None
    review_status: str | None
    created_at: datetime | None
    last_modified_at: datetime | None
    # Empty: LinkedIn returned it.
    missing_since: datetime | None = None


class FigureColumns(Generic[R, W]):
    """The columns that a record with metrics fills, each with its attribute of the record."""

    def __init__(self, attributes: Mapping[str, str], metrics: Sequence[Metric]) -> None:
        """`attributes`: those beside the metrics, by column."""
        self.names = (*attributes, *(metric.column for metric in metrics))
        read = attrgetter(*attributes.values(), *(metric.attribute for metric in metrics))
        self._read = cast("Callable[[R], W]", read)
        self._absent: Row = (*([None] * len(attributes)), *(metric.absent for metric in metrics))

    def row(self, record: R) -> W:
        """Its values in the order of `names`."""
        values = self._read(record)
        if None in values:
            sent = zip(values, self._absent, strict=True)
            return cast("W", tuple([absent if value is None else value for value, absent in sent]))
        return values


_CAMPAIGN_DAY = FigureColumns[CampaignDayRecord, DayRow]({"campaign_id": "campaign_id", "date": "day"}, catalogue.DAILY)
_CREATIVE_DAY = FigureColumns[CreativeDayRecord, DayRow](
    {"creative_id": "creative_urn", "date": "day"}, catalogue.DAILY
)
_ACCOUNT_DAY = FigureColumns[AccountDayRecord, DayRow]({"account_id": "ad_account_id", "date": "day"}, catalogue.DAILY)
_SEGMENT_MONTH = FigureColumns[DemographicMonthRecord, Row](
    {"segment": "segment", "date_start": "first_day", "date_end": "last_day"}, catalogue.DEMOGRAPHIC
)
campaign_day_row, CAMPAIGN_DAY_COLUMNS = _CAMPAIGN_DAY.row, _CAMPAIGN_DAY.names
creative_day_row, CREATIVE_DAY_COLUMNS = _CREATIVE_DAY.row, _CREATIVE_DAY.names
account_day_row, ACCOUNT_DAY_COLUMNS = _ACCOUNT_DAY.row, _ACCOUNT_DAY.names
# The key first.
SEGMENT_COLUMNS: Final = (
    "account_id", "pivot_type", "segment", "date_start", "segment_name", "date_end",
    *(metric.column for metric in catalogue.DEMOGRAPHIC),
)  # fmt: skip
# A day of a campaign as COPY reads it: numbers, days and checked URNs need no escapes.
_LINE = "\t".join(["%s"] * len(CAMPAIGN_DAY_COLUMNS)) + "\n"


def keep_latest(rows: Iterable[W], *, key_columns: int) -> tuple[list[W], list[W]]:
    """Rows with distinct keys, the later one where a key comes twice; and the earlier ones."""
    latest: dict[Row, W] = {}
    repeated: list[W] = []
    for row in rows:
        key = row[:key_columns]
        if key in latest:
            repeated.append(latest[key])
        latest[key] = row
    return list(latest.values()), repeated


def copy_line(row: DayRow) -> bytes:
    """A row of a daily table as COPY reads it."""
    if None in row:
        return (_LINE % tuple([r"\N" if value is None else value for value in row])).encode()
    return (_LINE % row).encode()


def ad_account_row(record: AdAccountRecord) -> AdAccountRow:
    return AdAccountRow(
        id=record.id,
        name=record.name,
        status=record.status,
        currency=record.currency,
        type=record.type,
        is_test=record.test,
        created_at=record.created_at,
    )


def campaign_row(record: CampaignRecord, *, ad_account_id: int) -> CampaignRow:
    schedule = record.run_schedule
    return CampaignRow(
        id=record.id,
        account_id=ad_account_id,
        name=record.name,
        status=record.status,
        type=record.type,
        daily_budget=_amount(record.daily_budget),
        daily_budget_currency=_currency(record.daily_budget),
        total_budget=_amount(record.total_budget),
        total_budget_currency=_currency(record.total_budget),
        cost_type=record.cost_type,
        unit_cost=_amount(record.unit_cost),
        bid_strategy=record.optimization_target_type,
        creative_selection=record.creative_selection,
        offsite_delivery_enabled=record.offsite_delivery_enabled,
        audience_expansion_enabled=record.audience_expansion_enabled,
        campaign_group=record.campaign_group,
        objective=record.objective_type,
        format=record.format,
        serving_statuses=record.serving_statuses,
        run_schedule_start_at=schedule.start if schedule else None,
        run_schedule_end_at=schedule.end if schedule else None,
        created_at=record.created_at,
        last_modified_at=record.last_modified_at,
    )


def creative_row(record: CreativeRecord, *, ad_account_id: int, post_names: Mapping[str, str]) -> CreativeRow:
    """`post_names`: names of posts by URN, for creatives without one of their own."""
    return CreativeRow(
        id=record.id,
        campaign_id=record.campaign_id,
        account_id=ad_account_id,
        intended_status=record.intended_status,
        is_serving=record.is_serving,
        content_reference=record.content_reference,
        content_name=record.name or post_names.get(record.content_reference or "") or record.headline,
        serving_hold_reasons=record.serving_hold_reasons,
        review_status=record.review_status,
        created_at=record.created_at,
        last_modified_at=record.last_modified_at,
    )


def segment_row(
    record: DemographicMonthRecord, *, ad_account_id: int, pivot_type: str, segment_name: str | None
) -> Row:
    values: dict[str, Value] = dict(zip(_SEGMENT_MONTH.names, _SEGMENT_MONTH.row(record), strict=True))
    values |= {"account_id": ad_account_id, "pivot_type": pivot_type, "segment_name": segment_name}
    return tuple(values[name] for name in SEGMENT_COLUMNS)


def _amount(money: MoneyRecord | None) -> Decimal | None:
    return money.amount if money else None


def _currency(money: MoneyRecord | None) -> str | None:
    return money.currency_code if money else None
