"""What all reports share: days, ad accounts, how recent the figures are."""

from collections.abc import Iterable
from typing import Any, ClassVar, Final, NotRequired, TypedDict

from django.db.models import Model, QuerySet
from django.http import HttpResponseBase
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request

from accounts.models import AdAccount
from accounts.shell.downloads import DIALECTS, MAX_DIRECT_ROWS
from accounts.shell.request_values import or_none, row_id
from ingestion.models import Campaign, Creative
from reporting.api.coverage import DaysShown, complete_through, coverage_headers
from reporting.api.files import Lines
from reporting.api.filters import NothingThere
from reporting.api.views import ABOUT_DIALECTS, FILES, OF_FILES, View, as_of_headers, query_values, refuse_unknown
from reporting.periods import Period, PeriodError, Preset, parse_period
from reporting.queries.coverage import Coverage
from reporting.queries.data_as_of import selection_as_of
from reporting.queries.visible_rows import are_visible


class _DecimalOptions(TypedDict):
    max_digits: int
    decimal_places: int
    allow_null: bool
    required: bool


DECIMAL: Final = _DecimalOptions(max_digits=40, decimal_places=10, allow_null=True, required=False)


class Several(serializers.CharField):
    """Words or ids in one parameter, separated by commas."""

    def __init__(self, *, choices: Iterable[str] | None = None, numbers: bool = False, help_text: str) -> None:
        super().__init__(required=False, help_text=help_text)
        self._choices, self._numbers = list(choices) if choices else None, numbers

    def to_internal_value(self, data: str) -> list[int] | list[str]:  # type: ignore[override]
        words = [word.strip() for word in str(super().to_internal_value(data)).split(",") if word.strip()]
        for word in words:
            if self._choices and word not in self._choices:
                raise serializers.ValidationError(f"Unknown value “{word}”; use {', '.join(self._choices)}.")
            if self._numbers and or_none(row_id, word) is None:
                raise serializers.ValidationError(f"“{word}” is not a valid id; give numbers separated by commas.")
        return [int(word) for word in words] if self._numbers else words


@extend_schema_field(OpenApiTypes.DATE)
class DayField(serializers.CharField):
    """Parsed by `periods.py`, which explains what is wrong with it."""


class PeriodArguments(TypedDict):
    """What every report is asked, validated."""

    days: Period
    ad_account_id: NotRequired[list[int]]


def unknown_choice(choices: Iterable[str]) -> dict[str, Any]:
    """The error message of a field, which names what can be chosen."""
    return {"invalid_choice": f"Unknown value “{{input}}”; use {', '.join(choices)}."}


class PeriodSerializer(serializers.Serializer[object]):
    """Which days, for which ad accounts."""

    period = serializers.ChoiceField(
        choices=[*Preset],
        required=False,
        error_messages=unknown_choice(Preset),
        help_text="A named period; last_30_days if no days are given either.",
    )
    first_day = DayField(required=False, help_text="First UTC day, YYYY-MM-DD.")
    last_day = DayField(required=False, help_text="Last UTC day, YYYY-MM-DD.")
    ad_account_id = Several(
        numbers=True, help_text="Ids of ad accounts, separated by commas; otherwise all you may see."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        try:
            attrs["days"] = parse_period(
                preset=attrs.pop("period", None),
                first_day=attrs.pop("first_day", None),
                last_day=attrs.pop("last_day", None),
                today=timezone.now().date(),
            )
        except PeriodError as error:
            raise serializers.ValidationError({error.which: [str(error)]}) from None
        return attrs


class ReportSerializer(serializers.Serializer[object]):
    """Which days were counted, and how recent and complete they are."""

    period = DaysShown(help_text="The days counted.")
    data_as_of = serializers.DateTimeField(
        allow_null=True, help_text="Start of the oldest last successful sync among the requested ad accounts, UTC."
    )
    complete_through = serializers.DateField(
        allow_null=True, help_text="The last day through which all stored days match LinkedIn's own totals."
    )


DIALECT: Final = OpenApiParameter("dialect", OpenApiTypes.STR, enum=list(DIALECTS), description=ABOUT_DIALECTS)
# Parameters that name rows.
_NAMED: Final[dict[str, type[Model]]] = {"ad_account_id": AdAccount, "campaign_id": Campaign, "creative_id": Creative}


class ReportView(View):
    """Validates the request, chooses the ad accounts, and builds the head of every report."""

    is_conditional: ClassVar[bool] = True
    has_figures: ClassVar[bool] = True
    renderer_classes = FILES
    question: ClassVar[type[PeriodSerializer]]

    def validated(self, request: Request) -> dict[str, Any]:
        """The arguments, as a TypedDict of the subclass describes them."""
        fields = self.question().fields
        several = [name for name, field in fields.items() if isinstance(field, Several)]
        refuse_unknown(request, [*fields, *OF_FILES], several=several)
        self.refuse_unknown_dialect()
        question = self.question(data=query_values(request))
        question.is_valid(raise_exception=True)
        asked = dict(question.validated_data)
        for name, model in _NAMED.items():
            if asked.get(name) and not are_visible(request.user, model, asked[name]):
                raise NothingThere(name, model)
        return asked

    def chosen(self, asked: PeriodArguments) -> QuerySet[AdAccount]:
        ids = asked.get("ad_account_id")
        return self.ad_accounts.filter(pk__in=ids) if ids else self.ad_accounts

    def report_head(self, period: Period, ad_accounts: QuerySet[AdAccount], coverage: Coverage) -> dict[str, object]:
        as_of = selection_as_of(ad_accounts=ad_accounts)
        return {
            "period": DaysShown(period).data,
            "data_as_of": as_of.as_of,
            "complete_through": complete_through(as_of, coverage),
        }

    def file(self, contents: Lines, *, rows: int) -> HttpResponseBase:
        """The whole report in the requested format, unless it is too large to be waited for. Raises TooManyRows."""
        name = f"reports/{contents.name}"
        if rows > MAX_DIRECT_ROWS:
            raise self.too_many_rows(name)
        return self.sent(contents, called=f"the {contents.name} report")

    def contents(self, request: Request) -> Lines:
        """Of a file of the whole report."""
        raise NotImplementedError

    def headers_of_file(
        self, asked: PeriodArguments, coverage: Coverage, compared: Coverage | None = None
    ) -> dict[str, str]:
        as_of = selection_as_of(ad_accounts=self.chosen(asked))
        recent = as_of_headers(as_of.as_of, complete_through(as_of, coverage))
        return recent | coverage_headers(coverage, compared)
