"""`manage.py restore`: restores a backup."""

from pathlib import Path

from django.core.management.base import BaseCommand, CommandError, CommandParser

from reporting.operations.backup_file import BackupUnusable
from reporting.operations.postgresql_programs import ProgramMissing
from reporting.operations.restore import RestoreRefused, restore


class Command(BaseCommand):
    help = "Restore what `manage.py backup` wrote. Stop web, worker and beat before."
    # The tables may not exist.
    requires_migrations_checks = False

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--replace", action="store_true", help="delete everything that is here now")

    def handle(self, *_: object, file: Path, replace: bool, **__: object) -> None:
        try:
            restored = restore(file, replace=replace)
        except (BackupUnusable, RestoreRefused, ProgramMissing) as error:
            raise CommandError(str(error)) from None
        self.stdout.write(
            f"{restored.rows:,} rows and {restored.files:,} stored files restored, as of {restored.made_at}. "
            "Start web, worker and beat."
        )
        if restored.untouched:
            self.stderr.write(f"Not touched, because this product did not make it: {', '.join(restored.untouched)}.")
        if restored.unreadable:
            self.stderr.write(
                f"The available keys do not decrypt the tokens of LinkedIn connection "
                f"{', '.join(map(str, restored.unreadable))}: add the key of the installation that was backed up "
                "to FIELD_ENCRYPTION_KEYS, or connect LinkedIn again."
            )
