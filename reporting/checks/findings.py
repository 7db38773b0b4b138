"""The life of findings: what an audit found, what people decided about it. Nobody else writes `findings` and `audits`.

A finding's states and who changes them stand at `reporting/models/finding.py`.
"""

from collections import Counter
from collections.abc import Collection
from dataclasses import asdict, dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

from django.db import transaction

from accounts import access, audit_trail
from accounts.models import AdAccount, User
from reporting.checks.facts import AdAccountFacts
from reporting.checks.rules import RULES
from reporting.checks.rules.base import Found, Rule, Verdict
from reporting.models import Audit, AuditRequest, Finding
from reporting.queries.check_facts import audit_facts

_KEPT_OF_THE_HISTORY: Final = 100
_LONGEST_REASON: Final = 1000
_MOST_UNJUDGED_LINES: Final = 200
# As the columns keep it, so that what is accepted now compares equal to what is stored.
_PLACES: Final = Decimal("1e-10")
_State = Finding.State
# A finding is known by its rule and what it is about.
_Key = tuple[str, int | None, str | None]


class NotAllowed(Exception):
    """This person may not change findings."""


class BadWish(ValueError):
    """What was asked cannot be done; the message says what to do instead."""


@dataclass(frozen=True, slots=True)
class AuditResult:
    """What one audit did."""

    found: int = 0
    new: int = 0
    reopened: int = 0
    fixed: int = 0
    unjudged: int = 0


def audit_ad_account(ad_account_id: int, *, now: datetime) -> AuditResult | None:
    """Judge an ad account as of its last sync and keep its findings in step; None where it was never synced.

    A finding whose cause is gone becomes fixed; what could not be judged this time stays as it is.
    """
    with transaction.atomic():
        # One audit at a time, and the later one reads what is stored later.
        AdAccount.objects.select_for_update(no_key=True).get(pk=ad_account_id)
        # Before anything is read: who asks from now on waits for this transaction, and is judged after it.
        AuditRequest.objects.filter(pk=ad_account_id).delete()
        facts = audit_facts(ad_account_id)
        if facts is None:
            return None
        verdicts = {rule: rule.judge(facts) for rule in RULES.values()}
        result = _keep(facts, verdicts, now=now)
        Audit.objects.update_or_create(
            ad_account_id=ad_account_id,
            defaults={
                "as_of": facts.as_of,
                "judged_at": now,
                "campaigns": len(facts.campaigns),
                "found": result.found,
                "unjudged": _summary(verdicts),
            },
        )
    return result


def _keep(facts: AdAccountFacts, verdicts: dict[Rule, Verdict], *, now: datetime) -> AuditResult:
    stored = Finding.objects.select_for_update().filter(ad_account=facts.id).order_by("pk")
    rows = {(one.rule_id, one.campaign_id, one.creative_id): one for one in stored}
    found = {
        (rule.id, one.campaign_id, one.creative_id): one for rule, verdict in verdicts.items() for one in verdict.found
    }
    new = [_new(facts, key, one, now=now) for key, one in found.items() if key not in rows]
    again = [(rows[key], one) for key, one in found.items() if key in rows]
    before = {row.pk: _what_is_stored(row) for row, _ in again}
    reopened = sum(_see_again(row, one, facts=facts, now=now) for row, one in again)
    unjudged = _Unjudged(verdicts)
    gone = [
        row for key, row in rows.items() if key not in found and row.state != _State.FIXED and not unjudged.holds(key)
    ]
    for row in gone:
        _fix(row, at=facts.as_of)
    Finding.objects.bulk_create(new, batch_size=500)
    changed = [row for row, _ in again if _what_is_stored(row) != before[row.pk]]
    _store([*gone, *changed], now=now)
    seen = [row.pk for row, _ in again]
    Finding.objects.filter(pk__in=seen).update(last_seen_at=facts.as_of)
    return AuditResult(len(found), len(new), reopened, len(gone), sum(len(one.unjudged) for one in verdicts.values()))


def _store(rows: list[Finding], *, now: datetime) -> None:
    """One statement per 500 rows; `bulk_update` took 13 s for 4,000 of them, this takes one or two."""
    for row in rows:
        row.changed_at = now
    Finding.objects.bulk_create(
        rows, batch_size=500, update_conflicts=True, unique_fields=["id"], update_fields=[*_JUDGED, "changed_at"]
    )


