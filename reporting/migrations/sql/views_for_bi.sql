-- Views for BI tools: docs/bi.md says what each column means, and a test holds it to the comments below.
--
-- Two helpers stand beside the tables, where no BI role reaches them; what BI tools read has a schema of its own.
-- The ad accounts are looked up once per query and compared as an array, so that the planner goes from the campaigns to
-- each one's stretch of the unique index (campaign, date). security_barrier: no condition or function of the asker is
-- tried on rows that are hidden from them. What is joined by LEFT JOIN is unique by the columns of the join, and costs
-- nothing where none of its columns is asked for.

-- Whoever may read ad_accounts itself sees all of them; another role sees what reporting_roles says.
CREATE VIEW reporting_visible_ad_accounts AS
SELECT ad_account.id
FROM ad_accounts AS ad_account
WHERE has_table_privilege('ad_accounts'::regclass, 'SELECT')
   OR EXISTS (
       SELECT FROM reporting_roles AS role
       WHERE role.name = current_user AND (role.ad_account_ids IS NULL OR ad_account.id = ANY (role.ad_account_ids))
   );

-- A day is judged by the first successful sync that asks for it after it is over.
CREATE VIEW reporting_synced_ad_accounts AS
SELECT account_id, max(started_at) AS data_as_of, max(judged) FILTER (WHERE first_day <= judged) AS judged_through
FROM (
    SELECT account_id, started_at, first_day,
           least(last_day, (started_at AT TIME ZONE 'UTC')::date - 1) AS judged
    FROM sync_log WHERE status = 'success' AND account_id IS NOT NULL
) AS success
GROUP BY account_id;

CREATE VIEW reporting.reporting_campaign_daily WITH (security_barrier) AS
SELECT
    day.date,
    date_trunc('week', day.date::timestamp)::date AS week_start,
    date_trunc('month', day.date::timestamp)::date AS month_start,
    campaign.account_id AS ad_account_id,
    ad_account.name AS ad_account_name,
    day.campaign_id,
    campaign.name AS campaign_name,
    campaign.status AS campaign_status,
    campaign.objective AS campaign_objective,
    campaign.campaign_group AS campaign_group_urn,
    day.impressions,
    day.clicks,
    ad_account.currency,
    day.spend,
    day.landing_page_clicks,
    day.conversions,
    day.leads,
    day.likes,
    day.comments,
    day.shares,
    day.follows,
    day.likes + day.comments + day.shares + day.follows AS engagements,
    day.opens,
    day.sends,
    round(day.clicks * 100::numeric / nullif(day.impressions, 0), 6) AS ctr_percent,
    round(day.spend / nullif(day.clicks, 0), 10) AS cpc,
    round(day.spend * 1000 / nullif(day.impressions, 0), 10) AS cpm,
    round(day.spend / nullif(day.conversions, 0), 10) AS cost_per_conversion,
    round(day.spend / nullif(day.leads, 0), 10) AS cost_per_lead,
    round(day.conversions * 100::numeric / nullif(day.clicks, 0), 6) AS conversion_rate_percent,
    round((day.clicks + day.likes + day.comments + day.shares + day.follows) * 100::numeric
          / nullif(day.impressions, 0), 6) AS engagement_rate_percent,
    round(day.opens * 100::numeric / nullif(day.sends, 0), 6) AS open_rate_percent,
    coalesce(day.date <= synced.judged_through, false) AND incomplete.date IS NULL AS is_complete,
    synced.data_as_of
FROM campaign_daily_metrics AS day
JOIN campaigns AS campaign ON campaign.id = day.campaign_id
JOIN ad_accounts AS ad_account ON ad_account.id = campaign.account_id
LEFT JOIN reporting_synced_ad_accounts AS synced ON synced.account_id = campaign.account_id
LEFT JOIN incomplete_days AS incomplete ON incomplete.account_id = campaign.account_id AND incomplete.date = day.date
WHERE campaign.account_id = ANY (ARRAY(SELECT id FROM reporting_visible_ad_accounts));

