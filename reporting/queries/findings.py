"""Findings as people look for them: the list, its counts, the spend that they concern."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from functools import partial

from django.db.models import Case, CharField, Count, F, IntegerField, Max, Q, QuerySet, Value, When

from accounts.models import AdAccount, User
from accounts.roles import MAY_CHANGE_FINDINGS
from accounts.shell.paging import ListPage, list_page
from reporting.checks.rules import RULES
from reporting.checks.rules.base import Rule
from reporting.checks.severity import Severity
from reporting.models import Finding
from reporting.queries.money import Money, by_currency

FINDINGS_PER_PAGE = 25
_State = Finding.State


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingFilter:
    """The filters of a list; empty means no filter. `assignee` is a person's id."""

    ad_account_id: int | None = None
    rule_id: str = ""
    severity: str = ""
    state: str = _State.OPEN
    assignee: int | None = None
    is_unassigned: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingLine:
    """One finding with the texts of its rule."""

    id: int
    rule_id: str
    title: str
    why: str
    remedy: str
    stake: str
    stake_label: str
    severity: str
    sentence: str
    evidence: Sequence[dict[str, str]]
    money: Money | None
    currency: str | None
    saved: Money | None
    state: str
    snoozed_until: date | None
    accepted_reason: str | None
    fixed_at: datetime | None
    first_seen_at: datetime
    last_seen_at: datetime
    reopened_at: datetime | None
    changed_at: datetime
    times_seen: int
    assigned_to: str | None
    assignee_email: str | None
    assigned_to_id: int | None
    ad_account_id: int
    ad_account: str
    campaign_id: int | None
    campaign: str | None
    creative_id: str | None
    creative: str | None
    history: Sequence[dict[str, str | None]]


def findings(
    ad_accounts: QuerySet[AdAccount], wanted: FindingFilter, *, today: date, names_people: bool, page: int = 1
) -> ListPage[FindingLine]:
    """One page of the list, in the order of `most_severe_first`."""
    found = most_severe_first(_matching(ad_accounts, wanted, today=today))
    line = partial(finding_line, names_people=names_people)
    return list_page(found, number=page, per_page=FINDINGS_PER_PAGE).convert(line)


def all_findings(
    ad_accounts: QuerySet[AdAccount], wanted: FindingFilter, *, today: date, names_people: bool
) -> Iterator[FindingLine]:
    """The whole list, read while it is being sent."""
    found = most_severe_first(_matching(ad_accounts, wanted, today=today))
    return map(partial(finding_line, names_people=names_people), found.iterator(chunk_size=500))


def counts_by_severity(ad_accounts: QuerySet[AdAccount], wanted: FindingFilter, *, today: date) -> dict[str, int]:
    """How many findings of each severity the list holds, ignoring its severity filter; most severe first."""
    rows = _matching(ad_accounts, wanted, today=today, by_severity=False)
    found = dict(rows.order_by().values_list("severity").annotate(count=Count("pk")))
    return {severity.value: found.get(severity.value, 0) for severity in Severity}


def money_at_stake(ad_accounts: QuerySet[AdAccount], wanted: FindingFilter, *, today: date) -> list[Money]:
    """The spend of the last 30 days that the list concerns, by currency.

    Findings on one campaign concern the same spend, so only its largest amount counts.
    """
    rows = _matching(ad_accounts, wanted, today=today).exclude(money_at_stake=None)
    of_each = rows.order_by().values("currency", "campaign", "ad_account").annotate(largest=Max("money_at_stake"))
    sums: dict[str | None, Decimal] = {}
    for row in of_each:
        sums[row["currency"]] = sums.get(row["currency"], Decimal(0)) + row["largest"]
    return [Money(sums[currency], currency) for currency in sorted(sums, key=by_currency)]


def open_findings(ad_accounts: QuerySet[AdAccount], *, today: date) -> dict[str, int]:
    """How many are open, by severity."""
    return counts_by_severity(ad_accounts, FindingFilter(), today=today)


