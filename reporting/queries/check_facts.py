"""Everything the rules need to know about one ad account, in a few statements whatever its size.

Only active campaigns, and creatives that LinkedIn has on hold, become objects; the others stay in PostgreSQL.
"""

from dataclasses import fields, replace
from datetime import date, datetime, timedelta

from django.db.models import Max
from django.utils import timezone

from accounts.models import AdAccount
from accounts.shell import clock
from ingestion.models import CoveredDays
from ingestion.sync.coverage import CAMPAIGN_DAYS
from ingestion.sync.windows import DayRange
from reporting.checks.facts import MONTH_DAYS, AdAccountFacts, CampaignFacts, CreativeFacts
from reporting.checks.thresholds import Thresholds
from reporting.models import CheckThresholds
from reporting.periods import last_days
from reporting.queries.coverage import selection_coverage
from reporting.queries.grouping import Params, Row, fetch_all

# LinkedIn evens out a daily budget over a week.
_PACE_DAYS = 7
# No campaign is looked at further back.
_MAX_DAYS = 3650

# Each campaign reads its own range of the unique index (campaign, date), which includes the figures, and creatives
# are counted once for the whole ad account; 0.1 s for 500 active campaigns with 2,000 creatives. All days of a
# campaign are read only where a total budget needs them. A campaign in a paused group is not active.
_CAMPAIGNS = """
SELECT campaign.id, coalesce(campaign.name, campaign.id::text), campaign.type, campaign.objective, campaign.cost_type,
       campaign.bid_strategy, campaign.offsite_delivery_enabled, campaign.audience_expansion_enabled,
       array_remove(coalesce(campaign.serving_statuses, '{}'), 'RUNNABLE'),
       campaign.daily_budget, campaign.daily_budget_currency, campaign.total_budget, campaign.total_budget_currency,
       campaign.run_schedule_start_at, campaign.run_schedule_end_at, campaign.created_at,
       coalesce(creative.active, 0), coalesce(creative.serving, 0), coalesce(creative.unknown, 0),
       day.impressions, day.clicks, day.spend, day.month_spend, day.conversions, day.leads, day.seen_lately,
       greatest(0, %(yesterday)s::date - paced.first_day + 1), day.paced_spend,
       CASE WHEN campaign.total_budget IS NOT NULL THEN
           (SELECT coalesce(sum(every.spend), 0) FROM campaign_daily_metrics AS every
            WHERE every.campaign_id = campaign.id AND every.date <= %(yesterday)s
              AND every.date >= (campaign.run_schedule_start_at AT TIME ZONE 'UTC')::date)
       ELSE 0 END
FROM campaigns AS campaign
LEFT JOIN (
    SELECT campaign_id, count(*) FILTER (WHERE intended_status = 'ACTIVE') AS active,
           count(*) FILTER (WHERE is_serving) AS serving,
           count(*) FILTER (WHERE intended_status = 'ACTIVE' AND is_serving IS NULL) AS unknown
    FROM creatives WHERE account_id = %(ad_account_id)s AND missing_since IS NULL GROUP BY campaign_id
) AS creative ON creative.campaign_id = campaign.id
CROSS JOIN LATERAL (
    SELECT greatest(%(paced_from)s::date, (campaign.run_schedule_start_at AT TIME ZONE 'UTC')::date + 1,
                    (campaign.created_at AT TIME ZONE 'UTC')::date + 1,
                    (campaign.last_modified_at AT TIME ZONE 'UTC')::date + 1) AS first_day
) AS paced
CROSS JOIN LATERAL (
    SELECT coalesce(sum(impressions) FILTER (WHERE date >= %(window_from)s), 0) AS impressions,
           coalesce(sum(clicks) FILTER (WHERE date >= %(window_from)s), 0) AS clicks,
           coalesce(sum(spend) FILTER (WHERE date >= %(window_from)s), 0) AS spend,
           coalesce(sum(spend) FILTER (WHERE date >= %(month_from)s), 0) AS month_spend,
           coalesce(sum(conversions) FILTER (WHERE date >= %(window_from)s), 0) AS conversions,
           coalesce(sum(leads) FILTER (WHERE date >= %(window_from)s), 0) AS leads,
           coalesce(sum(impressions + sends) FILTER (WHERE date >= %(quiet_from)s), 0) AS seen_lately,
           coalesce(sum(spend) FILTER (WHERE date >= paced.first_day), 0) AS paced_spend
    FROM campaign_daily_metrics
    WHERE campaign_id = campaign.id AND date BETWEEN %(read_from)s AND %(yesterday)s
) AS day
WHERE campaign.account_id = %(ad_account_id)s AND campaign.status = 'ACTIVE' AND campaign.missing_since IS NULL
  AND NOT coalesce(campaign.serving_statuses, '{}') && ARRAY['CAMPAIGN_GROUP_STATUS_HOLD']
ORDER BY campaign.id
"""

