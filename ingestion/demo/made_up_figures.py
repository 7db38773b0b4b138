"""Millions of made-up figures for benchmarks, written to the tables without LinkedIn.

The same arguments give the same rows. Campaigns run for up to a year each and start one after the other; a run
that reaches the last day continues on the first one, so that all days are equally busy. Creatives and daily totals add
up to the campaigns, as after a sync, and rows are written day by day, as years of syncs leave them on disk. The
runs of those syncs are there, too, as many as are kept.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from django.db import connection, transaction

from accounts.models import AdAccount
from ingestion import catalogue
from ingestion.catalogue import Metric, Type
from ingestion.models import AudienceDemographic, SyncLog

Values = dict[str, int | date | list[str]]

FIRST_AD_ACCOUNT_ID = 9_000_000_001
_FIRST_CAMPAIGN_ID = 9_100_000_001
_RUN_DAYS = 365
_DAYS_PER_STATEMENT = 30


@dataclass(frozen=True, slots=True)
class Scale:
    """How much of everything; `metric_rows` counts the rows of `campaign_daily_metrics` alone."""

    metric_rows: int
    ad_accounts: int
    last_day: date
    days: int = 4 * _RUN_DAYS
    creatives_per_campaign: int = 2
    segments_per_pivot: int = 30
    seed: int = 1

    @property
    def first_day(self) -> date:
        return self.last_day - timedelta(days=self.days - 1)

    @property
    def run_days(self) -> int:
        return min(_RUN_DAYS, self.days)


def holds_synced_rows() -> bool:
    """Whether anything here came from LinkedIn."""
    runs = SyncLog.objects.exclude(account__gte=FIRST_AD_ACCOUNT_ID)
    return runs.exists() or AdAccount.objects.filter(pk__lt=FIRST_AD_ACCOUNT_ID).exists()


def holds_made_up_rows() -> bool:
    return AdAccount.objects.filter(pk=FIRST_AD_ACCOUNT_ID).exists()


def make_up(scale: Scale) -> Iterator[date]:
    """Fill the tables; yields the last day of each stretch once it is stored."""
    values = _values(scale)
    with transaction.atomic():
        for statement in _ENTITIES:
            _run(statement, values)
    first_day = scale.first_day
    while first_day <= scale.last_day:
        last_day = min(first_day + timedelta(days=_DAYS_PER_STATEMENT - 1), scale.last_day)
        with transaction.atomic():
            _spare_checks_of_foreign_keys()
            for statement in _DAYS:
                _run(statement, values | {"from_day": first_day, "to_day": last_day})
        yield last_day
        first_day = last_day + timedelta(days=1)
    with transaction.atomic():
        _run(_SEGMENTS, values)
        _run(_SEGMENT_NAMES, values)
        _run(_RUNS, values)
        _run(_COVERED_DAYS, values)
    with connection.cursor() as cursor:
        cursor.execute(
            "VACUUM (ANALYZE) ad_accounts, campaigns, creatives, campaign_daily_metrics, creative_daily_metrics,"
            " account_daily_totals, audience_demographics, urn_names, sync_log, covered_days"
        )


def _values(scale: Scale) -> Values:
    campaigns = -(-scale.metric_rows // scale.run_days)
    return {
        "ad_accounts": scale.ad_accounts,
        "first_ad_account_id": FIRST_AD_ACCOUNT_ID,
        "first_campaign_id": _FIRST_CAMPAIGN_ID,
        "campaigns": campaigns,
        "rounds": -(-campaigns // scale.ad_accounts),
        "metric_rows": scale.metric_rows,
        "run_days": scale.run_days,
        "days": scale.days,
        "first_day": scale.first_day,
        "last_day": scale.last_day,
        "creatives": scale.creatives_per_campaign,
        "pivots": AudienceDemographic.PivotType.values,
        "segments": scale.segments_per_pivot,
        "seed": scale.seed,
    }


def _run(statement: str, values: Values) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)


def _spare_checks_of_foreign_keys() -> None:
    """Every key comes from the parent's own table; a superuser may leave thirty million look-ups out."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT usesuper FROM pg_user WHERE usename = current_user")
        row = cursor.fetchone()
        if row and row[0]:
            cursor.execute("SET LOCAL session_replication_role = replica")


