"""A day is complete only if it is stored as well: whole, in both daily tables, and fetched after it was over."""

from typing import Final

from django.db import migrations

_VIEW: Final = """
CREATE OR REPLACE VIEW reporting_synced_ad_accounts AS
SELECT account_id,
       CASE WHEN campaigns_as_of IS NOT NULL AND creatives_as_of IS NOT NULL
           THEN least(campaigns_as_of, creatives_as_of) END AS data_as_of,
       judged_through, {checked_days} AS checked_days
FROM (
    SELECT account_id,
           (array_agg(asked_at ORDER BY last_day DESC)
               FILTER (WHERE data_table = 'campaign_daily_metrics'))[1] AS campaigns_as_of,
           (array_agg(asked_at ORDER BY last_day DESC)
               FILTER (WHERE data_table = 'creative_daily_metrics'))[1] AS creatives_as_of,
           max(last_day) FILTER (WHERE data_table = 'incomplete_days') AS judged_through,
           range_agg(daterange(first_day, last_day, '[]'))
               FILTER (WHERE data_table = 'incomplete_days') AS checked_days{stored}
    FROM covered_days WHERE pivot_type = '' GROUP BY account_id
) AS covered;
"""
_STORED: Final = "".join(
    f""",
           range_agg(daterange(first_day, least(last_day + 1, (asked_at AT TIME ZONE 'UTC')::date)))
               FILTER (WHERE data_table = '{table}' AND is_whole
                         AND first_day < (asked_at AT TIME ZONE 'UTC')::date) AS {name}"""
    for table, name in (("campaign_daily_metrics", "stored_campaigns"), ("creative_daily_metrics", "stored_creatives"))
)
_IF_STORED: Final = _VIEW.format(checked_days="checked_days * stored_campaigns * stored_creatives", stored=_STORED)
_IF_CHECKED: Final = _VIEW.format(checked_days="checked_days", stored="")


class Migration(migrations.Migration):
    dependencies = [
        ("reporting", "0012_requests_are_delivered_once"),
    ]

    operations = [migrations.RunSQL(_IF_STORED, _IF_CHECKED)]
