"""The Action center's page: who sees and changes what, filters, empty states, bulk, CSV, bad input."""

import csv
import io
import re
from datetime import timedelta
from decimal import Decimal
from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import AdAccount, AuditEvent, User
from accounts.roles import Role
from ingestion.processes import work_requests
from reporting import tasks
from reporting.models import CheckRequest, CheckRun, CheckThresholds, Finding
from tests.builders import NOW, make_ad_account, make_campaign, make_creative, make_finding, make_sync_run, make_user
from tests.conftest import signed_in

pytestmark = pytest.mark.django_db


def make_check_run(ad_account: AdAccount, **changes: Any) -> CheckRun:
    values = {"as_of": NOW, "judged_at": NOW, "campaigns": 3, "found": 1}
    return CheckRun.objects.create(ad_account=ad_account, **values | changes)


@pytest.fixture
def analyst() -> User:
    return make_user(email="ana@example.com", first_name="Ana", role=Role.ANALYST)


@pytest.fixture
def as_analyst(analyst) -> Client:
    return signed_in(analyst)


def text(browser: Client, query: str = "") -> str:
    answer = browser.get(f"/actions/{query}")
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def change(browser: Client, do: str, *rows: Finding, **fields: Any) -> Any:
    return browser.post("/actions/change/", {"finding": [one.pk for one in rows], "do": do} | fields, follow=True)


def test_a_finding_is_shown_whole(as_analyst):
    creative = make_creative(campaign=make_campaign(name="<b>Spring</b>"))
    one = make_finding(campaign=creative.campaign, creative=creative, times_seen=2)
    page = text(as_analyst)
    assert "&lt;b&gt;Spring&lt;/b&gt; also runs on LinkedIn Audience Network." in page
    assert "<b>Spring" not in page
    assert "1,234.50 EUR" in page
    assert "Spend in 30 days" in page
    assert "Clicks from other sites and apps are cheap" in page
    assert "clear “LinkedIn Audience Network” and save" in page
    assert "seen 2 times" in page
    # Once on the page, not in every remedy.
    assert page.count("Campaign Manager calls campaigns “ad sets”") == 1
    assert f'href="/admin/ingestion/campaign/{one.campaign_id}/change/"' in page
    link = f"/admin/ingestion/creative/urn_3Ali_3AsponsoredCreative_3A{creative.pk.rpartition(':')[2]}/change/"
    assert f'href="{link}"' in page
    assert as_analyst.get(link).status_code == 200


def test_amounts_in_different_currencies_are_not_compared(as_analyst):
    """Those of one currency stay together, highest first; those without an amount are last."""
    for sentence, currency, amount in (
        ("fifth", "EUR", None),
        ("third", "JPY", 90_000),
        ("second", "EUR", 1),
        ("fourth", "JPY", 8),
        ("first", "EUR", 70),
    ):
        make_finding(sentence=sentence, currency=currency, money_at_stake=amount)
    page = text(as_analyst)
    places = [page.index(f">{word}</h3>") for word in ("first", "second", "third", "fourth", "fifth")]
    assert places == sorted(places)


def test_the_most_severe_then_the_highest_amount_come_first(as_analyst):
    make_finding(sentence="third", money_at_stake=5)
    make_finding(sentence="second", money_at_stake=50)
    make_finding(sentence="first", severity="critical", rule_id="no_impressions", money_at_stake=None)
    make_finding(sentence="fourth", severity="notice", rule_id="end_near", money_at_stake=500)
    page = text(as_analyst)
    places = [page.index(f">{word}</h3>") for word in ("first", "second", "third", "fourth")]
    assert places == sorted(places)


def test_money_of_one_campaign_counts_once_and_currencies_are_apart(as_analyst):
    campaign = make_campaign()
    make_finding(campaign=campaign, money_at_stake=Decimal(100))
    make_finding(campaign=campaign, rule_id="audience_expansion", money_at_stake=Decimal(70))
    make_finding(money_at_stake=Decimal(11))
    make_finding(money_at_stake=Decimal(9), currency="USD")
    page = text(as_analyst)
    assert "111.00 EUR" in page
    assert "9.00 USD" in page


