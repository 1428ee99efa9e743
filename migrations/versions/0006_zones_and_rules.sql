-- What rules ask of an asset.

ALTER TABLE assets ADD COLUMN group_name TEXT DEFAULT '' NOT NULL;
ALTER TABLE assets ADD COLUMN tags TEXT[] DEFAULT '{}' NOT NULL;
ALTER TABLE assets ADD COLUMN speed_limit_kmh REAL;
ALTER TABLE assets ADD COLUMN hours JSONB;
ALTER TABLE assets ADD CONSTRAINT assets_speed_limit CHECK (speed_limit_kmh > 0);

-- Two lanes of one gateway may fold what one unit says: the second to write finds that it must fold
-- again.

ALTER TABLE unit_sessions ADD COLUMN memory_version BIGINT DEFAULT 0 NOT NULL;

CREATE TABLE zones (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    version INTEGER NOT NULL,
    organisation_id UUID NOT NULL,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    definition JSONB DEFAULT '{}' NOT NULL,
    geom geometry(GEOMETRY,4326),
    anchor_asset_id UUID,
    radius_m REAL,
    colour TEXT DEFAULT '' NOT NULL,
    labels TEXT[] DEFAULT '{}' NOT NULL,
    speed_limit_kmh REAL,
    hours JSONB,
    note TEXT DEFAULT '' NOT NULL,
    removed BOOLEAN DEFAULT 'false' NOT NULL,
    created_at timestamptz DEFAULT now() NOT NULL,
    created_by UUID,
    CONSTRAINT zones_pkey PRIMARY KEY (id, version),
    CONSTRAINT zones_kind CHECK (kind IN ('polygon', 'circle', 'corridor', 'area', 'moving')),
    CONSTRAINT zones_somewhere CHECK ((kind = 'moving') = (geom IS NULL) AND (kind = 'moving') = (anchor_asset_id IS NOT NULL)),
    CONSTRAINT zones_radius CHECK (radius_m > 0),
    CONSTRAINT zones_speed_limit CHECK (speed_limit_kmh > 0),
    CONSTRAINT zones_organisation_id_fkey FOREIGN KEY(organisation_id) REFERENCES organisations (id),
    CONSTRAINT zones_anchor_asset_id_fkey FOREIGN KEY(anchor_asset_id) REFERENCES assets (id),
    CONSTRAINT zones_created_by_fkey FOREIGN KEY(created_by) REFERENCES people (id)
);
CREATE INDEX zones_geom ON zones USING gist (geom);
CREATE INDEX zones_organisation ON zones (organisation_id);

CREATE TABLE rules (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    version INTEGER NOT NULL,
    organisation_id UUID NOT NULL,
    name TEXT NOT NULL,
    setting JSONB NOT NULL,
    cause TEXT NOT NULL,
    for_s REAL DEFAULT '0' NOT NULL,
    schedule JSONB,
    scope JSONB DEFAULT '{}' NOT NULL,
    severity SMALLINT NOT NULL,
    messages JSONB DEFAULT '{}' NOT NULL,
    told TEXT[] DEFAULT '{desk}' NOT NULL,
    enabled BOOLEAN DEFAULT 'true' NOT NULL,
    removed BOOLEAN DEFAULT 'false' NOT NULL,
    note TEXT DEFAULT '' NOT NULL,
    created_at timestamptz DEFAULT now() NOT NULL,
    created_by UUID,
    CONSTRAINT rules_pkey PRIMARY KEY (id, version),
    CONSTRAINT rules_severity CHECK (severity BETWEEN 0 AND 5),
    CONSTRAINT rules_for CHECK (for_s >= 0),
    CONSTRAINT rules_told CHECK (told <@ '{desk,client}'),
    CONSTRAINT rules_organisation_id_fkey FOREIGN KEY(organisation_id) REFERENCES organisations (id),
    CONSTRAINT rules_created_by_fkey FOREIGN KEY(created_by) REFERENCES people (id)
);
CREATE INDEX rules_organisation ON rules (organisation_id);

CREATE TABLE timers (
    unit_id TEXT NOT NULL,
    rule_id UUID NOT NULL,
    edition TEXT NOT NULL,
    asset_id UUID NOT NULL,
    as_of timestamptz NOT NULL,
    due_at timestamptz NOT NULL,
    CONSTRAINT timers_pkey PRIMARY KEY (unit_id, rule_id)
);
CREATE INDEX timers_due ON timers (due_at);

