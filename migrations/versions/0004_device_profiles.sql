CREATE TABLE profiles (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    codec TEXT NOT NULL,
    model TEXT DEFAULT '' NOT NULL,
    version INTEGER NOT NULL,
    settings JSONB DEFAULT '{}' NOT NULL,
    category TEXT,
    reporting_time_s INTEGER,
    note TEXT DEFAULT '' NOT NULL,
    created_at timestamptz DEFAULT now() NOT NULL,
    created_by UUID,
    CONSTRAINT profiles_pkey PRIMARY KEY (id),
    CONSTRAINT profiles_reporting_time CHECK (reporting_time_s > 0),
    CONSTRAINT profiles_model CHECK (model = lower(model)),
    CONSTRAINT profiles_codec_model_version_key UNIQUE (codec, model, version),
    CONSTRAINT profiles_created_by_fkey FOREIGN KEY(created_by) REFERENCES people (id)
);

CREATE TABLE device_secrets (
    device_id UUID NOT NULL,
    secret TEXT NOT NULL,
    set_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT device_secrets_pkey PRIMARY KEY (device_id),
    CONSTRAINT device_secrets_device_id_fkey FOREIGN KEY(device_id) REFERENCES devices (id)
);

-- The newest version of each profile.

CREATE VIEW profiles_in_force AS
SELECT DISTINCT ON (codec, model) id, codec, model, version, settings, category, reporting_time_s
FROM profiles ORDER BY codec, model, version DESC;

-- How a device is set up: what all models of its protocol have in common, what its model has,
-- and what it has itself; what is later is laid over what is before.

CREATE VIEW device_setups AS
SELECT d.id AS device_id, d.unit_id, d.codec, d.model,
       shared.settings AS shared, own.settings AS of_model, d.settings AS of_unit,
       coalesce(d.reporting_time_s, own.reporting_time_s, shared.reporting_time_s)
           AS reporting_time_s,
       d.retired_at
FROM devices d
LEFT JOIN profiles_in_force shared ON shared.codec = d.codec AND shared.model = ''
LEFT JOIN profiles_in_force own
    ON own.codec = d.codec AND own.model = lower(d.model) AND own.model <> '';

ALTER VIEW profiles_in_force SET (security_invoker = true);
ALTER VIEW device_setups SET (security_invoker = true);

-- A profile says nothing about anybody, and everybody's devices are judged by it; a centre's
-- staff writes it. Old versions are never changed.

GRANT SELECT, INSERT ON profiles TO vigil_app;
GRANT SELECT ON profiles TO vigil_ingest;
GRANT SELECT ON profiles_in_force, device_setups TO vigil_app, vigil_ingest;
ALTER TABLE profiles ENABLE ROW LEVEL SECURITY;
ALTER TABLE profiles FORCE ROW LEVEL SECURITY;
CREATE POLICY app ON profiles FOR SELECT TO vigil_app USING (true);
CREATE POLICY app_writes ON profiles FOR INSERT TO vigil_app
    WITH CHECK (vigil_centre() IS NOT NULL);
CREATE POLICY ingest ON profiles FOR SELECT TO vigil_ingest USING (true);

GRANT INSERT, DELETE ON device_secrets TO vigil_app;
GRANT SELECT (device_id, set_at) ON device_secrets TO vigil_app;
GRANT SELECT ON device_secrets TO vigil_ingest;
ALTER TABLE device_secrets ENABLE ROW LEVEL SECURITY;
ALTER TABLE device_secrets FORCE ROW LEVEL SECURITY;
CREATE POLICY app ON device_secrets TO vigil_app
    USING (device_id IN (SELECT id FROM devices)) WITH CHECK (device_id IN (SELECT id FROM devices));
CREATE POLICY ingest ON device_secrets FOR SELECT TO vigil_ingest USING (true);

DO $$
BEGIN
    EXECUTE format('CREATE POLICY owner ON profiles TO %I USING (true) WITH CHECK (true)',
                   current_user);
    EXECUTE format('CREATE POLICY owner ON device_secrets TO %I USING (true) WITH CHECK (true)',
                   current_user);
END
$$;

-- What a unit said lately, for a centre's staff and only of units of their clients (frames has no
-- policy of its own, because COPY refuses a table that has one).

CREATE FUNCTION vigil_frames_of(unit text, before timestamptz, most integer)
RETURNS TABLE (received_at timestamptz, codec text, payload bytea)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
    SELECT f.received_at, f.codec, f.payload FROM frames f
    WHERE f.unit_id = unit AND f.received_at < before AND vigil_centre() IS NOT NULL
      AND EXISTS (
          SELECT FROM devices d JOIN organisations o ON o.id = d.organisation_id
          WHERE d.unit_id = unit AND (o.id = vigil_centre() OR o.centre_id = vigil_centre())
      )
    ORDER BY f.received_at DESC LIMIT most
$$;

REVOKE EXECUTE ON FUNCTION vigil_frames_of(text, timestamptz, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION vigil_frames_of(text, timestamptz, integer) TO vigil_app;
