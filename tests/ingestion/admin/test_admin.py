from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.template import Context, Template
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from accounts.models import AdAccount, AuditEvent, User
from accounts.roles import Role
from accounts.shell.admin_base import EstimatingPaginator
from accounts.shell.admin_paging import ShownCount
from ingestion.models import AdAccountSettings, CampaignDailyMetric, SyncGate
from ingestion.timetable.schedules import SYNC_TASK, ad_account_of, schedule_syncs
from tests.builders import (
    DAY,
    NOW,
    make_account_day,
    make_ad_account,
    make_campaign,
    make_campaign_day,
    make_creative,
    make_creative_day,
    make_rejected_record,
    make_segment,
    make_sync_run,
    make_urn_name,
    make_user,
)
from tests.conftest import signed_in

pytestmark = pytest.mark.django_db

MODELS = [
    "accountdailytotal",
    "audiencedemographic",
    "campaign",
    "campaigndailymetric",
    "creative",
    "creativedailymetric",
    "rejectedrecord",
    "synclog",
    "urnname",
]
OF_AN_AD_ACCOUNT = [model for model in MODELS if model != "urnname"]
TIMETABLE = ["periodictask", "intervalschedule", "crontabschedule", "clockedschedule", "solarschedule"]


def url(model: str, page: str = "changelist", *args: Any) -> str:
    return reverse(f"admin:ingestion_{model}_{page}", args=args)


def row_of_every_table(ad_account: AdAccount) -> dict[str, Any]:
    """One row of each table that belongs to the ad account, named after it."""
    campaign = make_campaign(account=ad_account, name=f"Campaign of {ad_account.name}")
    creative = make_creative(campaign=campaign, content_name=f"Creative of {ad_account.name}")
    run = make_sync_run(account=ad_account)
    return {
        "accountdailytotal": make_account_day(account=ad_account),
        "audiencedemographic": make_segment(account=ad_account),
        "campaign": campaign,
        "campaigndailymetric": make_campaign_day(campaign=campaign),
        "creative": creative,
        "creativedailymetric": make_creative_day(creative=creative),
        "rejectedrecord": make_rejected_record(run=run),
        "synclog": run,
        "urnname": make_urn_name(),
    }


def row_without_an_ad_account() -> dict[str, Any]:
    """Stubs of campaigns LinkedIn no longer lists, runs of all ad accounts."""
    campaign = make_campaign(account=None, name=None)
    creative = make_creative(campaign=None, content_name=None)
    run = make_sync_run(account=None)
    return {
        "campaign": campaign,
        "campaigndailymetric": make_campaign_day(campaign=campaign),
        "creative": creative,
        "creativedailymetric": make_creative_day(creative=creative),
        "rejectedrecord": make_rejected_record(run=run),
        "synclog": run,
    }


@pytest.mark.exhaustive
@pytest.mark.parametrize("model", MODELS)
def test_an_owner_opens_every_list_and_row(as_alice: Client, model: str) -> None:
    assert as_alice.get(url(model)).status_code == 200
    row = row_of_every_table(make_ad_account(name="The brand"))[model]
    page = as_alice.get(url(model))
    assert page.status_code == 200
    assert model == "urnname" or "The brand" in page.content.decode()
    assert as_alice.get(url(model), {"q": "brand 1"}).status_code == 200
    assert as_alice.get(url(model, "change", row.pk)).status_code == 200


def test_rows_without_an_ad_account_are_the_teams(as_alice: Client, as_bob: Client) -> None:
    for model, row in row_without_an_ad_account().items():
        assert as_alice.get(url(model)).status_code == 200
        assert as_alice.get(url(model, "change", row.pk)).status_code == 200
        assert as_bob.get(url(model, "change", row.pk)).status_code == 404


