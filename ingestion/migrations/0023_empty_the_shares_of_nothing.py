"""Shares of months without impressions were stored as 0."""

from typing import Final

from django.db import migrations

_EMPTIED: Final = """
UPDATE audience_demographics AS segment SET share_pct = NULL
FROM (
    SELECT account_id, pivot_type, date_start FROM audience_demographics GROUP BY 1, 2, 3 HAVING sum(impressions) = 0
) AS month
WHERE (segment.account_id, segment.pivot_type, segment.date_start)
      = (month.account_id, month.pivot_type, month.date_start)
"""
_ZEROS: Final = "UPDATE audience_demographics SET share_pct = 0 WHERE share_pct IS NULL"


class Migration(migrations.Migration):
    dependencies = [
        ("ingestion", "0022_a_month_without_impressions_has_no_shares"),
    ]

    operations = [migrations.RunSQL(_EMPTIED, _ZEROS)]
