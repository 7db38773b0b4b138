"""Exports as tests ask for them, and their files as readers see them."""

import csv
import gzip
import io
import json
from typing import Any
from zipfile import ZipFile

import duckdb
from django.utils import timezone

from accounts.models import User
from ingestion.processes.work_requests import message_of
from reporting.exports import export_job, export_requests
from reporting.models import Export


def ask(person: User, of: str = "campaign-metrics", file_format: str = "csv", **more: Any) -> Export:
    parameters = more.pop("parameters", {})
    return export_requests.ask(
        person, of=of, parameters=parameters, file_format=file_format, now=timezone.now(), **more
    )


def export(person: User, of: str = "campaign-metrics", file_format: str = "csv", **more: Any) -> Export:
    """Asked for, and written as a worker would."""
    asked = ask(person, of, file_format, **more)
    export_job.run(message_of(asked))
    asked.refresh_from_db()
    return asked


def content_of(one: Export) -> bytes:
    with one.document.open("rb") as file:
        return bytes(file.read())


def csv_rows(content: bytes, delimiter: str = ",") -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline=""), delimiter=delimiter))


def json_rows(content: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in content.splitlines()]


def unpacked(content: bytes) -> bytes:
    return gzip.decompress(content)


def sheets(content: bytes) -> list[str]:
    with ZipFile(io.BytesIO(content)) as archive:
        names = [name for name in archive.namelist() if name.startswith("xl/worksheets/sheet")]
        return [archive.read(name).decode() for name in sorted(names)]


def parquet_rows(one: Export) -> list[dict[str, Any]]:
    with duckdb.connect() as database:
        found = database.execute("SELECT * FROM read_parquet(?)", [one.document.path])
        names = [column[0] for column in found.description]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def parquet_types(one: Export) -> dict[str, str]:
    with duckdb.connect() as database:
        found = database.execute("DESCRIBE SELECT * FROM read_parquet(?)", [one.document.path]).fetchall()
    return {name: kind for name, kind, *_ in found}
