"""Performance: the sums of a period, with ratios calculated from the sums."""

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any, NotRequired, TypedDict, cast

from django.db.models import QuerySet
from django.http import HttpResponseBase
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import AdAccount
from reporting.api.coverage import CoverageSerializer, DaysShown, shown
from reporting.api.files import Kind, Lines
from reporting.api.reports import (
    DECIMAL,
    DIALECT,
    PeriodArguments,
    PeriodSerializer,
    ReportSerializer,
    ReportView,
    Several,
    unknown_choice,
)
from reporting.api.views import bounded_statements
from reporting.metrics import METRICS, Metric, Sum, Type
from reporting.periods import Period, PeriodError
from reporting.queries.coverage import CoveredRows
from reporting.queries.grouping import GroupBy
from reporting.queries.performance import (
    LABELS,
    ComparedRow,
    ComparedTotals,
    PerformanceRow,
    Totals,
    compared_performance,
    compared_totals,
    filled,
    performance,
    totals,
)
from reporting.ratios import Figures

_MAX_ROWS = 10_000
_DEFAULT_METRICS = ("impressions", "clicks", "spend", "conversions", "leads", "ctr_percent", "cpc")


_ROW_COLUMNS = ("key", "label", "currency", "first_day", "last_day", "is_partial", "is_whole")
_Values = dict[str, Decimal | int | None]
_Line = Mapping[str, object]


class PerformanceQuestion(PeriodSerializer):
    """The parameters of `reports/performance`."""

    group_by = serializers.ChoiceField(
        choices=[*GroupBy],
        default=GroupBy.CAMPAIGN.value,
        error_messages=unknown_choice(GroupBy),
        help_text="What one row represents.",
    )
    metrics = Several(
        choices=METRICS,
        help_text=f"Metrics, separated by commas: {', '.join(METRICS)}. Default: {', '.join(_DEFAULT_METRICS)}.",
    )
    campaign_id = Several(numbers=True, help_text="Only these campaigns, ids separated by commas.")
    creative_id = Several(help_text="Only these creatives, URNs separated by commas.")
    compare = serializers.ChoiceField(
        choices=["previous"],
        required=False,
        error_messages=unknown_choice(["previous"]),
        help_text="Compare with the period before: months, quarters and years with the same days of the one before, "
        "other ranges with as many days of the same weekdays, such as the last 30 days with the 30 that end 35 days "
        "earlier. `compared_with` has the days.",
    )
    order = serializers.CharField(
        required=False,
        help_text="A metric, key or label; with a leading minus sign, descending. Default: days by date, others by "
        "-spend. Not with compare for days, weeks and months.",
    )
    limit = serializers.IntegerField(
        min_value=1,
        max_value=_MAX_ROWS,
        required=False,
        help_text=f"Maximum number of rows; default {_MAX_ROWS}. Files contain all rows.",
    )

    def validate_order(self, order: str) -> str:
        if order.removeprefix("-") not in {*METRICS, *LABELS}:
            known = ", ".join([*sorted(LABELS), *METRICS])
            raise serializers.ValidationError(f"Unknown order “{order}”; choose one of {known}.")
        return order

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        attrs = super().validate(attrs)
        if attrs.get("compare"):
            given = [name for name in ("order", "limit") if attrs.get(name)]
            if given and GroupBy(attrs["group_by"]).is_calendar:
                message = "Order and limit do not apply to compared days, weeks and months."
                raise serializers.ValidationError({given[0]: [message]})
            try:
                attrs["days"].previous()
            except PeriodError as error:
                raise serializers.ValidationError({"compare": [str(error)]}) from None
        return attrs


def _figure_field(metric: Metric) -> serializers.Field[Any, Any, Any, Any]:
    if isinstance(metric, Sum) and metric.type is Type.COUNT:
        meaning = f"{metric.description} (count)."
        return serializers.IntegerField(required=False, allow_null=True, help_text=meaning)
    meaning = f"{metric.description} ({metric.unit}, a decimal string): {metric.formula}."
    return serializers.DecimalField(**DECIMAL, help_text=meaning)


class FiguresSerializer(serializers.Serializer[object]):
    """The requested metrics; a ratio is null where its divisor is 0, and all are null where no day was fetched."""

    def get_fields(self) -> dict[str, Any]:
        return {name: _figure_field(one) for name, one in METRICS.items()}


class ChangesSerializer(serializers.Serializer[object]):
    """How each metric changed; null where there is nothing to compare with or days of either period are missing."""

    def get_fields(self) -> dict[str, Any]:
        return {
            name: serializers.DecimalField(**DECIMAL, help_text=f"Change of {one.label} (percent).")
            for name, one in METRICS.items()
        }


