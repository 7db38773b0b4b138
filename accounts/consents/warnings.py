"""Warns people by e-mail that a LinkedIn consent ends, or is lost; the only writer of consent_warnings.

A warning is claimed and sent in one transaction: two workers send one, and one that could not be sent is tried
again at the next run of the timetable.
"""

from datetime import datetime
from typing import Final
from urllib.parse import urljoin

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.template.loader import render_to_string
from django.urls import reverse

from accounts.models import ConsentWarning, LinkedInConnection, User
from accounts.roles import Role

# Days before the end of a consent.
STEPS: Final = (60, 30, 14, 7, 1)
_LOST: Final = 0


def connections_to_warn_about(*, now: datetime) -> list[int]:
    """Connections with a warning that is due and was not sent."""
    watched = LinkedInConnection.objects.exclude(state=LinkedInConnection.State.REVOKED)
    sent = set(ConsentWarning.objects.values_list("connection", "consented_at", "days"))
    rows = watched.without_tokens().order_by("pk")
    return [row.pk for row in rows if _is_due(row, sent, now=now)]


def warn(connection_id: int, *, now: datetime) -> bool:
    """Send the warning that is due for one connection, unless somebody else did; returns whether a message was sent.

    Raises OSError if the mail server does not accept it.
    """
    rows = LinkedInConnection.objects.select_related("user").without_tokens()
    connection = rows.filter(pk=connection_id).first()
    step = step_of(connection, now=now) if connection else None
    if connection is None or step is None:
        return False
    recipients = _recipients(connection)
    if not recipients:
        return False
    with transaction.atomic():
        _, is_new = ConsentWarning.objects.get_or_create(
            connection=connection, consented_at=connection.connected_at, days=step, defaults={"sent_at": now}
        )
        if is_new:
            _message(connection, step, recipients, now=now).send()
    return is_new


def step_of(connection: LinkedInConnection, *, now: datetime) -> int | None:
    """The step of STEPS to warn about now; 0 for a lost consent, None for no warning.

    A consent shorter than a step gets no warning on the day it is given.
    """
    if connection.state == LinkedInConnection.State.REVOKED:
        return None
    if not connection.is_living(now):
        return _LOST
    days_left = connection.days_left(now)
    whole_life = (connection.consent_ends_at - connection.connected_at).days
    return min((step for step in STEPS if days_left <= step < whole_life), default=None)


def _is_due(row: LinkedInConnection, sent: set[tuple[int, datetime, int]], *, now: datetime) -> bool:
    step = step_of(row, now=now)
    return step is not None and (row.pk, row.connected_at, step) not in sent


def _recipients(connection: LinkedInConnection) -> list[str]:
    """The owners and the person who consented, if they are still active."""
    owners = User.objects.filter(role=Role.OWNER, is_active=True)
    people = set(owners.values_list("email", flat=True))
    if connection.user and connection.user.is_active:
        people.add(connection.user.email)
    return sorted(people)


def _message(connection: LinkedInConnection, step: int, recipients: list[str], *, now: datetime) -> EmailMessage:
    template = "consent_lost" if step == _LOST else "consent_ending"
    days_left = connection.days_left(now)
    when = f"ends in {days_left} {'day' if days_left == 1 else 'days'}"
    context = {
        "connection": connection,
        "person": connection.user.get_full_name() or connection.user.email if connection.user else None,
        "when": when,
        "ends_at": connection.consent_ends_at,
        "connect_url": urljoin(settings.SITE_URL, reverse("accounts:connect")),
    }
    subject = "LinkedIn needs a new consent" if step == _LOST else f"The LinkedIn consent {when}"
    return EmailMessage(subject, render_to_string(f"email/{template}.txt", context), to=recipients)
