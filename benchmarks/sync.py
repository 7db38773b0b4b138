"""Measures one busy ad account's sync: CPU per row, rows per second, calls, peak memory.

`python -m benchmarks.sync` starts throw-away databases and a simulator process, then measures each case in a
fresh process: a first sync (every row new) and a second one (nothing changed). A row is a row of the two daily
metric tables. CPU is the syncing process's own, from LinkedIn's bytes to the commit; PostgreSQL's is beside it.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil

CASES = {"90 days": 90, "1 year": 365, "10 years": 3650}
CAMPAIGNS, CREATIVES_PER_CAMPAIGN = 50, 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--case", choices=CASES, action="append", help="default: 90 days and 10 years")
    parser.add_argument("--json", type=Path, help="also write the figures there")
    parser.add_argument("--measure", type=int, metavar="DAYS", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        sys.stdout.write(json.dumps(_measure(options.measure)))
        return
    figures = {case: _run_case(CASES[case]) for case in options.case or ("90 days", "10 years")}
    _show(figures)
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1) + "\n")


def _run_case(days: int) -> dict[str, Any]:
    """Databases and simulator of its own; the sync in a process of its own."""
    with tempfile.TemporaryDirectory(prefix="linkedin-ads-bench-") as data_dir:
        first_day = (datetime.now(UTC) - timedelta(days=days)).date()
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
                measure = [sys.executable, "-m", "benchmarks.sync", "--measure", str(days)]
                done = subprocess.run(measure, env=env, stdout=subprocess.PIPE, text=True, check=True)
            finally:
                simulator.terminate()
        figures: dict[str, Any] = json.loads(done.stdout)
        return figures


def _measure(days: int) -> dict[str, Any]:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    ad_account_id = _connect()
    first_day = datetime.now(UTC).date() - timedelta(days=days - 1)
    first = _timed_sync(ad_account_id, first_day)
    _let_ten_minutes_pass()
    return {"first sync": first, "nothing changed": _timed_sync(ad_account_id, first_day)}


def _let_ten_minutes_pass() -> None:
    """Else ten years twice within five minutes meet LinkedIn's limit of 45 million values."""
    import requests
    from django.conf import settings

    later = datetime.now(UTC) + timedelta(minutes=10)
    address = f"{settings.LINKEDIN_API_BASE_URL}/simulator/clock"
    requests.put(address, json={"now": later.isoformat()}, timeout=30).raise_for_status()


def _connect() -> int:
    """As after the consent page, with a token the simulator hands out."""
    import requests
    from django.conf import settings
    from django.utils import timezone

    from accounts import connections
    from accounts.linkedin_oauth import TokenGrant
    from ingestion.discovery import discover_ad_accounts

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


def _timed_sync(ad_account_id: int, first_day: Any) -> dict[str, Any]:
    from ingestion.sync import sync_ad_account

    memory, cpu, database_cpu, wall = _peak_mb(), time.process_time(), _postgresql_cpu(), time.perf_counter()
    result = sync_ad_account(ad_account_id, force=True, first_day=first_day)
    assert result.status == "success", result.reason
    rows = result.rows["campaign_daily_metrics"] + result.rows["creative_daily_metrics"]
    wall = time.perf_counter() - wall
    return {
        "rows": rows,
        "calls": result.api_calls,
        "seconds": round(wall, 2),
        "rows per second": round(rows / wall),
        "CPU µs per row": round((time.process_time() - cpu) / rows * 1e6, 1),
        "PostgreSQL CPU µs per row": round((_postgresql_cpu() - database_cpu) / rows * 1e6, 1),
        "peak memory MB": round(_peak_mb(), 1),
        "peak memory growth MB": round(_peak_mb() - memory, 1),
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


def _show(figures: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    columns = [(case, sync) for case, syncs in figures.items() for sync in syncs]
    table = Table(
        "", *(f"{case}\n{sync}" for case, sync in columns), title="One busy ad account: 500 creatives, every day"
    )
    for name in next(iter(next(iter(figures.values())).values())):
        table.add_row(name, *(f"{figures[case][sync][name]:,}" for case, sync in columns))
    Console(width=110).print(table)


if __name__ == "__main__":
    main()
