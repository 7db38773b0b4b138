"""Measures one busy ad account's sync: calls, wall time against the floor, CPU per row, peak memory.

`python -m benchmarks.sync` starts throw-away databases and a simulator process, then measures each case in a
fresh process: first syncs (every row new), each beside its floor (`benchmarks/floor.py`), and a last one (nothing
changed). A row is a row of the two daily metric tables. CPU is the syncing process's own, from LinkedIn's bytes to the
commit; PostgreSQL's is beside it.
"""

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from math import ceil
from typing import TypedDict

import psutil

from benchmarks import figures, floor
from benchmarks.figures import Figure, at_most, figure

# Days, and how many first syncs: the median of several where one takes seconds.
CASES = {"90 days": (90, 3), "1 year": (365, 1), "10 years": (3650, 1)}
CAMPAIGNS, CREATIVES_PER_CAMPAIGN = 50, 10
MAX_CALLS, MAX_WALL, MAX_CPU, MAX_CPU_UNCHANGED, MAX_MEMORY = 1.1, 1.5, 40, 25, 100


_Synced = TypedDict(
    "_Synced",
    {
        "rows": int,
        "rows by table": dict[str, int],
        "calls": int,
        "seconds": float,
        "CPU µs per row": float,
        "PostgreSQL CPU µs per row": float,
        "peak memory growth MB": float,
    },
)
_Try = TypedDict(
    "_Try",
    {
        "sync": _Synced,
        "fewest calls": int,
        "download seconds": float,
        "load seconds": float,
        "wall / floor": float,
    },
)
_Measured = TypedDict(
    "_Measured",
    {
        "first": _Synced,
        "unchanged": _Synced,
        "fewest calls": int,
        "download seconds": float,
        "load seconds": float,
        "wall / floor": float,
        "planned": int,
    },
)


def main() -> None:
    parser = figures.parser(__doc__)
    parser.add_argument("--case", choices=CASES, action="append", help="default: all")
    parser.add_argument("--measure", choices=CASES, help="measure in this process, print JSON; needs a simulator")
    options = parser.parse_args()
    if options.measure:
        sys.stdout.write(json.dumps(_measure(*CASES[options.measure])))
        return
    cases = options.case or list(CASES)
    figures.report((one for case in cases for one in _case_figures(case)), json_file=options.json)


def _case_figures(case: str) -> Iterator[Figure]:
    measured = _run_case(case)
    first, unchanged = measured["first"], measured["unchanged"]
    yield figure(f"{case}: rows", first["rows"], "rows", places=0)
    yield figure(f"{case}: calls", first["calls"], "calls", places=0)
    yield at_most(f"{case}: calls / fewest possible", first["calls"] / measured["fewest calls"], "×", MAX_CALLS)
    yield figure(f"{case}: calls planned for the next sync", measured["planned"], "calls", places=0)
    yield figure(f"{case}: calls made by it", unchanged["calls"], "calls", places=0)
    yield figure(f"{case}: rows per second", first["rows"] / first["seconds"], "rows/s", places=0)
    yield at_most(f"{case}: wall / floor", measured["wall / floor"], "×", MAX_WALL, places=2)
    yield figure(f"{case}: floor: download", measured["download seconds"], "s", places=2)
    yield figure(f"{case}: floor: COPY and upsert", measured["load seconds"], "s", places=2)
    yield at_most(f"{case}: CPU per row", first["CPU µs per row"], "µs", MAX_CPU)
    yield figure(f"{case}: PostgreSQL's CPU per row", first["PostgreSQL CPU µs per row"], "µs")
    yield at_most(f"{case}: CPU per row, unchanged", unchanged["CPU µs per row"], "µs", MAX_CPU_UNCHANGED)
    yield figure(f"{case}: PostgreSQL's CPU per row, unchanged", unchanged["PostgreSQL CPU µs per row"], "µs")
    yield at_most(f"{case}: growth of peak memory", first["peak memory growth MB"], "MB", MAX_MEMORY)


def _run_case(case: str) -> _Measured:
    """Databases and simulator of its own; the sync in a process of its own."""
    with tempfile.TemporaryDirectory(prefix="linkedin-ads-bench-") as data_dir:
        first_day = (datetime.now(UTC) - timedelta(days=CASES[case][0])).date()
        command = [
            *(sys.executable, "manage.py", "linkedin_simulator", "--port", "0", "--dense", "--activity", "1"),
            *("--ad-accounts", "1", "--campaigns", str(CAMPAIGNS), "--creatives", str(CREATIVES_PER_CAMPAIGN)),
            *("--first-day", first_day.isoformat()),
        ]
        # As `Procfile` runs the worker: the C library's arena per thread would keep what pages no longer use.
        worker = {"MALLOC_ARENA_MAX": "1"}
        env = {**os.environ, **worker, "ENV_FILE": os.devnull, "DATA_DIR": data_dir, "LOG_LEVEL": "WARNING"}
        with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) as simulator:
            try:
                assert simulator.stdout
                url = simulator.stdout.readline().split()[-1]
                env |= {
                    "LINKEDIN_API_BASE_URL": url,
                    "LINKEDIN_AUTH_BASE_URL": url,
                    "LINKEDIN_CLIENT_ID": "simulated-ads-app",
                    "LINKEDIN_CLIENT_SECRET": "simulated-ads-secret",
                }
                measure = [sys.executable, "-m", "benchmarks.sync", "--measure", case]
                done = subprocess.run(measure, env=env, stdout=subprocess.PIPE, text=True, check=True)
            finally:
                simulator.terminate()
        measured: _Measured = json.loads(done.stdout)
        return measured


