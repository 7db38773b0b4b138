"""The life of findings: what checks report, what people decide. The only writer of `findings` and `audits`.

A finding's states, and who changes them, are listed in `reporting/models/finding.py`.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Final

from django.db import transaction

from accounts import access, audit_trail
from accounts.access import NotAllowed
from accounts.models import AdAccount, User
from reporting.checks.facts import AdAccountFacts
from reporting.checks.rules import RULES
from reporting.checks.rules.base import Evidence, Problem, Rule, RuleResult
from reporting.models import CheckRequest, CheckRun, Finding
from reporting.queries.check_facts import ad_account_facts

_MAX_HISTORY: Final = 100
_MAX_REASON: Final = 1000
_MAX_NOT_CHECKED_LINES: Final = 200
_MAX_SNOOZE_DAYS: Final = 366
# As the columns store it, so that what is accepted now compares equal to what is stored.
_PLACES: Final = Decimal("1e-10")
_State = Finding.State
# A finding is identified by its rule, campaign and creative.
_Key = tuple[str, int | None, str | None]


class InvalidDecision(ValueError):
    """This decision is not possible; the message says what to do instead."""


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What one check did."""

    found: int = 0
    new: int = 0
    reopened: int = 0
    fixed: int = 0
    not_checked: int = 0


def check_ad_account(ad_account_id: int, *, now: datetime) -> CheckResult | None:
    """Check an ad account as of its last sync and update its findings; None where it was never synced.

    A finding whose cause is gone becomes fixed; what could not be checked this time stays as it is.
    """
    with transaction.atomic():
        # One check at a time, and the later one reads what was stored later.
        AdAccount.objects.select_for_update(no_key=True).get(pk=ad_account_id)
        # Before anything is read: a request made from now on waits for this transaction, and gets its own check.
        CheckRequest.objects.filter(pk=ad_account_id).delete()
        facts = ad_account_facts(ad_account_id)
        if facts is None:
            return None
        results = {rule: rule.check(facts) for rule in RULES.values()}
        result = _update_findings(facts, results, now=now)
        CheckRun.objects.update_or_create(
            ad_account_id=ad_account_id,
            defaults={
                "as_of": facts.as_of,
                "judged_at": now,
                "campaigns": len(facts.campaigns),
                "found": result.found,
                "unjudged": _not_checked_lines(results),
            },
        )
    return result


def _update_findings(facts: AdAccountFacts, results: Mapping[Rule, RuleResult], *, now: datetime) -> CheckResult:
    stored = Finding.objects.select_for_update().filter(ad_account=facts.id).order_by("pk")
    rows = {(one.rule_id, one.campaign_id, one.creative_id): one for one in stored}
    problems = {
        (rule.id, one.campaign_id, one.creative_id): one for rule, result in results.items() for one in result.problems
    }
    new = [_new(facts, key, one, now=now) for key, one in problems.items() if key not in rows]
    known = [(rows[key], one) for key, one in problems.items() if key in rows]
    before = {row.pk: _stored_values(row) for row, _ in known}
    reopened = sum(_update_known(row, one, facts=facts, now=now) for row, one in known)
    skipped = _Skipped(results)
    fixed = [
        row
        for key, row in rows.items()
        if key not in problems and row.state != _State.FIXED and not skipped.includes(key)
    ]
    for row in fixed:
        _fix(row, at=facts.as_of)
    Finding.objects.bulk_create(new, batch_size=500)
    changed = [row for row, _ in known if _stored_values(row) != before[row.pk]]
    _save([*fixed, *changed], now=now)
    seen = [row.pk for row, _ in known]
    Finding.objects.filter(pk__in=seen).update(last_seen_at=facts.as_of)
    not_checked = sum(len(one.not_checked) for one in results.values())
    return CheckResult(len(problems), len(new), reopened, len(fixed), not_checked)


def _save(rows: list[Finding], *, now: datetime) -> None:
    """One statement per 500 rows; `bulk_update` took 13 s for 4,000 of them, this takes one or two."""
    for row in rows:
        row.changed_at = now
    Finding.objects.bulk_create(
        rows,
        batch_size=500,
        update_conflicts=True,
        unique_fields=["id"],
        update_fields=[*_CHECK_COLUMNS, "changed_at"],
    )


def _stored_values(row: Finding) -> tuple[object, ...]:
    """Tells changed rows from rows that were only seen again, which most are after most syncs."""
    return tuple(getattr(row, name) for name in _CHECK_COLUMNS)