def _what_is_stored(row: Finding) -> tuple[Any, ...]:
    """To tell rows that changed from those that were only seen again, most of them after most syncs."""
    return tuple(getattr(row, name) for name in _JUDGED)


class _Unjudged:
    """What no rule could judge this time."""

    def __init__(self, verdicts: dict[Rule, Verdict]) -> None:
        answers = [(rule.id, one) for rule, verdict in verdicts.items() for one in verdict.unjudged]
        self._rules = {rule_id for rule_id, one in answers if one.campaign_id is None}
        self._keys = {(rule_id, one.campaign_id, one.creative_id) for rule_id, one in answers}

    def holds(self, key: _Key) -> bool:
        return key[0] in self._rules or key in self._keys


def _new(facts: AdAccountFacts, key: _Key, found: Found, *, now: datetime) -> Finding:
    rule_id, campaign_id, creative_id = key
    row = Finding(
        ad_account_id=facts.id,
        campaign_id=campaign_id,
        creative_id=creative_id,
        rule_id=rule_id,
        first_seen_at=facts.as_of,
        changed_at=now,
    )
    _describe(row, found, facts)
    _note(row, "found", at=facts.as_of)
    return row


def _see_again(row: Finding, found: Found, *, facts: AdAccountFacts, now: datetime) -> bool:
    """Bring a row up to date; whether it was opened again."""
    was_state, was_reason = row.state, row.accepted_reason or ""
    limit = (row.accepted_weight or Decimal(0)) * (100 + facts.thresholds.worse_percent) / 100
    _describe(row, found, facts)
    if was_state == _State.FIXED:
        row.times_seen += 1
        row.fixed_at = row.saved = None
        _open(row, "came back", at=facts.as_of)
    elif was_state == _State.SNOOZED and row.snoozed_until and row.snoozed_until <= now.date():
        _open(row, "woke up", at=now)
    elif was_state == _State.ACCEPTED and row.weight > limit:
        _open(row, "grew worse than accepted", at=facts.as_of, detail=was_reason)
    return row.state != was_state


def _describe(row: Finding, found: Found, facts: AdAccountFacts) -> None:
    row.severity = RULES[row.rule_id].severity
    row.sentence = found.sentence
    row.evidence = [asdict(one) for one in found.evidence]
    row.weight = found.weight.quantize(_PLACES)
    row.money_at_stake = None if found.money is None else found.money.quantize(_PLACES)
    row.currency = facts.currency
    row.last_seen_at = facts.as_of


def _open(row: Finding, what: str, *, at: datetime, detail: str = "") -> None:
    row.state = _State.OPEN
    row.reopened_at = at
    _forget_decision(row)
    _note(row, what, at=at, detail=detail)


def _fix(row: Finding, *, at: datetime) -> None:
    row.state, row.fixed_at, row.saved = _State.FIXED, at, row.money_at_stake
    _forget_decision(row)
    _note(row, "fixed", at=at)


def _forget_decision(row: Finding) -> None:
    for name, value in _NO_DECISION.items():
        setattr(row, name, value)


def _summary(verdicts: dict[Rule, Verdict]) -> list[dict[str, Any]]:
    """Which rules could not judge how many things and why; 0 things: the rule judged nothing of the ad account."""
    counted: Counter[tuple[str, str]] = Counter()
    for rule, verdict in verdicts.items():
        for one in verdict.unjudged:
            counted[rule.id, one.reason] += one.campaign_id is not None
    lines = [{"rule": rule_id, "reason": reason, "count": count} for (rule_id, reason), count in counted.items()]
    return lines[:_MOST_UNJUDGED_LINES]


# --- What people decide ---


@transaction.atomic
def assign(ids: Collection[int], *, to: User | None, by: User, now: datetime) -> int:
    """Give findings to a person, or to nobody; returns how many changed."""
    if to is not None and not access.may_change_findings(to):
        raise BadWish("Findings are assigned to active owners, managers and analysts.")
    whom = f"to {to}" if to else "to nobody"
    return _decide(
        [one for one in _own(ids, by) if one.assigned_to_id != (to.pk if to else None)],
        {"assigned_to": to}, what="assigned", by=by, now=now, detail=whom,
    )  # fmt: skip


