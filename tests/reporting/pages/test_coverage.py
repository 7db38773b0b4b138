"""What the head of the report says its figures rest on, and who is offered the sync that fetches the rest."""

import re
from datetime import date, timedelta
from html import unescape
from typing import Any
from urllib.parse import urlencode

import pytest
from django.http import QueryDict
from django.test import Client
from django.utils import timezone

from accounts.models import AdAccount
from accounts.roles import Role
from ingestion.models import CoveredDays, SyncLog
from reporting.pages.coverage import complete_through
from reporting.periods import Period
from reporting.queries.coverage import Coverage
from tests.builders import (
    NOW,
    make_access,
    make_ad_account,
    make_campaign,
    make_campaign_day,
    make_covered_days,
    make_user,
)
from tests.conftest import signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _noon(time_machine: Any) -> None:
    """No test runs through midnight."""
    time_machine.move_to(timezone.now().replace(hour=12, minute=0))


DAY = timedelta(days=1)
TAGS = re.compile(r"<[^>]+>")


def today() -> date:
    return timezone.now().date()


def covered(ad_account: AdAccount, first: int, last: int = 0) -> None:
    """Days ago, both inclusive."""
    now = timezone.now()
    make_covered_days(
        account=ad_account, first_day=now.date() - first * DAY, last_day=now.date() - last * DAY, asked_at=now
    )


def head(browser: Client, **query: Any) -> str:
    """The head of the report as one line of text."""
    part = browser.get("/report/", query, headers={"HX-Request": "true"}).content.decode()
    return " ".join(unescape(TAGS.sub("", part.split('<div id="report-campaigns">')[0])).split())


def link(browser: Client, label: str, **query: Any) -> str:
    part = browser.get("/report/", query, headers={"HX-Request": "true"}).content.decode()
    found = re.search(rf'<a class="link" href="([^"]+)">{label}', part)
    return unescape(found[1]) if found else ""


def test_whole_periods_say_since_when_they_are_stored_and_nothing_else(as_alice: Client) -> None:
    covered(make_ad_account(), 89)
    text = head(as_alice)
    assert f"Stored since {today() - 89 * DAY} · complete through {today() - DAY} · data as of" in text
    assert "No changes are shown" not in text
    assert "fetched" not in text
    assert "Today" not in text


@pytest.mark.parametrize("compare", ["previous", "none"])
def test_days_of_the_period_before_that_were_never_fetched(as_alice: Client, compare: str) -> None:
    ad_account = make_ad_account()
    covered(ad_account, 37)
    text = head(as_alice, compare=compare)
    sentence = (
        f"28 of 30 days of the period before were never fetched ({today() - 65 * DAY} – {today() - 38 * DAY})."
        " No changes are shown."
    )
    assert (sentence in text) is (compare == "previous")
    assert f"Stored since {today() - 37 * DAY}" in text
    plan = link(as_alice, "Plan a sync", compare=compare)
    wanted = {"ad_accounts": ad_account.pk, "first_day": today() - 65 * DAY, "last_day": today() - 38 * DAY}
    assert plan == (f"/sync/plan/?{urlencode(wanted)}" if compare == "previous" else "")


def test_the_ad_accounts_that_lack_days_are_named(as_alice: Client) -> None:
    whole = make_ad_account(name="Whole & sound", currency="USD")
    short = make_ad_account(name="Short & young", currency="EUR")
    covered(whole, 89)
    covered(short, 89, 11)
    covered(short, 9)
    assert f"1 of 30 days of this period was never fetched ({today() - 10 * DAY}; Short & young)." in head(as_alice)
    assert "Changes are left out where days are missing." in head(as_alice)
    assert "No changes are shown." in head(as_alice, ad_account=short.pk)
    assert f"ad_accounts={short.pk}&" in link(as_alice, "Plan a sync")
    assert "fetched" not in head(as_alice, ad_account=whole.pk)


