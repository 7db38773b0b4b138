"""Any interleaving of syncs, restatements, removals, restores and readers: the copies equal the tables.

Two writers have a transaction open at the same time and end them in any order. `FEED_WORLDS_SEED=…` repeats a run, for
the seed is printed; `FEED_WORLDS` says how many worlds the slow test makes up.
"""

import os
import sys
import time
from contextlib import ExitStack
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils import timezone
from hypothesis import HealthCheck, Phase, given, note, seed, settings, strategies

from accounts.consents import ad_accounts
from accounts.models import AdAccount, AdAccountAccess, User
from accounts.roles import Role
from ingestion import catalogue
from ingestion.models import Campaign, SyncLog
from ingestion.sync import load
from ingestion.sync.rows import SEGMENT_COLUMNS, CampaignRow, CreativeRow
from reporting.change_feed import marks, tombstones
from reporting.operations.ad_account_removal import LARGE
from tests.builders import DAY, NOW, make_ad_account, make_rejected_record, make_sync_run, make_user
from tests.reporting.change_feed.copying import TABLES, Copy, another_connection, stored, used

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(900)]

SEED = int(os.environ.get("FEED_WORLDS_SEED", time.time_ns() % 1_000_000))
WORLDS = int(os.environ.get("FEED_WORLDS", "150"))
AD_ACCOUNTS = (71, 72)
PAGE_SIZES = (1, 2, 3, 7, 1000)
# What refers to a table stands behind it.
STORED = (
    "ad_accounts", "sync_log", "rejected_records", "campaigns", "creatives", "campaign_daily_metrics",
    "creative_daily_metrics", "audience_demographics", "deleted_rows",
)  # fmt: skip

numbers = strategies.integers(0, 41)
events = strategies.sampled_from(
    [
        *("days", "days", "days", "campaigns", "creatives", "segments", "run", "rejected", "zero", "missing"),
        *("removal", "ad account", "commit", "commit", "roll back", "read", "read", "read", "read", "catch up"),
        *("grant", "prune", "back up", "restore"),
    ]
)
histories = strategies.lists(strategies.tuples(events, numbers, numbers), max_size=40)


class World:
    """Two ad accounts, two writers, and two readers with a copy of every table."""

    def __init__(self, writers: list[BaseDatabaseWrapper]) -> None:
        self.writers = writers
        self.owner, self.viewer = make_user(role=Role.OWNER), make_user()
        for ad_account_id in AD_ACCOUNTS:
            make_ad_account(id=ad_account_id)
        self._see(AD_ACCOUNTS[0])
        self.copies = [Copy(reader, table) for reader in (self.owner, self.viewer) for table in TABLES]
        self.backup: dict[str, bytes] = {}
        self.open = [False for _ in writers]

    def let(self, event: str, one: int, two: int) -> None:
        note(f"{event} {one} {two}")
        if event in _WRITES:
            self._write(one % 2, event, AD_ACCOUNTS[two % 2], one, two)
        elif event in ("commit", "roll back"):
            self._end(one % 2, event)
        elif event == "read":
            self.copies[two % len(self.copies)].read_page(page_size=PAGE_SIZES[one % len(PAGE_SIZES)])
        elif event == "catch up":
            self.catch_up(PAGE_SIZES[one % len(PAGE_SIZES)])
        else:
            _ALONE[event](self, one, two)

    def settle(self, page_size: int) -> None:
        for writer in (0, 1):
            self._end(writer, "commit")
        self.catch_up(page_size)

    def catch_up(self, page_size: int) -> None:
        for copy in self.copies:
            copy.catch_up(page_size=page_size)
            if not any(self.open):
                assert copy.rows == stored(copy.table, copy.reader), (copy.table, copy.reader.role)

    def _write(self, writer: int, event: str, ad_account_id: int, one: int, two: int) -> None:
        """Whatever another writer is in the way of ends this one's transaction."""
        with used(self.writers[writer]):
            self.open[writer] = True
            try:
                _WRITES[event](ad_account_id, one, two)
            except (DatabaseError, Campaign.DoesNotExist):
                note("in the way")
                transaction.rollback()
                self.open[writer] = False

    def _end(self, writer: int, event: str) -> None:
        with used(self.writers[writer]):
            try:
                (transaction.commit if event == "commit" else transaction.rollback)()
            except DatabaseError:
                transaction.rollback()
            self.open[writer] = False

    def _grant(self, one: int, two: int) -> None:
        """Or take it away."""
        self._see(*AD_ACCOUNTS[: one % 3])

    def _see(self, *ad_account_ids: int) -> None:
        AdAccountAccess.objects.filter(user=self.viewer).delete()
        AdAccountAccess.objects.bulk_create(
            AdAccountAccess(user=self.viewer, ad_account=one) for one in AdAccount.objects.filter(pk__in=ad_account_ids)
        )

    def _prune(self, one: int, two: int) -> None:
        tombstones.prune(now=timezone.now() + timedelta(days=one % 2 * 91))

    def _back_up(self, one: int, two: int) -> None:
        with connection.cursor() as cursor:
            for table in STORED:
                with cursor.copy(f"COPY {table} ({_columns(table)}) TO STDOUT") as lines:
                    self.backup[table] = b"".join(bytes(line) for line in lines)

    def _restore(self, one: int, two: int) -> None:
        """What the backup holds and nothing else; into a server that has counted less far, every other time."""
        for writer in (0, 1):
            self._end(writer, "roll back")
        if not self.backup:
            return
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL session_replication_role = replica")
            cursor.execute("DELETE FROM ad_account_access")
            for table in STORED:
                cursor.execute(f"DELETE FROM {table}")
                with cursor.copy(f"COPY {table} ({_columns(table)}) FROM STDIN") as lines:
                    lines.write(self.backup[table])
                if one % 2:
                    cursor.execute(f"UPDATE {table} SET change_mark = change_mark + 1000000")
        marks.keep_in_the_past()
        marks.restart()
        self._see(*AD_ACCOUNTS[: two % 3])


