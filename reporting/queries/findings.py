"""Findings as people look for them: the list, its counts, the money at stake, and what was not judged."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Case, CharField, Count, F, IntegerField, Max, Min, Q, QuerySet, Value, When

from accounts.models import AdAccount, User
from accounts.roles import MAY_CHANGE_FINDINGS
from accounts.shell.clock import TOLERANCE
from accounts.shell.paging import ListPage, list_page
from ingestion.models import SyncLog
from reporting.checks.rules import RULES
from reporting.checks.rules.base import Rule, Severity
from reporting.models import Audit, AuditRequest, Finding
from reporting.queries.money import Money

FINDINGS_PER_PAGE = 25
# An audit that no worker took for so long is told of again: the broker may have forgotten it.
_TOLD_AGAIN_AFTER = timedelta(minutes=10)
_State = Finding.State


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingFilter:
    """What a list is narrowed to; empty means everything. `assignee` is a person's id."""

    ad_account_id: int | None = None
    rule_id: str = ""
    severity: str = ""
    state: str = _State.OPEN
    assignee: int | None = None
    is_unassigned: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingLine:
    """One finding with the words of its rule."""

    id: int
    rule_id: str
    title: str
    why: str
    remedy: str
    stake: str
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
    history: Sequence[dict[str, Any]]

    @property
    def tone(self) -> str:
        return {Severity.CRITICAL: "bad", Severity.WARNING: "warn"}.get(Severity(self.severity), "calm")


@dataclass(frozen=True, slots=True)
class Unjudged:
    """What a rule could not judge, over ad accounts; 0 things where it judged nothing of them."""

    title: str
    reason: str
    count: int
    ad_accounts: Sequence[str]


@dataclass(frozen=True, slots=True)
class Judged:
    """How far the audit has come: ad accounts without data, with data but never judged, and judged."""

    never_synced: int
    waiting: int
    judged: int
    campaigns: int
    as_of: datetime | None
    unjudged: Sequence[Unjudged]

    @property
    def has_data(self) -> bool:
        return bool(self.waiting or self.judged)


@dataclass(frozen=True, slots=True)
class Waiting:
    """How many ad accounts wait for their audit, and since when the first of them."""

    count: int
    since: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditState:
    """The newest audit of one ad account; without one only whether it waits."""

    account_id: int
    judged_at: datetime | None = None
    as_of: datetime | None = None
    campaigns: int = 0
    found: int = 0
    unjudged: Sequence[dict[str, Any]] = ()
    waiting_since: datetime | None = None


def findings(
    ad_accounts: QuerySet[AdAccount], wanted: FindingFilter, *, today: date, page: int = 1
) -> ListPage[FindingLine]:
    """One page of the list, most severe first, then the highest amount."""
    found = graver_first(_matching(ad_accounts, wanted, today=today))
    return list_page(found, number=page, per_page=FINDINGS_PER_PAGE).convert(finding_line)


def every_finding(ad_accounts: QuerySet[AdAccount], wanted: FindingFilter, *, today: date) -> Iterator[FindingLine]:
    """The whole list, read while it is sent."""
    return map(finding_line, graver_first(_matching(ad_accounts, wanted, today=today)).iterator(chunk_size=500))


def counts_by_severity(ad_accounts: QuerySet[AdAccount], wanted: FindingFilter, *, today: date) -> dict[str, int]:
    """How many of each severity the list holds, whichever severity it is narrowed to; the gravest first."""
    rows = _matching(ad_accounts, wanted, today=today, by_severity=False)
    found = dict(rows.order_by().values_list("severity").annotate(count=Count("pk")))
    return {severity.value: found.get(severity.value, 0) for severity in Severity}


def money_at_stake(ad_accounts: QuerySet[AdAccount], wanted: FindingFilter, *, today: date) -> list[Money]:
    """Per currency. Several findings of one campaign speak of the same money: its largest amount counts, once."""
    rows = _matching(ad_accounts, wanted, today=today).exclude(money_at_stake=None)
    of_each = rows.order_by().values("currency", "campaign", "ad_account").annotate(most=Max("money_at_stake"))
    sums: dict[str | None, Decimal] = {}
    for row in of_each:
        sums[row["currency"]] = sums.get(row["currency"], Decimal(0)) + row["most"]
    return [Money(amount, currency) for currency, amount in sorted(sums.items(), key=lambda one: one[0] or "")]


