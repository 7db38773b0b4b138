"""`manage.py snapshot`: the JSON document of one ad account, stored or written to a file."""

import argparse
import io
import os
import shutil
import sys
from pathlib import Path
from tempfile import NamedTemporaryFile, TemporaryFile
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from accounts import audit_trail
from accounts.models import AdAccount
from accounts.shell.request_values import BadValue, whole_number
from reporting.models.snapshot import snapshot_storage
from reporting.periods import last_days
from reporting.snapshots import snapshot_store
from reporting.snapshots.assembly import DoesNotFit, write_document
from reporting.snapshots.snapshot_requests import MAX_DAYS

_STANDARD_OUTPUT = "-"


class Command(BaseCommand):
    help = "Write a snapshot of an ad account: to the storage, or with --out to a file."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("ad_account_id", type=int, metavar="AD_ACCOUNT_ID")
        parser.add_argument(
            "--days", type=_days, default=settings.SNAPSHOT_DAYS, metavar="N", help="whole days, through yesterday"
        )
        parser.add_argument("--out", metavar="FILE", help="write here instead of storing it; - is standard output")

    def handle(self, *_: object, **options: Any) -> None:
        ad_account = AdAccount.objects.filter(pk=options["ad_account_id"]).first()
        if ad_account is None:
            raise CommandError(
                f"Ad account {options['ad_account_id']} is unknown; `manage.py status` lists the known ones."
            )
        try:
            if options["out"] is None:
                self.stdout.write(_stored(ad_account, options["days"]))
            elif options["out"] == _STANDARD_OUTPUT:
                self._print(ad_account, options["days"])
            else:
                _write_file(Path(options["out"]), ad_account, options["days"])
        except DoesNotFit as error:
            raise CommandError(str(error)) from None
        except OSError as error:
            raise CommandError(f"The snapshot cannot be written: {error}.") from None

    def _print(self, ad_account: AdAccount, days: int) -> None:
        """All or nothing: readers of standard output cannot tell half a document from a complete one."""
        self.stdout.ending = ""
        with TemporaryFile() as file:
            _write(file, ad_account, days)
            file.seek(0)
            with io.TextIOWrapper(file, encoding="utf-8") as text:
                shutil.copyfileobj(text, self.stdout)


def _days(text: str) -> int:
    try:
        return whole_number(text, at_least=1, at_most=MAX_DAYS)
    except BadValue:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of days; give one from 1 to {MAX_DAYS}") from None


def _stored(ad_account: AdAccount, days: int) -> str:
    """Store it; returns where it is."""
    name = snapshot_store.write_now(ad_account, days=days, now=timezone.now()).stored_as
    try:
        return snapshot_storage().path(name)
    except NotImplementedError:
        return name


def _write_file(path: Path, ad_account: AdAccount, days: int) -> None:
    """Written next to the file first, so that an existing one is replaced completely or not at all."""
    with NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as draft:
        try:
            _write(draft, ad_account, days)
            Path(draft.name).replace(path)
        except BaseException:
            Path(draft.name).unlink(missing_ok=True)
            raise
    sys.stderr.write(f"{path}: {path.stat().st_size:,} bytes{os.linesep}")


def _write(file: Any, ad_account: AdAccount, days: int) -> None:
    now = timezone.now()
    write_document(
        file,
        ad_account=ad_account,
        period=last_days(days, today=now.date()),
        now=now,
        max_bytes=settings.SNAPSHOT_MAX_BYTES,
    )
    audit_trail.record("snapshot_taken", ad_account_id=ad_account.pk, days=days, by="command")
