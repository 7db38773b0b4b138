"""Syncs that a person asks for, from a page or the API: allowed, queued, told to a worker, on record.

The door for people, as `tasks.py` is Celery's; what a sync does is in `sync.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db import transaction

from accounts import access, audit_trail
from accounts.models import User
from ingestion.models import SyncLog
from ingestion.sync import ledger
from ingestion.sync.ledger import AlreadyRunning
from ingestion.sync.plan import Plan, plan_sync
from ingestion.sync.sync import days_to_ask
from ingestion.tasks import sync_ad_account
from ingestion.timetable.freshness import freshness

# As far back as a first sync may go, too.
_FARTHEST_BACK = timedelta(days=3650)


@dataclass(frozen=True, slots=True)
class Asked:
    """What became of one wish: a queued run, or the reason why there is none and the run that is in its way."""

    ad_account_id: int
    run: SyncLog | None = None
    reason: str = ""
    running: SyncLog | None = None


class NotAllowed(Exception):
    """This person may not sync one of the ad accounts; the message says what to do."""


class WrongDays(ValueError):
    """`which` of first_day and last_day cannot be asked for; the message says why."""

    def __init__(self, which: str, message: str) -> None:
        super().__init__(message)
        self.which = which


def check_days(first_day: date | None, last_day: date | None, *, today: date) -> None:
    """Raises WrongDays."""
    if first_day and last_day and first_day > last_day:
        raise WrongDays("last_day", "The last day is before the first; swap them.")
    if first_day and first_day > today:
        raise WrongDays("first_day", "This day is in the future; LinkedIn has nothing there.")
    for which, day in (("first_day", first_day), ("last_day", last_day)):
        if day and day < today - _FARTHEST_BACK:
            raise WrongDays(which, f"LinkedIn keeps ten years; name a day from {today - _FARTHEST_BACK} on.")


def start_syncs(
    ad_account_ids: Sequence[int],
    *,
    asked_by: User,
    force: bool = False,
    first_day: date | None = None,
    last_day: date | None = None,
    now: datetime,
) -> list[Asked]:
    """Queue a sync of each ad account that is due; a range of days is wanted however fresh the data is.

    Raises NotAllowed before anything is queued.
    """
    _require_may_sync(asked_by, ad_account_ids)
    wanted = force or bool(first_day or last_day)
    return [
        _start(one, asked_by=asked_by, force=wanted, first_day=first_day, last_day=last_day, now=now)
        for one in dict.fromkeys(ad_account_ids)
    ]


def plan_syncs(
    ad_account_ids: Sequence[int], *, first_day: date | None, last_day: date | None, now: datetime
) -> list[Plan]:
    """What each of these syncs would ask of LinkedIn."""
    plans = []
    for one in ad_account_ids:
        first, last = days_to_ask(one, first_day=first_day, last_day=last_day, today=now.date())
        plans.append(plan_sync(one, first_day=first, last_day=last, now=now))
    return plans


def retry(run: SyncLog, *, asked_by: User, now: datetime) -> Asked:
    """Ask for the days of a run again. What it had stored a short while ago is not asked for twice."""
    assert run.account_id is not None
    _require_may_sync(asked_by, [run.account_id])
    return _start(
        run.account_id,
        asked_by=asked_by,
        force=True,
        first_day=run.first_day,
        last_day=run.last_day,
        trigger=SyncLog.Trigger.RETRY,
        now=now,
    )


def cancel(run: SyncLog, *, asked_by: User, now: datetime) -> bool:
    """End a queued or running sync; returns whether there was something to end. Raises NotAllowed."""
    assert run.account_id is not None
    _require_may_sync(asked_by, [run.account_id])
    with transaction.atomic():
        ended = ledger.cancel(run.pk, now=now)
        if ended:
            audit_trail.record("sync_cancelled", actor=asked_by, ad_account_id=run.account_id, run_id=run.pk)
    return ended


def _require_may_sync(person: User, ad_account_ids: Sequence[int]) -> None:
    if not ad_account_ids or not all(access.may_sync(person, one) for one in ad_account_ids):
        raise NotAllowed("Your role may not sync this ad account; ask an owner or a manager.")


def _start(
    ad_account_id: int,
    *,
    asked_by: User,
    force: bool,
    first_day: date | None,
    last_day: date | None,
    trigger: str = SyncLog.Trigger.MANUAL,
    now: datetime,
) -> Asked:
    if not force:
        gate = freshness(ad_account_id, now=now)
        if not gate.is_due:
            return Asked(ad_account_id, reason=gate.reason)
    try:
        with transaction.atomic():
            run = ledger.queue(
                ad_account_id=ad_account_id,
                asked_by=asked_by,
                forced=force,
                first_day=first_day,
                last_day=last_day,
                trigger=trigger,
                now=now,
            )
            audit_trail.record("sync_started_by_hand", actor=asked_by, ad_account_id=ad_account_id, run_id=run.pk)

            # A function with a name, which Django's log line of a failure asks for; a `partial` has none.
            def tell() -> None:
                sync_ad_account.delay(ad_account_id, run_id=run.pk)

            # robust: a broker that is down is told of it again by the timetable.
            transaction.on_commit(tell, robust=True)
    except AlreadyRunning as running:
        return Asked(ad_account_id, reason=str(running), running=running.running)
    return Asked(ad_account_id, run=run)