def test_a_day_that_was_fetched_before_it_was_over_is_not_called_never_fetched(as_alice: Client) -> None:
    ad_account = make_ad_account()
    yesterday = timezone.now() - DAY
    make_covered_days(
        account=ad_account, first_day=yesterday.date() - 90 * DAY, last_day=yesterday.date(), asked_at=yesterday
    )
    assert f"1 of 30 days of this period was not fetched in full ({yesterday.date()})." in head(as_alice)


def test_a_period_that_includes_today_leads_to_the_whole_days_of_it(as_alice: Client) -> None:
    covered(make_ad_account(), 89)
    days = {"period": "custom", "first_day": today() - 6 * DAY, "last_day": today()}
    assert "Today is not over: changes are worked out for whole days only." in head(as_alice, **days)
    assert "never fetched" not in head(as_alice, **days)
    address = link(as_alice, "Show the same days through yesterday", **days, by="week")
    for part in (
        "by=week",
        f"first_day={today() - 6 * DAY}",
        f"last_day={today()}",
        "period=custom",
        "without_today=1",
    ):
        assert part in address
    assert "Today is not over" not in head(as_alice, **days | {"last_day": today() - DAY})
    assert not link(as_alice, "Show the same days", **days | {"first_day": today()})


@pytest.mark.parametrize("role", Role.values)
def test_only_people_who_may_sync_are_offered_the_plan(role: str) -> None:
    ad_account = make_ad_account()
    covered(ad_account, 37)
    person = make_user(role=role)
    make_access(user=person, ad_account=ad_account)
    browser = signed_in(person)
    plan = link(browser, "Plan a sync")
    assert bool(plan) is (role in {Role.OWNER, Role.MANAGER})
    assert ("Ask an owner or a manager to sync these days." in head(browser)) is not bool(plan)
    if plan:
        page = browser.get(plan).content.decode()
        assert "Start 1 sync" in page
        assert f'name="first_day" value="{today() - 65 * DAY}"' in page
        assert f'name="last_day" value="{today() - 38 * DAY}"' in page
        assert not SyncLog.objects.exists()
    else:
        assert browser.get(f"/sync/plan/?ad_accounts={ad_account.pk}").status_code == 403


def test_a_plan_of_somebody_elses_ad_account_is_refused() -> None:
    browser = signed_in(make_user(role=Role.MANAGER))
    response = browser.get("/sync/plan/?ad_accounts=1&first_day=2026-11-01&last_day=2026-11-02")
    assert response.status_code == 400
    assert "There is no such ad account, or it is not shared with you" in response.content.decode()


# --- Nothing to show, and why ---

TRY_OTHERS = "Try other dates, ad accounts or campaigns."


def empties(browser: Client, **query: Any) -> set[str]:
    names = ("key-figures", "trend", "campaigns", "spend", "funnel", "engagement", "creatives")
    found = [browser.get(f"/report/sections/{name}/", query).json() for name in names]
    assert not any(one["blocks"] for one in found)
    return {f"{one['empty']} {one['remedy']}" for one in found}


def test_without_ad_accounts(as_charlie: Client) -> None:
    assert empties(as_charlie) == {"There are no ad accounts to report on. Ask an owner to share one with you."}
    assert "never fetched" not in head(as_charlie)


def test_of_an_ad_account_that_was_never_synced(as_alice: Client) -> None:
    make_ad_account()
    assert empties(as_alice) == {"Nothing is stored for this period. Choose other dates, or have these synced."}
    text = head(as_alice)
    assert "1 of 1 ad account has never been synced and is not included." in text
    assert "data as of" not in text


def test_an_ad_account_that_was_never_synced_leaves_the_figures_of_the_others_whole(as_alice: Client) -> None:
    covered(make_ad_account(), 89)
    make_ad_account(name="Just found")
    text = head(as_alice)
    assert "1 of 2 ad accounts has never been synced and is not included." in text
    assert "No changes are shown" not in text


