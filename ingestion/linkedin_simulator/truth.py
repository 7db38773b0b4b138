"""The rows a correct sync must hold, in our tables' own words, worked out from the world and not from answers.

Which column holds which of LinkedIn's first metrics is repeated here, independently of
the catalogue; for later metrics the catalogue's own names are used.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Any, TypedDict

from ingestion import catalogue
from ingestion.catalogue import Metric, Type

from .analytics import served
from .analytics_rows import AnalyticsQuery, Row, rows
from .changes import Entity
from .entities import Json, post_urn
from .figures import (
    CLICKS,
    COMMENTS,
    CONVERSIONS,
    FOLLOWS,
    IMPRESSIONS,
    LANDING_PAGE_CLICKS,
    LEADS,
    LIKES,
    OPENS,
    SENDS,
    SHARES,
    SPEND,
    Figures,
    money,
)
from .posts import post_json
from .segments import FEWEST_EVENTS, MEMBER_PIVOTS, SegmentKind, named_segment
from .world import AccountPlan, CampaignPlan, CreativePlan

if TYPE_CHECKING:
    from .simulator import Simulator

TruthRow = dict[str, Any]
_MONEY_PLACES = Decimal("1e-10")
_SHARE_PLACES = Decimal("1e-6")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CAMPAIGN_COLUMNS = (
    "name", "status", "type", "daily_budget", "daily_budget_currency", "total_budget",
    "total_budget_currency",
    "cost_type", "unit_cost", "bid_strategy", "creative_selection", "offsite_delivery_enabled",
    "audience_expansion_enabled", "campaign_group", "objective", "format", "serving_statuses",
    "run_schedule_start_at", "run_schedule_end_at", "created_at", "last_modified_at",
)  # fmt: skip
_CREATIVE_COLUMNS = (
    "campaign_id", "intended_status", "is_serving", "content_reference", "content_name",
    "serving_hold_reasons",
    "review_status", "created_at", "last_modified_at",
)  # fmt: skip


def truth(
    simulator: Simulator,
    ad_account_id: int,
    first_day: date,
    last_day: date,
    *,
    today: date | None = None,
    known_before: bool = True,
    posts_readable: bool = False,
) -> dict[str, list[TruthRow]]:
    """Give table name -> rows by key for one ad account and a range of days, both included.

    `known_before` says whether a sync ran before entities vanished; without it they are stubs, and only where
    they have figures in the range. `posts_readable` lets posts lend their names to creatives. `today` cuts the
    range where it is earlier than the clock's day.
    """
    account = simulator.present.account(ad_account_id)
    if account is None:
        raise ValueError(f"no ad account {ad_account_id} in this world")
    teller = _Teller(simulator, account, first_day, min(last_day, today) if today else last_day)
    by_creative, by_campaign = list(teller.rows("CREATIVE", "DAILY")), list(teller.rows("CAMPAIGN", "DAILY"))
    return {
        "ad_accounts": [teller.ad_account()],
        "campaigns": teller.campaigns(known_before, _numbers(by_campaign)),
        "creatives": teller.creatives(known_before, _numbers(by_creative), posts_readable),
        "campaign_daily_metrics": _daily(by_campaign, "campaign_id", account.currency),
        "creative_daily_metrics": _daily(by_creative, "creative_id", account.currency),
        "audience_demographics": teller.demographics(),
        "account_daily_totals": _daily(list(teller.rows("ACCOUNT", "DAILY")), "account_id", account.currency),
    }


def received(simulator: Simulator) -> dict[str, int]:
    """Give how many elements each endpoint has served, broken ones included."""
    return dict(simulator.office.ledger.received)


class BrokenElement(TypedDict):
    """A broken element that was served, as LinkedIn would send it."""

    endpoint: str
    element: Json


def rejections(simulator: Simulator) -> list[BrokenElement]:
    """Give the broken elements served so far, each with its endpoint."""
    return [BrokenElement(endpoint=each.endpoint, element=each.element) for each in simulator.office.ledger.rejections]


def _numbers(found: list[Row]) -> set[int]:
    return {int(row.values[0].rpartition(":")[2]) for row in found}


def _daily(found: list[Row], key: str, currency: str) -> list[TruthRow]:
    found_rows = []
    for row in found:
        urn = row.values[0]
        identity = urn if key == "creative_id" else int(urn.rpartition(":")[2])
        found_rows.append({key: identity, "date": row.bucket.first_day, **_metrics(row.figures, currency)})
    return sorted(found_rows, key=lambda row: (row[key], row["date"]))


def _metrics(figures: Figures, currency: str) -> TruthRow:
    first = {
        "impressions": figures[IMPRESSIONS],
        "clicks": figures[CLICKS],
        "spend": served_money(figures[SPEND]),
        "landing_page_clicks": figures[LANDING_PAGE_CLICKS],
        "conversions": figures[CONVERSIONS],
        "likes": figures[LIKES],
        "comments": figures[COMMENTS],
        "shares": figures[SHARES],
        "follows": figures[FOLLOWS],
        "leads": figures[LEADS],
        "opens": figures[OPENS],
        "sends": figures[SENDS],
    }
    return first | _further(figures, currency, (one for one in catalogue.DAILY if one.column not in first))


def _further(figures: Figures, currency: str, metrics: Iterable[Metric]) -> TruthRow:
    values: TruthRow = {}
    for metric in metrics:
        value = served(metric.field, figures, currency)
        values[metric.column] = value if metric.type is Type.COUNT else _stored(str(value))
    return values


def served_money(units: int) -> Decimal:
    """Give the stored amount for the very string served."""
    return _stored(money(units))


def _stored(text: str) -> Decimal:
    return Decimal(text).quantize(_MONEY_PLACES, ROUND_HALF_UP)


class _Teller:
    """Tells the truth about one ad account and one range of days."""

    def __init__(self, simulator: Simulator, account: AccountPlan, first_day: date, last_day: date) -> None:
        self.simulator = simulator
        self.present = simulator.present
        self.account = account
        self.first_day = first_day
        self.last_day = last_day

    def rows(self, pivot: str, granularity: str) -> Iterator[Row]:
        """Give the rows as they would be asked for: one ad account as the facet."""
        if self.last_day < self.first_day:
            return iter(())
        facets = {"accounts": frozenset([self.account.id])}
        query = AnalyticsQuery((pivot,), self.first_day, self.last_day, granularity, facets)
        return rows(self.present, self.simulator.office.totals, query, [self.account])

    def ad_account(self) -> TruthRow:
        """Give the ad account's own row."""
        body = self.present.account_body(self.account)
        return {
            "id": body["id"],
            "name": body["name"],
            "status": body["status"],
            "currency": body["currency"],
            "type": body["type"],
            "is_test": body["test"],
            "created_at": _instant(body["changeAuditStamps"]["created"]["time"]),
        }

    def campaigns(self, known_before: bool, with_figures: set[int]) -> list[TruthRow]:
        """Give the campaigns' rows, those no longer returned included."""
        found_rows = [self._campaign(plan, known_before, with_figures) for plan in self.present.campaigns(self.account)]
        return sorted((row for row in found_rows if row is not None), key=lambda row: row["id"])

    def _campaign(self, plan: CampaignPlan, known_before: bool, with_figures: set[int]) -> TruthRow | None:
        base = {"id": plan.id, "account_id": self.account.id}
        if self.present.is_listed(plan):
            return {**base, **_campaign_columns(self.present.campaign_body(plan)), "missing": False}
        remembered = self._remembered(("campaign", plan.id), known_before)
        if remembered is not None:
            return {**base, **_campaign_columns(remembered), "missing": True}
        return {**base, **dict.fromkeys(_CAMPAIGN_COLUMNS), "missing": True} if plan.id in with_figures else None

    def creatives(self, known_before: bool, with_figures: set[int], posts_readable: bool) -> list[TruthRow]:
        """Give the creatives' rows; hidden ones are stubs where they have figures."""
        found_rows = (
            self._creative(plan, known_before, with_figures, posts_readable)
            for plan in self.present.account_creatives(self.account)
        )
        return sorted((row for row in found_rows if row is not None), key=lambda row: str(row["id"]))

    def _creative(
        self, plan: CreativePlan, known_before: bool, with_figures: set[int], posts_readable: bool
    ) -> TruthRow | None:
        base = {"id": plan.urn, "account_id": self.account.id}
        found = self.present.is_found(plan)
        body = self.present.creative_body(plan) if found else self._remembered(("creative", plan.id), known_before)
        if body is not None:
            return {**base, **_creative_columns(body, plan, posts_readable), "missing": not found}
        return {**base, **dict.fromkeys(_CREATIVE_COLUMNS), "missing": True} if plan.id in with_figures else None

    def _remembered(self, entity: Entity, known_before: bool) -> Json | None:
        return self.present.changes.last_returned.get(entity) if known_before else None

    def demographics(self) -> list[TruthRow]:
        """Give the segments of all eight MEMBER pivots by month."""
        found_rows: list[TruthRow] = []
        for pivot, kind in MEMBER_PIVOTS.items():
            found = list(self.rows(pivot, "MONTHLY"))
            together: dict[date, int] = {}
            for row in found:
                month = row.bucket.first_day
                together[month] = together.get(month, 0) + _seen(row.figures[IMPRESSIONS])
            found_rows += [self._segment(row, kind, together[row.bucket.first_day]) for row in found]
        return sorted(found_rows, key=lambda row: (row["pivot_type"], row["segment"], row["date_start"]))

    def _segment(self, row: Row, kind: SegmentKind, together: int) -> TruthRow:
        figures, segment = row.figures, row.values[0]
        named = named_segment(segment)
        share = Decimal(figures[IMPRESSIONS]) / together * 100
        first: TruthRow = {
            "account_id": self.account.id,
            "pivot_type": kind.pivot_type,
            "segment": segment,
            "segment_name": named[1] if named else None,
            "date_start": row.bucket.first_day,
            "date_end": row.bucket.last_day,
            "impressions": figures[IMPRESSIONS],
            "clicks": _seen(figures[CLICKS]),
            "spend": served_money(figures[SPEND]),
            "conversions": _seen(figures[CONVERSIONS]),
            "leads": _seen(figures[LEADS]),
            "share_pct": share.quantize(_SHARE_PLACES, ROUND_HALF_UP),
        }
        metrics = [one for one in catalogue.DEMOGRAPHIC if one.column not in first]
        further = _further(figures, self.account.currency, metrics)
        for metric in metrics:
            if metric.type is Type.COUNT and further[metric.column] < FEWEST_EVENTS:
                further[metric.column] = metric.absent
        return first | further


