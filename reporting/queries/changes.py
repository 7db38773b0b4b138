"""Pages of the change feed: first all rows of a table by key, then what changed, in the order of transactions.

Every row has a `change_mark`, the number of the transaction that wrote it last (`migrations/sql/change_feed.sql`). Only
marks below the horizon are read: their transactions have ended, so no such mark appears later, and a row leaves the
part that was read only by being written again, with a higher one. That holds for any later statement, so a page needs
no snapshot of its own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import Any, Final, cast

from django.db import connection
from django.db.models import BigIntegerField, BooleanField, Field, Model, QuerySet
from django.db.models.expressions import RawSQL

from accounts.shell.request_values import MAX_ID
from reporting.models import DeletedRow
from reporting.queries.stored_columns import as_rows

# How far one page looks for what its reader may see: other people's changes lie between.
MAX_SCANNED: Final = 20_000

Row = Mapping[str, object]
KeyValue = int | str


class Kind(IntEnum):
    """Within one transaction a row may be deleted and stored again, so deleted rows come first."""

    START = 0
    DELETE = 1
    UPSERT = 2


@dataclass(frozen=True, slots=True)
class InitialLoad:
    """Reading what is stored, by key; `after` is the key of the last row sent, `horizon` where changes begin."""

    horizon: int
    after: tuple[KeyValue, ...] = ()


@dataclass(frozen=True, slots=True)
class Changes:
    """Reading changes in the order of marks: everything up to here was sent."""

    mark: int
    kind: Kind = Kind.START
    row: KeyValue = 0

    @property
    def place(self) -> tuple[int, Kind]:
        """What Python may compare; PostgreSQL has an order of its own for the texts that name rows."""
        return self.mark, self.kind


@dataclass(frozen=True, slots=True)
class Feed:
    """One table, the names and columns that make up the key of a row, and the path from a row to its ad account."""

    model: type[Model]
    key: Mapping[str, str]
    of_ad_account: str

    @property
    def table(self) -> str:
        return self.model._meta.db_table


@dataclass(frozen=True, slots=True)
class Change:
    """A row as it is now, or None for one that was deleted."""

    key: Row
    row: Row | None


@dataclass(frozen=True, slots=True)
class ChangePage:
    """`position`: where to go on."""

    changes: list[Change]
    position: InitialLoad | Changes
    has_more: bool


_Item = tuple[Changes, Change]


def committed_through() -> datetime | None:
    """All that was committed before then lies below a horizon that is read after this; None where that is unknown.

    Usually it is now; while a transaction of this database that writes stays open, it is when that began.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT CASE WHEN bool_or(backend_type = 'client backend' AND state IS NULL) THEN NULL"
            " ELSE least(statement_timestamp(), min(xact_start) FILTER (WHERE backend_xid IS NOT NULL)) END"
            " FROM pg_stat_activity WHERE datname = current_database()"
        )
        found: datetime | None = cursor.fetchone()[0]
        return found


