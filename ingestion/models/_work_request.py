"""The columns of rows that ask workers for something: a sync, a check, a snapshot."""

from typing import ClassVar

from django.db import models


class WorkRequest(models.Model):
    """A request is its row; `ingestion/processes/work_requests.py` says what its messages do.

    `queued` → `running` → an end. Each table has its own words for these states, and its own ends. A message names the
    row and carries its `delivery`. Taking it raises the number, so of all its copies, repeated by the broker or sent
    again because they may be lost, one is worked on.
    """

    # How each table calls the columns and states of the pattern.
    STATE: ClassVar[str] = "state"
    TROUBLE: ClassVar[str] = "trouble"
    QUEUED: ClassVar[str] = "queued"
    RUNNING: ClassVar[str] = "running"
    FAILED: ClassVar[str] = "failed"
    # Which column says when it ended, if one does.
    ENDED_AT: ClassVar[str] = ""
    MAX_TRIES: ClassVar[int] = 3
    # What a person reads after the last try: what happened, and what to do.
    GIVEN_UP: ClassVar[str]

    delivery = models.PositiveIntegerField(
        default=1, db_default=1, help_text="the number that a message to a worker must carry; raised by who takes it"
    )
    tries = models.PositiveSmallIntegerField(
        default=0, db_default=0, help_text="how many workers failed at it or died; graceful stops do not count"
    )
    resend_at = models.DateTimeField(
        null=True, blank=True, help_text="when it is sent to the workers again, unless it has ended by then"
    )

    class Meta:
        abstract = True