def test_the_total_says_what_it_is(as_analyst):
    make_finding()
    page = text(as_analyst)
    assert "<h2>Spend concerned, last 30 days</h2>" in page
    assert "each counted once: the spend to look at, not money lost." in page
    assert '<span class="subtle">spent in 30 days</span>' in page
    assert "at stake" not in page.lower()


def test_words_of_linkedin_are_campaign_managers(as_analyst):
    words = [
        {"label": "Review status", "value": "NEEDS_REVIEW", "unit": "word"},
        {"label": "Optimization target", "value": "MAX_LEAD", "unit": "word"},
        {"label": "Hold reasons", "value": "FORM_HOLD, PROCESSING", "unit": "word"},
    ]
    make_finding(evidence=words)
    page, file = text(as_analyst), as_analyst.get("/actions/findings.csv").getvalue().decode()
    for shown in ("In review", "Maximum delivery: leads", "Lead form on hold, Processing"):
        assert f"<dd>{shown}</dd>" in page
        assert shown in file
    for raw in ("NEEDS_REVIEW", "MAX_LEAD", "FORM_HOLD"):
        assert raw not in page + file


@pytest.mark.parametrize(("rule_id", "leads_to"), [("budget_under_pace", "#budgets"), ("low_ctr", '"')])
def test_a_finding_leads_to_the_figures_of_its_campaign(as_analyst, rule_id, leads_to):
    """One that speaks of the plan leads to plan and spend."""
    one = make_finding(rule_id=rule_id)
    assert f'href="/report/?campaign={one.campaign_id}{leads_to}' in text(as_analyst)
    assert as_analyst.get(f"/report/?campaign={one.campaign_id}").status_code == 200


@pytest.mark.parametrize("role", [Role.MANAGER, Role.ANALYST])
def test_what_was_not_checked_leads_to_the_plan_of_the_sync_that_helps(role):
    ad_account, since = make_ad_account(), timezone.now().date() - timedelta(days=20)
    line = {"rule": "low_ctr", "reason": f"Some days since {since} are not stored; sync from that day on.", "count": 0}
    make_check_run(ad_account, unjudged=[line | {"since": str(since)}])
    make_check_run(make_ad_account(), unjudged=[{"rule": "low_ctr", "reason": "LinkedIn sent no type.", "count": 1}])
    browser = signed_in(make_user(role=role))
    page = text(browser)
    assert f'<time class="day" datetime="{since}">{since}</time>' in page
    found = re.findall(r'href="(/sync/plan/[^"]+)"', page)
    assert len(found) == (role is Role.MANAGER)
    for address in found:
        assert f"ad_accounts={ad_account.pk}&amp;first_day={since}" in address
        assert browser.get(unescape(address)).status_code == 200


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("", {"plain", "critical", "mine"}),
        ("?severity=critical", {"critical"}),
        ("?rule=no_impressions", {"critical"}),
        ("?state=all", {"plain", "critical", "mine", "sleeping", "fine", "done"}),
        ("?state=snoozed", {"sleeping"}),
        ("?state=accepted", {"fine"}),
        ("?state=fixed", {"done"}),
        ("?assignee=me", {"mine"}),
        ("?assignee=nobody", {"plain", "critical"}),
        ("?assignee={analyst}", {"mine"}),
        ("?ad_account={ad_account}", {"critical"}),
        ("?ad_account={ad_account}&severity=warning", set()),
    ],
)
def test_the_address_narrows_the_list(as_analyst, analyst, query, shown):
    soon = timezone.now().date() + timedelta(days=2)
    ad_account = make_ad_account()
    make_check_run(ad_account)
    make_finding(sentence="plain")
    make_finding(sentence="critical", severity="critical", rule_id="no_impressions", ad_account=ad_account)
    make_finding(sentence="mine", assigned_to=analyst)
    make_finding(sentence="sleeping", state="snoozed", snoozed_until=soon)
    make_finding(sentence="fine", state="accepted", accepted_reason="Known.", accepted_weight=1)
    make_finding(sentence="done", state="fixed", fixed_at=NOW, saved=7)
    page = text(as_analyst, query.format(analyst=analyst.pk, ad_account=ad_account.pk))
    found = {word for word in ("plain", "critical", "mine", "sleeping", "fine", "done") if f">{word}</h3>" in page}
    assert found == shown
    assert shown or "No findings match this filter" in page


