"""The filters of the lists; an unknown parameter is refused, not ignored.

A filter is called what the field is called that it compares. Ranges add `_from`, which is included, and `_to` for the
last day or `_before` for the first instant that is not.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import TypeVar

import django_filters as filters
from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Model, Q, QuerySet
from django_filters.fields import IsoDateTimeField

from accounts.shell.request_values import MAX_ID, BadValue, day, or_none, row_id
from ingestion.models import AudienceDemographic, SyncLog
from reporting.models import Snapshot

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


class Numbers(filters.BaseInFilter, filters.NumberFilter):  # type: ignore[misc]
    """Ids, separated by commas."""

    field_class = _Id

    def __init__(self, *args: object, **kwargs: object) -> None:
        kwargs |= {"lookup_expr": "in", "max_value": MAX_ID, "help_text": kwargs["label"]}
        super().__init__(*args, **kwargs)


class Words(filters.BaseInFilter, filters.CharFilter):  # type: ignore[misc]
    """Texts, separated by commas."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, lookup_expr="in", help_text=kwargs["label"], **kwargs)


class Choices(filters.BaseInFilter, filters.ChoiceFilter):  # type: ignore[misc]
    """Values of a fixed list, separated by commas."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, lookup_expr="in", help_text=kwargs["label"], **kwargs)


def ad_account(path: str = "account_id") -> Numbers:
    return Numbers(path, label="Ids of ad accounts, separated by commas.")


def _campaign(path: str = "campaign_id") -> Numbers:
    return Numbers(path, label="Ids of campaigns, separated by commas.")


class _Entities(filters.FilterSet):  # type: ignore[misc]
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
    id = Numbers("id", label="Ids, separated by commas.")
    name = filters.CharFilter("name", lookup_expr="icontains", label="Part of the name.")
    status = Words("status", label="Statuses, separated by commas: ACTIVE, CANCELED, …")
    currency = Words("currency", label="ISO codes, separated by commas.")


class CampaignFilters(_Entities):
    id = Numbers("id", label="Ids, separated by commas.")
    ad_account_id = ad_account()
    name = filters.CharFilter("name", lookup_expr="icontains", label="Part of the name.")
    status = Words("status", label="Statuses, separated by commas: ACTIVE, PAUSED, ARCHIVED, …")
    objective = Words("objective", label="Objectives, separated by commas.")


class CreativeFilters(_Entities):
    named = "content_name"

    id = Words("id", label="URNs, separated by commas.")
    ad_account_id = ad_account()
    campaign_id = _campaign()
    creative_name = filters.CharFilter("content_name", lookup_expr="icontains", label="Part of the name.")
    intended_status = Words("intended_status", label="Statuses, separated by commas: ACTIVE, PAUSED, …")
    review_status = Words("review_status", label="Review states, separated by commas: APPROVED, REJECTED, …")
    is_serving = Flag("is_serving", label="Whether LinkedIn serves it.")


class _Days(filters.FilterSet):  # type: ignore[misc]
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
    creative_id = Words("creative_id", label="URNs of creatives, separated by commas.")


class DemographicFilters(filters.FilterSet):  # type: ignore[misc]
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


class SyncLogFilters(filters.FilterSet):  # type: ignore[misc]
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


class RejectedRecordFilters(filters.FilterSet):  # type: ignore[misc]
    ad_account_id = ad_account()
    run_id = Numbers("run_id", label="Ids of sync runs, separated by commas.")
    endpoint = Words("endpoint", label="Endpoints, separated by commas.")


class SnapshotFilters(filters.FilterSet):  # type: ignore[misc]
    ad_account_id = ad_account("ad_account_id")
    state = Choices(
        "state",
        choices=Snapshot.State.choices,
        label=f"States, separated by commas: {', '.join(Snapshot.State.values)}.",
    )
    asked_at_from = Instant("asked_at", lookup_expr="gte", label="Requested at or after this time, ISO 8601.")
    asked_at_before = Instant("asked_at", lookup_expr="lt", label="Requested before this time, ISO 8601.")
