"""Endpoints of this room, under /api/v1/."""

from django.contrib.admin.views.decorators import staff_member_required
from django.urls import path, register_converter
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.routers import SimpleRouter

from accounts.shell.request_values import or_none, row_id
from reporting.api import viewsets
from reporting.api.ad_accounts import AdAccounts
from reporting.api.demographics_report import DemographicsReportView
from reporting.api.exports import Exports
from reporting.api.findings import Findings
from reporting.api.performance_report import PerformanceReportView
from reporting.api.root import Root
from reporting.api.snapshots import Snapshots
from reporting.api.status import Status


class _RowId:
    """The id of a row. What is none leads to the same place as one that no row has."""

    regex = "[^/]+"

    def to_python(self, value: str) -> int:
        found = or_none(row_id, value)
        return -1 if found is None else found

    def to_url(self, value: int | str) -> str:
        return str(value)


register_converter(_RowId, "row")
router = SimpleRouter(trailing_slash=False, use_regex_path=False)
router.register("ad-accounts", AdAccounts, "ad-accounts")
router.register("campaigns", viewsets.Campaigns, "campaigns")
router.register("creatives", viewsets.Creatives, "creatives")
router.register("campaign-metrics", viewsets.CampaignMetrics, "campaign-metrics")
router.register("creative-metrics", viewsets.CreativeMetrics, "creative-metrics")
router.register("demographics", viewsets.Demographics, "demographics")
router.register("findings", Findings, "findings")
router.register("sync-logs", viewsets.SyncLogs, "sync-logs")
router.register("rejected-records", viewsets.RejectedRecords, "rejected-records")
router.register("snapshots", Snapshots, "snapshots")
router.register("exports", Exports, "exports")
router.register("connections", viewsets.Connections, "connections")
router.register("schedules", viewsets.Schedules, "schedules")

urlpatterns = [
    *router.urls,
    # The same as without the slash, where the document has it.
    path("", Root.as_view(schema=None)),
    path("status", Status.as_view(), name="status"),
    path("reports/performance", PerformanceReportView.as_view(), name="report-performance"),
    path("reports/demographics", DemographicsReportView.as_view(), name="report-demographics"),
    path("schema/", SpectacularAPIView.as_view(), name="schema"),
    path("docs/", staff_member_required(SpectacularSwaggerSplitView.as_view(url_name="schema")), name="api-docs"),
]
