"""Measures exports of a million rows: time, bytes, memory and sums of each format, alone and side by side.

`python -m benchmarks.exports` fills a throw-away database with a million campaign days and exports all of them as an
owner, each in a process of its own, as a worker would. Before each CSV the table's own columns are read by a bare
`COPY … TO STDOUT`; the median of the pairs' ratios counts. Then one download is cut and continued, and one worker is
killed in the middle. The bars: CSV takes at most twice as long as bare COPY, memory does not grow with the rows, all
sums are equal, and what was killed is whole in the end.
"""

import argparse
import hashlib
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final
from zipfile import ZipFile

from benchmarks import figures
from benchmarks.figures import Figure, at_least, at_most, figure

if TYPE_CHECKING:
    from accounts.models import User
    from reporting.models import Export

ROWS: Final = 1_000_000
BAR: Final = 2.0
# What a tenth of the rows needs may grow by this much for all of them.
MEMORY_BAR_MB: Final = 30
FORMATS: Final = ("csv", "csv.gz", "ndjson", "ndjson.gz", "parquet", "xlsx")
SIDE_BY_SIDE: Final = ("csv", "xlsx", "ndjson", "parquet")
_OF: Final = "campaign-metrics"
_SUMMED: Final = ("impressions", "clicks", "spend")
_PIECE: Final = 2**20
_PLACES: Final = Decimal("1E-10")
_DOMAIN: Final = "@exports.invalid"


@dataclass(frozen=True, slots=True)
class Job:
    """One export, written by a process of its own; memory is the most that the process had."""

    seconds: float
    memory_mb: float


def main() -> None:
    parser = figures.parser(__doc__)
    parser.add_argument("--only", default="", help="only parts whose name holds this text")
    parser.add_argument("--times", type=int, default=3, help="how often CSV is written beside bare COPY")
    parser.add_argument(
        "--measure", action="store_true", help="in this process, on the database that the settings name"
    )
    parser.add_argument("--work", type=int, metavar="EXPORT", help="write this one export, as a worker does")
    options = parser.parse_args()
    if not options.measure and options.work is None:
        sys.exit(_measured_on_a_million_rows())
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    import django

    django.setup()
    if options.work is not None:
        _work(options.work)
    else:
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
    from accounts.models import User

    try:
        parts = _parts(_owner(), options.times)
        for name, part in parts.items():
            if options.only in name:
                yield from part()
    finally:
        User.objects.filter(email__endswith=_DOMAIN).delete()


def _parts(person: "User", times: int) -> dict[str, Callable[[], Iterator[Figure]]]:
    return {
        "beside bare COPY": partial(_csv_beside_copy, person, times),
        **{file_format: partial(_alone, person, file_format) for file_format in FORMATS},
        "side by side": partial(_side_by_side, person),
        "continued": partial(_continued, person),
        "killed": partial(_killed, person),
    }


def _alone(person: "User", file_format: str) -> Iterator[Figure]:
    small, _ = _written(person, file_format, {"date_from": [_a_tenth_since()]})
    job, export = _written(person, file_format)
    yield figure(f"{file_format}: seconds", job.seconds, "s", places=2)
    yield figure(f"{file_format}: size", export.size_bytes / 1e6, "MB")
    yield figure(f"{file_format}: peak memory", job.memory_mb, "MB")
    growth = job.memory_mb - small.memory_mb
    yield at_most(f"{file_format}: growth of memory from a tenth of the rows", growth, "MB", MEMORY_BAR_MB)
    is_equal = export.rows == ROWS and _sums(export) == _sums_of_the_table()
    yield at_least(f"{file_format}: rows and sums of the table (1: equal)", is_equal, "", 1)


def _csv_beside_copy(person: "User", times: int) -> Iterator[Figure]:
    pairs = [(_bare_copy_seconds(), _written(person, "csv")[0].seconds) for _ in range(times)]
    ratio = statistics.median(seconds / copy for copy, seconds in pairs)
    yield at_most("csv: time / bare COPY", ratio, "×", BAR, places=2)


