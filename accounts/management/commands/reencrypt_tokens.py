"""`manage.py reencrypt_tokens`: the step between adding an encryption key and removing the old one."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts import audit_trail
from accounts.consents import tokens
from accounts.sign_in.second_step import devices


class Command(BaseCommand):
    help = "Encrypt LinkedIn tokens and secrets of authenticator apps again, with the first of FIELD_ENCRYPTION_KEYS."

    def handle(self, *_: object, **__: object) -> None:
        done, unreadable = tokens.reencrypt()
        apps, unreadable_apps = devices.reencrypt()
        detail: dict[str, Any] = {"connections": done, "unreadable": unreadable}
        if apps or unreadable_apps:
            detail |= {"authenticator_apps": apps, "unreadable_apps": unreadable_apps}
        audit_trail.record("tokens_reencrypted", by="command", **detail)
        self.stdout.write(f"{done} {'connection is' if done == 1 else 'connections are'} encrypted with the first key.")
        if apps:
            self.stdout.write(f"{apps} authenticator {'app is' if apps == 1 else 'apps are'} encrypted with it, too.")
        if unreadable:
            which = f"connection{'' if len(unreadable) == 1 else 's'} {', '.join(map(str, unreadable))}"
            raise CommandError(
                f"No key opens the tokens of LinkedIn {which}; put the key they were encrypted with back into "
                "FIELD_ENCRYPTION_KEYS and run this again, or connect LinkedIn again."
            )
        if unreadable_apps:
            raise CommandError(
                f"No key opens the secrets of {len(unreadable_apps)} authenticator apps; put the key they were "
                "encrypted with back into FIELD_ENCRYPTION_KEYS and run this again, or reset the second step of their "
                "people."
            )
