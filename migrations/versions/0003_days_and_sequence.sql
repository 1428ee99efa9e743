-- Days: positions and frames live in one partition a day, made ahead and dropped whole. The
-- ingest role may ask for a day; only these functions may make or drop one.

CREATE FUNCTION vigil_open_day(day date) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
DECLARE
    parent text;
    child text;
BEGIN
    -- One at a time, or two gateways that meet a new day together would collide.
    PERFORM pg_advisory_xact_lock(hashtext('vigil_open_day'));
    FOREACH parent IN ARRAY ARRAY['positions', 'frames'] LOOP
        child := parent || '_' || to_char(day, 'YYYYMMDD');
        IF to_regclass('public.' || child) IS NULL THEN
            EXECUTE format('CREATE TABLE public.%I (LIKE public.%I INCLUDING ALL)', child, parent);
            IF parent = 'positions' THEN
                EXECUTE format('ALTER TABLE public.%I ENABLE ROW LEVEL SECURITY', child);
            END IF;
            EXECUTE format(
                'ALTER TABLE public.%I ATTACH PARTITION public.%I FOR VALUES FROM (%L) TO (%L)',
                parent, child, day::timestamp AT TIME ZONE 'UTC',
                (day + 1)::timestamp AT TIME ZONE 'UTC');
        END IF;
    END LOOP;
END
$$;

CREATE FUNCTION vigil_days(parent text) RETURNS TABLE (day date, indexed boolean)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
    SELECT to_date(right(c.relname, 8), 'YYYYMMDD'),
           EXISTS (SELECT FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid
                   JOIN pg_am a ON a.oid = x.relam
                   WHERE i.indrelid = c.oid AND a.amname = 'gist')
    FROM pg_inherits h JOIN pg_class c ON c.oid = h.inhrelid
    WHERE h.inhparent = to_regclass('public.' || parent) AND parent IN ('positions', 'frames')
    ORDER BY 1
$$;

-- A closed day gets its spatial index: kept live it would halve the intake.

CREATE FUNCTION vigil_close_day(day date) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
DECLARE
    child text := 'positions_' || to_char(day, 'YYYYMMDD');
BEGIN
    EXECUTE format('CREATE INDEX IF NOT EXISTS %I ON public.%I USING gist (geom)',
                   child || '_geom', child);
END
$$;

CREATE FUNCTION vigil_drop_day(parent text, day date) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
BEGIN
    IF parent NOT IN ('positions', 'frames') THEN
        RAISE EXCEPTION 'only days of positions and frames are dropped, not %', parent;
    END IF;
    IF day >= (now() AT TIME ZONE 'UTC')::date - 1 THEN
        RAISE EXCEPTION 'a day that is not over is not dropped: %', day;
    END IF;
    EXECUTE format('DROP TABLE IF EXISTS public.%I', parent || '_' || to_char(day, 'YYYYMMDD'));
END
$$;

REVOKE EXECUTE ON FUNCTION vigil_open_day(date) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION vigil_close_day(date) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION vigil_drop_day(text, date) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION vigil_open_day(date) TO vigil_ingest;
GRANT EXECUTE ON FUNCTION vigil_close_day(date) TO vigil_ingest;
GRANT EXECUTE ON FUNCTION vigil_drop_day(text, date) TO vigil_ingest;

-- The order that desks follow. Numbers handed out before COMMIT can become visible out of order,
-- and a desk that asks for what came after N would miss the late one. So whoever writes a change
-- holds this lock from its number until its commit; alarms are rare and this is their last act.

CREATE SEQUENCE changes_seq;
GRANT USAGE, SELECT ON SEQUENCE changes_seq TO vigil_app, vigil_ingest;

CREATE FUNCTION vigil_next_change() RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('vigil_changes'));
    RETURN nextval('changes_seq');
END
$$;
