"""Measures how syncs scale out, and what beat costs with a long timetable.

`python -m benchmarks.workers` starts throw-away databases and a simulated LinkedIn that answers in 100 ms, then
counts ad accounts per minute with one worker process, with two and with four. After that beat runs alone with 2,000
ad accounts in its timetable, or as many as `--entries` says. Bars: two workers do at least 1.8 times as much; beat
takes less than 5 % of one core and less than 200 MB for 2,000. What four workers do is printed without a bar: on a
machine of two cores they and the simulator share them.
"""

import time
from collections.abc import Iterator
from datetime import timedelta

import psutil

from benchmarks import figures
from benchmarks.figures import Figure, at_least, at_most, figure
from ingestion.linkedin_simulator.world import WorldSize
from tests.journeys.stack import SYNC, running_stack

LATENCY_SECONDS = 0.1
AD_ACCOUNTS = 40
TIMETABLE = 2_000
BEAT_SECONDS = 60
MIN_RATIO, MAX_CPU_PERCENT, MAX_MB = 1.8, 5.0, 200.0


def main() -> None:
    parser = figures.parser(__doc__)
    parser.add_argument("--only", choices=("workers", "beat"))
    parser.add_argument("--entries", type=int, default=TIMETABLE, help="ad accounts in beat's timetable")
    options = parser.parse_args()
    figures.report(_measure(options.only, options.entries), json_file=options.json)


def _measure(only: str | None, entries: int) -> Iterator[Figure]:
    if only != "beat":
        yield from measure_workers()
    if only != "workers":
        yield from measure_beat(entries)


def measure_workers() -> Iterator[Figure]:
    """Ad accounts per minute, and how much of it each further worker adds."""
    alone = _per_minute(1)
    yield figure("1 worker", alone, "ad accounts/min")
    two = _per_minute(2)
    yield figure("2 workers", two, "ad accounts/min")
    yield at_least("2 workers / 1 worker", two / alone, "×", MIN_RATIO, places=2)
    four = _per_minute(4)
    yield figure("4 workers", four, "ad accounts/min")
    yield figure("4 workers / 1 worker", four / alone, "×", places=2)


def _per_minute(workers: int) -> float:
    """From the first run's start to the last one's end; workers are up before anything is asked."""
    world = WorldSize(ad_accounts=AD_ACCOUNTS, campaigns_per_account=3, creatives_per_campaign=3, segments_per_pivot=4)
    with running_stack(world, SYNC_LEASE_SECONDS="90", LOG_LEVEL="WARNING") as stack:
        stack.fault("slow", seconds=LATENCY_SECONDS)
        for number in range(workers):
            stack.ready_worker(f"worker-{number}")
        for ad_account_id in stack.ad_account_ids:
            stack.ask(SYNC, ad_account_id)
        stack.wait_until_synced(300)
        runs = stack.runs()
        took: timedelta = max(run["finished_at"] for run in runs) - min(run["started_at"] for run in runs)
        return len(runs) / took.total_seconds() * 60


def measure_beat(ad_accounts: int) -> Iterator[Figure]:
    """After its start, which reads the whole timetable once."""
    world = WorldSize(ad_accounts=ad_accounts, campaigns_per_account=1, creatives_per_campaign=1)
    with running_stack(world, SYNC_LEASE_SECONDS="90") as stack:
        [entries] = stack.rows("SELECT count(*) FROM django_celery_beat_periodictask")
        process, began = stack.beat(), time.monotonic()
        stack.wait_until(lambda: stack.queued(), 120, "beat's first task")
        start_seconds = time.monotonic() - began
        beat = psutil.Process(process.pid)
        start_cpu = _cpu_seconds(beat)
        time.sleep(5)
        cpu, began, most_mb = _cpu_seconds(beat), time.monotonic(), 0.0
        queued = stack.queued()
        while time.monotonic() < began + BEAT_SECONDS:
            time.sleep(1)
            most_mb = max(most_mb, beat.memory_info().rss / 2**20)
        share = (_cpu_seconds(beat) - cpu) / (time.monotonic() - began) * 100
        yield figure("beat: entries in the timetable", entries["count"], "entries", places=0)
        yield figure("beat: tasks sent in a minute", stack.queued() - queued, "tasks", places=0)
        yield figure("beat: until its first task", start_seconds, "s")
        yield figure("beat: CPU until its first task", start_cpu, "s", places=2)
        if ad_accounts > TIMETABLE:
            yield figure("beat: share of one core", share, "%", places=2)
            yield figure("beat: memory", most_mb, "MB")
        else:
            yield at_most("beat: share of one core", share, "%", MAX_CPU_PERCENT, places=2)
            yield at_most("beat: memory", most_mb, "MB", MAX_MB)


def _cpu_seconds(process: psutil.Process) -> float:
    user, system, *_ = process.cpu_times()
    return float(user + system)


if __name__ == "__main__":
    main()
