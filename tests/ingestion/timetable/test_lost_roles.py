"""A connection that loses its role or its consent: the next one goes on, and what comes back is noticed soon."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from accounts.models import AdAccount, LinkedInAdAccountRole, LinkedInConnection
from accounts.shell import valkey
from ingestion import tasks
from ingestion.linkedin_simulator.simulator import Options
from ingestion.linkedin_simulator.world import WorldSize
from ingestion.models import CoveredDays, SyncLog
from ingestion.processes.work_requests import message_of
from ingestion.sync.ledger import opening, run_queue
from ingestion.timetable import lost_roles
from tests.builders import make_role, make_user
from tests.ingestion.simulated import SimulatedLinkedIn, simulated_linkedin

pytestmark = pytest.mark.django_db(transaction=True)

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
FIRST_DAY = NOW.date() - timedelta(days=90)


@pytest.fixture
def linkedin(settings: Any) -> Iterator[SimulatedLinkedIn]:
    """Two members may read the first ad account; the second one's connection is the one that is used first."""
    size = WorldSize(ad_accounts=2, campaigns_per_account=12, members=2)
    with simulated_linkedin(settings, Options(now=NOW, frozen=True, size=size)) as linkedin:
        linkedin.connect(member=2, user=make_user())
        linkedin.connect(member=1, user=make_user())
        # The same ends otherwise, but for the moments between.
        LinkedInConnection.objects.filter(pk=connection_of(2)).update(
            refresh_token_expires_at=NOW + timedelta(days=1000)
        )
        yield linkedin


@pytest.fixture(autouse=True)
def _no_turns_yet() -> Iterator[None]:
    yield
    for key in valkey.client().scan_iter(valkey.key("lost-roles", "*")):
        valkey.client().delete(key)


def connection_of(member: int) -> int:
    """Members connected in turn, the second one first."""
    return int(LinkedInConnection.objects.order_by("-pk" if member == 1 else "pk")[0].pk)


def held(connection_id: int) -> set[int]:
    roles = LinkedInAdAccountRole.objects.filter(connection=connection_id, lost_at=None)
    return set(roles.values_list("ad_account", flat=True))


def ends_of_runs() -> list[tuple[str, str | None]]:
    runs = SyncLog.objects.filter(account__isnull=False).order_by("pk")
    return list(runs.values_list("status", "error_kind"))


def test_the_next_connection_goes_on_at_once_where_a_role_is_lost(linkedin: SimulatedLinkedIn) -> None:
    first, other = linkedin.ad_account_ids
    make_role(
        connection=LinkedInConnection.objects.get(pk=connection_of(2)), ad_account=AdAccount.objects.get(pk=other)
    )
    linkedin.simulator.change("lose_role", ad_account=first, member=2)
    result = linkedin.sync(first)
    assert (result.status, result.reason) == ("success", "")
    assert ends_of_runs() == [("failed", "access"), ("success", None)]
    linkedin.assert_stored(FIRST_DAY, known_before=False)
    assert held(connection_of(2)) == {other}, "only the role on that ad account is lost"
    assert held(connection_of(1)) == {first, other}


