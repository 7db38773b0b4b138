"""The stored `ctr` and `cpc` are null where there is nothing to divide by; they were 0.

PostgreSQL changes how a stored column is worked out only by writing the whole table again, and nobody can read or write the table
meanwhile (docs/upgrading.md says how long). Each table is a transaction of its own, so that the space for one copy is
enough; after an interruption the migration starts over.
"""

from decimal import Decimal
from typing import Final

from django.db import migrations, models
from django.db.migrations.operations.base import Operation
from django.db.models.functions import Cast, Round

_RATIO: Final = {"max_digits": 20, "decimal_places": 6}
_MONEY: Final = {"max_digits": 24, "decimal_places": 10}
_CTR: Final = models.GeneratedField(
    expression=models.Case(
        models.When(impressions=0, then=models.Value(None)),
        default=Round(
            Cast(models.F("clicks"), models.DecimalField(**_RATIO))
            * models.Value(Decimal(100))
            / models.F("impressions"),
            precision=6,
        ),
        output_field=models.DecimalField(**_RATIO),
    ),
    output_field=models.DecimalField(**_RATIO),
    db_persist=True,
    help_text="clicks / impressions · 100; empty without impressions",
)
_CPC: Final = models.GeneratedField(
    expression=models.Case(
        models.When(clicks=0, then=models.Value(None)),
        default=Round(models.F("spend") / models.F("clicks"), precision=10),
        output_field=models.DecimalField(**_MONEY),
    ),
    output_field=models.DecimalField(**_MONEY),
    db_persist=True,
    help_text="spend / clicks, in the ad account's currency; empty without clicks",
)
_FIELDS: Final = {"ctr": _CTR, "cpc": _CPC}
# One statement for all columns of a table, which writes it once.
_COLUMNS: Final = {
    "ctr": "ctr numeric(20, 6) GENERATED ALWAYS AS (CASE WHEN impressions = 0 THEN {nothing}"
    " ELSE round(clicks::numeric(20, 6) * 100 / impressions, 6) END) STORED",
    "cpc": "cpc numeric(24, 10) GENERATED ALWAYS AS (CASE WHEN clicks = 0 THEN {nothing}"
    " ELSE round(spend / clicks, 10) END) STORED",
}


def _with_ratios(model_name: str, table: str, *names: str) -> Operation:
    dropped = ", ".join(f"DROP COLUMN {name}" for name in names)
    added = ", ".join(f"ADD COLUMN {_COLUMNS[name]}" for name in names)
    statement = f"ALTER TABLE {table} {dropped}, {added}"
    return migrations.RunSQL(
        statement.format(nothing="NULL"),
        statement.format(nothing="0"),
        state_operations=[migrations.AlterField(model_name, name, _FIELDS[name]) for name in names],
    )


class Migration(migrations.Migration):
    atomic = False
    dependencies = [
        ("ingestion", "0020_rechecks_wait_longer"),
    ]

    operations = [
        _with_ratios("accountdailytotal", "account_daily_totals", "ctr", "cpc"),
        _with_ratios("campaigndailymetric", "campaign_daily_metrics", "ctr", "cpc"),
        _with_ratios("creativedailymetric", "creative_daily_metrics", "ctr", "cpc"),
        _with_ratios("audiencedemographic", "audience_demographics", "ctr"),
    ]
