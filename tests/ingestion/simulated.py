"""A simulated LinkedIn over real HTTP, connected to this installation, and what a correct sync must hold."""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode

from django.db import connection as database
from django.utils import timezone

from accounts.consents import connections
from accounts.consents.linkedin_oauth import TokenGrant
from accounts.models import LinkedInConnection, User
from ingestion.linkedin_simulator.server import running_server
from ingestion.linkedin_simulator.simulator import Options, Simulator
from ingestion.linkedin_simulator.truth import truth
from ingestion.linkedin_simulator.world import WorldSize
from ingestion.sync.months import whole_months
from ingestion.sync.result import SyncResult
from ingestion.sync.sync import sync_ad_account
from ingestion.timetable.discovery import discover_ad_accounts

DATA_TABLES = (
    "ad_accounts",
    "campaigns",
    "creatives",
    "campaign_daily_metrics",
    "creative_daily_metrics",
    "audience_demographics",
)
_KEYS = {
    "campaign_daily_metrics": ("campaign_id", "date"),
    "creative_daily_metrics": ("creative_id", "date"),
    "account_daily_totals": ("account_id", "date"),
    "audience_demographics": ("account_id", "pivot_type", "segment", "date_start"),
}
_OF_AN_AD_ACCOUNT = {
    "ad_accounts": "id = %s",
    "campaign_daily_metrics": "campaign_id IN (SELECT id FROM campaigns WHERE account_id = %s)",
    "creative_daily_metrics": "creative_id IN (SELECT id FROM creatives WHERE account_id = %s)",
}


@dataclass
class SimulatedLinkedIn:
    """The simulator and the connection of its first member, who has a role on every ad account."""

    simulator: Simulator
    connection: LinkedInConnection | None = None
    ad_account_ids: list[int] = field(default_factory=list)

    @property
    def today(self) -> date:
        return self.simulator.clock.today()

    def now(self) -> datetime:
        return self.simulator.clock.now()

    def connect(
        self, *, scopes: tuple[str, ...] = ("r_ads", "r_ads_reporting"), member: int = 1, user: User | None = None
    ) -> None:
        """As after the consent page: a connection, and its ad accounts discovered."""
        issued = self.simulator.issue_token(scopes=scopes, member=member)
        now = timezone.now()
        grant = TokenGrant(
            access_token=issued.access.text,
            expires_at=now + timedelta(days=60),
            refresh_token=issued.refresh.text if issued.refresh else None,
            refresh_token_expires_at=now + timedelta(days=365),
            scopes=frozenset(scopes),
        )
        self.connection = connections.store_grant(user=user, grant=grant, now=now, announce=False)
        self.ad_account_ids = self.discover()
        self.forget_calls()

    def discover(self) -> list[int]:
        """What the connection can read now."""
        assert self.connection
        result, found = discover_ad_accounts(self.connection.pk)
        assert result.status == "success", result.reason
        return found

    def forget_calls(self) -> None:
        """Count from here on; requests of a sync that failed may still be under way a moment."""
        end = time.monotonic() + 10
        while time.monotonic() < end and any(one.name.startswith("linkedin_") for one in threading.enumerate()):
            time.sleep(0.01)
        self.simulator.counters.clear()
        self.simulator.office.ledger.clear()

    def sync(self, ad_account_id: int | None = None, **options: Any) -> SyncResult:
        return sync_ad_account(ad_account_id or self.ad_account_ids[0], now=self.now, **options)

    def assert_stored(
        self, first_day: date, last_day: date | None = None, *, ad_account_id: int | None = None, **options: Any
    ) -> None:
        """All six data tables equal the simulator's truth, row for row, value for value."""
        wanted_id = ad_account_id or self.ad_account_ids[0]
        last_day = last_day or self.today
        expected = truth(self.simulator, wanted_id, first_day, last_day, **options)
        first_month, last = whole_months(first_day=first_day, last_day=last_day, today=self.today)
        months = truth(self.simulator, wanted_id, first_month, last, **options)
        expected["audience_demographics"] = months["audience_demographics"]
        for table in DATA_TABLES:
            assert_same_rows(table, stored_rows(table, wanted_id), expected[table])


def assert_same_rows(table: str, stored: list[dict[str, Any]], expected: list[dict[str, Any]]) -> None:
    """Compare as maps, so that a difference names its row."""
    key = _KEYS.get(table, ("id",))
    by_key = {tuple(row[name] for name in key): row for row in expected}
    columns = set(expected[0]) if expected else set()
    found = {tuple(row[name] for name in key): _shown(row, columns) for row in stored}
    assert found.keys() == by_key.keys(), table
    for row_key, row in by_key.items():
        if table == "audience_demographics" and row["segment"].startswith("SIZE_"):
            row = {**row, "segment_name": found[row_key]["segment_name"]}
        assert found[row_key] == row, (table, row_key)


def stored_rows(table: str, ad_account_id: int) -> list[dict[str, Any]]:
    """Every column of an ad account's rows."""
    where = _OF_AN_AD_ACCOUNT.get(table, "account_id = %s")
    with database.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {table} WHERE {where} ORDER BY 1", [ad_account_id])
        names = [column.name for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def _shown(row: dict[str, Any], columns: set[str]) -> dict[str, Any]:
    shown = {"missing": row.get("missing_since") is not None, **row}
    return {name: shown[name] for name in columns}


@contextmanager
def simulated_linkedin(settings: Any, options: Options | None = None, **size: Any) -> Iterator[SimulatedLinkedIn]:
    """A simulator on a port of its own, with the settings pointing at it."""
    simulator = Simulator(options or Options(size=WorldSize(**size)))
    with running_server(simulator) as url:
        settings.LINKEDIN_API_BASE_URL = settings.LINKEDIN_AUTH_BASE_URL = url
        settings.LINKEDIN_CLIENT_ID, settings.LINKEDIN_CLIENT_SECRET = "simulated-ads-app", "simulated-ads-secret"
        yield SimulatedLinkedIn(simulator)


def environment_of_the_test(settings: Any) -> dict[str, str]:
    """The environment in which another process uses this test's database, broker, keys and simulator."""
    stored = database.settings_dict
    login = f"{stored['USER']}:{quote(stored['PASSWORD'], safe='')}"
    # The host as a parameter, because it may be the folder of a Unix socket.
    where = urlencode({"host": stored["HOST"], "port": stored["PORT"] or 5432})
    return {
        **os.environ,
        "DATABASE_URL": f"postgresql://{login}@/{stored['NAME']}?{where}",
        "REDIS_URL": settings.REDIS_URL,
        "SECRET_KEY": settings.SECRET_KEY,
        "FIELD_ENCRYPTION_KEYS": ",".join(settings.FIELD_ENCRYPTION_KEYS),
        "LINKEDIN_API_BASE_URL": settings.LINKEDIN_API_BASE_URL,
        "LINKEDIN_AUTH_BASE_URL": settings.LINKEDIN_AUTH_BASE_URL,
        "LINKEDIN_CLIENT_ID": settings.LINKEDIN_CLIENT_ID,
        "LINKEDIN_CLIENT_SECRET": settings.LINKEDIN_CLIENT_SECRET,
        "SYNC_CONCURRENCY": str(settings.SYNC_CONCURRENCY),
    }
