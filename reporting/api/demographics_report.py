"""Who saw the ads, in whole calendar months."""

from collections.abc import Iterable, Iterator
from typing import Any, Final, NotRequired, cast

from django.http import HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from ingestion import catalogue
from ingestion.catalogue import Type
from ingestion.models import AudienceDemographic
from reporting.api.files import Kind, Lines
from reporting.api.reports import (
    DECIMAL,
    DIALECT,
    PeriodArguments,
    PeriodSerializer,
    ReportSerializer,
    ReportView,
    Several,
)
from reporting.api.views import bounded_statements
from reporting.metrics import SEGMENT_AMOUNTS, SEGMENT_COUNTS
from reporting.periods import Period
from reporting.queries.audience import Audience, Audiences, Segment, audiences
from reporting.queries.coverage import Coverage, selection_coverage


class DemographicsQuestion(PeriodSerializer):
    """The parameters of `reports/demographics`."""

    pivot_type = Several(
        choices=AudienceDemographic.PivotType.values,
        help_text=f"Which pivots, separated by commas: {', '.join(AudienceDemographic.PivotType.values)}.",
    )
    top = serializers.IntegerField(
        min_value=1, max_value=1000, default=10, help_text="Segments per pivot; the others are combined into one."
    )


class DemographicsArguments(PeriodArguments):
    pivot_type: NotRequired[list[str]]
    top: int


class MoneySerializer(serializers.Serializer[object]):
    amount = serializers.DecimalField(max_digits=40, decimal_places=10, help_text="A decimal string.")
    currency = serializers.CharField(allow_null=True, help_text="ISO code.")


class SegmentSerializer(serializers.Serializer[object]):
    segment = serializers.CharField(help_text="URN or LinkedIn enum value; empty for the combined rest.")
    segment_name = serializers.CharField(source="name", help_text="Display name.")
    ctr_percent = serializers.DecimalField(**DECIMAL, help_text="Clicks per hundred impressions (percent).")
    share_percent = serializers.DecimalField(
        **DECIMAL,
        help_text="Share of the impressions of all segments of the pivot (percent); null if months are missing.",
    )

    def get_fields(self) -> dict[str, Any]:
        """The metrics that LinkedIn breaks down, between the names and the ratios."""
        fields = super().get_fields()
        names = {name: fields.pop(name) for name in ("segment", "segment_name")}
        return names | {metric.column: _metric_field(metric) for metric in (*SEGMENT_COUNTS, *SEGMENT_AMOUNTS)} | fields


def _metric_field(metric: catalogue.Metric) -> serializers.Field[Any, Any, Any, Any]:
    if metric in SEGMENT_AMOUNTS:
        help_text = f"{metric.label}, an amount per currency."
        return MoneySerializer(source=f"amounts.{metric.column}", many=True, help_text=help_text)
    source, help_text = f"sums.{metric.column}", f"{metric.label} ({metric.unit})."
    if metric.type is Type.DECIMAL:
        return serializers.DecimalField(**DECIMAL, source=source, help_text=help_text)
    return serializers.IntegerField(source=source, allow_null=metric.is_nullable, help_text=help_text)


class AudienceSerializer(serializers.Serializer[object]):
    pivot_type = serializers.ChoiceField(
        choices=AudienceDemographic.PivotType.values, help_text="The dimension that segments the audience."
    )
    label = serializers.CharField(help_text="Display name of the pivot.")  # type: ignore[assignment]
    segment_count = serializers.IntegerField(help_text="Total segments (count).")
    impressions = serializers.IntegerField(
        allow_null=True, help_text="Impressions of all segments (count); null if there are none and months are missing."
    )
    coverage_percent = serializers.DecimalField(
        **DECIMAL,
        help_text="Share of the ad accounts' impressions that segments cover (percent); null if months are missing.",
    )
    missing_months = serializers.ListField(
        child=serializers.DateField(),
        help_text="First days of months that were not fetched for some ad account, or not whole.",
    )
    segments = SegmentSerializer(many=True, help_text="The segments with the most impressions.")
    rest = SegmentSerializer(allow_null=True, help_text="All others combined; null if there are none.")


