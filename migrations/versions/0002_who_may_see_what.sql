-- Three roles, and rows that only their own organisation sees.
--
-- vigil_app serves people: every request says for whom (vigil.organisation, vigil.centre), and
-- without that it sees nothing. vigil_ingest files what devices say. Neither owns a table.
-- Everything hangs on one policy, that of organisations: an asset is visible when its
-- organisation is, a position when its asset is.

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'vigil_app') THEN
        CREATE ROLE vigil_app LOGIN NOSUPERUSER NOBYPASSRLS;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'vigil_ingest') THEN
        CREATE ROLE vigil_ingest LOGIN NOSUPERUSER NOBYPASSRLS;
    END IF;
    EXECUTE format('GRANT vigil_app, vigil_ingest TO %I', current_user);
END
$$;

REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO vigil_app, vigil_ingest;

GRANT SELECT, INSERT, UPDATE ON organisations, people, assets, devices, fitments TO vigil_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON sessions, api_tokens TO vigil_app;
GRANT SELECT, INSERT, DELETE ON sign_in_attempts TO vigil_app;
GRANT SELECT ON positions, misdated_positions, last_positions, unit_sessions TO vigil_app;
GRANT SELECT, UPDATE, DELETE ON unknown_units TO vigil_app;
GRANT SELECT ON quarantined_frames, gateways, reception TO vigil_app;
GRANT SELECT, INSERT, UPDATE ON alarms TO vigil_app;
GRANT SELECT, INSERT ON alarm_events, changes, alarm_shown TO vigil_app;
GRANT INSERT, SELECT ON location_reads TO vigil_app;

GRANT SELECT ON organisations, assets, devices, fitments TO vigil_ingest;
GRANT SELECT, INSERT, UPDATE, DELETE ON misdated_positions, quarantined_frames TO vigil_ingest;
GRANT SELECT, INSERT ON positions, frames TO vigil_ingest;
GRANT SELECT, INSERT, UPDATE ON last_positions, unit_sessions, unknown_units TO vigil_ingest;
GRANT SELECT, INSERT, UPDATE, DELETE ON rule_memory, gateways, reception TO vigil_ingest;
GRANT SELECT, INSERT, UPDATE ON alarms TO vigil_ingest;
GRANT SELECT, INSERT ON alarm_events, changes TO vigil_ingest;
GRANT DELETE ON sessions, sign_in_attempts TO vigil_ingest;
GRANT SELECT ON sessions, sign_in_attempts TO vigil_ingest;

-- frames has no policy, because COPY refuses a table that has one; so vigil_app may not read it
-- at all, and people see frames through a function for staff only.

-- Whom a request speaks for; NULL, and so nothing, when it does not say.

CREATE FUNCTION vigil_organisation() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE AS
$$ SELECT nullif(current_setting('vigil.organisation', true), '')::uuid $$;

CREATE FUNCTION vigil_centre() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE AS
$$ SELECT nullif(current_setting('vigil.centre', true), '')::uuid $$;

DO $$
DECLARE
    name text;
    condition text;
BEGIN
    FOR name, condition IN VALUES
        ('organisations', 'id = vigil_organisation() OR id = vigil_centre() OR centre_id = vigil_centre()'),
        ('people', 'organisation_id IN (SELECT id FROM organisations)'),
        ('sessions', 'person_id IN (SELECT id FROM people)'),
        ('api_tokens', 'person_id IN (SELECT id FROM people)'),
        ('assets', 'organisation_id IN (SELECT id FROM organisations)'),
        ('devices', 'organisation_id IN (SELECT id FROM organisations)'),
        ('fitments', 'organisation_id IN (SELECT id FROM organisations)'),
        ('alarms', 'organisation_id IN (SELECT id FROM organisations)'),
        ('changes', 'organisation_id IN (SELECT id FROM organisations)'),
        ('location_reads', 'organisation_id IN (SELECT id FROM organisations)'),
        ('alarm_events', 'alarm_id IN (SELECT id FROM alarms)'),
        ('alarm_shown', 'alarm_id IN (SELECT id FROM alarms)'),
        ('positions', 'asset_id IN (SELECT id FROM assets)'),
        ('misdated_positions', 'asset_id IN (SELECT id FROM assets)'),
        ('last_positions', 'asset_id IN (SELECT id FROM assets)'),
        ('unit_sessions', 'vigil_centre() IS NOT NULL OR unit_id IN (SELECT unit_id FROM devices)'),
        ('unknown_units', 'vigil_centre() IS NOT NULL'),
        ('quarantined_frames', 'vigil_centre() IS NOT NULL')
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY app ON %I TO vigil_app USING (%s) WITH CHECK (%s)',
                       name, condition, condition);
        EXECUTE format('CREATE POLICY ingest ON %I TO vigil_ingest USING (true) WITH CHECK (true)',
                       name);
        EXECUTE format('CREATE POLICY owner ON %I TO %I USING (true) WITH CHECK (true)',
                       name, current_user);
    END LOOP;