def test_no_activity_differs_from_nothing_stored(as_alice: Client) -> None:
    ad_account = make_ad_account()
    covered(ad_account, 89)
    make_campaign_day(campaign=make_campaign(account=ad_account), date=today() - 80 * DAY)
    assert empties(as_alice) == {f"No activity in this period. {TRY_OTHERS}"}
    assert f"No activity in this period. There is activity from {today() - 80 * DAY}" in head(as_alice)
    days = {"period": "custom", "first_day": today() - 200 * DAY, "last_day": today() - 190 * DAY}
    assert empties(as_alice, **days) == {"Nothing is stored for this period. Choose other dates, or have these synced."}
    text = head(as_alice, **days)
    assert "Nothing is stored for this period. Plan a sync of these days There is activity from" in text
    assert "never fetched" not in text
    partly = {"period": "custom", "first_day": today() - 100 * DAY, "last_day": today() - 85 * DAY}
    assert empties(as_alice, **partly) == {f"No activity on the days that are stored. {TRY_OTHERS}"}


# --- Days that lie ahead ---


def test_a_period_that_lies_ahead_says_so_and_nothing_is_missing_of_it(as_alice: Client) -> None:
    covered(make_ad_account(), 10)
    days = {"period": "custom", "first_day": today() + DAY, "last_day": today() + 30 * DAY}
    text = head(as_alice, **days)
    assert f"This period lies ahead: it begins on {today() + DAY}, and today is {today()}." in text
    for wrong in ("fetched", "Nothing is stored", "Today is not over", "Plan a sync"):
        assert wrong not in text
    assert empties(as_alice, **days) == {"This period lies ahead. Choose days that have come."}


def test_the_rest_of_a_period_lies_ahead(as_alice: Client) -> None:
    account = make_ad_account()
    covered(account, 89)
    make_campaign_day(campaign=make_campaign(account=account), date=today() - DAY)
    days: Any = {"period": "custom", "first_day": today() - 2 * DAY, "last_day": today() + 3 * DAY}
    text = head(as_alice, **days)
    assert "Today is not over, and the days after it lie ahead: changes are worked out for whole days only." in text
    assert "fetched" not in text
    [block] = as_alice.get("/report/sections/trend/", days | {"compare": "none"}).json()["blocks"]
    assert block["table"]["why_empty"] == ["", "", "", "Lies ahead", "Lies ahead", "Lies ahead"]
    assert block["note"] == "Nothing is drawn for days that lie ahead."
    [weeks] = as_alice.get("/report/sections/trend/", days | {"compare": "none", "by": "month"}).json()["blocks"]
    assert {one for one in weeks["table"]["why_empty"] if one} <= {"Some of the days lie ahead", "Lies ahead"}


def test_missing_days_are_counted_among_those_that_have_come(as_alice: Client) -> None:
    covered(make_ad_account(), 0)
    days = {"period": "custom", "first_day": today() - 4 * DAY, "last_day": today() + 30 * DAY}
    assert "4 of 5 days of this period were never fetched" in head(as_alice, **days)


# --- The same days without today ---


@pytest.mark.parametrize("period", ["this_month", "this_quarter", "year_to_date", "custom", "ahead"])
def test_leaving_out_today_keeps_the_comparison(as_alice: Client, time_machine: Any, period: str) -> None:
    """It compared other days: as many as early as whole weeks allow, whatever had been chosen."""
    time_machine.move_to(NOW)
    covered(make_ad_account(), 400)
    asked: dict[str, Any] = {"period": period}
    if period in {"custom", "ahead"}:
        end = today() + (20 * DAY if period == "ahead" else 0 * DAY)
        asked = {"period": "custom", "first_day": today() - 28 * DAY, "last_day": end}
    before = compared(head(as_alice, **asked))
    href = link(as_alice, "Show the same days through yesterday", **asked)
    after = compared(head(as_alice, **QueryDict(href.partition("?")[2]).dict()))
    assert after[1] == today() - DAY
    assert (after[0], after[2]) == (before[0], before[2])
    assert after[3] - after[2] == after[1] - after[0]
    assert "Today is not over" not in head(as_alice, **QueryDict(href.partition("?")[2]).dict())


