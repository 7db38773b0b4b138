"""Compressed responses whose length gives nothing away.

A page that contains both a secret and what a request sent gets shorter when the two are alike, and whoever sees its
length can guess the secret letter by letter (BREACH). For that an attacker lets a signed-in person's browser send many
requests from a page of their own. So requests from other sites get responses as they are, which leaves nothing to
measure, and all others a length that is random within bounds (Django's middleware). CSRF tokens differ each time.
"""

import re
from http import HTTPStatus
from typing import Final

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.middleware.gzip import GZipMiddleware
from django.utils.cache import patch_vary_headers

# Everything else is compressed already: pictures, fonts, spreadsheets, archives, Parquet.
_COMPRESSIBLE: Final = re.compile(
    r"(?:text/|image/svg\+xml\b|application/(?:(?:[\w.-]+\+)?(?:json|xml|yaml)|x-ndjson|javascript|vnd\.oai\.openapi)\b)"
)
# Sent by browsers alone. Programs send nothing that somebody else chose.
_OF_OTHER_SITES: Final = frozenset({"cross-site", "same-site"})
# Django looks for the name alone.
_REFUSES_GZIP: Final = re.compile(r"\bgzip\s*;\s*q=0(?:\.0*)?\s*(?:,|$)", re.IGNORECASE)


class CompressionMiddleware(GZipMiddleware):
    """gzip for text, whole or streamed."""

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        if response.status_code != HTTPStatus.NOT_MODIFIED and not _is_whole_text(response):
            return response
        # The response to another client may differ.
        patch_vary_headers(response, ("Accept-Encoding",))
        if not _may_be_compressed(request):
            return response
        if response.status_code == HTTPStatus.NOT_MODIFIED:
            return _with_weak_etag(response)
        compressed: HttpResponseBase = super().process_response(request, response)
        return compressed


def _is_whole_text(response: HttpResponseBase) -> bool:
    """Ranges count the bytes of the file as it is, so no response that offers or is one is compressed."""
    is_text = _COMPRESSIBLE.match(response.get("Content-Type", ""))
    return bool(is_text) and not (response.has_header("Content-Range") or response.has_header("Accept-Ranges"))


def _may_be_compressed(request: HttpRequest) -> bool:
    accepted = request.headers.get("Accept-Encoding", "")
    is_from_other_site = request.headers.get("Sec-Fetch-Site") in _OF_OTHER_SITES
    return "gzip" in accepted and not _REFUSES_GZIP.search(accepted) and not is_from_other_site


def _with_weak_etag(response: HttpResponseBase) -> HttpResponseBase:
    """As the compressed response had it: caches use a strong one only for what they got with the same strong one."""
    etag = response.get("ETag", "")
    if etag.startswith('"'):
        response["ETag"] = f"W/{etag}"
    return response
