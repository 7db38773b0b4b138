"""Spend compared with budgets, with overspend shown separately."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from reporting.pages.report.answers import Block, Chart, Column, Row, Table
from reporting.pages.report.filters import ReportSelection
from reporting.pages.report.sections.definition import NOT_WHOLE, SectionDefinition, blocks, in_currency
from reporting.queries.budgets import BudgetUse, budget_use

_TOP = 20


@dataclass(frozen=True, slots=True)
class _Comparison:
    """What a campaign's spend is compared with, in the ad account's currency."""

    basis: str
    spent: Decimal
    budget: Decimal
    used_percent: Decimal


def budget_utilisation(selection: ReportSelection) -> tuple[Block, ...]:
    """Spend compared with budgets, with overspend shown separately."""
    return tuple(
        _budget_block(currency, uses)
        for currency in selection.currencies()
        if (uses := budget_use(limit=_TOP, **selection.arguments(currency)))
    )


def _budget_block(currency: str | None, uses: Sequence[BudgetUse]) -> Block:
    columns = (
        Column(name="campaign", label="Campaign"),
        Column(name="status", label="Status"),
        Column(name="basis", label="Compared with"),
        Column(name="spent", label="Spent", unit="money"),
        Column(name="budget", label="Budget", unit="money"),
        Column(name="used", label="Percent used", unit="percent"),
        Column(name="within", label="Within budget", unit="money"),
        Column(name="beyond", label="Over budget", unit="money"),
        Column(name="left", label="Unspent", unit="money"),
        Column(name="days_over", label="Days over daily budget", unit="count"),
    )
    return Block(
        key=currency or "",
        title=in_currency("Budget utilisation", currency),
        currency=currency,
        note=_note(uses),
        table=Table(
            columns=columns,
            rows=tuple(map(_budget_row, uses)),
            why_empty=tuple("" if use.is_whole else NOT_WHOLE for use in uses),
        ),
        chart=Chart(kind="stacked bars", labels="campaign", series=("within", "beyond", "left")),
    )


def _note(uses: Sequence[BudgetUse]) -> str:
    over = sum(use.is_overspent for use in uses)
    notes = [f"{over} of {len(uses)} campaigns {'is' if over == 1 else 'are'} over budget."] if over else []
    if not all(use.is_whole for use in uses):
        notes.append("Daily budgets are not compared where days are missing.")
    return " ".join(notes)


def _budget_row(use: BudgetUse) -> Row:
    against = _comparison(use)
    status = (use.status or "").capitalize()
    if against is None:
        nothing: Row = (None,) * 5
        return use.name, status, _why_not_compared(use), _spent(use), *nothing, use.days_over_daily_budget
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


def _why_not_compared(use: BudgetUse) -> str:
    if not (use.daily_budget or use.total_budget):
        return "No budget"
    return "Not comparable" if use.is_whole else NOT_WHOLE


def _spent(use: BudgetUse) -> Decimal | None:
    """A zero is one only if every day is stored."""
    return use.spend.amount if use.spend and (use.spend.amount or use.is_whole) else None


def _comparison(use: BudgetUse) -> _Comparison | None:
    """The budget that is used up most; None if there is none to compare the spend with."""
    found = []
    daily, in_all = use.daily_budget_of_active_days, use.spent_in_all_stored_days
    if daily and use.spend and use.daily_used_percent is not None:
        days = "1 active day" if use.days_active == 1 else f"{use.days_active} active days"
        found.append(_Comparison(f"Daily budget for {days}", use.spend.amount, daily.amount, use.daily_used_percent))
    if in_all and use.total_budget and use.total_used_percent is not None:
        found.append(
            _Comparison(
                "Lifetime budget, all stored days", in_all.amount, use.total_budget.amount, use.total_used_percent
            )
        )
    return max(found, key=lambda one: one.used_percent, default=None)


SECTION = SectionDefinition(
    "Budget utilisation",
    blocks(budget_utilisation),
    (
        f"The {_TOP} campaigns with the highest spend. A daily budget counts for each day on which the campaign ran. If"
        " there is also a lifetime budget, the one that is used up more is shown.",
    ),
)