class _Skipped:
    """What the rules could not check this time."""

    def __init__(self, results: Mapping[Rule, RuleResult]) -> None:
        not_checked = [(rule.id, one) for rule, result in results.items() for one in result.not_checked]
        self._rules = {rule_id for rule_id, one in not_checked if one.campaign_id is None}
        self._keys = {(rule_id, one.campaign_id, one.creative_id) for rule_id, one in not_checked}

    def includes(self, key: _Key) -> bool:
        return key[0] in self._rules or key in self._keys


def _new(facts: AdAccountFacts, key: _Key, problem: Problem, *, now: datetime) -> Finding:
    rule_id, campaign_id, creative_id = key
    row = Finding(
        ad_account_id=facts.id,
        campaign_id=campaign_id,
        creative_id=creative_id,
        rule_id=rule_id,
        first_seen_at=facts.as_of,
        changed_at=now,
    )
    _describe(row, problem, facts)
    _add_to_history(row, "found", at=facts.as_of)
    return row


def _update_known(row: Finding, problem: Problem, *, facts: AdAccountFacts, now: datetime) -> bool:
    """Update a row; returns whether it was reopened."""
    old_state, old_reason = row.state, row.accepted_reason or ""
    rule = RULES[row.rule_id]
    is_another = old_state == _State.ACCEPTED and _is_another(rule, row.evidence, problem.evidence)
    limit = _limit(row.accepted_weight or Decimal(0), rule, facts)
    _describe(row, problem, facts)
    if old_state == _State.FIXED:
        row.times_seen += 1
        row.fixed_at = row.saved = None
        _reopen(row, "came back", at=facts.as_of)
    elif old_state == _State.SNOOZED and row.snoozed_until and row.snoozed_until <= now.date():
        _reopen(row, "snooze ended", at=now)
    elif is_another:
        _reopen(row, "changed since it was accepted", at=facts.as_of, detail=old_reason)
    elif old_state == _State.ACCEPTED and row.weight > limit:
        _reopen(row, "got worse than accepted", at=facts.as_of, detail=old_reason)
    return row.state != old_state


def _limit(accepted: Decimal, rule: Rule, facts: AdAccountFacts) -> Decimal:
    """The weight above which an accepted finding is worse: by a share of it, and by enough to matter."""
    return max(accepted * (100 + facts.thresholds.worse_percent) / 100, accepted + rule.least_increase(facts))


def _is_another(rule: Rule, accepted: Sequence[Mapping[str, str]], found: Sequence[Evidence]) -> bool:
    """Whether a fact that was accepted has another value now; LinkedIn gives several reasons in any order."""
    before = {one["label"]: one["value"] for one in accepted}
    return any(
        set(before.get(one.label, one.value).split(", ")) != set(one.value.split(", "))
        for one in found
        if one.label in rule.accepted_facts
    )


def _describe(row: Finding, problem: Problem, facts: AdAccountFacts) -> None:
    row.severity = RULES[row.rule_id].severity
    row.sentence = problem.sentence
    row.evidence = [asdict(one) for one in problem.evidence]
    row.weight = problem.weight.quantize(_PLACES)
    row.money_at_stake = None if problem.money is None else problem.money.quantize(_PLACES)
    row.currency = facts.currency
    row.last_seen_at = facts.as_of


def _reopen(row: Finding, what: str, *, at: datetime, detail: str = "") -> None:
    row.state = _State.OPEN
    row.reopened_at = at
    _clear_decision(row)
    _add_to_history(row, what, at=at, detail=detail)


def _fix(row: Finding, *, at: datetime) -> None:
    row.state, row.fixed_at, row.saved = _State.FIXED, at, row.money_at_stake
    _clear_decision(row)
    _add_to_history(row, "fixed", at=at)


def _clear_decision(row: Finding) -> None:
    for name, value in _NO_DECISION.items():
        setattr(row, name, value)


def _not_checked_lines(results: Mapping[Rule, RuleResult]) -> list[dict[str, str | int]]:
    """By rule and reason, how many items were not checked; 0 means nothing in the ad account was."""
    counted: Counter[tuple[str, str, date | None]] = Counter()
    for rule, result in results.items():
        for one in result.not_checked:
            counted[rule.id, one.reason, one.since] += one.campaign_id is not None
    lines: list[dict[str, str | int]] = [
        {"rule": rule_id, "reason": reason, "count": count, **({"since": str(since)} if since else {})}
        for (rule_id, reason, since), count in counted.items()
    ]
    return lines[:_MAX_NOT_CHECKED_LINES]


# --- What people decide ---


