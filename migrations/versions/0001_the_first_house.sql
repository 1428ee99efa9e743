-- The tables as they first stood. tracking/*/tables.py says the same; a test compares them.

CREATE EXTENSION IF NOT EXISTS postgis;
CREATE EXTENSION IF NOT EXISTS btree_gist;

CREATE TABLE frames (
    received_at timestamptz NOT NULL,
    unit_id TEXT NOT NULL,
    codec TEXT NOT NULL,
    payload BYTEA NOT NULL
)
 PARTITION BY RANGE (received_at);
CREATE INDEX frames_unit ON frames (unit_id, received_at);

CREATE TABLE gateways (
    name TEXT NOT NULL,
    pid INTEGER NOT NULL,
    started_at timestamptz DEFAULT now() NOT NULL,
    seen_at timestamptz DEFAULT now() NOT NULL,
    ports JSONB DEFAULT '{}' NOT NULL,
    figures JSONB DEFAULT '{}' NOT NULL,
    last_error TEXT,
    last_error_at timestamptz,
    CONSTRAINT gateways_pkey PRIMARY KEY (name)
);

CREATE TABLE location_reads (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    at timestamptz DEFAULT now() NOT NULL,
    person_id UUID NOT NULL,
    organisation_id UUID NOT NULL,
    asset_id UUID,
    what TEXT NOT NULL,
    CONSTRAINT location_reads_pkey PRIMARY KEY (id)
);
CREATE INDEX location_reads_asset ON location_reads (asset_id, at);

CREATE TABLE misdated_positions (
    asset_id UUID NOT NULL,
    device_id UUID NOT NULL,
    at timestamptz NOT NULL,
    fingerprint BIGINT NOT NULL,
    received_at timestamptz NOT NULL,
    geom geometry(POINT,4326) NOT NULL,
    speed_kmh REAL,
    course_deg REAL,
    altitude_m REAL,
    accuracy_m REAL,
    valid BOOLEAN NOT NULL,
    buffered BOOLEAN NOT NULL,
    satellites SMALLINT,
    hdop REAL,
    ignition BOOLEAN,
    motion BOOLEAN,
    immobilised BOOLEAN,
    charging BOOLEAN,
    battery_pct REAL,
    battery_v REAL,
    power_v REAL,
    odometer_m DOUBLE PRECISION,
    rssi SMALLINT,
    driver_id TEXT,
    signals TEXT[],
    other JSONB,
    CONSTRAINT misdated_positions_pkey PRIMARY KEY (asset_id, at, fingerprint)
);
CREATE INDEX misdated_positions_received ON misdated_positions (received_at);

CREATE TABLE organisations (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    centre_id UUID,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    language TEXT DEFAULT 'nl' NOT NULL,
    created_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT organisations_pkey PRIMARY KEY (id),
    CONSTRAINT organisations_kind CHECK (kind IN ('centre', 'client')),
    CONSTRAINT organisations_centre CHECK ((kind = 'client') = (centre_id IS NOT NULL)),
    CONSTRAINT organisations_centre_id_fkey FOREIGN KEY(centre_id) REFERENCES organisations (id)
);

CREATE TABLE positions (
    asset_id UUID NOT NULL,
    device_id UUID NOT NULL,
    at timestamptz NOT NULL,
    fingerprint BIGINT NOT NULL,
    received_at timestamptz NOT NULL,
    geom geometry(POINT,4326) NOT NULL,
    speed_kmh REAL,
    course_deg REAL,
    altitude_m REAL,
    accuracy_m REAL,
    valid BOOLEAN NOT NULL,
    buffered BOOLEAN NOT NULL,
    satellites SMALLINT,
    hdop REAL,
    ignition BOOLEAN,
    motion BOOLEAN,
    immobilised BOOLEAN,
    charging BOOLEAN,
    battery_pct REAL,
    battery_v REAL,
    power_v REAL,
    odometer_m DOUBLE PRECISION,
    rssi SMALLINT,
    driver_id TEXT,
    signals TEXT[],
    other JSONB,
    CONSTRAINT positions_pkey PRIMARY KEY (asset_id, at, fingerprint)
)
 PARTITION BY RANGE (at);

CREATE TABLE quarantined_frames (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    received_at timestamptz NOT NULL,
    unit_id TEXT NOT NULL,
    codec TEXT NOT NULL,
    address TEXT NOT NULL,
    payload BYTEA NOT NULL,
    reason TEXT NOT NULL,
    CONSTRAINT quarantined_frames_pkey PRIMARY KEY (id)
);
CREATE INDEX quarantined_frames_received ON quarantined_frames (received_at);
CREATE INDEX quarantined_frames_unit ON quarantined_frames (unit_id, received_at);

CREATE TABLE reception (
    "single" BOOLEAN DEFAULT true NOT NULL,
    hearing_since timestamptz,
    checked_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT reception_pkey PRIMARY KEY ("single"),
    CONSTRAINT reception_single CHECK (single)
);

CREATE TABLE rule_memory (
    unit_id TEXT NOT NULL,
    rule TEXT NOT NULL,
    memory JSONB NOT NULL,
    changed_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT rule_memory_pkey PRIMARY KEY (unit_id, rule)
);

CREATE TABLE sign_in_attempts (
    at timestamptz DEFAULT now() NOT NULL,
    sign_in TEXT NOT NULL,
    address INET,
    succeeded BOOLEAN NOT NULL
);
CREATE INDEX sign_in_attempts_address ON sign_in_attempts (address, at);
CREATE INDEX sign_in_attempts_recent ON sign_in_attempts (sign_in, at);

CREATE TABLE unit_sessions (
    unit_id TEXT NOT NULL,
    epoch BIGINT DEFAULT '0' NOT NULL,
    gateway TEXT DEFAULT '' NOT NULL,
    connected_at timestamptz,
    heard_at timestamptz,
    newest_at timestamptz,
    silent_since timestamptz,
    CONSTRAINT unit_sessions_pkey PRIMARY KEY (unit_id)
)
 WITH (fillfactor = 70);

CREATE TABLE unknown_units (
    unit_id TEXT NOT NULL,
    codec TEXT NOT NULL,
    address TEXT NOT NULL,
    first_seen_at timestamptz DEFAULT now() NOT NULL,
    last_seen_at timestamptz DEFAULT now() NOT NULL,
    frames BIGINT DEFAULT '0' NOT NULL,
    refused BIGINT DEFAULT '0' NOT NULL,
    dismissed_at timestamptz,
    CONSTRAINT unknown_units_pkey PRIMARY KEY (unit_id)
);

CREATE TABLE assets (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    number INTEGER GENERATED ALWAYS AS IDENTITY,
    organisation_id UUID NOT NULL,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    plate TEXT,
    phone TEXT,
    note TEXT DEFAULT '' NOT NULL,
    created_at timestamptz DEFAULT now() NOT NULL,
    retired_at timestamptz,
    CONSTRAINT assets_pkey PRIMARY KEY (id),
    CONSTRAINT assets_kind CHECK (kind IN ('vehicle', 'lone_worker', 'senior')),
    CONSTRAINT assets_organisation_id_id_key UNIQUE (organisation_id, id),
    CONSTRAINT assets_number_key UNIQUE (number),
    CONSTRAINT assets_organisation_id_fkey FOREIGN KEY(organisation_id) REFERENCES organisations (id)
);

CREATE TABLE devices (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    organisation_id UUID NOT NULL,
    unit_id TEXT NOT NULL,
    codec TEXT NOT NULL,
    model TEXT DEFAULT '' NOT NULL,
    kind TEXT NOT NULL,
    phone TEXT,
    reporting_time_s INTEGER,
    settings JSONB DEFAULT '{}' NOT NULL,
    created_at timestamptz DEFAULT now() NOT NULL,
    retired_at timestamptz,
    CONSTRAINT devices_pkey PRIMARY KEY (id),
    CONSTRAINT devices_kind CHECK (kind IN ('tracker', 'panic_device')),
    CONSTRAINT devices_reporting_time CHECK (reporting_time_s > 0),
    CONSTRAINT devices_organisation_id_id_key UNIQUE (organisation_id, id),
    CONSTRAINT devices_organisation_id_fkey FOREIGN KEY(organisation_id) REFERENCES organisations (id),
    CONSTRAINT devices_unit_id_key UNIQUE (unit_id)
);

CREATE TABLE people (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    organisation_id UUID NOT NULL,
    sign_in TEXT NOT NULL,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    language TEXT DEFAULT 'nl' NOT NULL,
    created_at timestamptz DEFAULT now() NOT NULL,
    disabled_at timestamptz,
    CONSTRAINT people_pkey PRIMARY KEY (id),
    CONSTRAINT people_role CHECK (role IN ('operator', 'supervisor', 'administrator', 'client')),
    CONSTRAINT people_organisation_id_fkey FOREIGN KEY(organisation_id) REFERENCES organisations (id)
);
CREATE UNIQUE INDEX people_sign_in ON people (lower(sign_in));

CREATE TABLE alarms (
    id UUID NOT NULL,
    organisation_id UUID NOT NULL,
    asset_id UUID,
    device_id UUID,
    unit_id TEXT NOT NULL,
    cause TEXT NOT NULL,
    priority SMALLINT NOT NULL,
    state TEXT DEFAULT 'raised' NOT NULL,
    at timestamptz NOT NULL,
    raised_at timestamptz DEFAULT now() NOT NULL,
    last_event_at timestamptz DEFAULT now() NOT NULL,
    last_event_id UUID NOT NULL,
    repeats INTEGER DEFAULT '0' NOT NULL,
    labels TEXT[] DEFAULT '{}' NOT NULL,
    geom geometry(POINT,4326),
    fix_at timestamptz,
    fix_valid BOOLEAN,
    acknowledged_at timestamptz,
    acknowledged_by UUID,
    closed_at timestamptz,
    closed_by UUID,
    close_code TEXT,
    close_note TEXT,
    CONSTRAINT alarms_pkey PRIMARY KEY (id),
    CONSTRAINT alarms_state CHECK (state IN ('raised', 'acknowledged', 'closed')),
    CONSTRAINT alarms_priority CHECK (priority BETWEEN 1 AND 5),
    CONSTRAINT alarms_organisation_id_fkey FOREIGN KEY(organisation_id) REFERENCES organisations (id),
    CONSTRAINT alarms_asset_id_fkey FOREIGN KEY(asset_id) REFERENCES assets (id),
    CONSTRAINT alarms_device_id_fkey FOREIGN KEY(device_id) REFERENCES devices (id),
    CONSTRAINT alarms_acknowledged_by_fkey FOREIGN KEY(acknowledged_by) REFERENCES people (id),
    CONSTRAINT alarms_closed_by_fkey FOREIGN KEY(closed_by) REFERENCES people (id)
);
CREATE INDEX alarms_asset ON alarms (asset_id, raised_at);
CREATE INDEX alarms_open ON alarms (unit_id, cause) WHERE state <> 'closed';
CREATE INDEX alarms_raised ON alarms (raised_at, id);

CREATE TABLE api_tokens (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    token_hash BYTEA NOT NULL,
    person_id UUID NOT NULL,
    name TEXT NOT NULL,
    created_at timestamptz DEFAULT now() NOT NULL,
    used_at timestamptz,
    expires_at timestamptz,
    revoked_at timestamptz,
    CONSTRAINT api_tokens_pkey PRIMARY KEY (id),
    CONSTRAINT api_tokens_token_hash_key UNIQUE (token_hash),
    CONSTRAINT api_tokens_person_id_fkey FOREIGN KEY(person_id) REFERENCES people (id) ON DELETE CASCADE
);

CREATE TABLE fitments (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    organisation_id UUID NOT NULL,
    device_id UUID NOT NULL,
    asset_id UUID NOT NULL,
    fitted_from timestamptz DEFAULT now() NOT NULL,
    fitted_until timestamptz,
    CONSTRAINT fitments_pkey PRIMARY KEY (id),
    CONSTRAINT fitments_organisation_id_device_id_fkey FOREIGN KEY(organisation_id, device_id) REFERENCES devices (organisation_id, id),
    CONSTRAINT fitments_organisation_id_asset_id_fkey FOREIGN KEY(organisation_id, asset_id) REFERENCES assets (organisation_id, id),
    CONSTRAINT fitments_forward CHECK (fitted_until > fitted_from),
    CONSTRAINT fitments_one_asset_at_a_time EXCLUDE USING gist (device_id WITH =, tstzrange(fitted_from, fitted_until) WITH &&)
);
CREATE INDEX fitments_asset ON fitments (asset_id);

CREATE TABLE last_positions (
    asset_id UUID NOT NULL,
    device_id UUID NOT NULL,
    at timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    geom geometry(POINT,4326) NOT NULL,
    speed_kmh REAL,
    course_deg REAL,
    altitude_m REAL,
    accuracy_m REAL,
    valid BOOLEAN NOT NULL,
    buffered BOOLEAN NOT NULL,
    satellites SMALLINT,
    ignition BOOLEAN,
    motion BOOLEAN,
    immobilised BOOLEAN,
    battery_pct REAL,
    power_v REAL,
    CONSTRAINT last_positions_pkey PRIMARY KEY (asset_id),
    CONSTRAINT last_positions_asset_id_fkey FOREIGN KEY(asset_id) REFERENCES assets (id)
)
 WITH (fillfactor = 50);

CREATE TABLE sessions (
    token_hash BYTEA NOT NULL,
    person_id UUID NOT NULL,
    csrf TEXT NOT NULL,
    address INET,
    agent TEXT DEFAULT '' NOT NULL,
    created_at timestamptz DEFAULT now() NOT NULL,
    seen_at timestamptz DEFAULT now() NOT NULL,
    expires_at timestamptz NOT NULL,
    CONSTRAINT sessions_pkey PRIMARY KEY (token_hash),
    CONSTRAINT sessions_person_id_fkey FOREIGN KEY(person_id) REFERENCES people (id) ON DELETE CASCADE
);
CREATE INDEX sessions_person ON sessions (person_id);

CREATE TABLE alarm_events (
    id UUID NOT NULL,
    alarm_id UUID NOT NULL,
    kind TEXT NOT NULL,
    at timestamptz NOT NULL,
    recorded_at timestamptz DEFAULT now() NOT NULL,
    person_id UUID,
    detail JSONB,
    CONSTRAINT alarm_events_pkey PRIMARY KEY (id),
    CONSTRAINT alarm_events_alarm_id_fkey FOREIGN KEY(alarm_id) REFERENCES alarms (id),
    CONSTRAINT alarm_events_person_id_fkey FOREIGN KEY(person_id) REFERENCES people (id)
);
CREATE INDEX alarm_events_alarm ON alarm_events (alarm_id, recorded_at);

CREATE TABLE alarm_shown (
    alarm_id UUID NOT NULL,
    person_id UUID NOT NULL,
    shown_at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT alarm_shown_pkey PRIMARY KEY (alarm_id, person_id),
    CONSTRAINT alarm_shown_alarm_id_fkey FOREIGN KEY(alarm_id) REFERENCES alarms (id),
    CONSTRAINT alarm_shown_person_id_fkey FOREIGN KEY(person_id) REFERENCES people (id)
);

CREATE TABLE changes (
    seq BIGINT NOT NULL,
    alarm_id UUID NOT NULL,
    organisation_id UUID NOT NULL,
    event_id UUID NOT NULL,
    kind TEXT NOT NULL,
    sound BOOLEAN NOT NULL,
    at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT changes_pkey PRIMARY KEY (seq),
    CONSTRAINT changes_alarm_id_fkey FOREIGN KEY(alarm_id) REFERENCES alarms (id),
    CONSTRAINT changes_organisation_id_fkey FOREIGN KEY(organisation_id) REFERENCES organisations (id)
);
CREATE INDEX changes_alarm ON changes (alarm_id, seq);
