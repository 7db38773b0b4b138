"""Pivots of the demographics that LinkedIn no longer sends, while the figures are up to date."""

from dataclasses import dataclass
from datetime import date
from typing import Final

from django.db.models import QuerySet
from django.utils import timezone

from accounts.models import AdAccount
from accounts.shell import clock
from ingestion.models import AudienceDemographic
from ingestion.sync.coverage import CAMPAIGN_DAYS
from reporting.queries.grouping import ad_account_ids, fetch_all


@dataclass(frozen=True, slots=True)
class LatePivot:
    """The day of the last answer, for the ad account where that is longest ago; None if there never was one."""

    label: str
    since: date | None


def late_demographics(*, ad_accounts: QuerySet[AdAccount]) -> list[LatePivot]:
    """The pivots that the syncs of the newest figures requested in vain, in the usual order."""
    rows = fetch_all(
        _LATE,
        {
            "ad_account_ids": ad_account_ids(ad_accounts),
            "pivot_types": [*AudienceDemographic.PivotType.values],
            "figures": CAMPAIGN_DAYS.data_table,
            "segments": AudienceDemographic._meta.db_table,
            "latest": clock.latest(timezone.now()),
        },
    )
    return [LatePivot(str(AudienceDemographic.PivotType(pivot_type).label), since) for pivot_type, since in rows]


# A sync stores its figures before its demographics, so that one under way is not late yet.
_LATE: Final = """
SELECT pivot.pivot_type, CASE WHEN bool_and(segments.asked_at IS NOT NULL) THEN
           min((segments.asked_at AT TIME ZONE 'UTC')::date) END
FROM unnest(%(ad_account_ids)s::bigint[]) AS account (id)
CROSS JOIN unnest(%(pivot_types)s::text[]) WITH ORDINALITY AS pivot (pivot_type, place)
CROSS JOIN LATERAL (
    SELECT asked_at FROM covered_days
    WHERE account_id = account.id AND data_table = %(figures)s AND pivot_type = '' AND asked_at <= %(latest)s
    ORDER BY last_day DESC LIMIT 1
) AS figures
LEFT JOIN LATERAL (
    SELECT asked_at FROM covered_days
    WHERE account_id = account.id AND data_table = %(segments)s AND pivot_type = pivot.pivot_type
      AND asked_at <= %(latest)s
    ORDER BY last_day DESC LIMIT 1
) AS segments ON true
WHERE segments.asked_at IS NULL OR segments.asked_at < figures.asked_at - interval '1 day'
GROUP BY pivot.pivot_type, pivot.place ORDER BY pivot.place
"""
