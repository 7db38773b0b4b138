"""Reports: the figures of a period, summed, with ratios from the sums."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from typing import Any, ClassVar

from django.db.models import QuerySet
from django.http import HttpResponseBase
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import AdAccount
from ingestion.models import AudienceDemographic
from reporting.api.pagination import LARGEST_ID
from reporting.api.views import FILES, View, bounded_statements, refuse_unknown, told, with_as_of
from reporting.exports import download
from reporting.metrics import METRICS, RATIOS, SUMS
from reporting.periods import Period, PeriodError, Preset, parse_period
from reporting.queries.audience import Audience, Segment, audiences
from reporting.queries.data_as_of import SelectionAsOf, selection_as_of
from reporting.queries.grouping import GroupBy
from reporting.queries.performance import (
    LABELS,
    ComparedRow,
    ComparedTotals,
    PerformanceRow,
    Totals,
    compared_performance,
    compared_totals,
    performance,
    totals,
)
from reporting.ratios import Figures

_MOST_ROWS = 10_000
_USUAL_METRICS = ("impressions", "clicks", "spend", "conversions", "leads", "ctr_percent", "cpc")


class Several(serializers.CharField):
    """Words or ids in one parameter, separated by commas."""

    def __init__(self, *, choices: Iterable[str] | None = None, numbers: bool = False, **kwargs: Any) -> None:
        super().__init__(required=False, **kwargs)
        self._choices, self._numbers = list(choices) if choices else None, numbers

    def to_internal_value(self, data: Any) -> Any:
        words = [word.strip() for word in str(super().to_internal_value(data)).split(",") if word.strip()]
        for word in words:
            if self._choices and word not in self._choices:
                raise serializers.ValidationError(f"There is no “{word}”; known are {', '.join(self._choices)}.")
            if self._numbers and not (word.isascii() and word.isdecimal() and int(word[:20]) <= LARGEST_ID):
                raise serializers.ValidationError(f"“{word}” is no id; give numbers separated by commas.")
        return [int(word) for word in words] if self._numbers else words


@extend_schema_field(OpenApiTypes.DATE)
class Day(serializers.CharField):
    """Read by `periods.py`, which says what is wrong with it."""


class PeriodSerializer(serializers.Serializer[Any]):
    """Which days, of which ad accounts."""

    period = serializers.ChoiceField(
        choices=[*Preset], required=False, help_text="Days with a name; last_30_days where no day is named either."
    )
    first_day = Day(required=False, help_text="First UTC day, YYYY-MM-DD.")
    last_day = Day(required=False, help_text="Last UTC day, YYYY-MM-DD.")
    account_id = Several(numbers=True, help_text="Ids of ad accounts, separated by commas; else all you may see.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        try:
            attrs["days"] = parse_period(
                preset=attrs.pop("period", None),
                first_day=attrs.pop("first_day", None),
                last_day=attrs.pop("last_day", None),
                today=timezone.now().date(),
            )
        except PeriodError as error:
            raise serializers.ValidationError(str(error)) from None
        return attrs


class PerformanceQuestion(PeriodSerializer):
    """What `reports/performance` can be asked."""

    group_by = serializers.ChoiceField(
        choices=[*GroupBy], default=GroupBy.CAMPAIGN.value, help_text="What one row stands for."
    )
    metrics = Several(
        choices=METRICS,
        help_text=f"Which figures, separated by commas: {', '.join(METRICS)}. Usually {', '.join(_USUAL_METRICS)}.",
    )
    campaign_id = Several(numbers=True, help_text="Only these campaigns, ids separated by commas.")
    creative_id = Several(help_text="Only these creatives, URNs separated by commas.")
    compare = serializers.ChoiceField(
        choices=["previous"], required=False, help_text="Beside as many days just before."
    )
    order = serializers.CharField(
        required=False,
        help_text="A metric, key or label; a minus sign in front for most first. Usually days by date, the rest by "
        "-spend. Not with compare for days, weeks and months.",
    )
    limit = serializers.IntegerField(
        min_value=1,
        max_value=_MOST_ROWS,
        required=False,
        help_text=f"At most so many rows: {_MOST_ROWS} unless told otherwise; files hold all of them.",
    )

    def validate_order(self, order: str) -> str:
        if order.removeprefix("-") not in {*METRICS, *LABELS}:
            known = ", ".join([*sorted(LABELS), *METRICS])
            raise serializers.ValidationError(f"There is no order “{order}”; choose one of {known}.")
        return order

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        attrs = super().validate(attrs)
        if attrs.get("compare"):
            if GroupBy(attrs["group_by"]).is_calendar and (attrs.get("order") or attrs.get("limit")):
                raise serializers.ValidationError("Compared days, weeks and months take neither order nor limit.")
            try:
                attrs["days"].previous()
            except PeriodError as error:
                raise serializers.ValidationError(str(error)) from None
        return attrs


class DemographicsQuestion(PeriodSerializer):
    """What `reports/demographics` can be asked."""

    pivot_type = Several(
        choices=AudienceDemographic.PivotType.values,
        help_text=f"Which pivots, separated by commas: {', '.join(AudienceDemographic.PivotType.values)}.",
    )
    top = serializers.IntegerField(
        min_value=1, max_value=1000, default=10, help_text="So many segments of each pivot; the others are one rest."
    )


_DECIMAL: dict[str, Any] = {"max_digits": 40, "decimal_places": 10, "allow_null": True, "required": False}


class FiguresSerializer(serializers.Serializer[Any]):
    """The metrics asked for; a ratio is null where its divisor is 0."""

    def get_fields(self) -> dict[str, Any]:
        sums = {
            one.name: serializers.IntegerField(required=False, help_text=f"{one.description} (count).")
            for one in SUMS
            if one.name != "spend"
        }
        decimals = {
            one.name: serializers.DecimalField(
                **_DECIMAL, help_text=f"{one.description} ({one.unit}, a decimal string): {one.formula}."
            )
            for one in (METRICS["spend"], *RATIOS)
        }
        return {name: {**sums, **decimals}[name] for name in METRICS}


class ChangesSerializer(serializers.Serializer[Any]):
    """How each metric changed; null where there is nothing to compare with."""

    def get_fields(self) -> dict[str, Any]:
        return {
            name: serializers.DecimalField(**_DECIMAL, help_text=f"{one.label}: more or less than before (percent).")
            for name, one in METRICS.items()
        }


class DaysShown(serializers.Serializer[Any]):
    first_day = serializers.DateField(help_text="First UTC day.")
    last_day = serializers.DateField(help_text="Last UTC day.")


class _Compared(serializers.Serializer[Any]):
    currency = serializers.CharField(allow_null=True, help_text="ISO code of the amounts; rows of two are never one.")
    figures = FiguresSerializer(help_text="The metrics asked for.")
    before = FiguresSerializer(required=False, allow_null=True, help_text="The same in the period before.")
    change_percent = ChangesSerializer(required=False, help_text="The change, if compared.")


class PerformanceRowSerializer(_Compared):
    """One ad account, campaign, creative, day, week or month, in one currency."""

    key = serializers.CharField(help_text="Id, URN, or first calendar day of the day, week or month.")
    label = serializers.CharField(help_text="Name, day, ISO week or month.")  # type: ignore[assignment]
    first_day = serializers.DateField(help_text="First UTC day that is counted.")
    last_day = serializers.DateField(help_text="Last UTC day that is counted.")
    is_partial = serializers.BooleanField(help_text="Whether the period cuts this week or month.")


class TotalsSerializer(_Compared):
    """Everything asked about, in one currency."""

    days = serializers.IntegerField(help_text="Days on which anything happened (count).")


class _Report(serializers.Serializer[Any]):
    period = DaysShown(help_text="The days counted.")
    data_as_of = serializers.DateTimeField(
        allow_null=True, help_text="When the oldest last successful sync of the ad accounts asked about began, UTC."
    )
    complete_through = serializers.DateField(
        allow_null=True, help_text="The last day up to which every stored day adds up to LinkedIn's own totals."
    )


class PerformanceReport(_Report):
    """Figures by group, and their totals."""

    group_by = serializers.ChoiceField(choices=[*GroupBy], help_text="What one row stands for.")
    compared_with = DaysShown(allow_null=True, help_text="The days before, if compared.")
    totals = TotalsSerializer(many=True, help_text="One per currency, of every row, cut or not.")
    has_more_rows = serializers.BooleanField(help_text="Whether `limit` cut the rows.")
    rows = PerformanceRowSerializer(many=True, help_text="One per group and currency.")


class MoneySerializer(serializers.Serializer[Any]):
    amount = serializers.DecimalField(max_digits=40, decimal_places=10, help_text="A decimal string.")
    currency = serializers.CharField(allow_null=True, help_text="ISO code.")


class SegmentSerializer(serializers.Serializer[Any]):
    segment = serializers.CharField(help_text="URN or LinkedIn's enum; empty for the rest.")
    name = serializers.CharField(help_text="Name that people read.")
    impressions = serializers.IntegerField(help_text="Impressions (count).")
    clicks = serializers.IntegerField(help_text="Clicks (count).")
    conversions = serializers.IntegerField(help_text="Conversions (count).")
    leads = serializers.IntegerField(help_text="Leads (count).")
    spend = MoneySerializer(many=True, help_text="Spend, an amount per currency.")
    ctr_percent = serializers.DecimalField(**_DECIMAL, help_text="Clicks per hundred impressions (percent).")
    share_percent = serializers.DecimalField(
        **_DECIMAL, help_text="Of the impressions of every segment of the pivot (percent)."
    )


class AudienceSerializer(serializers.Serializer[Any]):
    pivot_type = serializers.ChoiceField(
        choices=AudienceDemographic.PivotType.values, help_text="By what people are told apart."
    )
    label = serializers.CharField(help_text="The same as people read it.")  # type: ignore[assignment]
    segment_count = serializers.IntegerField(help_text="Segments in all (count).")
    impressions = serializers.IntegerField(help_text="Impressions of all segments (count).")
    coverage_percent = serializers.DecimalField(
        **_DECIMAL, help_text="The part of the ad accounts' impressions that the segments explain (percent)."
    )
    segments = SegmentSerializer(many=True, help_text="Those seen most.")
    rest = SegmentSerializer(allow_null=True, help_text="All others as one; null where there are none.")


class DemographicsReport(_Report):
    """Who saw the ads, in the whole calendar months that the period touches."""

    months = serializers.ListField(child=serializers.DateField(), help_text="First days of months with figures.")
    pivots = AudienceSerializer(many=True, help_text="One per pivot asked for.")


class _ReportView(View):
    is_conditional: ClassVar[bool] = True
    has_figures: ClassVar[bool] = True
    renderer_classes = FILES
    question: ClassVar[type[PeriodSerializer]]

    def asked(self, request: Request) -> dict[str, Any]:
        fields = self.question().fields
        several = [name for name, field in fields.items() if isinstance(field, Several)]
        refuse_unknown(request, [*fields, "format"], several=several)
        question = self.question(data=told(request))
        question.is_valid(raise_exception=True)
        return dict(question.validated_data)

    def chosen(self, asked: dict[str, Any]) -> QuerySet[AdAccount]:
        ids = asked.get("account_id")
        return self.ad_accounts.filter(pk__in=ids) if ids else self.ad_accounts

    def opening(self, period: Period, ad_accounts: QuerySet[AdAccount]) -> dict[str, Any]:
        as_of = self._as_of(ad_accounts)
        return {
            "period": asdict(period),
            "data_as_of": as_of.as_of,
            "complete_through": as_of.complete_through,
        }

    def file(
        self, asked: dict[str, Any], name: str, header: Sequence[str], lines: Iterator[list[Any]]
    ) -> HttpResponseBase:
        self.note_export(f"the {name} report")
        assert self.file_format
        return with_as_of(download(self.file_format, name, header, lines), self._as_of(self.chosen(asked)))

    def _as_of(self, ad_accounts: QuerySet[AdAccount]) -> SelectionAsOf:
        return selection_as_of(ad_accounts=ad_accounts, now=timezone.now())


class Performance(_ReportView):
    """How the ads did."""

    question = PerformanceQuestion

    @extend_schema(
        summary="Report figures",
        parameters=[PerformanceQuestion],
        responses=PerformanceReport,
        examples=[
            OpenApiExample(
                "Spend by campaign",
                response_only=True,
                status_codes=["200"],
                media_type="application/json",
                value={
                    "period": {"first_day": "2026-11-01", "last_day": "2026-11-15"},
                    "data_as_of": "2026-11-16T06:00:00Z",
                    "complete_through": "2026-11-15",
                    "group_by": "campaign",
                    "compared_with": None,
                    "totals": [{"currency": "EUR", "days": 15, "figures": {"clicks": 20, "spend": "50.0000000000"}}],
                    "has_more_rows": False,
                    "rows": [
                        {
                            "key": "600000001",
                            "label": "Autumn webinar",
                            "currency": "EUR",
                            "first_day": "2026-11-01",
                            "last_day": "2026-11-15",
                            "is_partial": False,
                            "figures": {"clicks": 20, "spend": "50.0000000000"},
                        }
                    ],
                },
            )
        ],
    )
    def get(self, request: Request) -> HttpResponseBase:
        """Sums by ad account, campaign, creative, day, week or month, ratios from the sums, a total per currency."""
        asked = self.asked(request)
        metrics = asked.get("metrics") or list(_USUAL_METRICS)
        with bounded_statements():
            rows = self._rows(asked, metrics)
            if not self.file_format:
                return Response(self._report(asked, metrics, rows))
        return self.file(asked, "performance", *_flat(rows, metrics, is_compared="compare" in asked))

    def _rows(self, asked: dict[str, Any], metrics: list[str]) -> list[dict[str, Any]]:
        """One row more than a page may hold, which tells that there are more; all of them for a file."""
        most = asked.get("limit") or (None if self.file_format else _MOST_ROWS)
        order, is_compared = asked.get("order"), "compare" in asked
        wanted = self._selection(asked) | {"group_by": asked["group_by"]}
        if order:
            wanted |= {"order_by": order.removeprefix("-"), "descending": order.startswith("-")}
        if asked.get("limit") or (most and not is_compared):
            wanted["limit"] = most if self.file_format else (most or _MOST_ROWS) + 1
        if is_compared:
            return [_compared(one, _row(one.now), metrics) for one in compared_performance(**wanted)]
        return [{**_row(one), "figures": _figures(one, metrics)} for one in performance(**wanted)]

    def _report(self, asked: dict[str, Any], metrics: list[str], rows: list[dict[str, Any]]) -> dict[str, Any]:
        selection, most = self._selection(asked), asked.get("limit") or _MOST_ROWS
        if "compare" in asked:
            summed = [_compared(one, _totals(one.now), metrics) for one in compared_totals(**selection)]
        else:
            summed = [{**_totals(one), "figures": _figures(one, metrics)} for one in totals(**selection)]
        return {
            **self.opening(asked["days"], self.chosen(asked)),
            "group_by": asked["group_by"],
            "compared_with": asdict(asked["days"].previous()) if "compare" in asked else None,
            "totals": summed,
            "has_more_rows": len(rows) > most,
            "rows": rows[:most],
        }

    def _selection(self, asked: dict[str, Any]) -> dict[str, Any]:
        return {
            "ad_accounts": self.chosen(asked),
            "period": asked["days"],
            "campaign_ids": asked.get("campaign_id") or None,
            "creative_ids": asked.get("creative_id") or None,
        }


class Demographics(_ReportView):
    """Who saw the ads."""

    question = DemographicsQuestion

    @extend_schema(summary="Report audiences", parameters=[DemographicsQuestion], responses=DemographicsReport)
    def get(self, request: Request) -> HttpResponseBase:
        """The whole calendar months that the period touches, since LinkedIn counts audiences by month."""
        asked = self.asked(request)
        pivots = asked.get("pivot_type") or AudienceDemographic.PivotType.values
        ad_accounts = self.chosen(asked)
        with bounded_statements():
            found = audiences(ad_accounts=ad_accounts, period=asked["days"], pivot_types=pivots, top=asked["top"])
            if not self.file_format:
                return Response(
                    {
                        **self.opening(Period(found.first_day, found.last_day), ad_accounts),
                        "months": found.months,
                        "pivots": AudienceSerializer(found.pivots, many=True).data,
                    }
                )
        return self.file(asked, "demographics", _SEGMENT_HEADER, _segment_lines(found.pivots))


def _row(row: PerformanceRow) -> dict[str, Any]:
    return {
        "key": row.key,
        "label": row.label,
        "currency": row.currency,
        "first_day": row.first_day,
        "last_day": row.last_day,
        "is_partial": row.is_partial,
    }


def _totals(one: Totals) -> dict[str, Any]:
    return {"currency": one.currency, "days": one.days}


def _figures(figures: Figures, metrics: list[str]) -> dict[str, Any]:
    return {name: figures.value(name) for name in metrics}


def _compared(one: ComparedRow | ComparedTotals, named: dict[str, Any], metrics: list[str]) -> dict[str, Any]:
    return {
        **named,
        "figures": _figures(one.now, metrics),
        "before": _figures(one.before, metrics) if one.before else None,
        "change_percent": {name: one.change_percent(name) for name in metrics},
    }


def _flat(
    rows: list[dict[str, Any]], metrics: list[str], *, is_compared: bool
) -> tuple[list[str], Iterator[list[Any]]]:
    """The rows of a file: one column per figure, with those of before and the changes behind."""
    names = ["key", "label", "currency", "first_day", "last_day", "is_partial"]
    header = [*names, *metrics]
    if is_compared:
        header += [f"before_{name}" for name in metrics] + [f"change_percent_{name}" for name in metrics]

    def lines() -> Iterator[list[Any]]:
        for row in rows:
            parts = ("figures", "before", "change_percent") if is_compared else ("figures",)
            figures = [(row[part] or {}).get(name) for part in parts for name in metrics]
            yield [row[name] for name in names] + figures

    return header, lines()


_SEGMENT_HEADER = (
    "pivot_type", "segment", "name", "impressions", "clicks", "conversions", "leads", "currency", "spend",
    "ctr_percent", "share_percent",
)  # fmt: skip


def _segment_lines(pivots: Iterable[Audience]) -> Iterator[list[Any]]:
    """One line per segment and currency; counts are of all currencies and stand in the first line."""
    for pivot in pivots:
        for segment in [*pivot.segments, *([pivot.rest] if pivot.rest else [])]:
            yield from _lines_of(pivot.pivot_type, segment)


def _lines_of(pivot_type: str, segment: Segment) -> Iterator[list[Any]]:
    counts: list[Any] = [segment.impressions, segment.clicks, segment.conversions, segment.leads]
    ratios: list[Any] = [segment.ctr_percent, segment.share_percent]
    for at, money in enumerate(segment.spend):
        is_first = at == 0
        yield [
            pivot_type,
            segment.segment,
            segment.name,
            *(counts if is_first else [None] * len(counts)),
            money.currency,
            money.amount,
            *(ratios if is_first else [None] * len(ratios)),
        ]
