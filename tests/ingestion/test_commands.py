"""The commands as a person meets them; as a process where the exit code and a missing traceback matter."""

import json
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import psutil
import pytest
import requests
from django.conf import settings as django_settings
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts.errors import AccountsError
from accounts.models import AdAccount, AuditEvent, LinkedInConnection
from accounts.roles import Role
from ingestion.linkedin_simulator.simulator import Options
from ingestion.linkedin_simulator.world import WorldSize
from ingestion.management.commands import sync as sync_command
from ingestion.models import CampaignDailyMetric, SyncGate, SyncLog
from ingestion.sync.result import SyncResult
from tests.builders import (
    make_ad_account,
    make_campaign,
    make_campaign_day,
    make_connection,
    make_role,
    make_segment,
    make_sync_run,
    make_user,
)
from tests.ingestion.simulated import SimulatedLinkedIn, environment_of_the_test, simulated_linkedin

SMALL = WorldSize(ad_accounts=2, campaigns_per_account=4, creatives_per_campaign=2)


@pytest.fixture(autouse=True)
def _usual_width(monkeypatch):
    """Tables as on a wide terminal, wherever the tests run."""
    monkeypatch.setenv("COLUMNS", "200")


@pytest.fixture
def linkedin(settings) -> Iterator[SimulatedLinkedIn]:
    with simulated_linkedin(settings, Options(size=SMALL, auto_consent=True)) as linkedin:
        yield linkedin


