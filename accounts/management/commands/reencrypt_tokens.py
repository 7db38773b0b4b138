"""`manage.py reencrypt_tokens`: the step between adding an encryption key and removing the old one."""

from django.core.management.base import BaseCommand, CommandError

from accounts import audit_trail
from accounts.consents import tokens


class Command(BaseCommand):
    help = "Encrypt the stored LinkedIn tokens again, with the first of FIELD_ENCRYPTION_KEYS."

    def handle(self, *_: object, **__: object) -> None:
        done, unreadable = tokens.reencrypt()
        audit_trail.record("tokens_reencrypted", connections=done, unreadable=unreadable, by="command")
        self.stdout.write(f"{done} {'connection is' if done == 1 else 'connections are'} encrypted with the first key.")
        if unreadable:
            which = f"connection{'' if len(unreadable) == 1 else 's'} {', '.join(map(str, unreadable))}"
            raise CommandError(
                f"No key opens the tokens of LinkedIn {which}; put the key they were encrypted with back into "
                "FIELD_ENCRYPTION_KEYS and run this again, or connect LinkedIn again."
            )