class _Compared(serializers.Serializer[object]):
    currency = serializers.CharField(allow_null=True, help_text="ISO code of the amounts; no row mixes currencies.")
    figures = FiguresSerializer(help_text="The requested metrics.")
    before = FiguresSerializer(required=False, allow_null=True, help_text="The same in the previous period.")
    change_percent = ChangesSerializer(required=False, help_text="The change, if compared.")
    is_whole = serializers.BooleanField(help_text="Whether all days of these figures are stored.")
    before_is_whole = serializers.BooleanField(
        required=False, allow_null=True, help_text="The same of the previous period."
    )


class PerformanceRowSerializer(_Compared):
    """One ad account, campaign, creative, day, week or month, in one currency."""

    key = serializers.CharField(help_text="Id, URN, or first calendar day of the day, week or month.")
    label = serializers.CharField(help_text="Name, day, ISO week or month.")  # type: ignore[assignment]
    first_day = serializers.DateField(help_text="First UTC day included.")
    last_day = serializers.DateField(help_text="Last UTC day included.")
    is_partial = serializers.BooleanField(help_text="Whether the period covers only part of this week or month.")


class TotalsSerializer(_Compared):
    """The whole selection, in one currency."""

    days = serializers.IntegerField(help_text="Days with any activity (count).")


class PerformanceReport(ReportSerializer):
    """Figures by group, and their totals."""

    group_by = serializers.ChoiceField(choices=[*GroupBy], help_text="What one row represents.")
    compared_with = DaysShown(allow_null=True, help_text="The days that figures are compared with, if they are.")
    coverage = CoverageSerializer(help_text="Which days are stored, for all ad accounts of the selection together.")
    compared_coverage = CoverageSerializer(allow_null=True, help_text="The same of the days compared with.")
    totals = TotalsSerializer(many=True, help_text="One per currency, over all rows regardless of limit.")
    has_more_rows = serializers.BooleanField(help_text="Whether `limit` left out rows.")
    rows = PerformanceRowSerializer(many=True, help_text="One per group and currency.")


class PerformanceArguments(PeriodArguments):
    group_by: str
    metrics: NotRequired[list[str]]
    campaign_id: NotRequired[list[int]]
    creative_id: NotRequired[list[str]]
    compare: NotRequired[str]
    order: NotRequired[str]
    limit: NotRequired[int]


class _Selection(TypedDict):
    ad_accounts: QuerySet[AdAccount]
    period: Period
    campaign_ids: list[int] | None
    creative_ids: list[str] | None


class PerformanceReportView(ReportView):
    """How the ads performed."""

    question = PerformanceQuestion

    @extend_schema(
        summary="Report figures",
        parameters=[PerformanceQuestion, DIALECT],
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
                    "coverage": {
                        "first_day": "2026-11-01",
                        "last_day": "2026-11-15",
                        "is_whole": True,
                        "is_complete": True,
                        "stored_since": "2026-08-18",
                        "stored": [{"first_day": "2026-11-01", "last_day": "2026-11-15"}],
                        "missing": [],
                        "complete": [{"first_day": "2026-11-01", "last_day": "2026-11-15"}],
                    },
                    "compared_coverage": None,
                    "totals": [
                        {
                            "currency": "EUR",
                            "days": 15,
                            "is_whole": True,
                            "figures": {"clicks": 20, "spend": "50.0000000000"},
                        }
                    ],
                    "has_more_rows": False,
                    "rows": [
                        {
                            "key": "600000001",
                            "label": "Autumn webinar",
                            "currency": "EUR",
                            "first_day": "2026-11-01",
                            "last_day": "2026-11-15",
                            "is_partial": False,
                            "is_whole": True,
                            "figures": {"clicks": 20, "spend": "50.0000000000"},
                        }
                    ],
                },
            )
        ],
    )
    def get(self, request: Request) -> HttpResponseBase:
        """Sums by ad account, campaign, creative, day, week or month, ratios from the sums, a total per currency."""
        asked = cast("PerformanceArguments", self.validated(request))
        with bounded_statements():
            found = self._found(asked, is_file=bool(self.file_format))
            if not self.file_format:
                return Response(self._report(asked, _metrics(asked), found))
            contents = self._contents(asked, found)
        return self.file(contents, rows=len(found))

    def contents(self, request: Request) -> Lines:
        asked = cast("PerformanceArguments", self.validated(request))
        return self._contents(asked, self._found(asked, is_file=True))

    def _contents(
        self, asked: PerformanceArguments, found: CoveredRows[PerformanceRow] | CoveredRows[ComparedRow]
    ) -> Lines:
        metrics = _metrics(asked)
        rows = (_line(one, metrics) for one in found)
        header, lines = _flat(rows, metrics, is_compared="compare" in asked)
        headers = self.headers_of_file(asked, found.coverage.together, found.before.together if found.before else None)
        return Lines("performance", header, lines, headers=headers, kinds=_kinds())

    def _found(
        self, asked: PerformanceArguments, *, is_file: bool
    ) -> CoveredRows[PerformanceRow] | CoveredRows[ComparedRow]:
        """One row more than a page may hold, which reveals that there are more; all of them for a file."""
        selection, order, is_compared = self._selection(asked), asked.get("order"), "compare" in asked
        group_by = GroupBy(asked["group_by"])
        maximum = asked.get("limit") or (None if is_file else _MAX_ROWS)
        limit = None if maximum is None else maximum + (not is_file)
        if group_by.is_calendar and is_compared:
            return compared_performance(**selection, group_by=group_by, also_unknown=True)
        if group_by.is_calendar and (order or "key").removeprefix("-") in LABELS:
            found = filled(performance(**selection, group_by=group_by), group_by=group_by, also_unknown=True)
            by_date = sorted(found, key=lambda row: row.key, reverse=bool(order and order.startswith("-")))
            return CoveredRows(by_date[:limit], found.coverage)
        rows = compared_performance if is_compared else performance
        return rows(
            **selection,
            group_by=group_by,
            order_by=order.removeprefix("-") if order else None,
            descending=order.startswith("-") if order else None,
            limit=limit if asked.get("limit") or not is_compared else None,
        )

    def _report(
        self,
        asked: PerformanceArguments,
        metrics: list[str],
        found: CoveredRows[PerformanceRow] | CoveredRows[ComparedRow],
    ) -> dict[str, object]:
        selection, maximum = self._selection(asked), asked.get("limit") or _MAX_ROWS
        question = compared_totals if "compare" in asked else totals
        return {
            **self.report_head(asked["days"], self.chosen(asked), found.coverage.together),
            "group_by": asked["group_by"],
            "compared_with": DaysShown(asked["days"].previous()).data if "compare" in asked else None,
            "coverage": shown(found.coverage.together),
            "compared_coverage": shown(found.before.together) if found.before else None,
            "totals": [_line(one, metrics) for one in question(**selection, also_unknown=True)],
            "has_more_rows": len(found) > maximum,
            "rows": [_line(one, metrics) for one in found[:maximum]],
        }

    def _selection(self, asked: PerformanceArguments) -> _Selection:
        return {
            "ad_accounts": self.chosen(asked),
            "period": asked["days"],
            "campaign_ids": asked.get("campaign_id") or None,
            "creative_ids": asked.get("creative_id") or None,
        }


