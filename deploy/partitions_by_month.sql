-- Daily figures in one partition per month: docs/scaling.md explains when and how.
--
-- Two functions that an installation creates once, as the owner of the tables. The service itself does not use them.

-- Creates the missing partitions of these months; returns how many are new. A partition is created beside its table and
-- then attached, so that syncs and reports keep running.
CREATE OR REPLACE FUNCTION make_months(parent text, first_day date, last_day date) RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
    month date := date_trunc('month', first_day::timestamp);
    partition text;
    made integer := 0;
BEGIN
    WHILE month <= last_day LOOP
        partition := format('%s_%s', parent, to_char(month, 'YYYY_MM'));
        IF to_regclass(quote_ident(partition)) IS NULL THEN
            -- As in migration 0006_vacuum_daily_figures_often: only tables with their own rows accept such settings.
            EXECUTE format(
                'CREATE TABLE %I (LIKE %I INCLUDING DEFAULTS INCLUDING GENERATED INCLUDING CONSTRAINTS)'
                ' WITH (autovacuum_vacuum_insert_scale_factor = 0.01, autovacuum_vacuum_scale_factor = 0.02,'
                ' autovacuum_analyze_scale_factor = 0.02)', partition, parent);
            EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
                parent, partition, month, (month + interval '1 month')::date);
            made := made + 1;
        END IF;
        month := month + interval '1 month';
    END LOOP;
    RETURN made;
END
$$;

-- Replaces a table by a partitioned one with the same columns, constraints, indexes, triggers, names and rows; views that read it
-- read the new one. The table is locked until the transaction ends. Returns the number of rows.
CREATE OR REPLACE FUNCTION partition_by_month(whole text, months_ahead integer) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    aside text := whole || '_whole';
    columns text;
    constraints text[];
    indexes text[];
    triggers text[];
    views text[];
    first_month date;
    statement text;
    copied bigint;
BEGIN
    EXECUTE format('LOCK TABLE %I IN ACCESS EXCLUSIVE MODE', whole);
    SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) INTO columns
    FROM pg_attribute WHERE attrelid = whole::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = '';
    -- Unique keys of a partitioned table must contain the date.
    SELECT array_agg(format('ALTER TABLE %I ADD CONSTRAINT %I %s', whole, conname,
                            CASE contype WHEN 'p' THEN 'PRIMARY KEY (id, date)' ELSE pg_get_constraintdef(oid) END)
                     ORDER BY contype DESC, conname) INTO constraints
    FROM pg_constraint WHERE conrelid = whole::regclass AND contype IN ('p', 'u', 'f');
    SELECT array_agg(pg_get_indexdef(indexrelid)) INTO indexes
    FROM pg_index WHERE indrelid = whole::regclass
        AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid AND contype IN ('p', 'u'));
    SELECT array_agg(pg_get_triggerdef(oid)) INTO triggers
    FROM pg_trigger WHERE tgrelid = whole::regclass AND NOT tgisinternal;
    -- Replaced, not created again, so that grants on views are kept.
    SELECT array_agg(format('CREATE OR REPLACE VIEW %s %s AS %s', view.oid::regclass,
                            'WITH (' || array_to_string(view.reloptions, ', ') || ')', pg_get_viewdef(view.oid)))
    INTO views
    FROM pg_class AS view
    WHERE view.relkind = 'v' AND EXISTS (
        SELECT FROM pg_rewrite AS rule JOIN pg_depend AS needs ON needs.objid = rule.oid
        WHERE rule.ev_class = view.oid AND needs.refobjid = whole::regclass);

    EXECUTE format('ALTER TABLE %I RENAME TO %I', whole, aside);
    EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING ALL EXCLUDING INDEXES) PARTITION BY RANGE (date)', whole, aside);
    EXECUTE format('SELECT date_trunc(''month'', least(min(date), current_date)::timestamp) FROM %I', aside)
    INTO first_month;
    -- For a longer backfill that is requested later.
    EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (MINVALUE) TO (%L)',
                   whole || '_before', whole, first_month);
    PERFORM make_months(whole, first_month, (current_date + make_interval(months => months_ahead))::date);
    EXECUTE format('INSERT INTO %I (%s) SELECT %s FROM %I', whole, columns, columns, aside);
    GET DIAGNOSTICS copied = ROW_COUNT;
    EXECUTE format('SELECT setval(pg_get_serial_sequence(%L, ''id''), coalesce(max(id), 0) + 1, false) FROM %I',
                   whole, aside);
    FOREACH statement IN ARRAY coalesce(views, '{}') LOOP
        EXECUTE statement;
    END LOOP;
    EXECUTE format('DROP TABLE %I', aside);
    FOREACH statement IN ARRAY constraints || coalesce(indexes, '{}') || coalesce(triggers, '{}') LOOP
        EXECUTE statement;
    END LOOP;
    RETURN copied;
END
$$;
