"""The formats that the API reads and writes.

Not in `rest.py`, because Django REST framework loads this module before its views.
"""

from collections.abc import Iterable, Mapping
from json import JSONDecodeError
from typing import IO

from django.http import Http404
from rest_framework.exceptions import ParseError, ValidationError
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.parsers import JSONParser
from rest_framework.renderers import BaseRenderer


class KnownFormats(DefaultContentNegotiation):
    """A format that does not exist is a wrong parameter and no wrong address."""

    def filter_renderers(self, renderers: Iterable[BaseRenderer], format: str) -> list[BaseRenderer]:  # noqa: A002 (its name there)
        try:
            return super().filter_renderers(renderers, format)
        except Http404:
            known = ", ".join(renderer.format for renderer in renderers)
            raise ValidationError({"format": [f"There is no such format here; choose one of {known}."]}) from None


class ShallowJson(JSONParser):
    """JSON that does not nest deeper than Python can read."""

    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,
        parser_context: Mapping[str, object] | None = None,
    ) -> dict[str, object]:
        try:
            return super().parse(stream, media_type, parser_context)
        except RecursionError:
            raise ParseError("This JSON nests too deeply.") from None
        except ParseError as error:
            raise ParseError(_what_is_wrong(error.__context__)) from None


def _what_is_wrong(cause: BaseException | None) -> str:
    """With the place, where the body is text."""
    if isinstance(cause, JSONDecodeError):
        return f"The body is not valid JSON; see line {cause.lineno}, column {cause.colno}."
    return "The body is not valid JSON in UTF-8."
