"""One e-mail to the owners about events that alert."""

from collections.abc import Sequence
from typing import Final
from urllib.parse import urljoin

from django.conf import settings
from django.core.mail import EmailMessage
from django.template.loader import render_to_string
from django.urls import reverse

from accounts.audit import alerts
from accounts.audit.alert_rules import RULES
from accounts.audit.document import ad_account_names
from accounts.audit.sentences import sentence
from accounts.models import AuditEvent, User
from accounts.roles import Role

# The page lists the rest.
_MAX_LINES: Final = 50


def send(events: Sequence[AuditEvent]) -> None:
    """Raises OSError if the mail server does not accept it; without an active owner there is nobody to write to."""
    owners = User.objects.filter(role=Role.OWNER, is_active=True).order_by("email")
    recipients = list(owners.values_list("email", flat=True))
    if not recipients:
        return
    names = ad_account_names(events)
    lines = [
        (event.happened_at, sentence(event, ad_account_name=names.get(event.ad_account_id or 0)))
        for event in events[:_MAX_LINES]
    ]
    context = {
        "lines": lines,
        "more": len(events) - len(lines),
        "alerts_url": urljoin(settings.SITE_URL, reverse("admin:accounts_auditalert_changelist")),
        "settings_name": "AUDIT_ALERTS",
    }
    EmailMessage(_subject(events), render_to_string("email/audit_alerts.txt", context), to=recipients).send()


def _subject(events: Sequence[AuditEvent]) -> str:
    rules = [rule for names in alerts.rules_by_event(events).values() for rule in names if rule in RULES]
    return RULES[rules[0]].title if len(set(rules)) == 1 else f"{len(events)} alerts"