@pytest.mark.parametrize(
    ("query", "status", "sentence"),
    [
        ("?ad_account=x", 400, ". Not a valid id; give a whole number."),
        ("?ad_account=99999999999999999999999", 400, "Not a valid id"),
        ("?ad_account=404", 404, "There is no such ad account, or you may not see it."),
        ("?rule=x", 400, "There is no “x”; choose one of"),
        ("?severity=x", 400, "choose one of critical"),
        ("?state=x", 400, "choose one of open"),
        ("?assignee=x", 400, "Not a valid id"),
        ("?assignee=404", 404, "no such person"),
        ("?states=open", 400, "Unknown parameter “states”"),
        ("?state=open&state=fixed", 400, "Give “state” once."),
        ("?page=x", 400, "Give a whole number"),
        ("?page=0", 400, "Give a whole number"),
        ("?page=99999999999999999999", 400, "Give a whole number"),
        ("?page=²", 400, "Give a whole number"),
        ("?page=99999", 404, "There is no page 99999"),
    ],
)
def test_an_address_that_asks_for_what_is_not_there_is_refused(as_analyst, query, status, sentence):
    make_finding(sentence="A finding")
    answer = as_analyst.get(f"/actions/{query}")
    page = answer.content.decode()
    assert answer.status_code == status
    assert sentence in page
    assert 'href="/actions/"' in page
    assert "A finding" not in page
    file = as_analyst.get(f"/actions/findings.csv{query}")
    assert file.status_code == (400 if "page" in query else status)
    assert not AuditEvent.objects.exists()


def test_the_list_has_pages_and_a_bounded_number_of_queries(as_analyst, django_assert_max_num_queries):
    ad_account = make_ad_account()
    for _ in range(26):
        make_finding(ad_account=ad_account)
    with django_assert_max_num_queries(20):
        page = text(as_analyst)
    assert page.count("</h3>") == 25
    assert "page=2" in page
    assert text(as_analyst, "?page=2").count("</h3>") == 1


def test_counts_follow_the_filter_but_not_their_own(as_analyst):
    make_finding()
    make_finding(severity="critical", rule_id="no_impressions")
    assert "Show all severities" in text(as_analyst, "?severity=critical")
    counts = as_analyst.get("/actions/?severity=critical").context["counts"]
    assert [(severity, count) for severity, count, _ in counts] == [("critical", 1), ("warning", 1), ("notice", 0)]


# --- Empty states ---


def test_without_an_ad_account(as_analyst):
    assert "No ad accounts yet" in text(as_analyst)


def test_without_data(as_analyst):
    make_ad_account()
    assert "No data yet" in text(as_analyst)


def test_with_data_that_nobody_checked(as_analyst):
    make_sync_run(account=make_ad_account())
    assert "Not checked yet" in text(as_analyst)


def test_checked_and_nothing_found_says_what_was_not_checked(as_analyst):
    unjudged = [{"rule": "low_ctr", "reason": "LinkedIn sent no campaign type.", "count": 2}]
    make_check_run(make_ad_account(name="Checked"), unjudged=unjudged)
    make_sync_run(account=make_ad_account())
    page = text(as_analyst)
    assert "No open findings" in page
    assert "Not checked" in page
    assert "sent no campaign type" in page
    assert "2</data> items" in page
    assert "1</data> ad account is waiting for the next sync" in page


# --- Who may ---


def test_a_viewer_sees_the_findings_of_granted_ad_accounts_and_no_button(as_bob, bobs_ad_account):
    own = make_finding(ad_account=bobs_ad_account, sentence="Bob's own")
    make_finding(sentence="Somebody else's")
    make_check_run(make_ad_account(), unjudged=[{"rule": "low_ctr", "reason": "Secret reason.", "count": 1}])
    page = text(as_bob, "?state=all")
    assert "Bob&#x27;s own" in page
    assert "Somebody else" not in page
    assert "Secret reason" not in page
    assert "Assign to me" not in page
    assert change(as_bob, "assign_me", own).status_code == 403
    lines = b"".join(as_bob.get("/actions/findings.csv?state=all").streaming_content)
    assert b"Somebody else" not in lines


