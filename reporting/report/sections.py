"""The nine sections of the report, each from the questions in `reporting/queries`; knows no request and no page.

Amounts of different currencies are never in one block: a section with amounts has one block per currency.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from reporting.metrics import METRICS
from reporting.periods import Period
from reporting.queries.audience import Audience, Audiences, Segment, audiences
from reporting.queries.budgets import BudgetUse, budget_use, spend_distribution
from reporting.queries.grouping import GroupBy
from reporting.queries.journey import CreativePerformance, engagement, funnel, top_creatives
from reporting.queries.performance import (
    ComparedRow,
    PerformanceRow,
    Totals,
    compared_performance,
    compared_totals,
    performance,
    totals,
    trend,
)
from reporting.report.answers import Block, Chart, Choice, Column, Row, Section, Table, metric_column
from reporting.report.filters import CAMPAIGN_METRICS, CREATIVE_METRICS, TREND_METRICS, Selection, metric_options

_TOP_CAMPAIGNS = 20
_TOP_PARTS = 7
_TOP_CREATIVES = 15
_TOP_ENGAGED = 5
_TOP_SEGMENTS = 10
_TILES = (
    "spend", "impressions", "clicks", "ctr_percent", "cpc", "cpm", "conversions", "cost_per_conversion", "leads",
    "cost_per_lead", "engagements", "engagement_rate_percent",
)  # fmt: skip
_OF_CAMPAIGNS = (
    "spend", "impressions", "clicks", "ctr_percent", "cpc", "conversions", "cost_per_conversion", "leads",
    "cost_per_lead",
)  # fmt: skip
_OF_CREATIVES = ("spend", "impressions", "clicks", "ctr_percent", "conversions", "leads", "engagements")
_OF_ENGAGED = ("likes", "comments", "shares", "follows", "clicks")
_NOTHING = "Nothing happened in these days."


# --- 1. Key figures ---


def key_figures(selection: Selection) -> tuple[Block, ...]:
    """Every figure with what it was before."""
    if selection.before is None:
        blocks = [_tiles(now, None) for now in totals(**_asked(selection))]
    else:
        pairs = compared_totals(before=selection.before, **_asked(selection))
        blocks = [_tiles(one.now, one.before, one.change_percent) for one in pairs]
    return tuple(sorted(blocks, key=lambda block: block.key))


def _tiles(now: Totals, before: Totals | None, change: Callable[[str], Any] | None = None) -> Block:
    columns = [Column(name="metric", label="Figure"), Column(name="now", label="This period", unit="by row")]
    if before:
        columns += [
            Column(name="before", label="Period before", unit="by row", is_before=True),
            Column(name="change", label="Change in percent", unit="percent"),
        ]
    rows = [
        (METRICS[name].label, now.value(name), *((before.value(name), change(name)) if before and change else ()))
        for name in _TILES
    ]
    return Block(
        key=now.currency or "",
        title=_in("Key figures", now.currency),
        currency=now.currency,
        table=Table(
            columns=tuple(columns), rows=tuple(rows), row_units=tuple(METRICS[name].unit.value for name in _TILES)
        ),
        chart=Chart(kind="tiles", labels="metric", series=("now",)),
    )


# --- 2. Trend ---


def performance_trend(selection: Selection) -> tuple[Block, ...]:
    """Every day, week or month, beside the same place of the period before."""
    wanted = {**_asked(selection), "group_by": selection.step}
    if selection.before is None:
        pairs = [ComparedRow(row, None) for row in trend(**wanted)]
    else:
        pairs = compared_performance(before=selection.before, **wanted)
    by_currency: dict[str | None, list[ComparedRow]] = {}
    for pair in pairs:
        by_currency.setdefault(pair.now.currency, []).append(pair)
    return tuple(_trend_block(selection, currency, rows) for currency, rows in by_currency.items())


def _trend_block(selection: Selection, currency: str | None, pairs: list[ComparedRow]) -> Block:
    columns = [Column(name="when", label=selection.step.capitalize(), unit=_calendar_unit(selection.step))]
    columns += [metric_column(name) for name in TREND_METRICS]
    if selection.before:
        columns += [metric_column(name, is_before=True) for name in TREND_METRICS]
    rows = [
        (
            pair.now.label,
            *(pair.now.value(name) for name in TREND_METRICS),
            *((pair.before.value(name) if pair.before else None for name in TREND_METRICS) if selection.before else ()),
        )
        for pair in pairs
    ]
    cut = [pair.now.label for pair in pairs if pair.now.is_partial]
    return Block(
        key=currency or "",
        title=_in("Performance trend", currency),
        currency=currency,
        note=f"Not whole, because the period begins or ends in it: {' and '.join(cut)}." if cut else "",
        table=Table(columns=tuple(columns), rows=tuple(rows)),
        chart=Chart(kind="line", labels="when", series=TREND_METRICS),
    )


def _calendar_unit(step: GroupBy) -> Any:
    return "day" if step is GroupBy.DAY else "text"


# --- 3. Campaigns ---


def campaign_comparison(selection: Selection) -> tuple[Block, ...]:
    """The campaigns with most of one figure."""
    return tuple(
        _campaign_block(selection, currency, rows)
        for currency in selection.currencies()
        if (rows := _campaigns(selection, currency))
    )


def _campaigns(selection: Selection, currency: str | None) -> list[ComparedRow]:
    wanted = {
        **_asked(selection, currency),
        "group_by": GroupBy.CAMPAIGN,
        "order_by": selection.campaign_metric,
        "limit": _TOP_CAMPAIGNS,
    }
    if selection.before is None:
        return [ComparedRow(row, None) for row in performance(**wanted)]
    return compared_performance(before=selection.before, **wanted)


def _campaign_block(selection: Selection, currency: str | None, pairs: list[ComparedRow]) -> Block:
    chosen = selection.campaign_metric
    columns = [Column(name="campaign", label="Campaign"), *map(metric_column, _OF_CAMPAIGNS)]
    if selection.before:
        columns.append(metric_column(chosen, is_before=True))
    rows = [
        (
            pair.now.label,
            *(pair.now.value(name) for name in _OF_CAMPAIGNS),
            *((pair.before.value(chosen) if pair.before else None,) if selection.before else ()),
        )
        for pair in pairs
    ]
    return Block(
        key=currency or "",
        title=_in(f"Campaigns by {_word(chosen)}", currency),
        currency=currency,
        table=Table(columns=tuple(columns), rows=tuple(rows)),
        chart=Chart(kind="bars", labels="campaign", series=(chosen,)),
    )


# --- 4. Where the money went ---


def spend_by_campaign(selection: Selection) -> tuple[Block, ...]:
    """The largest parts and everything else."""
    columns = (
        Column(name="campaign", label="Campaign"),
        metric_column("spend"),
        Column(name="share", label="Share in percent", unit="percent"),
    )
    return tuple(
        Block(
            key=one.total.currency or "",
            title=_in("Spend by campaign", one.total.currency),
            currency=one.total.currency,
            table=Table(
                columns=columns,
                rows=tuple((part.label, part.spend.amount, part.share_percent) for part in one.parts),
            ),
            chart=Chart(kind="doughnut", labels="campaign", series=("spend",)),
        )
        for one in spend_distribution(top=_TOP_PARTS, **_asked(selection))
    )


# --- 5. Funnel ---


def conversion_funnel(selection: Selection) -> tuple[Block, ...]:
    """From being seen to a lead: counts, which may be added over currencies."""
    steps = funnel(**_asked(selection))
    if not any(step.count for step in steps):
        return ()
    columns = (
        Column(name="step", label="Step"),
        Column(name="count", label="Count", unit="count"),
        Column(name="of_previous", label="Percent of the step before", unit="percent"),
        Column(name="of_first", label="Percent of impressions", unit="percent"),
    )
    rows = tuple((step.label, step.count, step.percent_of_previous, step.percent_of_first) for step in steps)
    return (
        Block(
            key="",
            title="Conversion funnel",
            table=Table(columns=columns, rows=rows),
            chart=Chart(kind="funnel", labels="step", series=("count",)),
        ),
    )


# --- 6. Budgets ---


@dataclass(frozen=True, slots=True)
class _Against:
    """What a campaign's spend is held against, in the ad account's currency."""

    basis: str
    spent: Decimal
    budget: Decimal
    used_percent: Decimal


def budget_utilisation(selection: Selection) -> tuple[Block, ...]:
    """Spend against budget, with what went beyond it apart."""
    return tuple(
        _budget_block(currency, uses)
        for currency in selection.currencies()
        if (uses := budget_use(limit=_TOP_CAMPAIGNS, **_asked(selection, currency)))
    )


def _budget_block(currency: str | None, uses: list[BudgetUse]) -> Block:
    columns = (
        Column(name="campaign", label="Campaign"),
        Column(name="status", label="Status"),
        Column(name="basis", label="Held against"),
        Column(name="spent", label="Spent", unit="money"),
        Column(name="budget", label="Budget", unit="money"),
        Column(name="used", label="Used in percent", unit="percent"),
        Column(name="within", label="Spent within budget", unit="money"),
        Column(name="beyond", label="Beyond budget", unit="money"),
        Column(name="left", label="Not spent", unit="money"),
        Column(name="days_over", label="Days over the daily budget", unit="count"),
    )
    over = sum(use.is_overspent for use in uses)
    return Block(
        key=currency or "",
        title=_in("Budget utilisation", currency),
        currency=currency,
        note=f"{over} of {len(uses)} campaigns {'is' if over == 1 else 'are'} beyond a budget." if over else "",
        table=Table(columns=columns, rows=tuple(map(_budget_row, uses))),
        chart=Chart(kind="stacked bars", labels="campaign", series=("within", "beyond", "left")),
    )


def _budget_row(use: BudgetUse) -> Row:
    against = _against(use)
    status = (use.status or "").capitalize()
    if against is None:
        why = "No budget" if not (use.daily_budget or use.total_budget) else "Nothing comparable"
        return use.name, status, why, use.spend.amount, None, None, None, None, None, use.days_over_daily_budget
    spent, budget = against.spent, against.budget
    return (
        use.name,
        status,
        against.basis,
        spent,
        budget,
        against.used_percent,
        min(spent, budget),
        max(spent - budget, Decimal(0)),
        max(budget - spent, Decimal(0)),
        use.days_over_daily_budget,
    )


def _against(use: BudgetUse) -> _Against | None:
    """The budget that is used up most; None where there is none that the spend can be held against."""
    found = []
    daily, in_all = use.daily_budget_of_active_days, use.spent_in_all_stored_days
    if daily and use.daily_used_percent is not None:
        days = "1 active day" if use.days_active == 1 else f"{use.days_active} active days"
        found.append(_Against(f"Daily budget of {days}", use.spend.amount, daily.amount, use.daily_used_percent))
    if in_all and use.total_budget and use.total_used_percent is not None:
        found.append(
            _Against("Total budget, all stored days", in_all.amount, use.total_budget.amount, use.total_used_percent)
        )
    return max(found, key=lambda one: one.used_percent, default=None)


# --- 7. Engagement ---


def social_engagement(selection: Selection) -> tuple[Block, ...]:
    """The campaigns that people answered most."""
    rows = engagement(top=_TOP_ENGAGED, **_asked(selection))
    if not rows:
        return ()
    columns = (
        Column(name="campaign", label="Campaign"),
        *map(metric_column, (*_OF_ENGAGED, "engagements", "engagement_rate_percent")),
    )
    return (
        Block(
            key="",
            title="Engagement",
            table=Table(columns=columns, rows=_rows(rows, (*_OF_ENGAGED, "engagements", "engagement_rate_percent"))),
            chart=Chart(kind="radar", labels="campaign", series=_OF_ENGAGED),
        ),
    )


# --- 8. Creatives ---


def creative_performance(selection: Selection) -> tuple[Block, ...]:
    """The creatives with most of one figure, and what LinkedIn's review says of them."""
    return tuple(
        _creative_block(selection.creative_metric, currency, found)
        for currency in selection.currencies()
        if (
            found := top_creatives(
                order_by=selection.creative_metric, top=_TOP_CREATIVES, **_asked(selection, currency)
            )
        )
    )


