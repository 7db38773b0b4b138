"""The Celery application: JSON messages only, settings from Django's `CELERY_*`."""

import logging
import os

from celery import Celery
from celery.signals import beat_init, celeryd_init, setup_logging
from django.conf import settings
from django.dispatch import receiver
from django_structlog.celery.receivers import CeleryReceiver
from django_structlog.celery.signals import modify_context_before_task_publish

from config.postgresql.version import require_supported_server

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("linkedin_ads_action_center")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
app.autodiscover_tasks(["reporting.exports"])
app.steps["consumer"].add("ingestion.processes.worker:HeartbeatStep")


@celeryd_init.connect
@beat_init.connect
def _prepare_servers(**_: object) -> None:
    """The broker must answer before a worker or beat connects to it."""
    settings.EMBEDDED_SERVERS.hold()
    require_supported_server()


@setup_logging.connect
def _log_as_configured(loglevel: int, **_: object) -> None:
    """Keeps Celery from replacing what `LOGGING` sets up; the command line still chooses the level."""
    logging.getLogger().setLevel(loglevel)


# Adds the task's id to every line logged while it runs. It needs a name: Celery's signals hold receivers weakly.
_task_log_context = CeleryReceiver()
_task_log_context.connect_worker_signals()
_PASSED_ON = ("request_id", "user_id", "parent_task_id")


@receiver(modify_context_before_task_publish)
def _pass_on_request(context: dict[str, object], **_: object) -> None:
    """A task's log lines name the request that started it, and nothing else bound there (addresses, runs)."""
    for name in set(context) - set(_PASSED_ON):
        del context[name]
