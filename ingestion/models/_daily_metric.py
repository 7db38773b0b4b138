"""The columns that daily rows share."""

from decimal import Decimal

from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import Case, F, Value, When
from django.db.models.functions import Cast, Round

_RATIO = models.DecimalField(max_digits=20, decimal_places=6)
_MONEY = models.DecimalField(max_digits=24, decimal_places=10)
# What reports sum. The unique indexes of the large tables carry it, so that a report reads one stretch of an index
# per campaign and never the table; see docs/reading.md.
COUNTS = (
    "impressions", "clicks", "spend", "landing_page_clicks", "conversions", "likes", "comments", "shares", "follows",
    "leads", "opens", "sends",
)  # fmt: skip


def when_changed(name: str) -> BrinIndex:
    """Kilobytes that say which stretches of the table a recent sync touched; for tools that keep a copy.

    A B-tree would take an entry, and its share of the log, for every row of every sync.
    """
    return BrinIndex(fields=["fetched_at"], name=name, pages_per_range=32, autosummarize=True)


def percent_of(part: str, whole: str) -> Case:
    """part / whole · 100 with six decimals, 0 where there is no whole."""
    share = Cast(F(part), _RATIO) * Value(Decimal(100)) / F(whole)
    return Case(
        When(**{whole: 0}, then=Value(Decimal(0))),
        default=Round(share, precision=6),
        output_field=_RATIO,
    )


def cost_per(count: str) -> Case:
    """spend / count in the account's currency, 0 where nothing was counted."""
    return Case(
        When(**{count: 0}, then=Value(Decimal(0))),
        default=Round(F("spend") / F(count), precision=10),
        output_field=_MONEY,
    )


class DailyMetric(models.Model):
    """What LinkedIn counted for one thing on one UTC day; absent in LinkedIn's answer means zero.

    Ratios of more than one row come from summed counts: never average the stored `ctr` and `cpc`.
    Source: LinkedIn Marketing, "Reporting: Metrics Available", 202603.
    """

    date = models.DateField(help_text="UTC day")
    impressions = models.IntegerField(default=0)
    clicks = models.IntegerField(default=0, help_text="chargeable clicks")
    spend = models.DecimalField(
        max_digits=24,
        decimal_places=10,
        default=0,
        help_text="costInLocalCurrency, in the ad account's currency",
    )
    landing_page_clicks = models.IntegerField(default=0)
    conversions = models.IntegerField(default=0, help_text="externalWebsiteConversions")
    likes = models.IntegerField(default=0)
    comments = models.IntegerField(default=0)
    shares = models.IntegerField(default=0)
    follows = models.IntegerField(default=0)
    leads = models.IntegerField(default=0, help_text="oneClickLeads")
    opens = models.IntegerField(default=0, help_text="message ads opened")
    sends = models.IntegerField(default=0, help_text="message ads sent")
    ctr = models.GeneratedField(
        expression=percent_of("clicks", "impressions"),
        output_field=models.DecimalField(max_digits=20, decimal_places=6),
        db_persist=True,
        help_text="clicks / impressions · 100",
    )
    cpc = models.GeneratedField(
        expression=cost_per("clicks"),
        output_field=models.DecimalField(max_digits=24, decimal_places=10),
        db_persist=True,
        help_text="spend / clicks, in the ad account's currency",
    )
    fetched_at = models.DateTimeField(help_text="when LinkedIn last told something new about this row")

    class Meta:
        abstract = True