@pytest.mark.parametrize("role", [Role.ANALYST, Role.MANAGER, Role.OWNER])
def test_the_others_may_change_findings(role):
    person = make_user(role=role)
    one = make_finding()
    assert change(signed_in(person), "assign_me", one).status_code == 200
    one.refresh_from_db()
    assert one.assigned_to == person


# --- Changing ---


def test_assigning_to_somebody_else_and_to_nobody(as_analyst, alice):
    one = make_finding()
    assert "1 finding assigned to Alice." in change(as_analyst, "assign", one, assignee=alice.pk).content.decode()
    one.refresh_from_db()
    assert one.assigned_to == alice
    change(as_analyst, "assign", one, assignee="nobody")
    one.refresh_from_db()
    assert one.assigned_to is None


@pytest.mark.parametrize(("do", "days"), [("snooze_week", 7), ("snooze_month", 30)])
def test_snoozing(as_analyst, do, days):
    one = make_finding()
    until = timezone.now().date() + timedelta(days=days)
    shown = f'1 finding snoozed until <time class="day" datetime="{until}">{until}</time>.'
    assert shown in change(as_analyst, do, one).content.decode()
    one.refresh_from_db()
    assert (one.state, one.snoozed_until) == ("snoozed", until)


def test_snoozing_until_a_day_accepting_and_reopening(as_analyst):
    one = make_finding()
    until = timezone.now().date() + timedelta(days=3)
    change(as_analyst, "snooze", one, until=until.isoformat())
    one.refresh_from_db()
    assert one.snoozed_until == until
    change(as_analyst, "accept", one, reason="The client <wants> it.")
    assert "Accepted: The client &lt;wants&gt; it." in text(as_analyst, "?state=accepted")
    change(as_analyst, "reopen", one)
    one.refresh_from_db()
    assert (one.state, one.accepted_reason) == ("open", None)


def test_several_at_once_and_back_to_the_same_list(as_analyst):
    rows = [make_finding(), make_finding(), make_finding()]
    answer = change(as_analyst, "snooze_week", *rows[:2], back="severity=warning&evil=//example.com")
    assert "2 findings snoozed" in answer.content.decode()
    where = answer.redirect_chain[-1][0]
    assert where.startswith("/actions/?")
    assert "severity=warning" in where
    assert "evil" not in where
    assert Finding.objects.filter(state="snoozed").count() == 2
    assert AuditEvent.objects.filter(kind="finding_changed").count() == 2


@pytest.mark.parametrize(
    ("do", "fields", "sentence"),
    [
        ("snooze", {"until": "soon"}, "Choose a day to snooze until"),
        ("snooze", {}, "Choose a day to snooze until"),
        ("snooze", {"until": "2020-01-01"}, "Choose a day after today"),
        ("accept", {"reason": "  "}, "Give a reason"),
        ("assign", {"assignee": "404"}, "Choose a person from the list"),
        ("assign", {"assignee": "x"}, "Choose a person from the list"),
        ("assign", {}, "Choose a person from the list"),
        ("explode", {}, "Choose an action"),
        ("", {}, "Choose an action"),
    ],
)
def test_bad_input_is_explained_and_changes_nothing(as_analyst, do, fields, sentence):
    one = make_finding()
    answer = change(as_analyst, do, one, **fields)
    assert answer.status_code == 400
    assert sentence in answer.content.decode()
    one.refresh_from_db()
    assert (one.state, one.history) == ("open", [])


@pytest.mark.parametrize(
    ("sent", "sentence"),
    [([], "Select at least one finding"), (["x"], "not in the list"), (["9" * 30], "not in the list"),
     (["1"] * 51, "not in the list")],
)  # fmt: skip
def test_findings_that_are_none(as_analyst, sent, sentence):
    answer = as_analyst.post("/actions/change/", {"do": "assign_me", "finding": sent})
    assert answer.status_code == 400
    assert sentence in answer.content.decode()


def test_a_viewer_or_somebody_gone_takes_no_finding(as_analyst, bob):
    one = make_finding()
    assert change(as_analyst, "assign", one, assignee=bob.pk).status_code == 400
    gone = make_user(role=Role.ANALYST, is_active=False)
    assert change(as_analyst, "assign", one, assignee=gone.pk).status_code == 400


def test_a_finding_that_is_gone_is_said(as_analyst):
    answer = as_analyst.post("/actions/change/", {"do": "assign_me", "finding": ["404"]}, follow=True)
    assert "Nothing changed" in answer.content.decode()


