"""The pages that an owner can open, in one table: looked at by tests and by `make screenshots`."""

import hashlib
from dataclasses import dataclass

from playwright.sync_api import Page, expect

from tests.journeys.stack import Stack


@dataclass(frozen=True, slots=True)
class Site:
    """One page: its address, where `{table}` is the id of a row of that table, and what shows that it is whole."""

    name: str
    path: str
    shows: str
    signed_in: bool = True


# At least one row of a list: beside each other where there is room, one below the other on a phone.
_ROWS = "#result_list tbody tr"

PAGES = (
    Site("login", "/admin/login/", "text=Welcome back to", signed_in=False),
    Site("invitation", "/people/invitation/{invitation}/", "text=Join", signed_in=False),
    Site("forgotten-password", "/people/password-reset/", "#page form", signed_in=False),
    Site("home", "/admin/", "text=Needs attention"),
    Site("connect", "/linkedin/connect/", "text=Continue to LinkedIn"),
    Site("report", "/report/", "[data-section=demographics][aria-busy=false] canvas"),
    Site("snapshots", "/snapshots/", "text=Take a snapshot now"),
    Site("exports", "/exports/", "text=Your exports"),
    Site("report-empty", "/report/?first_day=2010-01-01&last_day=2010-01-31", "text=Nothing is stored for this period"),
    Site(
        "report-sparse",
        "/report/?campaign={seen_campaign}&first_day={seen_day}&last_day={seen_day}",
        "[data-section=trend][aria-busy=false] canvas",
    ),
    Site("sync", "/sync/", "text=Sync runs"),
    Site("sync-run", "/sync/runs/{sync_log}/", "text=Calls to LinkedIn"),
    Site("status", "/status/", "text=Needs attention"),
    Site("action-center", "/actions/", "#findings-title"),
    Site("check-thresholds", "/admin/reporting/checkthresholds/", "text=check threshold"),
    Site("ad-accounts", "/admin/accounts/adaccount/", _ROWS),
    Site("ad-account", "/admin/accounts/adaccount/{ad_accounts}/change/", "text=Currency"),
    Site("remove-ad-account", "/ad-accounts/{ad_accounts}/remove/", "text=Remove with all its data"),
    Site("removed-ad-accounts", "/admin/accounts/removedadaccount/", "text=removed ad account"),
    Site("campaigns", "/admin/ingestion/campaign/", _ROWS),
    Site("campaign", "/admin/ingestion/campaign/{campaigns}/change/", "text=Daily budget"),
    Site("creatives", "/admin/ingestion/creative/", _ROWS),
    Site("creative", "/admin/ingestion/creative/{creatives}/change/", "text=Intended status"),
    Site("campaign-metrics", "/admin/ingestion/campaigndailymetric/", _ROWS),
    Site(
        "campaign-metric", "/admin/ingestion/campaigndailymetric/{campaign_daily_metrics}/change/", "text=Impressions"
    ),
    Site("creative-metrics", "/admin/ingestion/creativedailymetric/", _ROWS),
    Site("demographics", "/admin/ingestion/audiencedemographic/", _ROWS),
    Site("daily-totals", "/admin/ingestion/accountdailytotal/", _ROWS),
    Site("sync-state", "/admin/ingestion/syncedadaccount/", _ROWS),
    Site("sync-runs", "/admin/ingestion/synclog/", _ROWS),
    Site("sync-run-row", "/admin/ingestion/synclog/{sync_log}/change/", "text=Heartbeat at"),
    Site("rejected-records", "/admin/ingestion/rejectedrecord/", "text=rejected record"),
    Site("incomplete-days", "/admin/ingestion/incompleteday/", "text=incomplete day"),
    Site("timetable", "/admin/django_celery_beat/periodictask/", _ROWS),
    Site("connections", "/admin/accounts/linkedinconnection/", _ROWS),
    Site("connection", "/admin/accounts/linkedinconnection/{linkedin_connections}/change/", "text=Consent ends in"),
    Site("end-consent", "/linkedin/connections/{linkedin_connections}/end/", "text=End this consent"),
    Site("roles", "/admin/accounts/linkedinadaccountrole/", _ROWS),
    Site("warnings", "/admin/accounts/consentwarning/", "text=consent warning"),
    Site("people", "/admin/accounts/user/", _ROWS),
    Site("person", "/admin/accounts/user/{users}/change/", "text=Rights"),
    Site("grants", "/admin/accounts/adaccountaccess/", "text=ad account grant"),
    Site("audit-trail", "/admin/accounts/auditevent/", _ROWS),
    Site("invitations", "/admin/accounts/invitation/", "text=invitation"),
    Site("api-tokens", "/admin/accounts/apitoken/", "text=API token"),
    Site("failed-logins", "/admin/accounts/failedlogin/", "text=failed login"),
    Site("your-account", "/people/me/", "text=Where you are signed in"),
    Site("your-password", "/people/me/password/", "text=Change my password"),
    Site("your-second-step", "/people/me/second-step/", "text=Add an authenticator app"),
    Site("tokens", "/people/me/tokens/", "text=Create token"),
    Site("names", "/admin/ingestion/urnname/", _ROWS),
)


class Visitor:
    """Goes from page to page of one installation."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack

    def visit(self, page: Page, site: Site) -> None:
        """Until the page shows what it should."""
        page.goto(f"{self._stack.pages_url}{self._path(site)}")
        expect(page.locator(site.shows).filter(visible=True).first).to_be_visible()

    def _path(self, site: Site) -> str:
        return site.path.format_map(_FirstIds(self._stack))


_SEEN = {"seen_campaign": "campaign_id", "seen_day": "date"}
_NEWEST_DAY = "SELECT * FROM campaign_daily_metrics ORDER BY date DESC, impressions DESC, campaign_id LIMIT 1"


class _FirstIds(dict[str, object]):
    """The first row of a table by the table's name; `invitation` is the token of one, `seen_campaign` was shown on
    `seen_day`, the newest day with figures."""

    def __init__(self, stack: Stack) -> None:
        super().__init__()
        self._stack = stack

    def __missing__(self, table: str) -> object:
        if table == "invitation":
            return invitation_token(self._stack)
        if table in _SEEN:
            return self._stack.rows(f"SELECT {_SEEN[table]} AS one FROM ({_NEWEST_DAY}) AS day")[0]["one"]
        where = "WHERE account_id IS NOT NULL" if table == "sync_log" else ""
        return self._stack.rows(f"SELECT id FROM {table} {where} ORDER BY id LIMIT 1")[0]["id"]  # the names are ours


def invitation_token(stack: Stack) -> str:
    """What the link of an invitation to one ad account ends with; only its digest is stored."""
    token = "a-token-of-these-tests"
    digest = hashlib.sha256(token.encode()).hexdigest()
    if not stack.rows("SELECT id FROM invitations WHERE token_digest = %s", digest):
        invited = stack.rows(
            "INSERT INTO invitations (email, role, invited_by_id, created_at, expires_at, token_digest)"
            " SELECT 'dora@example.com', 'viewer', min(id), now(), now() + interval '1 day', %s FROM users"
            " RETURNING id",
            digest,
        )
        stack.rows(
            "INSERT INTO invitations_ad_accounts (invitation_id, adaccount_id)"
            " SELECT %s, min(id) FROM ad_accounts RETURNING id",
            invited[0]["id"],
        )
    return token
