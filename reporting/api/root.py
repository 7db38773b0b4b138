"""The root of the API: every endpoint, with its address."""

from typing import Final

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from reporting.api.views import View, refuse_unknown

# Addresses below the root, and the names of their routes. What belongs to one row is below its list.
_ENDPOINTS: Final = {
    "ad-accounts": "ad-accounts-list",
    "campaigns": "campaigns-list",
    "creatives": "creatives-list",
    "campaign-metrics": "campaign-metrics-list",
    "creative-metrics": "creative-metrics-list",
    "demographics": "demographics-list",
    "reports/performance": "report-performance",
    "reports/demographics": "report-demographics",
    "findings": "findings-list",
    "snapshots": "snapshots-list",
    "exports": "exports-list",
    "sync-logs": "sync-logs-list",
    "rejected-records": "rejected-records-list",
    "connections": "connections-list",
    "schedules": "schedules-list",
    "status": "status",
    "me": "me",
    "problems": "problems",
    "schema/": "schema",
    "docs/": "api-docs",
}
_ADDRESSES: Final = {"type": "object", "additionalProperties": {"type": "string", "format": "uri"}}


class Root(View):
    """All endpoints with their addresses."""

    @extend_schema(
        summary="List the endpoints",
        operation_id="root_retrieve",
        tags=["root"],
        responses={(200, "application/json"): _ADDRESSES},
    )
    def get(self, request: Request) -> Response:
        """Of every endpoint that is no part of another: its address under its path."""
        refuse_unknown(request, ["format"])
        return Response({path: reverse(name, request=request) for path, name in _ENDPOINTS.items()})
