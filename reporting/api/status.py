"""The status of the data and, for people who see all ad accounts, of the service."""

from dataclasses import asdict, dataclass
from datetime import datetime

from django.conf import settings
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import access
from ingestion.timetable.expected_sync import ExpectedSync
from reporting.api.views import View, bounded_statements, refuse_unknown
from reporting.queries.data_as_of import Attention, DataAsOf, attention, with_next_sync
from reporting.queries.operations import service_state


@dataclass(frozen=True, slots=True)
class AdAccountStatus:
    """One ad account as the API shows it."""

    data: DataAsOf
    next_sync: ExpectedSync


class AdAccountStatusSerializer(serializers.Serializer[AdAccountStatus]):
    """How recent and complete the data of one ad account is, and when it is synced next."""

    ad_account_id = serializers.IntegerField(source="data.ad_account_id", help_text="LinkedIn's id of the ad account.")
    ad_account_name = serializers.CharField(source="data.name", help_text="Its name, or its id if it has none.")
    data_as_of = serializers.DateTimeField(
        source="data.as_of", allow_null=True, help_text="When its last successful sync began, UTC."
    )
    complete_through = serializers.DateField(
        source="data.complete_through",
        allow_null=True,
        help_text="The last day through which all stored days match LinkedIn's own totals.",
    )
    demographics_through = serializers.DateField(
        source="data.demographics_through",
        allow_null=True,
        help_text="The last day that the demographics of every pivot hold; null where one never came whole.",
    )
    incomplete_days = serializers.IntegerField(
        source="data.incomplete_days", help_text="Days that do not add up (count)."
    )
    next_sync_at = serializers.DateTimeField(
        source="next_sync.next_at",
        allow_null=True,
        help_text="When it is synced next, UTC; null where no sync is expected.",
    )
    next_sync_reason = serializers.CharField(
        source="next_sync.reason", help_text="Why then, or why no sync is expected."
    )
    last_status = serializers.CharField(source="data.last_status", allow_null=True, help_text="Status of its last run.")
    last_errors = serializers.CharField(source="data.last_errors", allow_null=True, help_text="What went wrong in it.")
    missing_since = serializers.DateTimeField(
        source="data.missing_since", allow_null=True, help_text="Since when LinkedIn no longer returns it."
    )


class AttentionSerializer(serializers.Serializer[object]):
    """One item that needs attention."""

    severity = serializers.ChoiceField(choices=["notice", "warning", "critical"], help_text="How urgent it is.")
    kind = serializers.CharField(help_text="Kind, such as sync_failed or consent_ending.")
    sentence = serializers.CharField(help_text="What is wrong, and what to do.")
    ad_account_id = serializers.IntegerField(allow_null=True, help_text="The ad account concerned, if any.")
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
                "ad_accounts": [AdAccountStatus(*one) for one in with_next_sync(ad_accounts=self.ad_accounts, now=now)],
                "attention": [asdict(one) for one in self._attention(now)],
                "service": self._service() if access.sees_every_ad_account(request.user) else None,
            }
        return Response(StatusSerializer(found).data)

    def _attention(self, now: datetime) -> list[Attention]:
        named = access.sees_colleagues(self.request.user)
        return attention(ad_accounts=self.ad_accounts, now=now, names_people=named)

    def _service(self) -> dict[str, object]:
        state = service_state(timezone.now())
        return {
            "workers": len(state.processes.workers),
            "beat_last_tick_at": state.processes.beat_last_tick_at,
            "running_syncs": state.running_syncs,
            "incidents": [asdict(one) for one in state.incidents],
        }
