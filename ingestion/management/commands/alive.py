"""`manage.py alive`: whether the worker of this machine, or beat, sent a heartbeat lately; for health checks."""

from datetime import datetime

from celery.utils.nodenames import gethostname, nodename
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from ingestion.processes import heartbeats


class Command(BaseCommand):
    help = "Exit 0 if the worker of this machine (or container), or beat, sent a heartbeat lately, else 1."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("process", choices=["worker", "beat"])

    def handle(self, *_: object, process: str, **__: object) -> None:
        now = timezone.now()
        problem = _problem_with_worker(now) if process == "worker" else _problem_with_beat(now)
        if problem:
            raise CommandError(problem)


def own_worker_name() -> str:
    """As Celery names a worker that was given no name."""
    return nodename("celery", gethostname())


def _problem_with_worker(now: datetime) -> str:
    name = own_worker_name()
    alive = {sign.name for sign in heartbeats.workers(now)}
    return "" if name in alive else f"The worker {name} sent no heartbeat lately; start it again."


def _problem_with_beat(now: datetime) -> str:
    ticked_at = heartbeats.beat_last_tick(now)
    is_alive = ticked_at is not None and now - ticked_at <= heartbeats.BEAT_ALIVE
    return "" if is_alive else "Beat has not read its timetable lately; start exactly one again."
