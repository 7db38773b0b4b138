"""Measures one snapshot of a large ad account: seconds, CPU, peak memory and size.

`python -m benchmarks.snapshots` fills a throw-away database with 500 campaigns, 5,000 creatives and 90 days on each of
which all of them ran, and writes the snapshot of those 90 days in a fresh process: once within SNAPSHOT_MAX_BYTES, once
whole. The bar: under 10 s and 200 MB.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import date
from typing import TypedDict

from benchmarks import figures
from benchmarks.figures import Figure, at_most, figure

CAMPAIGNS, CREATIVES_PER_CAMPAIGN, DAYS = 500, 10, 90
LAST_DAY = date(2026, 10, 31)
BAR_SECONDS, BAR_MB = 10.0, 200.0
UNBOUNDED = 10**10
_Measured = TypedDict(
    "_Measured", {"seconds": float, "CPU seconds": float, "peak memory MB": float, "MB written": float}
)


def main() -> None:
    parser = figures.parser(__doc__)
    parser.add_argument("--measure", type=int, metavar="MAX_BYTES", help="in this process, print JSON; needs figures")
    options = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    if options.measure is not None:
        sys.stdout.write(json.dumps(_measure(options.measure)))
        return
    figures.report(_figures(), json_file=options.json)


def _figures() -> Iterator[Figure]:
    with tempfile.TemporaryDirectory(prefix="linkedin-ads-bench-") as data_dir:
        env = {**os.environ, "ENV_FILE": os.devnull, "DATA_DIR": data_dir, "LOG_LEVEL": "WARNING"}
        env["MALLOC_ARENA_MAX"] = "1"  # as `Procfile` runs the worker
        _fill(env)
        for name, max_bytes in (("within the budget", 0), ("whole", UNBOUNDED)):
            command = [sys.executable, "-m", "benchmarks.snapshots", "--measure", str(max_bytes)]
            done = subprocess.run(command, env=env, stdout=subprocess.PIPE, check=True)
            measured: _Measured = json.loads(done.stdout)
            yield at_most(name, measured["seconds"], "s", BAR_SECONDS, places=2)
            yield figure(f"{name}: own CPU", measured["CPU seconds"], "s", places=2)
            yield at_most(f"{name}: peak memory", measured["peak memory MB"], "MB", BAR_MB)
            yield figure(f"{name}: written", measured["MB written"], "MB")


def _fill(env: dict[str, str]) -> None:
    filled = [
        *("load_test_figures", "--accounts", "1", "--metric-rows", str(CAMPAIGNS * DAYS), "--days", str(DAYS)),
        *("--creatives", str(CREATIVES_PER_CAMPAIGN), "--last-day", LAST_DAY.isoformat()),
    ]
    for command in (["migrate", "--verbosity", "0"], filled):
        subprocess.run([sys.executable, "manage.py", *command], env=env, stdout=subprocess.DEVNULL, check=True)


def _measure(max_bytes: int) -> _Measured:
    import django

    django.setup()
    from django.conf import settings
    from django.utils import timezone

    from accounts.models import AdAccount
    from reporting.periods import Period
    from reporting.snapshots.assembly import write_document

    ad_account = AdAccount.objects.get()
    period = Period(date.fromordinal(LAST_DAY.toordinal() - DAYS + 1), LAST_DAY)
    cpu, wall = time.process_time(), time.perf_counter()
    with tempfile.TemporaryFile() as file:
        written = write_document(
            file,
            ad_account=ad_account,
            period=period,
            now=timezone.now(),
            max_bytes=max_bytes or settings.SNAPSHOT_MAX_BYTES,
        )
    return {
        "seconds": round(time.perf_counter() - wall, 2),
        "CPU seconds": round(time.process_time() - cpu, 2),
        "peak memory MB": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
        "MB written": round(written.size_bytes / 1e6, 1),
    }


if __name__ == "__main__":
    main()
