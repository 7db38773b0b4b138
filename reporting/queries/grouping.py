"""The SQL that queries of daily figures share: which rows, and what they are grouped by."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import cached_property
from typing import Any

from django.db import connection
from django.db.models import QuerySet

from accounts.models import AdAccount
from reporting.periods import Period

Params = dict[str, int | str | date | list[int] | list[str] | list[date] | None]
# One row of a statement: its columns have the types that PostgreSQL gives them.
Row = tuple[Any, ...]


class GroupBy(StrEnum):
    """What one row of a result represents."""

    AD_ACCOUNT = "ad_account"
    CAMPAIGN = "campaign"
    CREATIVE = "creative"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"

    @property
    def is_calendar(self) -> bool:
        """Whether rows are days, weeks or months, in calendar order."""
        return self in _CALENDAR


_CALENDAR = frozenset({GroupBy.DAY, GroupBy.WEEK, GroupBy.MONTH})


@dataclass(frozen=True)
class Selection:
    """Some daily rows: of these ad accounts, in this period, optionally only of some campaigns or creatives."""

    ad_accounts: QuerySet[AdAccount]
    period: Period
    campaign_ids: Collection[int] | None = None
    creative_ids: Collection[str] | None = None

    @cached_property
    def ad_account_ids(self) -> list[int]:
        """Read once, however many statements need them."""
        return ad_account_ids(self.ad_accounts)

    def source(self, *, by_creative: bool = False) -> "RowSource":
        """Creatives' rows if creatives are selected, otherwise campaigns'."""
        wants_creatives = by_creative or self.creative_ids is not None
        template = _CREATIVE_ROWS if wants_creatives else _CAMPAIGN_ROWS
        params: Params = {
            "ad_account_ids": self.ad_account_ids,
            "first_day": self.period.first_day,
            "last_day": self.period.last_day,
        }
        conditions = ""
        if self.campaign_ids is not None:
            column = "creative.campaign_id" if wants_creatives else "campaign.id"
            conditions += f" AND {column} = ANY(%(campaign_ids)s)"
            params["campaign_ids"] = list(self.campaign_ids)
        if self.creative_ids is not None:
            conditions += " AND creative.id = ANY(%(creative_ids)s)"
            params["creative_ids"] = list(self.creative_ids)
        return RowSource(template + conditions, params)


@dataclass(frozen=True, slots=True)
class RowSource:
    """FROM and WHERE over daily rows (`day`), their campaign and their ad account, with the parameters."""

    sql: str
    params: Params


# The ad accounts are ids and not a sub-query, so that the planner sees how few they are. The join goes from the ad
# account's campaigns to each one's range of the unique index (campaign, date); see docs/reading.md.
_CAMPAIGN_ROWS = """
FROM campaign_daily_metrics AS day
JOIN campaigns AS campaign ON campaign.id = day.campaign_id
JOIN ad_accounts AS ad_account ON ad_account.id = campaign.account_id
WHERE campaign.account_id = ANY(%(ad_account_ids)s) AND day.date BETWEEN %(first_day)s AND %(last_day)s"""
# A creative that LinkedIn no longer lists may have no campaign here; its figures still count.
_CREATIVE_ROWS = """
FROM creative_daily_metrics AS day
JOIN creatives AS creative ON creative.id = day.creative_id
LEFT JOIN campaigns AS campaign ON campaign.id = creative.campaign_id
JOIN ad_accounts AS ad_account ON ad_account.id = creative.account_id
WHERE creative.account_id = ANY(%(ad_account_ids)s) AND day.date BETWEEN %(first_day)s AND %(last_day)s"""


def ad_account_ids(ad_accounts: QuerySet[AdAccount]) -> list[int]:
    return list(ad_accounts.order_by().values_list("pk", flat=True))


def fetch_all(sql: str, params: Params) -> Sequence[Row]:
    """Rows of a statement."""
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        rows: Sequence[Row] = cursor.fetchall()
        return rows
