"""Exports: ask for a file of any size, follow it, fetch it, cancel it."""

from typing import Any, Final

from django.http import Http404, HttpResponseBase
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import (
    OpenApiExample,
    OpenApiParameter,
    OpenApiResponse,
    extend_schema,
    extend_schema_field,
    extend_schema_view,
)
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.exceptions import APIException, NotFound, PermissionDenied, ValidationError
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from reporting.api.schema import ProblemSerializer
from reporting.api.serializers import RequestBody
from reporting.api.views import ABOUT_DIALECTS, refuse_unknown
from reporting.api.viewsets import Administration
from reporting.exports import contents, downloads, export_requests, export_store
from reporting.exports.contents import REPORTS, TABLES, Unavailable
from reporting.exports.export_requests import AlreadyEnded, NoFile
from reporting.exports.export_store import MAX_WAITING_PER_PERSON, TooManyWaiting
from reporting.exports.formats import CONTENT_TYPES
from reporting.exports.ranged_file import NotSatisfiable
from reporting.models import Export
from reporting.queries import export_list

_OFFERED: Final = (*TABLES, *REPORTS)
# How a value of a parameter may be sent.
_Sent = str | int | float | bool


class ExportSerializer(serializers.ModelSerializer[Export]):
    """A list or report as a file that a worker writes; exports/{id}/file is the file itself."""

    of = serializers.CharField(help_text="The list or report.")
    parameters = serializers.DictField(
        child=serializers.ListField(child=serializers.CharField()), help_text="The filters, each a list of texts."
    )
    format = serializers.ChoiceField(
        choices=Export.Format.choices, source="file_format", help_text="How the file is written."
    )
    dialect = serializers.CharField(help_text="How CSV is spelt; empty for plain CSV.")
    state = serializers.ChoiceField(
        choices=Export.State.choices, help_text="State; only written ones can be downloaded."
    )
    position = serializers.SerializerMethodField(help_text="Place among the exports that wait; null unless queued.")
    progress_percent = serializers.SerializerMethodField(
        help_text="Share of the rows that are written; null where their number is not known (percent)."
    )
    rows = serializers.IntegerField(help_text="Rows written so far (count).")
    rows_expected = serializers.IntegerField(allow_null=True, help_text="Rows in all, once they are counted (count).")
    size_bytes = serializers.IntegerField(help_text="Size of what is written so far (bytes).")
    digest = serializers.CharField(help_text="SHA-256 of the file; empty until it is written.")
    asked_at = serializers.DateTimeField(help_text="When it was requested, UTC.")
    started_at = serializers.DateTimeField(allow_null=True, help_text="When a worker began to write it, UTC.")
    finished_at = serializers.DateTimeField(allow_null=True, help_text="When it ended, UTC.")
    expires_at = serializers.DateTimeField(allow_null=True, help_text="When its file is deleted, UTC.")
    trouble = serializers.CharField(help_text="Why it failed, and what to do.")
    file = serializers.SerializerMethodField(help_text="Address of the file; null until it is written.")

    class Meta:
        model = Export
        fields = (
            "id", "of", "parameters", "format", "dialect", "state", "position", "progress_percent", "rows",
            "rows_expected", "size_bytes", "digest", "asked_at", "started_at", "finished_at", "expires_at", "trouble",
            "file",
        )  # fmt: skip
        extra_kwargs = {"id": {"help_text": "Number of the export."}}  # noqa: RUF012 (Django REST framework's own)

    @extend_schema_field({"type": ["integer", "null"], "minimum": 1})
    def get_position(self, export: Export) -> int | None:
        return export_store.position(export)

    @extend_schema_field({"type": ["integer", "null"], "minimum": 0, "maximum": 100})
    def get_progress_percent(self, export: Export) -> int | None:
        return export.progress_percent

    @extend_schema_field({"type": ["string", "null"], "format": "uri"})
    def get_file(self, export: Export) -> str | None:
        if export.state != Export.State.WRITTEN:
            return None
        address: str = reverse("exports-file", args=[export.pk], request=self.context["request"])
        return address


class ParametersField(serializers.DictField):
    """The parameters of a list's own address: each a value or a list of values."""

    def to_internal_value(self, data: Any) -> dict[str, list[str]]:
        return {name: self._texts(name, value) for name, value in super().to_internal_value(data).items()}

    def _texts(self, name: str, value: object) -> list[str]:
        values = value if isinstance(value, list) else [value]
        if not values or not all(isinstance(one, _Sent) for one in values):
            raise serializers.ValidationError({name: ["Give a value, or a list of values."]})
        texts = [str(one).lower() if isinstance(one, bool) else str(one) for one in values]
        if any("\0" in text for text in texts):
            raise serializers.ValidationError({name: ["Null characters are not allowed."]})
        return texts


_VALUE: Final = {"type": ["string", "number", "boolean"]}


@extend_schema_field(
    {"type": "object", "additionalProperties": {"anyOf": [_VALUE, {"type": "array", "items": _VALUE, "minItems": 1}]}}
)
class _DescribedParameters(ParametersField):
    pass


class AskSerializer(RequestBody):
    """Which list or report, which of its rows, and how the file is written."""

    of = serializers.ChoiceField(choices=_OFFERED, help_text="The list or report, as in its address.")
    parameters = _DescribedParameters(
        required=False,
        help_text="What its address takes in its query, such as date_from, fields and order; not format and pages.",
    )
    format = serializers.ChoiceField(choices=Export.Format.choices, help_text="How the file is written.")
    dialect = serializers.ChoiceField(choices=Export.Dialect.choices, required=False, help_text=ABOUT_DIALECTS)