def called(*words: str) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of a command called in this process."""
    out, err = StringIO(), StringIO()
    try:
        call_command(*words, stdout=out, stderr=err)
    except SystemExit as end:
        return int(end.code or 0), out.getvalue(), err.getvalue()
    return 0, out.getvalue(), err.getvalue()


def manage(
    environment: dict[str, str], *words: str, said: str = "", seconds: float = 60
) -> subprocess.CompletedProcess[str]:
    """`manage.py` as a process of its own."""
    return subprocess.run(
        [sys.executable, "manage.py", *words],
        input=said, env=environment, cwd=django_settings.BASE_DIR,
        capture_output=True, text=True, timeout=seconds, check=False,
    )  # fmt: skip


# --- sync ---


@pytest.mark.django_db(transaction=True)
def test_sync_takes_all_ad_accounts_where_none_is_named(linkedin):
    linkedin.connect()
    code, out, err = called("sync")
    assert (code, err) == (0, "")
    runs = SyncLog.objects.filter(account__isnull=False)
    assert {run.account_id for run in runs} == set(linkedin.ad_account_ids)
    assert {(run.status, run.trigger) for run in runs} == {("success", "command")}
    assert all(str(ad_account_id) in out for ad_account_id in linkedin.ad_account_ids)
    code, out, _ = called("sync")
    assert (code, out.count("skipped"), out.count("synced just now")) == (0, 2, 2)
    by_hand = AuditEvent.objects.filter(kind="sync_started_by_hand")
    assert {(event.ad_account_id, event.actor_id, event.detail["by"]) for event in by_hand} == {
        (ad_account_id, None, "command") for ad_account_id in linkedin.ad_account_ids
    }
    assert by_hand.count() == 2


@pytest.mark.django_db(transaction=True)
def test_sync_takes_the_named_ad_account_alone_and_ends_with_json(linkedin):
    linkedin.connect()
    wanted = linkedin.ad_account_ids[1]
    # Named twice it is synced once.
    code, out, err = called("sync", str(wanted), str(wanted), "--json")
    assert (code, err) == (0, "")
    run = SyncLog.objects.get(account__isnull=False)
    shown = json.loads(out)["ad_accounts"]
    assert list(shown) == [str(wanted)]
    one = shown[str(wanted)]
    assert one.pop("seconds") > 0
    assert sum(one["rows"].values()) == run.rows_stored
    assert one["rows"]["campaign_daily_metrics"] == CampaignDailyMetric.objects.count() > 0
    del one["rows"]
    assert one == {
        "status": "success", "reason": "", "rejected": 0, "api_calls": run.api_calls_made, "error_kind": None,
        "run_id": run.pk, "notes": "",
    }  # fmt: skip


@pytest.fixture
def asked(monkeypatch) -> list[dict[str, Any]]:
    """What `sync` asks for, without asking."""
    asked: list[dict[str, Any]] = []

    def sync_ad_account(ad_account_id: int, **options: Any) -> SyncResult:
        asked.append({"ad_account_id": ad_account_id, **options})
        return SyncResult(ad_account_id, "success")

    monkeypatch.setattr(sync_command, "sync_ad_account", sync_ad_account)
    return asked


@pytest.mark.django_db
def test_sync_of_named_days_asks_for_them_however_fresh(asked):
    ad_account = make_ad_account()
    called("sync", "--since", "2026-01-05", "--until", "2026-01-31")
    called("sync")
    called("sync", "--force")
    days = [(str(one["first_day"]), str(one["last_day"]), one["force"]) for one in asked]
    assert days == [("2026-01-05", "2026-01-31", True), ("None", "None", False), ("None", "None", True)]
    assert {one["ad_account_id"] for one in asked} == {ad_account.pk}


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ["--since", "2026-02-01", "--until", "2026-01-31"],
            "--until 2026-01-31: The last day is before the first; swap them.",
        ),
        (["--since", "2999-01-01"], "--since 2999-01-01: This day is in the future"),
    ],
)
def test_days_that_make_no_sense_are_wrong_usage(asked, words, said):
    make_ad_account()
    with pytest.raises(CommandError, match=said) as error:
        called("sync", *words)
    assert (error.value.returncode, asked) == (2, [])


@pytest.mark.django_db
def test_an_unknown_ad_account_is_named_with_the_remedy(asked):
    known = make_ad_account()
    with pytest.raises(CommandError, match=r"Unknown ad account 404; `manage.py status` lists") as error:
        called("sync", str(known.pk), "404")
    assert (error.value.returncode, asked) == (1, [])


@pytest.mark.django_db
def test_sync_before_any_consent_says_what_to_do_first(asked):
    with pytest.raises(CommandError, match=r"No ad accounts yet; connect LinkedIn first with `manage.py auth`"):
        called("sync")


@pytest.mark.django_db
def test_a_sync_that_runs_elsewhere_fails_this_one_and_the_others_go_on(monkeypatch):
    now = timezone.now()
    busy, other = make_ad_account(), make_ad_account()
    make_role(ad_account=busy)
    make_sync_run(account=busy, status="running", started_at=now, heartbeat_at=now, finished_at=None)
    make_sync_run(account=other, started_at=now, finished_at=now)
    code, out, err = called("sync", "--json")
    assert (code, [line.split(":")[0] for line in err.splitlines()]) == (1, [f"Ad account {busy.pk}"])
    assert "is already syncing" in err
    assert json.loads(out)["ad_accounts"][str(other.pk)]["status"] == "skipped"


@pytest.mark.django_db
def test_sync_plan_shows_the_cost_and_asks_nothing(asked):
    known, unknown = make_ad_account(), make_ad_account()
    make_campaign_day(campaign=make_campaign(account=known))
    code, out, _ = called("sync", "--plan")
    assert (code, asked) == (0, [])
    assert "Plan (nothing is requested)" in out
    shown = out
    _, out, _ = called("sync", "--plan", "--json", "--since", "2026-11-01", "--until", "2026-11-07")
    plans = json.loads(out)["ad_accounts"]
    assert (plans[str(known.pk)]["entities_known"], plans[str(unknown.pk)]["entities_known"]) == (True, False)
    one = plans[str(unknown.pk)]
    assert (one["first_day"], one["last_day"]) == ("2026-11-01", "2026-11-07")
    assert one["total_calls"] == sum(one["calls"].values()) > 0
    assert f"at least {one['total_calls']}" in shown
    assert not SyncLog.objects.exists()


@pytest.mark.slow
@pytest.mark.installation
@pytest.mark.installation
@pytest.mark.django_db(transaction=True)
def test_sync_as_a_process_says_in_one_sentence_what_linkedin_refused(linkedin, settings):
    linkedin.connect()
    environment = environment_of_the_test(settings)
    wrong = manage(environment, "sync", "--since", "yesterday")
    assert (wrong.returncode, wrong.stderr.splitlines()[-1]) == (
        2,
        "manage.py sync: error: argument --since: 'yesterday' is not a valid date; write it as 2026-01-31",
    )
    linkedin.simulator.switch_on("sunset_version")
    refused = manage(environment, "sync", str(linkedin.ad_account_ids[0]))
    assert refused.returncode == 1
    [sentence] = refused.stderr.splitlines()
    assert sentence.startswith(f"Ad account {linkedin.ad_account_ids[0]}: ")
    assert "Set LINKEDIN_API_VERSION to a supported release" in sentence


@pytest.mark.slow
@pytest.mark.installation
@pytest.mark.installation
@pytest.mark.django_db(transaction=True)
def test_sync_as_a_process_ends_with_a_refusal_although_another_request_is_being_repeated(linkedin, settings):
    """It once went on repeating for a quarter of an hour after the run was closed."""
    linkedin.connect()
    linkedin.simulator.switch_on("flaky", endpoint="adAccounts", probability=1.0, kinds=("503",))
    linkedin.simulator.switch_on("slow", endpoint="adCampaigns", seconds=0.2)
    linkedin.simulator.switch_on("throttle_day", endpoint="adCampaigns")
    refused = manage(environment_of_the_test(settings), "sync", str(linkedin.ad_account_ids[0]), seconds=20)
    assert refused.returncode == 1
    assert "00:00 UTC" in refused.stderr


@pytest.mark.installation
@pytest.mark.installation
@pytest.mark.django_db(transaction=True)
def test_ctrl_c_ends_a_sync_soon_and_closes_its_run(linkedin, settings):
    linkedin.connect()
    linkedin.simulator.switch_on("slow", endpoint="adAccounts", seconds=0.5)
    linkedin.simulator.switch_on("flaky", endpoint="adAccounts", probability=1.0, kinds=("503",))
    command = [sys.executable, "manage.py", "sync", str(linkedin.ad_account_ids[0])]
    process = subprocess.Popen(
        command,
        cwd=django_settings.BASE_DIR,
        env=environment_of_the_test(settings),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        end = time.monotonic() + 30
        while linkedin.simulator.counters.counted()["calls"].get("adAccounts", 0) < 2 and time.monotonic() < end:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)
    finally:
        process.kill()
        process.communicate()
    assert (process.returncode, "Traceback" in err) == (130, False), err
    run = SyncLog.objects.get(account=linkedin.ad_account_ids[0])
    assert (run.status, run.errors) == (
        "failed",
        "The sync was stopped manually; everything stored so far is complete.",
    )


# --- auth ---


class Person:
    """Standard input: opens the page that the command printed, agrees, and pastes what `pastes` makes of it."""

    def __init__(self, out: StringIO, pastes: Callable[[str], str]) -> None:
        self._out = out
        self._pastes = pastes

    def readline(self) -> str:
        page = next(line for line in self._out.getvalue().splitlines() if line.startswith("http"))
        answer = requests.get(page, allow_redirects=False, timeout=10)
        return self._pastes(answer.headers["Location"]) + "\n"


def authorize(monkeypatch: Any, pastes: Callable[[str], str], *words: str) -> str:
    """What `auth` says when somebody pastes that."""
    out = StringIO()
    monkeypatch.setattr(sys, "stdin", Person(out, pastes))
    call_command("auth", *words, stdout=out)
    return out.getvalue()


def code_in(address: str) -> str:
    return parse_qs(urlsplit(address).query)["code"][0]


@pytest.mark.django_db
@pytest.mark.parametrize(
    "pastes",
    [lambda address: address, code_in, lambda address: urlsplit(address).query],
    ids=["whole address", "bare code", "query"],
)
def test_auth_connects_and_discovers(linkedin, monkeypatch, pastes):
    make_user(role=Role.VIEWER)
    owner = make_user(role=Role.OWNER)
    said = authorize(monkeypatch, pastes)
    connection = LinkedInConnection.objects.get()
    assert (connection.user, connection.state) == (owner, "active")
    assert AdAccount.objects.count() == 2
    assert "It can read 2 ad accounts:" in said
    assert all(f"  {one.pk}  {one.name}  {one.currency}" in said for one in AdAccount.objects.all())
    assert connection.access_token not in said


@pytest.mark.django_db
def test_auth_connects_the_person_that_is_named(linkedin, monkeypatch):
    make_user(role=Role.OWNER)
    wanted = make_user(email="maria@example.com", role=Role.MANAGER)
    authorize(monkeypatch, code_in, "--user", "Maria@Example.com")
    assert LinkedInConnection.objects.get().user == wanted


@pytest.mark.django_db
def test_auth_works_before_anybody_can_sign_in(linkedin, monkeypatch):
    authorize(monkeypatch, code_in)
    assert LinkedInConnection.objects.get().user is None


@pytest.mark.django_db
def test_auth_of_an_unknown_person_asks_linkedin_nothing(linkedin, monkeypatch):
    with pytest.raises(CommandError, match=r"No user has the e-mail address nobody@example.com; `manage.py"):
        authorize(monkeypatch, code_in, "--user", "nobody@example.com")
    assert linkedin.simulator.counters.counted()["total"] == 0


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["LINKEDIN_CLIENT_ID", "LINKEDIN_CLIENT_SECRET"])
def test_auth_without_an_app_names_the_variable(linkedin, monkeypatch, settings, name):
    setattr(settings, name, "")
    with pytest.raises(CommandError, match=f"^{name} is not set"):
        authorize(monkeypatch, code_in)


def cancelled(address: str) -> str:
    state = parse_qs(urlsplit(address).query)["state"][0]
    said = {"error": "user_cancelled_authorize", "error_description": "The user cancelled the authorization"}
    return f"{address.partition('?')[0]}?{urlencode({**said, 'state': state})}"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("pastes", "said"),
    [
        (lambda address: re.sub("state=[^&]*", "state=another", address), "belongs to another attempt"),
        (cancelled, "LinkedIn refused: The user cancelled the authorization. Open the page again and agree."),
        (lambda address: "", "Nothing was pasted"),
        (lambda address: address.partition("?")[0] + "?x=1", "contains no code"),
    ],
    ids=["another state", "cancelled", "nothing", "no code"],
)
def test_auth_explains_what_was_pasted_wrongly(linkedin, monkeypatch, pastes, said):
    with pytest.raises(CommandError, match=said):
        authorize(monkeypatch, pastes)
    assert not LinkedInConnection.objects.exists()


@pytest.mark.django_db
def test_auth_with_an_expired_code_says_to_open_the_page_again(linkedin, monkeypatch):
    def paste_late(address: str) -> str:
        linkedin.simulator.clock.advance(seconds=31 * 60)
        return address

    with pytest.raises(AccountsError, match=r"code has expired; .* open the consent page again"):
        authorize(monkeypatch, paste_late)
    assert not LinkedInConnection.objects.exists()


@pytest.mark.django_db
def test_auth_with_a_code_used_before_says_that_codes_are_used_once(linkedin, monkeypatch):
    used: list[str] = []

    def paste(address: str) -> str:
        used.append(code_in(address))
        return used[0]

    authorize(monkeypatch, paste)
    with pytest.raises(AccountsError, match="codes are used once"):
        authorize(monkeypatch, paste)


@pytest.mark.django_db
def test_auth_without_the_scopes_that_syncs_need_stores_nothing(linkedin, monkeypatch, settings):
    settings.LINKEDIN_SCOPES = ["r_ads"]
    with pytest.raises(CommandError, match="LinkedIn did not grant r_ads_reporting"):
        authorize(monkeypatch, code_in)
    assert not LinkedInConnection.objects.exists()


@pytest.mark.django_db
def test_auth_of_a_member_without_ad_accounts_says_so(linkedin, monkeypatch):
    for ad_account in (500_000_001, 500_000_002):
        linkedin.simulator.change("lose_role", ad_account=ad_account)
    assert "has no role on any ad account" in authorize(monkeypatch, code_in)


@pytest.mark.slow
@pytest.mark.installation
@pytest.mark.installation
@pytest.mark.django_db(transaction=True)
def test_auth_as_a_process_with_a_wrong_secret_ends_in_one_sentence(linkedin, settings):
    environment = {**environment_of_the_test(settings), "LINKEDIN_CLIENT_SECRET": "wrong-secret"}
    done = manage(environment, "auth", said="some-code\n")
    assert done.returncode == 1
    [sentence] = done.stderr.splitlines()
    assert "check LINKEDIN_CLIENT_ID and LINKEDIN_CLIENT_SECRET" in sentence
    assert "wrong-secret" not in done.stdout + done.stderr
    assert "/oauth/v2/authorization?" in done.stdout, "the page is shown before anything is read"


# --- status ---


@pytest.mark.django_db
def test_status_with_nothing_says_how_to_begin():
    code, out, _ = called("status")
    assert (code, "LinkedIn is not connected yet: run `manage.py auth`" in out) == (0, True)
    assert re.search(r"sync_log\W+0\b", out)
    _, out, _ = called("status", "--json")
    assert json.loads(out) == {
        "connections": [],
        "ad_accounts": [],
        "rows": dict.fromkeys(
            [
                "ad_accounts", "campaigns", "creatives", "campaign_daily_metrics", "creative_daily_metrics",
                "audience_demographics", "sync_log",
            ],
            0,
        ),
    }  # fmt: skip


@pytest.mark.django_db
def test_status_shows_connections_how_recent_the_data_is_and_rows():
    ended = datetime(2026, 11, 20, 8, 30, tzinfo=UTC)
    brand = make_segment(account=make_ad_account(name="Brand")).account
    never = make_ad_account(name="Never")
    make_sync_run(account=brand, started_at=ended, finished_at=ended + timedelta(minutes=1))
    make_sync_run(
        account=brand, status="failed", errors="LinkedIn refuses.",
        started_at=ended + timedelta(hours=4), finished_at=ended + timedelta(hours=4),
    )  # fmt: skip
    end = timezone.now() + timedelta(days=9)
    make_connection(user=make_user(first_name="Maria"), access_token_expires_at=end, refresh_token_expires_at=end)
    until = datetime(2027, 1, 2, tzinfo=UTC)
    make_connection(user=None, state="needs_consent", trouble="Connect again.", access_token_expires_at=until)
    _, out, _ = called("status")
    for shown in ("Maria", "expiring", "no user", "needs_consent", "2027-01-02", "Connect again."):
        assert shown in out
    assert str(brand.pk) in out
    assert "Brand" in out
    assert "2026-11-20 08:30 UTC" in out
    assert "never synced" in out
    assert "LinkedIn refuses." in out
    _, out, _ = called("status", "--json")
    now = json.loads(out)
    names = ("name", "data_as_of", "last_status", "last_errors")
    assert {one["id"]: tuple(one[name] for name in names) for one in now["ad_accounts"]} == {
        brand.pk: ("Brand", "2026-11-20T08:30:00+00:00", "failed", "LinkedIn refuses."),
        never.pk: ("Never", None, None, None),
    }
    assert (now["rows"]["ad_accounts"], now["rows"]["audience_demographics"], now["rows"]["sync_log"]) == (2, 1, 2)
    states = [(one["state"], one["days_left"]) for one in now["connections"]]
    assert states == [("expiring", 9), ("needs_consent", None)]
    assert not re.search(r"access-\d|refresh-\d", out)


@pytest.mark.django_db
def test_status_repeats_the_gate_only_where_it_spoke_after_the_last_success():
    began = datetime(2026, 11, 20, 8, 30, tzinfo=UTC)
    for name, minutes, answer in (("Let in", 0, "never synced successfully"), ("Refused", 5, "paused by Maria")):
        ad_account = make_ad_account(name=name)
        make_sync_run(account=ad_account, started_at=began, finished_at=began + timedelta(minutes=1))
        asked_at = began + timedelta(minutes=minutes)
        SyncGate.objects.create(account=ad_account, asked_at=asked_at, was_due=not minutes, answer=answer)
    _, out, _ = called("status")
    said = " ".join(re.sub("[│┃]", " ", out).split())
    assert "never synced" not in said
    assert "2026-11-20 08:35 UTC: paused by Maria" in said


@pytest.mark.django_db
def test_status_names_missing_scopes_with_the_remedy():
    make_connection(scopes=["r_ads"])
    make_connection(scopes=["openid"], state="needs_consent", trouble="Connect again.")
    _, out, _ = called("status")
    said = " ".join(re.sub("[│┃]", " ", out).split())
    assert "Lacks" in said
    _, out, _ = called("status", "--json")
    lacking, dead = json.loads(out)["connections"]
    assert lacking["missing_scopes"] == ["r_ads_reporting"]
    assert lacking["trouble"].startswith("Lacks r_ads_reporting, which syncs need: add what is missing")
    assert dead["trouble"] == "Connect again."


# --- linkedin_simulator ---


@pytest.mark.installation
@pytest.mark.installation
def test_the_simulator_serves_until_ctrl_c_and_leaves_no_process():
    server = subprocess.Popen(
        [sys.executable, "manage.py", "linkedin_simulator", "--port", "0", "--ad-accounts", "1"],
        cwd=django_settings.BASE_DIR,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert server.stdout
    try:
        address = server.stdout.readline().split()[-1]
        page = requests.get(address, timeout=10)
        assert (page.status_code, "ad accounts" in page.text) == (200, True)
        processes = [psutil.Process(server.pid), *psutil.Process(server.pid).children(recursive=True)]
        server.send_signal(signal.SIGINT)
        out, err = server.communicate(timeout=20)
    finally:
        server.kill()
        server.communicate()
    assert (server.returncode, err) == (0, "")
    assert out.endswith("Stopped.\n")
    assert not psutil.wait_procs(processes, timeout=30)[1]
    with pytest.raises(requests.ConnectionError):
        requests.get(address, timeout=5)


def test_the_simulator_on_a_port_in_use_names_the_option():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(CommandError, match=rf"Port {port} cannot be used .*; choose another with --port\.$") as end:
            call_command("linkedin_simulator", "--port", str(port))
    assert end.value.returncode == 1


@pytest.mark.parametrize("words", [["--campaigns", "6000"], ["--port", "70000"]])
def test_the_simulator_with_impossible_options_is_wrong_usage(words):
    with pytest.raises(CommandError) as end:
        call_command("linkedin_simulator", *words)
    assert end.value.returncode == 2


@pytest.mark.django_db
def test_status_says_what_ends_when():
    """Tokens are renewed until the consent ends: the days that are left are those of the consent."""
    make_connection(user=make_user())
    _, out, _ = called("status")
    assert "Access token until" in " ".join(out.split()) or "Access token" in out
    assert "Consent" in out
    assert "Days left" not in out
