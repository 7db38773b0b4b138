"""What every view of this API does: bounded queries, files, answers that need not be sent again."""

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import ClassVar, Final

from django.conf import settings
from django.contrib.postgres.aggregates import ArrayAgg
from django.db import OperationalError, connection, transaction
from django.db.models import Count, Max, Q, QuerySet
from django.http import HttpResponseBase
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import patch_vary_headers
from django.utils.http import http_date, parse_etags, quote_etag
from psycopg.errors import QueryCanceled
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from accounts import access, audit_trail
from accounts.api.throttling import ExportsPerMinute
from accounts.models import AdAccount, User
from accounts.shell import download_slots
from accounts.shell.downloads import DIALECTS, MAX_DIRECT_ROWS, PLAIN
from ingestion.models import SyncLog
from reporting.api import idempotency
from reporting.api.files import MEDIA_TYPES, ExactJSON, Lines, Table, download
from reporting.api.idempotency import Key, Repeated


class TooSlow(APIException):
    """PostgreSQL cancelled the query."""

    status_code = 503
    default_detail = "The query took too long."
    remedy = "Request fewer days, fewer ad accounts or smaller pages; an export (POST /api/v1/exports) takes its time."


class TooManyRows(APIException):
    """A file for which nobody should wait; `export` is what to POST instead."""

    status_code = 400
    default_detail = f"A file of more than {MAX_DIRECT_ROWS:,} rows is not sent directly."

    def __init__(self, body: Mapping[str, object], address: str) -> None:
        super().__init__()
        self.members = {"export": {"method": "POST", "address": address, "body": body}}
        self.remedy = f"Have it written as an export: POST the body in `export` to {address}."


class TooManyDownloads(APIException):
    status_code = 429
    default_detail = download_slots.REFUSED
    remedy = "Wait until one of your downloads has ended, or have the file written as an export."


class _NotModified(APIException):
    status_code = 304


class Json(JSONRenderer):
    """Keeps all decimal places of amounts."""

    encoder_class = ExactJSON


class _File(BaseRenderer):
    """Makes a format selectable; the file itself is a separate response."""

    charset = None

    def render(
        self, data: object, accepted_media_type: str | None = None, renderer_context: Mapping[str, object] | None = None
    ) -> bytes:
        return JSONRenderer().render(data, accepted_media_type, renderer_context)


class Csv(_File):
    format, media_type = "csv", MEDIA_TYPES["csv"]


class Xlsx(_File):
    format, media_type = "xlsx", MEDIA_TYPES["xlsx"]


class Ndjson(_File):
    format, media_type = "ndjson", MEDIA_TYPES["ndjson"]


FILES: Sequence[type[BaseRenderer]] = (Json, Csv, Xlsx, Ndjson)
ABOUT_DIALECTS: Final = (
    "How CSV is written for Excel, with a byte order mark: excel separates by semicolons and writes decimals with a"
    " comma, as Excel reads them in most of Europe; excel-comma separates by commas, with a decimal point."
)
# Parameters that say how a file is written, and not what is in it.
OF_FILES: Final = ("format", "dialect")


@dataclass(frozen=True, slots=True)
class DataState:
    """The state of the data that a response depends on; `changed_at` is when it last changed."""

    key: str
    changed_at: datetime | None


class View(APIView):
    """A view of this room. `is_conditional` ones answer 304 while nothing they show has changed."""

    is_conditional: ClassVar[bool] = False
    # Whether its responses contain figures, and so say how recent and complete they are.
    has_figures: ClassVar[bool] = False
    _state: DataState | None = None
    _idempotency: Key | None = None

    @property
    def person(self) -> User:
        return access.person_of(self.request)

    @property
    def ad_accounts(self) -> QuerySet[AdAccount]:
        """The ad accounts that the person may see."""
        return access.visible_ad_accounts(self.request.user)

    @property
    def file_format(self) -> str | None:
        """The requested file format; None for a page of JSON."""
        wanted = getattr(self.request, "accepted_renderer", None)
        return wanted.format if isinstance(wanted, _File) else None

    def refuse_unknown_dialect(self) -> None:
        """Raises ValidationError, also for a dialect of what is no CSV file."""
        name = self.request.query_params.get("dialect")
        if name is not None and name not in DIALECTS:
            raise ValidationError({"dialect": [f"Unknown dialect “{name[:40]}”; use {', '.join(DIALECTS)}."]})
        if name and self.file_format != "csv":
            raise ValidationError({"dialect": ["Only a file with format=csv has a dialect."]})

    def get_throttles(self) -> list[BaseThrottle]:
        throttles = super().get_throttles()
        return [*throttles, ExportsPerMinute()] if self.file_format else throttles

    def initial(self, request: Request, *args: object, **kwargs: object) -> None:
        super().initial(request, *args, **kwargs)
        if request.method == "POST":
            # What is to be done is in the body; in the address it would be ignored.
            refuse_unknown(request, ["format"])
            self.check_may_change(**kwargs)
            self._idempotency = idempotency.begin(request, self.person)
        if self.is_conditional and request.method in {"GET", "HEAD"} and not self.file_format:
            self._state = _data_state(self.person, request, self.ad_accounts)
            if self._state and self._state.key in _known_etags(request):
                raise _NotModified

    def check_may_change(self, **_: object) -> None:
        """Raises unless the person may change what a POST is about: now, also where its first reply is sent again."""
        raise NotImplementedError

    def handle_exception(self, exc: Exception) -> Response:
        """Errors are JSON, whatever format was requested."""
        if self._idempotency:
            self._idempotency.forget()
        self.request.accepted_renderer, self.request.accepted_media_type = JSONRenderer(), "application/json"
        if isinstance(exc, Repeated):
            return exc.response
        return Response(status=304) if isinstance(exc, _NotModified) else super().handle_exception(exc)

    def finalize_response(self, request: Request, response: Response, *args: object, **kwargs: object) -> Response:
        done = super().finalize_response(request, response, *args, **kwargs)
        if self._idempotency and done.status_code < 300:
            self._idempotency.keep(done)
        # `*` is any representation, so it takes one that exists.
        if self.is_conditional and done.status_code == 200 and "*" in _known_etags(request) and not self.file_format:
            done.status_code, done.data = 304, None
        if self._state and done.status_code in {200, 304}:
            done["ETag"] = self._state.key
            if self._state.changed_at:
                done["Last-Modified"] = http_date(self._state.changed_at.timestamp())
        if not done.has_header("Cache-Control"):
            done["Cache-Control"] = "private, no-cache"
        patch_vary_headers(done, ["Authorization", "Cookie"])
        return done

    def sent(self, contents: Table | Lines, *, called: str) -> HttpResponseBase:
        """The file, on record, while the person has room for another download. Raises TooManyDownloads."""
        assert self.file_format
        dialect = DIALECTS.get(self.request.query_params.get("dialect", ""), PLAIN)
        try:
            with download_slots.room(str(self.person.pk)) as slot:
                self.note_export(called)
                return slot.held_by(download(self.file_format, contents, dialect=dialect))
        except download_slots.NoneFree:
            raise TooManyDownloads from None

    def too_many_rows(self, what: str) -> TooManyRows:
        """What is asked for, as the body that asks for an export of it."""
        parameters = {name: value for name, value in query_values(self.request).items() if name not in OF_FILES}
        body = {"of": what, "parameters": parameters, "format": self.file_format}
        if "dialect" in self.request.query_params:
            body["dialect"] = self.request.query_params["dialect"]
        return TooManyRows(body, self.request.build_absolute_uri(reverse("exports-list")))

    def note_export(self, what: str) -> None:
        """Recorded before the file is sent, so that an interrupted download is recorded too."""
        audit_trail.record(
            "exported",
            actor=self.person,
            what=f"{what} as {(self.file_format or 'json').upper()}",
            filters=dict(self.request.query_params.lists()),
        )