# The order of the columns above.
_CAMPAIGN_COLUMNS = tuple(one.name for one in fields(CampaignFacts))

_CREATIVES = """
SELECT creative.id, nullif(creative.content_name, ''), campaign.id,
       coalesce(campaign.name, campaign.id::text), creative.review_status,
       coalesce(creative.serving_hold_reasons, '{}'), creative.is_serving,
       coalesce(creative.last_modified_at, creative.created_at),
       (SELECT coalesce(sum(day.spend), 0) FROM creative_daily_metrics AS day
        WHERE day.creative_id = creative.id AND day.date BETWEEN %(month_from)s AND %(yesterday)s)
FROM creatives AS creative
JOIN campaigns AS campaign ON campaign.id = creative.campaign_id
WHERE creative.account_id = %(ad_account_id)s AND creative.missing_since IS NULL AND creative.intended_status = 'ACTIVE'
  AND campaign.status = 'ACTIVE' AND campaign.missing_since IS NULL
  AND NOT coalesce(campaign.serving_statuses, '{}') && ARRAY['CAMPAIGN_GROUP_STATUS_HOLD']
  AND (creative.review_status IS DISTINCT FROM 'APPROVED' OR cardinality(creative.serving_hold_reasons) > 0)
ORDER BY creative.id
"""


def ad_account_facts(ad_account_id: int) -> AdAccountFacts | None:
    """What is stored of an ad account as of its last sync; None where it was never synced."""
    covered = _covered(ad_account_id)
    if covered is None:
        return None
    as_of, figures = covered
    ad_account = AdAccount.objects.get(pk=ad_account_id)
    thresholds = thresholds_of(ad_account_id)
    facts = AdAccountFacts(
        id=ad_account_id,
        currency=ad_account.currency,
        as_of=as_of,
        status=ad_account.status,
        is_listed=ad_account.missing_since is None,
        figures_from=figures and figures[0],
        figures_through=figures and figures[1],
        thresholds=thresholds,
    )
    params: Params = {"ad_account_id": ad_account_id, **_days(facts)}
    campaigns = tuple(_campaign(row) for row in fetch_all(_CAMPAIGNS, params))
    creatives = tuple(_creative(row) for row in fetch_all(_CREATIVES, params))
    return replace(facts, campaigns=campaigns, creatives=creatives)


def thresholds_of(ad_account_id: int) -> Thresholds:
    """The ad account's own where it has one, else the defaults."""
    row = CheckThresholds.objects.filter(pk=ad_account_id).first()
    own = {one.name: getattr(row, one.name, None) for one in fields(Thresholds)}
    return Thresholds(**{name: value for name, value in own.items() if value is not None})


def _covered(ad_account_id: int) -> tuple[datetime, DayRange | None] | None:
    """When the last sync that stored figures started, and the newest unbroken range of days that are stored, if any."""
    rows = CoveredDays.objects.filter(
        account=ad_account_id, data_table=CAMPAIGN_DAYS.data_table, asked_at__lte=clock.latest(timezone.now())
    )
    as_of: datetime | None = rows.aggregate(last=Max("asked_at"))["last"]
    if as_of is None:
        return None
    stored = selection_coverage(
        ad_accounts=AdAccount.objects.filter(pk=ad_account_id), period=last_days(_MAX_DAYS, today=as_of.date())
    ).together.stored
    return as_of, stored[-1] if stored else None


def _days(facts: AdAccountFacts) -> dict[str, date]:
    limit = facts.thresholds
    first = {
        "window_from": facts.today - timedelta(days=limit.window_days),
        "month_from": facts.today - timedelta(days=MONTH_DAYS),
        "quiet_from": facts.today - timedelta(days=limit.quiet_days),
        "paced_from": facts.today - timedelta(days=_PACE_DAYS),
    }
    return first | {"yesterday": facts.yesterday, "read_from": min(first.values())}


def _campaign(row: Row) -> CampaignFacts:
    values = dict(zip(_CAMPAIGN_COLUMNS, row, strict=True))
    return CampaignFacts(**values | {"holds": tuple(values["holds"])})


def _creative(row: Row) -> CreativeFacts:
    creative_id, name, campaign_id, campaign_name, review_status, holds, is_serving, changed_at, month_spend = row
    return CreativeFacts(
        id=creative_id,
        name=name,
        campaign_id=campaign_id,
        campaign_name=campaign_name,
        review_status=review_status,
        hold_reasons=tuple(holds),
        is_serving=is_serving,
        changed_at=changed_at,
        month_spend=month_spend,
    )
