"""How far the checks have come: what was checked and what was not, and which ad accounts are waiting."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.db.models import Count, Min, QuerySet
from django.utils import timezone

from accounts.models import AdAccount
from accounts.shell import clock
from ingestion.models import CoveredDays
from reporting.checks.rules import RULES
from reporting.models import CheckRequest, CheckRun


@dataclass(frozen=True, slots=True)
class NotCheckedLine:
    """What a rule could not check, across ad accounts; `count` is 0 where it could check nothing in them.

    `since`: a sync of their days from this one on would help.
    """

    title: str
    reason: str
    count: int
    ad_accounts: Sequence[str]
    ad_account_ids: Sequence[int]
    since: date | None


@dataclass(frozen=True, slots=True)
class CheckOverview:
    """How many ad accounts have no data, have data but no check yet, and have been checked."""

    never_synced: int
    not_yet_checked: int
    checked: int
    campaigns: int
    as_of: datetime | None
    not_checked: Sequence[NotCheckedLine]

    @property
    def has_data(self) -> bool:
        return bool(self.not_yet_checked or self.checked)


@dataclass(frozen=True, slots=True)
class WaitingChecks:
    """How many ad accounts are waiting for a check, and since when the first of them."""

    count: int
    since: datetime | None


@dataclass(frozen=True, slots=True)
class StoppedCheck:
    """An ad account whose check failed each time it was tried; the sentence says what to do."""

    ad_account: str
    asked_at: datetime
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckStatus:
    """The last check of one ad account, and whether another is waiting; the names are the API's."""

    account_id: int
    judged_at: datetime | None = None
    as_of: datetime | None = None
    campaigns: int = 0
    found: int = 0
    unjudged: Sequence[Mapping[str, str | int]] = ()
    waiting_since: datetime | None = None
    trouble: str = ""


def check_overview(ad_accounts: QuerySet[AdAccount]) -> CheckOverview:
    """Tells an empty list without problems from one that nobody has checked."""
    ids = set(ad_accounts.order_by().values_list("pk", flat=True))
    runs = list(CheckRun.objects.filter(ad_account__in=ids).select_related("ad_account").order_by("ad_account__name"))
    synced = ad_accounts_with_data(ad_accounts)
    checked = {one.ad_account_id for one in runs}
    return CheckOverview(
        never_synced=len(ids - synced - checked),
        not_yet_checked=len(synced - checked),
        checked=len(runs),
        campaigns=sum(one.campaigns for one in runs),
        as_of=min((one.as_of for one in runs), default=None),
        not_checked=_not_checked_lines(runs),
    )


def ad_accounts_with_data(ad_accounts: QuerySet[AdAccount]) -> set[int]:
    """Those with stored data; without it there is nothing to check."""
    days = CoveredDays.objects.filter(
        account__in=ad_accounts.order_by().values("pk"), asked_at__lte=clock.latest(timezone.now())
    )
    return set(days.order_by().values_list("account", flat=True).distinct())


def waiting_checks(ad_accounts: QuerySet[AdAccount]) -> WaitingChecks:
    """Which of these ad accounts are being checked, or are waiting for it."""
    requests = _requests(ad_accounts).filter(state__in=CheckRequest.UNFINISHED)
    return WaitingChecks(**requests.aggregate(count=Count("pk"), since=Min("asked_at")))


def stopped_checks(ad_accounts: QuerySet[AdAccount]) -> list[StoppedCheck]:
    """Which of these ad accounts could not be checked, by name."""
    failed = _requests(ad_accounts).filter(state=CheckRequest.State.FAILED).select_related("ad_account")
    return [
        StoppedCheck(str(one.ad_account), one.asked_at, one.trouble)
        for one in failed.order_by("ad_account__name", "ad_account")
    ]


def check_status(ad_account_id: int) -> CheckStatus:
    """When an ad account was last checked, what was not checked, and whether another check is waiting."""
    request = CheckRequest.objects.filter(pk=ad_account_id).first()
    columns = ("judged_at", "as_of", "campaigns", "found", "unjudged")
    last = CheckRun.objects.filter(pk=ad_account_id).values(*columns).first()
    is_waiting = request is not None and request.state in CheckRequest.UNFINISHED
    return CheckStatus(
        account_id=ad_account_id,
        waiting_since=request.asked_at if request and is_waiting else None,
        trouble=request.trouble if request else "",
        **(last or {}),
    )


def _requests(ad_accounts: QuerySet[AdAccount]) -> QuerySet[CheckRequest]:
    return CheckRequest.objects.filter(ad_account__in=ad_accounts.order_by().values("pk"))


def _not_checked_lines(runs: Iterable[CheckRun]) -> list[NotCheckedLine]:
    """One line per rule and reason, however many ad accounts share it."""
    found: dict[tuple[str, str, str], list[tuple[CheckRun, int]]] = {}
    for run in runs:
        for line in run.unjudged:
            found.setdefault((line["rule"], line["reason"], line.get("since", "")), []).append((run, line["count"]))
    return [
        NotCheckedLine(
            title=RULES[rule_id].title if rule_id in RULES else rule_id,
            reason=reason,
            count=sum(count for _, count in lines),
            ad_accounts=[str(run.ad_account) for run, _ in lines],
            ad_account_ids=[run.ad_account_id for run, _ in lines],
            since=date.fromisoformat(since) if since else None,
        )
        for (rule_id, reason, since), lines in found.items()
    ]
