"""Where a reader of the change feed stands, as an opaque text; and when it has to start over.

A cursor is signed, because it names the ad accounts whose deleted rows its reader may see.
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.core.signing import BadSignature, Signer

from accounts.models import AdAccount
from reporting.models import ChangeFeed
from reporting.queries.changes import Changes, InitialLoad, Kind

KEPT: Final = timedelta(days=90)
_LOOKS_LIKE_ONE: Final = re.compile(r"\.?[\w-]+~[\w-]{43}\Z", re.ASCII)
_SIGNER: Final = Signer(sep="~", salt="change-feed")


class StartOver(Exception):
    """The cursor leads nowhere any more; the message says why."""


class BadCursor(Exception):
    """Not a valid cursor, or one of another table."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """`ad_accounts`: those whose rows the reader has been sent; None for all."""

    table: str
    generation: UUID
    ad_accounts: tuple[int, ...] | None
    position: InitialLoad | Changes

    @property
    def mark(self) -> int:
        """All that was deleted with a lower mark was sent, or never had to be."""
        return self.position.horizon if isinstance(self.position, InitialLoad) else self.position.mark


def encode(cursor: Cursor, *, now: datetime) -> str:
    position = cursor.position
    if isinstance(position, InitialLoad):
        place: list[object] = [position.horizon, list(position.after)]
    else:
        place = [position.mark, position.kind, position.row]
    ad_accounts = None if cursor.ad_accounts is None else list(cursor.ad_accounts)
    return _SIGNER.sign_object(
        [cursor.table, cursor.generation.hex, int(now.timestamp()), ad_accounts, *place], compress=True
    )


def decode(text: str, *, table: str, now: datetime) -> Cursor:
    """Raises BadCursor, and StartOver for one that is too old or was given by another installation."""
    try:
        of_table, generation, given_at, ad_accounts, mark, *rest = _SIGNER.unsign_object(text)
    except BadSignature:
        if _LOOKS_LIKE_ONE.match(text):
            raise StartOver("This cursor was given by another installation.") from None
        raise BadCursor from None
    if of_table != table:
        raise BadCursor
    if now.timestamp() - given_at > KEPT.total_seconds():
        raise StartOver(f"This cursor is older than {KEPT.days} days.")
    position = InitialLoad(mark, tuple(rest[0])) if len(rest) == 1 else Changes(mark, Kind(rest[0]), rest[1])
    return Cursor(
        table=of_table,
        generation=UUID(generation),
        ad_accounts=None if ad_accounts is None else tuple(ad_accounts),
        position=position,
    )


def check_ad_accounts(cursor: Cursor, *, visible: tuple[int, ...] | None) -> None:
    """A copy holds the rows of the ad accounts that its reader saw; one that was removed meanwhile may be missing.

    Raises StartOver.
    """
    known = cursor.ad_accounts
    if known is None or visible is None:
        if known != visible:
            raise StartOver("Its reader saw other ad accounts than you do.")
        return
    if not set(visible) <= set(known):
        raise StartOver("You see ad accounts now whose earlier rows it would leave out.")
    if AdAccount.objects.filter(pk__in=set(known) - set(visible)).exists():
        raise StartOver("You no longer see all ad accounts whose rows it brought.")


def check_still_whole(cursor: Cursor, feed: ChangeFeed, *, horizon: int) -> None:
    """To be called after reading: deleted rows may be pruned meanwhile. Raises StartOver."""
    if cursor.generation != feed.generation or cursor.mark > horizon:
        raise StartOver("Since then a backup was restored, or rows moved without a trace.")
    if cursor.mark <= feed.pruned_through:
        raise StartOver(f"What was deleted more than {KEPT.days} days ago is no longer known.")