def _measure(days: int, times: int) -> _Measured:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    ad_account_id = _connect()
    now = datetime.now(UTC)
    first_day = now.date() - timedelta(days=days - 1)
    tries = [_first_sync_and_floor(ad_account_id, first_day, is_first=not number) for number in range(times)]
    _let_ten_minutes_pass()
    from ingestion.sync.plan import plan_sync

    plan = plan_sync(ad_account_id, first_day=first_day, last_day=now.date(), now=now)
    typical = sorted(tries, key=lambda one: one["wall / floor"])[times // 2]
    return {
        "fewest calls": typical["fewest calls"],
        "download seconds": typical["download seconds"],
        "load seconds": typical["load seconds"],
        # The first one in the process: later ones find the memory there already, and pages of code warm.
        "first": {**typical["sync"], "peak memory growth MB": tries[0]["sync"]["peak memory growth MB"]},
        "wall / floor": statistics.median(one["wall / floor"] for one in tries),
        "planned": plan.total_calls,
        "unchanged": _timed_sync(ad_account_id, first_day),
    }


def _first_sync_and_floor(ad_account_id: int, first_day: date, *, is_first: bool) -> _Try:
    """In turn, because the machine's speed drifts."""
    from django.conf import settings

    if not is_first:
        _forget_what_is_stored()
    with floor.remembered_requests() as sent:
        sync = _timed_sync(ad_account_id, first_day)
    _let_ten_minutes_pass()
    download = floor.download_seconds(sent, concurrency=settings.SYNC_CONCURRENCY)
    load = floor.load_seconds()
    _let_ten_minutes_pass()
    return {
        "sync": sync,
        "fewest calls": _fewest_calls(sync["rows by table"]),
        "download seconds": download,
        "load seconds": load,
        "wall / floor": sync["seconds"] / (download + load),
    }


def _fewest_calls(rows: dict[str, int]) -> int:
    """The ad account, a page of entities each, totals, rows by the 15,000, eight pivots, names by the fifty."""
    from ingestion.linkedin import endpoints
    from ingestion.models import UrnName

    creatives = CAMPAIGNS * CREATIVES_PER_CAMPAIGN
    entities = ceil(CAMPAIGNS / endpoints.CAMPAIGNS_PER_CALL) + ceil(creatives / endpoints.CREATIVES_PER_CALL)
    days = sum(
        ceil(rows[table] / endpoints.ANALYTICS_ROW_LIMIT)
        for table in ("campaign_daily_metrics", "creative_daily_metrics")
    )
    names = ceil(UrnName.objects.count() / endpoints.NAMES_PER_CALL)
    return 1 + entities + 1 + days + len(endpoints.DEMOGRAPHIC_PIVOTS) + names


def _forget_what_is_stored() -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE campaigns, creatives, audience_demographics, account_daily_totals, urn_names CASCADE")
        cursor.execute("DELETE FROM sync_log WHERE account_id IS NOT NULL")
        cursor.execute("VACUUM")


def _let_ten_minutes_pass() -> None:
    """Else ten years twice within five minutes meet LinkedIn's limit of 45 million values."""
    import requests
    from django.conf import settings

    clock = f"{settings.LINKEDIN_API_BASE_URL}/simulator/clock"
    now = datetime.fromisoformat(requests.get(clock, timeout=30).json()["now"])
    later = now + timedelta(minutes=10)
    requests.put(clock, json={"now": later.isoformat()}, timeout=30).raise_for_status()


def _connect() -> int:
    """As after the consent page, with a token the simulator hands out."""
    import requests
    from django.conf import settings
    from django.utils import timezone

    from accounts.consents import connections
    from accounts.consents.linkedin_oauth import TokenGrant
    from ingestion.timetable.discovery import discover_ad_accounts

    token = requests.post(f"{settings.LINKEDIN_API_BASE_URL}/simulator/tokens", json={}, timeout=30).json()
    grant = TokenGrant(
        access_token=token["access_token"],
        expires_at=timezone.now() + timedelta(days=60),
        refresh_token=None,
        refresh_token_expires_at=None,
        scopes=frozenset({"r_ads", "r_ads_reporting"}),
    )
    connection = connections.store_grant(user=None, grant=grant, now=timezone.now(), announce=False)
    _, found = discover_ad_accounts(connection.pk)
    return found[0]


def _timed_sync(ad_account_id: int, first_day: date) -> _Synced:
    from ingestion.sync.sync import sync_ad_account

    memory, cpu, database_cpu, wall = _peak_mb(), time.process_time(), _postgresql_cpu(), time.perf_counter()
    result = sync_ad_account(ad_account_id, force=True, first_day=first_day)
    assert result.status == "success", result.reason
    rows = result.rows["campaign_daily_metrics"] + result.rows["creative_daily_metrics"]
    return {
        "rows": rows,
        "rows by table": dict(result.rows),
        "calls": result.api_calls,
        "seconds": time.perf_counter() - wall,
        "CPU µs per row": (time.process_time() - cpu) / rows * 1e6,
        "PostgreSQL CPU µs per row": (_postgresql_cpu() - database_cpu) / rows * 1e6,
        "peak memory growth MB": _peak_mb() - memory,
    }


def _peak_mb() -> float:
    """The largest memory this process ever had (Linux counts in KiB)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _postgresql_cpu() -> float:
    """CPU seconds of the embedded PostgreSQL's living processes, our backend among them."""
    from django.conf import settings

    postmaster = int((settings.DATA_DIR / "postgresql" / "postmaster.pid").read_text().split()[0])
    server = psutil.Process(postmaster)
    return sum(sum(process.cpu_times()[:2]) for process in [server, *server.children()])


if __name__ == "__main__":
    main()