def _columns(table: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT string_agg(attname, ', ' ORDER BY attnum) FROM pg_attribute"
            " WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''",
            [table],
        )
        [columns] = cursor.fetchone()
        return str(columns)


# --- what writers do ---


def _days(ad_account_id: int, one: int, two: int) -> None:
    """An answer for some days of the campaigns that there are; the same figures again, often."""
    ids = sorted(load.known_ids(load.CAMPAIGNS, ad_account_id=ad_account_id))
    days = [DAY - timedelta(days=number) for number in range(1 + two % 3)]
    others = [0] * (len(catalogue.DAILY) - 1)
    rows: list[Any] = [(pk, day, one % 4, *others) for pk in ids for day in days]
    load.upsert_days(
        load.CAMPAIGN_DAYS, rows, ad_account_id=ad_account_id, first_day=days[-1], last_day=days[0], now=timezone.now()
    )
    creatives = sorted(load.known_ids(load.CREATIVES, ad_account_id=ad_account_id))
    answer: list[Any] = [(pk, DAY, two % 4, *others) for pk in creatives]
    load.upsert(load.CREATIVE_DAYS, answer, now=timezone.now())


def _campaigns(ad_account_id: int, one: int, two: int) -> None:
    nothing: dict[str, Any] = dict.fromkeys(CampaignRow._fields)
    campaign = {"id": ad_account_id * 10 + one % 3, "account_id": ad_account_id, "name": f"Name {two % 3}"}
    load.upsert(load.CAMPAIGNS, [CampaignRow(**nothing | campaign)], now=timezone.now())


def _creatives(ad_account_id: int, one: int, two: int) -> None:
    campaign = Campaign.objects.filter(account=ad_account_id).earliest("pk")
    nothing: dict[str, Any] = dict.fromkeys(CreativeRow._fields)
    creative = {"id": f"urn:{'aBéz'[one % 4]}{ad_account_id}", "account_id": ad_account_id, "campaign_id": campaign.pk}
    load.upsert(
        load.CREATIVES, [CreativeRow(**nothing | creative | {"content_name": f"{two % 3}"})], now=timezone.now()
    )


def _segments(ad_account_id: int, one: int, two: int) -> None:
    """Those of before that are not among them become zero."""
    values: dict[str, Any] = {metric.column: Decimal(0) for metric in catalogue.DEMOGRAPHIC}
    values |= {"account_id": ad_account_id, "pivot_type": "seniority", "date_start": DAY.replace(day=1)}
    values |= {"segment_name": None, "date_end": DAY, "impressions": 1 + two % 3}
    rows = [values | {"segment": f"urn:li:seniority:{number}"} for number in range(one % 3)]
    load.upsert_segments([tuple(row[name] for name in SEGMENT_COLUMNS) for row in rows], now=timezone.now())


