"""`manage.py sync`: sync ad accounts here, in this process."""

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, date, datetime

from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from accounts.models import AdAccount
from ingestion.models import SyncLog
from ingestion.processes.terminal import console
from ingestion.sync.ledger.open_run import Progress as SyncProgress
from ingestion.sync.ledger.opening import AlreadyRunning
from ingestion.sync.plan import Plan
from ingestion.sync.result import SyncResult
from ingestion.sync.sync import sync_ad_account
from ingestion.timetable.sync_requests import WrongDays, check_days, plan_syncs

_FAILED = {SyncLog.Status.FAILED, SyncLog.Status.PARTIAL}


class Command(BaseCommand):
    help = "Sync ad accounts, all of them if none is named; fresh ones are skipped unless --force."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("ad_account_ids", nargs="*", type=int, metavar="AD_ACCOUNT_ID")
        parser.add_argument("--force", action="store_true", help="sync again even if the data is fresh")
        parser.add_argument("--since", type=_day, metavar="DATE", help="first day, such as 2026-01-31")
        parser.add_argument("--until", type=_day, metavar="DATE", help="last day, included")
        parser.add_argument("--plan", action="store_true", help="only show the calls, rows and time it takes")
        parser.add_argument("--json", dest="as_json", action="store_true", help="end with one JSON object")

    def handle(
        self,
        *_: object,
        ad_account_ids: Sequence[int],
        since: date | None,
        until: date | None,
        force: bool,
        plan: bool,
        as_json: bool,
        **__: object,
    ) -> None:
        try:
            check_days(since, until, today=datetime.now(UTC).date())
        except WrongDays as error:
            option = {"first_day": f"--since {since}", "last_day": f"--until {until}"}[error.which]
            raise CommandError(f"{option}: {error}", returncode=2) from None
        chosen = _chosen(ad_account_ids)
        if plan:
            self._show_plans(chosen, since, until, as_json=as_json)
        else:
            self._sync(chosen, since, until, force=force, as_json=as_json)

    def _show_plans(
        self, ad_account_ids: Sequence[int], since: date | None, until: date | None, *, as_json: bool
    ) -> None:
        plans = plan_syncs(ad_account_ids, first_day=since, last_day=until, now=datetime.now(UTC))
        if as_json:
            self.stdout.write(json.dumps({"ad_accounts": {p.ad_account_id: _plan_json(p) for p in plans}}))
        else:
            console(self.stdout).print(_plan_table(plans))

    def _sync(
        self,
        ad_account_ids: Sequence[int],
        since: date | None,
        until: date | None,
        *,
        force: bool,
        as_json: bool,
    ) -> None:
        results = []
        for number, ad_account_id in enumerate(ad_account_ids, start=1):
            with _progress_bar(f"{number}/{len(ad_account_ids)} · {ad_account_id}") as on_progress:
                try:
                    result = sync_ad_account(
                        ad_account_id,
                        # A range that somebody names is synced however fresh the data is.
                        force=force or bool(since or until),
                        first_day=since,
                        last_day=until,
                        trigger=SyncLog.Trigger.COMMAND,
                        on_progress=on_progress,
                    )
                except AlreadyRunning as running:
                    result = SyncResult(ad_account_id, SyncLog.Status.FAILED, str(running))
            results.append(result)
            if result.status in _FAILED:
                self.stderr.write(f"Ad account {ad_account_id}: {result.reason}")
        if as_json:
            self.stdout.write(json.dumps({"ad_accounts": {r.ad_account_id: _result_json(r) for r in results}}))
        else:
            console(self.stdout).print(_result_table(results))
        if any(result.status in _FAILED for result in results):
            sys.exit(1)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a valid date; write it as 2026-01-31") from None


def _chosen(wanted: Sequence[int]) -> list[int]:
    stored = list(AdAccount.objects.order_by("pk").values_list("pk", flat=True))
    if not stored:
        raise CommandError("No ad accounts yet; connect LinkedIn first with `manage.py auth`.")
    unknown = sorted(set(wanted) - set(stored))
    if unknown:
        raise CommandError(
            f"Unknown ad account {unknown[0]}; `manage.py status` lists the known ones, and "
            "`manage.py auth` connects more."
        )
    return list(dict.fromkeys(wanted)) or stored


@contextmanager
def _progress_bar(title: str) -> Iterator[Callable[[SyncProgress], None]]:
    """A bar on standard error if that is a terminal; nothing elsewhere."""
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[step]}, {task.completed} of {task.total} calls, {task.fields[rows]} rows"),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        disable=not sys.stderr.isatty(),
        transient=True,
    )
    with bar:
        task = bar.add_task(title, total=None, step="starting", rows=0)

        def show(progress: SyncProgress) -> None:
            bar.update(
                task,
                completed=progress.calls,
                total=progress.calls_expected,
                step=progress.step,
                rows=progress.rows,
            )

        yield show


def _plan_json(plan: Plan) -> dict[str, object]:
    return {
        "first_day": plan.first_day.isoformat(),
        "last_day": plan.last_day.isoformat(),
        "entities_known": plan.entities_known,
        "calls": dict(plan.calls),
        "total_calls": plan.total_calls,
        "rows": dict(plan.rows),
        "total_rows": plan.total_rows,
        "seconds": round(plan.seconds, 1),
    }


def _plan_table(plans: Sequence[Plan]) -> Table:
    table = Table("Ad account", "Days", "Calls", "Rows", "Time", title="Plan (nothing is requested)")
    for plan in plans:
        least = "" if plan.entities_known else "at least "
        table.add_row(
            str(plan.ad_account_id),
            f"{plan.first_day} to {plan.last_day}",
            f"{least}{plan.total_calls}",
            f"{plan.total_rows:,}" if plan.entities_known else "unknown before the first sync",
            f"{least}{plan.seconds:.1f} s",
        )
    return table


def _result_json(result: SyncResult) -> dict[str, object]:
    return {key: value for key, value in asdict(result).items() if key != "ad_account_id"}


def _result_table(results: Sequence[SyncResult]) -> Table:
    table = Table("Ad account", "Status", "Rows", "Rejected", "Calls", "Time", "Message")
    for result in results:
        table.add_row(
            str(result.ad_account_id),
            result.status,
            f"{sum(result.rows.values()):,}",
            f"{result.rejected:,}",
            str(result.api_calls),
            f"{result.seconds:.1f} s",
            "\n".join(filter(None, [result.reason, result.notes])),
        )
    return table
