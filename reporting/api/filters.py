"""The filters of the lists; an unknown parameter is refused, not ignored.

A filter is called what the field is called that it compares. Ranges add `_from`, which is included, and `_to` for the
last day or `_before` for the first instant that is not.
"""

import re
from collections.abc import Callable, Collection, Sequence
from datetime import UTC, date, datetime
from typing import Any, TypeVar

import django_filters as filters
from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Model, Q, QuerySet
from django_filters.fields import IsoDateTimeField
from rest_framework.exceptions import NotFound
from rest_framework.exceptions import ValidationError as Refused

from accounts.models import AdAccount
from accounts.shell.request_values import MAX_ID, BadValue, day, or_none, row_id
from ingestion.models import AudienceDemographic, Campaign, Creative, SyncLog
from reporting.models import Snapshot
from reporting.queries.visible_rows import are_visible

# LinkedIn's words, API version 202602.
_AD_ACCOUNT_STATUSES = ("ACTIVE", "CANCELED", "DRAFT", "PENDING_DELETION", "REMOVED")
_CAMPAIGN_STATUSES = (
    "ACTIVE", "PAUSED", "ARCHIVED", "COMPLETED", "CANCELED", "DRAFT", "PENDING_DELETION", "REMOVED",
)  # fmt: skip
_CREATIVE_STATUSES = ("ACTIVE", "PAUSED", "DRAFT", "ARCHIVED", "CANCELED", "PENDING_DELETION", "REMOVED")
_REVIEW_STATUSES = ("PENDING", "APPROVED", "REJECTED", "NEEDS_REVIEW")
_OBJECTIVES = (
    "BRAND_AWARENESS", "CREATIVE_ENGAGEMENT", "ENGAGEMENT", "JOB_APPLICANTS", "LEAD_GENERATION", "TALENT_LEADS",
    "VIDEO_VIEW", "WEBSITE_CONVERSION", "WEBSITE_TRAFFIC", "WEBSITE_VISIT",
)  # fmt: skip
_NO_WATERMARK = "As a watermark for a copy it loses rows: use `changes`."
Value = TypeVar("Value")
Row = TypeVar("Row", bound=Model)


def _read(read: Callable[[str], Value], text: str) -> Value:
    """The value, or the form's own error in our words."""
    try:
        return read(text)
    except BadValue as error:
        raise ValidationError(str(error)) from None


class _Instant(IsoDateTimeField):  # type: ignore[misc]
    """In UTC, since PostgreSQL refuses offsets that Python knows."""

    def clean(self, value: str) -> datetime | None:
        try:
            found: datetime | None = super().clean(value)
            return found and found.astimezone(UTC)
        except (ValidationError, OverflowError):
            raise ValidationError("Not a valid time; write it as 2026-11-20T12:00:00Z.") from None


class Instant(filters.IsoDateTimeFilter):  # type: ignore[misc]
    """A point in time, ISO 8601; UTC without an offset."""

    field_class = _Instant


class _Day(forms.DateField):
    def to_python(self, value: object) -> date | None:
        return _read(day, str(value)) if value else None


class DayFilter(filters.DateFilter):  # type: ignore[misc]
    """A day in one spelling: 3/4/2026 is another day in another country."""

    field_class = _Day


class _Flag(forms.Field):
    """True, false or nothing; Django's own field treats any other word as nothing, and so as no filter."""

    def to_python(self, value: str | None) -> bool | None:
        if not value:
            return None
        if value.lower() not in {"true", "false"}:
            raise ValidationError("Use true or false.")
        return value.lower() == "true"


class Flag(filters.BooleanFilter):  # type: ignore[misc]
    """`true` or `false`."""

    field_class = _Flag


class _Id(forms.IntegerField):
    """Digits only: Django's field also accepts 1.0."""

    def to_python(self, value: object) -> int:
        return _read(row_id, str(value).strip())


class NothingThere(NotFound):
    """A filter names a row that does not exist, or that the person may not see."""

    remedy = "Check the ids; what you may not see is not found either."

    def __init__(self, field: str, model: type[Model]) -> None:
        super().__init__(f"There is no such {model._meta.verbose_name}, or you may not see it.")
        self.field = field


class _Several(filters.BaseInFilter):  # type: ignore[misc]
    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, lookup_expr="in", help_text=kwargs["label"], **kwargs)


