"""Snapshots: list, take and download them."""

from django.conf import settings
from django.http import FileResponse, Http404
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from accounts.api.permissions import MayTakeSnapshots, WithinTokenScope
from accounts.models import AdAccount
from accounts.shell.request_values import MAX_ID
from reporting.api import filters
from reporting.api.pagination import Order
from reporting.api.serializers import Described, RequestBody
from reporting.api.views import refuse_unknown
from reporting.api.viewsets import TableViewSet, described
from reporting.models import Snapshot
from reporting.queries import snapshot_list
from reporting.snapshots import snapshot_requests
from reporting.snapshots.snapshot_requests import NoDocument

_ORDERS = {
    "-asked_at": Order(("asked_at", "id"), descending=True),
    "asked_at": Order(("asked_at", "id")),
}


class SnapshotSerializer(Described):
    """One ad account and a range of days as a JSON document; snapshots/{id}/document is the document itself."""

    ad_account_id = serializers.IntegerField(help_text="LinkedIn's id of the ad account.")
    state = serializers.ChoiceField(choices=Snapshot.State.choices, help_text="State; written ones can be downloaded.")
    trigger = serializers.ChoiceField(choices=Snapshot.Trigger.choices, help_text="What it was written for.")
    size_bytes = serializers.IntegerField(help_text="Size of the document (bytes).")

    class Meta:
        model = Snapshot
        fields = (
            "id", "ad_account_id", "state", "trigger", "first_day", "last_day", "asked_at", "generated_at",
            "data_as_of", "confirmed_as_of", "schema_version", "size_bytes", "dropped", "trouble",
        )  # fmt: skip


class TakeSerializer(RequestBody):
    """Which ad account, and how many days."""

    ad_account_id = serializers.IntegerField(
        min_value=1, max_value=MAX_ID, help_text="LinkedIn's id of the ad account."
    )
    days = serializers.IntegerField(
        required=False,
        min_value=1,
        max_value=snapshot_requests.MAX_DAYS,
        help_text="Whole UTC days through yesterday; default as many as in a snapshot after a sync.",
    )


class NothingToDownload(NotFound):
    """There is no document yet, or it is gone."""

    remedy = "Check its state: try again later if it is queued or writing, otherwise take a new snapshot."


@described("snapshots", _ORDERS, one="a snapshot")
class Snapshots(TableViewSet[Snapshot]):
    """Ad accounts and their last days as JSON documents, for language models."""

    is_conditional = False  # snapshots change while they are written
    serializer_class = SnapshotSerializer
    filterset_class = filters.SnapshotFilters
    of_account = "ad_account"
    permission_classes = (IsAuthenticated, WithinTokenScope, MayTakeSnapshots)
    orders = _ORDERS

    def check_may_change(self, **_: object) -> None:
        self._asked()

    def _asked(self) -> tuple[AdAccount, int]:
        """The ad account, and how many days. Raises ValidationError."""
        body = TakeSerializer.read(self.request)
        ad_account = self.ad_accounts.filter(pk=body["ad_account_id"]).first()
        if ad_account is None:
            raise ValidationError({"ad_account_id": ["There is no such ad account, or you may not see it."]})
        return ad_account, body.get("days", settings.SNAPSHOT_DAYS)

    @extend_schema(
        summary="Take a snapshot",
        request=TakeSerializer,
        responses={202: OpenApiResponse(SnapshotSerializer, description="It is queued; poll it by its id.")},
    )
    def create(self, request: Request) -> Response:
        """Needs the role analyst, manager or owner and, by token, the scope read_and_sync."""
        ad_account, days = self._asked()
        snapshot = snapshot_requests.take(ad_account, days=days, asked_by=self.person, now=timezone.now())
        where = {"Location": reverse("snapshots-detail", args=[snapshot.pk], request=request)}
        return Response(SnapshotSerializer(snapshot).data, status=202, headers=where)

    @extend_schema(
        summary="Download a snapshot",
        responses={
            200: OpenApiResponse(OpenApiTypes.OBJECT, description="The document; see docs/snapshot.schema.json.")
        },
    )
    @action(detail=True, filterset_class=None, pagination_class=None)
    def document(self, request: Request, pk: int) -> FileResponse:
        """The document itself, as a file; recorded in the audit trail."""
        refuse_unknown(request, ["format"])
        found = snapshot_list.snapshot(self.ad_accounts, pk)
        if found is None:
            raise Http404("There is no such snapshot, or you may not see its ad account.")
        try:
            return snapshot_requests.download(found, by=self.person)
        except NoDocument as error:
            raise NothingToDownload(str(error)) from None
