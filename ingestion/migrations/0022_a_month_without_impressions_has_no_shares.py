"""A share of nothing is null; stored rows get theirs in the next migration."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("ingestion", "0021_stored_ratios_are_empty_without_a_divisor"),
    ]

    operations = [
        migrations.AlterField(
            model_name="audiencedemographic",
            name="share_pct",
            field=models.DecimalField(
                blank=True,
                decimal_places=6,
                help_text="of the impressions of all segments of this ad account, pivot and month; empty without"
                " impressions",
                max_digits=9,
                null=True,
            ),
        ),
    ]
