"""The views for BI tools count nothing that a clock which was wrong dated ahead, as reports do (accounts/shell/clock.py)."""

from typing import Final

from django.db import migrations

_VIEW: Final = """
CREATE OR REPLACE VIEW reporting_synced_ad_accounts AS
SELECT account_id,
       CASE WHEN campaigns_as_of IS NOT NULL AND creatives_as_of IS NOT NULL
           THEN least(campaigns_as_of, creatives_as_of) END AS data_as_of,
       judged_through, checked_days * stored_campaigns * stored_creatives AS checked_days
FROM (
    SELECT account_id,
           (array_agg(asked_at ORDER BY last_day DESC)
               FILTER (WHERE data_table = 'campaign_daily_metrics'))[1] AS campaigns_as_of,
           (array_agg(asked_at ORDER BY last_day DESC)
               FILTER (WHERE data_table = 'creative_daily_metrics'))[1] AS creatives_as_of,
           max(last_day) FILTER (WHERE data_table = 'incomplete_days') AS judged_through,
           range_agg(daterange(first_day, last_day, '[]'))
               FILTER (WHERE data_table = 'incomplete_days') AS checked_days,
           range_agg(daterange(first_day, least(last_day + 1, (asked_at AT TIME ZONE 'UTC')::date)))
               FILTER (WHERE data_table = 'campaign_daily_metrics' AND is_whole
                         AND first_day < (asked_at AT TIME ZONE 'UTC')::date) AS stored_campaigns,
           range_agg(daterange(first_day, least(last_day + 1, (asked_at AT TIME ZONE 'UTC')::date)))
               FILTER (WHERE data_table = 'creative_daily_metrics' AND is_whole
                         AND first_day < (asked_at AT TIME ZONE 'UTC')::date) AS stored_creatives
    FROM covered_days WHERE pivot_type = ''{condition} GROUP BY account_id
) AS covered;
"""
_BOUNDED: Final = _VIEW.format(condition=" AND asked_at <= now() + interval '1 minute'")
_UNBOUNDED: Final = _VIEW.format(condition="")


class Migration(migrations.Migration):
    dependencies = [
        ("reporting", "0013_complete_days_are_stored"),
    ]

    operations = [migrations.RunSQL(_BOUNDED, _UNBOUNDED)]
