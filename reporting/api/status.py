"""How the data and, for those who see every ad account, the service stand."""

from dataclasses import asdict
from typing import Any

from django.conf import settings
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import access
from reporting.api.views import View, bounded_statements, refuse_unknown
from reporting.queries.data_as_of import attention, data_as_of
from reporting.queries.operations import service_state


class AdAccountStatusSerializer(serializers.Serializer[Any]):
    """How recent and complete the data of one ad account is."""

    account_id = serializers.IntegerField(source="ad_account_id", help_text="LinkedIn's id of the ad account.")
    name = serializers.CharField(help_text="Its name, or its id where it has none.")
    data_as_of = serializers.DateTimeField(
        source="as_of", allow_null=True, help_text="When its last successful sync began, UTC."
    )
    complete_through = serializers.DateField(
        allow_null=True, help_text="The last day up to which every stored day adds up to LinkedIn's own totals."
    )
    incomplete_days = serializers.IntegerField(help_text="Days that do not add up (count).")
    next_sync_at = serializers.DateTimeField(allow_null=True, help_text="When it is synced next, UTC; null if paused.")
    last_status = serializers.CharField(allow_null=True, help_text="How its last run ended, or stands.")
    last_errors = serializers.CharField(allow_null=True, help_text="What went wrong in it.")
    missing_since = serializers.DateTimeField(allow_null=True, help_text="Since when LinkedIn no longer returns it.")


class AttentionSerializer(serializers.Serializer[Any]):
    """One thing that somebody should look at."""

    severity = serializers.ChoiceField(choices=["notice", "warning", "critical"], help_text="How soon to look.")
    kind = serializers.CharField(help_text="What kind of thing, such as sync_failed or consent_ending.")
    sentence = serializers.CharField(help_text="What it is, and what to do.")
    account_id = serializers.IntegerField(allow_null=True, help_text="The ad account it is about, if one.")
    connection_id = serializers.IntegerField(allow_null=True, help_text="The LinkedIn connection it is about, if one.")
    run_id = serializers.IntegerField(allow_null=True, help_text="The sync run it is about, if one.")
    count = serializers.IntegerField(help_text="How many (count), or days left.")


class IncidentSerializer(serializers.Serializer[Any]):
    """Something wrong with the service itself."""

    kind = serializers.CharField(help_text="broker, worker, beat, consent, version, data or rejected.")
    what = serializers.CharField(help_text="What is wrong.")
    remedy = serializers.CharField(help_text="What to do.")


class ServiceSerializer(serializers.Serializer[Any]):
    """The processes behind the data."""

    workers = serializers.IntegerField(help_text="Workers that gave a sign of life (count).")
    beat_last_tick_at = serializers.DateTimeField(allow_null=True, help_text="The scheduler's last sign of life, UTC.")
    running_syncs = serializers.IntegerField(help_text="Syncs that run now (count).")
    incidents = IncidentSerializer(many=True, help_text="What somebody should look at.")


class StatusSerializer(serializers.Serializer[Any]):
    """How everything stands."""

    version = serializers.CharField(help_text="Version of this service.")
    linkedin_api_version = serializers.CharField(help_text="Version of LinkedIn's API that syncs ask for, YYYYMM.")
    ad_accounts = AdAccountStatusSerializer(many=True, help_text="Those you may see, by name.")
    attention = AttentionSerializer(many=True, help_text="What needs a person, gravest first.")
    service = ServiceSerializer(allow_null=True, help_text="Null for those who see only granted ad accounts.")


class Status(View):
    """How recent the data is and what needs attention."""

    @extend_schema(summary="Show the status", responses=StatusSerializer)
    def get(self, request: Request) -> Response:
        """Per ad account, as of when its data is and through which day it is complete; what needs a person."""
        refuse_unknown(request, ["format"])
        now = timezone.now()
        with bounded_statements():
            found = {
                "version": settings.PRODUCT_VERSION,
                "linkedin_api_version": settings.LINKEDIN_API_VERSION,
                "ad_accounts": data_as_of(ad_accounts=self.ad_accounts, now=now),
                "attention": [
                    asdict(one) | {"account_id": one.ad_account_id}
                    for one in attention(ad_accounts=self.ad_accounts, now=now)
                ],
                "service": self._service() if access.sees_every_ad_account(request.user) else None,
            }
        return Response(StatusSerializer(found).data)

    def _service(self) -> dict[str, Any]:
        state = service_state(timezone.now())
        return {
            "workers": len(state.processes.workers),
            "beat_last_tick_at": state.processes.beat_last_tick_at,
            "running_syncs": state.running_syncs,
            "incidents": [asdict(one) for one in state.incidents],
        }