CREATE TABLE rule_failures (
    rule_id UUID NOT NULL,
    rule_version INTEGER NOT NULL,
    error TEXT NOT NULL,
    times INTEGER DEFAULT '1' NOT NULL,
    first_at timestamptz DEFAULT now() NOT NULL,
    last_at timestamptz DEFAULT now() NOT NULL,
    asset_id UUID,
    input JSONB NOT NULL,
    CONSTRAINT rule_failures_pkey PRIMARY KEY (rule_id, rule_version, error),
    CONSTRAINT rule_failures_rule_id_rule_version_fkey FOREIGN KEY(rule_id, rule_version) REFERENCES rules (id, version)
);

CREATE TABLE previews (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    organisation_id UUID NOT NULL,
    created_by UUID NOT NULL,
    created_at timestamptz DEFAULT now() NOT NULL,
    rule_id UUID,
    tried JSONB NOT NULL,
    from_at timestamptz NOT NULL,
    until_at timestamptz NOT NULL,
    state TEXT DEFAULT 'running' NOT NULL,
    assets INTEGER DEFAULT '0' NOT NULL,
    assets_done INTEGER DEFAULT '0' NOT NULL,
    positions INTEGER DEFAULT '0' NOT NULL,
    events INTEGER DEFAULT '0' NOT NULL,
    share REAL DEFAULT '0' NOT NULL,
    found JSONB DEFAULT '[]' NOT NULL,
    counts JSONB DEFAULT '{}' NOT NULL,
    error TEXT DEFAULT '' NOT NULL,
    seen_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT previews_pkey PRIMARY KEY (id),
    CONSTRAINT previews_state CHECK (state IN ('running', 'done', 'cancelled', 'failed')),
    CONSTRAINT previews_organisation_id_fkey FOREIGN KEY(organisation_id) REFERENCES organisations (id),
    CONSTRAINT previews_created_by_fkey FOREIGN KEY(created_by) REFERENCES people (id)
);

CREATE TABLE events (
    id UUID NOT NULL,
    organisation_id UUID NOT NULL,
    asset_id UUID NOT NULL,
    device_id UUID,
    unit_id TEXT NOT NULL,
    rule_id UUID NOT NULL,
    rule_version INTEGER NOT NULL,
    cause TEXT NOT NULL,
    phase TEXT NOT NULL,
    severity SMALLINT NOT NULL,
    at timestamptz NOT NULL,
    since timestamptz,
    recorded_at timestamptz DEFAULT now() NOT NULL,
    fix_at timestamptz,
    geom geometry(POINT,4326),
    zone_id UUID,
    zone_version INTEGER,
    facts JSONB DEFAULT '{}' NOT NULL,
    late BOOLEAN DEFAULT 'false' NOT NULL,
    clock BOOLEAN DEFAULT 'false' NOT NULL,
    client_told BOOLEAN DEFAULT 'false' NOT NULL,
    CONSTRAINT events_pkey PRIMARY KEY (id),
    CONSTRAINT events_rule_id_rule_version_fkey FOREIGN KEY(rule_id, rule_version) REFERENCES rules (id, version),
    CONSTRAINT events_zone_id_zone_version_fkey FOREIGN KEY(zone_id, zone_version) REFERENCES zones (id, version),
    CONSTRAINT events_phase CHECK (phase IN ('began', 'ended')),
    CONSTRAINT events_organisation_id_fkey FOREIGN KEY(organisation_id) REFERENCES organisations (id),
    CONSTRAINT events_asset_id_fkey FOREIGN KEY(asset_id) REFERENCES assets (id),
    CONSTRAINT events_device_id_fkey FOREIGN KEY(device_id) REFERENCES devices (id)
);
CREATE INDEX events_asset ON events (asset_id, at);
CREATE INDEX events_at ON events (at, id);
CREATE INDEX events_rule ON events (rule_id, at);

-- The rule that raised an alarm.

ALTER TABLE alarms ADD COLUMN rule_id UUID;
ALTER TABLE alarms ADD COLUMN rule_version INTEGER;
ALTER TABLE alarms ADD CONSTRAINT alarms_rule_id_rule_version_fkey
    FOREIGN KEY (rule_id, rule_version) REFERENCES rules (id, version) NOT VALID;