@pytest.mark.parametrize("model", OF_AN_AD_ACCOUNT)
def test_a_viewer_sees_granted_rows(as_bob: Client, as_charlie: Client, bobs_ad_account: AdAccount, model: str) -> None:
    others = make_ad_account(name="Somebody else")
    mine, not_mine = row_of_every_table(bobs_ad_account)[model], row_of_every_table(others)[model]
    page = as_bob.get(url(model)).content.decode()
    assert "Bob&#x27;s brand" in page
    assert "Somebody else" not in page
    assert as_bob.get(url(model, "change", mine.pk)).status_code == 200
    assert as_bob.get(url(model, "change", not_mine.pk)).status_code == 404
    narrowed, unknown = (as_bob.get(url(model), {"ad_account": one}) for one in (others.pk, 404))
    assert narrowed.status_code == unknown.status_code == 404
    assert narrowed.content == unknown.content
    stranger = as_charlie.get(url(model)).content.decode()
    assert "Bob&#x27;s brand" not in stranger
    assert as_charlie.get(url(model, "change", mine.pk)).status_code == 404


@pytest.mark.parametrize("model", OF_AN_AD_ACCOUNT)
def test_lists_can_be_narrowed_to_one_ad_account(as_alice: Client, model: str) -> None:
    ours, others = make_ad_account(name="Ours"), make_ad_account(name="Theirs")
    row_of_every_table(ours)
    row_of_every_table(others)
    response = as_alice.get(url(model), {"ad_account": ours.pk})
    assert response.context["cl"].result_count == 1
    for nonsense in ("x", "9" * 30):
        assert as_alice.get(url(model), {"ad_account": nonsense}).status_code == 400


@pytest.mark.parametrize("model", MODELS)
def test_what_linkedin_says_is_not_edited(as_alice: Client, model: str) -> None:
    row = row_of_every_table(make_ad_account())[model]
    assert as_alice.post(url(model, "change", row.pk), {"name": "Mine"}).status_code == 403
    assert as_alice.post(url(model, "delete", row.pk), {"post": "yes"}).status_code == 403
    assert as_alice.get(url(model, "add")).status_code == 403
    as_alice.post(url(model), {"action": "delete_selected", "_selected_action": [row.pk], "post": "yes"})
    assert type(row).objects.filter(pk=row.pk).exists()


def test_a_run_of_all_ad_accounts_says_all(as_alice: Client) -> None:
    run = make_sync_run(account=None)
    assert ">all<" in as_alice.get(url("synclog")).content.decode().replace("\n", "").replace(" ", "")
    assert "all" in as_alice.get(url("synclog", "change", run.pk)).content.decode()


def test_amounts_carry_their_currency(as_alice: Client) -> None:
    make_campaign_day(campaign=make_campaign(account=make_ad_account(currency="SEK")), spend="1234.567")
    page = as_alice.get(url("campaigndailymetric")).content.decode()
    assert "1,234.57 SEK" in page
    assert "61.73 SEK" in page
    assert ">2 %</data>" in page


def test_words_of_linkedins_api_are_shown_as_people_write_them(as_alice: Client) -> None:
    campaign = make_campaign(status="PENDING_DELETION", objective="WEBSITE_VISIT", cost_type="CPM")
    for page in (as_alice.get(url("campaign")), as_alice.get(url("campaign", "change", campaign.pk))):
        text = page.content.decode()
        for word in ("Pending deletion", "Website visit", "CPM"):
            assert word in text


def test_filters_show_the_words_of_the_list_and_keep_linkedins_in_the_address(as_alice: Client) -> None:
    make_campaign(name="Ending", status="PENDING_DELETION")
    make_campaign(name="Going on", status="ACTIVE")
    page = as_alice.get(url("campaign"), {"status": "PENDING_DELETION"})
    text = " ".join(page.content.decode().split())
    assert "Ending" in text
    assert "Going on" not in text
    [of_status] = [one for one in page.context["cl"].filter_specs if getattr(one, "lookup_kwarg", "") == "status"]
    choices = [(one["display"], one["query_string"], one["selected"]) for one in of_status.choices(page.context["cl"])]
    assert choices == [
        ("All", "?", False),
        ("Active", "?status=ACTIVE", False),
        ("Pending deletion", "?status=PENDING_DELETION", True),
    ]
    assert "PENDING_DELETION</" not in text
    assert ">PENDING_DELETION" not in text


