"""`manage.py delete_ad_account`: an ad account with everything that is stored of it, gone."""

import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from accounts.models import AdAccount
from reporting.operations import ad_account_removal

_LOOK_AGAIN_SECONDS = 1.0


class Command(BaseCommand):
    help = "Remove an ad account with all its data, here and now; without --yes only say what would go."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("ad_account_id", type=int)
        parser.add_argument("--yes", action="store_true", help="really remove it")

    def handle(self, *_: Any, ad_account_id: int, yes: bool, **__: Any) -> None:
        ad_account = AdAccount.objects.filter(pk=ad_account_id).first()
        if ad_account is None:
            raise CommandError(f"There is no ad account {ad_account_id}; `manage.py status` lists those there are.")
        rows = ad_account_removal.rows_of(ad_account_id)
        for name, count in rows.items():
            self.stdout.write(f"{count:>12,} {name}")
        if not yes:
            raise CommandError(f"Nothing was removed; add --yes to remove {ad_account} with these rows for good.")
        ad_account_removal.begin(ad_account, actor=None, now=timezone.now())
        removed = self._carry_out(ad_account_id)
        self.stdout.write(
            f"{ad_account} is gone, with {removed:,} rows. It stays away until an owner removes its row from the "
            "admin's removed ad accounts."
        )

    def _carry_out(self, ad_account_id: int) -> int:
        while True:
            try:
                return ad_account_removal.carry_out(ad_account_id, on_progress=self._say)
            except ad_account_removal.StillSyncing:
                self.stdout.write("A sync of it is ending …")
                time.sleep(_LOOK_AGAIN_SECONDS)

    def _say(self, rows: int) -> None:
        self.stdout.write(f"{rows:>12,} rows removed")
