"""Who gets what at every address: a URL without an entry here fails, so that none is opened by accident."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib import admin
from django.db.models import Model
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django_celery_beat.models import (
    ClockedSchedule,
    CrontabSchedule,
    IntervalSchedule,
    PeriodicTask,
    SolarSchedule,
)

from accounts import audit_trail
from accounts.api_tokens import service_accounts, token_store
from accounts.models import (
    AdAccount,
    AdAccountAccess,
    ApiToken,
    AuditAlert,
    AuditDelivery,
    AuditEvent,
    ConsentWarning,
    FailedLogin,
    Invitation,
    LinkedInAdAccountRole,
    LinkedInConnection,
    RemovedAdAccount,
    ServiceAccount,
    User,
)
from accounts.roles import Role
from ingestion.models import (
    AccountDailyTotal,
    AdAccountSettings,
    AudienceDemographic,
    Campaign,
    CampaignDailyMetric,
    Creative,
    CreativeDailyMetric,
    IncompleteDay,
    RejectedRecord,
    SyncedAdAccount,
    SyncLog,
    UrnName,
)
from reporting.models import CheckThresholds, Export
from reporting.snapshots import snapshot_store
from tests import builders
from tests.builders import NOW
from tests.conftest import signed_in
from tests.house.urls import every_pattern
from tests.reporting.exports.exporting import export

PEOPLE = (
    "anonymous",
    "viewer without grant",
    "viewer with grant",
    "analyst",
    "manager",
    "owner",
    # Managers by token, which names the ad account of the rows, or another one.
    "service account",
    "service account of another ad account",
)
# What a GET brings, in the order of PEOPLE: a status, or where it leads.
LOGIN = "login"
Outcomes = tuple[int | str, ...]


def staff(*outcomes: int | str) -> Outcomes:
    """Strangers are sent to the login, and so are programs: no token opens a page."""
    return (LOGIN, *(outcomes if len(outcomes) > 1 else outcomes * 5), LOGIN, LOGIN)


# Lists of the API are empty for whoever sees no ad account.
READS: Outcomes = (401, *(200,) * 7)
READS_ITS_OWN: Outcomes = (401, 404, 200, 200, 200, 200, 200, 404)

PAGES: dict[str, Outcomes] = {
    "/": ("/admin/",) * 8,
    "reporting:favicon": ("/static/reporting/icon.png",) * 8,
    "admin:index": staff(200),
    "admin:login": (200, *("/admin/",) * 5, 200, 200),
    # A link must not sign anybody out.
    "admin:logout": ("/admin/", *(405,) * 5, "/admin/", "/admin/"),
    # One address: the page that records the change stands before the admin's own.
    "/admin/password_change/": ("/people/me/password/",) * 8,
    "admin:password_change": ("/people/me/password/",) * 8,
    "admin:password_change_done": staff(200),
    "admin:jsi18n": staff(200),
    # One address: the search that checks what it is sent stands before the admin's own.
    "/admin/search/": staff(200),
    "admin:search": staff(200),
    # They refuse what they are not asked properly.
    "admin:autocomplete": staff(403),
    "admin:view_on_site": staff(404),
    "admin:app_list": staff(200),
    "/admin/<url>": staff(404),
    # A login, an invitation and a forgotten password are for those who are not signed in; a GET starts nothing.
    "people:begin": (405,) * 8,
    "people:complete": (400,) * 8,
    "people:invitation": (404,) * 8,
    "people:password_reset": (200,) * 8,
    "people:password_reset_sent": (200,) * 8,
    "people:new_password": (200,) * 8,
    "accounts:api_tokens": staff(200),
    "accounts:revoke_api_token": staff(405),
    "accounts:service_account_tokens": staff(403, 403, 403, 403, 200),
    "accounts:revoke_service_account_token": staff(405),
    # The API answers in its own way, and says 401 to strangers.
    "me": READS,
    "ad-accounts-list": READS,
    "ad-accounts-detail": READS_ITS_OWN,
    "ad-accounts-plan": READS_ITS_OWN,
    # A GET starts nothing, for nobody.
    "ad-accounts-sync": (401, *(405,) * 7),
    "campaigns-list": READS,
    "campaigns-detail": READS_ITS_OWN,
    "creatives-list": READS,
    "creatives-detail": READS_ITS_OWN,
    "campaign-metrics-list": READS,
    "creative-metrics-list": READS,
    "demographics-list": READS,
    "findings-list": READS,
    "findings-detail": READS_ITS_OWN,
    "ad-accounts-audit": READS_ITS_OWN,
    # A GET decides nothing.
    **{f"findings-{decision}": (401, *(405,) * 7) for decision in ("assign", "snooze", "accept", "reopen")},
    **{
        f"{table}-changes": READS
        for table in (
            "ad-accounts",
            "campaigns",
            "creatives",
            "campaign-metrics",
            "creative-metrics",
            "demographics",
            "findings",
            "sync-logs",
            "rejected-records",
            "snapshots",
        )
    },
    "sync-logs-list": READS,
    "sync-logs-detail": READS_ITS_OWN,
    "rejected-records-list": READS,
    "rejected-records-detail": READS_ITS_OWN,
    "connections-list": (401, 403, 403, 403, 200, 200, 403, 403),
    "connections-detail": (401, 403, 403, 403, 200, 200, 403, 403),
    "schedules-list": (401, 403, 403, 403, 200, 200, 403, 403),
    "schedules-detail": (401, 403, 403, 403, 200, 200, 403, 403),
    "status": READS,
    "api-root": READS,
    "/api/v1/": READS,
    # The kinds of errors: whoever gets one may look it up.
    "problems": (200,) * 8,
    "report-performance": READS,
    "report-demographics": READS,
    "snapshots-list": READS,
    "snapshots-detail": READS_ITS_OWN,
    "snapshots-document": READS_ITS_OWN,
    "exports-list": READS,
    "exports-detail": (401, 404, 404, 404, 404, 200, 404, 404),
    "exports-file": (401, 404, 404, 404, 404, 200, 404, 404),
    "exports-cancel": (401, *(405,) * 7),
    "schema": READS,
    "api-docs": staff(200),
    "/api/": (404,) * 8,
    "people:me": staff(200),
    "people:password": staff(200),
    "people:sessions": staff(405),
    "reporting:remove_ad_account": staff(403, 403, 403, 403, 200),
    "reporting:report": staff(200),
    "reporting:report_section": staff(200),
    "reporting:status": staff(403, 403, 200, 200, 200),
    "reporting:sync": staff(200),
    "reporting:actions": staff(200),
    "reporting:actions_csv": staff(200),
    "reporting:change_findings": staff(405),
    "reporting:exports": staff(200),
    # Of what, the address says: nothing here.
    "reporting:new_export": staff(400),
    "reporting:ask_export": staff(405),
    "reporting:cancel_export": staff(405),
    # The owner's own: everybody has theirs.
    "reporting:export_file": staff(404, 404, 404, 404, 200),
    "reporting:snapshots": staff(200),
    "reporting:snapshot_document": staff(404, 200, 200, 200, 200),
    "reporting:take_snapshot": staff(405),
    "reporting:check_now": staff(405),
    "reporting:check_progress": staff(200),
    # Known addresses of pages that have moved; the page itself decides who sees it.
    "reporting:former_thresholds": ("/admin/reporting/checkthresholds/",) * 8,
    "reporting:former_thresholds_page": ("/admin/reporting/checkthresholds/add/",) * 8,
    # A plan requests nothing; without ad accounts there is nothing to plan.
    "reporting:plan": staff(403, 403, 403, 400, 400),
    # They start and stop what runs, so a link does nothing.
    "reporting:start": staff(405),
    "reporting:cancel": staff(405),
    "reporting:retry": staff(405),
    "reporting:run": staff(404, 200, 200, 200, 200),
    "accounts:connect": staff(403, 403, 403, 200, 200),
    # Without a consent under way there is nothing to keep.
    "accounts:callback": staff(400),
    "accounts:end_consent": staff(403, 403, 403, 403, 200),
    "admin:accounts_linkedinconnection_connect_linkedin": staff("/linkedin/connect/"),
    "admin:accounts_linkedinconnection_end_consent": staff(403, 403, 403, 403, "/linkedin/connections/"),
    "admin:auth_user_password_change": staff(403, 403, 403, 403, 200),
}

# --- One row per model: list, add, change, history, delete ---

NOBODY = staff(403)
MANAGERS = staff(403, 403, 403, 200, 200)
OWNERS = staff(403, 403, 403, 403, 200)
EVERYBODY = staff(200)
# A row of an ad account is not found by whoever may not see it.
OF_AN_AD_ACCOUNT = staff(404, 200, 200, 200, 200)

FACTS = (EVERYBODY, NOBODY, OF_AN_AD_ACCOUNT, OF_AN_AD_ACCOUNT, NOBODY)
SHARED = (EVERYBODY, NOBODY, EVERYBODY, EVERYBODY, NOBODY)
CONNECTIONS = (MANAGERS, NOBODY, MANAGERS, MANAGERS, NOBODY)
TIMETABLE = (MANAGERS, MANAGERS, MANAGERS, MANAGERS, MANAGERS)
GRANTS = (OWNERS, OWNERS, OWNERS, OWNERS, OWNERS)
# Taken back by revoking them, which the list offers.
INVITATIONS = (OWNERS, OWNERS, OWNERS, OWNERS, NOBODY)
LOCKED_OUT = (OWNERS, NOBODY, OWNERS, OWNERS, OWNERS)
TRAIL = (OWNERS, NOBODY, OWNERS, OWNERS, NOBODY)
_ACTIONS = ("changelist", "add", "change", "history", "delete")

MODELS: dict[type[Model], tuple[Outcomes, ...]] = {
    AdAccount: FACTS,
    AdAccountAccess: GRANTS,
    AuditAlert: TRAIL,
    AuditDelivery: TRAIL,
    AuditEvent: TRAIL,
    ApiToken: TRAIL,
    ConsentWarning: CONNECTIONS,
    LinkedInAdAccountRole: CONNECTIONS,
    LinkedInConnection: CONNECTIONS,
    User: GRANTS,
    ServiceAccount: GRANTS,
    Invitation: INVITATIONS,
    FailedLogin: LOCKED_OUT,
    RemovedAdAccount: LOCKED_OUT,
    AccountDailyTotal: FACTS,
    AdAccountSettings: TIMETABLE,
    AudienceDemographic: FACTS,
    Campaign: FACTS,
    CampaignDailyMetric: FACTS,
    Creative: FACTS,
    CreativeDailyMetric: FACTS,
    IncompleteDay: FACTS,
    RejectedRecord: FACTS,
    SyncedAdAccount: FACTS,
    SyncLog: FACTS,
    UrnName: SHARED,
    CheckThresholds: TIMETABLE,
    PeriodicTask: TIMETABLE,
    IntervalSchedule: TIMETABLE,
    SolarSchedule: TIMETABLE,
    CrontabSchedule: TIMETABLE,
    ClockedSchedule: TIMETABLE,
}

ROWS: dict[type[Model], Callable[[AdAccount], Model]] = {
    AdAccount: lambda one: one,
    AdAccountAccess: lambda one: builders.make_access(ad_account=one),
    ApiToken: lambda _: token_store.issue(user=builders.make_user(), name="one", scope="read", now=NOW)[0],
    AuditAlert: lambda _: AuditAlert.objects.create(
        event=audit_trail.record("consent_given", actor=None), rule="consent_replaced"
    ),
    AuditDelivery: lambda _: AuditDelivery.objects.create(
        event=audit_trail.record("consent_given", actor=None), destination="syslog", next_attempt_at=NOW
    ),
    AuditEvent: lambda _: audit_trail.record("consent_given", actor=None),
    ConsentWarning: lambda _: ConsentWarning.objects.create(
        connection=builders.make_connection(), consented_at=NOW, days=7, sent_at=NOW
    ),
    LinkedInAdAccountRole: lambda one: builders.make_role(ad_account=one),
    LinkedInConnection: lambda _: builders.make_connection(),
    User: lambda _: builders.make_user(),
    ServiceAccount: lambda one: service_accounts.add(name=f"of {one.pk}", role="viewer", responsible=None, actor=None),
    Invitation: lambda one: Invitation.objects.create(
        email=f"dora{one.pk}@example.com", created_at=NOW, expires_at=NOW, token_digest=f"{one.pk:064}"
    ),
    FailedLogin: lambda one: FailedLogin.objects.create(
        account=f"dora{one.pk}@example.com", network="127.0.0.1", failures=1, last_failed_at=NOW
    ),
    RemovedAdAccount: lambda one: RemovedAdAccount.objects.create(id=10**12 + one.pk, asked_at=NOW, finished_at=NOW),
    AccountDailyTotal: lambda one: builders.make_account_day(account=one),
    AdAccountSettings: lambda one: AdAccountSettings.objects.create(account=one),
    AudienceDemographic: lambda one: builders.make_segment(account=one),
    Campaign: lambda one: builders.make_campaign(account=one),
    CampaignDailyMetric: lambda one: builders.make_campaign_day(campaign=builders.make_campaign(account=one)),
    Creative: lambda one: builders.make_creative(campaign=builders.make_campaign(account=one)),
    CreativeDailyMetric: lambda one: builders.make_creative_day(
        creative=builders.make_creative(campaign=builders.make_campaign(account=one))
    ),
    IncompleteDay: lambda one: IncompleteDay.objects.create(
        account=one, date=builders.DAY, state="differs", differences={}, first_seen_at=NOW, checked_at=NOW
    ),
    RejectedRecord: lambda one: builders.make_rejected_record(run=builders.make_sync_run(account=one)),
    SyncedAdAccount: lambda one: SyncedAdAccount.objects.get(pk=one.pk),
    SyncLog: lambda one: builders.make_sync_run(account=one),
    UrnName: lambda _: builders.make_urn_name(),
    CheckThresholds: lambda one: CheckThresholds.objects.create(ad_account=one),
    PeriodicTask: lambda one: PeriodicTask.objects.create(
        name=f"one of {one.pk}",
        task="ingestion.tasks.sync_ad_account",
        interval=IntervalSchedule.objects.create(every=7, period="days"),
    ),
    IntervalSchedule: lambda _: IntervalSchedule.objects.create(every=5, period="days"),
    SolarSchedule: lambda one: SolarSchedule.objects.create(event="sunrise", latitude=1, longitude=one.pk % 180),
    CrontabSchedule: lambda _: CrontabSchedule.objects.create(),
    ClockedSchedule: lambda _: ClockedSchedule.objects.create(clocked_time=NOW),
}


def _name(model: type[Model], action: str) -> str:
    return f"admin:{model._meta.app_label}_{model._meta.model_name}_{action}"


# Lists of LinkedIn's facts are downloaded by everybody who sees them, narrowed to the rows they may see.
PAGES |= {_name(model, "export"): EVERYBODY for model, pages in MODELS.items() if pages in (FACTS, SHARED)}
PAGES[_name(AuditEvent, "export")] = OWNERS
MODEL_PAGES = {_name(model, action): (model, action) for model in MODELS for action in _ACTIONS}


# --- The second step ---

PAGES |= {
    # What a script asks is answered like a script.
    "people:second_step": staff("/admin/"),
    "people:begin_passkey": (405,) * len(PEOPLE),
    "people:complete_passkey": (405,) * len(PEOPLE),
    "people:second_steps": staff(200),
    "people:add_app": staff("/people/me/second-step/"),
    "people:authenticator_app": staff("/people/me/second-step/"),
    "people:begin_passkey_registration": (405,) * len(PEOPLE),
    "people:complete_passkey_registration": (405,) * len(PEOPLE),
    "people:recovery_codes": staff("/people/me/second-step/"),
    "people:remove_device": staff("/people/me/second-step/"),
    # Only for whoever has the link.
    "people:sign_in_link": (410,) * len(PEOPLE),
}

# --- Before the second step ---

SECOND_STEP = "/people/second-step/"
# Everything else leads to the step, or is refused by the API; what the API does not know is not there.
BEFORE_THE_STEP: dict[str, int | str] = {
    "people:second_step": 200,
    "people:begin_passkey": 405,
    "people:complete_passkey": 405,
    "admin:logout": 405,
    "/api/": 404,
}
# Where the person has no device yet, and their role needs one.
SETTING_UP: dict[str, int | str] = BEFORE_THE_STEP | {
    "people:second_step": "/people/me/second-step/",
    "people:second_steps": 200,
    "people:add_app": "/people/me/second-step/",
    "people:authenticator_app": "/people/me/second-step/",
    "people:begin_passkey_registration": 405,
    "people:complete_passkey_registration": 405,
}


@pytest.fixture
def ad_account(db: None, snapshot_folder: Any, export_folder: Any) -> AdAccount:
    """The one that is granted."""
    return builders.make_ad_account()


@pytest.fixture
def browsers(ad_account: AdAccount) -> list[Client]:
    """One of each of PEOPLE."""
    granted = builders.make_user()
    builders.make_access(user=granted, ad_account=ad_account)
    people = [
        builders.make_user(),
        granted,
        *(builders.make_user(role=role) for role in (Role.ANALYST, Role.MANAGER, Role.OWNER)),
    ]
    return [Client(), *map(signed_in, people), by_token("here", ad_account), by_token("elsewhere")]


def by_token(name: str, ad_account: AdAccount | None = None) -> Client:
    """A program with a token of a service account that may do all a manager may with a token, on one ad account."""
    account = service_accounts.add(name=name, role=Role.MANAGER, responsible=None, actor=None)
    named = ad_account or builders.make_ad_account()
    _, plain = token_store.issue(
        user=account, name=name, scope="read_and_change", ad_account_ids=[named.pk], now=timezone.now()
    )
    return Client(headers={"Authorization": f"Bearer {plain}"})


def outcome(browser: Client, address: str) -> int | str:
    response: Any = browser.get(address)
    if response.streaming:
        # A download that is not read to its end keeps its file open.
        b"".join(response.streaming_content)
    where = response.headers.get("Location", "")
    if where.startswith("/admin/login/"):
        return LOGIN
    return where or response.status_code


def assert_outcomes(browsers: list[Client], address: str, expected: Outcomes) -> None:
    found = {who: outcome(browser, address) for who, browser in zip(PEOPLE, browsers, strict=True)}
    wanted = dict(zip(PEOPLE, expected, strict=True))
    for who, what in wanted.items():
        if what == "/linkedin/connections/":
            assert str(found[who]).startswith(what), (address, who)
            found[who] = what
    assert found == wanted, address


@pytest.fixture
def before_the_step(ad_account: AdAccount) -> Client:
    """Of an owner who has a second step and has not passed it."""
    return signed_in(builders.make_user(role=Role.OWNER, second_step_since=NOW))


@pytest.fixture
def before_the_first_device(ad_account: AdAccount, settings: Any) -> Client:
    """Of an owner who needs a second step and has none."""
    settings.SECOND_STEP_ROLES = ["owner"]
    return signed_in(builders.make_user(role=Role.OWNER))


def assert_refused(browser: Client, address: str, allowed: int | str | None) -> None:
    for method in ("GET", "HEAD", "POST", "DELETE", "OPTIONS"):
        response: Any = browser.generic(method, address)
        if allowed is not None:
            # What is allowed decides itself about other methods.
            if method == "GET":
                assert (response.headers.get("Location") or response.status_code) == allowed, address
        elif address.startswith("/api/") and address != reverse("api-docs"):
            assert response.status_code == 403, (method, address)
            assert response["Content-Type"] == "application/problem+json"
            assert method == "HEAD" or b"Your second step is due." in response.content
        else:
            where = response.headers.get("Location", "")
            assert (response.status_code, where.partition("?")[0]) == (302, SECOND_STEP), (method, address)


def test_every_url_has_an_entry() -> None:
    names = {pattern.name for pattern in every_pattern() if not _is_old_address(pattern.route)}
    unknown = names - PAGES.keys() - MODEL_PAGES.keys()
    assert not unknown, "say in this file who gets what there"


def test_every_entry_is_a_url() -> None:
    names = {pattern.name for pattern in every_pattern()}
    assert not MODEL_PAGES.keys() - names
    assert not PAGES.keys() - names, "they are gone"


def test_every_model_of_the_admin_has_an_entry_and_a_row() -> None:
    assert set(admin.site._registry) == MODELS.keys() == ROWS.keys()


def _is_old_address(route: str) -> bool:
    """Django's admin redirects `<object_id>/` to `<object_id>/change/`, which has its own entry."""
    return route.startswith("admin/") and route.endswith("/<object_id>/") and route.count("/") == 4


