"""LinkedIn consents, the roles they bring, and the warnings sent about them."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from unfold.decorators import action

from accounts import access
from accounts.admin.base import OfAdAccountAdmin
from accounts.admin.filters import AdAccountFilter
from accounts.consents import connections
from accounts.models import ConsentWarning, LinkedInAdAccountRole, LinkedInConnection
from accounts.shell import formatting
from accounts.shell.admin_base import ReadOnlyAdmin
from accounts.shell.request_values import or_none, row_id


@admin.register(LinkedInConnection)
class LinkedInConnectionAdmin(ReadOnlyAdmin[LinkedInConnection]):
    list_display = ["__str__", "state_now", "days_left", "consent_ends", "what_to_do"]
    list_filter = ["state"]
    list_select_related = ["user"]
    search_fields = ["user__email"]
    ordering = ["id"]
    nothing_yet = "Nobody has connected LinkedIn yet. Use the button above; the first sync starts automatically."
    fields = [
        "user",
        "member_urn",
        "state_now",
        "days_left",
        "what_to_do",
        "scopes",
        "access_token_expires_at",
        "refresh_token_expires_at",
        "connected_at",
        "refreshed_at",
    ]
    actions_list = ["connect_linkedin"]
    actions_detail = ["end_consent"]

    def may_view(self, request: HttpRequest) -> bool:
        return access.may_connect_linkedin(request.user)

    def get_queryset(self, request: HttpRequest) -> QuerySet[LinkedInConnection]:
        # Never read here: a token whose key is lost must not break the page that says what to do.
        return super().get_queryset(request).defer(*_tokens())

    @admin.display(description="state", ordering="state")
    def state_now(self, connection: LinkedInConnection) -> str:
        """With `expiring`, which is not stored."""
        return connection.state_at(timezone.now()).replace("_", " ")

    @admin.display(description="consent ends in")
    def days_left(self, connection: LinkedInConnection) -> str | None:
        """Not to be taken for the access token, which is renewed until then."""
        now = timezone.now()
        days = connection.days_left(now) if connection.is_living(now) else None
        return None if days is None else f"{days:,} day{'' if days == 1 else 's'}"

    @admin.display(description="consent ends")
    def consent_ends(self, connection: LinkedInConnection) -> str:
        return formatting.instant(connection.consent_ends_at)

    @admin.display(description="what to do")
    def what_to_do(self, connection: LinkedInConnection) -> str:
        return connections.what_to_do(connection, now=timezone.now()) or "–"

    @action(description="Connect LinkedIn", url_path="connect")  # type: ignore[untyped-decorator]
    def connect_linkedin(self, request: HttpRequest) -> HttpResponse:
        return redirect("accounts:connect")

    @action(description="End this consent", url_path="end", permissions=["end_consent"])  # type: ignore[untyped-decorator]
    def end_consent(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return redirect("accounts:end_consent", connection_id=int(object_id))

    def has_end_consent_permission(self, request: HttpRequest, object_id: str) -> bool:
        rows = self.get_queryset(request)
        connection_id = or_none(row_id, object_id)
        connection = rows.filter(pk=connection_id).first() if connection_id else None
        return connection is not None and access.may_end_consent(request.user, connection)


@admin.register(ConsentWarning)
class ConsentWarningAdmin(ReadOnlyAdmin[ConsentWarning]):
    list_display = ["sent_at", "connection", "days", "consented_at"]
    list_filter = ["days"]
    ordering = ["-sent_at", "-id"]
    nothing_yet = (
        "No consent is about to end. From 60 days before, the person who gave it gets e-mails, which are listed here."
    )

    def may_view(self, request: HttpRequest) -> bool:
        return access.may_connect_linkedin(request.user)

    def get_queryset(self, request: HttpRequest) -> QuerySet[ConsentWarning]:
        return super().get_queryset(request).select_related("connection__user").defer(*_tokens("connection__"))


@admin.register(LinkedInAdAccountRole)
class LinkedInAdAccountRoleAdmin(OfAdAccountAdmin[LinkedInAdAccountRole]):
    ad_account_path = "ad_account"
    list_display = ["ad_account", "role", "connection", "lost_at"]
    list_filter = [AdAccountFilter, "role"]
    search_fields = ["ad_account__name", "connection__user__email"]
    ordering = ["ad_account__name", "id"]
    nothing_yet = "Connect LinkedIn, and the roles its member has on ad accounts appear here."

    def may_view(self, request: HttpRequest) -> bool:
        """Each row names a colleague's consent."""
        return access.may_connect_linkedin(request.user)

    def get_queryset(self, request: HttpRequest) -> QuerySet[LinkedInAdAccountRole]:
        # Joined here and not by list_select_related, which leaves out the page of one row.
        rows = super().get_queryset(request).select_related("ad_account", "connection__user")
        return rows.defer(*_tokens("connection__"))


def _tokens(prefix: str = "") -> list[str]:
    return [f"{prefix}access_token", f"{prefix}refresh_token"]
