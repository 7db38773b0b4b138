"""The Celery application: JSON messages only, settings from Django's `CELERY_*`."""

import logging
import os
from typing import Any

from celery import Celery
from celery.signals import beat_init, celeryd_init, setup_logging
from django.conf import settings
from django.dispatch import receiver
from django_structlog.celery.receivers import CeleryReceiver
from django_structlog.celery.signals import modify_context_before_task_publish

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("linkedin_ads_action_center")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
app.steps["consumer"].add("ingestion.processes.worker:HeartbeatStep")


@celeryd_init.connect
@beat_init.connect
def _start_embedded_servers(**_: Any) -> None:
    """The broker must answer before a worker or beat connects to it."""
    settings.EMBEDDED_SERVERS.hold()


@setup_logging.connect
def _log_as_the_settings_say(loglevel: int, **_: Any) -> None:
    """Celery would put its own lines in place of those of `LOGGING`; the command line still chooses the level."""
    logging.getLogger().setLevel(loglevel)


# Puts the id of a task on every line logged while it runs. Kept in a name: Celery's signals hold their receivers
# weakly.
_task_lines = CeleryReceiver()
_task_lines.connect_worker_signals()
_HANDED_ON = ("request_id", "user_id", "parent_task_id")


@receiver(modify_context_before_task_publish)
def _hand_on_who_asked(context: dict[str, Any], **_: Any) -> None:
    """A task carries the request that started it, and nothing else of what is bound there (addresses, runs)."""
    for name in set(context) - set(_HANDED_ON):
        del context[name]