@pytest.mark.exhaustive
@pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.label)
def test_every_page_of_a_model(browsers: list[Client], ad_account: AdAccount, model: type[Model]) -> None:
    row = ROWS[model](ad_account)
    for action, expected in zip(_ACTIONS, MODELS[model], strict=True):
        arguments = [row.pk] if action in {"change", "history", "delete"} else []
        assert_outcomes(browsers, reverse(_name(model, action), args=arguments), expected)


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", PAGES)
def test_every_other_page(browsers: list[Client], ad_account: AdAccount, name: str) -> None:
    assert_outcomes(browsers, _address(name, ad_account), PAGES[name])


def _address(name: str, ad_account: AdAccount) -> str:
    [pattern] = [one for one in every_pattern() if one.name == name]
    values = _values(name, ad_account)
    address = "/" + pattern.route
    for argument in pattern.arguments:
        address = address.replace(f"<{argument}>", str(values[argument]))
    return address


@pytest.mark.exhaustive
@pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.label)
def test_no_page_of_a_model_opens_before_the_second_step(
    before_the_step: Client, before_the_first_device: Client, ad_account: AdAccount, model: type[Model]
) -> None:
    row = ROWS[model](ad_account)
    for action in _ACTIONS:
        arguments = [row.pk] if action in {"change", "history", "delete"} else []
        address = reverse(_name(model, action), args=arguments)
        assert_refused(before_the_step, address, None)
        assert_refused(before_the_first_device, address, None)


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", PAGES)
def test_no_other_page_opens_before_the_second_step(
    before_the_step: Client, before_the_first_device: Client, ad_account: AdAccount, name: str
) -> None:
    address = _address(name, ad_account)
    assert_refused(before_the_step, address, BEFORE_THE_STEP.get(name))
    assert_refused(before_the_first_device, address, SETTING_UP.get(name))