def test_a_rejected_record_is_shown_as_linkedin_sent_it(as_alice: Client) -> None:
    payload = {"id": "x", "name": "<script>alert(1)</script> Größe"}
    record = make_rejected_record(payload=payload)
    page = as_alice.get(url("rejectedrecord", "change", record.pk)).content.decode()
    assert "<script>alert(1)" not in page
    assert "Größe" in page
    assert "{\n  &quot;id&quot;: &quot;x&quot;," in page


def test_a_rows_page_shows_its_figures_as_the_list_does(as_alice: Client) -> None:
    campaign = make_campaign(account=make_ad_account(currency="SEK"), unit_cost="4.5")
    row = make_campaign_day(campaign=campaign, spend="1234.567")
    page = as_alice.get(url("campaigndailymetric", "change", row.pk)).content.decode()
    assert "1,234.57 SEK" in page
    assert "0000000000" not in page
    assert '<time class="instant" datetime="2026-11-20T12:00:00Z">2026-11-20 12:00 UTC</time>' in page
    page = as_alice.get(url("campaign", "change", campaign.pk)).content.decode()
    assert "50.00 EUR" in page
    assert "4.50 SEK" in page
    assert "0000000000" not in page


def test_lists_show_the_age_of_what_they_hold(as_alice: Client) -> None:
    make_campaign()
    with time_machine.travel(NOW + timedelta(hours=3), tick=False):
        page = as_alice.get(url("campaign")).content.decode()
    assert '<time class="age" datetime="2026-11-20T12:00:00Z" title="2026-11-20 12:00 UTC">3 hours ago</time>' in page


def test_rows_lead_down_and_up(as_alice: Client) -> None:
    row = row_of_every_table(make_ad_account())
    ad_account, campaign, creative = row["campaign"].account, row["campaign"], row["creative"]
    page = as_alice.get(reverse("admin:accounts_adaccount_change", args=[ad_account.pk])).content.decode()
    for model in ("campaign", "creative", "campaigndailymetric", "creativedailymetric", "accountdailytotal", "synclog"):
        assert f'href="{url(model)}?ad_account={ad_account.pk}"' in page
    page = as_alice.get(url("campaign", "change", campaign.pk)).content.decode()
    assert f'href="{url("creative")}?campaign__id__exact={campaign.pk}"' in page
    assert f'href="{url("campaigndailymetric")}?campaign__id__exact={campaign.pk}"' in page
    assert f'href="{url("creativedailymetric")}?creative__campaign__id__exact={campaign.pk}"' in page
    assert f'href="/admin/accounts/adaccount/{ad_account.pk}/change/"' in page
    page = as_alice.get(url("creative", "change", creative.pk)).content.decode()
    assert f'href="{url("creativedailymetric")}?creative__id__exact=urn%3Ali%3AsponsoredCreative%3A' in page
    page = as_alice.get(url("campaigndailymetric")).content.decode()
    assert f'href="{url("campaign", "change", campaign.pk)}"' in page


def test_an_ad_account_leads_those_who_may_sync_to_its_timetable_and_settings(
    as_alice: Client, as_bob: Client, bobs_ad_account: AdAccount
) -> None:
    schedule_syncs([bobs_ad_account.pk], now=NOW)
    entry = PeriodicTask.objects.get()
    address = reverse("admin:accounts_adaccount_change", args=[bobs_ad_account.pk])
    links = [
        f'href="{timetable_url("periodictask", "change", entry.pk)}"',
        f'href="/admin/ingestion/adaccountsettings/add/?account={bobs_ad_account.pk}"',
    ]
    page, bobs = as_alice.get(address).content.decode(), as_bob.get(address).content.decode()
    assert [link in page for link in links] == [True, True]
    assert [link in bobs for link in links] == [False, False]


