"""Failed logins and the like, counted by account and by network."""

from django.db import models


class FailedLogin(models.Model):
    """How often one secret was guessed wrong; `accounts/sign_in/lock_out.py` is the only writer.

    One row each per door for: an account from one network, the account from anywhere, and one network for all accounts.
    """

    class Door(models.TextChoices):
        PASSWORD = "password", "Password"
        RESET = "reset", "Forgotten password"
        SECOND_STEP = "second_step", "Second step"
        API_TOKEN = "api_token", "API token"

    personal_data = frozenset({"account", "network"})

    door = models.CharField("what was tried", max_length=16, choices=Door)
    account = models.CharField(
        max_length=254,
        blank=True,
        help_text="the e-mail address that was tried, whether or not it is known; empty for all",
    )
    network = models.CharField(
        max_length=43, blank=True, help_text="IPv4 address, /24, or IPv6 /64 the tries came from; empty for all"
    )
    failures = models.IntegerField()
    last_failed_at = models.DateTimeField("last try")

    class Meta:
        db_table = "failed_logins"
        verbose_name = "failed login"
        constraints = [
            models.UniqueConstraint(fields=["door", "account", "network"], name="failures_are_counted_once"),
        ]

    def __str__(self) -> str:
        return f"{self.account or 'every account'} from {self.network or 'every network'}"
