-- What the change feed rests on: docs/decisions/0017-the-change-feed-orders-rows-by-transaction.md.
--
-- A mark is the number of the transaction that wrote a row. Numbers are given in the order in which transactions begin
-- to write, so whatever has a mark below the oldest open one is committed and never grows: readers stop there.

-- Added to every number; a restore into another server, which counts from the start, raises it.
CREATE FUNCTION change_mark_offset() RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE AS 'SELECT 0::bigint';

CREATE FUNCTION change_mark() RETURNS bigint LANGUAGE sql AS
    'SELECT pg_catalog.pg_current_xact_id()::text::bigint + public.change_mark_offset()';

-- Every mark below it is final.
CREATE FUNCTION change_horizon() RETURNS bigint LANGUAGE sql AS
    'SELECT pg_catalog.pg_snapshot_xmin(pg_catalog.pg_current_snapshot())::text::bigint + public.change_mark_offset()';

-- The same for BI roles, which reach no other schema.
CREATE FUNCTION reporting.change_horizon() RETURNS bigint LANGUAGE sql SECURITY DEFINER SET search_path = public AS
    'SELECT public.change_horizon()';

-- From now on every cursor given so far is refused. By hand after restoring by other means than `manage.py restore`, and
-- after TRUNCATE, which no trigger reports.
CREATE FUNCTION restart_change_feed() RETURNS void LANGUAGE sql AS
    'UPDATE public.change_feed SET generation = gen_random_uuid()';

CREATE FUNCTION set_change_mark() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.change_mark := change_mark();
    RETURN NEW;
END
$$;

-- Arguments: an expression for the ad account of a row of `gone`, then the columns that name the row.
CREATE FUNCTION remember_deleted_rows() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    key text;
BEGIN
    SELECT string_agg(format('%L, gone.%I', name, name), ', ') INTO key FROM unnest(TG_ARGV[1:]) AS name;
    EXECUTE format(
        'INSERT INTO deleted_rows (table_name, account_id, key, change_mark, deleted_at)'
        ' SELECT %L, %s, jsonb_build_object(%s), change_mark(), now() FROM gone',
        TG_TABLE_NAME, TG_ARGV[0], key);
    RETURN NULL;
END
$$;

-- A row that goes to another ad account takes others with it, whose readers differ.
CREATE FUNCTION restart_change_feed_after_move() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM restart_change_feed();
    RETURN NULL;
END
$$;

-- Puts a table into the feed. Stored rows count as older than everything and are in no index; adding the column touches
-- none of them.
CREATE FUNCTION add_to_change_feed(added regclass, ad_account text, VARIADIC key text[]) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    arguments text;
BEGIN
    SELECT string_agg(quote_literal(one), ', ') INTO arguments FROM unnest(ad_account || key) AS one;
    EXECUTE format('ALTER TABLE %s ADD COLUMN change_mark bigint NOT NULL DEFAULT 0', added);
    EXECUTE format('ALTER TABLE %s ALTER COLUMN change_mark SET DEFAULT change_mark()', added);
    EXECUTE format('CREATE INDEX %I ON %s (change_mark, id) WHERE change_mark > 0', added::text || '_by_change', added);
    EXECUTE format(
        'CREATE TRIGGER %I BEFORE UPDATE ON %s FOR EACH ROW WHEN (NEW.change_mark IS DISTINCT FROM change_mark())'
        ' EXECUTE FUNCTION set_change_mark()', added::text || '_are_marked', added);
    EXECUTE format(
        'CREATE TRIGGER %I AFTER DELETE ON %s REFERENCING OLD TABLE AS gone FOR EACH STATEMENT'
        ' EXECUTE FUNCTION remember_deleted_rows(%s)', added::text || '_are_remembered', added, arguments);
END
$$;

SELECT add_to_change_feed('ad_accounts', 'gone.id', 'id');
SELECT add_to_change_feed('campaigns', 'gone.account_id', 'id');
SELECT add_to_change_feed('creatives', 'gone.account_id', 'id');
SELECT add_to_change_feed('campaign_daily_metrics',
    '(SELECT account_id FROM campaigns WHERE campaigns.id = gone.campaign_id)', 'campaign_id', 'date');
SELECT add_to_change_feed('creative_daily_metrics',
    '(SELECT account_id FROM creatives WHERE creatives.id = gone.creative_id)', 'creative_id', 'date');
SELECT add_to_change_feed('audience_demographics', 'gone.account_id', 'account_id', 'pivot_type', 'segment', 'date_start');
SELECT add_to_change_feed('sync_log', 'gone.account_id', 'id');
SELECT add_to_change_feed('rejected_records', 'gone.account_id', 'id');
SELECT add_to_change_feed('findings', 'gone.ad_account_id', 'id');
SELECT add_to_change_feed('snapshots', 'gone.ad_account_id', 'id');

CREATE TRIGGER campaigns_stay_with_their_ad_account AFTER UPDATE OF account_id ON campaigns
    FOR EACH ROW WHEN (OLD.account_id IS DISTINCT FROM NEW.account_id)
    EXECUTE FUNCTION restart_change_feed_after_move();
CREATE TRIGGER creatives_stay_with_their_ad_account AFTER UPDATE OF account_id ON creatives
    FOR EACH ROW WHEN (OLD.account_id IS DISTINCT FROM NEW.account_id)
    EXECUTE FUNCTION restart_change_feed_after_move();
