"""The Action center: what the checks found, and what people decide about it."""

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import Final
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.admin.utils import quote
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from accounts import access, audit_trail
from accounts.access import person_of
from accounts.models import AdAccount, User
from accounts.shell import downloads, formatting, linkedin_words
from accounts.shell.request_values import (
    BadValue,
    NotThere,
    day,
    one_of,
    or_none,
    page_number,
    row_id,
    values_of,
    whole_number,
)
from reporting.checks import check_requests, findings
from reporting.checks.findings import InvalidDecision
from reporting.checks.rules import RULES
from reporting.checks.rules.base import EvidenceUnit
from reporting.checks.rules.budget import BudgetOverPace, BudgetUnderPace
from reporting.checks.severity import Severity
from reporting.models import Finding
from reporting.pages import coverage
from reporting.pages.shell import for_people, page, part, require_ad_account, room_for_a_download
from reporting.queries import check_runs
from reporting.queries import findings as finding_queries
from reporting.queries.check_runs import NotCheckedLine
from reporting.queries.findings import FindingFilter, FindingLine

_ALL_STATES = "all"
_NOBODY = "nobody"
_ME = "me"
_SNOOZES = {"snooze_week": 7, "snooze_month": 30}
_CSV_HEADER = (
    "id", "severity", "rule_id", "title", "state", "ad_account_id", "ad_account_name", "campaign_id", "campaign_name",
    "creative_id", "creative_name", "sentence", "money_at_stake", "currency", "evidence", "assignee", "snoozed_until",
    "accepted_reason", "fixed_at", "saved", "first_seen_at", "last_seen_at", "reopened_at", "times_seen", "remedy",
)  # fmt: skip


@for_people
@require_GET
def actions(request: HttpRequest) -> HttpResponse:
    """Findings, most severe first, then highest amount of each currency, filtered by the address."""
    return _list(request, request.GET)


@for_people
@require_GET
def download(request: HttpRequest) -> HttpResponseBase:
    """The list as CSV."""
    chosen = _chosen(request, request.GET, dialect=one_of(downloads.DIALECTS))
    dialect = downloads.DIALECTS.get(chosen.pop("dialect"), downloads.PLAIN)
    wanted, today = _wanted(chosen, request), timezone.now().date()
    lines = finding_queries.all_findings(
        access.visible_ad_accounts(request.user),
        wanted,
        today=today,
        names_people=access.sees_colleagues(request.user),
    )
    with room_for_a_download(request) as slot:
        audit_trail.record("exported", actor=person_of(request), what="findings", filters=chosen)
        return slot.held_by(downloads.download("csv", "findings", _CSV_HEADER, _csv(lines), dialect=dialect))


@for_people
@require_GET
def check_progress(request: HttpRequest) -> HttpResponse:
    """How far the checks have come that the page is waiting for."""
    chosen = _chosen(request, request.GET, of=_count)
    return part(request, "check_progress", _check_progress(request, chosen, of=int(chosen.pop("of") or 0)))


@for_people
@require_POST
def check_now(request: HttpRequest) -> HttpResponse:
    """Check the chosen ad account, or all that the person may see; then show the list again."""
    chosen = _chosen(request, _back(request))
    ids = _ad_accounts(request, chosen).values_list("pk", flat=True)
    if not check_requests.check_now(list(ids), by=person_of(request), now=timezone.now()):
        messages.info(request, "There is nothing to check yet: the first sync brings the data.")
    return _back_to(chosen)


@for_people
@require_POST
def change(request: HttpRequest) -> HttpResponse:
    """Assign, snooze, accept or reopen one finding or the selected ones; then show the list again."""
    if not access.may_change_findings(request.user):
        raise PermissionDenied("Your role may not change findings; ask an analyst, a manager or an owner.")
    back = _back(request)
    chosen = _chosen(request, back)
    try:
        ids = _ids(request.POST.getlist("finding"))
        done, changed = _apply(request, ids)
    except InvalidDecision as error:
        messages.error(request, str(error))
        return _list(request, back, status=400)
    if changed:
        messages.success(request, formatting.with_days(f"{changed:,} finding{'' if changed == 1 else 's'} {done}."))
    else:
        messages.info(request, "Nothing changed: the findings are already in this state, fixed, or gone.")
    return _back_to(chosen)


def _back(request: HttpRequest) -> QueryDict:
    """The filters of the list that the form was sent from, and nothing else that came with them."""
    sent = QueryDict(request.POST.get("back", ""), mutable=True)
    for name in sent.keys() - _FILTERS.keys():
        del sent[name]
    return sent


