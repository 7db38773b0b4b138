"""What every view of this API does: bounded queries, files, answers that need not be sent again."""

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from django.conf import settings
from django.contrib.postgres.aggregates import ArrayAgg
from django.db import OperationalError, connection, transaction
from django.db.models import Count, Max, Q, QuerySet
from django.http import HttpResponseBase
from django.utils import timezone
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
from ingestion.models import SyncLog
from reporting.api.files import MEDIA_TYPES, ExactJSON
from reporting.queries.data_as_of import SelectionAsOf


class TooSlow(APIException):
    """PostgreSQL was stopped."""

    status_code = 503
    default_detail = "The answer took too long to put together."
    remedy = "Ask for fewer days or ad accounts, or in smaller pages; format=csv has no time limit."


class _NotModified(APIException):
    status_code = 304


class Json(JSONRenderer):
    """Exact to the last place of an amount."""

    encoder_class = ExactJSON


class _File(BaseRenderer):
    """Lets people ask for a format; the file itself is a response of its own."""

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


@dataclass(frozen=True, slots=True)
class DataState:
    """What an answer of figures depends on; `changed_at` is when it last changed."""

    key: str
    changed_at: datetime | None


class View(APIView):
    """A view of this room. `is_conditional` ones say 304 while nothing changed that they show."""

    is_conditional: ClassVar[bool] = False
    # Whether it answers with figures, each of whose answers says how recent and complete they are.
    has_figures: ClassVar[bool] = False
    _state: DataState | None = None

    @property
    def person(self) -> User:
        return access.person_of(self.request)

    @property
    def ad_accounts(self) -> QuerySet[AdAccount]:
        """Those that the person may see."""
        return access.visible_ad_accounts(self.request.user)

    @property
    def file_format(self) -> str | None:
        """The kind of file asked for; None for a page of JSON."""
        wanted = getattr(self.request, "accepted_renderer", None)
        return wanted.format if isinstance(wanted, _File) else None

    def get_throttles(self) -> list[BaseThrottle]:
        throttles = super().get_throttles()
        return [*throttles, ExportsPerMinute()] if self.file_format else throttles

    def initial(self, request: Request, *args: object, **kwargs: object) -> None:
        super().initial(request, *args, **kwargs)
        if self.is_conditional and request.method in {"GET", "HEAD"} and not self.file_format:
            self._state = _data_state(self.person, request, self.ad_accounts)
            if self._state and self._state.key in parse_etags(request.headers.get("If-None-Match", "")):
                raise _NotModified

    def handle_exception(self, exc: Exception) -> Response:
        """Errors are JSON, whatever file was asked for."""
        self.request.accepted_renderer, self.request.accepted_media_type = JSONRenderer(), "application/json"
        return Response(status=304) if isinstance(exc, _NotModified) else super().handle_exception(exc)

    def finalize_response(self, request: Request, response: Response, *args: object, **kwargs: object) -> Response:
        done = super().finalize_response(request, response, *args, **kwargs)
        if self._state and done.status_code in {200, 304}:
            done["ETag"] = self._state.key
            if self._state.changed_at:
                done["Last-Modified"] = http_date(self._state.changed_at.timestamp())
        if not done.has_header("Cache-Control"):
            done["Cache-Control"] = "private, no-cache"
        return done

    def note_export(self, what: str) -> None:
        """On record before the file: what leaves here is recorded even if the download breaks off."""
        audit_trail.record(
            "exported",
            actor=self.person,
            what=f"{what} as {(self.file_format or 'json').upper()}",
            filters=dict(self.request.query_params.lists()),
        )


def with_as_of(response: HttpResponseBase, as_of: SelectionAsOf) -> HttpResponseBase:
    """A file has no place for how recent and complete its figures are, so its headers say it."""
    if as_of.as_of:
        response["Data-As-Of"] = as_of.as_of.isoformat().replace("+00:00", "Z")
    if as_of.complete_through:
        response["Complete-Through"] = as_of.complete_through.isoformat()
    return response


@contextmanager
def bounded_statements() -> Iterator[None]:
    """PostgreSQL gives up a statement that takes too long. Raises TooSlow."""
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
    """A misspelt or empty filter would otherwise bring every row, and of two the first would be forgotten.

    `several` may stand there more than once. Raises ValidationError.
    """
    for name, texts in request.query_params.lists():
        if any("\0" in text for text in texts):
            raise ValidationError({name: ["Null characters are not allowed."]})
        if name not in known:
            raise ValidationError({name: [f"There is no such parameter; known are {', '.join(sorted(known))}."]})
        if len(texts) > 1 and name not in several:
            raise ValidationError({name: ["Give this parameter once."]})
        if not all(texts):
            raise ValidationError({name: ["This is empty; leave the parameter out, or give a value."]})


def query_values(request: Request) -> dict[str, str]:
    """The parameters; one that is repeated is one text with commas: generated clients may send either."""
    return {name: ",".join(texts) for name, texts in request.query_params.lists()}


def _data_state(person: User, request: Request, ad_accounts: QuerySet[AdAccount]) -> DataState | None:
    """None while a sync stores: two answers then may differ although nothing here tells them apart.

    Only `If-None-Match` is heard: `Last-Modified` knows nothing of grants, and of days no clock finer than seconds.
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
    parts += [request.get_full_path(), *runs.values(), *stored.values()]
    digest = hashlib.sha256(repr(parts).encode()).hexdigest()[:32]
    return DataState(quote_etag(digest), max(filter(None, (runs["ended"], stored["fetched"])), default=None))