def _line(one: PerformanceRow | Totals | ComparedRow | ComparedTotals, metrics: list[str]) -> _Line:
    """One row or total as the API shows it, beside the previous period where it is compared."""
    if isinstance(one, ComparedRow | ComparedTotals):
        return {
            **_labels(one.now),
            "figures": _figures(one.now, metrics),
            "before": _figures(one.before, metrics) if one.before else None,
            "change_percent": {name: one.change_percent(name) for name in metrics},
            "before_is_whole": one.before.is_whole if one.before else None,
        }
    return {**_labels(one), "figures": _figures(one, metrics)}


def _labels(one: PerformanceRow | Totals) -> _Line:
    if isinstance(one, Totals):
        return {"currency": one.currency, "days": one.days, "is_whole": one.is_whole}
    return {name: getattr(one, name) for name in _ROW_COLUMNS}


def _figures(figures: Figures, metrics: list[str]) -> _Values:
    return {name: figures.value(name) for name in metrics}


def _metrics(asked: PerformanceArguments) -> list[str]:
    return asked.get("metrics") or list(_DEFAULT_METRICS)


def _kinds() -> dict[str, Kind]:
    """Of the columns of a file; all other columns are text."""
    kinds: dict[str, Kind] = dict.fromkeys(("first_day", "last_day"), "day")
    kinds |= dict.fromkeys(("is_partial", "is_whole", "before_is_whole"), "flag")
    for name, metric in METRICS.items():
        kind: Kind = "integer" if isinstance(metric, Sum) and metric.type is Type.COUNT else "decimal"
        kinds |= {name: kind, f"before_{name}": kind, f"change_percent_{name}": "decimal"}
    return kinds


def _flat(rows: Iterable[_Line], metrics: list[str], *, is_compared: bool) -> tuple[list[str], Iterator[list[object]]]:
    """The rows of a file: one column per figure, followed by the previous figures and the changes."""
    header = [*_ROW_COLUMNS, *metrics]
    if is_compared:
        header += [f"before_{name}" for name in metrics] + [f"change_percent_{name}" for name in metrics]
        header.append("before_is_whole")

    def lines() -> Iterator[list[object]]:
        for row in rows:
            parts = ("figures", "before", "change_percent") if is_compared else ("figures",)
            figures = [(cast("_Values | None", row[part]) or {}).get(name) for part in parts for name in metrics]
            yield [
                *(row[name] for name in _ROW_COLUMNS),
                *figures,
                *([row["before_is_whole"]] if is_compared else []),
            ]

    return header, lines()
