"""Ad accounts: read them, plan and start syncs, check them."""

from datetime import date

from django.http import Http404
from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema, extend_schema_serializer
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.exceptions import APIException
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from accounts.api.permissions import MayChangeFindings, MaySync, WithinTokenScope
from accounts.models import AdAccount
from ingestion.models import SyncLog
from ingestion.timetable import sync_requests
from reporting.api import filters
from reporting.api.pagination import Order
from reporting.api.schema import ProblemSerializer
from reporting.api.serializers import AdAccountSerializer, RequestBody, SyncLogSerializer
from reporting.api.views import refuse_unknown
from reporting.api.viewsets import TableViewSet, described
from reporting.checks import check_requests
from reporting.queries.check_runs import check_status

_ORDERS = {
    "name": Order(("name", "id")),
    "-name": Order(("name", "id"), descending=True),
    "id": Order(("id",)),
    "-id": Order(("id",), descending=True),
}


class DaysSerializer(serializers.Serializer[object]):
    """Which days; without them, those of the next scheduled sync."""

    first_day = serializers.DateField(required=False, allow_null=True, help_text="First UTC day to fetch.")
    last_day = serializers.DateField(required=False, allow_null=True, help_text="Last UTC day to fetch.")

    def validate(self, attrs: dict[str, date | None]) -> dict[str, date | None]:
        try:
            sync_requests.check_days(attrs.get("first_day"), attrs.get("last_day"), today=timezone.now().date())
        except sync_requests.WrongDays as error:
            raise serializers.ValidationError({error.which: [str(error)]}) from None
        return attrs


class StartSerializer(RequestBody, DaysSerializer):
    """How to sync; an empty body means a sync as the timetable starts it."""

    force = serializers.BooleanField(default=False, help_text="Sync even if the data is fresh.")


class StartedSerializer(serializers.Serializer[object]):
    """The outcome of the request."""

    reason = serializers.CharField(help_text="Why nothing was started; empty if a sync was.")
    run = SyncLogSerializer(allow_null=True, help_text="The queued run; null if none.")


@extend_schema_serializer(component_name="AlreadyRunning")
class AlreadyRunningSerializer(ProblemSerializer):
    """The problem, and the run that is already queued or running."""

    run = SyncLogSerializer(required=False, help_text="The run that is already queued or running.")


@extend_schema_serializer(component_name="NotChecked")
class NotCheckedSerializer(serializers.Serializer[object]):
    """What one rule could not check, and why."""

    rule_id = serializers.CharField(source="rule", help_text="The rule; docs/action-center.md describes each.")
    reason = serializers.CharField(help_text="Why it could not.")
    count = serializers.IntegerField(help_text="Campaigns or creatives (count); 0 if it could check nothing.")


@extend_schema_serializer(component_name="LastCheck")
class CheckRunSerializer(serializers.Serializer[object]):
    """The last check of an ad account, and whether another is under way."""

    ad_account_id = serializers.IntegerField(source="account_id", help_text="LinkedIn's id of the ad account.")
    checked_at = serializers.DateTimeField(
        source="judged_at", allow_null=True, help_text="When it was last checked, UTC; null if never."
    )
    as_of = serializers.DateTimeField(allow_null=True, help_text="Start of the sync whose data was checked, UTC.")
    campaigns = serializers.IntegerField(help_text="Active campaigns checked (count).")
    found = serializers.IntegerField(help_text="Findings of this check, in any state (count).")
    not_checked = NotCheckedSerializer(source="unjudged", many=True, help_text="What was not checked.")
    waiting_since = serializers.DateTimeField(
        allow_null=True, help_text="Since when another check has been waiting or running, UTC; null if none."
    )
    trouble = serializers.CharField(
        help_text="Why the check that was requested last could not be made, and what to do; empty if it was made."
    )


class AlreadyRunning(APIException):
    """A sync of the ad account is queued or running."""

    status_code = 409
    remedy = "Wait until it ends."

    def __init__(self, reason: str, run: SyncLog) -> None:
        super().__init__(reason)
        self.members = {"run": _shown(run)}


class NeverSynced(APIException):
    status_code = 409
    default_detail = "No sync of this ad account has stored anything, so there is nothing to check."
    remedy = "Sync it first; the check follows automatically."


