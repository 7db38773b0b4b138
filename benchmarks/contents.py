"""Says what every table holds after syncs of a fixed world by a fixed clock: rows and a digest of all values.

`python -m benchmarks.contents` fills a throw-away database from this checkout; `python -m benchmarks.contents BEFORE .`
does so from each checkout named, prints the digests side by side and exits with 1 where a table differs. A checkout
runs its own code (and its own `tests/ingestion/simulated.py`) in a process of its own. The world is restated, renamed,
extended and served with broken records between syncs, so that updates and refusals are compared as well as first rows.

Left out are only values that no two runs share: ids that a sequence gave, and the columns in `NOT_COMPARED`.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from tests.ingestion.simulated import SimulatedLinkedIn

# Written by the machine's own clock, or random.
NOT_COMPARED: Final = frozenset(
    {
        "ad_accounts.fetched_at",
        "audit_events.happened_at",
        "audit_requests.asked_at",
        "audit_requests.resend_at",
        "django_celery_beat_periodictask.date_changed",
        "django_celery_beat_periodictask.last_run_at",
        "django_celery_beat_periodictasks.last_update",
        "linkedin_connections.access_token",
        "linkedin_connections.access_token_expires_at",
        "linkedin_connections.connected_at",
        "linkedin_connections.refresh_token",
        "linkedin_connections.refresh_token_expires_at",
        "rejected_records.created_at",
        "sync_log.finished_at",
        "sync_log.heartbeat_at",
        "sync_log.started_at",
    }
)
# Django's own, and what migrations leave: not what a sync stores.
_NOT_OF_A_SYNC: Final = ("auth_", "django_migrations", "django_content_type")
_NOW: Final = datetime(2026, 11, 21, 12, tzinfo=UTC)


class Contents(NamedTuple):
    """Of one table."""

    rows: int
    digest: str


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkouts", nargs="*", type=Path, default=[Path()], metavar="PATH", help="default: this one")
    parser.add_argument("--fill", action="store_true", help="in this process and database; print JSON")
    parser.add_argument("--columns", action="store_true", help="a digest per column, to find what differs")
    options = parser.parse_args()
    if options.fill:
        json.dump(_filled(by_column=options.columns), sys.stdout)
        return
    found = [_contents_of(checkout, by_column=options.columns) for checkout in options.checkouts]
    sys.stdout.write("".join(f"{line}\n" for line in table(options.checkouts, found)))
    sys.exit(1 if any(one != found[0] for one in found) else 0)


def table(checkouts: Sequence[Path], found: Sequence[dict[str, Contents]]) -> Iterator[str]:
    """One line per table, one column per checkout."""
    yield f"{'':40} {'   '.join(f'{str(checkout)[-43:]:43}' for checkout in checkouts)}".rstrip()
    for name in sorted({name for one in found for name in one}):
        cells = [one.get(name) for one in found]
        shown = "   ".join(f"{cell.rows:>10,} {cell.digest}" if cell else f"{'-':43}" for cell in cells)
        yield f"{name:40} {shown}{'' if len(set(cells)) == 1 else '   DIFFERENT'}"


def _contents_of(checkout: Path, *, by_column: bool) -> dict[str, Contents]:
    with tempfile.TemporaryDirectory(prefix="linkedin-ads-contents-") as data_dir:
        environment = {
            **{name: value for name, value in os.environ.items() if name not in {"DATABASE_URL", "REDIS_URL"}},
            "ENV_FILE": os.devnull,
            "DATA_DIR": data_dir,
            "EMBEDDED_THROW_AWAY": "true",
            "LOG_LEVEL": "ERROR",
            # One request after the other: else it is chance which of two refused ones a run names.
            "SYNC_CONCURRENCY": "1",
            "PYTHONPATH": str(checkout.resolve()),
        }
        # -P: this file's folder stays off the path, so that every import is of the checkout.
        command = [sys.executable, "-P", __file__, "--fill", *(["--columns"] if by_column else [])]
        done = subprocess.run(command, cwd=checkout, env=environment, stdout=subprocess.PIPE, check=True)
    return {name: Contents(*one) for name, one in json.loads(done.stdout).items()}


def _filled(*, by_column: bool) -> dict[str, Contents]:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    import django

    django.setup()
    from django.conf import settings
    from django.core.management import call_command

    from ingestion.linkedin_simulator.simulator import Options
    from ingestion.linkedin_simulator.world import WorldSize
    from tests.ingestion.simulated import simulated_linkedin

    call_command("migrate", verbosity=0)
    size = WorldSize(ad_accounts=3, campaigns_per_account=6, creatives_per_campaign=3, segments_per_pivot=8)
    with simulated_linkedin(settings, Options(now=_NOW, frozen=True, size=size)) as linkedin:
        _live(linkedin)
    return digests(by_column=by_column)


def _live(linkedin: "SimulatedLinkedIn") -> None:
    """Three rounds of syncs, and what happens between them."""
    linkedin.connect()
    first, second, third = linkedin.ad_account_ids
    for ad_account_id in linkedin.ad_account_ids:
        linkedin.sync(ad_account_id)
    change = linkedin.simulator.change
    present = linkedin.simulator.present
    account = present.account(first)
    assert account
    campaigns = [plan.id for plan in present.campaigns(account)]
    change("rename", campaign=campaigns[0], name='Renamed, “ü”\\\t"quoted"')
    change("set_status", campaign=campaigns[1], status="ARCHIVED")
    change("vanish", campaign=campaigns[2])
    change("create_campaign", ad_account=second)
    change("restate", ad_account=third, first_day="2026-10-20", last_day="2026-11-18")
    change("append_days", days=3)
    linkedin.discover()
    for ad_account_id in linkedin.ad_account_ids:
        linkedin.sync(ad_account_id)
    change("append_days", days=1)
    linkedin.simulator.switch_on("dirty_records", share=0.1)
    linkedin.simulator.switch_on("refused_account", ad_account=second)
    for ad_account_id in (first, third, second):
        linkedin.sync(ad_account_id, force=True, first_day=datetime(2026, 6, 1, tzinfo=UTC).date())


def digests(*, by_column: bool = False) -> dict[str, Contents]:
    """What Django's database holds, by table, or by `table.column`."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT attrelid::regclass::text, attname FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid"
            " WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND attnum > 0 AND NOT attisdropped"
            " AND attidentity = '' ORDER BY 1, 2"
        )
        columns: dict[str, list[str]] = {}
        for name, column in cursor.fetchall():
            if not name.startswith(_NOT_OF_A_SYNC) and f"{name}.{column}" not in NOT_COMPARED:
                columns.setdefault(name, []).append(column)
        wanted = columns
        if by_column:
            wanted = {f"{name}.{one}": [one] for name, names in columns.items() for one in names}
        found = {}
        for name, names in wanted.items():
            listed = ", ".join(map(connection.ops.quote_name, names))
            cursor.execute(
                "SELECT count(*), md5(string_agg(one::text, E'\\n' ORDER BY one::text COLLATE \"C\"))"  # noqa: S608
                f" FROM (SELECT {listed} FROM {name.partition('.')[0]}) AS one"
            )
            rows, digest = cursor.fetchone()
            if rows:
                found[name] = Contents(rows, digest)
    return found


if __name__ == "__main__":
    main()
