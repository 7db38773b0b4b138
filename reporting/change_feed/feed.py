"""The next page of a table's changes after a cursor, for somebody who sees these ad accounts."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from reporting.change_feed import cursors
from reporting.change_feed.cursors import Cursor
from reporting.models import ChangeFeed
from reporting.queries import changes
from reporting.queries.changes import Change, Feed, InitialLoad, Reader


@dataclass(frozen=True, slots=True)
class Page:
    """`committed_through`: what was committed before then is in the pages up to the last one; None where unknown."""

    changes: list[Change]
    next_cursor: str
    has_more: bool
    committed_through: datetime | None


def next_page(
    feed: Feed,
    after: str | None,
    *,
    columns: Mapping[str, str],
    visible: tuple[int, ...] | None,
    size: int,
    now: datetime,
) -> Page:
    """Without a cursor from the beginning; `visible` None is every ad account, those to come included.

    Raises cursors.BadCursor and cursors.StartOver.
    """
    committed_through = changes.committed_through()
    below = changes.horizon()
    if after is None:
        cursor = Cursor(feed.table, _state().generation, visible, InitialLoad(below))
    else:
        cursor = cursors.decode(after, table=feed.table, now=now)
        cursors.check_ad_accounts(cursor, visible=visible)
    reader = Reader(feed, columns=columns, ad_accounts=cursor.ad_accounts, below=below, size=size)
    page = reader.page(cursor.position)
    cursors.check_still_whole(cursor, _state(), horizon=below)
    following = replace(cursor, position=page.position)
    return Page(page.changes, cursors.encode(following, now=now), page.has_more, committed_through)


def _state() -> ChangeFeed:
    return ChangeFeed.objects.get_or_create(pk=1)[0]
