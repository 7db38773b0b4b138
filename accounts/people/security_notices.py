"""E-mails to a person about what was done with their account, so that they notice what they did not do themselves.

A message goes out by a task after the commit: a mail server that is slow or down keeps nobody waiting, and what is
rolled back is not reported.
"""

import logging
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final
from urllib.parse import urljoin

from celery import shared_task
from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone

from accounts.models import User

log = logging.getLogger(__name__)


class Notice(StrEnum):
    """What happened to an account."""

    NEW_DEVICE = "new_device"
    PASSWORD_CHANGED = "password_changed"  # noqa: S105
    SECOND_STEP_ADDED = "second_step_added"
    SECOND_STEP_REMOVED = "second_step_removed"
    RECOVERY_CODE_USED = "recovery_code_used"
    API_TOKEN_ISSUED = "api_token_issued"  # noqa: S105
    API_TOKEN_REVOKED = "api_token_revoked"  # noqa: S105
    CONSENT_GIVEN = "consent_given"
    CONSENT_ENDED = "consent_ended"


@dataclass(frozen=True, slots=True)
class _Text:
    """`sentence` names what `notify` is given as `detail`; `route` is where the person can undo it."""

    subject: str
    sentence: str
    route: str


_TEXTS: Final = {
    Notice.NEW_DEVICE: _Text(
        "New sign-in", "Somebody signed in as you with {device} from {ip}, for the first time there.", "people:me"
    ),
    Notice.PASSWORD_CHANGED: _Text("Your password was changed", "Your password was changed {how}.", "people:me"),
    Notice.SECOND_STEP_ADDED: _Text(
        "A second step was added", "{name} was added as a second step for signing in as you.", "people:me"
    ),
    Notice.SECOND_STEP_REMOVED: _Text(
        "A second step was removed", "{name} no longer protects your sign-in as a second step.", "people:me"
    ),
    Notice.RECOVERY_CODE_USED: _Text(
        "A recovery code was used", "A recovery code was used to sign in as you; {left} are left.", "people:me"
    ),
    Notice.API_TOKEN_ISSUED: _Text(
        "New API token", "An API token named “{name}” was created in your name.", "accounts:api_tokens"
    ),
    Notice.API_TOKEN_REVOKED: _Text(
        "API token ended", "Your API token “{name}” has ended: {why}.", "accounts:api_tokens"
    ),
    Notice.CONSENT_GIVEN: _Text(
        "LinkedIn connected",
        "LinkedIn was connected in your name: syncs read the ad accounts you may see.",
        "people:me",
    ),
    Notice.CONSENT_ENDED: _Text("LinkedIn consent ended", "Your LinkedIn consent was ended by {who}.", "people:me"),
}


def notify(person: User, notice: Notice, **detail: str) -> None:
    """Tell a person by e-mail, once the transaction has committed."""
    at = timezone.now().isoformat()
    transaction.on_commit(lambda: send_notice.delay(person.pk, notice.value, at, detail), robust=True)


@shared_task(
    name="accounts.tasks.send_notice", autoretry_for=(OSError,), retry_backoff=60, retry_jitter=False, max_retries=6
)
def send_notice(person_id: int, notice: str, at: str, detail: dict[str, str]) -> dict[str, int]:
    """E-mail one notice; what the mail server refuses is tried again for an hour."""
    person = User.objects.filter(pk=person_id).first()
    if person is None:
        log.info("The person of notice %s is gone", notice)
        return {"sent": 0}
    text = _TEXTS[Notice(notice)]
    context = {
        "person": person,
        "sentence": text.sentence.format_map(detail),
        "at": datetime.fromisoformat(at),
        "url": urljoin(settings.SITE_URL, reverse(text.route)),
        "password_url": urljoin(settings.SITE_URL, reverse("people:password_reset")),
    }
    subject = f"{text.subject}: LinkedIn Ads Action Center"
    return {"sent": EmailMessage(subject, render_to_string("email/notice.txt", context), to=[person.email]).send()}
