"""`manage.py demo`: the whole product against a simulated LinkedIn, from nothing to synced data."""

import os
import shlex
import sys
import threading

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from honcho.manager import Manager
from rich.console import Console

from ingestion.demo.journey import OWNER_EMAIL, OWNER_PASSWORD, DemoFailed, Journey, make_owner
from ingestion.processes.local_stack import PortTaken, prepare_database, require_free_port, supervisor
from ingestion.processes.terminal import console, row_table
from ingestion.timetable.sync_status import row_counts

# Set in the environment of the demo itself, so that it is set up once.
_READY = "LINKEDIN_ADS_DEMO"


class Command(BaseCommand):
    requires_system_checks: list[str] = []  # noqa: RUF012
    help = "Try everything out against a simulated LinkedIn; keeps its data separate, under .local/demo."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--once", action="store_true", help="stop after the first complete sync")
        parser.add_argument("--port", type=int, default=8000, help="of the web pages (default 8000)")
        parser.add_argument("--simulator-port", type=int, default=8100, help="of the simulated LinkedIn (default 8100)")

    def handle(self, *_: object, once: bool, port: int, simulator_port: int, **__: object) -> None:
        if _READY not in os.environ:
            _start_again_in_the_demos_environment(port, simulator_port)
        try:
            require_free_port(port, option="make demo ARGS='--port 8001'")
            require_free_port(simulator_port, option="make demo ARGS='--simulator-port 8101'")
        except PortTaken as taken:
            raise CommandError(str(taken)) from None
        out = console(self.stdout)
        out.print("Preparing the databases …")
        prepare_database()
        make_owner()
        log_path = settings.DATA_DIR / "demo.log"
        with log_path.open("w", buffering=1) as log:
            manager = supervisor(
                port=port,
                extra={
                    "linkedin": f"{shlex.quote(sys.executable)} manage.py linkedin_simulator --port {simulator_port}"
                },
                output=log,
            )
            guide = _Guide(Journey(port), manager, out, once=once, log_path=str(log_path))
            thread = threading.Thread(target=guide.lead, daemon=True)
            thread.start()
            manager.loop()
            guide.stopped.set()
            thread.join(timeout=10)
        guide.leave(manager.returncode)


def _start_again_in_the_demos_environment(port: int, simulator_port: int) -> None:
    """Replace this process by one whose settings point at the simulator and at the demo's own data."""
    linkedin = f"http://127.0.0.1:{simulator_port}"
    site = f"http://127.0.0.1:{port}"
    demo = {
        _READY: "1",
        # The .env of a real installation does not apply here.
        "SITE_URL": site,
        "ALLOWED_HOSTS": "127.0.0.1,localhost",
        "DATA_DIR": str(settings.DATA_DIR / "demo"),
        "LINKEDIN_API_BASE_URL": linkedin,
        "LINKEDIN_AUTH_BASE_URL": linkedin,
        "LINKEDIN_CLIENT_ID": "simulated-ads-app",
        "LINKEDIN_CLIENT_SECRET": "simulated-ads-secret",
        "LINKEDIN_LOGIN_CLIENT_ID": "simulated-login-app",
        "LINKEDIN_LOGIN_CLIENT_SECRET": "simulated-login-secret",
        "LINKEDIN_REDIRECT_URI": f"{site}/linkedin/callback/",
    }
    sys.stdout.flush()
    os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, **demo})  # noqa: S606  # nosec B606


class _Guide:
    """Leads the journey beside the supervisor and decides how the demo ends."""

    def __init__(self, journey: Journey, manager: Manager, out: Console, *, once: bool, log_path: str) -> None:
        self.stopped = threading.Event()
        self._journey = journey
        self._manager = manager
        self._out = out
        self._once = once
        self._log_path = log_path
        self._outcome: str | None = "did not finish"

    def lead(self) -> None:
        try:
            self._journey.run(show=self._out.print, stopped=self.stopped)
            self._show()
            self._outcome = None
        except DemoFailed as failed:
            self._outcome = str(failed)
        except Exception as error:  # the demo must end, whatever went wrong
            self._outcome = f"{type(error).__name__}: {error}"
        if self._outcome or self._once:
            self._manager.terminate()

    def leave(self, supervisor_code: int | None) -> None:
        """Exit with the journey's result; Ctrl-C after it counts as success."""
        if self._outcome is None:
            self._out.print("Stopped.")
            return
        if supervisor_code == 130:
            sys.exit(130)
        if supervisor_code == 1:
            self._outcome = "one of its processes ended unexpectedly."
        raise CommandError(f"The demo failed: {self._outcome} (output of its processes: {self._log_path})")

    def _show(self) -> None:
        self._out.print(row_table(row_counts()))
        if not self._once:
            self._out.print(f"Pages:    {self._journey.url}", highlight=False)
            self._out.print(f"Login:    {OWNER_EMAIL}  password: {OWNER_PASSWORD}", highlight=False)
            self._out.print(f"LinkedIn: {settings.LINKEDIN_API_BASE_URL} (simulated)", highlight=False)
            self._out.print("Ctrl-C stops everything; the data stays.")
