"""Sends the link with which a person sets a new password.

A task does it: the page would take longer for addresses with an account, and so reveal them.
"""

import logging
from typing import Final
from urllib.parse import urljoin

import redis
from celery import shared_task
from django.conf import settings
from django.contrib.auth.tokens import default_token_generator
from django.core.cache import cache
from django.core.mail import EmailMessage
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

from accounts.models import User

log = logging.getLogger(__name__)

# One message per address in five minutes is enough for people, and too few to flood a mailbox.
_PAUSE_SECONDS: Final = 300


@shared_task(name="accounts.tasks.send_password_link", ignore_result=True)
def send_link(email: str) -> None:
    """E-mail a link to the person with this address, if they sign in with a password."""
    person = User.objects.with_email(email)
    if person is None or not person.is_active or not person.has_usable_password() or _was_sent_recently(person):
        return
    try:
        _message(person).send()
    except OSError as error:
        log.warning("A password link was not sent (%s); check the EMAIL_ settings.", type(error).__name__)


def _message(person: User) -> EmailMessage:
    """The link has this service's own address, whatever host the request named."""
    uid, token = urlsafe_base64_encode(force_bytes(person.pk)), default_token_generator.make_token(person)
    url = urljoin(settings.SITE_URL, reverse("people:new_password", kwargs={"uidb64": uid, "token": token}))
    body = render_to_string("email/password_reset.txt", {"email": person.email, "url": url})
    return EmailMessage("Reset your LinkedIn Ads Action Center password", body, to=[person.email])


def _was_sent_recently(person: User) -> bool:
    """Whether a link was sent in the last minutes; one message is enough."""
    try:
        return not cache.add(f"password-reset:{person.pk}", 1, timeout=_PAUSE_SECONDS)
    except redis.RedisError as error:
        log.warning("Password resets are not counted: Valkey does not answer (%s).", type(error).__name__)
        return False
