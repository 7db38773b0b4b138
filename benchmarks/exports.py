"""Measures how fast a million rows leave as files, beside the fastest that PostgreSQL sends them.

`manage.py load_test_figures --metric-rows 1000000 --accounts 10` fills an empty database first; `python -m
benchmarks.exports` then downloads every campaign day as an owner, through the views, in this process. Before each
download the table's own columns are read by a bare `COPY … TO STDOUT`; the median of the pairs' ratios counts. The bar:
CSV takes at most twice as long as bare COPY. People and audit events that it makes are rolled back.
"""

import argparse
import json
import os
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

BAR = 2.0
_DAYS = "/api/v1/campaign-metrics?format="
DOWNLOADS = {
    "CSV": f"{_DAYS}csv",
    "CSV, by campaign and day": f"{_DAYS}csv&order=campaign_id",
    "NDJSON": f"{_DAYS}ndjson",
    "CSV of the admin's list": "/admin/ingestion/campaigndailymetric/export/csv/",
    "XLSX": f"{_DAYS}xlsx",
}
_SLOW = ("CSV of the admin's list", "XLSX")


@dataclass(frozen=True, slots=True)
class Download:
    """One file, read to its end; memory is how much this process grew at most."""

    seconds: float
    first_byte_seconds: float
    megabytes: float
    memory_mb: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=5, help="how often each file is downloaded; the slow ones once")
    parser.add_argument("--only", default="", help="only files whose name holds this text")
    parser.add_argument("--json", type=Path, help="also write the figures there")
    options = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    import django

    django.setup()
    figures = {}
    with _owner() as browser:
        for name, address in DOWNLOADS.items():
            if options.only in name:
                figures[name] = _measure(browser, address, 1 if name in _SLOW else options.times)
                sys.stdout.write(_line(name, figures[name]))
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1) + "\n")
    sys.exit(1 if figures.get("CSV", {}).get("ratio", 0) > BAR else 0)


@contextmanager
def _owner() -> Iterator[Any]:
    from django.db import transaction
    from django.test import Client

    from accounts.models import User

    with transaction.atomic():
        person = User.objects.create_user(email="owner@exports.invalid", role="owner", is_staff=True)
        browser = Client(SERVER_NAME="127.0.0.1")
        browser.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
        yield browser
        transaction.set_rollback(True)


def _measure(browser: Any, address: str, times: int) -> dict[str, float]:
    """Bare COPY and the file by turns."""
    bare, files = [], []
    for _ in range(times):
        bare.append(_bare_copy_seconds())
        files.append(_download(browser, address))
    return {
        "seconds": _median(one.seconds for one in files),
        "first_byte_seconds": _median(one.first_byte_seconds for one in files),
        "megabytes": _median(one.megabytes for one in files),
        "memory_mb": max(one.memory_mb for one in files),
        "bare_copy_seconds": _median(bare),
        "ratio": _median(one.seconds / seconds for one, seconds in zip(files, bare, strict=True)),
    }


def _bare_copy_seconds() -> float:
    from django.db import connection

    from ingestion.models import CampaignDailyMetric

    columns = ", ".join(str(field.column) for field in CampaignDailyMetric._meta.concrete_fields[1:])
    statement = f"COPY (SELECT {columns} FROM campaign_daily_metrics) TO STDOUT"  # noqa: S608 (the model's own columns)
    started = time.perf_counter()
    with connection.cursor() as cursor, cursor.cursor.copy(statement) as rows:
        for _ in rows:
            pass
    return time.perf_counter() - started


def _download(browser: Any, address: str) -> Download:
    with _memory_watched() as grown:
        started = time.perf_counter()
        response = browser.get(address)
        if response.status_code != 200:
            raise SystemExit(f"{address} answered {response.status_code}.")
        chunks = iter(response.streaming_content)
        size = len(next(chunks))
        first_byte = time.perf_counter() - started
        size += sum(map(len, chunks))
        seconds = time.perf_counter() - started
    return Download(seconds, first_byte, size / 1e6, grown() / 1e6)


@contextmanager
def _memory_watched() -> Iterator[Callable[[], int]]:
    """Looks twenty times a second; what it gives tells by how many bytes this process grew at most."""
    process, done = psutil.Process(), threading.Event()
    before = process.memory_info().rss
    seen = [before]

    def watch() -> None:
        while not done.wait(0.05):
            seen.append(process.memory_info().rss)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield lambda: max(seen) - before
    finally:
        done.set()
        watcher.join()


def _median(numbers: Any) -> float:
    return round(statistics.median(numbers), 3)


def _line(name: str, found: dict[str, float]) -> str:
    late = "  over the bar" if name == "CSV" and found["ratio"] > BAR else ""
    return (
        f"{found['seconds']:7.2f} s {found['megabytes']:6.0f} MB {found['megabytes'] / found['seconds']:6.1f} MB/s"
        f"  first byte {found['first_byte_seconds'] * 1000:6.0f} ms  memory +{found['memory_mb']:.0f} MB"
        f"  {found['ratio']:6.2f} x bare COPY ({found['bare_copy_seconds']:.2f} s)  {name}{late}\n"
    )


if __name__ == "__main__":
    main()
