"""The fields of the API's rows: names, units and meanings; the rows themselves are plain values.

A field's source is the column it shows; `viewsets.py` selects these columns and no others.
"""

import json
from typing import Any

from django_celery_beat.models import PeriodicTask
from drf_spectacular.utils import OpenApiExample, extend_schema_field, extend_schema_serializer
from rest_framework import serializers
from rest_framework.exceptions import ParseError
from rest_framework.request import Request

from accounts.models import AdAccount, LinkedInConnection
from ingestion import catalogue
from ingestion.models import (
    AudienceDemographic,
    Campaign,
    CampaignDailyMetric,
    Creative,
    CreativeDailyMetric,
    RejectedRecord,
    SyncLog,
)
from ingestion.timetable import schedules
from reporting.metrics import DAILY, Type, sentence


def _described(metric: catalogue.Metric) -> str:
    unit = metric.unit.value if metric.type is Type.COUNT else f"{metric.unit}, a decimal string"
    return f"{sentence(metric)} ({unit})."


# What the columns are called whose name outside is another.
_COLUMNS = {
    "campaign_group_urn": "campaign_group",
    "creative_name": "content_name",
    "last_day_counted": "date_end",
    "month_start": "date_start",
    "share_percent": "share_pct",
}
_METRICS = tuple(metric.column for metric in DAILY)
_RATIOS = ("ctr_percent", "cpc")
_METRICS_DESCRIBED = {metric.column: _described(metric) for metric in catalogue.CATALOGUE}
_DESCRIBED = {
    "ad_account_id": "LinkedIn's id of the ad account.",
    "campaign_id": "LinkedIn's id of the campaign.",
    "creative_id": "URN of the creative.",
    "name": "Name at LinkedIn.",
    "currency": "ISO code of all amounts in this row.",
    "created_at": "When it was created, UTC.",
    "last_modified_at": "When it was last changed at LinkedIn, UTC.",
    "run_schedule_start_at": "When the campaign starts, UTC.",
    "daily_budget": "Daily budget, a decimal string in daily_budget_currency.",
    "daily_budget_currency": "ISO code of daily_budget.",
    "total_budget": "Lifetime budget, a decimal string in total_budget_currency.",
    "total_budget_currency": "ISO code of total_budget.",
    "audience_expansion_enabled": "Whether LinkedIn may also show it to similar people.",
    "format": "Ad format, such as STANDARD_UPDATE or SINGLE_VIDEO.",
    "serving_statuses": "Why it runs or not: RUNNABLE, STOPPED, …",
    "serving_hold_reasons": "Why LinkedIn does not serve it; empty if it does.",
    "pivot_type": "The dimension that segments the audience.",
    "segment_name": "Display name of the segment.",
    "started_at": "When the run started, UTC; while queued, when it was requested.",
    "finished_at": "When the run ended, UTC; empty while queued or running.",
    "status": "Current status.",
    "trigger": "What started it.",
    "campaigns_fetched": "Campaigns received (count).",
    "creatives_fetched": "Creatives received (count).",
    "error_kind": "Kind of error that ended it.",
    "endpoint": "The LinkedIn endpoint that sent the record.",
    "run_id": "The sync run that rejected it; see sync-logs.",
    "id": "Number of the row.",
    "state": "active, expiring (under 60 days left), needs_consent or revoked.",
    "scopes": "Permissions that the consent grants.",
    "access_token_expires_at": "When the access token expires, UTC; it is renewed before.",
    "connected_at": "When the person last gave consent, UTC.",
    "refreshed_at": "When the access token was last renewed, UTC.",
    "enabled": "Whether it runs.",
    "task": "The task that runs.",
    "last_run_at": "When it was last due, UTC.",
    "total_run_count": "Number of times it ran (count).",
}


class RequestBody(serializers.Serializer[object]):
    """The body of a POST; unknown fields are refused, not ignored, since they are usually misspelled."""

    @classmethod
    def read(cls, request: Request) -> dict[str, Any]:
        """The validated fields. Raises ParseError and ValidationError."""
        _require_unicode(request.data)
        body = cls(data=request.data)
        body.is_valid(raise_exception=True)
        return dict(body.validated_data)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        for name in self.initial_data:
            if name not in self.fields:
                known = ", ".join(self.fields)
                raise serializers.ValidationError({name: [f"Unknown field; use {known}."]})
        return dict(super().validate(attrs))