# One campaign in seven has a total budget and no daily one; every third ad account is in dollars.
_ENTITIES = (
    """
    INSERT INTO ad_accounts (id, name, status, currency, type, is_test, created_at, fetched_at)
    SELECT %(first_ad_account_id)s + n, 'Made-up ad account ' || n + 1, 'ACTIVE',
           CASE n %% 3 WHEN 2 THEN 'USD' ELSE 'EUR' END, 'BUSINESS', false, %(first_day)s, %(last_day)s
    FROM generate_series(0, %(ad_accounts)s - 1) AS n
    """,
    """
    INSERT INTO campaigns (id, account_id, name, status, type, daily_budget, daily_budget_currency, total_budget,
                           total_budget_currency, cost_type, objective, run_schedule_start_at, run_schedule_end_at,
                           created_at, fetched_at)
    SELECT %(first_campaign_id)s + n, account.id, 'Campaign ' || n + 1,
           CASE WHEN first_day + %(run_days)s > %(last_day)s THEN 'ACTIVE' ELSE 'COMPLETED' END,
           'SPONSORED_UPDATES',
           CASE WHEN n %% 7 > 0 THEN 300 + n %% 5 * 100 END, CASE WHEN n %% 7 > 0 THEN account.currency END,
           CASE WHEN n %% 7 = 0 THEN 150000 END, CASE WHEN n %% 7 = 0 THEN account.currency END,
           'CPC', 'WEBSITE_VISIT', first_day,
           first_day + %(run_days)s, first_day, %(last_day)s
    FROM generate_series(0, %(campaigns)s - 1) AS n
    CROSS JOIN LATERAL (SELECT %(first_day)s::date + (n / %(ad_accounts)s * %(days)s / %(rounds)s)::int
                        AS first_day) AS run
    JOIN ad_accounts AS account ON account.id = %(first_ad_account_id)s + n %% %(ad_accounts)s
    """,
    """
    INSERT INTO creatives (id, campaign_id, account_id, intended_status, is_serving, content_name, review_status,
                           created_at, fetched_at)
    SELECT 'urn:li:sponsoredCreative:' || campaign.id * 10 + n, campaign.id, campaign.account_id, campaign.status,
           campaign.status = 'ACTIVE', campaign.name || ', creative ' || n + 1, 'APPROVED', campaign.created_at,
           campaign.fetched_at
    FROM campaigns AS campaign CROSS JOIN generate_series(0, %(creatives)s - 1) AS n
    WHERE campaign.id >= %(first_campaign_id)s
    """,
)

# By column; every other metric is what it is where nothing happened.
_MADE_UP = {
    "impressions": "impressions",
    "clicks": "clicks",
    "spend": "clicks * (150 + (chance >> 13 & 255)) * 0.01",
    "landing_page_clicks": "clicks * (50 + (chance >> 21 & 31)) / 100",
    "conversions": "clicks * (chance >> 26 & 7) / 100",
    "likes": "impressions * (chance >> 29 & 7) / 2000",
    "comments": "impressions * (chance >> 32 & 3) / 4000",
    "shares": "impressions * (chance >> 34 & 3) / 4000",
    "follows": "impressions * (chance >> 36 & 3) / 2000",
    "leads": "clicks * (chance >> 38 & 7) / 150",
}


def _list(expression: Callable[[Metric], str], metrics: Iterable[Metric] = catalogue.DAILY) -> str:
    return ", ".join(map(expression, metrics))


def _column(metric: Metric) -> str:
    return metric.column


def _nothing(metric: Metric) -> str:
    return "NULL" if metric.absent is None else str(metric.absent)