def _side_by_side(person: "User") -> Iterator[Figure]:
    """Four are written at once; two people, since each has two."""
    people = (person, person, _owner("second"), _owner("second"))
    exports = [_asked(one, file_format) for one, file_format in zip(people, SIDE_BY_SIDE, strict=True)]
    began = time.perf_counter()
    workers = [_begun(one) for one in exports]
    jobs = [_ended(worker) for worker in workers]
    yield figure("side by side: until the last is written", time.perf_counter() - began, "s", places=2)
    for file_format, job in zip(SIDE_BY_SIDE, jobs, strict=True):
        yield figure(f"side by side, {file_format}: seconds", job.seconds, "s", places=2)
        yield figure(f"side by side, {file_format}: peak memory", job.memory_mb, "MB")
    expected = _sums_of_the_table()
    for one in exports:
        one.refresh_from_db()
        is_equal = one.rows == ROWS and _sums(one) == expected
        yield at_least(f"side by side, {one.file_format}: rows and sums of the table (1: equal)", is_equal, "", 1)


def _continued(person: "User") -> Iterator[Figure]:
    """A download that is cut after half of the file."""
    from django.test import Client

    _, export = _written(person, "csv")
    browser = Client(SERVER_NAME="127.0.0.1")
    browser.force_login(person, backend="accounts.sign_in.password_backend.PasswordBackend")
    address = f"/api/v1/exports/{export.pk}/file"
    digest, half = hashlib.sha256(), export.size_bytes // 2
    first = browser.get(address)
    received = 0
    for piece in first:
        digest.update(piece[: half - received])
        received += len(piece)
        if received >= half:
            break
    first.close()
    rest = browser.get(address, headers={"Range": f"bytes={half}-", "If-Range": first["ETag"]})
    for piece in rest:
        digest.update(piece)
    is_whole = rest.status_code == 206 and digest.hexdigest() == export.digest
    yield at_least("a cut download, continued: the digest of the file (1: equal)", is_whole, "", 1)


def _killed(person: "User") -> Iterator[Figure]:
    """A worker that gets no chance to say anything, and what is begun again a minute later."""
    from django.utils import timezone

    from ingestion.processes import work_requests
    from reporting.exports import export_store
    from reporting.models import Export

    export = _asked(person, "ndjson")
    worker = _begun(export)
    while worker.poll() is None and not Export.objects.get(pk=export.pk).rows:
        time.sleep(0.05)
    worker.send_signal(signal.SIGKILL)
    worker.wait()
    killed_at = time.perf_counter()
    while _open_statements():
        time.sleep(0.02)
    open_seconds = time.perf_counter() - killed_at
    yield at_most("a killed worker: its statement is open for", open_seconds, "s", 3, places=2)
    later = timezone.now() + export_store.LEASE + timedelta(seconds=5)
    work_requests.overdue(Export, now=later)
    export.refresh_from_db()
    yield at_least("a killed worker: its export waits for another one (1: yes)", export.state == "queued", "", 1)
    _ended(_begun(export))
    export.refresh_from_db()
    is_whole = export.rows == ROWS and _sums(export) == _sums_of_the_table()
    yield at_least("a killed worker: begun again, rows and sums of the table (1: equal)", is_whole, "", 1)


# --- jobs ---


def _written(
    person: "User", file_format: str, parameters: Mapping[str, list[str]] | None = None
) -> "tuple[Job, Export]":
    export = _asked(person, file_format, parameters)
    job = _ended(_begun(export))
    export.refresh_from_db()
    if export.state != "written":
        raise SystemExit(f"{export} is {export.state}: {export.trouble}")
    return job, export


def _asked(person: "User", file_format: str, parameters: Mapping[str, list[str]] | None = None) -> "Export":
    """No worker listens: nobody is sent its message."""
    from django.utils import timezone

    from reporting.exports import export_store

    return export_store.queue(
        asked_by=person,
        of=_OF,
        parameters=parameters or {},
        file_format=file_format,
        dialect="",
        ad_account_ids=None,
        now=timezone.now(),
    )


def _begun(export: "Export") -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "benchmarks.exports", "--work", str(export.pk)]
    return subprocess.Popen(command, stdout=subprocess.PIPE)


def _ended(worker: "subprocess.Popen[bytes]") -> Job:
    result, _ = worker.communicate()
    if worker.returncode:
        raise SystemExit(f"A worker ended with {worker.returncode}.")
    return Job(**json.loads(result))


