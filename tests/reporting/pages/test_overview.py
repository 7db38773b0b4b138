"""The first page: three steps where nothing is set up, then spend, how recent the data is, what needs a person."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from reporting.pages.sparkline import sparkline
from tests.builders import (
    cover_every_ad_account,
    make_ad_account,
    make_campaign,
    make_campaign_day,
    make_connection,
    make_role,
    make_sync_run,
    make_user,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def app(settings):
    settings.LINKEDIN_CLIENT_ID, settings.LINKEDIN_CLIENT_SECRET = "app", "secret"


def text(browser) -> str:
    answer = browser.get("/admin/")
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def test_an_empty_installation_shows_three_steps(as_alice, settings):
    settings.LINKEDIN_CLIENT_ID = ""
    page = text(as_alice)
    assert "Three steps to get started" in page
    assert "LINKEDIN_CLIENT_ID and LINKEDIN_CLIENT_SECRET" in page
    assert "Needs attention" not in page


def test_the_second_step_is_a_button_away(as_alice, app):
    page = text(as_alice)
    assert page.count(">done<") == 1
    assert 'href="/linkedin/connect/"' in page


def test_an_analyst_is_told_whom_to_ask(as_charlie, app):
    assert "Ask an owner or a manager to connect LinkedIn" in text(as_charlie)


def test_after_the_first_sync_the_steps_are_gone(as_alice, app):
    role = make_role()
    make_sync_run(account=role.ad_account)
    page = text(as_alice)
    assert "Three steps" not in page
    assert "Syncs and consents are fine" in page


def test_spend_is_shown_per_currency_against_the_same_weekdays_before(as_alice, app):
    yesterday = timezone.now().date() - timedelta(days=1)
    for currency, spend in (("EUR", 1234), ("USD", 99)):
        campaign = make_campaign(account=make_ad_account(currency=currency))
        make_campaign_day(campaign=campaign, date=yesterday, spend=Decimal(spend))
        make_campaign_day(campaign=campaign, date=yesterday - timedelta(days=35), spend=Decimal(spend * 2))
        make_campaign_day(campaign=campaign, date=yesterday - timedelta(days=32), spend=Decimal(spend * 9))
    cover_every_ad_account(last_day=yesterday)
    page = text(as_alice)
    for days_ago in (65, 36):
        assert f">{timezone.now().date() - timedelta(days=days_ago)}</time>" in page
    assert "1,234.00 EUR" in page
    assert "2,468.00 EUR" in page
    assert "99.00 USD" in page
    assert "-50 %" in page.replace("−", "-").replace("</data>", "")
    assert "<polyline" in page
    assert "</time> (35 days earlier, so that the weekdays are the same)" in page
    assert page.index("1,234.00 EUR") < page.index("99.00 USD")


def test_what_needs_attention_leads_to_where_it_is_mended(as_alice, app):
    role = make_role()
    run = make_sync_run(
        account=role.ad_account, status="failed", error_kind="access", errors="LinkedIn refused. Ask for a role."
    )
    page = text(as_alice)
    assert f'href="/sync/runs/{run.pk}/"' in page
    make_connection(state="needs_consent")
    assert 'href="/linkedin/connect/"' in text(as_alice)


def test_a_viewer_sees_the_granted_ad_account_alone(as_bob, bobs_ad_account, app):
    make_role(ad_account=bobs_ad_account)
    make_sync_run(account=bobs_ad_account)
    make_sync_run(account=make_ad_account(name="Somebody else's"), status="failed", errors="Secret trouble.")
    page = text(as_bob)
    assert "Bob&#x27;s brand" in page
    assert "Somebody else" not in page
    assert "Secret trouble" not in page
    assert "LinkedIn consents" not in page


def test_a_viewer_hears_of_no_colleagues_consent(as_bob, bobs_ad_account, app):
    connection = make_connection(state="needs_consent", user=make_user(email="colleague@example.com"))
    make_role(ad_account=bobs_ad_account, connection=connection)
    make_sync_run(account=bobs_ad_account)
    assert "colleague@example.com" not in text(as_bob)


def test_somebody_without_any_grant_is_told_whom_to_ask(as_charlie, app):
    role = make_role()
    make_sync_run(account=role.ad_account)
    assert "No ad accounts are shared with you yet" in text(as_charlie)


def test_a_hundred_ad_accounts_take_no_more_queries_than_one(as_alice, app, django_assert_max_num_queries):
    connection = make_connection()
    for _ in range(100):
        role = make_role(connection=connection)
        make_sync_run(account=role.ad_account, status="failed", errors="No. Try again.")
    with django_assert_max_num_queries(30):
        page = text(as_alice)
    assert "75</data> more ad accounts" in page
    assert "and " in page.lower()


def test_a_sparkline_goes_from_zero_to_the_largest_value():
    line = sparkline([Decimal(0), Decimal(5), Decimal(10)])
    assert line is not None
    [stretch] = line.stretches
    assert stretch.line == "0.0,40.0 120.0,21.0 240.0,2.0"
    assert stretch.area == "0,40 0.0,40.0 120.0,21.0 240.0,2.0 240,40"
    assert sparkline([Decimal(1)]) is None
    assert sparkline([Decimal(0), Decimal(0)]) is None


def test_a_sparkline_has_gaps_where_nothing_is_known():
    line = sparkline([None, Decimal(10), Decimal(5), None, Decimal(10)])
    assert line is not None
    assert [one.line for one in line.stretches] == ["60.0,2.0 120.0,21.0", "240.0,2.0 240.0,2.0"]
    assert line.stretches[0].area == "60,40 60.0,2.0 120.0,21.0 120,40"
    assert sparkline([None, None]) is None
    assert sparkline([None, Decimal(0)]) is None
