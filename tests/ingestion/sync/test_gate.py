"""What the gate said last, kept where people can see it; `sync_log` holds runs alone."""

from datetime import UTC, datetime, timedelta

import pytest

from accounts.models import LinkedInConnection
from ingestion.linkedin_simulator.simulator import Options
from ingestion.linkedin_simulator.world import WorldSize
from ingestion.models import SyncGate, SyncLog
from ingestion.timetable.sync_status import state
from tests.ingestion.simulated import SimulatedLinkedIn, simulated_linkedin

pytestmark = pytest.mark.django_db(transaction=True)

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.fixture
def linkedin(settings):
    settings.BACKFILL_DAYS = 4
    size = WorldSize(ad_accounts=2, campaigns_per_account=2, creatives_per_campaign=1)
    with simulated_linkedin(settings, Options(now=NOW, frozen=True, size=size)) as linkedin:
        linkedin.connect()
        yield linkedin


def gate_of(linkedin: SimulatedLinkedIn) -> tuple[datetime, bool, str]:
    gate = SyncGate.objects.get(account_id=linkedin.ad_account_ids[0])
    return gate.asked_at, gate.was_due, gate.answer


def runs() -> int:
    return SyncLog.objects.filter(account__isnull=False).count()


def test_a_sync_that_begins_shows_why(linkedin: SimulatedLinkedIn):
    linkedin.sync()
    assert gate_of(linkedin) == (NOW, True, "never synced successfully")
    linkedin.simulator.clock.advance(seconds=300 * 60)
    linkedin.sync()
    assert gate_of(linkedin) == (NOW + timedelta(minutes=300), True, "last synced 5 hours ago")


def test_a_skip_shows_when_and_why_and_leaves_no_run(linkedin: SimulatedLinkedIn):
    linkedin.sync()
    for minutes in (10, 20):
        linkedin.simulator.clock.set(NOW + timedelta(minutes=minutes))
        assert linkedin.sync(trigger=SyncLog.Trigger.SCHEDULE).status == "skipped"
    assert gate_of(linkedin) == (
        NOW + timedelta(minutes=20),
        False,
        "synced 20 minutes ago; next sync after 4 hours",
    )
    assert runs() == 1
    shown = {one.id: one for one in state().ad_accounts}
    first, second = (shown[ad_account_id] for ad_account_id in linkedin.ad_account_ids)
    assert (first.last_asked_at, first.last_status) == (NOW + timedelta(minutes=20), "success")
    assert first.last_answer == "synced 20 minutes ago; next sync after 4 hours"
    assert (second.last_asked_at, second.last_answer) == (None, None)


def test_force_passes_the_gate_and_says_so(linkedin: SimulatedLinkedIn):
    linkedin.sync()
    linkedin.sync()
    linkedin.sync(force=True)
    assert gate_of(linkedin) == (NOW, True, "forced")
    assert runs() == 2


def test_a_sync_that_could_not_begin_was_not_let_through(linkedin: SimulatedLinkedIn):
    LinkedInConnection.objects.update(state=LinkedInConnection.State.NEEDS_CONSENT)
    result = linkedin.sync(trigger=SyncLog.Trigger.SCHEDULE)
    assert result.status == "failed"
    asked_at, was_due, answer = gate_of(linkedin)
    assert (asked_at, was_due) == (NOW, False)
    assert answer == result.reason
    linkedin.simulator.clock.advance(seconds=60)
    linkedin.sync(trigger=SyncLog.Trigger.SCHEDULE)
    assert runs() == 1
    assert gate_of(linkedin)[0] == NOW + timedelta(seconds=60)


def test_each_ad_account_has_its_own_gate(linkedin: SimulatedLinkedIn):
    for ad_account_id in linkedin.ad_account_ids:
        linkedin.sync(ad_account_id)
        linkedin.sync(ad_account_id)
    assert dict(SyncGate.objects.values_list("account_id", "was_due")) == dict.fromkeys(linkedin.ad_account_ids, False)
    assert runs() == 2