_CAMPAIGN_DAYS = f"""
    INSERT INTO campaign_daily_metrics (campaign_id, date, {_list(_column)}, fetched_at)
    SELECT campaign.id, day, {_list(lambda metric: _MADE_UP.get(metric.column) or _nothing(metric))}, %(last_day)s
    FROM campaigns AS campaign
    CROSS JOIN generate_series(0, %(to_day)s::date - %(from_day)s::date) AS number
    CROSS JOIN LATERAL (SELECT %(from_day)s::date + number AS day) AS on_day
    CROSS JOIN LATERAL (SELECT hashint8extended(campaign.id * 100000 + (day - '2000-01-01'), %(seed)s)
                               & 9223372036854775807 AS chance) AS drawn
    CROSS JOIN LATERAL (SELECT (500 + (chance & 8191))::int AS impressions) AS seen
    CROSS JOIN LATERAL (SELECT (impressions * (20 + (chance >> 41 & 127)) / 10000)::int AS clicks) AS clicked
    WHERE campaign.id >= %(first_campaign_id)s
      -- The last campaign takes what is left of the rows.
      AND (day - campaign.run_schedule_start_at::date + %(days)s) %% %(days)s
          < least(%(run_days)s, %(metric_rows)s - (campaign.id - %(first_campaign_id)s) * %(run_days)s)
    ORDER BY day, campaign.account_id, campaign.id
"""  # noqa: S608


def _share(metric: Metric) -> str:
    """What creative number n of several gets of a count, or of an amount in hundredths, so that the parts add up."""
    if metric.type is Type.COUNT:
        return _part_of(metric.column)
    return f"({_part_of(f'({metric.column} * 100)::bigint')}) * 0.01"


def _part_of(whole: str) -> str:
    return f"{whole} / %(creatives)s + CASE WHEN n < {whole} %% %(creatives)s THEN 1 ELSE 0 END"


_CREATIVE_DAYS = f"""
    INSERT INTO creative_daily_metrics (creative_id, date, {_list(_column)}, fetched_at)
    SELECT 'urn:li:sponsoredCreative:' || campaign_id * 10 + n, date, {_list(_share)}, fetched_at
    FROM campaign_daily_metrics CROSS JOIN generate_series(0, %(creatives)s - 1) AS n
    WHERE date BETWEEN %(from_day)s AND %(to_day)s AND campaign_id >= %(first_campaign_id)s
    ORDER BY date, campaign_id
"""  # noqa: S608
_TOTALS = f"""
    INSERT INTO account_daily_totals (account_id, date, {_list(_column)}, fetched_at)
    SELECT campaign.account_id, date, {_list(lambda metric: f"sum({metric.column})")}, %(last_day)s
    FROM campaign_daily_metrics JOIN campaigns AS campaign ON campaign.id = campaign_id
    WHERE date BETWEEN %(from_day)s AND %(to_day)s AND campaign.id >= %(first_campaign_id)s
    GROUP BY campaign.account_id, date
"""  # noqa: S608
_DAYS = (_CAMPAIGN_DAYS, _CREATIVE_DAYS, _TOTALS)

