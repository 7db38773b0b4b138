"""An export's rows as bytes, in each format; whatever the rows, a few thousand are in memory."""

import gzip
from collections.abc import Generator, Iterable
from contextlib import closing
from typing import IO, Final, Protocol, TypeVar, cast

from accounts.shell.downloads import DIALECTS, PLAIN, Sink, csv_pieces, write_workbook
from reporting.api.files import (
    MEDIA_TYPES,
    Lines,
    Table,
    csv_header,
    csv_lines,
    header_and_rows,
    joined,
    ndjson_lines,
)
from reporting.exports.parquet import write_parquet_file
from reporting.models import Export

Item = TypeVar("Item")


class Count(Protocol):
    """Called with rows as they are written: counts them, and may end it all."""

    def __call__(self, rows: Iterable[Item], /) -> Generator[Item, None, None]: ...


_Format = Export.Format
CONTENT_TYPES: Final = {
    _Format.CSV: f"{MEDIA_TYPES['csv']}; charset=utf-8",
    _Format.CSV_GZ: "application/gzip",
    _Format.XLSX: MEDIA_TYPES["xlsx"],
    _Format.NDJSON: f"{MEDIA_TYPES['ndjson']}; charset=utf-8",
    _Format.NDJSON_GZ: "application/gzip",
    _Format.PARQUET: "application/vnd.apache.parquet",
}
_COMPRESSION: Final = 6


def write(
    file: Sink, contents: Table | Lines, *, file_format: str, dialect: str, count: Count, temporary_folder: str
) -> None:
    """The whole file. What reads the rows is closed when this ends, however it ends."""
    if file_format == _Format.XLSX:
        header, rows = header_and_rows(contents)
        with closing(count(rows)) as counted:
            write_workbook(file, header, counted, temporary_folder=temporary_folder)
    elif file_format == _Format.PARQUET:
        with closing(count(ndjson_lines(contents, is_flat=True))) as lines:
            write_parquet_file(file, contents, lines)
    elif file_format in {_Format.CSV_GZ, _Format.NDJSON_GZ}:
        # Without a name and a time inside, equal rows are equal files.
        with gzip.GzipFile("", "wb", _COMPRESSION, cast("IO[bytes]", file), mtime=0) as compressed:
            _write_text(cast("Sink", compressed), contents, file_format, dialect, count)
    else:
        _write_text(file, contents, file_format, dialect, count)


def _write_text(file: Sink, contents: Table | Lines, file_format: str, dialect: str, count: Count) -> None:
    spelling = DIALECTS.get(dialect, PLAIN)
    if isinstance(contents, Lines) and not file_format.startswith(_Format.NDJSON):
        with closing(count(contents.rows)) as rows:
            _write_pieces(file, csv_pieces(contents.header, rows, spelling))
        return
    if isinstance(contents, Table) and not file_format.startswith(_Format.NDJSON):
        file.write(csv_header(contents, spelling))
        lines = csv_lines(contents, spelling)
    else:
        lines = ndjson_lines(contents)
    with closing(count(lines)) as counted:
        _write_pieces(file, joined(counted))


def _write_pieces(file: Sink, pieces: Iterable[bytes]) -> None:
    for piece in pieces:
        file.write(piece)
