"""The frame around every page: the icon, and the sidebar in the order people look for things.

Unfold asks by dotted path (`UNFOLD` in the settings). Who sees an entry is asked of the page it leads to: a list
of rows asks its own admin, which asks `accounts/access.py`, so that no entry leads to a refusal.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse
from django_celery_beat.models import PeriodicTask

from accounts import access
from accounts.access import Asker
from accounts.models import (
    AdAccount,
    AdAccountAccess,
    ApiToken,
    AuditEvent,
    ConsentWarning,
    FailedLogin,
    Invitation,
    LinkedInAdAccountRole,
    LinkedInConnection,
    RemovedAdAccount,
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
    """One line of the sidebar; `symbol` is a name of the Material Symbols that Unfold ships."""

    title: str
    symbol: str
    url_name: str
    may_see: Callable[[HttpRequest], bool]


def _rows(title: str, symbol: str, model: type[Model]) -> Entry:
    """Leads to the list of a table's rows."""
    return Entry(
        title=title,
        symbol=symbol,
        url_name=f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist",
        # Looked up on each call: the admins register after this module may have been imported.
        may_see=lambda request: admin.site.get_model_admin(model).has_view_permission(request),
    )


def _page(title: str, symbol: str, url_name: str, may_see: Callable[[Asker], bool] = access.may_enter) -> Entry:
    """Leads to a page of our own; what it shows whom it decides itself."""
    return Entry(title=title, symbol=symbol, url_name=url_name, may_see=lambda request: may_see(request.user))


GROUPS = {
    # First and without a title: what people come for.
    "": (
        _page("Overview", "home", "admin:index"),
        _page("Visual report", "bar_chart", "reporting:report"),
        _page("Action center", "checklist", "reporting:actions"),
        _page("Snapshots", "data_object", "reporting:snapshots"),
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
        _rows("Failed logins", "lock", FailedLogin),
        _rows("Audit trail", "policy", AuditEvent),
    ),
}


def sidebar(request: HttpRequest) -> list[dict[str, Any]]:
    """What Unfold draws: the groups with the entries this person may open, without empty groups."""
    allowed = {title: [entry for entry in entries if entry.may_see(request)] for title, entries in GROUPS.items()}
    return [
        {
            "title": title,
            "separator": number > 0,
            "items": [
                {"title": entry.title, "icon": entry.symbol, "link": reverse(entry.url_name)} for entry in entries
            ],
        }
        for number, (title, entries) in enumerate((title, entries) for title, entries in allowed.items() if entries)
    ]


def icon(request: HttpRequest) -> str:
    return static("reporting/icon.svg")


def icon_for_home_screens(request: HttpRequest) -> str:
    """The same as pixels, for phones that keep a page on their home screen."""
    return static("reporting/icon.png")