@transaction.atomic
def snooze(ids: Collection[int], *, until: date, by: User, now: datetime) -> int:
    """Let findings be quiet until a day; returns how many changed. What is fixed stays fixed."""
    if until <= now.date():
        raise BadWish("Choose a day after today to snooze until.")
    if (until - now.date()).days > 366:
        raise BadWish("Snooze for a year at most; accept the finding if it is to stay.")
    return _decide(
        [one for one in _own(ids, by) if one.state != _State.FIXED and one.snoozed_until != until],
        {"state": _State.SNOOZED, "snoozed_until": until, "accepted_reason": None, "accepted_weight": None},
        what="snoozed", by=by, now=now, detail=f"until {until}",
    )  # fmt: skip


@transaction.atomic
def accept(ids: Collection[int], *, reason: str, by: User, now: datetime) -> int:
    """Live with findings for a reason; returns how many changed. What is fixed stays fixed."""
    # PostgreSQL stores every character but this one.
    reason = reason.replace("\0", "").strip()
    if not reason:
        raise BadWish("Give a reason: whoever reads the finding next year wants to know it.")
    if len(reason) > _LONGEST_REASON:
        raise BadWish(f"Give the reason in {_LONGEST_REASON:,} characters at most.")
    rows = [one for one in _own(ids, by) if one.state != _State.FIXED and one.accepted_reason != reason]
    for one in rows:
        one.accepted_weight = one.weight
    changes = {"state": _State.ACCEPTED, "snoozed_until": None, "accepted_reason": reason}
    return _decide(rows, changes, what="accepted", by=by, now=now, detail=reason)


@transaction.atomic
def reopen(ids: Collection[int], *, by: User, now: datetime) -> int:
    """Open snoozed and accepted findings again; returns how many changed."""
    rows = [one for one in _own(ids, by) if one.state in {_State.SNOOZED, _State.ACCEPTED}]
    changes = {"state": _State.OPEN, "reopened_at": now, **_NO_DECISION}
    return _decide(rows, changes, what="reopened", by=by, now=now)


_NO_DECISION: Final[dict[str, Any]] = {"snoozed_until": None, "accepted_reason": None, "accepted_weight": None}
_JUDGED: Final = (
    "severity", "sentence", "evidence", "weight", "money_at_stake", "currency", "reopened_at",
    "times_seen", "state", "snoozed_until", "accepted_reason", "accepted_weight", "fixed_at", "saved", "history",
)  # fmt: skip
_DECIDED: Final = (
    "state", "snoozed_until", "accepted_reason", "accepted_weight", "assigned_to", "reopened_at", "changed_at",
    "history",
)  # fmt: skip


def _own(ids: Collection[int], by: User) -> list[Finding]:
    """The rows, locked until the transaction ends, of ad accounts that the person may see; a fixed order, so that
    two people cannot wait for each other."""
    if not access.may_change_findings(by):
        raise NotAllowed("Your role may not change findings; ask an analyst, a manager or an owner.")
    visible = access.visible_ad_accounts(by)
    rows = Finding.objects.select_for_update(of=("self",)).filter(pk__in=ids, ad_account__in=visible)
    return list(rows.order_by("pk"))


def _decide(
    rows: list[Finding], changes: dict[str, Any], *, what: str, by: User, now: datetime, detail: str = ""
) -> int:
    """Write one person's decision on each row, into its history and into the audit trail."""
    for one in rows:
        for name, value in {**changes, "changed_at": now}.items():
            setattr(one, name, value)
        _note(one, what, at=now, by=by, detail=detail)
        audit_trail.record(
            "finding_changed",
            actor=by,
            ad_account_id=one.ad_account_id,
            change=what,
            finding=one.sentence,
            finding_id=one.pk,
            detail=detail,
        )
    Finding.objects.bulk_update(rows, _DECIDED, batch_size=500)
    return len(rows)


def _note(one: Finding, what: str, *, at: datetime, by: User | None = None, detail: str = "") -> None:
    entry = {"at": at.isoformat(timespec="seconds"), "what": what, "by": str(by) if by else None, "detail": detail}
    one.history = [*one.history, entry][-_KEPT_OF_THE_HISTORY:]