def _creative_block(chosen: str, currency: str | None, found: list[CreativePerformance]) -> Block:
    columns = (
        Column(name="creative", label="Creative"),
        Column(name="campaign", label="Campaign"),
        Column(name="state", label="State"),
        *map(metric_column, _OF_CREATIVES),
    )
    rows = tuple(
        (
            one.figures.label.replace("urn:li:sponsoredCreative:", "Creative "),
            one.campaign_name or "",
            _state(one),
            *(one.figures.value(name) for name in _OF_CREATIVES),
        )
        for one in found
    )
    return Block(
        key=currency or "",
        title=_in(f"Creatives by {_word(chosen)}", currency),
        currency=currency,
        table=Table(columns=columns, rows=rows),
        chart=Chart(kind="bars", labels="creative", series=(chosen,)),
    )


def _state(one: CreativePerformance) -> str:
    """Review, whether it is shown, and why not."""
    if one.is_missing:
        return "No longer at LinkedIn"
    said = [_words(one.review_status)] if one.review_status else []
    if one.is_serving is not None:
        said.append("serving" if one.is_serving else "not serving")
    reasons = f" ({', '.join(map(_words, one.serving_hold_reasons)).lower()})" if one.serving_hold_reasons else ""
    return (", ".join(said) or "Unknown") + reasons


