"""People with second steps, and browsers that passed one."""

import base64
import time
from datetime import datetime

from django.test import Client
from django.utils import timezone
from django_otp.oath import totp

from accounts.models import AuthenticatorApp, User
from accounts.sign_in.second_step import one_time_codes
from tests.conftest import signed_in


def give_app(person: User, *, name: str = "Phone") -> AuthenticatorApp:
    """A confirmed authenticator app of this person, which has not given a code yet."""
    now = timezone.now()
    app = AuthenticatorApp.objects.create(
        user=person, name=name, secret=one_time_codes.new_secret(), created_at=now, confirmed_at=now
    )
    person.second_step_since = now
    person.save(update_fields=["second_step_since"])
    return app


def code_of(app: AuthenticatorApp | str, *, at: datetime | None = None, steps: int = 0) -> str:
    """The six digits that the app shows; `steps` of 30 seconds later."""
    secret = app if isinstance(app, str) else str(app.secret)
    instant = (at or timezone.now()).timestamp()
    # `totp` counts from the real clock.
    offset = int(time.time()) - int(instant)
    return f"{totp(base64.b32decode(secret), t0=offset, drift=steps):06d}"


def passed(person: User, *, seconds_ago: int = 0) -> Client:
    """A browser of theirs whose session passed the second step."""
    browser = signed_in(person)
    session = browser.session
    session["second_step"] = {"person": person.pk, "at": int(time.time()) - seconds_ago}
    session.save()
    return browser