def _back_to(chosen: dict[str, str]) -> HttpResponse:
    return redirect(f"{reverse('reporting:actions')}?{urlencode(chosen)}")


def _apply(request: HttpRequest, ids: list[int]) -> tuple[str, int]:
    """What was done, in words, and to how many findings."""
    do, person, now = request.POST.get("do", ""), person_of(request), timezone.now()
    if do == "assign_me":
        return "assigned to you", findings.assign(ids, to=person, by=person, now=now)
    if do == "assign":
        to = _assignee(request.POST.get("assignee", ""))
        return f"assigned to {to or 'nobody'}", findings.assign(ids, to=to, by=person, now=now)
    if do in _SNOOZES or do == "snooze":
        until = now.date() + timedelta(days=_SNOOZES[do]) if do in _SNOOZES else _day(request.POST.get("until", ""))
        return f"snoozed until {until}", findings.snooze(ids, until=until, by=person, now=now)
    if do == "accept":
        return "accepted", findings.accept(ids, reason=request.POST.get("reason", ""), by=person, now=now)
    if do == "reopen":
        return "reopened", findings.reopen(ids, by=person, now=now)
    raise InvalidDecision("Choose an action: assign, snooze, accept or reopen.")


def _ids(sent: list[str]) -> list[int]:
    if not sent:
        raise InvalidDecision("Select at least one finding.")
    ids = [one for one in (or_none(row_id, text) for text in sent) if one is not None]
    if len(sent) > finding_queries.FINDINGS_PER_PAGE or len(ids) < len(sent):
        raise InvalidDecision("These findings are not in the list; reload the page.")
    return ids


def _assignee(sent: str) -> User | None:
    if sent == _NOBODY:
        return None
    person_id = or_none(row_id, sent)
    person = finding_queries.assignees().filter(pk=person_id).first() if person_id else None
    if person is None:
        raise InvalidDecision("Choose a person from the list: an active owner, manager or analyst.")
    return person


def _day(sent: str) -> date:
    try:
        return day(sent)
    except BadValue:
        raise InvalidDecision("Choose a day to snooze until, as YYYY-MM-DD.") from None


def _list(request: HttpRequest, sent: QueryDict, *, status: int = 200) -> HttpResponse:
    chosen = _chosen(request, sent, page=page_number)
    number = int(chosen.pop("page") or 1)
    wanted, today = _wanted(chosen, request), timezone.now().date()
    visible = access.visible_ad_accounts(request.user)
    sees_colleagues = access.sees_colleagues(request.user)
    shown = finding_queries.findings(visible, wanted, today=today, names_people=sees_colleagues, page=number)
    may_change = access.may_change_findings(request.user)
    checks = check_runs.check_overview(_ad_accounts(request, chosen))
    context = {
        **_check_progress(request, chosen),
        "shown": shown,
        "lines": [(line, _row_links(line)) for line in shown.lines],
        "chosen": chosen,
        "is_filtered": any(chosen[name] for name in _FILTERS if name != "state"),
        "counts": _counts(request, chosen, wanted, today=today),
        "money": finding_queries.money_at_stake(visible, wanted, today=today),
        "checks": checks,
        "not_checked": [(line, _plan_address(line, request, today=today)) for line in checks.not_checked],
        "ad_accounts": visible,
        "rules": [(rule.id, rule.title) for rule in RULES.values()],
        "severities": [one.value for one in Severity],
        "states": [*Finding.State.choices, (_ALL_STATES, "All states")],
        "sees_colleagues": sees_colleagues,
        "people": list(finding_queries.assignees()) if sees_colleagues else [],
        "nobody": _NOBODY,
        "me": request.user.pk,
        "may_change": may_change,
        "may_edit_thresholds": access.may_edit_thresholds(request.user),
        "tomorrow": (today + timedelta(days=1)).isoformat(),
    }
    return page(request, "actions", context, title="Action center", status=status)


def _ad_accounts(request: HttpRequest, chosen: dict[str, str]) -> QuerySet[AdAccount]:
    visible = access.visible_ad_accounts(request.user)
    return visible.filter(pk=chosen["ad_account"]) if chosen["ad_account"] else visible


def _check_progress(request: HttpRequest, chosen: dict[str, str], *, of: int = 0) -> dict[str, object]:
    """Checks that are waiting or running, and those that failed for good; `of` is how many the page has waited for."""
    ad_accounts = _ad_accounts(request, chosen)
    waiting, stopped = check_runs.waiting_checks(ad_accounts), check_runs.stopped_checks(ad_accounts)
    of = max(of, waiting.count)
    done = max(0, of - waiting.count - len(stopped))
    return {"waiting": waiting, "stopped": stopped, "of": of, "done": done, "address": urlencode(chosen)}