class NothingToDownload(NotFound):
    """There is no file yet, or it is gone."""

    remedy = "Check its state: try again later if it is queued or writing, otherwise export it again."


class OnlyOnItsPage(PermissionDenied):
    """Where the person at the browser confirms first that it is still them."""

    default_detail = "This file names people, so it is not sent by the API."
    remedy = "Download it on the page Exports."


class TooManyExports(APIException):
    status_code = 429
    default_detail = f"You have {MAX_WAITING_PER_PERSON} exports waiting already."
    remedy = "Wait until some of them are written, or cancel them."


class NothingToCancel(APIException):
    status_code = 409
    default_detail = "This export has ended, so there is nothing to cancel."
    remedy = "Nothing to do."


class RangeNotSatisfiable(APIException):
    status_code = 416
    default_detail = "The file ends before the requested range."
    remedy = "Ask for a range within the bytes that Content-Range names."

    def __init__(self, content_range: str) -> None:
        super().__init__()
        self.content_range = content_range


def _header(name: str, description: str, *statuses: int) -> OpenApiParameter:
    return OpenApiParameter(name, str, "header", response=list(statuses) or False, description=description)


_FILE_HEADERS: Final = [
    _header("Range", "bytes=1000- continues after the first 1000 bytes; one range."),
    _header("If-Range", "An ETag: the range counts only while the file is that one, otherwise all of it is sent."),
    _header("If-None-Match", "An ETag; while it is current, the response is 304."),
    _header("ETag", "Identifies the file: its digest.", 200, 206, 304),
    _header("Accept-Ranges", "bytes.", 200, 206),
    _header("Content-Range", "Which bytes of how many.", 206, 416),
    _header("Content-Disposition", "The name of the file.", 200, 206),
]
_MEDIA_TYPES: Final = sorted({content_type.partition(";")[0] for content_type in CONTENT_TYPES.values()})
_BYTES: Final = {(status, media_type): OpenApiTypes.BINARY for status in (200, 206) for media_type in _MEDIA_TYPES}


@extend_schema_view(list=extend_schema(summary="List your exports"), retrieve=extend_schema(summary="Show an export"))
class Exports(Administration[Export]):
    """Lists and reports of any size as files; everybody has their own."""

    # A token that only reads may export too: an export changes nothing.
    permission_classes = (IsAuthenticated,)
    serializer_class = ExportSerializer
    queryset = Export.objects.none()

    def get_queryset(self) -> Any:
        return export_list.exports_of(self.person)

    def check_may_change(self, **of: object) -> None:
        """Whoever may enter may export what they see, and cancel their own."""
        if "pk" in of:
            self._own(int(str(of["pk"])))

    def handle_exception(self, exc: Exception) -> Response:
        response = super().handle_exception(exc)
        if isinstance(exc, RangeNotSatisfiable):
            response["Content-Range"] = exc.content_range
        return response

    @extend_schema(
        summary="Export a list or report",
        request=AskSerializer,
        responses={202: OpenApiResponse(ExportSerializer, description="It is queued; poll it by its id.")},
        examples=[
            OpenApiExample(
                "A year of daily figures",
                {
                    "of": "campaign-metrics",
                    "parameters": {"date_from": "2026-01-01", "date_to": "2026-12-31"},
                    "format": "parquet",
                },
                request_only=True,
            )
        ],
    )
    def create(self, request: Request) -> Response:
        """Two of yours are written at a time, four in all; `position` says how many begin first."""
        body = AskSerializer.read(request)
        try:
            export = export_requests.ask(
                self.person,
                of=body["of"],
                parameters=body.get("parameters", {}),
                file_format=body["format"],
                dialect=body.get("dialect", ""),
                now=timezone.now(),
            )
        except Unavailable as error:
            raise ValidationError({error.field: [str(error)]}) from None
        except TooManyWaiting:
            raise TooManyExports from None
        where = {"Location": reverse("exports-detail", args=[export.pk], request=request)}
        return Response(self.get_serializer(export).data, status=202, headers=where)

    @extend_schema(
        summary="Cancel an export",
        request=None,
        responses={
            200: OpenApiResponse(ExportSerializer, description="It is cancelled; its worker stops within seconds."),
            409: OpenApiResponse(ProblemSerializer, description="It has ended."),
        },
    )
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: int) -> Response:
        """One that waits or is being written. A written one stays until it expires."""
        own = self._own(pk)
        try:
            export_requests.cancel(own, now=timezone.now())
        except AlreadyEnded:
            raise NothingToCancel from None
        return Response(self.get_serializer(self._own(pk)).data)

    @extend_schema(
        summary="Download the file of an export",
        parameters=_FILE_HEADERS,
        responses={
            **_BYTES,
            304: OpenApiResponse(description="The file is the one with this ETag."),
            416: OpenApiResponse(ProblemSerializer, description="The file ends before the requested range."),
        },
    )
    @action(detail=True, pagination_class=None)
    def file(self, request: Request, pk: int) -> HttpResponseBase:
        """The file, recorded in the audit trail; a download that broke off is continued with Range and If-Range.

        Whoever may no longer see all ad accounts that the file holds does not get it.
        """
        refuse_unknown(request, ["format"])
        own = self._own(pk)
        if contents.names_people(own.of):
            raise OnlyOnItsPage
        try:
            return downloads.download(own, by=self.person, method=request.method, headers=request.headers)
        except NoFile as error:
            raise NothingToDownload(str(error)) from None
        except NotSatisfiable as error:
            raise RangeNotSatisfiable(error.content_range) from None

    def _own(self, pk: int) -> Export:
        found = export_list.export(self.person, pk)
        if found is None:
            raise Http404("There is no such export, or it is somebody else's.")
        return found