def judged(ad_accounts: QuerySet[AdAccount]) -> Judged:
    """Whether an empty list means that there is nothing, or that nobody has looked."""
    ids = set(ad_accounts.order_by().values_list("pk", flat=True))
    audits = list(Audit.objects.filter(ad_account__in=ids).select_related("ad_account").order_by("ad_account__name"))
    synced = with_data(ad_accounts)
    seen = {one.ad_account_id for one in audits}
    return Judged(
        never_synced=len(ids - synced - seen),
        waiting=len(synced - seen),
        judged=len(audits),
        campaigns=sum(one.campaigns for one in audits),
        as_of=min((one.as_of for one in audits), default=None),
        unjudged=_unjudged(audits),
    )


def with_data(ad_accounts: QuerySet[AdAccount]) -> set[int]:
    """Those of which a sync has stored something: without it there is nothing to judge."""
    runs = SyncLog.objects.filter(
        account__in=ad_accounts.order_by().values("pk"), status__in=(SyncLog.Status.SUCCESS, SyncLog.Status.PARTIAL)
    )
    return {pk for pk in runs.order_by().values_list("account", flat=True).distinct() if pk is not None}


def waiting(ad_accounts: QuerySet[AdAccount]) -> Waiting:
    """Which of these ad accounts are being judged, or wait for it."""
    told = AuditRequest.objects.filter(ad_account__in=ad_accounts.order_by().values("pk"))
    return Waiting(**told.aggregate(count=Count("pk"), since=Min("asked_at")))


def forgotten_audits(*, now: datetime) -> list[int]:
    """Ad accounts that have waited for their audit for long."""
    waiting = AuditRequest.objects.filter(Q(asked_at__lt=now - _TOLD_AGAIN_AFTER) | Q(asked_at__gt=now + TOLERANCE))
    return list(waiting.order_by("asked_at").values_list("pk", flat=True))


def audit_state(ad_account_id: int) -> AuditState:
    """When an ad account was judged last, what could not be judged, and whether it waits for another audit."""
    request = AuditRequest.objects.filter(pk=ad_account_id).first()
    columns = ("judged_at", "as_of", "campaigns", "found", "unjudged")
    last = Audit.objects.filter(pk=ad_account_id).values(*columns).first()
    return AuditState(account_id=ad_account_id, waiting_since=request.asked_at if request else None, **(last or {}))


def open_findings(ad_accounts: QuerySet[AdAccount], *, today: date) -> dict[str, int]:
    """How many are open, of each severity."""
    return counts_by_severity(ad_accounts, FindingFilter(), today=today)


def visible_findings(ad_accounts: QuerySet[AdAccount], *, today: date) -> QuerySet[Finding]:
    """Each with the state it has today: one whose day has come is open, also before an audit writes so."""
    is_awake = Q(state=_State.SNOOZED, snoozed_until__lte=today)
    state = Case(When(is_awake, then=Value(_State.OPEN.value)), default=F("state"), output_field=CharField())
    rows = Finding.objects.filter(ad_account__in=ad_accounts).annotate(shown_state=state)
    return rows.select_related("ad_account", "campaign", "creative", "assigned_to")


def assignees() -> QuerySet[User]:
    """Who may take care of findings."""
    people = User.objects.filter(is_active=True, role__in=MAY_CHANGE_FINDINGS)
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


def graver_first(rows: QuerySet[Finding]) -> QuerySet[Finding]:
    """And of the same severity the dearest."""
    ranks = [When(severity=one.value, then=Value(number)) for number, one in enumerate(Severity)]
    rank = Case(*ranks, default=Value(len(ranks)), output_field=IntegerField())
    return rows.order_by(rank, F("money_at_stake").desc(nulls_last=True), "pk")


def finding_line(row: Finding) -> FindingLine:
    """One of `visible_findings` with the words of its rule."""
    rule: Rule | None = RULES.get(row.rule_id)
    state = row.shown_state  # type: ignore[attr-defined]
    return FindingLine(
        id=row.pk,
        rule_id=row.rule_id,
        title=rule.title if rule else row.rule_id,
        why=rule.why if rule else "",
        remedy=rule.remedy if rule else "",
        stake=rule.stake if rule else "",
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


def _unjudged(audits: Sequence[Audit]) -> list[Unjudged]:
    """The same rule and reason of several ad accounts as one line."""
    counts: dict[tuple[str, str], int] = {}
    names: dict[tuple[str, str], list[str]] = {}
    for one in audits:
        for line in one.unjudged:
            key = (line["rule"], line["reason"])
            counts[key] = counts.get(key, 0) + line["count"]
            names.setdefault(key, []).append(str(one.ad_account))
    return [
        Unjudged(RULES[rule_id].title if rule_id in RULES else rule_id, reason, count, names[rule_id, reason])
        for (rule_id, reason), count in counts.items()
    ]