def _work(export_id: int) -> None:
    from ingestion.processes.work_requests import message_of
    from reporting.exports import export_job
    from reporting.models import Export

    message = message_of(Export.objects.get(pk=export_id))
    began = time.perf_counter()
    export_job.run(message)
    seconds = time.perf_counter() - began
    sys.stdout.write(json.dumps(asdict(Job(seconds, _peak_memory_mb()))))


def _peak_memory_mb() -> float:
    """Of this program alone: what `getrusage` says includes the process that started it."""
    [kilobytes] = re.findall(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return int(kilobytes) / 1024


def _owner(name: str = "owner") -> "User":
    from accounts.models import User

    email = f"{name}{_DOMAIN}"
    found = User.objects.filter(email=email).first()
    return found or User.objects.create_user(email=email, role="owner", is_staff=True)


# --- what the database says ---


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


def _a_tenth_since() -> str:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT percentile_disc(0.9) WITHIN GROUP (ORDER BY date) FROM campaign_daily_metrics")
        return str(cursor.fetchone()[0])


def _sums_of_the_table() -> tuple[Decimal, ...]:
    from django.db import connection

    with connection.cursor() as cursor:
        sums = ", ".join(f"sum({name})" for name in _SUMMED)
        cursor.execute(f"SELECT {sums} FROM campaign_daily_metrics")  # noqa: S608 (three columns)
        return tuple(Decimal(one) for one in cursor.fetchone())


def _open_statements() -> int:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
            " AND xact_start IS NOT NULL"
        )
        count: int = cursor.fetchone()[0]
    return count


# --- what the files say ---


def _sums(export: "Export") -> tuple[Decimal, ...]:
    """As a reader of the format adds them up."""
    with _path(export) as path:
        return _sums_of_workbook(path) if export.file_format == "xlsx" else _sums_of_columns(path, export.file_format)


@contextmanager
def _path(export: "Export") -> Iterator[str]:
    yield export.document.path


def _sums_of_columns(path: str, file_format: str) -> tuple[Decimal, ...]:
    import duckdb

    types = {"impressions": "BIGINT", "clicks": "BIGINT", "spend": "DECIMAL(38,10)"}
    read = {"csv": "read_csv(?, all_varchar=true)", "ndjson": "read_json(?, format='newline_delimited')"}
    sums = ", ".join(f"sum(CAST({name} AS {types[name]}))" for name in _SUMMED)
    source = read.get(file_format.removesuffix(".gz"), "read_parquet(?)")
    with duckdb.connect() as database:
        found = database.execute(f"SELECT {sums} FROM {source}", [path]).fetchone()  # noqa: S608 (three columns)
    assert found
    return tuple(Decimal(one) for one in found)


def _sums_of_workbook(path: str) -> tuple[Decimal, ...]:
    """Of all its sheets, whose numbers are binary ones: rounded to the places that amounts have."""
    sums = dict.fromkeys(_SUMMED, Decimal(0))
    with ZipFile(path) as archive:
        shared = [name for name in archive.namelist() if name.startswith("xl/worksheets/sheet")]
        for name in shared:
            with archive.open(name) as sheet:
                for column, value in _cells(sheet):
                    if column in sums:
                        sums[column] += Decimal(value).quantize(_PLACES)
    return tuple(sums.values())


_HEADER: Final = re.compile(rb'<c r="([A-Z]+)1"[^>]*><is><t[^>]*>([^<]*)</t></is></c>')
_CELL: Final = re.compile(rb'<c r="([A-Z]+)\d+"(?: s="\d+")?><v>([^<]*)</v></c>')


def _cells(sheet: "IO[bytes]") -> Iterator[tuple[str, str]]:
    """The numbers of a sheet with the names of their columns."""
    names: dict[bytes, str] = {}
    rest = b""
    while piece := sheet.read(_PIECE):
        text = rest + piece
        end = text.rfind(b"</row>") + len(b"</row>")
        if end < len(b"</row>"):
            rest = text
            continue
        whole, rest = text[:end], text[end:]
        if not names:
            names = {column: name.decode() for column, name in _HEADER.findall(whole)}
        for column, value in _CELL.findall(whole):
            yield names[column], value.decode()


if __name__ == "__main__":
    main()
