"""Spend compared with budgets, with overspend shown separately."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from accounts.shell.linkedin_words import label
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


@dataclass(frozen=True, slots=True)
class _Kind:
    """One kind of budget, whose amounts are of other days than those of the others: it has a chart of its own."""

    name: str
    title: str
    compare: Callable[[BudgetUse], _Comparison | None]


def budget_utilisation(selection: ReportSelection) -> tuple[Block, ...]:
    """Spend compared with budgets, with overspend shown separately: daily budgets, lifetime budgets, then the rest."""
    found = [(currency, budget_use(limit=_TOP, **selection.arguments(currency))) for currency in selection.currencies()]
    # Where nothing was fetched there is nothing to compare.
    return tuple(
        block for currency, uses in found if any(use.spend for use in uses) for block in _blocks(currency, uses)
    )


def _blocks(currency: str | None, uses: Sequence[BudgetUse]) -> Iterator[Block]:
    compared: set[int] = set()
    for kind in _KINDS:
        rows = [(use, against) for use in uses if (against := kind.compare(use))]
        compared.update(use.campaign_id for use, _ in rows)
        if rows:
            yield _block(currency, kind.name, kind.title, rows)
    if rest := [(use, None) for use in uses if use.campaign_id not in compared]:
        yield _block(currency, "none", "Campaigns without a budget to compare", rest)


def _block(currency: str | None, kind: str, title: str, rows: Sequence[tuple[BudgetUse, _Comparison | None]]) -> Block:
    uses = [use for use, _ in rows]
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
        key="-".join(filter(None, (currency, kind))),
        title=in_currency(title, currency),
        currency=currency,
        note=_note(rows),
        table=Table(
            columns=columns,
            rows=tuple(_budget_row(use, against) for use, against in rows),
            why_empty=tuple("" if use.is_whole else NOT_WHOLE for use in uses),
        ),
        chart=Chart(kind="stacked bars", labels="campaign", series=("within", "beyond", "left")),
    )


def _note(rows: Sequence[tuple[BudgetUse, _Comparison | None]]) -> str:
    over = sum(against.used_percent > 100 if against else use.is_overspent for use, against in rows)
    notes = [f"{over} of {len(rows)} campaigns {'is' if over == 1 else 'are'} over budget."] if over else []
    if beyond := sum(_is_over_what_is_not_compared(use, against) for use, against in rows if against):
        notes.append(f"{beyond} of them {'is' if beyond == 1 else 'are'} over the lifetime budget.")
    if not all(use.is_whole for use, _ in rows):
        notes.append("Daily budgets are not compared where days are missing.")
    return " ".join(notes)


def _is_over_what_is_not_compared(use: BudgetUse, against: _Comparison) -> bool:
    """More than a lifetime budget was spent on the days that are stored, of which some are missing."""
    return use.is_overspent and against.used_percent <= 100 and _with_total_budget(use) is None


def _budget_row(use: BudgetUse, against: _Comparison | None) -> Row:
    status = label(use.status) if use.status else ""
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
    if not use.is_whole:
        return NOT_WHOLE
    if use.total_budget and not use.is_stored_since_start:
        return "Lifetime budget, but its first days are not stored"
    return "No active day" if use.days_active == 0 else "Budget in another currency"


def _spent(use: BudgetUse) -> Decimal | None:
    """A zero is one only if every day is stored."""
    return use.spend.amount if use.spend and (use.spend.amount or use.is_whole) else None


def _with_daily_budget(use: BudgetUse) -> _Comparison | None:
    budget = use.daily_budget_of_active_days
    if not budget or not use.spend or use.daily_used_percent is None:
        return None
    days = "1 active day" if use.days_active == 1 else f"{use.days_active} active days"
    return _Comparison(f"Daily budget for {days}", use.spend.amount, budget.amount, use.daily_used_percent)


def _with_total_budget(use: BudgetUse) -> _Comparison | None:
    spent, budget, used = use.spent_in_all_stored_days, use.total_budget, use.total_used_percent
    if not spent or not budget or used is None:
        return None
    return _Comparison("Lifetime budget, all stored days", spent.amount, budget.amount, used)


_KINDS = (
    _Kind("daily", "Daily budgets", _with_daily_budget),
    _Kind("lifetime", "Lifetime budgets", _with_total_budget),
)

SECTION = SectionDefinition(
    "Budget utilisation",
    blocks(budget_utilisation),
    (
        f"The {_TOP} campaigns with the highest spend. A daily budget counts for each day of the period on which the"
        " campaign ran; a lifetime budget is compared with the spend of all stored days. A campaign with both is in"
        " both.",
    ),
)
