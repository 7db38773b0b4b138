-- What the views for BI tools rest on, beside the tables, where no BI role reaches it. The views themselves have a schema
-- of their own and are made after migrating (reporting/operations/bi_views.py).

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
