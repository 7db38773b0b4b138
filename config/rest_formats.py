"""In which formats the API answers and reads.

Apart from `rest.py`, because Django REST framework's views ask for this module before there is a view.
"""

from typing import Any

from django.http import Http404
from rest_framework.exceptions import ParseError, ValidationError
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.parsers import JSONParser


class KnownFormats(DefaultContentNegotiation):
    """A format that does not exist is a wrong parameter, not an address that nobody knows."""

    def filter_renderers(self, renderers: Any, wanted: str) -> Any:
        try:
            return super().filter_renderers(renderers, wanted)
        except Http404:
            known = ", ".join(renderer.format for renderer in renderers)
            raise ValidationError({"format": [f"There is no such format here; known are {known}."]}) from None


class ShallowJson(JSONParser):
    """JSON that does not nest deeper than Python reads."""

    def parse(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().parse(*args, **kwargs)
        except RecursionError:
            raise ParseError("This JSON nests too deeply.") from None