def _seen(count: int) -> int:
    """A demographic count under three is left out of the row, which reads as zero."""
    return count if count >= FEWEST_EVENTS else 0


def _instant(milliseconds: int | None) -> datetime | None:
    return None if milliseconds is None else _EPOCH + timedelta(milliseconds=milliseconds)


def _amount(budget: Json | None) -> tuple[Decimal | None, str | None]:
    return (None, None) if budget is None else (Decimal(budget["amount"]), budget["currencyCode"])


def _campaign_columns(body: Json) -> TruthRow:
    daily, daily_currency = _amount(body.get("dailyBudget"))
    total, total_currency = _amount(body.get("totalBudget"))
    values = (
        body["name"], body["status"], body["type"], daily, daily_currency, total, total_currency,
        body["costType"], _amount(body.get("unitCost"))[0], body["optimizationTargetType"],
        body["creativeSelection"], body["offsiteDeliveryEnabled"], body["audienceExpansionEnabled"],
        body["campaignGroup"], body.get("objectiveType"), body["format"], body["servingStatuses"],
        _instant(body["runSchedule"]["start"]), _instant(body["runSchedule"].get("end")),
        _instant(body["changeAuditStamps"]["created"]["time"]),
        _instant(body["changeAuditStamps"]["lastModified"]["time"]),
    )  # fmt: skip
    return dict(zip(_CAMPAIGN_COLUMNS, values, strict=True))