@pytest.mark.parametrize(
    ("model", "parameter"),
    [
        ("creative", "campaign__id__exact"),
        ("campaigndailymetric", "campaign__id__exact"),
        ("creativedailymetric", "creative__campaign__id__exact"),
        ("creativedailymetric", "creative__id__exact"),
    ],
)
def test_lists_can_be_narrowed_to_a_campaign_or_creative(as_alice: Client, model: str, parameter: str) -> None:
    """A key of no row is refused: a list of all rows, or of none, would be taken for the answer."""
    ours = row_of_every_table(make_ad_account())
    row_of_every_table(make_ad_account())
    of_ours = ours["campaign" if "campaign" in parameter else "creative"]
    response = as_alice.get(url(model), {parameter: of_ours.pk})
    assert [row.pk for row in response.context["cl"].result_list] == [ours[model].pk]
    assert f'value="{of_ours.pk}" selected' in response.content.decode()
    for nonsense in ("9" * 30, "x", "404"):
        assert as_alice.get(url(model), {parameter: nonsense}).status_code == 404


@pytest.mark.parametrize(
    ("model", "parameter"),
    [
        ("creative", "campaign__id__exact"),
        ("campaigndailymetric", "campaign__id__exact"),
        ("creativedailymetric", "creative__campaign__id__exact"),
    ],
)
def test_a_filter_names_no_campaign_that_the_person_may_not_see(as_bob: Client, model: str, parameter: str) -> None:
    hidden = make_campaign(name="Nobody knows")
    assert "Nobody knows" not in as_bob.get(url(model), {parameter: hidden.pk}).content.decode()


def test_a_filter_names_no_ad_account_that_the_person_may_not_see(as_bob: Client, bobs_ad_account: AdAccount) -> None:
    hidden = make_ad_account(name="Nobody knows")
    assert "Nobody knows" not in as_bob.get(url("campaign"), {"ad_account": hidden.pk}).content.decode()
    seen = as_bob.get(url("campaign"), {"ad_account": bobs_ad_account.pk}).content.decode()
    assert f'value="{bobs_ad_account.pk}" selected' in seen


def test_whoever_types_is_offered_the_ad_accounts_that_they_may_see(as_bob: Client, bobs_ad_account: AdAccount) -> None:
    make_ad_account(name="Nobody knows")
    asked = {"app_label": "accounts", "model_name": "adaccountaccess", "field_name": "ad_account", "term": ""}
    offered = as_bob.get(reverse("admin:autocomplete"), asked).json()["results"]
    assert offered == [{"id": str(bobs_ad_account.pk), "text": str(bobs_ad_account)}]


def test_many_ad_accounts_are_searched_for_and_not_listed(as_alice: Client) -> None:
    for number in range(51):
        make_ad_account(name=f"Brand {number:03}")
    page = as_alice.get(url("campaign")).content.decode()
    assert "Brand 0" not in page
    assert "unfold-filter-autocomplete" in page


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"date_from": "2026-11-19"}, 1),
        ({"date_to": "2026-11-19"}, 1),
        ({"date_from": "2026-11-20"}, 0),
        ({"date_to": "2026-11-18"}, 0),
        ({"date_from": "0001-01-01", "date_to": "9999-12-31"}, 1),
        # As Unfold's form sends it that was sent without a day before.
        ({"date_from": ["", "2026-11-20"]}, 0),
    ],
)
def test_figures_can_be_narrowed_to_days(as_alice: Client, query: dict[str, str], found: int) -> None:
    make_campaign_day()
    assert as_alice.get(url("campaigndailymetric"), query).context["cl"].result_count == found


