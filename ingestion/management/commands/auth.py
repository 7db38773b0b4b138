"""`manage.py auth`: connect LinkedIn from the terminal."""

import secrets
import sys
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.consents import connections, linkedin_app
from accounts.models import AdAccount, User
from accounts.roles import Role
from ingestion.models import SyncLog
from ingestion.timetable.discovery import discover_ad_accounts


class Command(BaseCommand):
    help = "Connect LinkedIn: print the consent page's address, then read the address it redirects to."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--user", metavar="EMAIL", help="whose consent this is (default: the first owner)")

    def handle(self, *_: object, user: str | None, **__: object) -> None:
        _require_app()
        person = _person(user)
        app = linkedin_app.from_settings()
        state = secrets.token_urlsafe(24)
        self.stdout.write("Open this page, agree, and paste the address it redirects you to (or just its code):\n")
        self.stdout.write(app.consent_url(state=state) + "\n")
        self.stdout.flush()
        code = _code_from(sys.stdin.readline().strip(), state)
        grant = app.exchange_code(code, now=datetime.now(UTC))
        missing = connections.missing_scopes(grant)
        if missing:
            raise CommandError(
                f"LinkedIn did not grant {', '.join(missing)}, which syncs need; ask for your app to be approved "
                "for it, put it into LINKEDIN_SCOPES and run this again."
            )
        connection = connections.store_grant(user=person, grant=grant, now=datetime.now(UTC), announce=False)
        self._show_ad_accounts(connection.pk)

    def _show_ad_accounts(self, connection_id: int) -> None:
        result, found = discover_ad_accounts(connection_id)
        if result.status == SyncLog.Status.FAILED:
            raise CommandError(f"LinkedIn is connected, but its ad accounts cannot be listed. {result.reason}")
        if not found:
            self.stdout.write(
                "LinkedIn is connected, but this member has no role on any ad account; ask for one in Campaign "
                "Manager, then run this again."
            )
            return
        self.stdout.write(f"LinkedIn is connected. It can read {len(found)} ad accounts:")
        for ad_account in AdAccount.objects.filter(pk__in=found):
            self.stdout.write(f"  {ad_account.pk}  {ad_account.name}  {ad_account.currency}")
        self.stdout.write("Next: `manage.py sync`.")


def _require_app() -> None:
    for name in linkedin_app.missing_settings():
        raise CommandError(f"{name} is not set; put your LinkedIn app's value into .env.")


def _person(email: str | None) -> User | None:
    if email is None:
        return User.objects.filter(role=Role.OWNER, is_active=True).order_by("pk").first()
    user = User.objects.with_email(email)
    if user is None:
        raise CommandError(f"No user has the e-mail address {email}; `manage.py createsuperuser` adds one.")
    return user


def _code_from(pasted: str, state: str) -> str:
    """The code, from a bare code or from the whole address LinkedIn sent the browser to."""
    if not pasted:
        raise CommandError("Nothing was pasted; run this again and paste the address or its code.")
    if "?" not in pasted and "code=" not in pasted:
        return pasted
    query = parse_qs(urlsplit(pasted).query if "?" in pasted else pasted)
    if "error" in query:
        reason = query.get("error_description", query["error"])[0]
        raise CommandError(f"LinkedIn refused: {reason}. Open the page again and agree.")
    if "code" not in query:
        raise CommandError("That address contains no code; paste the one LinkedIn sent you to after you agreed.")
    if query.get("state", [state])[0] != state:
        raise CommandError("That address belongs to another attempt; open the page above and paste its answer.")
    return query["code"][0]
