"""Warns by e-mail before an API token ends: its person, or whoever is responsible for its service account.

A warning is claimed and sent in one transaction: two workers send one, and one that could not be sent is tried again
at the next run of the timetable.
"""

from datetime import datetime, timedelta
from math import ceil
from typing import Final
from urllib.parse import urljoin

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.template.loader import render_to_string
from django.urls import reverse

from accounts.models import ApiToken, User
from accounts.roles import Role

# Days before the end of a token.
STEPS: Final = (14, 7, 1)
_DAY: Final = timedelta(days=1)


def tokens_to_warn_about(*, now: datetime) -> list[int]:
    """Tokens with a warning that is due and was not sent."""
    ending = ApiToken.objects.filter(expiry__gt=now, expiry__lte=now + max(STEPS) * _DAY).order_by("pk")
    return [token.pk for token in ending if _step(token, now=now) is not None]


@transaction.atomic
def warn(token_id: int, *, now: datetime) -> bool:
    """Send the warning that is due for one token, unless somebody else did; returns whether a message was sent.

    Raises OSError if the mail server does not accept it.
    """
    rows = ApiToken.objects.select_for_update(of=("self",)).select_related("user__responsible")
    token = rows.filter(pk=token_id).first()
    step = _step(token, now=now) if token else None
    if token is None or step is None:
        return False
    recipients = _recipients(token.user)
    if not recipients:
        return False
    ApiToken.objects.filter(pk=token.pk).update(warned_days=step)
    _message(token, recipients, now=now).send()
    return True


def _step(token: ApiToken, *, now: datetime) -> int | None:
    """The step to warn about now; a token that lasts no longer than a step gets no warning of it."""
    if token.expiry <= now:
        return None
    days_left, whole_life = _days_left(token, now=now), (token.expiry - token.created).days
    step = min((step for step in STEPS if days_left <= step < whole_life), default=None)
    is_due = step is not None and (token.warned_days is None or step < token.warned_days)
    return step if is_due else None


def _days_left(token: ApiToken, *, now: datetime) -> int:
    return ceil((token.expiry - now) / _DAY)


def _recipients(user: User) -> list[str]:
    """The person, or the one responsible for the service account; all owners where that is nobody who is active."""
    if not user.is_service_account:
        return [user.email] if user.is_active else []
    if user.responsible and user.responsible.is_active:
        return [user.responsible.email]
    owners = User.objects.filter(role=Role.OWNER, is_active=True)
    return sorted(owners.values_list("email", flat=True))


def _message(token: ApiToken, recipients: list[str], *, now: datetime) -> EmailMessage:
    days_left = _days_left(token, now=now)
    is_service = token.user.is_service_account
    own = reverse("accounts:api_tokens")
    page = reverse("accounts:service_account_tokens", args=[token.user.pk]) if is_service else own
    context = {
        "token": token,
        "is_service": is_service,
        "when": f"in {days_left} {'day' if days_left == 1 else 'days'}",
        "url": urljoin(settings.SITE_URL, page),
    }
    return EmailMessage(
        f"An API token ends {context['when']}", render_to_string("email/api_token_ending.txt", context), to=recipients
    )