@pytest.mark.parametrize(
    "query",
    [
        {"date_from": "nonsense"},
        {"date_from": "99999-01-01", "date_to": "11/18/2026"},
        {"date_from": "2026-11-20", "date_to": "2026-11-19"},
    ],
)
def test_days_that_are_none_are_refused(as_alice: Client, query: dict[str, str]) -> None:
    make_campaign_day()
    assert as_alice.get(url("campaigndailymetric"), query).status_code == 400


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"started_at_from": "2026-11-20", "started_at_to": "2026-11-20"}, 2),
        ({"started_at_to": "2026-11-19"}, 0),
        ({"started_at_from": "2026-11-21"}, 0),
    ],
)
def test_the_last_day_is_in_a_range_of_days_until_it_ends(as_alice: Client, query: dict[str, str], found: int) -> None:
    for hour in (0, 23):
        make_sync_run(started_at=NOW.replace(hour=hour, minute=59 if hour else 0))
    page = as_alice.get(url("synclog"), query)
    assert page.context["cl"].result_count == found
    assert "By started (UTC)" in page.content.decode()


def test_figures_are_found_by_the_name_of_their_campaign(as_alice: Client) -> None:
    wanted = make_campaign_day(campaign=make_campaign(name="Spring sale"))
    make_campaign_day(campaign=make_campaign(name="Autumn"))
    response = as_alice.get(url("campaigndailymetric"), {"q": "spring"})
    assert [row.pk for row in response.context["cl"].result_list] == [wanted.pk]


@pytest.mark.parametrize("few", [10_000, 1])
def test_a_search_finds_as_much_however_many_campaigns_it_names(
    as_alice: Client, monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    monkeypatch.setattr("ingestion.admin.figures._FEW", few)
    wanted = {make_campaign_day(campaign=make_campaign(name=f"Spring {number}")).pk for number in range(3)}
    make_campaign_day(campaign=make_campaign(name="Autumn"))
    response = as_alice.get(url("campaigndailymetric"), {"q": "spring"})
    assert {row.pk for row in response.context["cl"].result_list} == wanted


@pytest.mark.parametrize("few", [10_000, 1])
@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("engineer", ["urn:li:title:1", "urn:li:title:2"]),
        ("senior engineer", ["urn:li:title:2"]),
        ("title:2", ["urn:li:title:2"]),
        ("2-10 employees", ["SIZE_2_TO_10"]),
        ("size_2_to", ["SIZE_2_TO_10"]),
        ("urn:li:title:3", ["urn:li:title:3"]),
        ("nobody", []),
    ],
)
def test_segments_are_found_by_the_names_that_linkedin_gave(
    as_alice: Client, monkeypatch: pytest.MonkeyPatch, few: int, search: str, found: list[str]
) -> None:
    """One that LinkedIn never named is found by its whole URN."""
    monkeypatch.setattr("ingestion.admin.figures._FEW", few)
    ad_account = make_ad_account()
    for number, name in ((1, "Engineer"), (2, "Senior Engineer"), (3, None)):
        if name:
            make_urn_name(urn=f"urn:li:title:{number}", name=name)
        make_segment(account=ad_account, segment=f"urn:li:title:{number}", segment_name=name)
    make_segment(account=ad_account, pivot_type="company_size", segment="SIZE_2_TO_10", segment_name="2-10 employees")
    response = as_alice.get(url("audiencedemographic"), {"q": search})
    assert sorted(row.segment for row in response.context["cl"].result_list) == sorted(found)


