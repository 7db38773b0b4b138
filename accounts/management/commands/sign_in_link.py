"""`manage.py sign_in_link EMAIL`: an owner's way back where single sign-on or the mail server fails."""

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.models import User
from accounts.roles import Role
from accounts.sign_in import sign_in_links


class Command(BaseCommand):
    help = "Print a link that signs an owner in once, within ten minutes."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email", metavar="EMAIL", help="the owner's e-mail address")

    def handle(self, *_: object, email: str, **__: object) -> None:
        try:
            person = User.objects.get_by_natural_key(email)
        except User.DoesNotExist:
            raise CommandError(
                f"Nobody here has the address {email}; `manage.py createsuperuser` adds an owner."
            ) from None
        if person.role != Role.OWNER or not person.is_active:
            raise CommandError(f"{email} is not an active owner; only owners get a link, and they help the others.")
        self.stdout.write(sign_in_links.create(person))
        self.stderr.write(
            f"Valid once, for {sign_in_links.MINUTES} minutes; the second step is still due where it is set up."
        )
