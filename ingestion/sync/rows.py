"""Validated records to column values; pure, never a query.

Each `…_row` returns the values of the columns that `load.py` names for its table, in that order. A metric
that LinkedIn did not send is zero: LinkedIn documents absence as "zero or not applicable".
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from accounts.consents.ad_accounts import AdAccountRow
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

Row = tuple[Any, ...]

_ZERO = Decimal(0)


def keep_latest(rows: Iterable[Row], *, key_columns: int) -> tuple[list[Row], list[Row]]:
    """Rows with distinct keys, the later one where a key comes twice; and the earlier ones."""
    latest: dict[Row, Row] = {}
    repeated: list[Row] = []
    for row in rows:
        key = row[:key_columns]
        if key in latest:
            repeated.append(latest[key])
        latest[key] = row
    return list(latest.values()), repeated


def copy_line(row: Row) -> bytes:
    """A row of a daily table as COPY reads it: its numbers, days and checked URNs need no escapes."""
    return ("\t".join(map(str, row)) + "\n").encode()


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


def campaign_row(record: CampaignRecord, *, ad_account_id: int) -> Row:
    schedule = record.run_schedule
    return (
        record.id,
        ad_account_id,
        record.name,
        record.status,
        record.type,
        _amount(record.daily_budget),
        _currency(record.daily_budget),
        _amount(record.total_budget),
        _currency(record.total_budget),
        record.cost_type,
        _amount(record.unit_cost),
        record.optimization_target_type,
        record.creative_selection,
        record.offsite_delivery_enabled,
        record.audience_expansion_enabled,
        record.campaign_group,
        record.objective_type,
        record.format,
        record.serving_statuses,
        schedule.start if schedule else None,
        schedule.end if schedule else None,
        record.created_at,
        record.last_modified_at,
        None,  # missing_since: LinkedIn returned it
    )


def creative_row(record: CreativeRecord, *, ad_account_id: int, post_names: Mapping[str, str]) -> Row:
    """`post_names`: names of posts by URN, for creatives without one of their own."""
    return (
        record.id,
        record.campaign_id,
        ad_account_id,
        record.intended_status,
        record.is_serving,
        record.content_reference,
        record.name or post_names.get(record.content_reference or "") or record.headline,
        record.serving_hold_reasons,
        record.review_status,
        record.created_at,
        record.last_modified_at,
        None,  # missing_since: LinkedIn returned it
    )


def campaign_day_row(record: CampaignDayRecord) -> Row:
    return (record.campaign_id, *_counts(record))


def creative_day_row(record: CreativeDayRecord) -> Row:
    return (record.creative_urn, *_counts(record))


def account_day_row(record: AccountDayRecord) -> Row:
    return (record.ad_account_id, *_counts(record))


def segment_row(
    record: DemographicMonthRecord, *, ad_account_id: int, pivot_type: str, segment_name: str | None
) -> Row:
    return (
        ad_account_id,
        pivot_type,
        record.segment,
        record.first_day,
        segment_name,
        record.last_day,
        record.impressions or 0,
        record.clicks or 0,
        record.cost_in_local_currency or _ZERO,
        record.external_website_conversions or 0,
        record.one_click_leads or 0,
    )


def _counts(record: CampaignDayRecord | CreativeDayRecord | AccountDayRecord) -> Row:
    return (
        record.day,
        record.impressions or 0,
        record.clicks or 0,
        record.cost_in_local_currency or _ZERO,
        record.landing_page_clicks or 0,
        record.external_website_conversions or 0,
        record.likes or 0,
        record.comments or 0,
        record.shares or 0,
        record.follows or 0,
        record.one_click_leads or 0,
        record.opens or 0,
        record.sends or 0,
    )


def _amount(money: MoneyRecord | None) -> Decimal | None:
    return money.amount if money else None


def _currency(money: MoneyRecord | None) -> str | None:
    return money.currency_code if money else None
