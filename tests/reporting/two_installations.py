"""One world, as it was synced over HTTP into an empty installation, and as a backup brought it into another empty one.

Each installation is a database and a folder of snapshots of its own; Django speaks to the one that is in use.
"""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.test import override_settings

from accounts.models import AdAccount
from accounts.roles import Role
from ingestion.linkedin_simulator.simulator import Options, Simulator
from ingestion.linkedin_simulator.truth import truth
from ingestion.linkedin_simulator.world import WorldSize
from ingestion.models import SyncLog
from reporting.snapshots import snapshot_store
from tests.builders import make_access, make_user
from tests.ingestion.simulated import SimulatedLinkedIn, simulated_linkedin
from tests.reporting.operations.reading_role import made_role
from tests.second_database import connected_to, second_database
from tests.snapshot_storage import snapshots_kept_in

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
# Begins and ends in the middle of a week and a month.
FIRST_DAY, LAST_DAY = date(2026, 10, 14), date(2026, 11, 19)
OWNER, VIEWER = "owner@example.com", "viewer@example.com"

Row = dict[str, Any]
Truth = dict[int, dict[str, list[Row]]]


@dataclass(frozen=True)
class Synced:
    """The truth by ad account and table, and the ad account that the viewer may see."""

    truth: Truth
    granted_id: int


@contextmanager
def synced(folder: Path) -> Iterator[Synced]:
    """Four ad accounts in three currencies, a snapshot of each, an owner, a viewer of one, a role of a BI tool."""
    size = WorldSize(ad_accounts=4, campaigns_per_account=3, creatives_per_campaign=2)
    with (
        second_database(migrated=True) as database,
        connected_to(database),
        snapshots_kept_in(folder),
        override_settings(BACKFILL_DAYS=90, API_REQUESTS_PER_MINUTE=10_000),
    ):
        with simulated_linkedin(settings, Options(now=NOW, frozen=True, size=size)) as linkedin:
            true = _synced(linkedin)
        granted = AdAccount.objects.get(pk=linkedin.ad_account_ids[0])
        make_user(email=OWNER, role=Role.OWNER)
        make_access(user=make_user(email=VIEWER), ad_account=granted)
        _take_snapshots()
        with made_role():
            yield Synced(true, granted.pk)


def backed_up(folder: Path) -> Path:
    """A backup of what is in use."""
    backup = folder / "backup.tar"
    call_command("backup", backup, stdout=io.StringIO())
    return backup


@contextmanager
def restored(backup: Path, folder: Path) -> Iterator[str]:
    """What a backup holds, in a database and a folder that held nothing; gives the restore's own summary."""
    summary = io.StringIO()
    with second_database(migrated=False) as empty, connected_to(empty), snapshots_kept_in(folder / "snapshots"):
        call_command("restore", backup, stdout=summary)
        yield summary.getvalue().strip()


def _synced(linkedin: SimulatedLinkedIn) -> Truth:
    linkedin.connect()
    for ad_account_id in linkedin.ad_account_ids:
        _overspend(linkedin.simulator, ad_account_id)
        assert linkedin.sync(ad_account_id).status == "success"
    first_day = SyncLog.objects.exclude(first_day=None)[0].first_day
    assert first_day
    return {
        pk: truth(linkedin.simulator, pk, first_day, NOW.date(), known_before=False) for pk in linkedin.ad_account_ids
    }


def _overspend(simulator: Simulator, ad_account_id: int) -> None:
    """A total budget far below what the first campaign spends."""
    account = simulator.present.account(ad_account_id)
    assert account
    first = next(iter(simulator.present.campaigns(account)))
    budget = {"amount": "100", "currencyCode": account.currency}
    simulator.change("edit", campaign=first.id, fields={"totalBudget": budget})


def _take_snapshots() -> None:
    """Of the days asked for: the last ones of the day after."""
    now = datetime.combine(LAST_DAY + timedelta(days=1), time(12), tzinfo=UTC)
    for ad_account in AdAccount.objects.all():
        snapshot_store.write_now(ad_account, days=(LAST_DAY - FIRST_DAY).days + 1, now=now)
