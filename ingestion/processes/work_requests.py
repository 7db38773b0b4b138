"""Requests that workers carry out: each is a row first, and its message may be lost, repeated or late.

One message is worked on however many copies of it arrive: `take` raises the number that all copies carry. What is not
taken in time is sent again (`overdue`), and what its worker dropped is tried again, a few times (`fail_try`).
"""

from datetime import datetime, timedelta
from typing import Final, NamedTuple, TypeVar

from django.db import transaction
from django.db.models import F, Q

from accounts.shell import clock
from ingestion.models import WorkRequest

# Longer than a message usually waits for a worker, and than a check or a snapshot takes. A worker that is slower is
# taken for dead; what it still does then counts for nothing.
RESENT_AFTER: Final = timedelta(minutes=10)
# After a failed try; then twice as long each time.
_FIRST_DELAY: Final = timedelta(minutes=1)

W = TypeVar("W", bound=WorkRequest)


class Message(NamedTuple):
    """What a worker is sent: the row, and the number that the row must still have."""

    row_id: int
    delivery: int


class AlreadyTaken(Exception):
    """Another copy of this message was worked on, or the request has ended."""


def message_of(row: WorkRequest) -> Message:
    """The message that may act on a row as it is now."""
    return Message(row.pk, row.delivery)


def delay_after(tries: int) -> timedelta:
    """How long to wait after this many failed tries."""
    delay: timedelta = _FIRST_DELAY * 2 ** (tries - 1)
    return delay


def queue_again(row: WorkRequest, *, now: datetime, **columns: object) -> None:
    """A new request in an old row, which the caller has locked: a message that waits stays valid, an older does not."""
    if getattr(row, row.STATE) != row.QUEUED:
        row.delivery += 1
    values = {row.STATE: row.QUEUED, row.TROUBLE: "", "tries": 0, "resend_at": now + RESENT_AFTER, **columns}
    for name, value in values.items():
        setattr(row, name, value)
    row.save(update_fields=[*values, "delivery"])


def take(model: type[W], message: Message, *, now: datetime, **columns: object) -> W:
    """The row, now running. Raises AlreadyTaken."""
    values = {model.STATE: model.RUNNING, "resend_at": now + RESENT_AFTER, **columns}
    queued = model._default_manager.filter(pk=message.row_id, delivery=message.delivery, **{model.STATE: model.QUEUED})
    if not queued.update(delivery=F("delivery") + 1, **values):
        raise AlreadyTaken
    return model._default_manager.get(pk=message.row_id)


def holds(row: WorkRequest) -> bool:
    """Whether the worker that took this row may still write its result; locks the row until the transaction ends."""
    rows = type(row)._default_manager.select_for_update(of=("self",))
    return rows.filter(pk=row.pk, delivery=row.delivery).exists()


def fail_try(row: WorkRequest, *, now: datetime) -> None:
    """The worker that took this row failed: queue it again, or give it up after the last try."""
    is_last = row.tries + 1 >= row.MAX_TRIES
    values = {
        row.STATE: row.FAILED if is_last else row.QUEUED,
        row.TROUBLE: row.GIVEN_UP.format(tries=row.tries + 1) if is_last else "",
        "tries": row.tries + 1,
        "resend_at": None if is_last else now + delay_after(row.tries + 1),
    }
    if is_last and row.ENDED_AT:
        values[row.ENDED_AT] = now
    type(row)._default_manager.filter(pk=row.pk, delivery=row.delivery).update(delivery=F("delivery") + 1, **values)


def overdue(model: type[W], *, now: datetime) -> list[W]:
    """Requests whose message is due or may be lost, which the caller sends; those that their worker left have failed.

    The same number is sent again: a copy that still waits for a worker keeps its place, and the first one is taken.
    """
    is_due = Q(resend_at__lte=now) | Q(resend_at__gt=clock.latest(now) + _longest_wait(model))
    is_due |= Q(resend_at=None, **{model.STATE: model.QUEUED})
    found = []
    with transaction.atomic():
        for row in model._default_manager.select_for_update(skip_locked=True, of=("self",)).filter(is_due):
            if getattr(row, row.STATE) == row.RUNNING:
                fail_try(row, now=now)
                continue
            row.resend_at = now + RESENT_AFTER
            row.save(update_fields=["resend_at"])
            found.append(row)
    return found


def _longest_wait(model: type[WorkRequest]) -> timedelta:
    """No message waits longer; one that is dated further ahead was dated by a wrong clock."""
    return max(RESENT_AFTER, delay_after(model.MAX_TRIES))
