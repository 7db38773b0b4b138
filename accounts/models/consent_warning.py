"""Which warnings about ending LinkedIn consents were sent."""

from django.db import models


class ConsentWarning(models.Model):
    """One e-mail about one consent; `accounts/consents/warnings.py` is the only writer.

    A new consent on the same connection has a `consented_at` of its own and gets its own warnings.
    """

    personal_data: frozenset[str] = frozenset()

    connection = models.ForeignKey(
        "accounts.LinkedInConnection", models.CASCADE, related_name="warnings", db_index=False
    )
    consented_at = models.DateTimeField(help_text="when the consent it warns about was given")
    days = models.IntegerField(help_text="how many days before the end it warns; 0 once the consent is lost")
    sent_at = models.DateTimeField()

    class Meta:
        db_table = "consent_warnings"
        verbose_name = "consent warning"
        constraints = [
            models.UniqueConstraint(
                fields=["connection", "consented_at", "days"], name="a_consent_is_warned_of_once_per_step"
            ),
        ]

    def __str__(self) -> str:
        return f"Warning at {self.days} days of LinkedIn connection {self.connection_id}"
