"""The status page: processes, queue, consents, sizes, versions, and what needs attention."""

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_GET

from accounts import access
from ingestion.models import Campaign
from reporting.pages.shell import for_people, page, part, wants_part, without_parameters
from reporting.queries import data_as_of
from reporting.queries.operations import service_state


@for_people
@require_GET
def status(request: HttpRequest) -> HttpResponse:
    """The status of the installation; for people who see all ad accounts."""
    if not access.sees_every_ad_account(request.user):
        raise PermissionDenied("The status covers the whole installation; ask an owner for another role.")
    without_parameters(request)
    now = timezone.now()
    context = {
        "state": service_state(now),
        "connections": data_as_of.connections_of(ad_accounts=access.visible_ad_accounts(request.user), now=now),
        "may_connect": access.may_connect_linkedin(request.user),
        "active_campaigns": Campaign.objects.filter(status="ACTIVE", missing_since=None).count(),
        "now": now,
    }
    if wants_part(request):
        return part(request, "status", context)
    return page(request, "status", context, title="Status")