CREATE VIEW reporting.reporting_creative_daily WITH (security_barrier) AS
SELECT
    day.date,
    date_trunc('week', day.date::timestamp)::date AS week_start,
    date_trunc('month', day.date::timestamp)::date AS month_start,
    creative.account_id AS ad_account_id,
    ad_account.name AS ad_account_name,
    creative.campaign_id,
    campaign.name AS campaign_name,
    campaign.status AS campaign_status,
    campaign.objective AS campaign_objective,
    campaign.campaign_group AS campaign_group_urn,
    day.creative_id AS creative_urn,
    creative.content_name AS creative_name,
    creative.intended_status AS creative_status,
    creative.is_serving,
    creative.review_status,
    day.impressions,
    day.clicks,
    ad_account.currency,
    day.spend,
    day.landing_page_clicks,
    day.conversions,
    day.leads,
    day.likes,
    day.comments,
    day.shares,
    day.follows,
    day.likes + day.comments + day.shares + day.follows AS engagements,
    day.opens,
    day.sends,
    round(day.clicks * 100::numeric / nullif(day.impressions, 0), 6) AS ctr_percent,
    round(day.spend / nullif(day.clicks, 0), 10) AS cpc,
    round(day.spend * 1000 / nullif(day.impressions, 0), 10) AS cpm,
    round(day.spend / nullif(day.conversions, 0), 10) AS cost_per_conversion,
    round(day.spend / nullif(day.leads, 0), 10) AS cost_per_lead,
    round(day.conversions * 100::numeric / nullif(day.clicks, 0), 6) AS conversion_rate_percent,
    round((day.clicks + day.likes + day.comments + day.shares + day.follows) * 100::numeric
          / nullif(day.impressions, 0), 6) AS engagement_rate_percent,
    round(day.opens * 100::numeric / nullif(day.sends, 0), 6) AS open_rate_percent,
    coalesce(day.date <= synced.judged_through, false) AND incomplete.date IS NULL AS is_complete,
    synced.data_as_of
FROM creative_daily_metrics AS day
JOIN creatives AS creative ON creative.id = day.creative_id
LEFT JOIN campaigns AS campaign ON campaign.id = creative.campaign_id
JOIN ad_accounts AS ad_account ON ad_account.id = creative.account_id
LEFT JOIN reporting_synced_ad_accounts AS synced ON synced.account_id = creative.account_id
LEFT JOIN incomplete_days AS incomplete ON incomplete.account_id = creative.account_id AND incomplete.date = day.date
WHERE creative.account_id = ANY (ARRAY(SELECT id FROM reporting_visible_ad_accounts));

-- Summed from campaigns, as every report is; not LinkedIn's own totals, which is_complete compares them with.
CREATE VIEW reporting.reporting_account_daily WITH (security_barrier) AS
SELECT
    day.date,
    date_trunc('week', day.date::timestamp)::date AS week_start,
    date_trunc('month', day.date::timestamp)::date AS month_start,
    day.account_id AS ad_account_id,
    ad_account.name AS ad_account_name,
    day.impressions,
    day.clicks,
    ad_account.currency,
    day.spend,
    day.landing_page_clicks,
    day.conversions,
    day.leads,
    day.likes,
    day.comments,
    day.shares,
    day.follows,
    day.likes + day.comments + day.shares + day.follows AS engagements,
    day.opens,
    day.sends,
    round(day.clicks * 100::numeric / nullif(day.impressions, 0), 6) AS ctr_percent,
    round(day.spend / nullif(day.clicks, 0), 10) AS cpc,
    round(day.spend * 1000 / nullif(day.impressions, 0), 10) AS cpm,
    round(day.spend / nullif(day.conversions, 0), 10) AS cost_per_conversion,
    round(day.spend / nullif(day.leads, 0), 10) AS cost_per_lead,
    round(day.conversions * 100::numeric / nullif(day.clicks, 0), 6) AS conversion_rate_percent,
    round((day.clicks + day.likes + day.comments + day.shares + day.follows) * 100::numeric
          / nullif(day.impressions, 0), 6) AS engagement_rate_percent,
    round(day.opens * 100::numeric / nullif(day.sends, 0), 6) AS open_rate_percent,
    coalesce(day.date <= synced.judged_through, false) AND incomplete.date IS NULL AS is_complete,
    synced.data_as_of
