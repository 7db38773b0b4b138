"""The audit trail, for owners."""

from django.contrib import admin
from django.http import HttpRequest

from accounts import access
from accounts.admin.base import EstimatingPaginator, ReadOnlyAdmin
from accounts.models import AuditEvent


@admin.register(AuditEvent)
class AuditEventAdmin(ReadOnlyAdmin):
    list_display = ["happened_at", "kind", "actor_email", "ad_account_id", "detail"]
    list_filter = ["kind"]
    search_fields = ["actor_email", "kind", "ad_account_id__exact"]
    date_hierarchy = "happened_at"
    ordering = ["-happened_at", "-id"]
    paginator = EstimatingPaginator

    def may_view(self, request: HttpRequest) -> bool:
        return access.may_manage_people(request.user)