@pytest.mark.parametrize("force", [False, True])
def test_the_next_connection_goes_on_where_a_consent_dies_in_the_middle(
    linkedin: SimulatedLinkedIn, force: bool, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    # One request after the other: some figures are stored by then, and some are still to come.
    settings.SYNC_CONCURRENCY = 1
    [first, _] = linkedin.ad_account_ids
    # A 401 to a brand-new token means to wait, not to renew it.
    LinkedInConnection.objects.update(connected_at=NOW - timedelta(days=1))
    opened: list[SyncLog] = []
    open_run = opening.open_run

    def open_and_note(*arguments: Any, **options: Any) -> SyncLog:
        opened.append(open_run(*arguments, **options))
        return opened[-1]

    monkeypatch.setattr(opening, "open_run", open_and_note)
    linkedin.forget_calls()

    def revoke_in_the_middle(_: Any) -> None:
        if linkedin.simulator.counters.counted()["calls"].get("adAnalytics", 0) >= 4:
            linkedin.simulator.tokens.revoke_member(1)

    result = linkedin.sync(first, force=force, on_progress=revoke_in_the_middle)
    assert (result.status, result.reason) == ("success", "")
    assert ends_of_runs() == [("partial", "consent"), ("success", None)]
    linkedin.assert_stored(FIRST_DAY, known_before=False)
    states = dict(LinkedInConnection.objects.values_list("pk", "state"))
    assert states == {connection_of(2): "needs_consent", connection_of(1): "active"}
    campaign_days = CoveredDays.objects.filter(account=first, data_table="campaign_daily_metrics")
    requested_in = set(campaign_days.values_list("asked_at", flat=True))
    assert opened[0].started_at in requested_in, "the second connection resumes, it does not start over"


def test_a_sync_stays_its_askers_when_another_connection_goes_on(linkedin: SimulatedLinkedIn) -> None:
    [first, _] = linkedin.ad_account_ids
    person = make_user(role="manager")
    linkedin.simulator.change("lose_role", ad_account=first, member=2)
    waiting = run_queue.enqueue(ad_account_id=first, requested_by=person, forced=True, now=NOW)
    assert linkedin.sync(first, force=True, message=message_of(waiting)).status == "success"
    runs = SyncLog.objects.filter(account=first).order_by("pk")
    assert list(runs.values_list("status", "asked_by", "forced")) == [
        ("failed", person.pk, True),
        ("success", person.pk, True),
    ]


def test_what_was_answered_when_access_was_lost_is_asked_again(linkedin: SimulatedLinkedIn) -> None:
    """LinkedIn answers with nothing then: the next connection must not go on from there."""
    [first, _] = linkedin.ad_account_ids
    linkedin.sync(first)
    linkedin.forget_calls()

    def lose_after_the_listings(progress: Any) -> None:
        if progress.rows:
            linkedin.simulator.change("lose_role", ad_account=first, member=2)

    linkedin.sync(first, force=True, on_progress=lose_after_the_listings)
    linkedin.assert_stored(FIRST_DAY, known_before=False)
    assert linkedin.sync(first, force=True).status == "success"
    linkedin.assert_stored(FIRST_DAY, known_before=False)
    assert first not in held(connection_of(2))


def test_without_another_connection_the_refusal_stands_and_is_not_repeated(linkedin: SimulatedLinkedIn) -> None:
    [_, alone] = linkedin.ad_account_ids
    linkedin.simulator.change("lose_role", ad_account=alone)
    result = linkedin.sync(alone)
    assert (result.status, result.error_kind) == ("failed", "access")
    assert "Check the member's role on the ad account in Campaign Manager" in result.reason
    assert ends_of_runs() == [("failed", "access")]
    linkedin.forget_calls()
    assert "connect LinkedIn as a member who has one" in linkedin.sync(alone).reason
    assert linkedin.simulator.counters.counted()["total"] == 0


def test_missing_scopes_are_not_taken_for_a_lost_role(settings: Any) -> None:
    with simulated_linkedin(settings, Options(now=NOW, frozen=True, size=WorldSize(ad_accounts=1))) as linkedin:
        linkedin.connect()
        LinkedInConnection.objects.update(scopes=["r_ads_reporting"])
        linkedin.simulator.switch_on("refused_account", ad_account=linkedin.ad_account_ids[0])
        assert linkedin.sync().error_kind == "access"
        assert held(connection_of(1)) == set(linkedin.ad_account_ids)


def test_a_role_that_comes_back_is_noticed_within_minutes_by_itself(
    linkedin: SimulatedLinkedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    [_, alone] = linkedin.ad_account_ids
    synced: list[int] = []
    monkeypatch.setattr(tasks.sync_ad_account, "delay", lambda ad_account_id, **_: synced.append(ad_account_id))
    monkeypatch.setattr(tasks.discover_ad_accounts, "delay", tasks.discover_ad_accounts)
    linkedin.simulator.change("lose_role", ad_account=alone)
    linkedin.sync(alone)
    LinkedInAdAccountRole.objects.exclude(lost_at=None).update(lost_at=datetime.now(UTC))
    assert tasks.look_for_lost_roles() == {"looked_at": 1}
    assert alone not in synced
    linkedin.simulator.change("regain_role", ad_account=alone)
    assert tasks.look_for_lost_roles() == {"looked_at": 0}, "one minute is not over"
    _let_a_pause_end()
    assert tasks.look_for_lost_roles() == {"looked_at": 1}
    assert alone in synced
    assert linkedin.sync(alone).status == "success"
    _let_a_pause_end()
    assert tasks.look_for_lost_roles() == {"looked_at": 0}, "nothing is lost any more"


def test_turns_grow_apart_to_an_hour_and_are_one_per_connection() -> None:
    now = datetime.now(UTC)
    role = make_role(lost_at=now)
    make_role(connection=role.connection, lost_at=now)
    pauses = []
    for _ in range(9):
        assert lost_roles.connections_to_check(now=now) == [role.connection_id]
        assert lost_roles.connections_to_check(now=now) == []
        pauses.append(_let_a_pause_end())
    assert pauses == [60, 120, 240, 480, 960, 1920, 3600, 3600, 3600]


@pytest.mark.parametrize(
    ("lost_before", "state"), [(timedelta(days=8), "active"), (timedelta(0), "needs_consent"), (None, "active")]
)
def test_nobody_looks_for_what_is_long_lost_cannot_be_asked_or_is_held(
    lost_before: timedelta | None, state: str
) -> None:
    now = datetime.now(UTC)
    role = make_role(lost_at=None if lost_before is None else now - lost_before)
    LinkedInConnection.objects.filter(pk=role.connection_id).update(state=state)
    assert lost_roles.connections_to_check(now=now) == []


def _let_a_pause_end() -> int:
    [pause] = valkey.client().scan_iter(valkey.key("lost-roles", "*", "pause"))
    seconds = int(valkey.client().ttl(pause))
    valkey.client().delete(pause)
    # Valkey counts down: a moment of it may be gone.
    return seconds if seconds % 60 == 0 else seconds + 1