def visible_findings(ad_accounts: QuerySet[AdAccount], *, today: date) -> QuerySet[Finding]:
    """Each with its state today: a snoozed one is open once its day has come, even before a check updates the row."""
    has_woken = Q(state=_State.SNOOZED, snoozed_until__lte=today)
    state = Case(When(has_woken, then=Value(_State.OPEN.value)), default=F("state"), output_field=CharField())
    rows = Finding.objects.filter(ad_account__in=ad_accounts).annotate(shown_state=state)
    return rows.select_related("ad_account", "campaign", "creative", "assigned_to")


def assignees() -> QuerySet[User]:
    """People whom findings can be assigned to."""
    people = User.objects.filter(is_active=True, is_service_account=False, role__in=MAY_CHANGE_FINDINGS)
    return people.order_by("first_name", "last_name", "email")


def _matching(
    ad_accounts: QuerySet[AdAccount], wanted: FindingFilter, *, today: date, by_severity: bool = True
) -> QuerySet[Finding]:
    rows = visible_findings(ad_accounts, today=today)
    if wanted.ad_account_id is not None:
        rows = rows.filter(ad_account=wanted.ad_account_id)
    if wanted.rule_id:
        rows = rows.filter(rule_id=wanted.rule_id)
    if wanted.severity and by_severity:
        rows = rows.filter(severity=wanted.severity)
    if wanted.is_unassigned:
        rows = rows.filter(assigned_to=None)
    elif wanted.assignee is not None:
        rows = rows.filter(assigned_to=wanted.assignee)
    if wanted.state:
        rows = rows.filter(Q(shown_state=wanted.state))
    return rows


def most_severe_first(rows: QuerySet[Finding]) -> QuerySet[Finding]:
    """Within a severity, the highest amount first; amounts in different currencies are not compared, so the findings of
    a currency stay together. Those without an amount are last."""
    ranks = [When(severity=one.value, then=Value(one.rank)) for one in Severity]
    rank = Case(*ranks, default=Value(len(ranks)), output_field=IntegerField())
    has_no_amount = Case(When(money_at_stake=None, then=Value(1)), default=Value(0), output_field=IntegerField())
    currency = F("currency").asc(nulls_last=True)
    return rows.order_by(rank, has_no_amount, currency, F("money_at_stake").desc(nulls_last=True), "pk")


def finding_line(row: Finding, *, names_people: bool) -> FindingLine:
    """One of `visible_findings` with the texts of its rule; people and their words only for those who may see them."""
    line = _finding_line(row)
    if names_people:
        return line
    history = [{**event, "by": None, "detail": ""} for event in line.history]
    return replace(
        line, assigned_to=None, assignee_email=None, assigned_to_id=None, accepted_reason=None, history=history
    )


def _finding_line(row: Finding) -> FindingLine:
    rule: Rule | None = RULES.get(row.rule_id)
    state = row.shown_state  # type: ignore[attr-defined]
    return FindingLine(
        id=row.pk,
        rule_id=row.rule_id,
        title=rule.title if rule else row.rule_id,
        why=rule.why if rule else "",
        remedy=rule.remedy if rule else "",
        stake=rule.stake if rule else "",
        stake_label=rule.stake_label if rule else Rule.stake_label,
        severity=row.severity,
        sentence=row.sentence,
        evidence=row.evidence,
        money=None if row.money_at_stake is None else Money(row.money_at_stake, row.currency),
        currency=row.currency,
        saved=None if row.saved is None else Money(row.saved, row.currency),
        state=state,
        snoozed_until=row.snoozed_until if state == _State.SNOOZED else None,
        accepted_reason=row.accepted_reason,
        fixed_at=row.fixed_at,
        first_seen_at=row.first_seen_at,
        last_seen_at=row.last_seen_at,
        reopened_at=row.reopened_at,
        changed_at=row.changed_at,
        times_seen=row.times_seen,
        assigned_to=str(row.assigned_to) if row.assigned_to else None,
        assignee_email=row.assigned_to.email if row.assigned_to else None,
        assigned_to_id=row.assigned_to_id,
        ad_account_id=row.ad_account_id,
        ad_account=str(row.ad_account),
        campaign_id=row.campaign_id,
        campaign=str(row.campaign) if row.campaign else None,
        creative_id=row.creative_id,
        creative=str(row.creative) if row.creative else None,
        history=row.history,
    )
