"""`manage.py linkedin_simulator`: the simulated LinkedIn alone, over HTTP on this machine."""

import argparse
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ingestion.linkedin_simulator.faults import NAMES
from ingestion.linkedin_simulator.server import serve
from ingestion.linkedin_simulator.simulator import Options, Simulator
from ingestion.linkedin_simulator.world import WorldSize


class Command(BaseCommand):
    help = "Serve a simulated LinkedIn: OAuth, ads API, faults on demand. Point LINKEDIN_*_BASE_URL at it."
    # It neither needs the database nor the rest of the project.
    requires_system_checks: list[str] = []  # noqa: RUF012

    def add_arguments(self, parser: CommandParser) -> None:
        size = WorldSize()
        parser.formatter_class = argparse.ArgumentDefaultsHelpFormatter
        parser.add_argument("--port", type=int, default=8100, help="0 picks a free port")
        parser.add_argument("--seed", type=int, default=size.seed, help="a different seed gives a different world")
        parser.add_argument("--ad-accounts", type=int, default=size.ad_accounts)
        parser.add_argument("--campaigns", type=int, default=size.campaigns_per_account, help="per ad account")
        parser.add_argument("--creatives", type=int, default=size.creatives_per_campaign, help="per campaign")
        parser.add_argument("--activity", type=float, default=size.activity, help="share of days with figures")
        parser.add_argument("--segments", type=int, default=size.segments_per_pivot, help="per demographic pivot")
        parser.add_argument("--members", type=int, default=size.members, help="people who can consent")
        parser.add_argument("--first-day", type=date.fromisoformat, help="start of history (two years ago)")
        parser.add_argument("--dense", action="store_true", help="every creative runs every day")
        parser.add_argument("--now", type=datetime.fromisoformat, help="where its clock starts, such as 2026-11-21")
        parser.add_argument("--auto-consent", action="store_true", help="skip the consent page")
        parser.add_argument("--no-refresh-tokens", action="store_true", help="as apps without programmatic refresh")
        parser.add_argument(
            "--warm-up-seconds", type=float, default=0.0, help="how long a new token is answered with 401"
        )
        parser.add_argument("--short-pages", action="store_true", help="pages shorter than requested, with a token")
        parser.add_argument(
            "--fault",
            action="append",
            default=[],
            choices=sorted(NAMES),
            metavar="NAME",
            help="can be repeated: " + "; ".join(f"{name}: {what}" for name, what in NAMES.items()),
        )

    def handle(self, *_: object, **options: Any) -> None:
        try:
            simulator = Simulator(_options(options))
            server = serve(simulator, port=options["port"])
        except (ValueError, OverflowError) as wrong:  # the latter for a port that no computer has
            raise CommandError(f"{str(wrong).rstrip('.')}.", returncode=2) from None
        except OSError as error:
            raise CommandError(
                f"Port {options['port']} cannot be used ({error.strerror}); choose another with --port."
            ) from None
        app = next(iter(simulator.apps.values()))
        self.stdout.write(
            f"Simulated LinkedIn on {server.url}\n"
            f"  LINKEDIN_API_BASE_URL={server.url}\n"
            f"  LINKEDIN_AUTH_BASE_URL={server.url}\n"
            f"  LINKEDIN_CLIENT_ID={app.client_id}\n"
            f"  LINKEDIN_CLIENT_SECRET={app.client_secret}\n"
            "Ctrl-C stops it."
        )
        self.stdout.flush()
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            self.stdout.write("Stopped.")
        finally:
            server.server_close()


def _options(options: dict[str, Any]) -> Options:
    defaults = Options()
    now: datetime | None = options["now"]
    return Options(
        size=WorldSize(
            seed=options["seed"],
            ad_accounts=options["ad_accounts"],
            campaigns_per_account=options["campaigns"],
            creatives_per_campaign=options["creatives"],
            first_day=options["first_day"],
            activity=options["activity"],
            segments_per_pivot=options["segments"],
            members=options["members"],
            dense=options["dense"],
        ),
        now=now.replace(tzinfo=now.tzinfo or UTC) if now else None,
        apps=[replace(app, has_refresh=app.has_refresh and not options["no_refresh_tokens"]) for app in defaults.apps],
        faults=options["fault"],
        auto_consent=options["auto_consent"],
        warm_up_seconds=options["warm_up_seconds"],
        short_pages=options["short_pages"],
    )
