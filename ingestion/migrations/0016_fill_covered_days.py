"""What is covered was read from the runs until here: from the days of every success and the answers of the others."""

from collections import defaultdict
from datetime import date, timedelta

from dateutil.relativedelta import relativedelta
from django.db import migrations

_DAILY = ("campaign_daily_metrics", "creative_daily_metrics")
_DEMOGRAPHICS = "audience_demographics"
_CHECKED = "incomplete_days"
_RETENTION = timedelta(days=730)
# Of several successes on one day for the same days only the last matters.
_RUNS = """
SELECT account_id, first_day, last_day, started_at, status = 'success', answered
FROM (
    SELECT DISTINCT ON (account_id, (started_at AT TIME ZONE 'UTC')::date, first_day, last_day)
           account_id, first_day, last_day, started_at, status, answered
    FROM sync_log WHERE status = 'success' AND account_id IS NOT NULL AND first_day <= last_day
    ORDER BY account_id, (started_at AT TIME ZONE 'UTC')::date, first_day, last_day, started_at DESC
) AS success
UNION ALL
SELECT account_id, first_day, last_day, started_at, false, answered
FROM sync_log WHERE status <> 'success' AND account_id IS NOT NULL AND first_day <= last_day AND answered <> '{}'
ORDER BY 1, 4
"""


def fill(apps, schema_editor):
    CoveredDays = apps.get_model("ingestion", "CoveredDays")
    pivots = [value for value, _ in apps.get_model("ingestion", "AudienceDemographic")._meta.get_field("pivot_type").choices]
    stretches = defaultdict(list)
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(_RUNS)
        for account_id, first_day, last_day, started_at, is_success, answered in cursor.fetchall():
            for dataset, first, last in _covered(first_day, last_day, started_at.date(), is_success, answered, pivots):
                if first <= last:
                    key = (account_id, *dataset)
                    stretches[key] = _with(stretches[key], (first, last, started_at))
    CoveredDays.objects.bulk_create(
        [
            CoveredDays(
                account_id=account_id, data_table=table, pivot_type=pivot,
                first_day=first, last_day=last, asked_at=asked_at, is_whole=True,
            )
            for (account_id, table, pivot), found in stretches.items()
            for first, last, asked_at in found
        ],
        batch_size=5000,
    )


def _covered(first_day, last_day, started, is_success, answered, pivots):
    """Datasets with the days that this run covered."""
    months = _months(first_day, last_day, started)
    if is_success:
        yield from (((table, ""), first_day, last_day) for table in _DAILY)
        yield ((_CHECKED, ""), first_day, min(last_day, started - timedelta(days=1)))
        yield from (((_DEMOGRAPHICS, pivot), *months) for pivot in pivots)
        return
    for table in _DAILY:
        for first, last in answered.get(table, []):
            yield ((table, ""), date.fromisoformat(first), date.fromisoformat(last))
    for pivot in answered.get(_DEMOGRAPHICS, []):
        yield ((_DEMOGRAPHICS, pivot), *months)


def _months(first_day, last_day, started):
    oldest = started - _RETENTION
    if oldest.day > 1:
        oldest += relativedelta(months=1, day=1)
    return max(first_day.replace(day=1), oldest), min(last_day + relativedelta(day=31), started)


def _with(stretches, new):
    """The stretches with these days taken out of the older ones, and the new one."""
    first, last, _ = new
    kept = []
    for old_first, old_last, asked_at in stretches:
        if old_last < first or old_first > last:
            kept.append((old_first, old_last, asked_at))
            continue
        if old_first < first:
            kept.append((old_first, first - timedelta(days=1), asked_at))
        if old_last > last:
            kept.append((last + timedelta(days=1), old_last, asked_at))
    return [*kept, new]


class Migration(migrations.Migration):

    dependencies = [
        ('ingestion', '0015_covered_days'),
    ]

    operations = [
        migrations.RunPython(fill, migrations.RunPython.noop),
        migrations.RemoveField(model_name='synclog', name='answered'),
    ]
