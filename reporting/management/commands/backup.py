"""`manage.py backup`: the database and the stored files into one file."""

from pathlib import Path

from django.core.management.base import BaseCommand, CommandError, CommandParser

from reporting.operations.backup import BackupFailed, back_up
from reporting.operations.postgresql_programs import ProgramMissing


class Command(BaseCommand):
    help = "Back up the database and the stored files to one new file, while everything keeps running."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="a file that does not exist yet, such as backups/2026-11-21.tar")

    def handle(self, *_: object, file: Path, **__: object) -> None:
        try:
            made = back_up(file)
        except (BackupFailed, ProgramMissing) as error:
            raise CommandError(str(error)) from None
        self.stdout.write(
            f"{file}: {made.rows:,} rows and {made.files:,} stored files in {made.bytes:,} bytes.\n"
            "The encryption keys are not included: keep FIELD_ENCRYPTION_KEYS somewhere else. Without them, the "
            "LinkedIn tokens in this backup cannot be decrypted."
        )
        if made.left_out:
            self.stderr.write(f"Left out, because this product did not make it: {', '.join(made.left_out)}.")
        if made.needs:
            self.stderr.write(f"A restore needs these to be there already: {', '.join(made.needs)}.")
