"""`manage.py status`: connections, data as of, next sync, row counts."""

from django.core.management.base import BaseCommand, CommandParser
from rich.table import Table

from ingestion.processes.terminal import console, row_table
from ingestion.timetable.sync_status import AdAccountState, State, state


class Command(BaseCommand):
    help = "Show LinkedIn connections, how recent the data is, when each ad account syncs next, and row counts."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *_: object, json: bool, **__: object) -> None:
        now = state()
        if json:
            self.stdout.write(now.as_json())
            return
        out = console(self.stdout)
        if not now.connections:
            out.print("LinkedIn is not connected yet: run `manage.py auth`, or `make demo` to try it out.")
        for table in (_connections(now), _ad_accounts(now), row_table(now.rows)):
            if table.row_count:
                out.print(table)


def _connections(now: State) -> Table:
    columns = ("LinkedIn connection", "State", "Access token until", "Consent ends in", "What to do")
    table = Table(*columns, title="Connections")
    for one in now.connections:
        table.add_row(one.person, one.state, f"{one.token_until:%Y-%m-%d}", _ends_in(one.days_left), one.trouble or "")
    return table


def _ends_in(days_left: int | None) -> str:
    """Tokens are renewed until then, and no longer."""
    return "" if days_left is None else f"{days_left:,} day{'' if days_left == 1 else 's'}"


def _ad_accounts(now: State) -> Table:
    columns = ("Id", "Ad account", "Data as of", "Complete through", "Last sync", "Next sync", "Message")
    table = Table(*columns, title="Ad accounts")
    # Other commands take it.
    table.columns[0].no_wrap, table.columns[0].min_width = True, len("500000001")
    for one in now.ad_accounts:
        table.add_row(
            str(one.id),
            one.name or "",
            f"{one.data_as_of:%Y-%m-%d %H:%M} UTC" if one.data_as_of else "never synced",
            _complete(one),
            one.last_status or "",
            _next_sync(one),
            one.last_errors or _answered_since(one),
        )
    return table


def _next_sync(one: AdAccountState) -> str:
    at = f"{one.next_sync_at:%Y-%m-%d %H:%M} UTC" if one.next_sync_at else "none expected"
    return f"{at}: {one.next_sync_reason}"


def _answered_since(one: AdAccountState) -> str:
    """The gate's answer since the last success began; the answer that let that one begin is no news."""
    if one.last_asked_at is None or (one.data_as_of and one.last_asked_at <= one.data_as_of):
        return ""
    return f"{one.last_asked_at:%Y-%m-%d %H:%M} UTC: {one.last_answer}"


def _complete(one: AdAccountState) -> str:
    if one.complete_through is None:
        return ""
    if not one.incomplete_days:
        return str(one.complete_through)
    days = "day" if one.incomplete_days == 1 else "days"
    named = ", ".join(map(str, one.first_incomplete_days))
    more = " …" if one.incomplete_days > len(one.first_incomplete_days) else ""
    return f"{one.complete_through}, {one.incomplete_days} {days} after it do not add up: {named}{more}"