@transaction.atomic
def assign(ids: Collection[int], *, to: User | None, by: User, now: datetime) -> int:
    """Assign findings to a person, or to nobody; returns how many changed."""
    if to is not None and not access.may_change_findings(to):
        raise InvalidDecision("Findings can be assigned to active owners, managers and analysts.")
    return _decide(
        [one for one in _locked(ids, by) if one.assigned_to_id != (to.pk if to else None)],
        {"assigned_to": to},
        what="assigned",
        by=by,
        now=now,
        detail=f"to {to or 'nobody'}",
    )


@transaction.atomic
def snooze(ids: Collection[int], *, until: date, by: User, now: datetime) -> int:
    """Snooze findings until a day; returns how many changed. Fixed ones stay fixed."""
    if until <= now.date():
        raise InvalidDecision("Choose a day after today.")
    if (until - now.date()).days > _MAX_SNOOZE_DAYS:
        raise InvalidDecision("Choose a day within a year, or accept the finding if it should stay.")
    return _decide(
        [one for one in _locked(ids, by) if one.state != _State.FIXED and one.snoozed_until != until],
        {"state": _State.SNOOZED, "snoozed_until": until, "accepted_reason": None, "accepted_weight": None},
        what="snoozed",
        by=by,
        now=now,
        detail=f"until {until}",
    )


@transaction.atomic
def accept(ids: Collection[int], *, reason: str, by: User, now: datetime) -> int:
    """Accept findings for a reason; returns how many changed. Fixed ones stay fixed."""
    # PostgreSQL stores every character but this one.
    reason = reason.replace("\0", "").strip()
    if not reason:
        raise InvalidDecision("Give a reason for whoever reads this finding next year.")
    if len(reason) > _MAX_REASON:
        raise InvalidDecision(f"Give a reason of at most {_MAX_REASON:,} characters.")
    rows = [one for one in _locked(ids, by) if one.state != _State.FIXED and one.accepted_reason != reason]
    for one in rows:
        one.accepted_weight = one.weight
    changes = {"state": _State.ACCEPTED, "snoozed_until": None, "accepted_reason": reason}
    return _decide(rows, changes, what="accepted", by=by, now=now, detail=reason)


@transaction.atomic
def reopen(ids: Collection[int], *, by: User, now: datetime) -> int:
    """Reopen snoozed and accepted findings; returns how many changed."""
    rows = [one for one in _locked(ids, by) if one.state in {_State.SNOOZED, _State.ACCEPTED}]
    changes = {"state": _State.OPEN, "reopened_at": now, **_NO_DECISION}
    return _decide(rows, changes, what="reopened", by=by, now=now)


_NO_DECISION: Final[dict[str, None]] = {"snoozed_until": None, "accepted_reason": None, "accepted_weight": None}
_CHECK_COLUMNS: Final = (
    "severity", "sentence", "evidence", "weight", "money_at_stake", "currency", "reopened_at",
    "times_seen", "state", "snoozed_until", "accepted_reason", "accepted_weight", "fixed_at", "saved", "history",
)  # fmt: skip
_DECISION_COLUMNS: Final = (
    "state", "snoozed_until", "accepted_reason", "accepted_weight", "assigned_to", "reopened_at", "changed_at",
    "history",
)  # fmt: skip


def _locked(ids: Collection[int], by: User) -> list[Finding]:
    """The rows in ad accounts the person may see, locked until the transaction ends; in a fixed order, so that two
    people cannot wait for each other. Raises NotAllowed."""
    if not access.may_change_findings(by):
        raise NotAllowed("Your role may not change findings; ask an analyst, a manager or an owner.")
    visible = access.visible_ad_accounts(by)
    rows = Finding.objects.select_for_update(of=("self",)).filter(pk__in=ids, ad_account__in=visible)
    return list(rows.order_by("pk"))


def _decide(
    rows: list[Finding], changes: Mapping[str, object], *, what: str, by: User, now: datetime, detail: str = ""
) -> int:
    """Store one person's decision on each row, in its history and in the audit trail."""
    for one in rows:
        for name, value in {**changes, "changed_at": now}.items():
            setattr(one, name, value)
        _add_to_history(one, what, at=now, by=by, detail=detail)
        audit_trail.record(
            "finding_changed",
            actor=by,
            ad_account_id=one.ad_account_id,
            change=what,
            finding=one.sentence,
            finding_id=one.pk,
            detail=detail,
        )
    Finding.objects.bulk_update(rows, _DECISION_COLUMNS, batch_size=500)
    return len(rows)


def _add_to_history(row: Finding, what: str, *, at: datetime, by: User | None = None, detail: str = "") -> None:
    entry = {"at": at.isoformat(timespec="seconds"), "what": what, "by": str(by) if by else None, "detail": detail}
    row.history = [*row.history, entry][-_MAX_HISTORY:]