def horizon() -> int:
    """Every mark below it is final."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT change_horizon()")
        mark: int = cursor.fetchone()[0]
        return mark


@dataclass(frozen=True, slots=True)
class Reader:
    """What is read: `columns` are names in the answer and the columns they show; `ad_accounts` None is every one.

    `below` is the horizon now, `size` how many changes a page holds at most.
    """

    feed: Feed
    columns: Mapping[str, str]
    ad_accounts: Sequence[int] | None
    below: int
    size: int

    def page(self, position: InitialLoad | Changes) -> ChangePage:
        """The next changes after a place."""
        if isinstance(position, InitialLoad):
            return self._stored_rows(position)
        return self._changed_rows(position)

    def _stored_rows(self, position: InitialLoad) -> ChangePage:
        """By key, in which an index of the table has them."""
        key = list(self.feed.key.values())
        rows = self._visible(self._marked()).filter(change_mark__lt=position.horizon)
        if position.after:
            rows = rows.filter(_is_after([_column(self.feed, name) for name in key], position.after))
        found = list(as_rows(rows, self.columns).order_by(*key)[: self.size + 1])
        changes = [self._upsert(row) for row in found[: self.size]]
        if len(found) > self.size:
            last = tuple(_spelt(value) for value in changes[-1].key.values())
            return ChangePage(changes, InitialLoad(position.horizon, last), has_more=True)
        return ChangePage(changes, Changes(position.horizon), has_more=self.below > position.horizon)

    def _changed_rows(self, position: Changes) -> ChangePage:
        """In the order of marks."""
        upserts, upserts_end = self._upserts(position)
        deletes, deletes_end = self._deletes(position)
        end = min(upserts_end, deletes_end, key=lambda one: one.place)
        # Sorting keeps rows of one transaction in the order in which they were read.
        items = sorted((*deletes, *upserts), key=lambda one: one[0].place)
        items = [one for one in items if one[0].place <= end.place]
        changes = [change for _, change in items[: self.size]]
        if len(items) > self.size:
            return ChangePage(changes, items[self.size - 1][0], has_more=True)
        return ChangePage(changes, end, has_more=end.mark < self.below)

    def _upserts(self, position: Changes) -> tuple[list[_Item], Changes]:
        """Those that the reader may see, and how far was looked."""
        mark, row_id = _qualified(self.feed, "change_mark"), _qualified(self.feed, "id")
        is_after = _is_after([mark], [position.mark - 1])
        if position.kind is Kind.UPSERT:
            is_after = _is_after([mark, row_id], [position.mark, position.row])
        # The index leaves out what is 0.
        changed = self._marked().filter(is_after, change_mark__gt=0, change_mark__lt=self.below)
        end = Changes(self.below)
        if self.ad_accounts is not None:
            # Read from the index alone.
            places = changed.order_by("change_mark", "pk").values_list("change_mark", "pk")
            for last_mark, last_row in places[MAX_SCANNED - 1 : MAX_SCANNED]:
                end = Changes(last_mark, Kind.UPSERT, last_row)
                changed = changed.exclude(_is_after([mark, row_id], [last_mark, last_row]))
        columns = {**self.columns, "its mark": "change_mark", "its number": "pk"}
        found = as_rows(self._visible(changed), columns).order_by("change_mark", "pk")
        items = []
        for *values, mark_of_row, number in found[: self.size + 1]:
            items.append((Changes(mark_of_row, Kind.UPSERT, number), self._upsert(values)))
        return items, end

    def _deletes(self, position: Changes) -> tuple[list[_Item], Changes]:
        """Without rows that an older transaction stored again: these come before, by its lower number."""
        rows_before = {Kind.START: -1, Kind.DELETE: position.row, Kind.UPSERT: MAX_ID}[position.kind]
        remembered = DeletedRow.objects.filter(
            _is_after(["change_mark", "id"], [position.mark, rows_before]),
            table_name=self.feed.table,
            change_mark__lt=self.below,
        ).order_by("change_mark", "pk")
        end = Changes(self.below)
        for mark, row in remembered.values_list("change_mark", "pk")[MAX_SCANNED - 1 : MAX_SCANNED]:
            end = Changes(mark, Kind.DELETE, row)
            remembered = remembered.exclude(_is_after(["change_mark", "id"], [mark, row]))
        if self.ad_accounts is not None:
            remembered = remembered.filter(account_id__in=self.ad_accounts)
        found = remembered.exclude(_is_stored_again(self.feed)).values_list("change_mark", "pk", "key")
        return [(Changes(mark, Kind.DELETE, row), self._delete(key)) for mark, row, key in found[: self.size + 1]], end

    def _marked(self) -> "QuerySet[Any]":
        """Rows with their mark, which no model knows."""
        mark = RawSQL(_qualified(self.feed, "change_mark"), [], output_field=BigIntegerField())  # noqa: S611
        rows: QuerySet[Any] = self.feed.model._default_manager.order_by().annotate(change_mark=mark)
        return rows

    def _visible(self, rows: "QuerySet[Any]") -> "QuerySet[Any]":
        return rows if self.ad_accounts is None else rows.filter(**{f"{self.feed.of_ad_account}__in": self.ad_accounts})

    def _upsert(self, values: Sequence[object]) -> Change:
        row = dict(zip(self.columns, values, strict=True))
        return Change({name: row[name] for name in self.feed.key}, row)

    def _delete(self, key: Row) -> Change:
        """From the columns by which the database remembers it."""
        return Change({name: key[column] for name, column in self.feed.key.items()}, None)


def _is_after(columns: Sequence[str], values: Sequence[KeyValue]) -> RawSQL:
    """One comparison, which PostgreSQL looks up in an index over the columns."""
    places = ", ".join(["%s"] * len(values))
    return RawSQL(f"({', '.join(columns)}) > ({places})", list(values), output_field=BooleanField())  # noqa: S611


def _is_stored_again(feed: Feed) -> RawSQL:
    """Of a deleted row."""
    same = " AND ".join(
        f"again.{_field(feed, name).column} = (deleted_rows.key ->> '{name}')::{_field(feed, name).db_type(connection)}"
        for name in feed.key.values()
    )
    older = f"SELECT FROM {feed.table} AS again WHERE {same} AND again.change_mark < deleted_rows.change_mark"
    return RawSQL(f"EXISTS ({older})", [], output_field=BooleanField())  # noqa: S611


def _qualified(feed: Feed, column: str) -> str:
    return f'"{feed.table}"."{column}"'


def _column(feed: Feed, name: str) -> str:
    return _qualified(feed, str(_field(feed, name).column))


def _field(feed: Feed, name: str) -> "Field[object, object]":
    return cast("Field[object, object]", feed.model._meta.get_field(name))


def _spelt(value: object) -> KeyValue:
    return value if isinstance(value, int) else str(value)
