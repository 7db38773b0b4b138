"""`manage.py create_reporting_role`: a PostgreSQL role for BI tools that read the views of docs/bi.md."""

import re
import sys
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection

from reporting.operations import bi_roles
from reporting.operations.bi_roles import RoleRefused, Saved

_MIN_PASSWORD_LENGTH = 12


class Command(BaseCommand):
    help = "Create, change or drop a database role that reads the views for BI tools, and nothing else."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", metavar="NAME", help="name of the role, such as bi")
        which = parser.add_mutually_exclusive_group()
        which.add_argument(
            "--ad-account",
            type=int,
            action="append",
            default=[],
            metavar="ID",
            help="lets it read this ad account; can be repeated. By default, a new role reads all",
        )
        which.add_argument("--all-ad-accounts", action="store_true", help="lets it read all, including future ones")
        password = parser.add_mutually_exclusive_group()
        password.add_argument("--password-file", metavar="PATH", help="file with the password; - is standard input")
        password.add_argument("--new-password", action="store_true", help="generate a new one for an existing role")
        parser.add_argument(
            "--allow-large-objects",
            action="store_true",
            help="create it although the server lets every role store large objects",
        )
        parser.add_argument("--drop", action="store_true", help="drop the role")

    def handle(self, *_: object, **options: Any) -> None:
        name = options["name"]
        if not re.fullmatch(r"(?!pg_)[a-z_][a-z0-9_]{0,62}", name):
            raise CommandError(
                f"{name!r} is not a valid role name; use lower-case letters, digits and _, and do not start with pg_.",
                returncode=2,
            )
        others = ("ad_account", "all_ad_accounts", "password_file", "new_password", "allow_large_objects")
        if options["drop"] and any(options[one] for one in others):
            raise CommandError("--drop takes only the name.", returncode=2)
        try:
            if options["drop"]:
                bi_roles.drop(name)
                self.stdout.write(f"Dropped the role {name}.")
                return
            saved = bi_roles.save(
                name,
                ad_account_ids=options["ad_account"],
                every_ad_account=options["all_ad_accounts"],
                password=_password(options["password_file"]),
                new_password=options["new_password"],
                allow_large_objects=options["allow_large_objects"],
            )
        except RoleRefused as refused:
            raise CommandError(str(refused)) from refused
        self._report(name, saved)

    def _report(self, name: str, saved: Saved) -> None:
        ids = saved.ad_account_ids
        reads = "all ad accounts" if ids is None else f"the ad accounts {', '.join(map(str, ids))}"
        self.stdout.write(f"{'Created' if saved.is_new else 'Changed'} the role {name}, which reads {reads}.")
        if saved.password:
            self.stdout.write(f"Password, shown only now: {saved.password}")
        at = connection.settings_dict
        if settings.EMBEDDED_SERVERS.postgresql:
            self.stdout.write(
                f"The embedded PostgreSQL only accepts connections from this machine, by socket: host {at['HOST']},"
                f" database {at['NAME']}. For BI tools, set DATABASE_URL to your own PostgreSQL."
            )
        else:
            self.stdout.write(
                f"Host {at['HOST'] or 'localhost'}, port {at['PORT'] or 5432}, database {at['NAME']}, schema"
                f" {bi_roles.SCHEMA}; docs/bi.md describes the columns."
            )


def _password(path: str | None) -> str | None:
    """Read from a file, since options are visible in the process list."""
    if path is None:
        return None
    try:
        text = sys.stdin.readline() if path == "-" else Path(path).read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"The password cannot be read from {path} ({error}).") from error
    password = text.partition("\n")[0].rstrip("\r")
    if len(password) < _MIN_PASSWORD_LENGTH or "\0" in password:
        raise CommandError(f"The password in {path} needs at least {_MIN_PASSWORD_LENGTH} characters.")
    return password
