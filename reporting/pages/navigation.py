"""The frame around every page: the icon and the sidebar.

Unfold loads these by dotted path (`UNFOLD` in the settings). An entry is shown to people who may open its page: a list
of rows asks its own admin, which asks `accounts/access.py`, so no entry leads to a refusal.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypedDict

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.templatetags.static import static
from django.urls import reverse
from django_celery_beat.models import PeriodicTask

from accounts import access
from accounts.access import Asker
from accounts.models import (
    AdAccount,
    AdAccountAccess,
    ApiToken,
    AuditAlert,
    AuditDelivery,
    AuditEvent,
    ConsentWarning,
    FailedLogin,
    Invitation,
    LinkedInAdAccountRole,
    LinkedInConnection,
    RemovedAdAccount,
    ServiceAccount,
    User,
)
from ingestion.models import (
    AccountDailyTotal,
    AdAccountSettings,
    AudienceDemographic,
    Campaign,
    CampaignDailyMetric,
    Creative,
    CreativeDailyMetric,
    IncompleteDay,
    RejectedRecord,
    SyncedAdAccount,
    SyncLog,
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the sidebar; `symbol` is the name of a Material Symbol that comes with Unfold."""

    title: str
    symbol: str
    url_name: str
    may_see: Callable[[HttpRequest], bool]


def _rows(title: str, symbol: str, model: type[Model]) -> Entry:
    """The list of a table's rows."""
    return Entry(
        title=title,
        symbol=symbol,
        url_name=f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist",
        # Looked up on each call, since the admins may register after this module is imported.
        may_see=lambda request: admin.site.get_model_admin(model).has_view_permission(request),
    )


def _page(title: str, symbol: str, url_name: str, may_see: Callable[[Asker], bool] = access.may_enter) -> Entry:
    """A page of our own; it decides what it shows to whom."""
    return Entry(title=title, symbol=symbol, url_name=url_name, may_see=lambda request: may_see(request.user))


GROUPS = {
    # The main pages come first, without a title.
    "": (
        _page("Overview", "home", "admin:index"),
        _page("Visual report", "bar_chart", "reporting:report"),
        _page("Action center", "checklist", "reporting:actions"),
        _page("Snapshots", "data_object", "reporting:snapshots"),
        _page("Exports", "download", "reporting:exports"),
        _page("Sync", "sync", "reporting:sync"),
        _page("Status", "monitor_heart", "reporting:status", access.sees_every_ad_account),
    ),
    "Data": (
        _rows("Ad accounts", "storefront", AdAccount),
        _rows("Campaigns", "campaign", Campaign),
        _rows("Creatives", "image", Creative),
        _rows("Campaign metrics", "monitoring", CampaignDailyMetric),
        _rows("Creative metrics", "show_chart", CreativeDailyMetric),
        _rows("Demographics", "groups", AudienceDemographic),
        _rows("Daily totals", "functions", AccountDailyTotal),
        _rows("Removed ad accounts", "delete", RemovedAdAccount),
    ),
    "Sync": (
        _rows("Ad account states", "fact_check", SyncedAdAccount),
        _rows("Runs", "history", SyncLog),
        _rows("Rejected records", "block", RejectedRecord),
        _rows("Incomplete days", "event_busy", IncompleteDay),
        _rows("Timetable", "schedule", PeriodicTask),
        _rows("Ad account settings", "tune", AdAccountSettings),
    ),
    "LinkedIn": (
        _rows("Connections", "link", LinkedInConnection),
        _rows("Roles", "badge", LinkedInAdAccountRole),
        _rows("Consent warnings", "mail", ConsentWarning),
    ),
    "People": (
        _rows("People", "person", User),
        _rows("Invitations", "person_add", Invitation),
        _rows("Grants", "key", AdAccountAccess),
        _rows("API tokens", "api", ApiToken),
        _rows("Service accounts", "smart_toy", ServiceAccount),
        _rows("Failed logins", "lock", FailedLogin),
        _rows("Audit trail", "policy", AuditEvent),
        _rows("Alerts", "notifications", AuditAlert),
        _rows("Unsent events", "outbox", AuditDelivery),
    ),
}


class SidebarItem(TypedDict):
    title: str
    icon: str
    link: str


class SidebarGroup(TypedDict):
    """As Unfold draws it."""

    title: str
    separator: bool
    items: list[SidebarItem]


def sidebar(request: HttpRequest) -> list[SidebarGroup]:
    """The groups with the entries this person may open, without empty groups."""
    groups: list[SidebarGroup] = []
    for title, entries in GROUPS.items():
        items: list[SidebarItem] = [
            {"title": entry.title, "icon": entry.symbol, "link": reverse(entry.url_name)}
            for entry in entries
            if entry.may_see(request)
        ]
        if items:
            groups.append({"title": title, "separator": bool(groups), "items": items})
    return groups


def favicon(request: HttpRequest) -> HttpResponse:
    """Where browsers look for the icon of what is no page, such as a file or a picture."""
    return redirect(icon_for_home_screens(request))


def icon(request: HttpRequest) -> str:
    return static("reporting/icon.svg")


def icon_for_home_screens(request: HttpRequest) -> str:
    """The same as PNG, for home screens of phones."""
    return static("reporting/icon.png")
