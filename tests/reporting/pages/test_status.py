"""The status page: what runs, what is stored, what is wrong; for those who see the whole installation."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.roles import Role
from ingestion.processes import heartbeats
from tests.builders import make_campaign, make_connection, make_role, make_sync_run, make_user
from tests.conftest import signed_in

pytestmark = pytest.mark.django_db


def text(browser) -> str:
    answer = browser.get("/status/")
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def test_a_silent_installation_says_what_is_missing_and_what_to_do(as_alice, monkeypatch):
    monkeypatch.setattr(heartbeats, "workers", lambda now: [])
    monkeypatch.setattr(heartbeats, "beat_last_tick", lambda now: None)
    page = text(as_alice)
    assert "No worker is running." in page
    assert "Beat is not running" in page
    assert "celery --app config worker" in page


def test_it_tells_of_syncs_consents_sizes_and_versions(as_alice, settings):
    connection = make_connection(
        access_token_expires_at=timezone.now() + timedelta(days=50),
        refresh_token_expires_at=timezone.now() + timedelta(days=300),
    )
    role = make_role(connection=connection)
    make_campaign(account=role.ad_account, status="ACTIVE")
    make_campaign(account=role.ad_account, status="PAUSED")
    now = timezone.now()
    make_sync_run(account=role.ad_account, started_at=now, finished_at=now, api_calls_made=14, rows_stored=2_533)
    page = text(as_alice)
    assert "ends in 300 days" in page
    assert settings.LINKEDIN_API_VERSION in page
    assert settings.PRODUCT_VERSION in page
    assert ">2,533<" in page
    assert ">14<" in page
    assert 'href="/admin/ingestion/campaign/?status=ACTIVE"><data class="number-of" value="1"' in page


def test_it_renews_itself_by_its_changing_part(as_alice):
    part = as_alice.get("/status/", headers={"HX-Request": "true"}).content.decode()
    assert part.strip().startswith('<div id="status"')


@pytest.mark.parametrize("role", [Role.ANALYST, Role.MANAGER])
def test_who_sees_everything_sees_it(role):
    assert "API version" in text(signed_in(make_user(role=role)))


def test_a_viewer_does_not(as_bob):
    assert as_bob.get("/status/").status_code == 403


def test_it_asks_the_database_the_same_whatever_there_is(as_alice, django_assert_max_num_queries):
    for _ in range(30):
        make_sync_run(account=make_role().ad_account)
    with django_assert_max_num_queries(18):
        text(as_alice)
