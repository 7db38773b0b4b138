"""What a person does on the first day, done by the demo: log in, connect LinkedIn, wait for the first sync."""

import re
import threading
import time
from collections.abc import Callable
from html import unescape

import requests
from django.db import connections

from accounts.models import AdAccount, User
from ingestion.models import SyncLog

OWNER_EMAIL = "owner@example.com"
OWNER_PASSWORD = "demo"  # noqa: S105  (of a demo that listens on this machine alone)

_START_SECONDS = 60
_SYNC_SECONDS = 150
_HIDDEN_FIELD = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)"')


class DemoFailed(Exception):
    """The journey did not reach its end; the message says where."""


def make_owner() -> None:
    """The demo's login."""
    if not User.objects.filter(email=OWNER_EMAIL).exists():
        User.objects.create_superuser(OWNER_EMAIL, OWNER_PASSWORD, first_name="Demo", last_name="Owner")
    connections.close_all()


class Journey:
    """The steps, through the web pages as a browser would take them."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}/"
        self._browser = requests.Session()
        self._browser.trust_env = False

    def run(self, *, show: Callable[[str], None], stopped: threading.Event) -> None:
        """Every step; `show` is called with each. Raises DemoFailed."""
        show("Starting web, worker, beat and the simulated LinkedIn …")
        self._wait_for_pages(stopped)
        show("Logging in and connecting LinkedIn through its consent page …")
        already = self._finished_runs()
        self._log_in()
        self._consent()
        show("Waiting for the worker to sync …")
        try:
            self._wait_for_syncs(already, show, stopped)
        finally:
            connections.close_all()

    def _wait_for_pages(self, stopped: threading.Event) -> None:
        end = time.monotonic() + _START_SECONDS
        while time.monotonic() < end and not stopped.is_set():
            try:
                if self._browser.get(f"{self.url}admin/login/", timeout=5).ok:
                    return
            except requests.RequestException:
                time.sleep(0.2)
        raise DemoFailed("the web pages did not come up.")

    def _log_in(self) -> None:
        answer = self._submit(f"{self.url}admin/login/", username=OWNER_EMAIL, password=OWNER_PASSWORD)
        if "/admin/login/" in answer.url:
            raise DemoFailed("the demo's login was refused; remove .local/demo and start again.")

    def _consent(self) -> None:
        page = self._submit(f"{self.url}linkedin/connect/")
        if "/oauth/v2/authorization" in page.url:
            fields = dict(_HIDDEN_FIELD.findall(page.text))
            page = self._browser.post(
                page.url.partition("?")[0],
                data={name: unescape(value) for name, value in fields.items()} | {"decision": "allow", "member": "1"},
                timeout=30,
            )
        if not page.ok or not page.url.startswith(f"{self.url}admin/"):
            raise DemoFailed(f"LinkedIn's consent did not come back ({page.status_code} at {page.url}).")

    def _submit(self, url: str, **fields: str) -> requests.Response:
        """Load a page's form and send it, as a person would."""
        form = dict(_HIDDEN_FIELD.findall(self._browser.get(url, timeout=30).text))
        return self._browser.post(url, data={**form, **fields}, headers={"Referer": url}, timeout=30)

    def _wait_for_syncs(self, already: set[int], show: Callable[[str], None], stopped: threading.Event) -> None:
        """Until discovery and the sync of every ad account it found have ended, or none was due."""
        end = time.monotonic() + _SYNC_SECONDS
        shown: set[int] = set()
        while time.monotonic() < end and not stopped.is_set():
            all_synced = self._all_synced(already)  # before reading the runs, so that the last one is shown too
            runs = SyncLog.objects.exclude(pk__in=already).select_related("account").order_by("pk")
            for run in runs:
                if run.status != SyncLog.Status.RUNNING and run.pk not in shown:
                    shown.add(run.pk)
                    show(_sentence(run))
            if all_synced:
                if not any(run.account for run in runs):
                    show("  nothing is due: all ad accounts were synced recently")
                return
            time.sleep(0.3)
        raise DemoFailed("the first sync did not finish in time.")

    def _all_synced(self, already: set[int]) -> bool:
        new = SyncLog.objects.exclude(pk__in=already)
        failed = new.filter(status__in=[SyncLog.Status.FAILED, SyncLog.Status.PARTIAL]).first()
        if failed:
            raise DemoFailed(failed.errors or "a sync failed.")
        if not new.filter(account=None, status=SyncLog.Status.SUCCESS).exists():
            return False
        ad_accounts = AdAccount.objects.count()
        synced = SyncLog.objects.filter(status=SyncLog.Status.SUCCESS, account__isnull=False)
        return synced.values("account").distinct().count() >= ad_accounts and not new.filter(status="running").exists()

    def _finished_runs(self) -> set[int]:
        return set(SyncLog.objects.values_list("pk", flat=True))


def _sentence(run: SyncLog) -> str:
    if run.account is None:
        return f"  ad accounts found: {AdAccount.objects.count()}"
    return f"  {run.account}: {run.status}, {run.rows_stored:,} rows in {run.api_calls_made} calls"