@pytest.mark.parametrize("order", [("-date", "-id"), ("date", "id"), ("-id",)])
def test_a_deep_page_holds_the_rows_of_its_place(monkeypatch: pytest.MonkeyPatch, order: tuple[str, ...]) -> None:
    """Near the front, in the middle and from the end; days have several rows each."""
    monkeypatch.setattr("accounts.shell.admin_paging._WORTH_COUNTING", 4)
    monkeypatch.setattr("accounts.shell.admin_paging._estimated_rows", lambda table: 30)
    for number in range(30):
        make_campaign_day(date=DAY - timedelta(days=number * 7 % 6))
    rows = CampaignDailyMetric.objects.order_by(*order)
    paginator = EstimatingPaginator(rows, 4)
    shown = [row.pk for number in paginator.page_range for row in paginator.page(number)]
    assert shown == list(rows.values_list("pk", flat=True))


def test_an_empty_list_says_what_to_do(as_alice: Client) -> None:
    assert "start one on the Sync page" in as_alice.get(url("campaign")).content.decode()
    assert "No matching rows" in as_alice.get(url("campaign"), {"q": "nothing"}).content.decode()


def test_the_gates_answer_is_shown_until_the_next_success(as_alice: Client) -> None:
    ad_account = make_ad_account()
    gate = SyncGate.objects.create(account=ad_account, asked_at=NOW, was_due=True, answer="never synced successfully")
    with time_machine.travel(NOW + timedelta(minutes=5), tick=False):
        assert "never synced successfully, <time" in as_alice.get(url("syncedadaccount")).content.decode()
    make_sync_run(account=ad_account, started_at=gate.asked_at)
    assert "never synced successfully" not in as_alice.get(url("syncedadaccount")).content.decode()


# --- The timetable ---


def timetable_url(model: str, page: str = "changelist", *args: Any) -> str:
    return reverse(f"admin:django_celery_beat_{model}_{page}", args=args)


@pytest.mark.parametrize("model", TIMETABLE)
def test_an_owner_opens_the_timetable(as_alice: Client, model: str) -> None:
    interval = IntervalSchedule.objects.create(every=4, period="hours")
    PeriodicTask.objects.create(name="Sync", task="ingestion.tasks.sync_ad_account", interval=interval)
    page = as_alice.get(timetable_url(model))
    assert page.status_code == 200
    assert "Periodic Tasks" not in page.content.decode()
    assert as_alice.get(timetable_url(model, "add")).status_code == 200


def test_an_owner_edits_the_timetable(as_alice: Client) -> None:
    interval = IntervalSchedule.objects.create(every=4, period="hours")
    task = PeriodicTask.objects.create(name="Sync", task=SYNC_TASK, interval=interval)
    address = timetable_url("periodictask", "change", task.pk)
    assert as_alice.get(address).status_code == 200
    response = as_alice.post(
        address, {"name": "Sync", "task": SYNC_TASK, "interval": interval.pk, "args": "[1]", "kwargs": "{}"}
    )
    assert response.status_code == 302
    task.refresh_from_db()
    assert (task.args, task.enabled) == ("[1]", False)


@pytest.mark.parametrize("task", ["accounts.tasks.send_notice", "nobody.knows"])
def test_an_entry_runs_only_what_the_timetable_has(as_alice: Client, task: str) -> None:
    """A task does what its arguments say: one that sends mail would send anything."""
    interval = IntervalSchedule.objects.create(every=4, period="hours")
    given = {"name": "Mine", "task": task, "interval": interval.pk, "args": "[1]", "kwargs": "{}", "enabled": "on"}
    response = as_alice.post(timetable_url("periodictask", "add"), given)
    assert "is no task of the timetable" in response.content.decode()
    assert not PeriodicTask.objects.filter(name="Mine").exists()


def test_what_keeps_the_service_safe_is_for_owners_to_switch() -> None:
    manager = signed_in(make_user(role=Role.MANAGER))
    interval = IntervalSchedule.objects.create(every=1, period="minutes")
    entry = PeriodicTask.objects.create(
        name="Send audit events", task="accounts.tasks.deliver_audit_events", interval=interval
    )
    manager.post(timetable_url("periodictask"), {"action": "disable_tasks", "_selected_action": [entry.pk]})
    entry.refresh_from_db()
    assert entry.enabled
    assert "Send audit events" not in manager.get(timetable_url("periodictask")).content.decode()
    assert manager.get(timetable_url("periodictask", "change", entry.pk)).status_code == 404


