"""Syncs that people request, from a page or the API: permission, queue, message to a worker, audit trail.

`tasks.py` is the same for Celery; what a sync does is in `sync.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db import transaction

from accounts import access, audit_trail
from accounts.access import NotAllowed
from accounts.models import User
from ingestion.models import SyncLog
from ingestion.sync.ledger import closing, next_tries, run_queue
from ingestion.sync.ledger.opening import AlreadyRunning
from ingestion.sync.plan import Plan, plan_sync
from ingestion.tasks import sync_ad_account
from ingestion.timetable.freshness import days_to_sync, freshness, freshness_of, resume_after

# A first sync may go as far back, too.
_MAX_AGE = timedelta(days=3650)


@dataclass(frozen=True, slots=True)
class RequestedSync:
    """The result of one request: a queued run, or why there is none and which run prevents it."""

    ad_account_id: int
    run: SyncLog | None = None
    reason: str = ""
    running: SyncLog | None = None


class WrongDays(ValueError):
    """`which` of first_day and last_day cannot be synced; the message says why."""

    def __init__(self, which: str, message: str) -> None:
        super().__init__(message)
        self.which = which


def check_days(first_day: date | None, last_day: date | None, *, today: date) -> None:
    """Raises WrongDays."""
    if first_day and last_day and first_day > last_day:
        raise WrongDays("last_day", "The last day is before the first; swap them.")
    for which, day in (("first_day", first_day), ("last_day", last_day)):
        if day and day > today:
            raise WrongDays(which, "This day is in the future; choose today or an earlier day.")
        if day and day < today - _MAX_AGE:
            raise WrongDays(which, f"LinkedIn keeps ten years; choose a day from {today - _MAX_AGE} on.")


def start_syncs(
    ad_account_ids: Sequence[int],
    *,
    requested_by: User,
    force: bool = False,
    first_day: date | None = None,
    last_day: date | None = None,
    now: datetime,
) -> list[RequestedSync]:
    """Queue a sync of each ad account that is due; a range of days is synced however fresh the data is.

    Raises NotAllowed before anything is queued.
    """
    _require_may_sync(requested_by, ad_account_ids)
    is_forced = force or bool(first_day or last_day)
    return [
        _start(one, requested_by=requested_by, force=is_forced, first_day=first_day, last_day=last_day, now=now)
        for one in dict.fromkeys(ad_account_ids)
    ]


def plan_syncs(
    ad_account_ids: Sequence[int], *, first_day: date | None, last_day: date | None, now: datetime
) -> list[Plan]:
    """What each of these syncs would request; of an ad account that is fresh, if it is synced again anyway."""
    is_due = {pk: one.is_due for pk, one in freshness_of(ad_account_ids, now=now).items()}
    plans = []
    for one in ad_account_ids:
        first, last = days_to_sync(one, first_day=first_day, last_day=last_day, now=now)
        is_forced = bool(first_day or last_day) or not is_due[one]
        after = resume_after(one, force=is_forced, trigger=SyncLog.Trigger.MANUAL, now=now)
        plans.append(plan_sync(one, first_day=first, last_day=last, resume_after=after, now=now))
    return plans


def retry(run: SyncLog, *, requested_by: User, now: datetime) -> RequestedSync:
    """Request the days of a run again, without what it stored a short while ago."""
    assert run.account_id is not None
    _require_may_sync(requested_by, [run.account_id])
    return _start(
        run.account_id,
        requested_by=requested_by,
        force=True,
        first_day=run.first_day,
        last_day=run.last_day,
        trigger=SyncLog.Trigger.RETRY,
        instead_of=run.pk,
        now=now,
    )


def cancel(run: SyncLog, *, requested_by: User, now: datetime) -> bool:
    """Cancel a queued or running sync, or the next try of a failed one; returns whether there was one.

    Raises NotAllowed.
    """
    assert run.account_id is not None
    _require_may_sync(requested_by, [run.account_id])
    with transaction.atomic():
        is_cancelled = closing.cancel(run.pk, now=now)
        if is_cancelled:
            audit_trail.record("sync_cancelled", actor=requested_by, ad_account_id=run.account_id, run_id=run.pk)
    return is_cancelled


def _require_may_sync(user: User, ad_account_ids: Sequence[int]) -> None:
    if not ad_account_ids or not all(access.may_sync(user, one) for one in ad_account_ids):
        raise NotAllowed("Your role may not sync this ad account; ask an owner or a manager.")


def _start(
    ad_account_id: int,
    *,
    requested_by: User,
    force: bool,
    first_day: date | None,
    last_day: date | None,
    trigger: str = SyncLog.Trigger.MANUAL,
    instead_of: int | None = None,
    now: datetime,
) -> RequestedSync:
    """`instead_of`: the failed run whose next try this sync takes the place of, once it is queued."""
    if not force:
        gate = freshness(ad_account_id, now=now)
        if not gate.is_due:
            return RequestedSync(ad_account_id, reason=gate.reason)
    try:
        with transaction.atomic():
            run = run_queue.enqueue(
                ad_account_id=ad_account_id,
                requested_by=requested_by,
                forced=force,
                first_day=first_day,
                last_day=last_day,
                trigger=trigger,
                now=now,
            )
            if instead_of is not None:
                next_tries.call_off(instead_of)
            audit_trail.record("sync_started_by_hand", actor=requested_by, ad_account_id=ad_account_id, run_id=run.pk)

            # A function, because Django logs a failure by the callable's name, and a `partial` has none.
            def send() -> None:
                sync_ad_account.delay(ad_account_id, run_id=run.pk, delivery=run.delivery)

            # robust: if the broker is down, the timetable sends it again.
            transaction.on_commit(send, robust=True)
    except AlreadyRunning as running:
        return RequestedSync(ad_account_id, reason=str(running), running=running.running)
    return RequestedSync(ad_account_id, run=run)