def _counts(
    request: HttpRequest, chosen: dict[str, str], wanted: FindingFilter, *, today: date
) -> list[tuple[str, int, str]]:
    """Each severity, how many findings, and the address that filters by it, or clears that filter."""
    counts = finding_queries.counts_by_severity(access.visible_ad_accounts(request.user), wanted, today=today)
    return [
        (severity, count, urlencode(chosen | {"severity": "" if severity == chosen["severity"] else severity}))
        for severity, count in counts.items()
    ]


def _chosen(request: HttpRequest, sent: QueryDict, **others: Callable[[str], int | str]) -> dict[str, str]:
    """The filters of the address and its other parameters. Raises BadValue and NotThere."""
    chosen = values_of(sent, _FILTERS | others)
    require_ad_account(request, chosen["ad_account"])
    person = or_none(row_id, chosen["assignee"])
    known = finding_queries.assignees() if access.sees_colleagues(request.user) else User.objects.none()
    if person is not None and not known.filter(pk=person).exists():
        raise NotThere("There is no such person among those whom findings can be assigned to.")
    return chosen | {"state": chosen["state"] or Finding.State.OPEN.value}


def _count(sent: str) -> int:
    return whole_number(sent, at_most=1_000_000)


def _assignee_id(sent: str) -> int | str:
    return sent if sent in {_NOBODY, _ME} else row_id(sent)


# The parameters of the address, and how each is read.
_FILTERS: Final[dict[str, Callable[[str], int | str]]] = {
    "ad_account": row_id,
    "rule": one_of(RULES),
    "severity": one_of([one.value for one in Severity]),
    "state": one_of([*Finding.State.values, _ALL_STATES]),
    "assignee": _assignee_id,
}


def _wanted(chosen: dict[str, str], request: HttpRequest) -> FindingFilter:
    assignee = chosen["assignee"]
    person = str(request.user.pk) if assignee == _ME else assignee
    return FindingFilter(
        ad_account_id=int(chosen["ad_account"]) if chosen["ad_account"] else None,
        rule_id=chosen["rule"],
        severity=chosen["severity"],
        state="" if chosen["state"] == _ALL_STATES else chosen["state"],
        assignee=or_none(row_id, person),
        is_unassigned=person == _NOBODY,
    )


def _row_links(line: FindingLine) -> dict[str, str | bool]:
    """The admin's rows that the finding is about, and the figures of its campaign in the report."""
    links: dict[str, str | bool] = {}
    if line.campaign_id is not None:
        is_of_budget = line.rule_id in {BudgetOverPace.id, BudgetUnderPace.id}
        report = f"{reverse('reporting:report')}?{urlencode({'campaign': line.campaign_id})}"
        links = {
            "campaign": reverse("admin:ingestion_campaign_change", args=[line.campaign_id]),
            "report": report + ("#budgets" if is_of_budget else ""),
            "is_of_budget": is_of_budget,
        }
    if line.creative_id is not None:
        links["creative"] = reverse("admin:ingestion_creative_change", args=[quote(line.creative_id)])
    return links


def _plan_address(line: NotCheckedLine, request: HttpRequest, *, today: date) -> str:
    """The plan of the sync of the days that a rule lacks, for people who may sync them; empty if there is none."""
    if line.since is None or not access.may_sync_anything(request.user):
        return ""
    return coverage.plan_of_days(line.ad_account_ids, line.since, today - timedelta(days=1), today=today)


def _in_words(fact: dict[str, str]) -> str:
    value = linkedin_words.labels(fact["value"]) if fact.get("unit") == EvidenceUnit.WORD else fact["value"]
    return f"{fact['label']}: {value}"


def _csv(lines: Iterator[FindingLine]) -> Iterator[list[object]]:
    for one in lines:
        yield [
            one.id, one.severity, one.rule_id, one.title, one.state, one.ad_account_id, one.ad_account,
            one.campaign_id, one.campaign, one.creative_id, one.creative, one.sentence,
            one.money.amount if one.money else None, one.money.currency if one.money else None,
            "; ".join(map(_in_words, one.evidence)), one.assignee_email,
            one.snoozed_until, one.accepted_reason, one.fixed_at and one.fixed_at.isoformat(),
            one.saved.amount if one.saved else None, one.first_seen_at.isoformat(), one.last_seen_at.isoformat(),
            one.reopened_at and one.reopened_at.isoformat(), one.times_seen, one.remedy,
        ]  # fmt: skip