def _require_unicode(data: object) -> None:
    """JSON can spell halves of characters, which neither PostgreSQL nor a reply can hold. Raises ParseError."""
    try:
        json.dumps(data, ensure_ascii=False, default=str).encode()
    except UnicodeEncodeError:
        raise ParseError("The body holds half of a character (a lone surrogate).") from None


class Described(serializers.ModelSerializer[Any]):
    """A serializer that describes each of its fields."""

    def get_extra_kwargs(self) -> dict[str, Any]:
        kwargs: dict[str, Any] = super().get_extra_kwargs()
        return kwargs | {name: {"source": column} for name, column in _COLUMNS.items()}

    def get_fields(self) -> dict[str, Any]:
        fields = super().get_fields()
        for name, field in fields.items():
            field.help_text = _METRICS_DESCRIBED.get(name) or field.help_text or _DESCRIBED[name]
            field.read_only = True
            # `fields` may leave out each of them.
            field.required = False
        return fields


class AdAccountSerializer(Described):
    class Meta:
        model = AdAccount
        fields = (
            "id", "name", "status", "currency", "type", "is_test", "created_at", "fetched_at", "missing_since",
        )  # fmt: skip


class CampaignSerializer(Described):
    """A campaign (ad set in Campaign Manager)."""

    ad_account_id = serializers.IntegerField(
        source="account_id", help_text=_DESCRIBED["ad_account_id"], allow_null=True
    )

    class Meta:
        model = Campaign
        fields = (
            "id", "ad_account_id", "name", "status", "type", "objective", "format", "cost_type", "bid_strategy",
            "unit_cost", "daily_budget", "daily_budget_currency", "total_budget", "total_budget_currency",
            "creative_selection", "offsite_delivery_enabled", "audience_expansion_enabled", "campaign_group_urn",
            "serving_statuses", "run_schedule_start_at", "run_schedule_end_at", "created_at", "last_modified_at",
            "fetched_at", "missing_since",
        )  # fmt: skip


class CreativeSerializer(Described):
    ad_account_id = serializers.IntegerField(
        source="account_id", help_text=_DESCRIBED["ad_account_id"], allow_null=True
    )
    campaign_id = serializers.IntegerField(help_text=_DESCRIBED["campaign_id"], allow_null=True)

    class Meta:
        model = Creative
        fields = (
            "id", "ad_account_id", "campaign_id", "creative_name", "intended_status", "is_serving", "review_status",
            "serving_hold_reasons", "content_reference", "created_at", "last_modified_at", "fetched_at",
            "missing_since",
        )  # fmt: skip


def _ctr_percent() -> serializers.DecimalField:
    meaning = "Clicks per hundred impressions (percent, a decimal string); null without impressions."
    return serializers.DecimalField(source="ctr", max_digits=20, decimal_places=6, allow_null=True, help_text=meaning)


class _DayOfFigures(Described):
    ctr_percent = _ctr_percent()
    cpc = serializers.DecimalField(
        max_digits=24,
        decimal_places=10,
        allow_null=True,
        help_text="Cost per click (money, a decimal string); null without clicks.",
    )


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "A day of a campaign",
            response_only=True,
            value={
                "date": "2026-11-19",
                "ad_account_id": 500000001,
                "campaign_id": 600000001,
                "currency": "EUR",
                "impressions": 1000,
                "clicks": 20,
                "spend": "50.0000000000",
                "leads": 2,
                "ctr_percent": "2.000000",
                "cpc": "2.5000000000",
                "fetched_at": "2026-11-20T12:00:00Z",
            },
        )
    ]
)
class CampaignMetricSerializer(_DayOfFigures):
    """One campaign's metrics on one day, as counted by LinkedIn."""

    campaign_id = serializers.IntegerField(help_text=_DESCRIBED["campaign_id"])
    ad_account_id = serializers.IntegerField(
        source="campaign.account_id", help_text=_DESCRIBED["ad_account_id"], allow_null=True
    )
    currency = serializers.CharField(
        source="campaign.account.currency", help_text=_DESCRIBED["currency"], allow_null=True
    )

    class Meta:
        model = CampaignDailyMetric
        fields = ("date", "ad_account_id", "campaign_id", "currency", *_METRICS, *_RATIOS, "fetched_at")


