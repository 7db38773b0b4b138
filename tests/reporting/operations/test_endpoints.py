"""The endpoints as load balancers, monitoring systems and strangers meet them."""

import socket
import threading
import time

import pytest
from django.test import Client

from accounts.shell import valkey
from ingestion.processes import heartbeats
from reporting.operations import readiness
from reporting.operations.readiness import DEGRADED, FAILED, OK, Check, Checker

CHECKS = ["database", "migrations", "broker", "worker", "beat"]


@pytest.fixture
def no_processes(db):
    """Whatever another test reported in the last seconds is forgotten."""
    valkey.client().delete(heartbeats._workers_key(), heartbeats._beat_key())


@pytest.fixture
def processes(no_processes):
    """A worker and beat that live."""
    heartbeats.record_worker("one@host", concurrency=2, active=1)
    heartbeats.record_beat()
    yield
    valkey.client().delete(heartbeats._workers_key(), heartbeats._beat_key())


def states(answer) -> dict[str, str]:
    return {check["name"]: check["state"] for check in answer.json()["checks"]}


def fail() -> None:
    raise ConnectionError("could not connect to db.internal, password hunter2")


def check(name: str, run, failure_state: str = FAILED) -> Check:
    return Check(name, run, failure_state, f"Mend the {name}.")


@pytest.fixture
def checked_instead(monkeypatch):
    """/readyz runs these checks instead."""

    def replace(*checks: Check) -> None:
        checker = Checker(checks, max_seconds=0.2)
        monkeypatch.setattr(readiness, "_checker", lambda: checker)

    return replace


# --- /healthz ---


def test_healthz_asks_nothing_and_nobody(settings):
    """No database fixture: a query would fail. No host is allowed, and HTTPS is insisted on."""
    settings.ALLOWED_HOSTS = ["ads.example.com"]
    settings.SECURE_SSL_REDIRECT = True
    answer = Client().get("/healthz", headers={"host": "10.0.0.7"})
    assert (answer.status_code, answer.content) == (200, b"ok\n")
    assert not answer.cookies
    assert answer["Cache-Control"] == "no-store"


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_the_endpoints_are_read_only(path):
    assert Client().post(path).status_code == 405


def test_other_paths_pass(db):
    assert Client().get("/healthz/more").status_code == 404


# --- /readyz ---


def test_readyz_is_200_when_all_is_well(processes, settings):
    settings.ALLOWED_HOSTS = ["ads.example.com"]
    answer = Client().get("/readyz?strict", headers={"host": "10.0.0.7"})
    assert answer.status_code == 200, answer.content
    body = answer.json()
    assert body["status"] == OK
    assert [check["name"] for check in body["checks"]] == CHECKS
    assert {(check["state"], check["remedy"]) for check in body["checks"]} == {(OK, None)}
    assert all(0 <= check["seconds"] < 1.8 for check in body["checks"])


def test_without_worker_and_beat_it_is_degraded_and_still_serves(no_processes):
    answer = Client().get("/readyz")
    assert answer.status_code == 200
    assert answer.json()["status"] == DEGRADED
    assert states(answer) == {
        "database": OK, "migrations": OK, "broker": OK, "worker": DEGRADED, "beat": DEGRADED
    }  # fmt: skip
    remedies = [check["remedy"] for check in answer.json()["checks"]]
    assert "celery --app config worker" in remedies[3]


def test_strict_makes_degraded_a_503(no_processes):
    assert Client().get("/readyz?strict").status_code == 503


def test_a_missing_migration_is_503_with_its_remedy(processes, monkeypatch):
    newer = {("ingestion", "9999_from_the_next_release")}
    monkeypatch.setattr(readiness, "_newest_migrations", lambda: newer)
    answer = Client().get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["status"] == FAILED
    assert answer.json()["checks"][1]["remedy"] == "Run `manage.py migrate`."


@pytest.mark.usefixtures("no_valkey")
def test_a_broker_that_refuses_is_degraded(db):
    answer = Client().get("/readyz")
    assert answer.status_code == 200
    assert states(answer) == {
        "database": OK, "migrations": OK, "broker": DEGRADED, "worker": DEGRADED, "beat": DEGRADED
    }  # fmt: skip


@pytest.mark.slow
def test_servers_that_hang_are_reported_within_two_seconds(db, monkeypatch, settings):
    """They take the connection and never answer."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings.REDIS_URL = f"redis://127.0.0.1:{silent.getsockname()[1]}"
        hanging = valkey.client.__wrapped__()
        monkeypatch.setattr(valkey, "client", lambda: hanging)
        began = time.monotonic()
        answer = Client().get("/readyz")
        assert time.monotonic() - began < 2
        assert states(answer) == {
            "database": OK, "migrations": OK, "broker": DEGRADED, "worker": DEGRADED, "beat": DEGRADED
        }  # fmt: skip
        hanging.close()


def test_a_failure_names_its_remedy_and_nothing_of_the_error(checked_instead):
    checked_instead(check("database", fail))
    answer = Client().get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["checks"][0]["remedy"] == "Mend the database."
    assert b"internal" not in answer.content
    assert b"hunter2" not in answer.content


def test_a_check_that_hangs_is_cut_off_and_not_asked_again_meanwhile(checked_instead):
    asked = []
    gate = threading.Event()

    def hang() -> None:
        asked.append(1)
        gate.wait(10)

    checked_instead(check("database", hang), check("worker", lambda: None))
    began = time.monotonic()
    answers = [Client().get("/readyz") for _ in range(3)]
    assert time.monotonic() - began < 8, "sooner than the check itself ends"
    assert [states(answer) for answer in answers] == [{"database": FAILED, "worker": OK}] * 3
    assert asked == [1]
    gate.set()


# --- /metrics: who may ---


def test_metrics_answer_on_this_machine_without_a_token(db):
    answer = Client(headers={"host": "127.0.0.1:8000"}).get("/metrics")
    assert answer.status_code == 200
    assert answer["Content-Type"].startswith("text/plain; version=")


@pytest.mark.parametrize(
    ("address", "headers"),
    [
        ("192.0.2.7", {"host": "127.0.0.1"}),
        ("127.0.0.1", {"host": "ads.example.com"}),
        ("127.0.0.1", {"host": "127.0.0.1", "x-forwarded-for": "192.0.2.7"}),
        ("127.0.0.1", {"host": "127.0.0.1", "forwarded": "for=192.0.2.7"}),
        ("", {"host": "127.0.0.1"}),
    ],
)
def test_metrics_are_hidden_from_strangers_and_from_proxies_that_speak_for_them(address, headers):
    assert Client(REMOTE_ADDR=address).get("/metrics", headers=headers).status_code == 404


@pytest.mark.parametrize("given", [None, "", "Bearer", "Bearer wrong", "Basic right-token", "Bearer right-tokén"])
def test_with_a_token_set_nobody_else_may_not_even_here(settings, given):
    settings.METRICS_TOKEN = "right-token"
    headers = {"host": "127.0.0.1"} | ({"authorization": given} if given is not None else {})
    answer = Client().get("/metrics", headers=headers)
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"].startswith("Bearer")
    assert b"linkedin" not in answer.content


def test_who_has_the_token_may_from_anywhere(db, settings):
    settings.METRICS_TOKEN = "right-token"
    headers = {"host": "10.0.0.7", "authorization": "Bearer right-token", "x-forwarded-for": "192.0.2.7"}
    assert Client(REMOTE_ADDR="192.0.2.7").get("/metrics", headers=headers).status_code == 200
