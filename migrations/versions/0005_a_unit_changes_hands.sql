-- A unit id exists once among the devices in use.

CREATE UNIQUE INDEX devices_unit_in_use ON devices (unit_id) WHERE retired_at IS NULL;
ALTER TABLE devices DROP CONSTRAINT devices_unit_id_key;

-- What a unit said lately, for a centre's staff and only of units of their clients, and not what it
-- said while it was somebody else's.

CREATE OR REPLACE FUNCTION vigil_frames_of(unit text, before timestamptz, most integer)
RETURNS TABLE (received_at timestamptz, codec text, payload bytea)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
    WITH of_unit AS (
        SELECT d.created_at, d.retired_at,
               (o.id = vigil_centre() OR o.centre_id = vigil_centre()) AS ours
        FROM devices d JOIN organisations o ON o.id = d.organisation_id
        WHERE d.unit_id = unit
    )
    SELECT f.received_at, f.codec, f.payload FROM frames f
    WHERE f.unit_id = unit AND f.received_at < before AND vigil_centre() IS NOT NULL
      AND EXISTS (
          SELECT FROM of_unit WHERE ours AND (retired_at IS NULL OR f.received_at <= retired_at)
      )
      AND NOT EXISTS (
          SELECT FROM of_unit WHERE NOT ours
              AND f.received_at BETWEEN created_at AND coalesce(retired_at, 'infinity')
      )
    ORDER BY f.received_at DESC LIMIT most
$$;