class CreativeMetricSerializer(_DayOfFigures):
    """One creative's metrics on one day, as counted by LinkedIn."""

    creative_id = serializers.CharField(help_text=_DESCRIBED["creative_id"])
    campaign_id = serializers.IntegerField(
        source="creative.campaign_id", help_text=_DESCRIBED["campaign_id"], allow_null=True
    )
    ad_account_id = serializers.IntegerField(
        source="creative.account_id", help_text=_DESCRIBED["ad_account_id"], allow_null=True
    )
    currency = serializers.CharField(
        source="creative.account.currency", help_text=_DESCRIBED["currency"], allow_null=True
    )

    class Meta:
        model = CreativeDailyMetric
        fields = ("date", "ad_account_id", "campaign_id", "creative_id", "currency", *_METRICS, *_RATIOS, "fetched_at")


class DemographicSerializer(Described):
    """One segment of the audience in one calendar month."""

    ctr_percent = _ctr_percent()
    ad_account_id = serializers.IntegerField(source="account_id", help_text=_DESCRIBED["ad_account_id"])
    currency = serializers.CharField(source="account.currency", help_text=_DESCRIBED["currency"], allow_null=True)

    class Meta:
        model = AudienceDemographic
        fields = (
            "month_start", "last_day_counted", "ad_account_id", "pivot_type", "segment", "segment_name", "currency",
            *(metric.column for metric in catalogue.DEMOGRAPHIC), "ctr_percent", "share_percent", "fetched_at",
        )  # fmt: skip


class SyncLogSerializer(Described):
    """One sync run; without an ad account, a discovery of ad accounts."""

    ad_account_id = serializers.IntegerField(
        source="account_id", help_text=_DESCRIBED["ad_account_id"], allow_null=True
    )

    class Meta:
        model = SyncLog
        fields = (
            "id", "ad_account_id", "status", "trigger", "forced", "started_at", "finished_at", "first_day", "last_day",
            "campaigns_fetched", "creatives_fetched", "api_calls_made", "api_calls_throttled", "rows_stored",
            "rows_rejected", "error_kind", "errors", "notes", "reason", "progress", "heartbeat_at",
        )  # fmt: skip


class RejectedRecordSerializer(Described):
    """An invalid record from LinkedIn; it is not in any figures."""

    ad_account_id = serializers.IntegerField(
        source="account_id", help_text=_DESCRIBED["ad_account_id"], allow_null=True
    )
    run_id = serializers.IntegerField(help_text=_DESCRIBED["run_id"])

    class Meta:
        model = RejectedRecord
        fields = ("id", "run_id", "ad_account_id", "endpoint", "reason", "payload", "created_at")


class ConnectionSerializer(Described):
    """A LinkedIn consent, without its tokens."""

    person = serializers.SerializerMethodField(help_text="Who gave consent; null if unknown.")
    state = serializers.SerializerMethodField(help_text=_DESCRIBED["state"])
    consent_ends_at = serializers.DateTimeField(help_text="When the access can no longer be renewed, UTC.")

    class Meta:
        model = LinkedInConnection
        fields = (
            "id", "person", "state", "scopes", "consent_ends_at", "access_token_expires_at", "connected_at",
            "refreshed_at", "trouble",
        )  # fmt: skip

    @extend_schema_field(serializers.EmailField(allow_null=True))
    def get_person(self, connection: LinkedInConnection) -> str | None:
        return connection.user.email if connection.user else None

    @extend_schema_field(serializers.ChoiceField(choices=["active", "expiring", "needs_consent", "revoked"]))
    def get_state(self, connection: LinkedInConnection) -> str:
        return connection.state_at(self.context["now"])


class ScheduleSerializer(Described):
    """One entry of the timetable."""

    ad_account_id = serializers.SerializerMethodField(help_text="The ad account it syncs; null for other entries.")
    every = serializers.SerializerMethodField(help_text="How often, in words.")

    class Meta:
        model = PeriodicTask
        fields = ("id", "name", "task", "ad_account_id", "every", "enabled", "last_run_at", "total_run_count")

    @extend_schema_field(serializers.IntegerField(allow_null=True))
    def get_ad_account_id(self, task: PeriodicTask) -> int | None:
        return schedules.ad_account_of(task)

    def get_every(self, task: PeriodicTask) -> str:
        return str(task.scheduler)
