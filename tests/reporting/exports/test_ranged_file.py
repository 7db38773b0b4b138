"""Ranges of a file: whatever pieces are asked for, together they are the file."""

import io
import itertools
from pathlib import Path
from typing import Any

import pytest
from django.core.files import File
from hypothesis import given
from hypothesis import strategies as st
from waitress.buffers import ReadOnlyFileBasedBuffer

from reporting.exports.ranged_file import NotSatisfiable, StoredFile, is_unchanged, response_of, wanted_range

CONTENT = bytes(range(256)) * 5
SIZE = len(CONTENT)
FILE = StoredFile("some.csv", SIZE, "d1ge57", "text/csv", {"Data-As-Of": "2026-11-20T12:00:00Z"})


def part(header: str, **more: str) -> bytes | None:
    wanted = wanted_range(FILE, {"Range": header, **more})
    response: Any = response_of(FILE, io.BytesIO(CONTENT), wanted)
    body = b"".join(response.streaming_content)
    assert response["Content-Length"] == str(len(body))
    return body if response.status_code == 206 else None


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("bytes=0-0", CONTENT[:1]),
        ("bytes=10-", CONTENT[10:]),
        ("bytes=10-19", CONTENT[10:20]),
        ("bytes=-7", CONTENT[-7:]),
        (f"bytes=-{SIZE * 2}", CONTENT),
        (f"bytes=1000-{SIZE * 9}", CONTENT[1000:]),
        ("Bytes = 3 - 4", CONTENT[3:5]),
        # Not valid, of another unit, or several: all of it.
        ("bytes=5-2", None),
        (f"bytes={'9' * 5000}-", None),
        (f"bytes=-{'9' * 5000}", None),
        ("bytes=-", None),
        ("bytes=a-b", None),
        ("bytes=²-", None),
        ("lines=1-2", None),
        ("bytes=0-1,5-6", None),
        ("", None),
    ],
)
def test_one_range(header: str, expected: bytes | None) -> None:
    assert part(header) == expected


@pytest.mark.parametrize(
    "header", [f"bytes={SIZE}-", f"bytes={SIZE}-{SIZE + 5}", "bytes=-0", "bytes=" + "9" * 30 + "-"]
)
def test_a_range_after_the_end(header: str) -> None:
    with pytest.raises(NotSatisfiable) as raised:
        part(header)
    assert raised.value.content_range == f"bytes */{SIZE}"


@given(st.lists(st.integers(1, SIZE - 1), max_size=6))
def test_pieces_are_the_file(cuts: list[int]) -> None:
    """Cut off wherever it may be, and continued with If-Range."""
    edges = [0, *sorted(set(cuts)), SIZE]
    pieces = [part(f"bytes={first}-{last - 1}", **{"If-Range": FILE.etag}) for first, last in itertools.pairwise(edges)]
    assert b"".join(piece or b"" for piece in pieces) == CONTENT


@pytest.mark.parametrize("tag", ['"another"', f"W/{FILE.etag}", "Fri, 20 Nov 2026 12:00:00 GMT", ""])
def test_the_beginning_of_another_file_is_not_continued(tag: str) -> None:
    assert part("bytes=10-", **{"If-Range": tag}) is None


@pytest.mark.parametrize(
    ("tags", "expected"), [(FILE.etag, True), (f'"a", W/{FILE.etag}', True), ("*", True), ('"a"', False), ("", False)]
)
def test_what_somebody_has_is_not_sent_again(tags: str, expected: bool) -> None:
    assert is_unchanged(FILE, {"If-None-Match": tags}) is expected


def test_the_server_sends_a_local_file_without_a_thread(tmp_path: Path) -> None:
    """As `wsgi.file_wrapper`, which counts the bytes from where the part begins, and closes the response."""
    path = tmp_path / "some.csv"
    path.write_bytes(CONTENT)
    content = File(path.open("rb"))
    response: Any = response_of(FILE, content, range(10, 700))
    closed = []
    response._resource_closers.append(lambda: closed.append(True))
    # As Django's handler does it.
    response.file_to_stream.close = response.close
    wrapped = ReadOnlyFileBasedBuffer(response.file_to_stream, response.block_size)
    assert wrapped.prepare(690) == 690
    sent = b""
    while piece := wrapped.get(100, True):
        sent += piece
    assert sent == CONTENT[10:700]
    wrapped.close()
    assert closed
    assert content.closed


def test_a_file_of_another_machine_is_read_by_a_thread() -> None:
    assert not hasattr(response_of(FILE, io.BytesIO(CONTENT), None), "file_to_stream")


def test_the_file_is_closed_with_its_response() -> None:
    content = io.BytesIO(CONTENT)
    response: Any = response_of(FILE, content, None)
    assert response["ETag"] == '"d1ge57"'
    assert response["Accept-Ranges"] == "bytes"
    assert response["Data-As-Of"] == "2026-11-20T12:00:00Z"
    assert "no-transform" in response["Cache-Control"]
    response.close()
    assert content.closed