def _creative_columns(body: Json, plan: CreativePlan, posts_readable: bool) -> TruthRow:
    content = body.get("content", {})
    reference = content.get("reference") or content.get("eventAd", {}).get("post")
    values = (
        int(body["campaign"].rpartition(":")[2]), body["intendedStatus"], body["isServing"], reference,
        _content_name(body, plan, reference, posts_readable), body.get("servingHoldReasons"),
        body.get("review", {}).get("status"), _instant(body["createdAt"]), _instant(body["lastModifiedAt"]),
    )  # fmt: skip
    return dict(zip(_CREATIVE_COLUMNS, values, strict=True))


def _content_name(body: Json, plan: CreativePlan, reference: str | None, posts_readable: bool) -> str | None:
    """Name, else the post's sponsored name, else its first eight words, else the headline."""
    if body.get("name"):
        return str(body["name"])
    if posts_readable and reference and not reference.startswith("urn:li:adInMailContent:"):
        post = post_json(plan, post_urn(plan))
        name = post.get("adContext", {}).get("dscName") or " ".join(post["commentary"].split()[:8])
        if name:
            return str(name)
    content = body.get("content", {})
    headline = content.get("textAd", {}).get("headline") or content.get("spotlight", {}).get("headline")
    return str(headline) if headline else None
