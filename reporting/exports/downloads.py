"""The file of an export as a response, for pages and the API."""

from collections.abc import Mapping

from django.http.response import HttpResponseBase

from accounts.models import User
from reporting.exports import export_requests
from reporting.exports.formats import CONTENT_TYPES
from reporting.exports.ranged_file import (
    StoredFile,
    is_unchanged,
    response_of,
    unchanged,
    wanted_range,
    without_content,
)
from reporting.models import Export


def download(export: Export, *, by: User, method: str | None, headers: Mapping[str, str]) -> HttpResponseBase:
    """Of the whole file or of the part that the request's headers name. Raises NoFile and NotSatisfiable."""
    file = StoredFile(
        name=export.file_name,
        size=export.size_bytes,
        digest=export.digest,
        content_type=CONTENT_TYPES[Export.Format(export.file_format)],
        headers=export.headers,
    )
    export_requests.check_readable(export, by=by)
    if is_unchanged(file, headers):
        return unchanged(file)
    if method == "HEAD":
        return without_content(file)
    wanted = wanted_range(file, headers)
    content = export_requests.open_file(export, by=by, is_continued=wanted is not None and wanted.start > 0)
    return response_of(file, content, wanted)