@pytest.mark.parametrize("model", TIMETABLE)
def test_a_viewer_does_not_see_the_timetable(as_bob: Client, model: str) -> None:
    assert as_bob.get(timetable_url(model)).status_code == 403


def edit(task: PeriodicTask, **changes: Any) -> dict[str, Any]:
    """The form of an entry as a browser sends it."""
    assert task.interval
    values = {"name": task.name, "regtask": "", "task": task.task, "interval": task.interval_id, "enabled": "on"}
    return values | {"args": task.args, "kwargs": "{}", "headers": "{}", "description": ""} | changes


@pytest.fixture
def entry() -> PeriodicTask:
    """Beat's entry of one ad account."""
    interval = IntervalSchedule.objects.create(every=60, period="minutes")
    return PeriodicTask.objects.create(
        name="Sync ad account 5", task="ingestion.tasks.sync_ad_account", args="[5]", interval=interval
    )


def timetable_events() -> list[tuple[str, str | None, int | None, Any]]:
    return [
        (event.kind, event.actor_email, event.ad_account_id, event.detail)
        for event in AuditEvent.objects.order_by("pk")
    ]


def test_changing_the_timetable_is_recorded(as_alice: Client, entry: PeriodicTask) -> None:
    address = timetable_url("periodictask", "change", entry.pk)
    assert as_alice.post(address, edit(entry)).status_code == 302
    assert timetable_events() == []
    assert as_alice.post(address, edit(entry, description="Mine")).status_code == 302
    ((kind, who, ad_account_id, detail),) = timetable_events()
    assert (kind, who, ad_account_id) == ("timetable_changed", "alice@example.com", 5)
    assert detail == {"change": "changed", "changed": ["description"], "entry": "Sync ad account 5: every 60 minutes"}


def test_adding_to_the_timetable_and_removing_is_recorded(as_alice: Client, entry: PeriodicTask) -> None:
    as_alice.post(timetable_url("intervalschedule", "add"), {"every": 7, "period": "hours"})
    as_alice.post(timetable_url("periodictask", "delete", entry.pk), {"post": "yes"})
    said = [(detail["change"], detail["entry"], number) for _, _, number, detail in timetable_events()]
    assert said == [("added", "every 7 hours", None), ("removed", "Sync ad account 5: every 60 minutes", 5)]


@pytest.mark.parametrize(
    ("action", "change"),
    [
        ("enable_tasks", "switched on"),
        ("disable_tasks", "switched off"),
        ("toggle_tasks", "switched"),
        ("delete_selected", "removed"),
    ],
)
def test_changing_many_entries_is_recorded(as_alice: Client, entry: PeriodicTask, action: str, change: str) -> None:
    form = {"action": action, "_selected_action": [entry.pk], "post": "yes"}
    assert as_alice.post(timetable_url("periodictask"), form).status_code == 302
    ((kind, _, ad_account_id, detail),) = timetable_events()
    assert (kind, ad_account_id, detail["change"]) == ("timetable_changed", 5, change)


