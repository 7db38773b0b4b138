"""How the ads did: the figures of a period, summed, with ratios from the sums."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from django.http import HttpResponseBase
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from reporting.api.reports import DECIMAL, DaysShown, PeriodSerializer, ReportSerializer, ReportView, Several
from reporting.api.views import bounded_statements
from reporting.metrics import METRICS, Metric, Sum, Type
from reporting.periods import PeriodError
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

_MAX_ROWS = 10_000
_USUAL_METRICS = ("impressions", "clicks", "spend", "conversions", "leads", "ctr_percent", "cpc")


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
        max_value=_MAX_ROWS,
        required=False,
        help_text=f"At most so many rows: {_MAX_ROWS} by default; files hold all of them.",
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


def _figure_field(metric: Metric) -> serializers.Field[Any, Any, Any, Any]:
    if isinstance(metric, Sum) and metric.type is Type.COUNT:
        meaning = f"{metric.description} (count)."
        return serializers.IntegerField(required=False, allow_null=metric.is_nullable, help_text=meaning)
    meaning = f"{metric.description} ({metric.unit}, a decimal string): {metric.formula}."
    return serializers.DecimalField(**DECIMAL, help_text=meaning)


class FiguresSerializer(serializers.Serializer[object]):
    """The metrics asked for; a ratio is null where its divisor is 0."""

    def get_fields(self) -> dict[str, Any]:
        return {name: _figure_field(one) for name, one in METRICS.items()}


class ChangesSerializer(serializers.Serializer[object]):
    """How each metric changed; null where there is nothing to compare with."""

    def get_fields(self) -> dict[str, Any]:
        return {
            name: serializers.DecimalField(**DECIMAL, help_text=f"{one.label}: more or less than before (percent).")
            for name, one in METRICS.items()
        }


class _Compared(serializers.Serializer[object]):
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


class PerformanceReport(ReportSerializer):
    """Figures by group, and their totals."""

    group_by = serializers.ChoiceField(choices=[*GroupBy], help_text="What one row stands for.")
    compared_with = DaysShown(allow_null=True, help_text="The days before, if compared.")
    totals = TotalsSerializer(many=True, help_text="One per currency, of every row, cut or not.")
    has_more_rows = serializers.BooleanField(help_text="Whether `limit` cut the rows.")
    rows = PerformanceRowSerializer(many=True, help_text="One per group and currency.")


class Performance(ReportView):
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
        most = asked.get("limit") or (None if self.file_format else _MAX_ROWS)
        order, is_compared = asked.get("order"), "compare" in asked
        wanted = self._selection(asked) | {"group_by": asked["group_by"]}
        if order:
            wanted |= {"order_by": order.removeprefix("-"), "descending": order.startswith("-")}
        if asked.get("limit") or (most and not is_compared):
            wanted["limit"] = most if self.file_format else (most or _MAX_ROWS) + 1
        if is_compared:
            return [_compared(one, _row(one.now), metrics) for one in compared_performance(**wanted)]
        return [{**_row(one), "figures": _figures(one, metrics)} for one in performance(**wanted)]

    def _report(self, asked: dict[str, Any], metrics: list[str], rows: list[dict[str, Any]]) -> dict[str, Any]:
        selection, most = self._selection(asked), asked.get("limit") or _MAX_ROWS
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
