"""What the tasks of all rooms return."""

import logging

log = logging.getLogger(__name__)


def row_is_gone(row: str, *, nothing_to: str) -> dict[str, object]:
    """The result of a task whose row was deleted before the task ran: a log line, not a crash."""
    log.warning("%s is gone; nothing to %s.", row, nothing_to)
    return {"status": "gone"}