@pytest.mark.parametrize("path", ["/healthz", "/static/accounts/passkeys.js"])
def test_health_and_static_files_need_no_second_step(before_the_step: Client, path: str) -> None:
    response: Any = before_the_step.get(path)
    assert response.status_code == 200
    b"".join(response)


def _values(name: str, ad_account: AdAccount) -> dict[str, Any]:
    connection = builders.make_connection()
    return _of_the_api(name, ad_account, connection) or {
        "content_type_id": 1,
        "object_id": connection.pk if "linkedinconnection" in name else 404,
        "connection_id": connection.pk,
        "app_label": "ingestion",
        "backend": "linkedin-openidconnect",
        "token": "unknown",
        "uidb64": "unknown",
        "url": "nothing/",
        "id": builders.make_user().pk,
        "token_id": 404,
        "account_id": service_accounts.add(name="one", role="analyst", responsible=None, actor=None).pk,
        "name": "key-figures",
        "rest": "add/",
        "file_format": "csv",
        "snapshot_id": snapshot_store.write_now(ad_account, days=1, now=NOW).pk,
        "export_id": _export_of_the_owner().pk,
        "run_id": builders.make_sync_run(account=ad_account).pk,
        "ad_account_id": ad_account.pk,
    }


def _export_of_the_owner() -> Export:
    """Of the one among the browsers: everybody sees their own alone."""
    return export(User.objects.filter(role=Role.OWNER).latest("pk"), "campaigns")


def _of_the_api(name: str, ad_account: AdAccount, connection: LinkedInConnection) -> dict[str, Any]:
    """The id of a row that the API shows; nothing for other addresses."""
    rows: dict[str, Callable[[], Model]] = {
        "ad-accounts": lambda: ad_account,
        "campaigns": lambda: ROWS[Campaign](ad_account),
        "creatives": lambda: ROWS[Creative](ad_account),
        "findings": lambda: builders.make_finding(campaign=builders.make_campaign(account=ad_account)),
        "sync-logs": lambda: ROWS[SyncLog](ad_account),
        "rejected-records": lambda: ROWS[RejectedRecord](ad_account),
        "connections": lambda: connection,
        "snapshots": lambda: snapshot_store.write_now(ad_account, days=1, now=NOW),
        "schedules": lambda: ROWS[PeriodicTask](ad_account),
        "exports": _export_of_the_owner,
    }
    list_name, _, action = name.rpartition("-")
    return {"pk": rows[list_name]().pk} if list_name in rows and action != "list" else {}