# Segment number n of a pivot is seen half as often as its neighbour's neighbour; together about 80 %.
_MADE_UP_OF_SEGMENTS = {
    "impressions": "seen",
    "clicks": "seen / 100",
    "spend": "seen / 100 * 2.5",
    "conversions": "seen / 5000",
    "leads": "seen / 8000",
}
_SEGMENTS = f"""
    INSERT INTO audience_demographics (account_id, pivot_type, segment, segment_name, date_start, date_end,
                                       {_list(_column, catalogue.DEMOGRAPHIC)}, share_pct, fetched_at)
    SELECT account_id, pivot_type, 'urn:li:' || pivot_type || ':' || n,
           initcap(replace(pivot_type, '_', ' ')) || ' ' || n, month, last_day,
           {_list(lambda one: _MADE_UP_OF_SEGMENTS.get(one.column) or _nothing(one), catalogue.DEMOGRAPHIC)},
           round(seen * 100.0 / nullif(sum(seen) OVER (PARTITION BY account_id, pivot_type, month), 0), 6), %(last_day)s
    FROM (SELECT account_id, date_trunc('month', date)::date AS month, max(date) AS last_day,
                 sum(impressions) AS impressions
          FROM account_daily_totals WHERE account_id >= %(first_ad_account_id)s GROUP BY 1, 2) AS months
    CROSS JOIN unnest(%(pivots)s::text[]) AS pivot_type
    CROSS JOIN generate_series(1, %(segments)s) AS n
    CROSS JOIN LATERAL (SELECT (impressions * 0.24 * power(0.7, n - 1))::bigint AS seen) AS of_the_segment
    WHERE seen > 0
"""  # noqa: S608
_SEGMENT_NAMES = """
    INSERT INTO urn_names (urn, name, looked_up_at)
    SELECT 'urn:li:' || pivot_type || ':' || n, initcap(replace(pivot_type, '_', ' ')) || ' ' || n, %(last_day)s
    FROM unnest(%(pivots)s::text[]) AS pivot_type CROSS JOIN generate_series(1, %(segments)s) AS n
    ON CONFLICT DO NOTHING
"""
# Six a day and ad account for 90 days; one in twenty failed.
_RUNS = """
    INSERT INTO sync_log (account_id, forced, started_at, finished_at, heartbeat_at, status, errors, error_kind,
                          trigger, campaigns_fetched, creatives_fetched, api_calls_made, api_calls_throttled, first_day,
                          last_day, rows_stored, rows_rejected, progress)
    SELECT account.id, false, began_at, began_at + interval '40 seconds', began_at + interval '40 seconds',
           CASE WHEN has_failed THEN 'failed' ELSE 'success' END,
           CASE WHEN has_failed THEN 'LinkedIn did not answer. The next sync tries again.' END,
           CASE WHEN has_failed THEN 'network' END, 'schedule', 20, 40, 30, 0, began_at::date - 30, began_at::date,
           CASE WHEN has_failed THEN 0 ELSE 1200 END, 0, '{}'
    FROM generate_series(90 * 6, 1, -1) AS turn
    CROSS JOIN ad_accounts AS account
    CROSS JOIN LATERAL (SELECT (%(last_day)s::date + 1)::timestamptz - turn * interval '4 hours'
                               + (account.id - %(first_ad_account_id)s) * interval '30 seconds' AS began_at,
                               (turn + account.id) %% 20 = 0 AS has_failed) AS run
    WHERE account.id >= %(first_ad_account_id)s
"""
# As the last success of each ad account would leave them, and an older one for every day before its look-back.
_COVERED_DAYS = """
    INSERT INTO covered_days (account_id, data_table, pivot_type, first_day, last_day, asked_at, is_whole)
    SELECT account.id, data_table, pivot_type, from_day, to_day, asked_at, true
    FROM ad_accounts AS account
    CROSS JOIN (
        SELECT unnest(ARRAY['campaign_daily_metrics', 'creative_daily_metrics', 'incomplete_days']), ''
        UNION ALL SELECT 'audience_demographics', unnest(%(pivots)s::text[])
    ) AS dataset (data_table, pivot_type)
    CROSS JOIN LATERAL (
        SELECT max(started_at) AS began_at FROM sync_log WHERE account_id = account.id AND status = 'success'
    ) AS last
    CROSS JOIN LATERAL (
        VALUES (%(first_day)s::date, began_at::date - 31, began_at - interval '1 day'),
               (began_at::date - 30, CASE WHEN data_table = 'incomplete_days' THEN began_at::date - 1
                                     ELSE began_at::date END, began_at)
    ) AS stretch (from_day, to_day, asked_at)
    WHERE account.id >= %(first_ad_account_id)s AND from_day <= to_day
"""
