"""API tokens, with which other tools act as a person or as a service account."""

from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from knox.models import AbstractAuthToken
from knox.settings import CONSTANTS

if TYPE_CHECKING:
    _Token = models.Model
else:
    _Token = AbstractAuthToken


class ApiToken(_Token):
    """One token of one person or service account; `accounts/api_tokens/token_store.py` is the only writer.

    A revoked one is deleted. Only the digest of the token is stored, and its first characters so that people can tell
    tokens apart. The columns `digest`, `token_key`, `created` and `expiry` have the names that django-rest-knox gives
    them.
    """

    class Scope(models.TextChoices):
        READ = "read", "Read"
        READ_AND_SYNC = "read_and_sync", "Read and start syncs"
        READ_AND_CHANGE = "read_and_change", "Read, start syncs, run checks and decide on findings"

    personal_data = frozenset({"name"})

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    name = models.CharField(max_length=100, help_text="what it is for, in its person's words")
    scope = models.CharField(max_length=16, choices=Scope, default=Scope.READ)
    # A key of its own: pages and addresses name a token without its digest.
    digest = models.CharField(max_length=CONSTANTS.DIGEST_LENGTH, unique=True, help_text="SHA-512 of the token")
    token_key = models.CharField("begins with", max_length=CONSTANTS.TOKEN_KEY_LENGTH)
    created = models.DateTimeField()
    expiry = models.DateTimeField("expires")
    last_used_at = models.DateTimeField("last used", null=True, blank=True, help_text="to the minute")
    ad_account_ids = ArrayField(
        models.BigIntegerField(),
        null=True,
        blank=True,
        verbose_name="ad accounts",
        # Ids, not rows: once the last of them was removed, the token sees none, and not all.
        help_text="the only ones it sees, of those its person sees; null for all of these",
    )
    networks = ArrayField(
        models.CharField(max_length=43),
        default=list,
        blank=True,
        help_text="the only ones it works from; empty for all",
    )
    warned_days = models.IntegerField(null=True, help_text="how many days before its end the last warning was sent")

    objects: ClassVar[models.Manager["ApiToken"]] = models.Manager()

    class Meta:
        db_table = "api_tokens"
        verbose_name = "API token"
        constraints = [
            models.CheckConstraint(
                condition=Q(expiry__gt=F("created"), expiry__lte=F("created") + timedelta(days=365)),
                name="an_api_token_ends_within_a_year",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.token_key}…)"
