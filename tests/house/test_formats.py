"""Days have one format on every page: an element that the viewer's browser writes in the viewer's own."""

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import AdAccount, User
from ingestion.models import SyncLog
from reporting.models import CheckRun, Snapshot
from tests import builders

pytestmark = pytest.mark.django_db

# What is no text of the page: elements that hold a day, scripts, attributes.
_NOT_TEXT = re.compile(
    r"<time\b.*?</time>|<script\b.*?</script>|<style\b.*?</style>|<pre\b.*?</pre>|<[^>]*>", re.DOTALL
)
_ISO_DAY = re.compile(r".{0,60}\b20\d\d-\d\d-\d\d\b.{0,60}")
PAGES = (
    "/admin/", "/actions/?state=all", "/report/", "/report/?period=custom&first_day=2099-01-01&last_day=2099-01-02",
    "/report/?period=custom&first_day=2025-01-02&last_day=2025-01-01", "/snapshots/", "/sync/", "/sync/runs/{run}/",
    "/sync/plan/?ad_accounts={ad_account}&first_day=2026-01-01",
    "/sync/plan/?ad_accounts={ad_account}&first_day=1999-01-01",
    "/status/", "/people/me/", "/people/me/tokens/", "/linkedin/connect/", "/admin/accounts/user/{person}/change/",
    "/admin/accounts/user/", "/admin/ingestion/synclog/",
    "/admin/django_celery_beat/periodictask/",
)  # fmt: skip


@pytest.fixture
def world(alice: User) -> dict[str, int]:
    """Days wherever a sentence may name one."""
    now, account = timezone.now(), builders.make_ad_account()
    since = str(now.date() - timedelta(days=20))
    line = {"rule": "low_ctr", "reason": f"Some days since {since} are not stored.", "count": 0, "since": since}
    CheckRun.objects.create(ad_account=account, as_of=now, judged_at=now, campaigns=1, found=1, unjudged=[line])
    campaign = builders.make_campaign(account=account)
    entry = {"at": now.isoformat(), "what": "snoozed", "by": "Ana", "detail": f"until {since}"}
    day = {"label": "Last day", "value": since, "unit": "day"}
    builders.make_finding(campaign=campaign, history=[entry], evidence=[day], state="snoozed", snoozed_until=since)
    run = builders.make_sync_run(account=account, status=SyncLog.Status.FAILED, errors=f"No answer since {since}.")
    Snapshot.objects.create(ad_account=account, trigger="manual", asked_at=now, first_day=since, last_day=since)
    builders.make_covered_days(account=account, first_day=now.date() - timedelta(days=5), last_day=now.date())
    return {"run": run.pk, "ad_account": account.pk, "person": alice.pk}


@pytest.mark.parametrize("address", PAGES)
def test_every_day_is_in_the_viewers_format(as_alice: Client, world: dict[str, int], address: str) -> None:
    assert AdAccount.objects.exists()
    page = as_alice.get(address.format(**world))
    assert page.status_code in {200, 400}
    assert not _ISO_DAY.findall(_NOT_TEXT.sub(" ", page.content.decode()))


def test_so_are_the_days_in_messages(as_alice: Client) -> None:
    finding = builders.make_finding()
    page = as_alice.post("/actions/change/", {"finding": finding.pk, "do": "snooze_week"}, follow=True)
    assert not _ISO_DAY.findall(_NOT_TEXT.sub(" ", page.content.decode()))
