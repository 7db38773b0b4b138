"""`ingestion/timetable/discovery.py` against a simulated LinkedIn over HTTP."""

from datetime import timedelta

import pytest
from django.utils import timezone
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from accounts.models import AdAccount, LinkedInAdAccountRole, LinkedInConnection
from ingestion.linkedin.errors import AccessDenied
from ingestion.linkedin_simulator.simulator import Options
from ingestion.linkedin_simulator.world import WorldSize
from ingestion.models import RejectedRecord, SyncLog
from ingestion.sync.result import SyncResult
from ingestion.timetable import schedules
from ingestion.timetable.discovery import discover_ad_accounts
from tests.builders import make_ad_account, make_connection, make_role
from tests.ingestion.simulated import SimulatedLinkedIn, simulated_linkedin

pytestmark = pytest.mark.django_db


@pytest.fixture
def linkedin(settings):
    options = Options(size=WorldSize(ad_accounts=3, campaigns_per_account=1))
    with simulated_linkedin(settings, options) as linkedin:
        linkedin.connect()
        yield linkedin


def discover(linkedin: SimulatedLinkedIn) -> tuple[SyncResult, list[int]]:
    assert linkedin.connection
    return discover_ad_accounts(linkedin.connection.pk)


def held_roles(connection: LinkedInConnection | None) -> dict[int, str | None]:
    held = LinkedInAdAccountRole.objects.filter(connection=connection, lost_at=None)
    return dict(held.values_list("ad_account", "role"))


def test_ad_accounts_and_roles_are_stored_as_linkedin_tells_them(linkedin):
    world, present = linkedin.simulator.world, linkedin.simulator.present
    plans = [world.account(index) for index in range(3)]
    stored = AdAccount.objects.order_by("pk").values_list("pk", "name", "currency", "type")
    assert list(stored) == [(plan.id, plan.name, plan.currency, plan.type) for plan in plans]
    assert held_roles(linkedin.connection) == {plan.id: present.role(0, plan) for plan in plans}
    assert linkedin.ad_account_ids == [plan.id for plan in plans]


def test_a_discovery_is_a_run_of_all_ad_accounts(linkedin):
    run = SyncLog.objects.get()
    assert (run.account, run.status, run.trigger) == (None, "success", "discovery")
    assert (run.rows_stored, run.api_calls_made, str(run).startswith("all,")) == (6, 2, True)


def test_a_second_discovery_changes_nothing(linkedin):
    before = [list(model.objects.order_by("pk").values()) for model in (AdAccount, PeriodicTask, LinkedInAdAccountRole)]
    result, found = discover(linkedin)
    assert (result.status, result.api_calls, found) == ("success", 2, linkedin.ad_account_ids)
    after = [list(model.objects.order_by("pk").values()) for model in (AdAccount, PeriodicTask, LinkedInAdAccountRole)]
    assert after == before


def test_a_lost_role_is_marked_and_one_that_came_back_is_not(linkedin):
    lost = linkedin.ad_account_ids[1]
    linkedin.simulator.change("lose_role", ad_account=lost)
    _, found = discover(linkedin)
    assert lost not in found
    assert lost not in held_roles(linkedin.connection)
    assert AdAccount.objects.filter(pk=lost).exists()
    linkedin.simulator.change("regain_role", ad_account=lost)
    discover(linkedin)
    assert lost in held_roles(linkedin.connection)


def test_an_ad_account_on_which_the_last_role_is_lost_is_missing(linkedin):
    lost, shared = linkedin.ad_account_ids[:2]
    make_role(connection=make_connection(), ad_account=AdAccount.objects.get(pk=shared))
    for ad_account_id in (lost, shared):
        linkedin.simulator.change("lose_role", ad_account=ad_account_id)
    discover(linkedin)
    assert [one.pk for one in AdAccount.objects.exclude(missing_since=None)] == [lost]
    linkedin.simulator.change("regain_role", ad_account=lost)
    discover(linkedin)
    assert not AdAccount.objects.exclude(missing_since=None).exists()


def test_roles_of_another_connection_are_left_alone(linkedin):
    another = make_role(ad_account=make_ad_account(id=900_000_001))
    discover(linkedin)
    another.refresh_from_db()
    assert another.lost_at is None


def test_an_ad_account_that_cannot_be_read_today_keeps_its_role(linkedin):
    """Set aside is not gone: its syncs go on, with what was stored of it before."""
    broken = linkedin.ad_account_ids[0]
    linkedin.simulator.change("edit", ad_account=broken, fields={"id": str(broken)})
    result, found = discover(linkedin)
    assert (result.status, result.rejected, found) == ("success", 1, linkedin.ad_account_ids[1:])
    assert RejectedRecord.objects.get().payload["id"] == str(broken)
    role = LinkedInAdAccountRole.objects.get(ad_account=broken)
    assert (role.lost_at, role.role) == (None, linkedin.simulator.present.role(0, linkedin.simulator.world.account(0)))


