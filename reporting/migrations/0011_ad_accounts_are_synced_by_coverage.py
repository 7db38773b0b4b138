"""How far an ad account is synced follows from the days that are covered, no longer from the runs that succeeded."""

from django.db import migrations

_BY_COVERAGE = """
CREATE OR REPLACE VIEW reporting_synced_ad_accounts AS
SELECT account_id,
       CASE WHEN campaigns_as_of IS NOT NULL AND creatives_as_of IS NOT NULL
           THEN least(campaigns_as_of, creatives_as_of) END AS data_as_of,
       judged_through, checked_days
FROM (
    SELECT account_id,
           (array_agg(asked_at ORDER BY last_day DESC)
               FILTER (WHERE data_table = 'campaign_daily_metrics'))[1] AS campaigns_as_of,
           (array_agg(asked_at ORDER BY last_day DESC)
               FILTER (WHERE data_table = 'creative_daily_metrics'))[1] AS creatives_as_of,
           max(last_day) FILTER (WHERE data_table = 'incomplete_days') AS judged_through,
           range_agg(daterange(first_day, last_day, '[]'))
               FILTER (WHERE data_table = 'incomplete_days') AS checked_days
    FROM covered_days WHERE pivot_type = '' GROUP BY account_id
) AS covered;
"""
# A column is not taken away by replacing, so the views of the schema `reporting` go first; they come back after migrating.
_BY_RUNS = """
DROP VIEW IF EXISTS reporting.reporting_campaign_daily, reporting.reporting_creative_daily,
    reporting.reporting_account_daily, reporting.reporting_demographics_monthly;
DROP VIEW reporting_synced_ad_accounts;
CREATE VIEW reporting_synced_ad_accounts AS
SELECT account_id, max(started_at) AS data_as_of, max(judged) FILTER (WHERE first_day <= judged) AS judged_through
FROM (
    SELECT account_id, started_at, first_day,
           least(last_day, (started_at AT TIME ZONE 'UTC')::date - 1) AS judged
    FROM sync_log WHERE status = 'success' AND account_id IS NOT NULL
) AS success
GROUP BY account_id;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("ingestion", "0016_fill_covered_days"),
        ("reporting", "0010_change_feed"),
    ]

    operations = [migrations.RunSQL(_BY_COVERAGE, _BY_RUNS)]