def _run(ad_account_id: int, one: int, two: int) -> None:
    """Begins, beats, or is pruned."""
    runs = SyncLog.objects.filter(account=ad_account_id, rejected_records=None)
    if one % 3 == 0:
        make_sync_run(account=AdAccount.objects.get(pk=ad_account_id))
    elif one % 3 == 1:
        runs.update(api_calls_made=two)
    else:
        runs.delete()


def _rejected(ad_account_id: int, one: int, two: int) -> None:
    run = SyncLog.objects.filter(account=ad_account_id).order_by("pk").first()
    if run:
        make_rejected_record(run=run)


def _zero(ad_account_id: int, one: int, two: int) -> None:
    ids = load.known_ids(load.CAMPAIGNS, ad_account_id=ad_account_id)
    load.set_to_zero(load.CAMPAIGN_DAYS, [(pk, DAY) for pk in ids], now=timezone.now())


def _missing(ad_account_id: int, one: int, two: int) -> None:
    load.mark_missing(load.CAMPAIGNS, ad_account_id=ad_account_id, seen=[ad_account_id * 10 + one % 3], now=NOW)


def _removal(ad_account_id: int, one: int, two: int) -> None:
    """In one transaction, what the product does in several."""
    with connection.cursor() as cursor:
        for model, where in LARGE.items():
            cursor.execute(f"DELETE FROM {model._meta.db_table} WHERE {where}", [ad_account_id])
    if one % 2:
        ad_accounts.remove(ad_account_id)


def _ad_account(ad_account_id: int, one: int, two: int) -> None:
    """Discovered again after a removal, or renamed."""
    AdAccount.objects.update_or_create(pk=ad_account_id, defaults={"name": f"Brand {one % 3}"})


_WRITES = {
    "days": _days,
    "campaigns": _campaigns,
    "creatives": _creatives,
    "segments": _segments,
    "run": _run,
    "rejected": _rejected,
    "zero": _zero,
    "missing": _missing,
    "removal": _removal,
    "ad account": _ad_account,
}
_ALONE = {"grant": World._grant, "prune": World._prune, "back up": World._back_up, "restore": World._restore}


# --- the worlds ---


def _live_through(history: list[tuple[str, int, int]], page_size: int) -> None:
    with ExitStack() as connections:
        writers = [connections.enter_context(another_connection()) for _ in range(2)]
        for writer in writers:
            with used(writer), writer.cursor() as cursor:
                cursor.execute("SET lock_timeout = '50ms'")
                transaction.set_autocommit(False)
        world = World(writers)
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '50ms'")
        try:
            for event, one, two in history:
                try:
                    world.let(event, one, two)
                except DatabaseError:
                    note("in the way")
            world.settle(page_size)
        finally:
            with connection.cursor() as cursor:
                cursor.execute("RESET lock_timeout")
    _forget()


def _forget() -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        for table in (*STORED, "ad_account_access", "change_feed"):
            cursor.execute(f"DELETE FROM {table}")
    User.objects.all().delete()


def _worlds(*, how_many: int, of_seed: int) -> None:
    @seed(of_seed)
    @settings(
        max_examples=how_many,
        database=None,
        deadline=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(histories, strategies.sampled_from(PAGE_SIZES))
    def live(history: list[tuple[str, int, int]], page_size: int) -> None:
        try:
            _live_through(history, page_size)
        except BaseException:
            _forget()
            raise

    live()


@pytest.fixture(autouse=True)
def many_requests(settings: Any) -> None:
    settings.API_REQUESTS_PER_MINUTE = 1_000_000


@pytest.mark.slow
def test_copies_equal_the_tables() -> None:
    _worlds(how_many=15, of_seed=0)


@pytest.mark.slow
def test_copies_equal_the_tables_at_length() -> None:
    sys.stderr.write(f"FEED_WORLDS_SEED={SEED}\n")
    _worlds(how_many=WORLDS, of_seed=SEED)