FROM (
    SELECT campaign.account_id, figures.date, sum(figures.impressions) AS impressions, sum(figures.clicks) AS clicks, sum(figures.spend) AS spend,
           sum(figures.landing_page_clicks) AS landing_page_clicks, sum(figures.conversions) AS conversions, sum(figures.leads) AS leads,
           sum(figures.likes) AS likes, sum(figures.comments) AS comments, sum(figures.shares) AS shares,
           sum(figures.follows) AS follows, sum(figures.opens) AS opens, sum(figures.sends) AS sends
    FROM campaign_daily_metrics AS figures
    JOIN campaigns AS campaign ON campaign.id = figures.campaign_id
    WHERE campaign.account_id = ANY (ARRAY(SELECT id FROM reporting_visible_ad_accounts))
    GROUP BY campaign.account_id, figures.date
) AS day
JOIN ad_accounts AS ad_account ON ad_account.id = day.account_id
LEFT JOIN reporting_synced_ad_accounts AS synced ON synced.account_id = day.account_id
LEFT JOIN incomplete_days AS incomplete ON incomplete.account_id = day.account_id AND incomplete.date = day.date;

CREATE VIEW reporting.reporting_demographics_monthly WITH (security_barrier) AS
SELECT
    month.date_start AS month_start,
    month.date_end AS last_day_counted,
    month.account_id AS ad_account_id,
    ad_account.name AS ad_account_name,
    month.pivot_type,
    month.segment AS segment_urn,
    coalesce(month.segment_name, month.segment) AS segment_name,
    month.impressions,
    month.clicks,
    ad_account.currency,
    month.spend,
    month.conversions,
    month.leads,
    month.share_pct AS share_percent,
    round(month.clicks * 100::numeric / nullif(month.impressions, 0), 6) AS ctr_percent,
    round(month.spend / nullif(month.clicks, 0), 10) AS cpc,
    round(month.spend * 1000 / nullif(month.impressions, 0), 10) AS cpm,
    round(month.spend / nullif(month.conversions, 0), 10) AS cost_per_conversion,
    round(month.spend / nullif(month.leads, 0), 10) AS cost_per_lead,
    round(month.conversions * 100::numeric / nullif(month.clicks, 0), 6) AS conversion_rate_percent,
    month.date_end = (month.date_start + interval '1 month' - interval '1 day')::date AS is_complete,
    synced.data_as_of
FROM audience_demographics AS month
JOIN ad_accounts AS ad_account ON ad_account.id = month.account_id
LEFT JOIN reporting_synced_ad_accounts AS synced ON synced.account_id = month.account_id
WHERE month.account_id = ANY (ARRAY(SELECT id FROM reporting_visible_ad_accounts));

COMMENT ON VIEW reporting.reporting_campaign_daily IS 'One row per campaign and UTC day on which anything happened.';
COMMENT ON VIEW reporting.reporting_creative_daily IS 'One row per creative and UTC day on which anything happened.';
COMMENT ON VIEW reporting.reporting_account_daily IS 'One row per ad account and UTC day on which anything happened: the sums of its campaigns.';
COMMENT ON VIEW reporting.reporting_demographics_monthly IS 'One row per ad account, pivot, segment and calendar month: who saw the ads.';

DO $$
DECLARE
    one record;