def test_running_an_entry_of_a_sync_is_a_sync_by_hand(
    as_alice: Client, entry: PeriodicTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    queued = []
    monkeypatch.setattr("ingestion.tasks.sync_ad_account.apply_async", lambda **call: queued.append(call["args"]))
    form = {"action": "run_tasks", "_selected_action": [entry.pk]}
    assert as_alice.post(timetable_url("periodictask"), form).status_code == 302
    assert queued == [[5]]
    assert timetable_events() == [("sync_started_by_hand", "alice@example.com", 5, {"by": "timetable"})]


def test_an_entry_of_a_paused_ad_account_is_not_run_and_says_so(
    as_alice: Client, alice: User, entry: PeriodicTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    paused = make_ad_account(name="The brand")
    AdAccountSettings.objects.create(account=paused, is_paused=True, paused_by=alice)
    its_own = PeriodicTask.objects.create(
        name="Its own", task=entry.task, args=f"[{paused.pk}]", interval=entry.interval
    )
    queued = []
    monkeypatch.setattr("ingestion.tasks.sync_ad_account.apply_async", lambda **call: queued.append(call["args"]))
    for chosen, run in (([its_own.pk], []), ([its_own.pk, entry.pk], [[5]])):
        form = {"action": "run_tasks", "_selected_action": chosen}
        page = as_alice.post(timetable_url("periodictask"), form, follow=True).content.decode()
        assert f"The brand ({paused.pk}) was not run: paused by Alice. Start it from the Sync page" in page
        assert queued == run
    assert [event[2] for event in timetable_events()] == [5]


def test_entries_that_cannot_run_start_no_sync(as_alice: Client, entry: PeriodicTask) -> None:
    unknown = PeriodicTask.objects.create(name="Mine", task="nobody.knows", interval=entry.interval)
    form = {"action": "run_tasks", "_selected_action": [entry.pk, unknown.pk]}
    assert as_alice.post(timetable_url("periodictask"), form).status_code == 302
    assert timetable_events() == []


@pytest.mark.parametrize(
    ("task", "args", "ad_account_id"),
    [
        ("ingestion.tasks.sync_ad_account", "[5]", 5),
        ("ingestion.tasks.sync_ad_account", "[5, true]", 5),
        ("ingestion.tasks.discover_ad_accounts", "[5]", None),
        ("ingestion.tasks.sync_ad_account", "[]", None),
        ("ingestion.tasks.sync_ad_account", "7", None),
        ("ingestion.tasks.sync_ad_account", "nonsense", None),
        ("ingestion.tasks.sync_ad_account", '["5"]', None),
        ("ingestion.tasks.sync_ad_account", "[99999999999999999999]", None),
    ],
)
def test_an_entry_names_its_ad_account(task: str, args: str, ad_account_id: int | None) -> None:
    assert ad_account_of(PeriodicTask(task=task, args=args)) == ad_account_id


def test_an_entry_that_has_not_run_says_so(as_alice: Client) -> None:
    """A new one is dated back: its list had a last run from before the installation."""
    schedule_syncs([make_ad_account().pk], now=timezone.now())
    [entry] = PeriodicTask.objects.filter(task="ingestion.tasks.sync_ad_account")
    addresses = (timetable_url("periodictask"), timetable_url("periodictask", "change", entry.pk))
    for address in addresses:
        assert "not yet" in as_alice.get(address).content.decode()
    assert entry.last_run_at
    PeriodicTask.objects.filter(pk=entry.pk).update(total_run_count=1)
    for address in addresses:
        page = as_alice.get(address).content.decode()
        assert "not yet" not in page
        assert f"{entry.last_run_at:%Y-%m-%d %H:%M} UTC" in page


@pytest.mark.parametrize("where", ["title", "pages"])
def test_counts_of_rows_have_their_thousands_separated(where: str) -> None:
    assert f"{ShownCount(15633)}" == "15,633"
    template = {
        "title": "{{ count }} results",
        "pages": "{% load i18n %}{% blocktranslate %}{{ count }} x{% endblocktranslate %}",
    }
    assert Template(template[where]).render(Context({"count": ShownCount(15633)})).startswith("15,633")
    assert ShownCount(15633) == 15633


def test_two_words_of_linkedin_that_mean_the_same_are_two_choices(as_alice: Client) -> None:
    for status in ("PENDING", "NEEDS_REVIEW", "APPROVED"):
        make_creative(review_status=status)
    page = as_alice.get("/admin/ingestion/creative/").content.decode()
    for shown in ("In review (PENDING)", "In review (NEEDS_REVIEW)", "Approved"):
        assert shown in page