class DemographicsReport(ReportSerializer):
    """Who saw the ads, in the whole calendar months that the period covers."""

    months = serializers.ListField(child=serializers.DateField(), help_text="First days of months with figures.")
    partly_fetched_months = serializers.ListField(
        child=serializers.DateField(),
        help_text="First days of months with days not yet fetched for some ad account; not part of the coverage.",
    )
    missing_months = serializers.ListField(
        child=serializers.DateField(), help_text="First days of months that are missing from any of the pivots."
    )
    pivots = AudienceSerializer(many=True, help_text="One per requested pivot.")


class DemographicsReportView(ReportView):
    """Who saw the ads."""

    question = DemographicsQuestion

    @extend_schema(summary="Report audiences", parameters=[DemographicsQuestion, DIALECT], responses=DemographicsReport)
    def get(self, request: Request) -> HttpResponseBase:
        """The whole calendar months that the period covers, since LinkedIn counts audiences by month."""
        asked = cast("DemographicsArguments", self.validated(request))
        with bounded_statements():
            found, coverage = self._found(asked)
            if not self.file_format:
                return Response(
                    {
                        **self.report_head(Period(found.first_day, found.last_day), self.chosen(asked), coverage),
                        "months": found.months,
                        "partly_fetched_months": found.partly_fetched_months,
                        "missing_months": found.missing_months,
                        "pivots": AudienceSerializer(found.pivots, many=True).data,
                    }
                )
            contents = self._contents(asked, found, coverage)
        return self.file(contents, rows=sum(len(pivot.segments) for pivot in found.pivots))

    def contents(self, request: Request) -> Lines:
        asked = cast("DemographicsArguments", self.validated(request))
        return self._contents(asked, *self._found(asked))

    def _found(self, asked: DemographicsArguments) -> tuple[Audiences, Coverage]:
        pivots = asked.get("pivot_type") or AudienceDemographic.PivotType.values
        ad_accounts, period = self.chosen(asked), asked["days"]
        coverage = selection_coverage(ad_accounts=ad_accounts, period=period).together
        return audiences(ad_accounts=ad_accounts, period=period, pivot_types=pivots, top=asked["top"]), coverage

    def _contents(self, asked: DemographicsArguments, found: Audiences, coverage: Coverage) -> Lines:
        headers = self.headers_of_file(asked, coverage)
        if found.missing_months:
            headers["Missing-Months"] = ", ".join(f"{month:%Y-%m}" for month in found.missing_months)
        return Lines("demographics", _SEGMENT_HEADER, _segment_lines(found.pivots), headers=headers, kinds=_KINDS)


_SEGMENT_HEADER = (
    "pivot_type", "segment", "segment_name", *(metric.column for metric in SEGMENT_COUNTS), "currency",
    *(metric.column for metric in SEGMENT_AMOUNTS), "ctr_percent", "share_percent",
)  # fmt: skip


_KINDS: Final[dict[str, Kind]] = {
    **{metric.column: "decimal" if metric.type is Type.DECIMAL else "integer" for metric in SEGMENT_COUNTS},
    **dict.fromkeys((*(metric.column for metric in SEGMENT_AMOUNTS), "ctr_percent", "share_percent"), "decimal"),
}


def _segment_lines(pivots: Iterable[Audience]) -> Iterator[list[object]]:
    """One line per segment and currency; counts cover all currencies and are in the first line."""
    for pivot in pivots:
        for segment in [*pivot.segments, *([pivot.rest] if pivot.rest else [])]:
            yield from _lines_of(pivot.pivot_type, segment)


def _lines_of(pivot_type: str, segment: Segment) -> Iterator[list[object]]:
    counts = list(segment.sums.values())
    ratios = [segment.ctr_percent, segment.share_percent]
    for at, amounts in enumerate(zip(*segment.amounts.values(), strict=True)):
        is_first = at == 0
        yield [
            pivot_type,
            segment.segment,
            segment.name,
            *(counts if is_first else [None] * len(counts)),
            amounts[0].currency,
            *(money.amount for money in amounts),
            *(ratios if is_first else [None] * len(ratios)),
        ]
