from datetime import UTC, datetime, timedelta

import pytest
from django.db import Error
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families

from accounts.shell import valkey
from ingestion.processes import heartbeats
from reporting.operations import metrics
from reporting.queries import operations
from tests.builders import make_ad_account, make_connection, make_sync_run


def scrape() -> dict[str, float]:
    """Every sample, written as Prometheus writes it."""
    answer = Client(headers={"host": "127.0.0.1"}).get("/metrics")
    assert answer.status_code == 200, answer.content
    samples = {}
    for family in text_string_to_metric_families(answer.content.decode()):
        for sample in family.samples:
            labels = ",".join(f"{name}={value}" for name, value in sorted(sample.labels.items()))
            samples[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
    return {name.removeprefix("linkedin_ads_"): value for name, value in samples.items()}


@pytest.fixture
def clean_valkey():
    """Syncs of other tests leave tasks in the queue."""
    keys = [valkey.key("celery"), valkey.key("unacked"), heartbeats._workers_key(), heartbeats._beat_key()]
    valkey.client().delete(*keys)
    yield
    valkey.client().delete(*keys)


@pytest.mark.django_db
def test_a_scrape_tells_everything(clean_valkey, settings):
    now = datetime.now(UTC)
    ad_account = make_ad_account()
    began_at = now - timedelta(hours=2)
    make_sync_run(
        account=ad_account, started_at=began_at, finished_at=began_at + timedelta(seconds=30), heartbeat_at=now,
        api_calls_made=20, api_calls_throttled=3, rows_stored=500, rows_rejected=4,
    )  # fmt: skip
    make_sync_run(started_at=now, finished_at=now, heartbeat_at=now, status="failed", error_kind="access")
    make_sync_run(started_at=now, finished_at=None, heartbeat_at=now, status="running")
    consent = make_connection(
        access_token_expires_at=now + timedelta(days=20), refresh_token_expires_at=now + timedelta(days=100)
    )
    heartbeats.record_worker("one@host", concurrency=4, active=2)
    heartbeats.record_beat()
    valkey.client().rpush(valkey.key("celery"), "task")

    found = scrape()
    exact = {
        "up{part=database}": 1,
        "up{part=broker}": 1,
        "workers": 1,
        "worker_processes": 4,
        "tasks_active": 2,
        "tasks_waiting": 1,
        "tasks_unacknowledged": 0,
        "syncs_24h{error_kind=,result=success}": 1,
        "syncs_24h{error_kind=access,result=failed}": 1,
        "syncs_24h{error_kind=,result=running}": 1,
        "syncs_running": 1,
        "api_calls_24h": 20,
        "api_calls_throttled_24h": 3,
        "rows_stored_24h": 500,
        "rows_rejected_24h": 4,
        "sync_seconds_24h{quantile=0.5}": 30,
        "sync_seconds_24h{quantile=0.95}": 30,
        "sync_seconds_24h{quantile=1}": 30,
        "ad_accounts": 3,
        "ad_accounts_old": 2,
        "incident{kind=data}": 1,
        "incident{kind=rejected}": 1,
        "incident{kind=worker}": 0,
        f"build_info{{linkedin_version=202607,version={settings.PRODUCT_VERSION}}}": 1,
        f"consent_days_left{{connection={consent.pk}}}": 100,
    }
    assert {name: found.get(name) for name in exact} == exact
    assert found[f"data_age_seconds{{ad_account={ad_account.pk}}}"] == pytest.approx(7200, abs=30)
    assert found["data_age_seconds_max"] == pytest.approx(7200, abs=30)
    assert found[f"token_days_left{{connection={consent.pk}}}"] == pytest.approx(20, abs=0.01)
    assert 0 <= found["beat_age_seconds"] < 30
    assert 0 < found["complete_through_age_seconds_max"] <= 2 * 86_400
    assert found["database_bytes"] > 1_000_000
    assert "rows{table=creative_daily_metrics}" in found


@pytest.mark.django_db
def test_only_the_oldest_ad_accounts_have_lines_of_their_own(monkeypatch):
    monkeypatch.setattr(metrics, "MAX_AD_ACCOUNTS", 2)
    now = datetime.now(UTC)
    ages = [make_sync_run(started_at=now - timedelta(hours=hours)).account_id for hours in (1, 3, 2)]
    found = scrape()
    assert found["ad_accounts"] == 3
    shown = {name for name in found if name.startswith("data_age_seconds{")}
    assert shown == {f"data_age_seconds{{ad_account={ages[1]}}}", f"data_age_seconds{{ad_account={ages[2]}}}"}


@pytest.mark.django_db
@pytest.mark.usefixtures("no_valkey")
def test_without_valkey_the_database_is_told():
    found = scrape()
    assert (found["up{part=broker}"], found["up{part=database}"]) == (0, 1)
    assert "workers" not in found
    assert "syncs_running" in found


def test_without_the_database_the_processes_are_told(monkeypatch, clean_valkey, db):
    def refuse(now: datetime) -> None:
        raise Error("the server closed the connection")

    monkeypatch.setattr(operations, "service_state", refuse)
    heartbeats.record_worker("one@host", concurrency=4, active=2)
    found = scrape()
    assert (found["up{part=broker}"], found["up{part=database}"]) == (1, 0)
    assert found["workers"] == 1
    assert "syncs_running" not in found


@pytest.mark.django_db
def test_every_metric_is_documented(settings):
    page = (settings.BASE_DIR / "docs/operations.md").read_text()
    make_sync_run()
    make_connection()
    heartbeats.record_beat()
    names = {name.partition("{")[0] for name in scrape()}
    assert not {name for name in names if f"`linkedin_ads_{name}`" not in page}