class _Rows(_Several):
    """Ids of rows, separated by commas; each must exist and be the person's to see: raises NothingThere."""

    def __init__(self, model: type[Model], path: str, **kwargs: object) -> None:
        super().__init__(path, **kwargs)
        self._model = model

    @property
    def _name(self) -> str:
        """What the filter is called."""
        return str(next(name for name, one in self.parent.filters.items() if one is self))

    def filter(self, qs: QuerySet[Row], value: Sequence[Any] | None) -> QuerySet[Row]:
        if value and not are_visible(self.parent.request.user, self._model, value):
            raise NothingThere(self._name, self._model)
        rows: QuerySet[Row] = super().filter(qs, value)
        return rows


class Numbers(_Rows, filters.NumberFilter):  # type: ignore[misc]
    """Rows by number."""

    field_class = _Id

    def __init__(self, model: type[Model], path: str, **kwargs: object) -> None:
        super().__init__(model, path, max_value=MAX_ID, **kwargs)


class Urns(_Rows, filters.CharFilter):  # type: ignore[misc]
    """Rows by URN."""


class Words(_Several, filters.CharFilter):  # type: ignore[misc]
    """Texts, separated by commas.

    Of LinkedIn's own words those that it documents are `known`; others must be in a row, or are misspelled.
    """

    def __init__(self, *args: object, known: Collection[str] = (), **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self._known = known

    def filter(self, qs: QuerySet[Row], value: Sequence[str] | None) -> QuerySet[Row]:
        for word in value or ():
            if self._known and word not in self._known and not qs.filter(**{self.field_name: word}).exists():
                known = ", ".join(self._known)
                raise Refused({self.field_name: [f"There is no “{word[:40]}”; choose from {known}."]})
        rows: QuerySet[Row] = super().filter(qs, value)
        return rows


class _Currencies(Words):
    """Any currency: the ad accounts may have none in it."""

    def filter(self, qs: QuerySet[Row], value: Sequence[str] | None) -> QuerySet[Row]:
        for word in value or ():
            if not re.fullmatch("[A-Z]{3}", word):
                raise Refused({self.field_name: [f"“{word[:40]}” is not a currency; give ISO codes such as EUR."]})
        return super().filter(qs, value)


class Choices(filters.BaseInFilter, filters.ChoiceFilter):  # type: ignore[misc]
    """Values of a fixed list, separated by commas."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, lookup_expr="in", help_text=kwargs["label"], **kwargs)


def ad_account(path: str = "account_id") -> Numbers:
    return Numbers(AdAccount, path, label="Ids of ad accounts, separated by commas.")


def _campaign(path: str = "campaign_id") -> Numbers:
    return Numbers(Campaign, path, label="Ids of campaigns, separated by commas.")


class Filters(filters.FilterSet):  # type: ignore[misc]
    """The filters of a list."""

    def filter_queryset(self, queryset: QuerySet[Row]) -> QuerySet[Row]:
        """Raises for a range that ends before it begins, which no row is in."""
        given = self.form.cleaned_data
        for name, start in given.items():
            for end_name in (name.removesuffix("_from") + end for end in ("_to", "_before") if name.endswith("_from")):
                end = given.get(end_name)
                if start and end and end < start:
                    raise Refused({end_name: [f"{end_name} is before {name}; swap them."]})
        rows: QuerySet[Row] = super().filter_queryset(queryset)
        return rows


class _Entities(Filters):
    """The filters that ad accounts, campaigns and creatives share; `named` is the column of their name."""

    named = "name"

    fetched_at_from = Instant(
        "fetched_at",
        lookup_expr="gte",
        label=f"Rows that LinkedIn changed since this time, ISO 8601. {_NO_WATERMARK}",
    )
    missing = Flag("missing_since", lookup_expr="isnull", exclude=True, label="Whether LinkedIn no longer returns it.")
    search = filters.CharFilter(method="find", label="Part of the name, or the whole id.")

    def find(self, rows: QuerySet[Row], _: str, text: str) -> QuerySet[Row]:
        wanted = Q(**{f"{self.named}__icontains": text})
        field = rows.model._meta.pk
        if field.get_internal_type() == "CharField" or or_none(row_id, text) is not None:
            wanted |= Q(pk=text)
        return rows.filter(wanted)


class AdAccountFilters(_Entities):
    id = Numbers(AdAccount, "id", label="Ids, separated by commas.")
    name = filters.CharFilter("name", lookup_expr="icontains", label="Part of the name.")
    status = Words(
        "status", known=_AD_ACCOUNT_STATUSES, label=f"Statuses, separated by commas: {', '.join(_AD_ACCOUNT_STATUSES)}."
    )
    currency = _Currencies("currency", label="ISO codes, separated by commas.")


class CampaignFilters(_Entities):
    id = Numbers(Campaign, "id", label="Ids, separated by commas.")
    ad_account_id = ad_account()
    name = filters.CharFilter("name", lookup_expr="icontains", label="Part of the name.")
    status = Words(
        "status", known=_CAMPAIGN_STATUSES, label=f"Statuses, separated by commas: {', '.join(_CAMPAIGN_STATUSES)}."
    )
    objective = Words(
        "objective", known=_OBJECTIVES, label=f"Objectives, separated by commas: {', '.join(_OBJECTIVES)}."
    )


class CreativeFilters(_Entities):
    named = "content_name"

    id = Urns(Creative, "id", label="URNs, separated by commas.")
    ad_account_id = ad_account()
    campaign_id = _campaign()
    creative_name = filters.CharFilter("content_name", lookup_expr="icontains", label="Part of the name.")
    intended_status = Words(
        "intended_status",
        known=_CREATIVE_STATUSES,
        label=f"Statuses, separated by commas: {', '.join(_CREATIVE_STATUSES)}.",
    )
    review_status = Words(
        "review_status",
        known=_REVIEW_STATUSES,
        label=f"Review states, separated by commas: {', '.join(_REVIEW_STATUSES)}.",
    )
    is_serving = Flag("is_serving", label="Whether LinkedIn serves it.")


class _Days(Filters):
    date_from = DayFilter("date", lookup_expr="gte", label="First UTC day, YYYY-MM-DD.")
    date_to = DayFilter("date", lookup_expr="lte", label="Last UTC day, YYYY-MM-DD.")
    fetched_at_from = Instant(
        "fetched_at", lookup_expr="gte", label=f"Rows with new figures since this time, ISO 8601. {_NO_WATERMARK}"
    )


class CampaignMetricFilters(_Days):
    ad_account_id = ad_account("campaign__account_id")
    campaign_id = _campaign()


class CreativeMetricFilters(_Days):
    ad_account_id = ad_account("creative__account_id")
    campaign_id = _campaign("creative__campaign_id")
    creative_id = Urns(Creative, "creative_id", label="URNs of creatives, separated by commas.")


class DemographicFilters(Filters):
    ad_account_id = ad_account()
    pivot_type = Choices(
        "pivot_type",
        choices=AudienceDemographic.PivotType.choices,
        label=f"Pivots, separated by commas: {', '.join(AudienceDemographic.PivotType.values)}.",
    )
    segment = Words("segment", label="URNs or enum values of segments, separated by commas.")
    month_start_from = DayFilter("date_start", lookup_expr="gte", label="First day of the first month.")
    month_start_to = DayFilter("date_start", lookup_expr="lte", label="First day of the last month.")
    fetched_at_from = Instant(
        "fetched_at", lookup_expr="gte", label=f"Rows with new figures since this time, ISO 8601. {_NO_WATERMARK}"
    )


class SyncLogFilters(Filters):
    ad_account_id = ad_account()
    status = Choices(
        "status",
        choices=SyncLog.Status.choices,
        label=f"Statuses, separated by commas: {', '.join(SyncLog.Status.values)}.",
    )
    started_at_from = Instant("started_at", lookup_expr="gte", label="Started at or after this time, ISO 8601.")
    started_at_before = Instant("started_at", lookup_expr="lt", label="Started before this time, ISO 8601.")
    error_kind = Choices(
        "error_kind",
        choices=SyncLog.ErrorKind.choices,
        label=f"Kinds of error, separated by commas: {', '.join(SyncLog.ErrorKind.values)}.",
    )


class RejectedRecordFilters(Filters):
    ad_account_id = ad_account()
    run_id = Numbers(SyncLog, "run_id", label="Ids of sync runs, separated by commas.")
    endpoint = Words("endpoint", label="Endpoints, separated by commas.")


class SnapshotFilters(Filters):
    ad_account_id = ad_account("ad_account_id")
    state = Choices(
        "state",
        choices=Snapshot.State.choices,
        label=f"States, separated by commas: {', '.join(Snapshot.State.values)}.",
    )
    asked_at_from = Instant("asked_at", lookup_expr="gte", label="Requested at or after this time, ISO 8601.")
    asked_at_before = Instant("asked_at", lookup_expr="lt", label="Requested before this time, ISO 8601.")