@pytest.mark.parametrize("unreadable", ["", "x", None, {"id": 7}])
def test_where_an_id_cannot_be_read_no_role_is_lost(linkedin, unreadable):
    broken = linkedin.ad_account_ids[0]
    linkedin.simulator.change("edit", ad_account=broken, fields={"id": unreadable})
    result, found = discover(linkedin)
    assert (result.rejected, found) == (1, linkedin.ad_account_ids[1:])
    assert LinkedInAdAccountRole.objects.get(ad_account=broken).lost_at is None


def test_an_ad_account_is_found_without_a_field_that_is_invalid(linkedin):
    broken = linkedin.ad_account_ids[0]
    linkedin.simulator.change("edit", ad_account=broken, fields={"currency": 978})
    result, found = discover(linkedin)
    assert (result.status, result.rejected, found) == ("success", 0, linkedin.ad_account_ids)
    assert RejectedRecord.objects.get().reason.endswith("; stored without currency")
    assert AdAccount.objects.get(pk=broken).currency is None


def test_every_ad_account_gets_one_periodic_task_once(linkedin):
    discover(linkedin)
    args = PeriodicTask.objects.filter(task=schedules.SYNC_TASK).values_list("args", flat=True)
    assert sorted(args) == [f"[{ad_account_id}]" for ad_account_id in linkedin.ad_account_ids]


def test_an_ad_account_that_appears_later_gets_its_task(linkedin):
    missing = linkedin.ad_account_ids[2]
    schedules.unschedule_syncs([missing])
    discover(linkedin)
    assert PeriodicTask.objects.filter(args=f"[{missing}]").count() == 1


def test_what_operators_changed_or_made_survives(linkedin):
    daily = IntervalSchedule.objects.create(every=1, period=IntervalSchedule.DAYS)
    changed, paused, _ = PeriodicTask.objects.filter(task=schedules.SYNC_TASK).order_by("pk")
    changed.interval, paused.enabled = daily, False
    changed.save()
    paused.save()
    PeriodicTask.objects.create(name="Nightly back-up", task="ops.back_up", interval=daily)
    before = list(PeriodicTask.objects.order_by("pk").values())
    discover(linkedin)
    assert list(PeriodicTask.objects.order_by("pk").values()) == before


@pytest.mark.parametrize(
    ("fault", "kind", "remedy"),
    [("sunset_version", "version", "LINKEDIN_API_VERSION"), ("throttle_day", "throttled", "00:00 UTC")],
)
def test_a_refused_discovery_is_recorded_as_a_run_of_all_and_changes_nothing(linkedin, fault, kind, remedy):
    before = held_roles(linkedin.connection)
    linkedin.simulator.switch_on(fault)
    result, found = discover(linkedin)
    assert (result.status, result.error_kind, found) == ("failed", kind, [])
    run = SyncLog.objects.latest("pk")
    assert (run.account, run.status, run.error_kind, run.errors) == (None, "failed", kind, result.reason)
    assert remedy in result.reason
    assert held_roles(linkedin.connection) == before


def test_a_refused_second_listing_changes_nothing_of_the_first(linkedin):
    """Roles refused: an ad account stored without its role would look lost."""
    linkedin.simulator.change("rename", ad_account=linkedin.ad_account_ids[0], name="Renamed")
    linkedin.simulator.switch_on("throttle_day", endpoint="adAccountUsers")
    result, _ = discover(linkedin)
    assert result.status == "failed"
    assert not AdAccount.objects.filter(name="Renamed").exists()


def test_roles_that_linkedin_does_not_tell_leave_the_ad_accounts_usable(linkedin, monkeypatch):
    """Some consents may list ad accounts and not roles; what is listed can be read."""

    def refused(client: object) -> None:
        raise AccessDenied("LinkedIn says: Not enough permissions to access: adAccountUsers.")

    monkeypatch.setattr("ingestion.linkedin.endpoints.ad_account_users", refused)
    result, found = discover(linkedin)
    assert (result.status, result.error_kind, found) == ("partial", "access", linkedin.ad_account_ids)
    assert held_roles(linkedin.connection).keys() == set(found)


def test_a_consent_that_has_ended_is_recorded(linkedin):
    LinkedInConnection.objects.update(
        access_token_expires_at=timezone.now() - timedelta(days=1), refresh_token=None, refresh_token_expires_at=None
    )
    result, found = discover(linkedin)
    assert (result.status, result.error_kind, found) == ("failed", "consent", [])
    assert "connect LinkedIn again" in result.reason
    assert SyncLog.objects.latest("pk").error_kind == "consent"


def test_an_error_of_ours_is_raised_and_leaves_no_run_behind(linkedin, monkeypatch):
    """Runs of all ad accounts exclude nobody, so nobody would come to close it as stale."""

    def fail(*_: object, **__: object) -> None:
        raise KeyError("ours")

    monkeypatch.setattr(schedules, "schedule_syncs", fail)
    linkedin.simulator.change("rename", ad_account=linkedin.ad_account_ids[0], name="Renamed")
    with pytest.raises(KeyError, match="ours"):
        discover(linkedin)
    run = SyncLog.objects.latest("pk")
    assert (run.status, run.error_kind) == ("failed", "internal")
    assert "KeyError" in run.errors
    assert not AdAccount.objects.filter(name="Renamed").exists()
