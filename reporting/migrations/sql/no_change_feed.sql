DROP TRIGGER creatives_stay_with_their_ad_account ON creatives;
DROP TRIGGER campaigns_stay_with_their_ad_account ON campaigns;

DO $$
DECLARE
    one regclass;
BEGIN
    FOR one IN
        SELECT tgrelid::regclass FROM pg_trigger
        WHERE tgfoid = 'remember_deleted_rows'::regproc AND tgparentid = 0
    LOOP
        EXECUTE format('DROP TRIGGER %I ON %s', one::text || '_are_remembered', one);
        EXECUTE format('DROP TRIGGER %I ON %s', one::text || '_are_marked', one);
        EXECUTE format('ALTER TABLE %s DROP COLUMN change_mark', one);
    END LOOP;
END
$$;

DROP FUNCTION add_to_change_feed(regclass, text, VARIADIC text[]);
DROP FUNCTION restart_change_feed_after_move();
DROP FUNCTION remember_deleted_rows();
DROP FUNCTION set_change_mark();
DROP FUNCTION restart_change_feed();
DROP FUNCTION reporting.change_horizon();
DROP FUNCTION change_horizon();
DROP FUNCTION change_mark();
DROP FUNCTION change_mark_offset();
