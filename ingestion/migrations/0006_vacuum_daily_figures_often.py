"""Reading an index alone needs pages that are known to be visible: newest days too, not only after 20 % more rows."""

from django.db import migrations

TABLES = ("campaign_daily_metrics", "creative_daily_metrics")
OFTEN = (
    "autovacuum_vacuum_insert_scale_factor = 0.01, autovacuum_vacuum_scale_factor = 0.02,"
    " autovacuum_analyze_scale_factor = 0.02"
)
AS_USUAL = "autovacuum_vacuum_insert_scale_factor, autovacuum_vacuum_scale_factor, autovacuum_analyze_scale_factor"


class Migration(migrations.Migration):
    dependencies = [("ingestion", "0005_reports_read_an_index_alone")]

    operations = [
        migrations.RunSQL(f"ALTER TABLE {table} SET ({OFTEN})", f"ALTER TABLE {table} RESET ({AS_USUAL})")
        for table in TABLES
    ]
