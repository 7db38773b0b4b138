"""`manage.py run`: web, worker and beat on this machine, against the LinkedIn named in .env."""

import sys

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.models import User
from ingestion.processes.local_stack import PortTaken, prepare_database, require_free_port, supervisor


class Command(BaseCommand):
    help = "Start web, worker and beat together; Ctrl-C stops them."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--port", type=int, default=8000, help="of the web pages (default 8000)")

    def handle(self, *_: object, port: int, **__: object) -> None:
        try:
            require_free_port(port, option="make run ARGS='--port 8001'")
        except PortTaken as taken:
            raise CommandError(str(taken)) from None
        prepare_database()
        self.stdout.write(f"Starting. Pages: http://127.0.0.1:{port}/  (Ctrl-C stops everything)")
        if not User.objects.exists():
            self.stdout.write("No users yet: run `.venv/bin/python manage.py createsuperuser` in another terminal.")
        if not settings.LINKEDIN_CLIENT_ID:
            self.stdout.write("No LinkedIn app yet: copy .env.example to .env and fill in LINKEDIN_CLIENT_ID.")
        manager = supervisor(port=port)
        manager.loop()
        sys.exit(0 if manager.returncode == 130 else manager.returncode or 0)