def test_the_list_as_csv_is_recorded_and_holds_no_formula(as_analyst):
    make_finding(campaign=make_campaign(name="=1+1"), sentence="=1+1 runs")
    make_finding(state="fixed", fixed_at=NOW)
    answer = as_analyst.get("/actions/findings.csv?state=open")
    body = b"".join(answer.streaming_content).decode()
    [row] = csv.DictReader(io.StringIO(body))
    assert (row["rule_id"], row["money_at_stake"], row["currency"]) == ("audience_network", "1234.5000000000", "EUR")
    assert (row["campaign_name"], row["sentence"]) == ("'=1+1", "'=1+1 runs")
    assert row["evidence"] == "Spend in 30 days: 1234.50"
    event = AuditEvent.objects.get(kind="exported")
    assert (event.actor_email, event.detail["what"]) == ("ana@example.com", "findings")


# --- Check now ---


def check_now(browser: Client, **fields: str) -> Any:
    return browser.post("/actions/judge/", fields, follow=True)


@pytest.fixture
def queued(monkeypatch) -> list[int]:
    calls: list[int] = []
    monkeypatch.setattr(tasks.check_ad_account, "delay", lambda ad_account_id, _delivery: calls.append(ad_account_id))
    return calls


def test_check_now_is_requested_watched_and_done(as_analyst, analyst, queued, django_capture_on_commit_callbacks):
    first, second, _never_synced = (make_ad_account() for _ in range(3))
    for one in (first, second):
        make_sync_run(account=one)
    assert "Check now" in text(as_analyst)
    assert 'hx-get="/actions/judging/' not in text(as_analyst)
    with django_capture_on_commit_callbacks(execute=True):
        page = " ".join(check_now(as_analyst).content.decode().split())
    assert queued == [first.pk, second.pk]
    assert "0 of 2" in page
    assert (
        'hx-get="/actions/judging/?ad_account=&amp;rule=&amp;severity=&amp;state=open&amp;assignee=&amp;of=2"' in page
    )
    trail = AuditEvent.objects.filter(kind="audit_started_by_hand")
    assert set(trail.values_list("ad_account_id", "actor_email")) == {
        (one.pk, analyst.email) for one in (first, second)
    }
    tasks.check_ad_account(first.pk)
    half = as_analyst.get("/actions/judging/?of=2").content.decode()
    assert ">1 of 2</progress>" in half
    assert 'hx-trigger="every 2s"' in half
    tasks.check_ad_account(second.pk)
    done = as_analyst.get("/actions/judging/?of=2&severity=critical").content.decode()
    assert "rechecked" in done
    assert "hx-get" not in done
    assert 'href="/actions/?ad_account=&amp;rule=&amp;severity=critical&amp;state=open&amp;assignee="' in done


def test_check_now_keeps_to_the_filter_and_leads_back_to_it(as_analyst, queued, django_capture_on_commit_callbacks):
    first, second = make_ad_account(), make_ad_account()
    for one in (first, second):
        make_sync_run(account=one)
    back = f"ad_account={second.pk}&severity=critical"
    with django_capture_on_commit_callbacks(execute=True):
        answer = check_now(as_analyst, back=f"{back}&state=open&next=https://evil.example")
    assert queued == [second.pk]
    [(where, _)] = answer.redirect_chain
    assert where == f"/actions/?ad_account={second.pk}&rule=&severity=critical&state=open&assignee="
    # Another's waiting is not shown where the list is narrowed to this one.
    tasks.check_ad_account(second.pk)
    CheckRequest.objects.create(ad_account=first, asked_at=NOW)
    assert "hx-get" not in as_analyst.get(f"/actions/judging/?{back}").content.decode()


def test_without_data_there_is_nothing_to_check(as_analyst, queued):
    make_ad_account()
    assert "Check now" not in text(as_analyst)
    assert "the first sync brings the data" in check_now(as_analyst).content.decode()
    assert not CheckRequest.objects.exists()


def test_viewers_watch_their_own_and_start_nothing(as_bob, bobs_ad_account):
    other = make_ad_account()
    for one in (bobs_ad_account, other):
        make_sync_run(account=one)
        CheckRequest.objects.create(ad_account=one, asked_at=NOW)
    page = text(as_bob)
    assert "Check now" not in page
    assert "0 of 1" in page
    assert as_bob.post("/actions/judge/").status_code == 403


