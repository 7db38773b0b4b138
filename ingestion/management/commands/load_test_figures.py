"""`manage.py load_test_figures`: fill an empty database with made-up figures, to measure on."""

from datetime import date

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ingestion.demo.made_up_figures import Scale, holds_made_up_rows, holds_synced_rows, make_up


class Command(BaseCommand):
    help = "Fill an empty database with made-up campaigns, creatives, daily figures and demographics."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--metric-rows", type=_positive, default=100_000, help="rows of campaign_daily_metrics")
        parser.add_argument("--accounts", type=_positive, default=40)
        parser.add_argument("--creatives", type=_positive, default=2, help="per campaign, at most 10")
        parser.add_argument("--days", type=_positive, default=4 * 365, help="how far back the figures reach")
        parser.add_argument("--last-day", type=date.fromisoformat, default=date(2026, 10, 31), metavar="YYYY-MM-DD")
        parser.add_argument("--seed", type=int, default=1)
        parser.add_argument(
            "--into-this-database", action="store_true", help="even though it holds rows synced from LinkedIn"
        )

    def handle(
        self,
        *_: object,
        metric_rows: int,
        accounts: int,
        creatives: int,
        days: int,
        last_day: date,
        seed: int,
        into_this_database: bool,
        **__: object,
    ) -> None:
        if creatives > 10:
            raise CommandError("A made-up campaign has at most 10 creatives.")
        if holds_made_up_rows():
            raise CommandError("This database already holds made-up figures; start from an empty one.")
        if holds_synced_rows() and not into_this_database:
            raise CommandError(
                "This database holds rows synced from LinkedIn, and made-up ones would be mixed with them."
                " Point DATABASE_URL or DATA_DIR at another one, or add --into-this-database."
            )
        scale = Scale(
            metric_rows=metric_rows,
            ad_accounts=accounts,
            creatives_per_campaign=creatives,
            days=days,
            last_day=last_day,
            seed=seed,
        )
        for stored_through in make_up(scale):
            self.stdout.write(f"stored through {stored_through}")


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError
    return number
