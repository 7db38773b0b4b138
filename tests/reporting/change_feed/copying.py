"""Copies that the change feed keeps, transactions side by side, and what a copy must equal."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.db import connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test import Client

from accounts import access
from accounts.models import User
from reporting.api.ad_accounts import AdAccounts
from reporting.api.changes import ChangeFeed, stored_columns
from reporting.api.files import ExactJSON
from reporting.api.findings import Findings, StoredFindingSerializer
from reporting.api.snapshots import Snapshots
from reporting.api.viewsets import (
    CampaignMetrics,
    Campaigns,
    CreativeMetrics,
    Creatives,
    Demographics,
    RejectedRecords,
    SyncLogs,
)
from tests.conftest import signed_in

TABLES: dict[str, type[ChangeFeed]] = {
    "ad-accounts": AdAccounts,
    "campaigns": Campaigns,
    "creatives": Creatives,
    "campaign-metrics": CampaignMetrics,
    "creative-metrics": CreativeMetrics,
    "demographics": Demographics,
    "sync-logs": SyncLogs,
    "rejected-records": RejectedRecords,
    "findings": Findings,
    "snapshots": Snapshots,
}
Rows = dict[str, Any]


@dataclass
class Copy:
    """One table as its reader has it; `replies` are all that it was sent."""

    reader: User
    table: str
    rows: Rows = field(default_factory=dict)
    cursor: str | None = None
    starts: int = 1
    replies: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.browser: Client = signed_in(self.reader)

    def read_page(self, *, page_size: int = 1000) -> bool:
        """Whether there is more; begins again where it has to."""
        parameters = {"page_size": page_size} | ({"after": self.cursor} if self.cursor else {})
        response = self.browser.get(f"/api/v1/{self.table}/changes", parameters)
        if response.status_code == 410:
            self.rows, self.cursor, self.starts = {}, None, self.starts + 1
            return True
        assert response.status_code == 200, response.content
        page = response.json()
        assert len(page["results"]) <= page_size
        for change in page["results"]:
            key = as_text(change["key"])
            if change["op"] == "delete":
                assert change["row"] is None
                self.rows.pop(key, None)
            else:
                self.rows[key] = change["row"]
        self.cursor = page["next_cursor"]
        self.replies.append(page)
        return bool(page["has_more"])

    def catch_up(self, *, page_size: int = 1000) -> None:
        while self.read_page(page_size=page_size):
            pass


def stored(table: str, reader: User) -> Rows:
    """What a copy of this reader must hold."""
    view = TABLES[table]
    model = (StoredFindingSerializer if view is Findings else view.serializer_class).Meta.model  # type: ignore[attr-defined]
    columns = stored_columns(view)
    rows = model._default_manager.order_by()
    if not access.sees_every_ad_account(reader):
        rows = rows.filter(**{f"{view.of_account}__in": access.visible_ad_accounts(reader)})
    found = {}
    for values in rows.values_list(*columns.values()):
        row = json.loads(json.dumps(dict(zip(columns, values, strict=True)), cls=ExactJSON))
        found[as_text({name: row[name] for name in view.feed_key})] = row
    return found


def as_text(key: dict[str, Any]) -> str:
    return json.dumps(key, sort_keys=True)


@contextmanager
def another_connection(*, database: str | None = None) -> Iterator[BaseDatabaseWrapper]:
    """Of a process beside this one, perhaps to another database; whatever it leaves open is rolled back."""
    other = connection.copy()
    if database:
        other.settings_dict["NAME"] = database
    other.ensure_connection()
    try:
        yield other
    finally:
        other.close()


@contextmanager
def used(other: BaseDatabaseWrapper) -> Iterator[None]:
    """All that is stored within goes through it."""
    own = connections["default"]
    connections["default"] = other
    try:
        yield
    finally:
        connections["default"] = own