# --- 9. Demographics ---


def demographics(selection: Selection) -> "_Found":
    """Who saw the ads: one block per pivot that holds figures, and which months they are of."""
    found = audiences(ad_accounts=selection.ad_accounts, period=selection.period, top=_TOP_SEGMENTS)
    return tuple(_pivot(one) for one in found.pivots if one.segments), _months(found, selection)


def _pivot(audience: Audience) -> Block:
    columns = (
        Column(name="segment", label="Segment"),
        Column(name="share", label="Share in percent", unit="percent"),
        *map(metric_column, ("impressions", "clicks", "ctr_percent", "conversions", "leads")),
    )
    segments = [*audience.segments, *([audience.rest] if audience.rest else [])]
    return Block(
        key=audience.pivot_type,
        title=audience.label,
        note=_coverage(audience),
        table=Table(columns=columns, rows=tuple(map(_segment_row, segments))),
        chart=Chart(kind="bars", labels="segment", series=("share",)),
    )


def _segment_row(one: Segment) -> Row:
    return one.name, one.share_percent, one.impressions, one.clicks, one.ctr_percent, one.conversions, one.leads


def _coverage(audience: Audience) -> str:
    coverage = audience.coverage_percent
    if coverage is None:
        return "There are no whole months of impressions to hold the segments against."
    if 99.5 <= coverage < 100.5:
        return "The segments explain all impressions of these months."
    if coverage > 100:
        return "LinkedIn counts some members in several segments, so the segments together pass all impressions."
    return f"The segments explain {coverage:.0f} % of all impressions; LinkedIn withholds segments that are too small."


