"""Measures how syncs scale out, and what beat costs with a long timetable.

`python -m benchmarks.workers` starts throw-away databases and a simulated LinkedIn that answers in 100 ms, then
counts ad accounts per minute with one worker process and with two. After that beat runs alone with 2,000 ad
accounts in its timetable. Bars: two workers do at least 1.8 times as much; beat takes less than 5 % of one core
and less than 200 MB.
"""

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import psutil

from ingestion.linkedin_simulator.world import WorldSize
from tests.journeys.stack import SYNC, running_stack

LATENCY_SECONDS = 0.1
AD_ACCOUNTS = 40
TIMETABLE = 2_000
BEAT_SECONDS = 60
LEAST_RATIO, MOST_CPU_PERCENT, MOST_MB = 1.8, 5.0, 200.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=("workers", "beat"))
    parser.add_argument("--json", type=Path, help="also write the figures there")
    options = parser.parse_args()
    figures: dict[str, Any] = {}
    if options.only != "beat":
        figures |= measure_workers()
    if options.only != "workers":
        figures |= measure_beat()
    for name, value in figures.items():
        sys.stdout.write(f"{name}: {value}\n")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1) + "\n")


def measure_workers() -> dict[str, Any]:
    per_minute = {workers: _per_minute(workers) for workers in (1, 2)}
    return {
        "ad accounts per minute, 1 worker": round(per_minute[1], 1),
        "ad accounts per minute, 2 workers": round(per_minute[2], 1),
        f"ratio (bar: at least {LEAST_RATIO})": round(per_minute[2] / per_minute[1], 2),
    }


def _per_minute(workers: int) -> float:
    """From the first run's start to the last one's end; workers are up before anything is asked."""
    world = WorldSize(ad_accounts=AD_ACCOUNTS, campaigns_per_account=3, creatives_per_campaign=3, segments_per_pivot=4)
    usual = {"SYNC_LEASE_SECONDS": "90", "LOG_LEVEL": "WARNING"}
    with running_stack(world, **usual) as stack:
        stack.fault("slow", seconds=LATENCY_SECONDS)
        for number in range(workers):
            stack.ready_worker(f"worker-{number}")
        for ad_account_id in stack.ad_account_ids:
            stack.ask(SYNC, ad_account_id)
        stack.wait_until_synced(300)
        runs = stack.runs()
        took = max(run["finished_at"] for run in runs) - min(run["started_at"] for run in runs)
        return len(runs) / took.total_seconds() * 60


def measure_beat() -> dict[str, Any]:
    """After its start, which reads the whole timetable once."""
    world = WorldSize(ad_accounts=TIMETABLE, campaigns_per_account=1, creatives_per_campaign=1)
    with running_stack(world, SYNC_LEASE_SECONDS="90") as stack:
        [entries] = stack.rows("SELECT count(*) FROM django_celery_beat_periodictask")
        process = stack.beat()
        stack.wait_until(lambda: stack.queued(), 120, "beat's first task")
        beat = psutil.Process(process.pid)
        start_cpu = _cpu_seconds(beat)
        time.sleep(5)
        cpu, began, most_mb = _cpu_seconds(beat), time.monotonic(), 0.0
        queued = stack.queued()
        while time.monotonic() < began + BEAT_SECONDS:
            time.sleep(1)
            most_mb = max(most_mb, beat.memory_info().rss / 2**20)
        share = (_cpu_seconds(beat) - cpu) / (time.monotonic() - began) * 100
        return {
            "beat: entries in the timetable": entries["count"],
            "beat: tasks sent in a minute": stack.queued() - queued,
            "beat: CPU seconds until its first task": round(start_cpu, 2),
            f"beat: % of one core (bar: under {MOST_CPU_PERCENT:.0f})": round(share, 2),
            f"beat: MB (bar: under {MOST_MB:.0f})": round(most_mb, 1),
        }


def _cpu_seconds(process: psutil.Process) -> float:
    user, system, *_ = process.cpu_times()
    return float(user + system)


if __name__ == "__main__":
    main()
