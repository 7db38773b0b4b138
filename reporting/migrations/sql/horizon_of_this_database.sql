-- Every mark below it is final: docs/decisions/0017-the-change-feed-orders-rows-by-transaction.md.
--
-- Numbers of transactions belong to the whole server, so those that are open in other databases are told apart. Each
-- holds a lock on its own number, which everybody sees in pg_locks; which database its process serves is in
-- pg_stat_activity for everybody, too. A transaction whose database is not known counts as one of this database.
CREATE OR REPLACE FUNCTION change_horizon() RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    seen pg_catalog.pg_snapshot;
    oldest bigint;
    all_are_known boolean;
BEGIN
    -- One that just began or ended may have no lock; it has one, or is gone, when looked at again.
    FOR attempt IN 1..5 LOOP
        -- Before the locks: who holds one of these numbers afterwards is who held it.
        seen := pg_catalog.pg_current_snapshot();
        -- A standby lists open transactions in no snapshot that can be read, and has no locks of them.
        IF pg_catalog.pg_is_in_recovery() THEN
            RETURN pg_catalog.pg_snapshot_xmin(seen)::text::bigint + public.change_mark_offset();
        END IF;
        -- Otherwise a transaction sees the processes as they were when it first looked.
        PERFORM pg_catalog.pg_stat_clear_snapshot();
        SELECT min(open.number::text::bigint) FILTER (WHERE owner.is_elsewhere IS NOT TRUE),
               coalesce(bool_and(owner.is_elsewhere IS NOT NULL), true)
        INTO oldest, all_are_known
        FROM pg_catalog.pg_snapshot_xip(seen) AS open (number)
        LEFT JOIN (
            SELECT held.transactionid AS number, process.datname <> pg_catalog.current_database() AS is_elsewhere
            FROM pg_catalog.pg_locks AS held JOIN pg_catalog.pg_stat_activity AS process USING (pid)
            WHERE held.locktype = 'transactionid' AND held.mode = 'ExclusiveLock' AND held.granted
            UNION ALL
            SELECT transaction, database <> pg_catalog.current_database() FROM pg_catalog.pg_prepared_xacts
        ) AS owner ON owner.number = open.number::xid;
        EXIT WHEN all_are_known;
    END LOOP;
    -- The snapshot leaves out the transaction that asks.
    RETURN least(
        coalesce(oldest, pg_catalog.pg_snapshot_xmax(seen)::text::bigint),
        pg_catalog.pg_current_xact_id_if_assigned()::text::bigint
    ) + public.change_mark_offset();
END
$$;