def _months(found: Audiences, selection: Selection) -> tuple[str, ...]:
    asked = list(dict.fromkeys(day.replace(day=1) for day in Period(found.first_day, found.last_day).each_day()))
    missing = [f"{month:%Y-%m}" for month in asked if month not in found.months]
    span = " to ".join(f"{month:%Y-%m}" for month in dict.fromkeys([asked[0], asked[-1]]))
    said = [f"LinkedIn counts audiences by calendar month, so whole months are shown: {span}."]
    if found.partly_fetched_months:
        partly = ", ".join(f"{month:%Y-%m}" for month in found.partly_fetched_months)
        said.append(f"Not every day of {partly} is fetched, so what the segments explain is said without it.")
    if found.months and missing:
        said.append(f"No figures are stored of {', '.join(missing)}.")
    if selection.campaign_ids is not None:
        said.append("Audiences are kept per ad account: choosing campaigns does not narrow them.")
    return tuple(said)


# --- All of them ---

_Found = tuple[tuple[Block, ...], tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class _Kind:
    """A section's title, how it is made, and what one has to know to read it."""

    title: str
    build: Callable[[Selection], _Found]
    notes: tuple[str, ...] = ()
    choice: Callable[[Selection], Choice] | None = None


def _blocks(build: Callable[[Selection], tuple[Block, ...]]) -> Callable[[Selection], _Found]:
    """A section whose notes are always the same."""
    return lambda selection: (build(selection), ())


_KINDS = {
    "key-figures": _Kind("Key figures", _blocks(key_figures)),
    "trend": _Kind("Performance trend", _blocks(performance_trend)),
    "campaigns": _Kind(
        "Campaign comparison",
        _blocks(campaign_comparison),
        (f"The {_TOP_CAMPAIGNS} campaigns with most of the chosen figure; what LinkedIn's own pages call ad sets.",),
        lambda selection: _choice("campaign_metric", selection.campaign_metric, CAMPAIGN_METRICS),
    ),
    "spend": _Kind("Spend distribution", _blocks(spend_by_campaign)),
    "funnel": _Kind(
        "Conversion funnel",
        _blocks(conversion_funnel),
        (
            "A step may be wider than the one before: LinkedIn counts conversions after a mere view too, and leads come"
            " from forms that need no landing page.",
        ),
    ),
    "budgets": _Kind(
        "Budget utilisation",
        _blocks(budget_utilisation),
        (
            f"The {_TOP_CAMPAIGNS} campaigns that spent most. A daily budget is held against the days on which the"
            " campaign ran; where there is a total budget too, the one that is used up more is shown.",
        ),
    ),
    "engagement": _Kind(
        "Engagement",
        _blocks(social_engagement),
        (
            f"The {_TOP_ENGAGED} campaigns with most likes, comments, shares and follows together. Each axis runs from"
            " zero to the most that one of them has.",
        ),
    ),
    "creatives": _Kind(
        "Creative performance",
        _blocks(creative_performance),
        (f"The {_TOP_CREATIVES} creatives with most of the chosen figure.",),
        lambda selection: _choice("creative_metric", selection.creative_metric, CREATIVE_METRICS),
    ),
    "demographics": _Kind("Demographics", demographics),
}
NAMES = {name: kind.title for name, kind in _KINDS.items()}


def section(name: str, selection: Selection) -> Section:
    """One section by its name. Raises KeyError for a name that is not in `NAMES`."""
    kind = _KINDS[name]
    blocks, notes = kind.build(selection)
    return Section(
        name=name,
        title=kind.title,
        blocks=blocks,
        notes=(*kind.notes, *notes),
        choice=kind.choice(selection) if kind.choice else None,
        empty="" if blocks else _NOTHING,
    )


def _asked(selection: Selection, *currency: str | None) -> dict[str, Any]:
    """What every question takes; of the ad accounts of one currency where one is named."""
    return {
        "ad_accounts": selection.of(*currency) if currency else selection.ad_accounts,
        "period": selection.period,
        "campaign_ids": selection.campaign_ids,
    }


def _rows(rows: Iterable[PerformanceRow], names: Sequence[str]) -> tuple[Row, ...]:
    return tuple((row.label, *(row.value(name) for name in names)) for row in rows)


def _choice(name: str, value: str, metrics: Sequence[str]) -> Choice:
    return Choice(name=name, label="Figure", value=value, options=metric_options(metrics))


def _in(title: str, currency: str | None) -> str:
    """A block of amounts says in which currency they are."""
    return f"{title}, {currency}" if currency else title


def _word(metric: str) -> str:
    """A figure's name in the middle of a sentence: abbreviations stay as they are."""
    label = METRICS[metric].label
    return label if label.isupper() else label[0].lower() + label[1:]


def _words(text: str) -> str:
    """LinkedIn's enum as words."""
    return text.replace("_", " ").capitalize()
