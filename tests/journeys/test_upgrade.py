"""People upgrade: an installation of the first version keeps every row, and everything reads it and goes on."""

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from django.conf import global_settings
from django.contrib.auth import authenticate
from django.core.management import call_command
from django.test import Client, RequestFactory
from django.urls import reverse
from django_celery_beat.models import PeriodicTask
from pytest_django import DjangoDbBlocker, Settings

from accounts.models import LinkedInConnection, User
from benchmarks.pages import pages
from ingestion.linkedin_simulator.simulator import Options
from ingestion.linkedin_simulator.world import WorldSize
from ingestion.models import Campaign, CampaignDailyMetric, CoveredDays
from tests.conftest import let_tests_empty_the_audit_trail
from tests.ingestion.simulated import simulated_linkedin
from tests.upgraded import Contents, missing_rows, upgraded

pytestmark = [pytest.mark.slow, pytest.mark.django_db]

# The world of the sample, a day later.
NEXT_DAY = datetime(2026, 11, 22, 12, tzinfo=UTC)
SIZE = WorldSize(ad_accounts=4, campaigns_per_account=3, creatives_per_campaign=2, segments_per_pivot=6)
# Written again by every migration, or by whoever looks at the timetable; and the names of models and permissions, which
# Django keeps in step with the code. What people may do depends on their role alone. Failed logins of then and sessions
# are forgotten: they are counted in another table, and stored by other keys.
_NOT_COMPARED = {
    "django_celery_beat_periodictasks", "django_content_type", "auth_permission",
    "axes_accessattempt", "qsessions_session",
}  # fmt: skip


@pytest.fixture(scope="module")
def held(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Contents]:
    with django_db_blocker.unblock(), upgraded(tmp_path_factory.mktemp("upgraded")) as found:
        let_tests_empty_the_audit_trail()
        yield found


def test_every_row_is_there_with_the_values_that_it_had(held: Contents) -> None:
    """But ratios without a divisor, which were 0 and are empty: the sample's digests are those with empty ones."""
    # The one that a migration renames; all else of it is compared.
    renamed = PeriodicTask.objects.filter(name="Queue lost checks again")
    assert renamed.update(name="Have forgotten audits judged") == 1
    missing = {
        table: lost
        for table, known in held.tables.items()
        if table not in _NOT_COMPARED and (lost := missing_rows(table, **known))
    }
    assert not missing


def test_the_days_that_syncs_had_answered_are_covered(held: Contents) -> None:
    """They were a column of the syncs before."""
    assert set(CoveredDays.objects.values_list("account_id", flat=True)) == set(
        CampaignDailyMetric.objects.values_list("campaign__account_id", flat=True)
    )


def test_a_changed_value_would_be_noticed(held: Contents) -> None:
    Campaign.objects.filter(pk=Campaign.objects.earliest("pk").pk).update(name="another")
    assert missing_rows("campaigns", **held.tables["campaigns"]).total() == 1


def test_no_migration_is_missing(held: Contents) -> None:
    call_command("migrate", check_unapplied=True, verbosity=0)


def test_people_and_tokens_of_before_enter(held: Contents, settings: Settings) -> None:
    settings.PASSWORD_HASHERS = global_settings.PASSWORD_HASHERS
    for email, password in held.passwords.items():
        assert authenticate(RequestFactory().post("/"), username=email, password=password), email
    client = Client()
    for name, status in {"owner": 200, "viewer": 200, "revoked": 401}.items():
        answer = client.get("/api/v1/me", headers={"Authorization": f"Bearer {held.api_tokens[name]}"})
        assert answer.status_code == status, name


def test_tokens_of_linkedin_open_with_their_key(held: Contents) -> None:
    opened = {str(one.pk): [one.access_token, one.refresh_token] for one in LinkedInConnection.objects.order_by("pk")}
    digests = {
        pk: [token and hashlib.sha256(token.encode()).hexdigest() for token in tokens] for pk, tokens in opened.items()
    }
    assert digests == held.linkedin_tokens_sha256


def test_every_page_opens(held: Contents) -> None:
    refused = {name: visit.status for name, visit in ((name, look()) for name, look in pages()) if visit.status != 200}
    assert not refused


def test_every_list_of_the_api_answers(held: Contents) -> None:
    client = Client(headers={"Authorization": f"Bearer {held.api_tokens['owner']}"})
    lists = (
        *("ad-accounts", "campaigns", "creatives", "campaign-metrics", "creative-metrics", "demographics", "findings"),
        *("sync-logs", "rejected-records", "connections", "snapshots", "schedules"),
    )
    for name in lists:
        answer = client.get(reverse(f"{name}-list"))
        assert answer.status_code == 200, name
        assert answer.json()["results"], name


@pytest.mark.django_db(transaction=True)
def test_the_next_sync_continues(held: Contents, settings: Settings) -> None:
    """Last, as every test that commits: afterwards the tables are empty."""
    with simulated_linkedin(settings, Options(now=NEXT_DAY, frozen=True, size=SIZE)) as linkedin:
        linkedin.connect(user=User.objects.get(email="owner@example.com"))
        for ad_account_id in linkedin.ad_account_ids:
            result = linkedin.sync(ad_account_id, force=True)
            assert (result.status, result.reason) == ("success", "")
