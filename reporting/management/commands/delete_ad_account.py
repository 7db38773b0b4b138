"""`manage.py delete_ad_account`: removes an ad account with all its data."""

import time

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from accounts.models import AdAccount
from reporting.operations import ad_account_removal

_RETRY_SECONDS = 1.0


class Command(BaseCommand):
    help = "Remove an ad account with all its data; without --yes, only show what would be removed."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("ad_account_id", type=int)
        parser.add_argument("--yes", action="store_true", help="remove it")

    def handle(self, *_: object, ad_account_id: int, yes: bool, **__: object) -> None:
        ad_account = AdAccount.objects.filter(pk=ad_account_id).first()
        if ad_account is None:
            raise CommandError(f"There is no ad account {ad_account_id}; `manage.py status` lists the known ones.")
        rows = ad_account_removal.rows_of(ad_account_id)
        for name, count in rows.items():
            self.stdout.write(f"{count:>12,} {name}")
        if not yes:
            raise CommandError(f"Nothing was removed; add --yes to permanently remove {ad_account} with these rows.")
        ad_account_removal.begin(ad_account, actor=None, now=timezone.now())
        removed = self._carry_out(ad_account_id)
        self.stdout.write(
            f"Removed {ad_account} with {removed:,} rows. It will not be fetched again until an owner deletes its row "
            "from the removed ad accounts in the admin."
        )

    def _carry_out(self, ad_account_id: int) -> int:
        while True:
            try:
                return ad_account_removal.carry_out(ad_account_id, on_progress=self._report)
            except ad_account_removal.StillSyncing:
                self.stdout.write("Waiting for its sync to stop …")
                time.sleep(_RETRY_SECONDS)

    def _report(self, rows: int) -> None:
        self.stdout.write(f"{rows:>12,} rows removed")
