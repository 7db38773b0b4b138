"""`manage.py reset_second_step EMAIL`: for somebody who lost their device and their recovery codes."""

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.models import User
from accounts.sign_in.second_step import devices, guesses


class Command(BaseCommand):
    help = "Remove the authenticator apps, passkeys and recovery codes of a person, and end their sessions."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email", metavar="EMAIL", help="the person's e-mail address")

    def handle(self, *_: object, email: str, **__: object) -> None:
        try:
            person = User.objects.get_by_natural_key(email)
        except User.DoesNotExist:
            raise CommandError(f"Nobody here has the address {email}.") from None
        count = devices.reset(person, actor=None, by="command")
        guesses.forget(person.email)
        self.stdout.write(
            f"{count} device{'' if count == 1 else 's'} of {person.email} removed, and all their sessions ended. If "
            "their role needs a second step, the next sign-in sets one up."
        )
