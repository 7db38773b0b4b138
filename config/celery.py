"""The Celery application: JSON messages only, settings from Django's `CELERY_*`."""

import os
from typing import Any

from celery import Celery
from celery.signals import beat_init, celeryd_init
from django.conf import settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("linkedin_ads_action_center")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@celeryd_init.connect
@beat_init.connect
def _start_embedded_servers(**_: Any) -> None:
    """The broker must answer before a worker or beat connects to it."""
    settings.EMBEDDED_SERVERS.hold()
