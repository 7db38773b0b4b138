"""One prefix in front of everything that an installation keeps in Valkey."""

import pytest
from celery import current_app
from django.conf import settings
from django.core.cache import cache

from accounts.shell import valkey

# The database's connection starts the embedded servers.
pytestmark = pytest.mark.django_db


def test_a_key_names_its_installation_first():
    assert valkey.key("heartbeats", "beat") == f"{settings.REDIS_KEY_PREFIX}heartbeats:beat"
    assert valkey.key("connection", 7) == f"{settings.REDIS_KEY_PREFIX}connection:7"


def test_cache_and_queue_have_the_same_prefix():
    cache.set("somebody", 1, timeout=60)
    [stored] = valkey.client().scan_iter(f"{settings.REDIS_KEY_PREFIX}cache:*:somebody")
    cache.delete("somebody")
    assert not valkey.client().exists(stored)
    assert current_app.conf.broker_transport_options["global_keyprefix"] == settings.REDIS_KEY_PREFIX


def test_both_clients_talk_to_the_same_server():
    valkey.client().set(valkey.key("both"), "written", ex=60)
    assert valkey.patient_client().getdel(valkey.key("both")) == "written"