def compared(text: str) -> list[date]:
    """First and last day of the period and of the one that it is compared with."""
    found = re.search(r"(\S+) – (\S+) compared with (\S+) – (\S+)", text)
    assert found, text
    return [date.fromisoformat(one) for one in found.groups()]


def test_no_day_is_left_without_today(as_alice: Client) -> None:
    only_today: Any = {"period": "custom", "first_day": today(), "last_day": today()}
    covered(make_ad_account(), 10)
    assert not link(as_alice, "Show the same days through yesterday", **only_today)
    answer = as_alice.get("/report/", only_today | {"without_today": "1"})
    assert answer.status_code == 400
    assert "No day of this period is over" in answer.content.decode()


def test_the_days_between_two_compared_periods_are_explained(as_alice: Client, time_machine: Any) -> None:
    time_machine.move_to(NOW)
    covered(make_ad_account(), 400)
    assert "(35 days earlier, so that the weekdays are the same)" in head(as_alice)
    assert "(the same days of the month before)" in head(as_alice, period="this_month")
    assert "earlier" not in head(as_alice, period="last_month")
    assert "earlier" not in head(as_alice, period="last_7_days")


# --- Complete through ---


@pytest.mark.parametrize(
    ("known", "since", "complete", "through"),
    [
        ("2026-11-19", "2026-01-01", ("2026-11-01", "2026-11-19"), "2026-11-19"),
        # A gap in the middle, on the first day, and everywhere.
        ("2026-11-19", "2026-01-01", ("2026-11-01", "2026-11-09"), "2026-11-09"),
        ("2026-11-19", "2026-01-01", ("2026-11-02", "2026-11-19"), "2026-10-31"),
        ("2026-11-19", "2026-01-01", None, "2026-10-31"),
        # Days before the first sync are not a gap.
        ("2026-11-19", "2026-11-12", ("2026-11-12", "2026-11-19"), "2026-11-19"),
        ("2026-11-19", "2026-11-20", None, "2026-11-19"),
        ("2026-10-03", "2026-01-01", None, "2026-10-03"),
    ],
)
def test_complete_through_stops_before_the_first_day_that_is_not(
    known: str, since: str, complete: tuple[str, str] | None, through: str
) -> None:
    ranges = ((date.fromisoformat(complete[0]), date.fromisoformat(complete[1])),) if complete else ()
    period = Period(date(2026, 11, 1), date(2026, 11, 19))
    lately = Coverage(period=period, complete=ranges, stored_since=date.fromisoformat(since))
    assert complete_through(date.fromisoformat(known), lately) == date.fromisoformat(through)


def test_a_pivot_that_linkedin_no_longer_sends_has_its_own_line(as_alice: Client) -> None:
    ad_account = make_ad_account()
    covered(ad_account, 89)
    stale = CoveredDays.objects.filter(account=ad_account, pivot_type__in=["job_title", "company"])
    since = timezone.now() - 16 * DAY
    stale.update(asked_at=since)
    sentence = f"LinkedIn has sent no demographics by job title, company since {since:%Y-%m-%d}"
    notes = as_alice.get("/report/sections/demographics/").json()["notes"]
    assert [note for note in notes if note.startswith(sentence)]
    assert f"complete through {today() - DAY}" in head(as_alice)
    stale.delete()
    notes = as_alice.get("/report/sections/demographics/").json()["notes"]
    assert [note for note in notes if note.startswith("LinkedIn has sent no demographics by job title, company so far")]


@pytest.mark.parametrize("role", [Role.OWNER, Role.VIEWER])
def test_nobody_is_asked_for_days_that_linkedin_no_longer_keeps(role: str) -> None:
    ad_account = make_ad_account()
    covered(ad_account, 37)
    person = make_user(role=role)
    make_access(user=person, ad_account=ad_account)
    text = head(signed_in(person), period="custom", first_day="2010-01-01", last_day="2010-02-01")
    assert "LinkedIn keeps ten years, so these days cannot all be fetched." in text
    assert "Ask an owner" not in text
