"""LinkedIn's data, sync runs and related lists, limited to what the person may see."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any, ClassVar, TypeVar

from django.db.models import Model, QuerySet
from django.http import Http404, HttpResponseBase
from django.utils import timezone
from django_celery_beat.models import PeriodicTask
from django_filters import BaseInFilter, Filter, FilterSet
from django_filters.rest_framework import DjangoFilterBackend
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework.exceptions import ValidationError
from rest_framework.permissions import BasePermission, IsAuthenticated
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet, ReadOnlyModelViewSet

from accounts import access
from accounts.api.permissions import WithinTokenScope
from accounts.models import AdAccount, LinkedInConnection
from accounts.shell.downloads import DIALECTS, MAX_DIRECT_ROWS
from accounts.shell.request_values import day, row_id
from ingestion.models import (
    AudienceDemographic,
    Campaign,
    CampaignDailyMetric,
    Creative,
    CreativeDailyMetric,
    RejectedRecord,
    SyncLog,
)
from reporting.api import filters, serializers
from reporting.api.changes import ChangeFeed, describes_changes
from reporting.api.coverage import complete_through, coverage_headers, shown
from reporting.api.files import Lines, Table
from reporting.api.pagination import Cursors, CursorsOfDays, Order, PageNumbers
from reporting.api.views import (
    ABOUT_DIALECTS,
    FILES,
    OF_FILES,
    View,
    as_of_headers,
    bounded_statements,
    query_values,
    refuse_unknown,
)
from reporting.periods import open_period
from reporting.queries.coverage import Coverage, selection_coverage
from reporting.queries.data_as_of import SelectionAsOf, selection_as_of
from reporting.queries.stored_columns import as_rows, named

Row = TypeVar("Row", bound=Model)
ViewClass = TypeVar("ViewClass", bound=type[APIView])

_FIELDS = OpenApiParameter("fields", OpenApiTypes.STR, description="Only these fields, separated by commas.")
_FILES_ARE_UNSORTED = " Files are unsorted unless this is given."
_View = TypeVar("_View", bound=APIView)
_Row = TypeVar("_Row", bound=Model)
_DIALECT = OpenApiParameter("dialect", OpenApiTypes.STR, enum=list(DIALECTS), description=ABOUT_DIALECTS)
# What says which rows and columns, and what says how they are shown.
_CONTENT_PARAMETERS = ("fields", "order")
_SHAPE_PARAMETERS = (*OF_FILES, "page_size")


class FilterBackend(DjangoFilterBackend):  # type: ignore[misc]
    """The filters of a list; a repeated parameter is one with several values."""

    def get_filterset_kwargs(self, request: Request, queryset: QuerySet[Model], view: APIView) -> dict[str, object]:
        return {**super().get_filterset_kwargs(request, queryset, view), "data": query_values(request)}


class ListViewSet(ChangeFeed, GenericViewSet[_Row]):
    """Rows of one table.

    They go from the table to the response as plain values, since a serializer per row would take most of the time. The
    serializer class only says which fields there are.
    """

    is_conditional: ClassVar[bool] = True
    renderer_classes = FILES
    filter_backends = (FilterBackend,)
    lookup_value_converter = "row"
    # The path from a row to its ad account; the columns of each order, the default first.
    of_account: ClassVar[str] = "account"
    orders: ClassVar[dict[str, Order]] = {}
    filterset_class: type[FilterSet]

    def get_renderers(self) -> list[BaseRenderer]:
        """Only lists come as files."""
        return super().get_renderers() if self.action == "list" else [FILES[0]()]

    def get_queryset(self) -> QuerySet[_Row]:
        serializer: Any = self.get_serializer_class()
        rows: QuerySet[_Row] = serializer.Meta.model._default_manager.order_by()
        if access.sees_every_ad_account(self.request.user):
            return rows
        return rows.filter(**{f"{self.of_account}__in": self.ad_accounts})

    def list(self, request: Request) -> HttpResponseBase:
        rows, order = self.selection(request, others=[*_SHAPE_PARAMETERS, *self._place_parameters])
        self.refuse_unknown_dialect()
        if not self.file_format:
            with bounded_statements():
                return self._page(rows, order)
        with bounded_statements():
            if rows.order_by()[: MAX_DIRECT_ROWS + 1].count() > MAX_DIRECT_ROWS:
                raise self.too_many_rows(self.basename)
        contents = self.contents(rows, order, is_flat=self.file_format != "ndjson")
        return self.sent(contents, called=self.basename)

    def selection(self, request: Request, *, others: Sequence[str] = ()) -> tuple[QuerySet[_Row], Order]:
        """The rows that the parameters select, and their order. Raises ValidationError and NothingThere."""
        known: Mapping[str, Filter] = self.filterset_class.base_filters
        several = {"fields", *(name for name, one in known.items() if isinstance(one, BaseInFilter))}
        refuse_unknown(request, [*known, *_CONTENT_PARAMETERS, *others], several=several)
        rows = self.filter_queryset(self.get_queryset())
        return rows, self.order_asked_for()[1]

    def in_file(self, rows: QuerySet[_Row], order: Order) -> QuerySet[_Row]:
        return rows.order_by(*order.order_by)

    @property
    def columns(self) -> dict[str, str]:
        """The requested fields, and the column that each shows."""
        serializer: Any = self.get_serializer_class()()
        known = {name: str(field.source).replace(".", "__") for name, field in serializer.fields.items()}
        return {name: known[name] for name in self.chosen_fields(known)}

    def chosen_fields(self, known: Iterable[str]) -> Sequence[str]:
        """Those that `fields` names, in the order in which they are listed; all of them without it."""
        known = [*known]
        names = [name.strip() for name in query_values(self.request).get("fields", "").split(",") if name.strip()]
        for name in names:
            if name not in known:
                raise ValidationError({"fields": [f"Unknown field “{name}”; use {', '.join(known)}."]})
        return [name for name in known if name in names] or known

    def order_asked_for(self) -> tuple[str, Order]:
        name = self.request.query_params.get("order") or next(iter(self.orders))
        if name not in self.orders:
            raise ValidationError({"order": [f"Unknown order “{name}”; use {', '.join(self.orders)}."]})
        return name, self.orders[name]

    @property
    def _place_parameters(self) -> tuple[str, ...]:
        return ("cursor",) if issubclass(self.pagination_class or PageNumbers, Cursors) else ("page",)

    def contents(self, rows: QuerySet[_Row], order: Order, *, is_flat: bool) -> Table | Lines:
        """Of a file of the whole list; a flat one has one value per cell."""
        return Table(self.basename, self.columns, self.in_file(rows, order))

    def _page(self, rows: QuerySet[_Row], order: Order) -> Response:
        columns = self.columns
        page = self.paginate_queryset(as_rows(rows, columns).order_by(*order.order_by))
        return self.get_paginated_response(named(columns, page or []))


class TableViewSet(ListViewSet[_Row]):
    """A table of moderate size: pages by number."""

    pagination_class = PageNumbers

    def retrieve(self, request: Request, pk: int | str) -> Response:
        refuse_unknown(request, ["fields", "format"], several=["fields"])
        if "\0" in str(pk):
            raise Http404("Ids contain no null characters.")
        with bounded_statements():
            columns = self.columns
            found = named(columns, as_rows(self.get_queryset().filter(pk=pk), columns))
        if not found:
            raise Http404("There is no such row, or you may not see its ad account.")
        return Response(found[0])


class FiguresViewSet(ListViewSet[_Row]):
    """A table of millions of rows: pages by cursor, each saying how recent and complete the figures are."""

    has_figures: ClassVar[bool] = True
    pagination_class = Cursors

    @property
    def skips_entities(self) -> bool:
        """Whether most campaigns or creatives may have no rows in the requested days."""
        return not {"date_from", "date_to"}.isdisjoint(self.request.query_params)

    def contents(self, rows: QuerySet[_Row], order: Order, *, is_flat: bool) -> Table | Lines:
        as_of, coverage = self._as_of(), self._coverage()
        headers = as_of_headers(as_of.as_of, self._complete_through(as_of, coverage))
        if coverage:
            headers |= coverage_headers(coverage)
        return replace(super().contents(rows, order, is_flat=is_flat), headers=headers)

    def in_file(self, rows: QuerySet[_Row], order: Order) -> QuerySet[_Row]:
        """In order only where somebody asks: an index leads to every row one by one, a file takes them as they lie."""
        return super().in_file(rows, order) if self.request.query_params.get("order") else rows

    def _page(self, rows: QuerySet[_Row], order: Order) -> Response:
        as_of, coverage = self._as_of(), self._coverage()
        response = self.get_paginated_response(self.paginate_queryset(rows))
        results = response.data.pop("results")
        response.data |= {
            "data_as_of": as_of.as_of,
            "complete_through": self._complete_through(as_of, coverage),
            **({"coverage": shown(coverage)} if coverage else {}),
            "results": results,
        }
        return response

    def _coverage(self) -> Coverage | None:
        """What the list rests on; None where its rows are no days."""
        return None

    def _complete_through(self, as_of: SelectionAsOf, coverage: Coverage | None) -> date | None:
        """Of the days that are asked for from one on; otherwise of all stored days, which begin when they did."""
        if coverage is None or "date_from" not in self.request.query_params:
            return as_of.complete_through
        return complete_through(as_of, coverage)

    def _as_of(self) -> SelectionAsOf:
        return selection_as_of(ad_accounts=self._requested_ad_accounts())

    def _requested_ad_accounts(self) -> QuerySet[AdAccount]:
        ids = [row_id(one) for one in _several(query_values(self.request).get("ad_account_id"))]
        return self.ad_accounts.filter(pk__in=ids) if ids else self.ad_accounts


class DailyFiguresViewSet(FiguresViewSet[_Row]):
    """Figures by day, with the days that are stored."""

    pagination_class = CursorsOfDays

    def _coverage(self) -> Coverage:
        """Of the days that are asked for; where they are open, of all days since the oldest, through today."""
        asked, today = query_values(self.request), timezone.now().date()
        first_day, last_day = (day(asked[name]) if name in asked else None for name in ("date_from", "date_to"))
        campaign_ids, creative_ids = (_several(asked.get(name)) for name in ("campaign_id", "creative_id"))
        found = selection_coverage(
            ad_accounts=self._requested_ad_accounts(),
            period=open_period(first_day or date.min, last_day, today=today),
            campaign_ids=[row_id(one) for one in campaign_ids] or None,
            creative_ids=creative_ids or None,
        )
        since = found.oldest_day or found.period.last_day
        return found.together if first_day else found.together.within(open_period(since, last_day, today=today))


def _several(text: str | None) -> list[str]:
    return [one.strip() for one in (text or "").split(",") if one]


def described(
    noun: str, orders: dict[str, Order], *, one: str = "", about_order: str = ""
) -> Callable[[type[_View]], type[_View]]:
    order = OpenApiParameter(
        "order",
        OpenApiTypes.STR,
        enum=list(orders),
        default=next(iter(orders)),
        description=about_order or "All of them are read from an index." + ("" if one else _FILES_ARE_UNSORTED),
    )
    actions = {"list": extend_schema(summary=f"List {noun}", parameters=[_FIELDS, order, _DIALECT])}
    if one:
        actions["retrieve"] = extend_schema(summary=f"Show {one}", parameters=[_FIELDS])

    def describe(view: type[_View]) -> type[_View]:
        assert issubclass(view, ChangeFeed)
        return extend_schema_view(**actions, changes=describes_changes(view, noun))(view)

    return describe


_BY_ID = {"id": Order(("id",)), "-id": Order(("id",), descending=True)}
_BY_ROW = {"-id": Order(("id",), descending=True), "id": Order(("id",))}
_RUNS = {
    "-started_at": Order(("started_at", "id"), descending=True),
    "started_at": Order(("started_at", "id")),
}
_CAMPAIGN_DAYS = {
    "campaign_id": Order(("campaign_id", "date")),
    "-campaign_id": Order(("campaign_id", "date"), descending=True),
    "date": Order(("date", "campaign_id")),
    "-date": Order(("date", "campaign_id"), descending=True),
}
_CREATIVE_DAYS = {
    "creative_id": Order(("creative_id", "date")),
    "-creative_id": Order(("creative_id", "date"), descending=True),
    "date": Order(("date", "creative_id")),
    "-date": Order(("date", "creative_id"), descending=True),
}
_SEGMENTS = {"ad_account_id": Order(("account_id", "pivot_type", "segment", "date_start"))}


@described("campaigns", _BY_ID, one="a campaign")
class Campaigns(TableViewSet[Campaign]):
    """Campaigns in any status (ad sets in Campaign Manager)."""

    serializer_class = serializers.CampaignSerializer
    filterset_class = filters.CampaignFilters
    orders = _BY_ID


@described("creatives", _BY_ID, one="a creative")
class Creatives(TableViewSet[Creative]):
    """The ads people see."""

    serializer_class = serializers.CreativeSerializer
    filterset_class = filters.CreativeFilters
    orders = _BY_ID
    lookup_value_converter = "str"


@described("daily figures of campaigns", _CAMPAIGN_DAYS)
class CampaignMetrics(DailyFiguresViewSet[CampaignDailyMetric]):
    """One row per campaign and UTC day with any activity."""

    serializer_class = serializers.CampaignMetricSerializer
    filterset_class = filters.CampaignMetricFilters
    of_account = "campaign__account"
    feed_key = ("campaign_id", "date")
    orders = _CAMPAIGN_DAYS


@described("daily figures of creatives", _CREATIVE_DAYS)
class CreativeMetrics(DailyFiguresViewSet[CreativeDailyMetric]):
    """One row per creative and UTC day with any activity."""

    serializer_class = serializers.CreativeMetricSerializer
    filterset_class = filters.CreativeMetricFilters
    of_account = "creative__account"
    feed_key = ("creative_id", "date")
    orders = _CREATIVE_DAYS


@described("figures of audiences", _SEGMENTS)
class Demographics(FiguresViewSet[AudienceDemographic]):
    """One row per ad account, pivot, segment and calendar month."""

    serializer_class = serializers.DemographicSerializer
    filterset_class = filters.DemographicFilters
    feed_key = ("ad_account_id", "pivot_type", "segment", "month_start")
    orders = _SEGMENTS


@described("sync runs", _RUNS, one="a sync run")
class SyncLogs(TableViewSet[SyncLog]):
    """All syncs, what they did and how they ended."""

    is_conditional = False  # running syncs change all the time
    serializer_class = serializers.SyncLogSerializer
    filterset_class = filters.SyncLogFilters
    orders = _RUNS


@described("rejected records", _BY_ROW, one="a rejected record")
class RejectedRecords(TableViewSet[RejectedRecord]):
    """Invalid records from LinkedIn, with what is wrong with them."""

    is_conditional = False
    serializer_class = serializers.RejectedRecordSerializer
    filterset_class = filters.RejectedRecordFilters
    orders = _BY_ROW


class SeesConnections(BasePermission):
    """For roles that may connect LinkedIn."""

    message = "Only owners and managers may see LinkedIn connections."

    def has_permission(self, request: Request, view: APIView) -> bool:
        return access.may_see_connections(request.user)


class SeesTimetable(BasePermission):
    """For roles that may edit the timetable."""

    message = "Only owners and managers may see the timetable."

    def has_permission(self, request: Request, view: APIView) -> bool:
        return access.may_see_timetable(request.user)


class Administration(View, ReadOnlyModelViewSet[_Row]):
    """Lists that only some roles see, without filters."""

    pagination_class = PageNumbers
    lookup_value_converter = "row"

    def initial(self, request: Request, *args: object, **kwargs: object) -> None:
        super().initial(request, *args, **kwargs)
        refuse_unknown(request, ["format", *(("page", "page_size") if self.action == "list" else ())])


@extend_schema_view(
    list=extend_schema(summary="List LinkedIn connections"),
    retrieve=extend_schema(summary="Show a LinkedIn connection"),
)
class Connections(Administration[LinkedInConnection]):
    """People's LinkedIn consents and their state; never their tokens."""

    permission_classes = (IsAuthenticated, WithinTokenScope, SeesConnections)
    serializer_class = serializers.ConnectionSerializer
    queryset = LinkedInConnection.objects.select_related("user").without_tokens().order_by("pk")

    def get_serializer_context(self) -> dict[str, object]:
        return {**super().get_serializer_context(), "now": timezone.now()}


@extend_schema_view(
    list=extend_schema(summary="List the timetable"), retrieve=extend_schema(summary="Show an entry of the timetable")
)
class Schedules(Administration[PeriodicTask]):
    """The timetable: what runs when."""

    permission_classes = (IsAuthenticated, WithinTokenScope, SeesTimetable)
    serializer_class = serializers.ScheduleSerializer
    queryset = PeriodicTask.objects.select_related("interval", "crontab", "solar", "clocked").order_by("pk")