BEGIN
    FOR one IN
        SELECT view.relname AS view, told.name, told.meaning || ' (' || told.unit || ')' AS comment
        FROM (VALUES
            ('date', 'UTC day; compare it with dates, not with timestamps', 'day'),
            ('week_start', 'Monday of the ISO week', 'day'),
            ('month_start', 'first day of the calendar month', 'day'),
            ('last_day_counted', 'last day of the month that LinkedIn had counted when it was asked last', 'day'),
            ('ad_account_id', 'LinkedIn''s id of the ad account', 'id'),
            ('ad_account_name', 'its name now', 'text'),
            ('campaign_id', 'LinkedIn''s id of the campaign', 'id'),
            ('campaign_name', 'its name now; empty where LinkedIn no longer returns it', 'text'),
            ('campaign_status', 'its status now: ACTIVE, PAUSED, ARCHIVED, COMPLETED, CANCELED, …', 'text'),
            ('campaign_objective', 'what it is for: WEBSITE_VISIT, LEAD_GENERATION, …', 'text'),
            ('campaign_group_urn', 'campaign group that it belongs to', 'URN'),
            ('creative_urn', 'LinkedIn''s URN of the creative', 'URN'),
            ('creative_name', 'its own name, else its post''s name or first words, else its headline', 'text'),
            ('creative_status', 'what the advertiser wants now: ACTIVE, PAUSED, …', 'text'),
            ('is_serving', 'whether LinkedIn shows it now', 'true or false'),
            ('review_status', 'LinkedIn''s review now: PENDING, APPROVED, REJECTED, NEEDS_REVIEW', 'text'),
            ('pivot_type', 'by what people are told apart: job_title, job_function, seniority, industry, company_size, company, country, region', 'text'),
            ('segment_urn', 'the segment, as LinkedIn names it to machines', 'URN or enum'),
            ('segment_name', 'the segment, as people name it', 'text'),
            ('impressions', 'how often an ad was shown', 'count'),
            ('clicks', 'chargeable clicks; what is chargeable depends on the campaign''s objective', 'count'),
            ('currency', 'ISO code of every amount of this row; never add up two', 'text'),
            ('spend', 'what LinkedIn charged', 'money in currency'),
            ('landing_page_clicks', 'clicks that led to the advertiser''s page', 'count'),
            ('conversions', 'conversions on the advertiser''s website, after clicks and after views', 'count'),
            ('leads', 'lead forms sent in on LinkedIn', 'count'),
            ('likes', 'likes of the ad', 'count'),
            ('comments', 'comments on the ad', 'count'),
            ('shares', 'reposts of the ad', 'count'),
            ('follows', 'new followers of the page that advertises', 'count'),
            ('engagements', 'likes, comments, shares and follows together', 'count'),
            ('opens', 'message ads that were opened', 'count'),
            ('sends', 'message ads that were sent', 'count'),
            ('share_percent', 'of the impressions of all segments of this ad account, pivot and month', 'percent'),
            ('ctr_percent', 'clicks / impressions · 100; empty without impressions', 'percent'),
            ('cpc', 'spend / clicks; empty without clicks', 'money in currency'),
            ('cpm', 'spend / impressions · 1000; empty without impressions', 'money in currency'),
            ('cost_per_conversion', 'spend / conversions; empty without conversions', 'money in currency'),
            ('cost_per_lead', 'spend / leads; empty without leads', 'money in currency'),
            ('conversion_rate_percent', 'conversions / clicks · 100; empty without clicks', 'percent'),
            ('engagement_rate_percent', '(clicks + likes + comments + shares + follows) / impressions · 100; empty without impressions', 'percent'),
            ('open_rate_percent', 'opens / sends · 100; empty without sends', 'percent'),
            ('is_complete', 'whether the figures are final as far as is known: a day is over and adds up to LinkedIn''s own totals; of demographics, the whole month was counted', 'true or false'),
            ('data_as_of', 'when the last successful sync of the ad account began', 'instant')
        ) AS told (name, meaning, unit)
        JOIN pg_attribute AS attribute ON attribute.attname = told.name
        JOIN pg_class AS view ON view.oid = attribute.attrelid
        WHERE view.relnamespace = 'reporting'::regnamespace AND view.relname LIKE 'reporting\_%'
    LOOP
        EXECUTE format('COMMENT ON COLUMN reporting.%I.%I IS %L', one.view, one.name, one.comment);
    END LOOP;
END
$$;
