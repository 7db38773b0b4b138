"""The columns that daily rows share."""

from collections.abc import Iterable
from decimal import Decimal

from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import Case, F, Value, When
from django.db.models.functions import Cast, Round

from ingestion import catalogue
from ingestion.catalogue import Metric, Type, Unit

_RATIO = models.DecimalField(max_digits=20, decimal_places=6)
_MONEY = models.DecimalField(max_digits=24, decimal_places=10)
# What reports sum. The unique indexes of the large tables carry it, so that a report reads one stretch of an index
# per campaign and never the table; see docs/reading.md. PostgreSQL takes 32 columns in an index.
METRICS = tuple(metric.column for metric in catalogue.DAILY)


def metric_columns(metrics: Iterable[Metric], *, explained: bool) -> dict[str, "models.Field[object, object]"]:
    """A column for each metric, by name; `explained` where the table's own page has to say what LinkedIn means."""
    return {metric.column: _column(metric, _explanation(metric) if explained else "") for metric in metrics}


def _column(metric: Metric, help_text: str) -> "models.Field[object, object]":
    empty = {"null": True, "blank": True} if metric.is_nullable else {"default": 0}
    if metric.type is Type.COUNT:
        return models.IntegerField(help_text=help_text, **empty)
    return models.DecimalField(max_digits=24, decimal_places=10, help_text=help_text, **empty)


def _explanation(metric: Metric) -> str:
    """LinkedIn's name where ours differs; changing it takes a migration."""
    if metric.note:
        return metric.note
    name = metric.field if metric.attribute != metric.column else ""
    return f"{name}, in the ad account's currency" if metric.unit is Unit.MONEY else name


def when_changed(name: str) -> BrinIndex:
    """Kilobytes that say which stretches of the table a recent sync touched; for tools that keep a copy.

    A B-tree would take an entry, and its share of the log, for every row of every sync.
    """
    return BrinIndex(fields=["fetched_at"], name=name, pages_per_range=32, autosummarize=True)


def percent_of(part: str, whole: str) -> Case:
    """part / whole · 100 with six decimals, null where there is no whole."""
    share = Cast(F(part), _RATIO) * Value(Decimal(100)) / F(whole)
    return Case(
        When(**{whole: 0}, then=Value(None)),
        default=Round(share, precision=6),
        output_field=_RATIO,
    )


def cost_per(count: str) -> Case:
    """spend / count in the account's currency, null where nothing was counted."""
    return Case(
        When(**{count: 0}, then=Value(None)),
        default=Round(F("spend") / F(count), precision=10),
        output_field=_MONEY,
    )


class DailyMetric(models.Model):
    """What LinkedIn counted for one thing on one UTC day; absent in LinkedIn's answer means zero.

    Ratios of more than one row come from summed counts: never average the stored `ctr` and `cpc`.
    Source: LinkedIn Marketing, "Reporting: Metrics Available", 202603.
    """

    date = models.DateField(help_text="UTC day")
    locals().update(metric_columns(catalogue.DAILY, explained=True))
    ctr = models.GeneratedField(
        expression=percent_of("clicks", "impressions"),
        output_field=models.DecimalField(max_digits=20, decimal_places=6),
        db_persist=True,
        help_text="clicks / impressions · 100; empty without impressions",
    )
    cpc = models.GeneratedField(
        expression=cost_per("clicks"),
        output_field=models.DecimalField(max_digits=24, decimal_places=10),
        db_persist=True,
        help_text="spend / clicks, in the ad account's currency; empty without clicks",
    )
    fetched_at = models.DateTimeField(help_text="when LinkedIn last sent new values for this row")

    class Meta:
        abstract = True
