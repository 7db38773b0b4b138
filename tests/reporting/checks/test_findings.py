"""The life of findings: found, mended, come back, snoozed, accepted; first over rows, then over a simulated world."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django_celery_beat.models import PeriodicTask

from accounts.models import AdAccount, AuditEvent, User
from accounts.roles import Role
from ingestion.linkedin_simulator.simulator import Options
from ingestion.linkedin_simulator.world import WorldSize
from ingestion.models import Campaign, CampaignDailyMetric, Creative
from ingestion.sync.signals import sync_finished
from ingestion.timetable import schedules
from reporting import tasks
from reporting.checks import check_requests, findings
from reporting.checks.findings import InvalidDecision
from reporting.models import CheckRequest, CheckRun, CheckThresholds, Finding
from reporting.queries import findings as finding_queries
from reporting.queries.findings import FindingFilter, counts_by_severity
from tests.builders import (
    DAY,
    NOW,
    make_ad_account,
    make_campaign,
    make_campaign_day,
    make_covered_days,
    make_creative,
    make_sync_run,
    make_user,
)
from tests.ingestion.simulated import simulated_linkedin

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)
ONE_DAY = timedelta(days=1)


@pytest.fixture
def analyst() -> User:
    return make_user(email="ana@example.com", role=Role.ANALYST)


@pytest.fixture
def ad_account() -> AdAccount:
    """Synced; its one campaign runs on LinkedIn Audience Network, and nothing else is found."""
    one = make_ad_account(name="Brand")
    campaign = make_campaign(
        account=one, name="Spring", offsite_delivery_enabled=True, audience_expansion_enabled=False, bid_strategy="NONE"
    )
    make_creative(campaign=campaign)
    make_creative(campaign=campaign)
    make_campaign_day(campaign=campaign, spend=Decimal(300), impressions=1000, clicks=20, conversions=1)
    make_sync_run(account=one)
    return one


def check(ad_account: AdAccount, *, after: timedelta = timedelta(0)) -> Any:
    """As after one more sync."""
    make_sync_run(account=ad_account, started_at=NOW + after, finished_at=NOW + after)
    return findings.check_ad_account(ad_account.pk, now=NOW + after)


def the_finding(rule_id: str = "audience_network") -> Finding:
    return Finding.objects.get(rule_id=rule_id)


def notes(finding: Finding) -> list[str]:
    return [one["what"] for one in finding.history]


def spend_again(amount: Decimal | int, *, day: date = DAY - ONE_DAY) -> None:
    make_campaign_day(campaign=Campaign.objects.get(), date=day, spend=Decimal(amount), impressions=1000, clicks=20)


def test_a_finding_says_what_was_found_and_what_is_at_stake(ad_account):
    result = check(ad_account)
    found = the_finding()
    assert (result.found, result.new) == (Finding.objects.count(), Finding.objects.count())
    assert (found.state, found.severity, found.times_seen) == ("open", "warning", 1)
    assert (found.money_at_stake, found.currency) == (300, "EUR")
    assert found.campaign == Campaign.objects.get()
    assert found.first_seen_at == found.last_seen_at == NOW
    assert {"label": "LinkedIn Audience Network", "value": "on", "unit": "text"} in found.evidence
    audit = CheckRun.objects.get()
    assert (audit.as_of, audit.campaigns, audit.found) == (NOW, 1, result.found)


def test_checking_again_changes_nothing_but_the_day(ad_account):
    check(ad_account)
    before = the_finding()
    result = check(ad_account, after=HOUR)
    after = the_finding()
    assert (before.changed_at, after.changed_at) == (NOW, NOW)
    assert (result.new, result.fixed, result.reopened) == (0, 0, 0)
    assert after.pk == before.pk
    assert after.last_seen_at == NOW + HOUR
    assert (after.first_seen_at, after.history, after.times_seen) == (NOW, before.history, 1)


def test_a_mended_cause_is_fixed_and_says_what_was_at_stake(ad_account):
    check(ad_account)
    Campaign.objects.update(offsite_delivery_enabled=False)
    assert check(ad_account, after=HOUR).fixed == 1
    found = the_finding()
    assert (found.state, found.fixed_at, found.saved) == ("fixed", NOW + HOUR, 300)
    assert found.changed_at == NOW + HOUR
    assert found.last_seen_at == NOW
    assert check(ad_account, after=2 * HOUR).fixed == 0
    assert the_finding().fixed_at == NOW + HOUR


_STOPS = [{"status": "PAUSED"}, {"missing_since": NOW}, {"serving_statuses": ["CAMPAIGN_GROUP_STATUS_HOLD"]}]


@pytest.mark.parametrize("how", _STOPS)
def test_a_campaign_that_no_longer_runs_has_nothing_to_mend(ad_account, how):
    check(ad_account)
    Campaign.objects.update(**how)
    check(ad_account, after=HOUR)
    assert the_finding().state == "fixed"


def test_a_cause_that_comes_back_opens_the_same_finding_with_its_history(ad_account, analyst):
    check(ad_account)
    findings.assign([the_finding().pk], to=analyst, by=analyst, now=NOW)
    Campaign.objects.update(offsite_delivery_enabled=False)
    check(ad_account, after=HOUR)
    Campaign.objects.update(offsite_delivery_enabled=True)
    assert check(ad_account, after=2 * HOUR).reopened == 1
    found = the_finding()
    assert (found.state, found.times_seen, found.reopened_at) == ("open", 2, NOW + 2 * HOUR)
    assert (found.fixed_at, found.saved, found.first_seen_at) == (None, None, NOW)
    assert found.assigned_to == analyst
    assert notes(found) == ["found", "assigned", "fixed", "came back"]


def test_what_cannot_be_checked_stays_as_it_is(ad_account):
    check(ad_account)
    Campaign.objects.update(offsite_delivery_enabled=None)
    check(ad_account, after=HOUR)
    assert the_finding().state == "open"
    [line] = [one for one in CheckRun.objects.get().unjudged if one["rule"] == "audience_network"]
    assert line["count"] == 1
    assert "sent no" in line["reason"]


def test_a_closed_ad_account_leaves_its_findings_as_they_are(ad_account):
    check(ad_account)
    AdAccount.objects.update(status="CANCELED")
    check(ad_account, after=HOUR)
    assert the_finding().state == "open"
    assert {one["count"] for one in CheckRun.objects.get().unjudged} == {0}


def test_a_finding_of_a_rule_that_is_gone_is_fixed(ad_account):
    check(ad_account)
    Finding.objects.filter(rule_id="audience_network").update(rule_id="of_last_year")
    check(ad_account, after=HOUR)
    assert Finding.objects.get(rule_id="of_last_year").state == "fixed"


def test_snoozed_is_quiet_until_its_day(ad_account, analyst):
    check(ad_account)
    until = NOW.date() + timedelta(days=7)
    assert findings.snooze([the_finding().pk], until=until, by=analyst, now=NOW) == 1
    check(ad_account, after=6 * ONE_DAY)
    assert (the_finding().state, the_finding().snoozed_until) == ("snoozed", until)
    # Its day has come: open to whoever looks, also before the next audit.
    seen = FindingFilter(rule_id="audience_network")
    everything = AdAccount.objects.all()
    assert counts_by_severity(everything, seen, today=until - ONE_DAY)["warning"] == 0
    assert counts_by_severity(everything, seen, today=until)["warning"] == 1
    check(ad_account, after=7 * ONE_DAY)
    found = the_finding()
    assert (found.state, found.snoozed_until, found.times_seen) == ("open", None, 1)
    assert notes(found) == ["found", "snoozed", "snooze ended"]


def test_snoozed_is_fixed_when_its_cause_goes_and_open_when_it_is_back(ad_account, analyst):
    check(ad_account)
    findings.snooze([the_finding().pk], until=NOW.date() + timedelta(days=30), by=analyst, now=NOW)
    Campaign.objects.update(offsite_delivery_enabled=False)
    check(ad_account, after=HOUR)
    assert the_finding().state == "fixed"
    Campaign.objects.update(offsite_delivery_enabled=True)
    check(ad_account, after=2 * HOUR)
    assert the_finding().state == "open"


def spend_in_vain(amount: Decimal | int, *, day: date = DAY - ONE_DAY) -> None:
    """Without a conversion or lead, on any day so far."""
    if amount:
        make_campaign_day(campaign=Campaign.objects.get(), date=day, spend=Decimal(amount), impressions=1000, clicks=20)
    CampaignDailyMetric.objects.update(conversions=0, leads=0)


def test_accepted_stays_until_it_is_materially_worse(ad_account, analyst):
    rule_id = "spend_without_conversions"
    spend_in_vain(0)
    check(ad_account)
    findings.accept([the_finding(rule_id).pk], reason=" The client wants it. ", by=analyst, now=NOW)
    accepted = the_finding(rule_id)
    assert (accepted.accepted_reason, accepted.accepted_weight) == ("The client wants it.", 300)
    spend_in_vain(150)
    check(ad_account, after=HOUR)
    found = the_finding(rule_id)
    assert (found.state, found.money_at_stake) == ("accepted", 450)
    spend_in_vain(1, day=DAY - 2 * ONE_DAY)
    assert check(ad_account, after=2 * HOUR).reopened == 1
    found = the_finding(rule_id)
    assert (found.state, found.accepted_reason, found.reopened_at) == ("open", None, NOW + 2 * HOUR)
    assert notes(found)[-1] == "got worse than accepted"
    assert found.history[-1]["detail"] == "The client wants it."


def test_accepted_is_fixed_when_its_cause_goes(ad_account, analyst):
    check(ad_account)
    findings.accept([the_finding().pk], reason="Fine.", by=analyst, now=NOW)
    Campaign.objects.update(offsite_delivery_enabled=False)
    check(ad_account, after=HOUR)
    assert (the_finding().state, the_finding().accepted_reason) == ("fixed", None)


def test_how_much_worse_is_a_threshold(ad_account, analyst):
    CheckThresholds.objects.create(ad_account=ad_account, worse_percent=10, spend_without_conversions=20)
    spend_in_vain(0)
    check(ad_account)
    findings.accept([the_finding("spend_without_conversions").pk], reason="Fine.", by=analyst, now=NOW)
    spend_in_vain(30)
    check(ad_account, after=HOUR)
    assert the_finding("spend_without_conversions").state == "accepted"
    spend_in_vain(1, day=DAY - 2 * ONE_DAY)
    check(ad_account, after=2 * HOUR)
    assert the_finding("spend_without_conversions").state == "open"


def test_worse_by_a_share_of_next_to_nothing_is_not_worse(ad_account, analyst):
    CheckThresholds.objects.create(ad_account=ad_account, spend_without_conversions=0)
    CampaignDailyMetric.objects.update(spend=Decimal("0.01"))
    spend_in_vain(0)
    check(ad_account)
    findings.accept([the_finding("spend_without_conversions").pk], reason="Fine.", by=analyst, now=NOW)
    spend_in_vain(Decimal("0.99"))
    check(ad_account, after=HOUR)
    assert the_finding("spend_without_conversions").state == "accepted"


@pytest.mark.parametrize("spent", [0, 300])
@pytest.mark.parametrize(
    ("rule_id", "setting", "another"),
    [
        ("audience_network", {"offsite_delivery_enabled": True}, None),
        ("audience_expansion", {"audience_expansion_enabled": True}, None),
        ("maximum_delivery", {"bid_strategy": "MAX_CLICK", "cost_type": "CPM"}, {"bid_strategy": "MAX_REACH"}),
    ],
)
def test_who_accepts_a_setting_accepts_it_whatever_is_spent(ad_account, analyst, rule_id, setting, another, spent):
    """And nothing else: another value of the setting has not been accepted by anybody."""
    Campaign.objects.update(**setting)
    CampaignDailyMetric.objects.update(spend=spent)
    check(ad_account)
    findings.accept([the_finding(rule_id).pk], reason="Fine.", by=analyst, now=NOW)
    # As earlier versions stored it: the spend.
    Finding.objects.filter(rule_id=rule_id).update(accepted_weight=spent, weight=spent)
    for day, amount in ((1, Decimal("0.01")), (2, Decimal(90_000))):
        spend_again(amount, day=DAY - day * ONE_DAY)
        assert check(ad_account, after=day * HOUR).reopened == 0
        assert the_finding(rule_id).state == "accepted"
    if another:
        Campaign.objects.update(**another)
        assert check(ad_account, after=3 * HOUR).reopened == 1
        assert notes(the_finding(rule_id))[-1] == "changed since it was accepted"


def test_an_accepted_hold_is_another_one_when_its_reason_is(ad_account, analyst):
    held = make_creative(campaign=Campaign.objects.get(), serving_hold_reasons=["FORM_HOLD", "JOB_HOLD"])
    check(ad_account)
    findings.accept([the_finding("held_creative").pk], reason="Fine.", by=analyst, now=NOW)
    for reasons in (["JOB_HOLD", "FORM_HOLD"], ["JOB_HOLD", "FORM_HOLD", "CAMPAIGN_STOPPED"]):
        Creative.objects.filter(pk=held.pk).update(serving_hold_reasons=reasons)
        check(ad_account, after=HOUR)
        assert the_finding("held_creative").state == "accepted"
    Creative.objects.filter(pk=held.pk).update(serving_hold_reasons=["CONTENT_HOLD"])
    check(ad_account, after=2 * HOUR)
    assert the_finding("held_creative").state == "open"


def test_the_end_of_a_campaign_is_accepted_for_its_day(ad_account, analyst):
    Campaign.objects.update(run_schedule_end_at=NOW + 3 * ONE_DAY)
    check(ad_account)
    findings.accept([the_finding("end_near").pk], reason="Fine.", by=analyst, now=NOW)
    check(ad_account, after=ONE_DAY)
    assert the_finding("end_near").state == "accepted"
    Campaign.objects.update(run_schedule_end_at=NOW + 5 * ONE_DAY)
    check(ad_account, after=ONE_DAY + HOUR)
    assert the_finding("end_near").state == "open"


def test_what_is_at_stake_adds_up_to_no_more_than_a_month_of_spend(ad_account):
    """However large the budgets are: here 30,000 a month for a campaign, and a total of 100,000."""
    campaigns = [
        make_campaign(account=ad_account, daily_budget=1000, offsite_delivery_enabled=True),
        make_campaign(
            account=ad_account, daily_budget=None, total_budget=100_000, total_budget_currency="EUR",
            run_schedule_start_at=NOW - 40 * ONE_DAY, run_schedule_end_at=NOW + 2 * ONE_DAY,
        ),
    ]  # fmt: skip
    make_creative(campaign=campaigns[1])
    for campaign in campaigns:
        make_campaign_day(campaign=campaign, spend=Decimal(20), leads=0, conversions=0)
        make_campaign_day(campaign=campaign, date=DAY - 35 * ONE_DAY, spend=Decimal(7000))
    check(ad_account)
    assert {"no_serving_creative", "end_near", "budget_under_pace", "audience_network"} <= set(
        Finding.objects.values_list("rule_id", flat=True)
    )
    [money] = finding_queries.money_at_stake(AdAccount.objects.all(), FindingFilter(), today=NOW.date())
    assert money.amount == 300 + 20 + 20
    assert not Finding.objects.filter(money_at_stake=0).exists()


def test_reopened_by_a_person(ad_account, analyst):
    check(ad_account)
    findings.accept([the_finding().pk], reason="Fine.", by=analyst, now=NOW)
    assert findings.reopen([the_finding().pk], by=analyst, now=NOW + HOUR) == 1
    assert (the_finding().state, the_finding().reopened_at) == ("open", NOW + HOUR)
    assert the_finding().changed_at == NOW + HOUR
    assert findings.reopen([the_finding().pk], by=analyst, now=NOW) == 0


def test_nobody_decides_about_what_is_fixed(ad_account, analyst):
    check(ad_account)
    Campaign.objects.update(offsite_delivery_enabled=False)
    check(ad_account, after=HOUR)
    ids = [the_finding().pk]
    assert findings.snooze(ids, until=NOW.date() + ONE_DAY, by=analyst, now=NOW) == 0
    assert findings.accept(ids, reason="Fine.", by=analyst, now=NOW) == 0
    assert findings.reopen(ids, by=analyst, now=NOW) == 0
    assert the_finding().state == "fixed"


def test_every_decision_is_in_the_audit_trail(ad_account, analyst):
    check(ad_account)
    ids = [the_finding().pk]
    findings.assign(ids, to=analyst, by=analyst, now=NOW)
    findings.assign(ids, to=analyst, by=analyst, now=NOW)
    findings.snooze(ids, until=NOW.date() + ONE_DAY, by=analyst, now=NOW)
    findings.accept(ids, reason="Fine.", by=analyst, now=NOW)
    findings.reopen(ids, by=analyst, now=NOW)
    findings.assign(ids, to=None, by=analyst, now=NOW)
    trail = AuditEvent.objects.filter(kind="finding_changed").order_by("pk")
    assert [one.detail["change"] for one in trail] == ["assigned", "snoozed", "accepted", "reopened", "assigned"]
    assert {(one.actor_email, one.ad_account_id) for one in trail} == {("ana@example.com", ad_account.pk)}
    assert the_finding().assigned_to is None


@pytest.mark.parametrize(
    ("decide", "sentence"),
    [
        (lambda ids, by: findings.snooze(ids, until=NOW.date(), by=by, now=NOW), "a day after today"),
        (lambda ids, by: findings.snooze(ids, until=NOW.date() + 367 * ONE_DAY, by=by, now=NOW), "within a year"),
        (lambda ids, by: findings.accept(ids, reason=" \0 ", by=by, now=NOW), "Give a reason"),
        (lambda ids, by: findings.accept(ids, reason="x" * 1001, by=by, now=NOW), "1,000 characters"),
        (lambda ids, by: findings.assign(ids, to=make_user(), by=by, now=NOW), "owners, managers and analysts"),
    ],
)
def test_an_invalid_decision_says_what_to_do_instead(ad_account, analyst, decide, sentence):
    check(ad_account)
    before = Finding.objects.filter(pk=the_finding().pk).values().get()
    with pytest.raises(InvalidDecision, match=sentence):
        decide([the_finding().pk], analyst)
    assert Finding.objects.filter(pk=the_finding().pk).values().get() == before


def test_viewers_decide_nothing(ad_account):
    check(ad_account)
    viewer = make_user()
    with pytest.raises(PermissionDenied):
        findings.reopen([the_finding().pk], by=viewer, now=NOW)


def test_the_database_refuses_a_second_finding_of_the_same_thing(ad_account):
    check(ad_account)
    one = the_finding()
    one.pk = None
    with pytest.raises(IntegrityError, match="a_rule_has_one_finding_per_thing"), transaction.atomic():
        one.save(force_insert=True)


def test_nothing_is_checked_before_the_first_sync():
    ad_account = make_ad_account()
    assert findings.check_ad_account(ad_account.pk, now=NOW) is None
    assert not CheckRun.objects.exists()


# --- Facts ---


def test_stale_figures_are_not_taken_for_silence(ad_account):
    """A sync by hand of days long ago is the newest run: what happened since is not known."""
    make_sync_run(
        account=ad_account, started_at=NOW + 3 * ONE_DAY, finished_at=NOW + 3 * ONE_DAY,
        first_day=date(2026, 1, 1), last_day=date(2026, 1, 31),
    )  # fmt: skip
    findings.check_ad_account(ad_account.pk, now=NOW)
    unjudged = {one["rule"] for one in CheckRun.objects.get().unjudged}
    assert {"no_impressions", "low_ctr", "spend_without_conversions"} <= unjudged
    assert the_finding().state == "open"


def test_a_partial_sync_counts_as_far_as_its_days_are_covered(ad_account):
    later = NOW + 3 * ONE_DAY
    make_sync_run(account=ad_account, started_at=later, finished_at=later, status="partial")
    make_covered_days(account=ad_account, first_day=date(2026, 10, 24), last_day=date(2026, 11, 23), asked_at=later)
    findings.check_ad_account(ad_account.pk, now=later)
    assert CheckRun.objects.get().as_of == later
    assert "no_impressions" not in {one["rule"] for one in CheckRun.objects.get().unjudged}


def test_the_day_of_the_sync_is_not_over_and_counts_nowhere(ad_account):
    spend_again(10_000, day=NOW.date())
    check(ad_account)
    assert the_finding().money_at_stake == 300


def test_the_window_ends_where_it_says(ad_account):
    spend_again(7, day=NOW.date() - 30 * ONE_DAY)
    spend_again(5000, day=NOW.date() - 31 * ONE_DAY)
    check(ad_account)
    assert the_finding().money_at_stake == 307


def test_a_held_creative_is_found_with_its_own_spend(ad_account):
    held = make_creative(campaign=Campaign.objects.get(), review_status="REJECTED", is_serving=False)
    make_creative(campaign=make_campaign(account=ad_account, status="PAUSED"), review_status="REJECTED")
    make_creative(campaign=Campaign.objects.get(name="Spring"), review_status="REJECTED", intended_status="PAUSED")
    check(ad_account)
    assert Finding.objects.get(rule_id="held_creative").creative == held


def test_a_large_ad_account_takes_as_many_queries_as_a_small_one(ad_account, django_assert_max_num_queries):
    for _ in range(30):
        campaign = make_campaign(account=ad_account, offsite_delivery_enabled=True)
        make_creative(campaign=campaign, review_status="REJECTED")
    make_sync_run(account=ad_account, started_at=NOW, finished_at=NOW)
    with django_assert_max_num_queries(20):
        result = findings.check_ad_account(ad_account.pk, now=NOW)
    assert result
    assert result.new > 60
    with django_assert_max_num_queries(20):
        findings.check_ad_account(ad_account.pk, now=NOW + HOUR)


# --- After a sync ---


@pytest.fixture
def queued(monkeypatch) -> list[int]:
    calls: list[int] = []
    monkeypatch.setattr(tasks.check_ad_account, "delay", lambda ad_account_id, _delivery: calls.append(ad_account_id))
    return calls


@pytest.mark.parametrize(
    ("status", "is_checked"), [("success", True), ("partial", True), ("failed", False), ("cancelled", False)]
)
def test_a_sync_that_stored_something_is_followed_by_a_check(
    queued, status, is_checked, django_capture_on_commit_callbacks
):
    ad_account_id = make_ad_account().pk
    with django_capture_on_commit_callbacks(execute=True):
        sync_finished.send(None, ad_account_id=ad_account_id, run_id=1, status=status)
        assert queued == []
    assert queued == ([ad_account_id] if is_checked else [])
    assert CheckRequest.objects.exists() is is_checked


def test_a_check_that_the_broker_lost_is_queued_again(queued, ad_account):
    check_requests.request_check(ad_account.pk, now=NOW)
    for minutes, expected in ((9, []), (10, [ad_account.pk])):
        with time_machine.travel(NOW + timedelta(minutes=minutes), tick=False):
            tasks.requeue_lost_checks()
        assert queued == expected
    tasks.check_ad_account(ad_account.pk)
    assert tasks.requeue_lost_checks() == {"requeued": 0}


def test_the_timetable_has_an_entry_for_lost_checks(db):
    schedules.schedule_regular_tasks()
    entry = PeriodicTask.objects.get(task=tasks.requeue_lost_checks.name)
    assert (entry.name, entry.interval.every) == ("Queue lost checks again", 10)


def test_the_task_says_what_it_did(ad_account):
    assert tasks.check_ad_account(404) == {"status": "gone"}
    assert tasks.check_ad_account(ad_account.pk) == {"status": "already taken"}, "nobody requested one"
    for one in (never_synced := make_ad_account(), ad_account):
        check_requests.request_check(one.pk, now=NOW)
    assert tasks.check_ad_account(never_synced.pk) == {"status": "never synced"}
    assert tasks.check_ad_account(ad_account.pk)["status"] == "checked"
    assert Finding.objects.exists()


WORLD_NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.mark.django_db(transaction=True)
def test_a_simulated_year_of_a_finding(settings, monkeypatch):
    """Over real HTTP: switched on at LinkedIn, found; switched off, fixed; on again, reopened with its history."""
    monkeypatch.setattr(tasks.check_ad_account, "delay", tasks.check_ad_account)
    options = Options(now=WORLD_NOW, frozen=True, size=WorldSize(ad_accounts=1, dense=True, campaigns_per_account=3))
    with simulated_linkedin(settings, options) as linkedin:
        linkedin.connect()
        [ad_account_id] = linkedin.ad_account_ids

        def sync_after(hours: int, **fields: Any) -> None:
            linkedin.simulator.clock.set(WORLD_NOW + hours * HOUR)
            if fields:
                linkedin.simulator.change("edit", campaign=Campaign.objects.order_by("pk")[0].pk, fields=fields)
            assert linkedin.sync(force=True).status == "success"

        def network() -> Finding:
            first = Campaign.objects.order_by("pk")[0]
            return Finding.objects.get(rule_id="audience_network", campaign=first)

        def is_listed() -> bool:
            """Among the open ones, as whoever opens the page finds them."""
            shown = finding_queries.findings(
                AdAccount.objects.all(), FindingFilter(), today=WORLD_NOW.date(), names_people=True
            )
            return network().pk in {line.id for line in shown.lines}

        sync_after(0)
        assert CheckRun.objects.get().ad_account_id == ad_account_id
        sync_after(1, offsiteDeliveryEnabled=True)
        assert (network().state, network().times_seen) == ("open", 1)
        assert network().money_at_stake > 0
        assert is_listed()
        sync_after(2, offsiteDeliveryEnabled=False)
        assert (network().state, network().fixed_at) == ("fixed", WORLD_NOW + 2 * HOUR)
        assert network().saved == network().money_at_stake
        assert not is_listed()
        sync_after(3, offsiteDeliveryEnabled=True)
        assert (network().state, network().times_seen) == ("open", 2)
        assert notes(network())[-3:] == ["found", "fixed", "came back"]
        assert is_listed()
        # An ad that LinkedIn rejects; then the campaign is paused, and nothing of it is left to do.
        creative = Creative.objects.filter(campaign=network().campaign).order_by("pk")[0]
        linkedin.simulator.change("edit", creative=creative.pk, fields={"review": {"status": "REJECTED"}})
        sync_after(4)
        assert Finding.objects.get(rule_id="held_creative", creative=creative).state == "open"
        linkedin.simulator.change("set_status", campaign=network().campaign_id, status="PAUSED")
        sync_after(5)
        assert set(Finding.objects.filter(campaign=network().campaign).values_list("state", flat=True)) == {"fixed"}


@pytest.mark.django_db(transaction=True)
def test_a_receiver_that_fails_leaves_the_sync_as_it_was(settings, monkeypatch):
    asked: list[int] = []

    def fail(ad_account_id: int, delivery: int) -> None:
        asked.append(ad_account_id)
        raise ConnectionError("the broker is away")

    monkeypatch.setattr(tasks.check_ad_account, "delay", fail)
    options = Options(now=WORLD_NOW, frozen=True, size=WorldSize(ad_accounts=1, campaigns_per_account=1))
    with simulated_linkedin(settings, options) as linkedin:
        linkedin.connect()
        assert linkedin.sync().status == "success"
        assert asked == linkedin.ad_account_ids
    # Pages say that it waits.
    assert list(CheckRequest.objects.values_list("pk", flat=True)) == asked
