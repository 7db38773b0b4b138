"""The status of the data and, for people who see all ad accounts, of the service."""

from dataclasses import asdict

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


class AdAccountStatusSerializer(serializers.Serializer[object]):
    """How recent and complete the data of one ad account is."""

    account_id = serializers.IntegerField(source="ad_account_id", help_text="LinkedIn's id of the ad account.")
    name = serializers.CharField(help_text="Its name, or its id if it has none.")
    data_as_of = serializers.DateTimeField(
        source="as_of", allow_null=True, help_text="Start of its last successful sync, UTC."
    )
    complete_through = serializers.DateField(
        allow_null=True, help_text="The last day through which all stored days match LinkedIn's own totals."
    )
    incomplete_days = serializers.IntegerField(help_text="Days that do not match (count).")
    next_sync_at = serializers.DateTimeField(allow_null=True, help_text="Next sync, UTC; null if paused.")
    last_status = serializers.CharField(allow_null=True, help_text="Status of its last run.")
    last_errors = serializers.CharField(allow_null=True, help_text="Errors of its last run.")
    missing_since = serializers.DateTimeField(allow_null=True, help_text="Since when LinkedIn no longer returns it.")


class AttentionSerializer(serializers.Serializer[object]):
    """Something that needs attention."""

    severity = serializers.ChoiceField(choices=["notice", "warning", "critical"], help_text="How urgent it is.")
    kind = serializers.CharField(help_text="Kind, such as sync_failed or consent_ending.")
    sentence = serializers.CharField(help_text="What is wrong, and what to do.")
    account_id = serializers.IntegerField(allow_null=True, help_text="The ad account concerned, if any.")
    connection_id = serializers.IntegerField(allow_null=True, help_text="The LinkedIn connection concerned, if any.")
    run_id = serializers.IntegerField(allow_null=True, help_text="The sync run concerned, if any.")
    count = serializers.IntegerField(help_text="How many (count), or days left.")


class IncidentSerializer(serializers.Serializer[object]):
    """Something wrong with the service itself."""

    kind = serializers.CharField(help_text="broker, worker, beat, consent, version, data or rejected.")
    what = serializers.CharField(help_text="What is wrong.")
    remedy = serializers.CharField(help_text="What to do.")


class ServiceSerializer(serializers.Serializer[object]):
    """The processes behind the data."""

    workers = serializers.IntegerField(help_text="Workers with a recent heartbeat (count).")
    beat_last_tick_at = serializers.DateTimeField(allow_null=True, help_text="The scheduler's last heartbeat, UTC.")
    running_syncs = serializers.IntegerField(help_text="Syncs running now (count).")
    incidents = IncidentSerializer(many=True, help_text="What needs attention.")


class StatusSerializer(serializers.Serializer[object]):
    """The status of everything."""

    version = serializers.CharField(help_text="Version of this service.")
    linkedin_api_version = serializers.CharField(help_text="LinkedIn API version in use, YYYYMM.")
    ad_accounts = AdAccountStatusSerializer(many=True, help_text="Those you may see, by name.")
    attention = AttentionSerializer(many=True, help_text="What needs attention, most severe first.")
    service = ServiceSerializer(allow_null=True, help_text="Null for people who see only granted ad accounts.")


class Status(View):
    """How recent the data is and what needs attention."""

    @extend_schema(summary="Show the status", responses=StatusSerializer)
    def get(self, request: Request) -> Response:
        """Per ad account, how recent its data is and through which day it is complete; what needs attention."""
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

    def _service(self) -> dict[str, object]:
        state = service_state(timezone.now())
        return {
            "workers": len(state.processes.workers),
            "beat_last_tick_at": state.processes.beat_last_tick_at,
            "running_syncs": state.running_syncs,
            "incidents": [asdict(one) for one in state.incidents],
        }