END
$$;

-- Signing in happens before we know for whom: three narrow doors, each for one secret.

CREATE FUNCTION vigil_person_signing_in(said text)
RETURNS TABLE (id uuid, organisation_id uuid, centre_id uuid, sign_in text, name text, role text,
               language text, password_hash text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
    SELECT p.id, p.organisation_id,
           CASE WHEN o.kind = 'centre' THEN o.id END, p.sign_in, p.name, p.role, p.language,
           p.password_hash
    FROM people p JOIN organisations o ON o.id = p.organisation_id
    WHERE lower(p.sign_in) = lower(said) AND p.disabled_at IS NULL
$$;

CREATE FUNCTION vigil_person_of_session(hash bytea)
RETURNS TABLE (id uuid, organisation_id uuid, centre_id uuid, sign_in text, name text, role text,
               language text, csrf text, seen_at timestamptz, expires_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
    SELECT p.id, p.organisation_id,
           CASE WHEN o.kind = 'centre' THEN o.id END, p.sign_in, p.name, p.role, p.language,
           s.csrf, s.seen_at, s.expires_at
    FROM sessions s
    JOIN people p ON p.id = s.person_id
    JOIN organisations o ON o.id = p.organisation_id
    WHERE s.token_hash = hash AND s.expires_at > now() AND p.disabled_at IS NULL
$$;

CREATE FUNCTION vigil_person_of_token(hash bytea)
RETURNS TABLE (id uuid, organisation_id uuid, centre_id uuid, sign_in text, name text, role text,
               language text, token_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
    SELECT p.id, p.organisation_id,
           CASE WHEN o.kind = 'centre' THEN o.id END, p.sign_in, p.name, p.role, p.language, t.id
    FROM api_tokens t
    JOIN people p ON p.id = t.person_id
    JOIN organisations o ON o.id = p.organisation_id
    WHERE t.token_hash = hash AND t.revoked_at IS NULL
      AND (t.expires_at IS NULL OR t.expires_at > now()) AND p.disabled_at IS NULL
$$;

-- What engineers watch, without signing in: how many alarms wait and for how long, never whose.

CREATE FUNCTION vigil_open_alarms()
RETURNS TABLE (priority smallint, state text, alarms bigint, oldest timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
    SELECT a.priority, a.state, count(*), min(a.raised_at) FROM alarms a
    WHERE a.state <> 'closed' GROUP BY 1, 2
$$;

CREATE FUNCTION vigil_newest_change() RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
    SELECT coalesce(max(seq), 0) FROM changes
$$;

REVOKE EXECUTE ON FUNCTION vigil_open_alarms() FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION vigil_newest_change() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION vigil_open_alarms() TO vigil_app;
GRANT EXECUTE ON FUNCTION vigil_newest_change() TO vigil_app;
GRANT SELECT ON alembic_version TO vigil_app;

REVOKE EXECUTE ON FUNCTION vigil_person_signing_in(text) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION vigil_person_of_session(bytea) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION vigil_person_of_token(bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION vigil_person_signing_in(text) TO vigil_app;
GRANT EXECUTE ON FUNCTION vigil_person_of_session(bytea) TO vigil_app;
GRANT EXECUTE ON FUNCTION vigil_person_of_token(bytea) TO vigil_app;