def test_a_check_that_fails_every_time_says_so(as_analyst, queued):
    """Also where the page has waited for it: it is not counted as checked."""
    ad_account = make_ad_account(name="Odd")
    make_sync_run(account=ad_account)
    request = CheckRequest.objects.create(ad_account=ad_account, asked_at=NOW, delivery=2, state="running")
    for tries in range(3):
        request.tries = tries
        work_requests.fail_try(request, now=NOW)
        request.refresh_from_db()
    watched = as_analyst.get("/actions/judging/?of=1").content.decode()
    for page in (text(as_analyst), watched):
        assert "not checked" in page
        assert "Odd" in page
        assert "failed 3 times" in page
        assert "Check now to try again" in page
        assert 'hx-get="/actions/judging/' not in page
    assert "rechecked" not in watched
    status = as_analyst.get(f"/api/v1/ad-accounts/{ad_account.pk}/audit").json()
    assert status["waiting_since"] is None
    assert "failed 3 times" in status["trouble"]
    check_now(as_analyst)
    assert "0 of 1" in text(as_analyst)
    assert "failed 3 times" not in text(as_analyst)


@pytest.mark.parametrize("of", ["x", "-1", "²", "9" * 30])
def test_nonsense_about_how_many_there_were_is_refused(as_analyst, of):
    assert as_analyst.get("/actions/judging/", {"of": of}).status_code == 400


# --- Around it ---


def test_the_overview_counts_what_is_open(as_analyst):
    make_finding()
    make_finding(severity="critical", rule_id="no_impressions")
    make_finding(state="fixed", fixed_at=NOW)
    page = " ".join(as_analyst.get("/admin/").content.decode().split())
    assert 'href="/actions/?severity=critical"' in page
    assert ">1</data> critical" in page
    assert ">1</data> warning" in page
    assert ">0</data> notice" in page


def test_thresholds_are_edited_recorded_and_checked_again(queued, django_capture_on_commit_callbacks):
    ad_account = make_ad_account()
    browser = signed_in(make_user(email="mia@example.com", role=Role.MANAGER))
    with django_capture_on_commit_callbacks(execute=True):
        answer = browser.post(
            "/admin/reporting/checkthresholds/add/", {"ad_account": ad_account.pk, "ctr_percent": "0.3"}
        )
    assert answer.status_code == 302
    assert (
        f'href="/actions/?ad_account={ad_account.pk}">The Action center</a>' in browser.get("/admin/").content.decode()
    )
    assert CheckThresholds.objects.get().ctr_percent == Decimal("0.3")
    assert queued == [ad_account.pk]
    event = AuditEvent.objects.get(kind="thresholds_changed")
    assert (event.detail["change"], event.detail["changed"]) == ("added", ["ctr_percent"])
    bad = browser.post(f"/admin/reporting/checkthresholds/{ad_account.pk}/change/", {"window_days": "0"})
    assert "greater than or equal to 1" in bad.content.decode()
    with django_capture_on_commit_callbacks(execute=True):
        browser.post(f"/admin/reporting/checkthresholds/{ad_account.pk}/delete/", {"post": "yes"})
    assert not CheckThresholds.objects.exists()
    assert queued == [ad_account.pk] * 2


@pytest.mark.parametrize("rest", ["", "add/", "7/change/?_changelist_filters=q%3Dx"])
def test_the_former_address_of_the_thresholds_leads_to_the_present_one(rest):
    answer = Client().get(f"/admin/reporting/auditthresholds/{rest}")
    assert (answer.status_code, answer["Location"]) == (308, f"/admin/reporting/checkthresholds/{rest}")


def test_a_form_that_was_open_under_the_former_address_is_still_saved():
    ad_account = make_ad_account()
    browser = signed_in(make_user(email="mia@example.com", role=Role.MANAGER))
    form = {"ad_account": ad_account.pk, "ctr_percent": "0.3"}
    answer = browser.post("/admin/reporting/auditthresholds/add/", form, follow=True)
    assert answer.status_code == 200
    assert CheckThresholds.objects.get().ctr_percent == Decimal("0.3")
