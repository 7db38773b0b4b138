"""Findings: what the rules of the checks report."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from reporting.checks.severity import Severity


class Finding(models.Model):
    """One rule's finding about one campaign or creative, from its first day on; only `checks/findings.py` writes it.

    State, and who changes it:
    `open` → `snoozed` (a person, until a day) | `accepted` (a person, with a reason) | `fixed` (a check: the cause
    is gone).
    `snoozed` → `open` (the day has come, or a person reopens it) | `accepted` | `fixed`.
    `accepted` → `open` (a check: the evidence is materially worse than what was accepted; or a person reopens it)
    | `snoozed` | `fixed`.
    `fixed` → `open` (a check: the cause is back; the row and its history stay, `times_seen` grows).
    A finding that a check skips stays as it is.
    """

    class State(models.TextChoices):
        OPEN = "open", "Open"
        SNOOZED = "snoozed", "Snoozed"
        ACCEPTED = "accepted", "Accepted"
        FIXED = "fixed", "Fixed"

    SEVERITIES = [(one.value, one.value.capitalize()) for one in Severity]

    personal_data = frozenset({"accepted_reason", "history"})

    ad_account = models.ForeignKey("accounts.AdAccount", models.CASCADE, related_name="findings", db_index=False)
    campaign = models.ForeignKey("ingestion.Campaign", models.CASCADE, null=True, related_name="findings")
    creative = models.ForeignKey("ingestion.Creative", models.CASCADE, null=True, related_name="findings")
    rule_id = models.CharField("rule", max_length=64, help_text="id of a rule of docs/action-center.md")
    severity = models.CharField(max_length=16, choices=SEVERITIES)
    sentence = models.TextField(help_text="what is wrong, as of `last_seen_at`")
    evidence = models.JSONField(default=list, help_text="label, value and unit of each supporting fact")
    weight = models.DecimalField(
        max_digits=30, decimal_places=10, default=1, help_text="how severe it is, in the rule's own unit"
    )
    money_at_stake = models.DecimalField(max_digits=24, decimal_places=10, null=True)
    currency = models.TextField(null=True, help_text="of `money_at_stake`: the ad account's")
    first_seen_at = models.DateTimeField(help_text="start of the sync that first showed it")
    last_seen_at = models.DateTimeField(help_text="start of the last sync that showed it")
    reopened_at = models.DateTimeField(null=True, help_text="when it was last reopened")
    changed_at = models.DateTimeField(
        default=timezone.now, help_text="when anything but `last_seen_at` last changed: evidence, state, assignee"
    )
    times_seen = models.IntegerField(default=1, help_text="how many times it appeared, including the first")
    state = models.CharField(max_length=16, choices=State, default=State.OPEN)
    snoozed_until = models.DateField(null=True, help_text="the UTC day on which it reopens")
    accepted_reason = models.TextField(null=True)
    accepted_weight = models.DecimalField(
        max_digits=30, decimal_places=10, null=True, help_text="its weight when it was accepted"
    )
    fixed_at = models.DateTimeField(null=True, help_text="start of the first sync without its cause")
    saved = models.DecimalField(
        max_digits=24, decimal_places=10, null=True, help_text="the amount at stake before it was fixed"
    )
    assigned_to = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", help_text="who is responsible for it"
    )
    history = models.JSONField(
        default=list, help_text="its history, oldest first: when, what, by whom, why; the latest 100 entries"
    )

    class Meta:
        db_table = "findings"
        ordering = ["-last_seen_at", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["ad_account", "rule_id", "campaign", "creative"],
                nulls_distinct=False,
                name="a_rule_has_one_finding_per_thing",
            ),
            models.CheckConstraint(
                condition=Q(state="snoozed", snoozed_until__isnull=False)
                | (~Q(state="snoozed") & Q(snoozed_until=None)),
                name="a_finding_has_a_day_while_it_is_snoozed",
            ),
            models.CheckConstraint(
                condition=Q(state="accepted", accepted_reason__isnull=False, accepted_weight__isnull=False)
                | (~Q(state="accepted") & Q(accepted_reason=None, accepted_weight=None)),
                name="a_finding_has_a_reason_while_it_is_accepted",
            ),
            models.CheckConstraint(
                condition=Q(state="fixed", fixed_at__isnull=False) | (~Q(state="fixed") & Q(fixed_at=None, saved=None)),
                name="a_finding_has_a_fix_while_it_is_fixed",
            ),
        ]
        indexes = [
            # The list of an ad account's open findings, and their counts.
            models.Index(fields=["ad_account", "state"], name="findings_by_state"),
        ]

    def __str__(self) -> str:
        return self.sentence