def as_of_headers(data_as_of: datetime | None, complete_through: date | None) -> dict[str, str]:
    """Headers that say how recent and complete the figures are: a file has no place for it."""
    headers = {}
    if data_as_of:
        headers["Data-As-Of"] = data_as_of.isoformat().replace("+00:00", "Z")
    if complete_through:
        headers["Complete-Through"] = complete_through.isoformat()
    return headers


@contextmanager
def bounded_statements() -> Iterator[None]:
    """PostgreSQL cancels a statement that takes too long. Raises TooSlow."""
    try:
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT set_config('statement_timeout', %s, true)", [f"{settings.API_STATEMENT_SECONDS}s"]
                )
            yield
    except OperationalError as error:
        if isinstance(error.__cause__, QueryCanceled):
            raise TooSlow from error
        raise


def refuse_unknown(request: Request, known: Sequence[str], *, several: Collection[str] = ()) -> None:
    """A misspelled or empty filter would otherwise return all rows, and of two values the first would be ignored.

    Parameters in `several` may be repeated. Raises ValidationError.
    """
    for name, texts in request.query_params.lists():
        if any("\0" in text for text in texts):
            raise ValidationError({name: ["Null characters are not allowed."]})
        if name not in known:
            raise ValidationError({name: [f"Unknown parameter; use {', '.join(sorted(known))}."]})
        if len(texts) > 1 and name not in several:
            raise ValidationError({name: ["Give this parameter once."]})
        if not all(texts):
            raise ValidationError({name: ["This parameter is empty; give a value or leave it out."]})


def query_values(request: Request) -> dict[str, str]:
    """The query parameters; repeated ones are joined with commas, since generated clients may send either."""
    return {name: ",".join(texts) for name, texts in request.query_params.lists()}


def _known_etags(request: Request) -> set[str]:
    """The tags that the sender has, to be compared weakly (RFC 9110): a proxy that compresses makes them weak."""
    return {tag.removeprefix("W/") for tag in parse_etags(request.headers.get("If-None-Match", ""))}


def _data_state(person: User, request: Request, ad_accounts: QuerySet[AdAccount]) -> DataState | None:
    """None while a sync is storing: two responses may then differ although this state is the same.

    Only `If-None-Match` is used: `Last-Modified` does not reflect grants, and only counts whole seconds.
    """
    of_these = Q(account__isnull=True)
    if access.sees_every_ad_account(person):
        of_these = Q()
    else:
        of_these |= Q(account__in=ad_accounts)
    runs = SyncLog.objects.filter(of_these).aggregate(
        newest=Max("pk"), ended=Max("finished_at"), running=Count("pk", filter=Q(status=SyncLog.Status.RUNNING))
    )
    if runs["running"]:
        return None
    stored = ad_accounts.order_by().aggregate(
        ids=ArrayAgg("pk", order_by="pk"),
        fetched=Max("fetched_at"),
        missing=Max("missing_since"),
        gone=Count("missing_since"),
    )
    parts = [settings.PRODUCT_VERSION, person.pk, person.role, person.token_scope, timezone.now().date()]
    parts.append(sorted(person.token_ad_account_ids or ()))
    # `next` holds the host.
    parts += [request.build_absolute_uri(), *runs.values(), *stored.values()]
    digest = hashlib.sha256(repr(parts).encode()).hexdigest()[:32]
    return DataState(quote_etag(digest), max(filter(None, (runs["ended"], stored["fetched"])), default=None))
