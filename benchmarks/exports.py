"""Measures how fast a million rows leave as files, beside the fastest that PostgreSQL sends them.

`python -m benchmarks.exports` fills a throw-away database with a million campaign days and downloads all of them as an
owner, through the views, in one process. Before each download the table's own columns are read by a bare
`COPY … TO STDOUT`; the median of the pairs' ratios counts. The bar: CSV takes at most twice as long as bare COPY.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psutil

from benchmarks import figures
from benchmarks.figures import Figure, at_most, figure

if TYPE_CHECKING:
    from django.test import Client

ROWS = 1_000_000
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
    parser = figures.parser(__doc__)
    parser.add_argument("--times", type=int, default=5, help="how often each file is downloaded; the slow ones once")
    parser.add_argument("--only", default="", help="only files whose name holds this text")
    parser.add_argument(
        "--measure", action="store_true", help="in this process, on the database that the settings name"
    )
    options = parser.parse_args()
    if not options.measure:
        sys.exit(_measured_on_a_million_rows())
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    import django

    django.setup()
    figures.report(_measure(options), json_file=options.json)


def _measured_on_a_million_rows() -> int:
    """Of a throw-away database."""
    with tempfile.TemporaryDirectory(prefix="linkedin-ads-bench-") as data_dir:
        env = {**os.environ, "ENV_FILE": os.devnull, "DATA_DIR": data_dir, "LOG_LEVEL": "WARNING"}
        load = ["load_test_figures", "--metric-rows", str(ROWS), "--accounts", "10"]
        for command in (["migrate", "--verbosity", "0"], load):
            filled = [sys.executable, "manage.py", *command]
            subprocess.run(filled, env=env, stdout=subprocess.DEVNULL, check=True)
        measure = [sys.executable, "-m", "benchmarks.exports", "--measure", *sys.argv[1:]]
        return subprocess.run(measure, env=env, check=False).returncode


def _measure(options: argparse.Namespace) -> Iterator[Figure]:
    with _owner() as browser:
        for name, address in DOWNLOADS.items():
            if options.only in name:
                yield from _figures(name, _pairs(browser, address, 1 if name in _SLOW else options.times))


def _figures(name: str, pairs: Sequence[tuple[float, Download]]) -> Iterator[Figure]:
    """`pairs` are seconds of bare COPY and the file, by turns."""
    files = [file for _, file in pairs]
    ratio = statistics.median(file.seconds / seconds for seconds, file in pairs)
    title = f"{name}: time / bare COPY"
    yield at_most(title, ratio, "×", BAR, places=2) if name == "CSV" else figure(title, ratio, "×", places=2)
    yield figure(f"{name}: seconds", statistics.median(file.seconds for file in files), "s", places=2)
    yield figure(f"{name}: first byte", statistics.median(file.first_byte_seconds for file in files) * 1000, "ms")
    yield figure(f"{name}: size", files[0].megabytes, "MB")
    yield figure(f"{name}: growth of memory", max(file.memory_mb for file in files), "MB")


@contextmanager
def _owner() -> Iterator["Client"]:
    from django.db import transaction
    from django.test import Client

    from accounts.models import User

    with transaction.atomic():
        person = User.objects.create_user(email="owner@exports.invalid", role="owner", is_staff=True)
        browser = Client(SERVER_NAME="127.0.0.1")
        browser.force_login(person, backend="accounts.sign_in.password_backend.PasswordBackend")
        yield browser
        transaction.set_rollback(True)


def _pairs(browser: "Client", address: str, times: int) -> list[tuple[float, Download]]:
    return [(_bare_copy_seconds(), _download(browser, address)) for _ in range(times)]


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


def _download(browser: "Client", address: str) -> Download:
    from django.http import StreamingHttpResponse

    with _memory_watched() as grown:
        started = time.perf_counter()
        response = browser.get(address)
        if not isinstance(response, StreamingHttpResponse):
            raise SystemExit(f"{address} answered {response.status_code}.")
        chunks = iter(response)
        size = len(next(chunks))
        first_byte = time.perf_counter() - started
        size += sum(map(len, chunks))
        seconds = time.perf_counter() - started
    return Download(seconds, first_byte, size / 1e6, grown() / 1e6)


@contextmanager
def _memory_watched() -> Iterator[Callable[[], int]]:
    """Samples twenty times a second; gives a function that returns by how many bytes this process grew at most."""
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


if __name__ == "__main__":
    main()
