"""Rows as a Parquet file: money as exact decimals, days as dates, instants in UTC.

The rows come as JSON, which PostgreSQL writes faster than Python makes values of them, and Arrow's own reader makes
columns of it; see docs/decisions/.
"""

import io
from collections.abc import Iterator
from typing import IO, Final, cast

from arro3.core import DataType, Field, Schema
from arro3.io import read_json, write_parquet

from accounts.shell.downloads import Sink
from reporting.api.files import Kind, Lines, Table, joined, kinds_of

# Of sums too; stored amounts have 24 digits.
_DECIMAL: Final = DataType.decimal128(38, 10)
_TYPES: Final[dict[Kind, DataType]] = {
    "integer": DataType.int64(),
    "decimal": _DECIMAL,
    "day": DataType.date32(),
    "instant": DataType.timestamp("us", tz="UTC"),
    "flag": DataType.bool(),
    "text": DataType.string(),
    "list": DataType.list(Field("item", DataType.string(), nullable=True)),
}
# What is in memory while a file is written: one group of rows, compressed.
_ROWS_AT_ONCE: Final = 8192
_ROWS_PER_GROUP: Final = 100_000


def write_parquet_file(file: Sink, contents: Table | Lines, lines: Iterator[bytes]) -> None:
    """`lines` are the rows of `contents` as flat NDJSON."""
    reading = _Reading(joined(lines))
    schema = Schema([Field(name, _TYPES[kind], nullable=True) for name, kind in kinds_of(contents).items()])
    try:
        rows = read_json(cast("IO[bytes]", reading), schema, batch_size=_ROWS_AT_ONCE)
        write_parquet(
            rows, cast("IO[bytes]", _Writing(file)), compression="zstd(3)", max_row_group_size=_ROWS_PER_GROUP
        )
    except Exception:
        if reading.failure:
            raise reading.failure from None
        raise


class _Reading(io.RawIOBase):
    """Pieces as a file. What goes wrong while they are made is kept: Arrow turns it into an error of its own."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces, self._rest = pieces, b""
        self.failure: BaseException | None = None

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        if not self._rest:
            try:
                self._rest = next(self._pieces, b"")
            except BaseException as error:
                self.failure = error
                raise
        if size < 0:
            size = len(self._rest)
        piece, self._rest = self._rest[:size], self._rest[size:]
        return piece


class _Writing(io.RawIOBase):
    """A sink as a file: Arrow wants one that has `seek`, and does not use it."""

    def __init__(self, file: Sink) -> None:
        self._file = file

    def writable(self) -> bool:
        return True

    def write(self, data: bytes, /) -> int:  # type: ignore[override]
        self._file.write(data)
        return len(data)
