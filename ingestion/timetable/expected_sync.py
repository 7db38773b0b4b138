"""Is this ad account expected to sync, when, and if not, why not: the one answer for every page and door.

The timetable alone says when a sync is tried; whether it then begins depends on a pause, on the consent, on LinkedIn's
daily limit and on how fresh the data is. All of it comes together here, and nowhere else.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, TypedDict

from django.db.models import Exists, OuterRef, QuerySet, Subquery
from django_celery_beat.models import PeriodicTask

from accounts.consents import choice
from accounts.models import AdAccount, LinkedInAdAccountRole, RemovedAdAccount
from ingestion.linkedin.resources import Resource
from ingestion.models import AdAccountSettings, SyncLog
from ingestion.sync import rate_limits
from ingestion.sync.rate_limits import ParkedResources
from ingestion.timetable.freshness import Freshness, freshness_of
from ingestion.timetable.schedules import ad_account_of, entries_of
from ingestion.timetable.turns import next_turn


class Outlook(StrEnum):
    """What the next sync of an ad account depends on; only the first five ever have one."""

    RUNNING = "running"
    QUEUED = "queued"
    DUE = "due"
    FRESH = "fresh"
    DAILY_LIMIT = "daily_limit"
    PAUSED = "paused"
    SWITCHED_OFF = "switched_off"
    NOT_SCHEDULED = "not_scheduled"
    NO_CONNECTION = "no_connection"
    ROLE_LOST = "role_lost"
    CONSENT_ENDED = "consent_ended"
    MISSING = "missing"
    REMOVED = "removed"


# Data may grow old without an alarm where a person chose it, or where LinkedIn took the ad account away.
_ON_PURPOSE = frozenset({Outlook.PAUSED, Outlook.SWITCHED_OFF, Outlook.MISSING, Outlook.REMOVED})


# What a sync leaves out while LinkedIn's daily limit of a resource lasts, where figures do not need it.
_PARTS: Mapping[str, str] = {Resource.NAMES: "Names of audience segments", Resource.POSTS: "Names of posts"}


@dataclass(frozen=True, slots=True)
class ExpectedSync:
    """The next sync of one ad account: `next_at` is None where none is expected; `reason` is a sentence."""

    ad_account_id: int
    next_at: datetime | None
    outlook: Outlook
    reason: str

    @property
    def is_expected(self) -> bool:
        return self.next_at is not None

    @property
    def may_grow_old(self) -> bool:
        """Whether old data of this ad account is no problem to report."""
        return self.outlook in _ON_PURPOSE


class _Facts(TypedDict):
    """What `_with_facts` adds to an ad account."""

    is_removed: bool
    unfinished: str | None
    connection: int | None
    has_role: bool
    had_role: bool


if TYPE_CHECKING:
    from django_stubs_ext import WithAnnotations

    AdAccountWithFacts = WithAnnotations[AdAccount, _Facts]


def expected_syncs(ad_account_ids: Collection[int], *, now: datetime) -> dict[int, ExpectedSync]:
    """The next sync of each of these ad accounts; three queries, however many they are."""
    if not ad_account_ids:
        return {}
    found = list(_with_facts(ad_account_ids, now=now))
    timetable = _Timetable(
        entries=_by_ad_account(entries_of(ad_account_ids)),
        freshness=freshness_of(ad_account_ids, now=now),
        parked=rate_limits.parked_resources({one.connection for one in found if one.connection}, now=now),
        now=now,
    )
    return {one.pk: _obstacle(one, now=now) or timetable.expected(one) for one in found}


def _with_facts(ad_account_ids: Collection[int], *, now: datetime) -> "QuerySet[AdAccountWithFacts]":
    roles = LinkedInAdAccountRole.objects.filter(ad_account=OuterRef("pk"))
    unfinished = SyncLog.objects.filter(account=OuterRef("pk"), status__in=SyncLog.UNFINISHED)
    chosen = choice.usable_roles(now=now).filter(ad_account=OuterRef("pk"))
    annotated = AdAccount.objects.filter(pk__in=ad_account_ids).annotate(
        is_removed=Exists(RemovedAdAccount.objects.filter(pk=OuterRef("pk"))),
        # Where one is queued and another runs, the running one is the answer.
        unfinished=Subquery(unfinished.order_by("-status").values("status")[:1]),
        connection=Subquery(chosen.values("connection")[:1]),
        has_role=Exists(roles.filter(lost_at=None)),
        had_role=Exists(roles),
    )
    return annotated.select_related("sync_settings")


def _obstacle(ad_account: "AdAccountWithFacts", *, now: datetime) -> ExpectedSync | None:
    """What is in the way of the timetable, if anything: a sync that runs, a pause, a consent that is missing."""

    def answer(outlook: Outlook, reason: str, *, next_at: datetime | None = None) -> ExpectedSync:
        return ExpectedSync(ad_account.pk, next_at, outlook, reason)

    own: AdAccountSettings | None = getattr(ad_account, "sync_settings", None)
    if ad_account.is_removed:
        return answer(Outlook.REMOVED, "This ad account is being removed.")
    if ad_account.unfinished == SyncLog.Status.RUNNING:
        return answer(Outlook.RUNNING, "A sync is running now.", next_at=now)
    if ad_account.unfinished == SyncLog.Status.QUEUED:
        return answer(Outlook.QUEUED, "A sync is queued; a worker starts it in a moment.", next_at=now)
    if ad_account.missing_since:
        return answer(Outlook.MISSING, "LinkedIn no longer returns this ad account.")
    if own and own.is_paused:
        return answer(Outlook.PAUSED, "Paused in its settings.")
    if ad_account.connection:
        return None
    if ad_account.has_role:
        return answer(
            Outlook.CONSENT_ENDED, "The LinkedIn consent for this ad account has ended; connect LinkedIn again."
        )
    if ad_account.had_role:
        return answer(Outlook.ROLE_LOST, "Every LinkedIn connection has lost its role on this ad account.")
    return answer(Outlook.NO_CONNECTION, "No LinkedIn connection has a role on this ad account.")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Timetable:
    """When nothing is in the way: the first turn at which data is old enough and LinkedIn's daily limit is over."""

    entries: Mapping[int, Sequence[PeriodicTask]]
    freshness: Mapping[int, Freshness]
    parked: Mapping[int, ParkedResources]
    now: datetime

    def expected(self, ad_account: "AdAccountWithFacts") -> ExpectedSync:
        entries, freshness = self.entries.get(ad_account.pk, ()), self.freshness[ad_account.pk]
        parked = self.parked.get(ad_account.connection or 0, ParkedResources({}))
        parked_until = parked.figures or self.now
        not_before = max(parked_until, freshness.fresh_until or self.now)
        turns = [turn for entry in entries if (turn := next_turn(entry, not_before=not_before, now=self.now))]
        if not entries:
            outlook, reason = Outlook.NOT_SCHEDULED, "It has no entry in the timetable."
        elif not turns:
            outlook, reason = Outlook.SWITCHED_OFF, "Its entry in the timetable is switched off."
        elif parked_until > self.now and parked_until == not_before:
            outlook, reason = Outlook.DAILY_LIMIT, f"LinkedIn's daily limit is used up until {_minute(parked_until)}."
        elif freshness.is_due:
            outlook, reason = Outlook.DUE, f"Due: {freshness.reason}."
        else:
            outlook, reason = Outlook.FRESH, f"{freshness.reason[:1].upper()}{freshness.reason[1:]}."
        return ExpectedSync(
            ad_account.pk, min(turns, default=None), outlook, " ".join([reason, *_paused_parts(parked)])
        )


def _paused_parts(parked: ParkedResources) -> Iterator[str]:
    """A sentence for each part of a sync that LinkedIn's daily limit leaves out while figures are synced."""
    for resource, until in sorted(parked.others.items()):
        if part := _PARTS.get(resource):
            yield f"{part} are paused until {_minute(until)} by LinkedIn's daily limit."


def _minute(instant: datetime) -> str:
    return f"{instant.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _by_ad_account(entries: Iterable[PeriodicTask]) -> dict[int, list[PeriodicTask]]:
    found: dict[int, list[PeriodicTask]] = {}
    for entry in entries:
        if ad_account_id := ad_account_of(entry):
            found.setdefault(ad_account_id, []).append(entry)
    return found
