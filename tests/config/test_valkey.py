"""The cache, our own client and Celery reach the same Valkey, and trust the same certificates."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

import pytest
from cryptography.fernet import Fernet
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from config.valkey import Broker, broker
from tests.tls_in_front import tls_in_front_of

ROOT: Final = Path(__file__).resolve().parents[2]
# Prints by client which database it reached, or the kind of its refusal.
ASK_ALL: Final = """
import json
import django
django.setup()
from django.core.cache import cache
from accounts.shell import valkey
from config import celery_app

def of_cache():
    return cache._cache.get_client(None).client_info()["db"]

def of_our_client():
    return valkey.client().client_info()["db"]

def of_celery():
    with celery_app.connection() as connection:
        return connection.default_channel.client.client_info()["db"]

found = {}
for ask in (of_cache, of_our_client, of_celery):
    try:
        found[ask.__name__] = ask()
    except Exception as error:
        found[ask.__name__] = "refused" if "CERTIFICATE_VERIFY_FAILED" in str(error) else repr(error)
print(json.dumps(found))
"""


def asked(redis_url: str, data_dir: Path) -> dict[str, object]:
    environment = {
        "PATH": os.environ["PATH"], "ENV_FILE": os.devnull, "DATA_DIR": str(data_dir), "REDIS_URL": redis_url,
        "DATABASE_URL": "postgresql://ads@127.0.0.1:1/ads", "SECRET_KEY": "x" * 60, "LOG_LEVEL": "ERROR",
        "FIELD_ENCRYPTION_KEYS": Fernet.generate_key().decode(), "DJANGO_SETTINGS_MODULE": "config.settings",
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", ASK_ALL], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return found


def everybody(answer: object) -> dict[str, object]:
    return dict.fromkeys(("of_cache", "of_our_client", "of_celery"), answer)


@pytest.fixture
def socket_of_valkey() -> str:
    settings.EMBEDDED_SERVERS.hold()
    return unquote(urlsplit(settings.REDIS_URL).path)


@pytest.mark.slow
def test_everybody_verifies_certificates(tmp_path, socket_of_valkey):
    with tls_in_front_of(socket_of_valkey, tmp_path) as front:
        address = f"rediss://localhost:{front.port}/5"
        assert asked(address, tmp_path) == everybody("refused")
        assert asked(f"{address}?ssl_cert_reqs=required", tmp_path) == everybody("refused")
        assert asked(f"{address}?ssl_ca_certs={front.certificate}", tmp_path) == everybody(5)
        assert asked(f"{address}?ssl_cert_reqs=none", tmp_path) == everybody(5)


@pytest.mark.slow
def test_everybody_verifies_the_name_of_the_server(tmp_path, socket_of_valkey):
    with tls_in_front_of(socket_of_valkey, tmp_path, host="valkey.example.com") as front:
        address = f"rediss://localhost:{front.port}/0?ssl_ca_certs={front.certificate}"
        assert asked(address, tmp_path) == everybody("refused")
        assert asked(f"{address}&ssl_check_hostname=false", tmp_path) == everybody(0)


def test_everybody_uses_the_same_database_of_a_socket(tmp_path, socket_of_valkey):
    assert asked(f"unix://{socket_of_valkey}?db=3", tmp_path) == everybody(3)


@pytest.mark.parametrize(
    ("address", "url"),
    [
        ("redis://valkey", "redis://valkey:6379/0"),
        ("redis://valkey:6380/2", "redis://valkey:6380/2"),
        ("redis://valkey?db=2", "redis://valkey:6379/2"),
        ("redis://[::1]:6380", "redis://[::1]:6380/0"),
        ("redis://:p%40ss%2C%3Bword@valkey", "redis://:p%40ss%2C%3Bword@valkey:6379/0"),
        ("redis://ads:pass@valkey?socket_timeout=3", "redis://ads:pass@valkey:6379/0"),
        ("unix:///run/valkey.sock", "redis+socket:///run/valkey.sock?virtual_host=0"),
        ("unix:///a%20b%23c%2525/v.sock?db=4", "redis+socket:///a%20b%23c%2525/v.sock?virtual_host=4"),
    ],
)
def test_celery_reads_what_the_others_read(address, url):
    assert broker(address) == Broker(url, None)


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("valkey.example.com:6379", "REDIS_URL must look like redis://user:password@host:6379/0, rediss://"),
        ("http://:geheim@valkey", "REDIS_URL must look like redis://"),
        ("redis://:geheim@valkey:port", "REDIS_URL must look like redis://"),
        ("redis://:geheim@valkey?ssl_ca_certs=/ca.pem", "ssl_ca_certs needs rediss://"),
        ("rediss://:geheim@valkey?ssl_cert_reqs=CERT_NONE", "ssl_cert_reqs of REDIS_URL must be required or none."),
        ("rediss://:geheim@valkey?ssl_ca_certs=/nowhere.pem", "ssl_ca_certs of REDIS_URL names /nowhere.pem, which is"),
    ],
)
def test_an_address_that_cannot_be_used_is_explained_without_its_password(address, said):
    with pytest.raises(ImproperlyConfigured, match=said.replace("?", r"\?")) as refused:
        broker(address)
    assert "geheim" not in str(refused.value)
