"""A stored file as a response that can be continued where it broke off: Range, If-Range, ETag (RFC 9110)."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import IO, Final

from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.http import parse_etags, quote_etag

_ONE_RANGE: Final = re.compile(r"bytes\s*=\s*(\d{0,1000})\s*-\s*(\d{0,1000})\s*", re.ASCII | re.IGNORECASE)
_PIECE_BYTES: Final = 65_536


class NotSatisfiable(Exception):
    """The file has none of the requested bytes; `content_range` says how many it has."""

    def __init__(self, size: int) -> None:
        super().__init__("The file ends before the requested range.")
        self.content_range = f"bytes */{size}"


@dataclass(frozen=True, slots=True)
class StoredFile:
    """What responses say of a file; `digest` identifies its bytes."""

    name: str
    size: int
    digest: str
    content_type: str
    headers: Mapping[str, str]

    @property
    def etag(self) -> str:
        return quote_etag(self.digest)


def wanted_range(file: StoredFile, headers: Mapping[str, str]) -> range | None:
    """The requested bytes; None for all of them. Raises NotSatisfiable.

    Whoever has the beginning of another file, or asks for several ranges at once, gets the whole one.
    """
    match = _ONE_RANGE.fullmatch(headers.get("Range", "").strip())
    if not match or match[1] == match[2] == "":
        return None
    if (condition := headers.get("If-Range")) is not None and condition.strip() != file.etag:
        return None
    first, last = match[1], match[2]
    if first == "":
        start, end = max(0, file.size - int(last)), file.size
    else:
        start, end = int(first), min(int(last) + 1, file.size) if last else file.size
        if last and int(last) < start:
            # Not a valid range, so it is ignored.
            return None
    if start >= end:
        raise NotSatisfiable(file.size)
    return range(start, end)


def is_unchanged(file: StoredFile, headers: Mapping[str, str]) -> bool:
    """Whether the sender has this very file."""
    known = {tag.removeprefix("W/") for tag in parse_etags(headers.get("If-None-Match", ""))}
    return bool(known & {file.etag, "*"})


def response_of(file: StoredFile, content: IO[bytes], wanted: range | None) -> HttpResponseBase:
    """200 with the whole file, or 206 with a part of it; closing the response closes `content`."""
    part = range(file.size) if wanted is None else wanted
    sent = _Part(content, part)
    response = StreamingHttpResponse(sent, content_type=file.content_type)
    if _is_local(content):
        # The server sends it as the client reads it, and needs no thread for that (`wsgi.file_wrapper`).
        response.file_to_stream, response.block_size = sent, _PIECE_BYTES  # type: ignore[attr-defined]
    response["Content-Length"] = str(len(part))
    if wanted is not None:
        response.status_code = 206
        response["Content-Range"] = f"bytes {part.start}-{part.stop - 1}/{file.size}"
    return _described(response, file)


def unchanged(file: StoredFile) -> HttpResponseBase:
    return _described(HttpResponse(status=304), file)


def without_content(file: StoredFile) -> HttpResponseBase:
    """For HEAD, which takes no range."""
    return _described(HttpResponse(content_type=file.content_type, headers={"Content-Length": str(file.size)}), file)


def _described(response: HttpResponseBase, file: StoredFile) -> HttpResponseBase:
    response["ETag"] = file.etag
    response["Accept-Ranges"] = "bytes"
    response["Content-Disposition"] = f'attachment; filename="{file.name}"'
    # A proxy that compressed it would make other bytes of it than those that the ETag and the ranges count.
    response["Cache-Control"] = "no-store, no-transform"
    for name, value in file.headers.items():
        response[name] = value
    return response


def _is_local(content: IO[bytes]) -> bool:
    """Reading it waits for no other machine."""
    try:
        return content.fileno() >= 0
    except (AttributeError, OSError):
        return False


class _Part:
    """Some bytes of a file, in pieces; or the file from there on, for a server that counts them itself."""

    def __init__(self, content: IO[bytes], part: range) -> None:
        self._content, self._left = content, len(part)
        content.seek(part.start)

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        piece = self._content.read(min(_PIECE_BYTES, self._left))
        if not piece:
            raise StopIteration
        self._left -= len(piece)
        return piece

    def read(self, size: int = -1) -> bytes:
        return self._content.read(size)

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._content.seek(offset, whence)

    def tell(self) -> int:
        return self._content.tell()

    def close(self) -> None:
        self._content.close()