class PlanSerializer(serializers.Serializer[object]):
    """The requests a sync would send to LinkedIn."""

    ad_account_id = serializers.IntegerField(help_text="LinkedIn's id of the ad account.")
    first_day = serializers.DateField(help_text="First UTC day it would fetch.")
    last_day = serializers.DateField(help_text="Last UTC day it would fetch.")
    entities_known = serializers.BooleanField(
        help_text="False before the first sync; calls are then a minimum and rows are 0."
    )
    calls = serializers.DictField(child=serializers.IntegerField(), help_text="Requests to LinkedIn by step (count).")
    rows = serializers.DictField(child=serializers.IntegerField(), help_text="Rows expected by table (count).")
    total_calls = serializers.IntegerField(help_text="Requests to LinkedIn (count).")
    total_rows = serializers.IntegerField(help_text="Rows expected (count).")
    seconds = serializers.FloatField(help_text="Estimated duration (seconds).")


@described("ad accounts", _ORDERS, one="an ad account")
class AdAccounts(TableViewSet[AdAccount]):
    """LinkedIn ad accounts."""

    serializer_class = AdAccountSerializer
    filterset_class = filters.AdAccountFilters
    of_account = "pk"
    orders = _ORDERS

    def check_may_change(self, *, pk: int) -> None:  # type: ignore[override]
        self._own(pk)

    @extend_schema(
        summary="Start a sync",
        request=StartSerializer,
        responses={
            200: OpenApiResponse(StartedSerializer, description="The data is fresh; nothing was started."),
            202: OpenApiResponse(StartedSerializer, description="The sync is queued."),
            409: OpenApiResponse(
                AlreadyRunningSerializer, description="A sync of this ad account is already queued or running."
            ),
        },
        examples=[
            OpenApiExample(
                "Sync a week again", {"first_day": "2026-11-09", "last_day": "2026-11-15"}, request_only=True
            )
        ],
    )
    @action(detail=True, methods=["post"], permission_classes=[IsAuthenticated, WithinTokenScope, MaySync])
    def sync(self, request: Request, pk: int) -> Response:
        """Needs the role owner or manager and, by token, the scope read_and_sync or read_and_change."""
        ad_account = self._own(pk)
        body = StartSerializer.read(request)
        [asked] = sync_requests.start_syncs([ad_account.pk], requested_by=self.person, now=timezone.now(), **body)
        if asked.run:
            where = {"Location": reverse("sync-logs-detail", args=[asked.run.pk], request=request)}
            return Response({"reason": "", "run": _shown(asked.run)}, status=202, headers=where)
        if asked.running:
            raise AlreadyRunning(asked.reason, asked.running)
        return Response({"reason": asked.reason, "run": None})

    @extend_schema(summary="Plan a sync", parameters=[DaysSerializer], responses=PlanSerializer)
    @action(detail=True, filterset_class=None, pagination_class=None)
    def plan(self, request: Request, pk: int) -> Response:
        """The requests a sync would send, estimated from stored data; sends nothing to LinkedIn."""
        refuse_unknown(request, [*DaysSerializer().fields, "format"])
        ad_account = self._own(pk)
        asked = DaysSerializer(data=request.query_params.dict())
        asked.is_valid(raise_exception=True)
        days: dict[str, date | None] = {"first_day": None, "last_day": None, **asked.validated_data}
        [plan] = sync_requests.plan_syncs([ad_account.pk], now=timezone.now(), **days)
        return Response(PlanSerializer(plan).data)

    @extend_schema(summary="Show the last check", responses=CheckRunSerializer)
    @action(
        detail=True,
        url_path="audit",
        url_name="audit",
        filterset_class=None,
        pagination_class=None,
        permission_classes=[IsAuthenticated, WithinTokenScope, MayChangeFindings],
    )
    def last_check(self, request: Request, pk: int) -> Response:
        """When the ad account was last checked, and what was not checked; the findings are under `findings`."""
        refuse_unknown(request, ["format"])
        return Response(CheckRunSerializer(check_status(self._own(pk).pk)).data)

    @extend_schema(
        summary="Check now",
        request=None,
        responses={
            202: OpenApiResponse(CheckRunSerializer, description="The check is queued."),
            409: OpenApiResponse(ProblemSerializer, description="The ad account was never synced."),
        },
    )
    @last_check.mapping.post
    def check_now(self, request: Request, pk: int) -> Response:
        """As after a sync. Needs the role owner, manager or analyst and, by token, the scope read_and_change."""
        own = self._own(pk)
        if not check_requests.check_now([own.pk], by=self.person, now=timezone.now()):
            raise NeverSynced
        where = {"Location": reverse("ad-accounts-audit", args=[own.pk], request=request)}
        return Response(CheckRunSerializer(check_status(own.pk)).data, status=202, headers=where)

    def _own(self, pk: int) -> AdAccount:
        found = self.ad_accounts.filter(pk=pk).first()
        if found is None:
            raise Http404("There is no such ad account, or you may not see it.")
        return found


def _shown(run: SyncLog) -> dict[str, object]:
    return dict(SyncLogSerializer(run).data)