ALTER TABLE alarms VALIDATE CONSTRAINT alarms_rule_id_rule_version_fkey;

-- Nobody adds a version to what is another's: a new version has the owner of those before it.

CREATE FUNCTION vigil_same_owner() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
DECLARE
    stranger boolean;
BEGIN
    EXECUTE format(
        'SELECT EXISTS (SELECT FROM %I WHERE id = $1 AND organisation_id <> $2)', TG_TABLE_NAME
    ) INTO stranger USING NEW.id, NEW.organisation_id;
    IF stranger THEN
        RAISE EXCEPTION 'version % of % belongs to another organisation than those before it',
            NEW.version, NEW.id USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END
$$;

CREATE TRIGGER same_owner BEFORE INSERT ON zones FOR EACH ROW EXECUTE FUNCTION vigil_same_owner();
CREATE TRIGGER same_owner BEFORE INSERT ON rules FOR EACH ROW EXECUTE FUNCTION vigil_same_owner();

-- The newest version of each zone and rule that has not been taken away.

CREATE VIEW zones_in_force AS
SELECT * FROM (SELECT DISTINCT ON (id) * FROM zones ORDER BY id, version DESC) AS newest
WHERE NOT removed;

CREATE VIEW rules_in_force AS
SELECT * FROM (SELECT DISTINCT ON (id) * FROM rules ORDER BY id, version DESC) AS newest
WHERE NOT removed;

ALTER VIEW zones_in_force SET (security_invoker = true);
ALTER VIEW rules_in_force SET (security_invoker = true);

-- How many rules would miss a zone, whoever set them: nobody takes away unknowingly what somebody
-- else judges by. For who may see the zone; of rules that they may not see they learn no more.

CREATE FUNCTION vigil_rules_asking_for(zone uuid) RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
    SELECT count(*) FROM rules_in_force r
    WHERE jsonb_path_exists(r.setting, '$.**.zones[*] ? (@ == $id)',
                            jsonb_build_object('id', zone::text))
      AND EXISTS (
          SELECT FROM zones z JOIN organisations o ON o.id = z.organisation_id
          WHERE z.id = zone AND (o.id = vigil_organisation() OR o.id = vigil_centre()
                                 OR o.centre_id = vigil_centre())
      )
$$;

REVOKE EXECUTE ON FUNCTION vigil_rules_asking_for(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION vigil_rules_asking_for(uuid) TO vigil_app;

-- What a centre's rule tells the client whose asset an event is about, who cannot see the rule.

CREATE FUNCTION vigil_messages_of_event(event uuid) RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
    SELECT r.messages FROM events e
    JOIN rules r ON r.id = e.rule_id AND r.version = e.rule_version
    JOIN assets a ON a.id = e.asset_id
    WHERE e.id = event AND e.client_told AND a.organisation_id = vigil_organisation()
$$;
REVOKE EXECUTE ON FUNCTION vigil_messages_of_event(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION vigil_messages_of_event(uuid) TO vigil_app;

-- Whoever serves people adds versions and changes none. What rules noticed is seen by whose rule
-- it was, and by the client whose asset it is about if the rule says so.

GRANT SELECT, INSERT ON zones, rules TO vigil_app;
GRANT SELECT ON zones_in_force, rules_in_force TO vigil_app, vigil_ingest;
GRANT SELECT ON events, rule_failures TO vigil_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON previews TO vigil_app;

GRANT SELECT ON zones, rules TO vigil_ingest;
GRANT SELECT, INSERT, DELETE ON events TO vigil_ingest;
GRANT SELECT, INSERT, UPDATE, DELETE ON timers, rule_failures, previews TO vigil_ingest;

DO $$
DECLARE
    name text;
    condition text;
BEGIN
    FOR name, condition IN VALUES
        ('zones', 'organisation_id IN (SELECT id FROM organisations)'),
        ('rules', 'organisation_id IN (SELECT id FROM organisations)'),
        ('previews', 'organisation_id IN (SELECT id FROM organisations)'),
        ('rule_failures', 'rule_id IN (SELECT id FROM rules)'),
        ('events', 'organisation_id IN (SELECT id FROM organisations) '
                   'OR (client_told AND asset_id IN (SELECT id FROM assets))'),
        ('timers', 'false')
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
