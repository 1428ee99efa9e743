"""Questions about assets, devices, fitments and units that nobody registered."""

import re
from datetime import datetime
from typing import Any
from uuid import UUID

from asyncpg import Record

from tracking.bus import NOTIFY_FLEET
from tracking.database import Connection
from tracking.fleet.fleet import (
    Asset,
    AssetKind,
    Device,
    DeviceKind,
    Fitment,
    FittedDevice,
    NewAsset,
    NewDevice,
    UnknownUnit,
    Unreadable,
)


async def asset(connection: Connection, asset_id: UUID, *, lock: bool = False) -> Asset | None:
    """Which asset is this, if it may be seen? ``lock`` keeps others from changing it meanwhile."""
    if lock:
        await connection.execute("SELECT FROM assets WHERE id = $1 FOR UPDATE", asset_id)
    row = await connection.fetchrow(f"{_ASSETS} WHERE a.id = $1", asset_id)
    return _asset(row) if row else None


async def assets(
    connection: Connection,
    *,
    after: tuple[str, UUID] | None,
    search: str,
    kind: AssetKind | None,
    organisation_id: UUID | None,
    retired: bool,
    most: int,
) -> list[Asset]:
    """Which assets are there, by name?

    ``search`` is looked for in names, plates and telephone numbers, and in the names of the units
    fitted to the asset.
    """
    rows = await connection.fetch(
        f"""{_ASSETS}
        WHERE ($1::text IS NULL OR (lower(a.name), a.id) > (lower($1), $2::uuid))
          AND ($3 = '' OR strpos(lower(concat_ws(' ', a.name, a.plate, a.phone)), lower($3)) > 0
               OR EXISTS (SELECT FROM fitments f JOIN devices d ON d.id = f.device_id
                          WHERE f.asset_id = a.id AND f.fitted_until IS NULL
                            AND strpos(lower(d.unit_id), lower($3)) > 0))
          AND ($4::text IS NULL OR a.kind = $4)
          AND ($5::uuid IS NULL OR a.organisation_id = $5)
          AND (a.retired_at IS NOT NULL) = $6
        ORDER BY lower(a.name), a.id LIMIT $7""",
        *(after or (None, None)),
        search,
        kind,
        organisation_id,
        retired,
        most,
    )
    return [_asset(row) for row in rows]


async def client_called(connection: Connection, name: str) -> UUID | None:
    """Which client has this name? None where none has, or several have."""
    found = await connection.fetch(
        "SELECT id FROM organisations WHERE kind = 'client' AND lower(name) = lower($1) LIMIT 2",
        name,
    )
    return found[0]["id"] if len(found) == 1 else None


async def asset_called(connection: Connection, name: str, *, organisation_id: UUID) -> UUID | None:
    """Which asset in use has this name at that client?"""
    asset_id: UUID | None = await connection.fetchval(
        "SELECT id FROM assets WHERE organisation_id = $1 AND lower(name) = lower($2)"
        " AND retired_at IS NULL ORDER BY created_at LIMIT 1",
        organisation_id,
        name,
    )
    return asset_id


async def add_asset(connection: Connection, new: NewAsset) -> UUID:
    """File a new asset."""
    asset_id: UUID = await connection.fetchval(
        "INSERT INTO assets (organisation_id, kind, name, plate, phone, note, group_name, tags,"
        " speed_limit_kmh, hours) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) RETURNING id",
        new.organisation_id,
        new.kind,
        new.name,
        new.plate,
        new.phone,
        new.note,
        new.group,
        new.tags,
        new.speed_limit_kmh,
        new.hours,
    )
    return asset_id


async def change_asset(connection: Connection, changed: Asset) -> None:
    """What people wrote about this asset is this from now on."""
    await connection.execute(
        "UPDATE assets SET kind = $2, name = $3, plate = $4, phone = $5, note = $6,"
        " group_name = $7, tags = $8, speed_limit_kmh = $9, hours = $10 WHERE id = $1",
        changed.id,
        changed.kind,
        changed.name,
        changed.plate,
        changed.phone,
        changed.note,
        changed.group,
        changed.tags,
        changed.speed_limit_kmh,
        changed.hours,
    )


async def retire_asset(connection: Connection, asset_id: UUID, *, retired: bool) -> None:
    """We no longer protect this asset, or do so again; retiring keeps its first date."""
    await connection.execute(
        "UPDATE assets SET retired_at = CASE WHEN $2 THEN coalesce(retired_at, now()) END"
        " WHERE id = $1",
        asset_id,
        retired,
    )


async def device(connection: Connection, device_id: UUID, *, lock: bool = False) -> Device | None:
    """Which device is this, if it may be seen? ``lock`` keeps others from changing it meanwhile."""
    if lock:
        await connection.execute("SELECT FROM devices WHERE id = $1 FOR UPDATE", device_id)
    row = await connection.fetchrow(f"{_DEVICES} WHERE d.id = $1", device_id)
    return _device(row) if row else None


async def devices(
    connection: Connection,
    *,
    after: tuple[str, UUID] | None,
    search: str,
    codec: str | None,
    fitted: bool | None,
    organisation_id: UUID | None,
    retired: bool,
    most: int,
) -> list[Device]:
    """Which devices are there, by unit id?

    ``search`` is looked for in unit ids, models, telephone numbers, and in the name, plate and
    number of the asset that a device is on; however plates and numbers are written. ``fitted``
    None: all.
    """
    rows = await connection.fetch(
        f"""{_DEVICES}
        WHERE ($1::text IS NULL OR (d.unit_id, d.id) > ($1, $2::uuid))
          AND (strpos(lower(concat_ws(' ', d.unit_id, d.model, d.phone, a.name, a.plate, a.phone)),
                      lower($3)) > 0
               OR $9 <> '' AND strpos(regexp_replace(
                      lower(concat_ws('/', d.unit_id, d.phone, a.plate, a.phone)),
                      '[^a-z0-9/]', '', 'g'), $9) > 0)
          AND ($4::text IS NULL OR d.codec = $4)
          AND ($5::boolean IS NULL OR (f.id IS NOT NULL) = $5)
          AND ($6::uuid IS NULL OR d.organisation_id = $6)
          AND (d.retired_at IS NOT NULL) = $7
        ORDER BY d.unit_id, d.id LIMIT $8""",
        *(after or (None, None)),
        search,
        codec,
        fitted,
        organisation_id,
        retired,
        most,
        _bare(search),
    )
    return [_device(row) for row in rows]


async def codecs_of_devices(connection: Connection) -> list[str]:
    """Which protocols do the devices speak that may be seen, alphabetically?"""
    rows = await connection.fetch("SELECT DISTINCT codec FROM devices ORDER BY codec")
    return [row["codec"] for row in rows]


async def add_device(connection: Connection, new: NewDevice) -> UUID:
    """File a new device. The database refuses a unit id that exists, at whatever client."""
    device_id: UUID = await connection.fetchval(
        "INSERT INTO devices"
        " (organisation_id, unit_id, codec, model, kind, phone, reporting_time_s)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING id",
        new.organisation_id,
        new.unit_id,
        new.codec,
        new.model,
        new.kind,
        new.phone,
        new.reporting_time_s,
    )
    return device_id


async def change_device(connection: Connection, changed: Device) -> None:
    """What people wrote about this device is this from now on."""
    await connection.execute(
        "UPDATE devices SET codec = $2, model = $3, kind = $4, phone = $5, reporting_time_s = $6"
        " WHERE id = $1",
        changed.id,
        changed.codec,
        changed.model,
        changed.kind,
        changed.phone,
        changed.reporting_time_s,
    )


async def retire_device(connection: Connection, device_id: UUID, *, retired: bool) -> None:
    """This device is out of use, or back in use; retiring keeps its first date."""
    await connection.execute(
        "UPDATE devices SET retired_at = CASE WHEN $2 THEN coalesce(retired_at, now()) END"
        " WHERE id = $1",
        device_id,
        retired,
    )


async def fitment(connection: Connection, fitment_id: UUID) -> Fitment | None:
    """Which fitment is this, if it may be seen?"""
    row = await connection.fetchrow(f"{_FITMENTS} WHERE f.id = $1", fitment_id)
    return Fitment(**row) if row else None


async def fitments(
    connection: Connection,
    *,
    after: tuple[datetime, UUID] | None,
    asset_id: UUID | None,
    device_id: UUID | None,
    most: int,
) -> list[Fitment]:
    """What was fitted to what, newest first: all, or of one asset, or of one device?"""
    rows = await connection.fetch(
        f"""{_FITMENTS}
        WHERE ($1::timestamptz IS NULL OR (f.fitted_from, f.id) < ($1, $2::uuid))
          AND ($3::uuid IS NULL OR f.asset_id = $3) AND ($4::uuid IS NULL OR f.device_id = $4)
        ORDER BY f.fitted_from DESC, f.id DESC LIMIT $5""",
        *(after or (None, None)),
        asset_id,
        device_id,
        most,
    )
    return [Fitment(**row) for row in rows]


async def fit(
    connection: Connection,
    *,
    organisation_id: UUID,
    device_id: UUID,
    asset_id: UUID,
    fitted_from: datetime | None,
) -> UUID:
    """File that this device is on this asset, from then or (None) from now on.

    The database refuses a time at which the device was fitted already.
    """
    fitment_id: UUID = await connection.fetchval(
        "INSERT INTO fitments (organisation_id, device_id, asset_id, fitted_from)"
        " VALUES ($1, $2, $3, coalesce($4, now())) RETURNING id",
        organisation_id,
        device_id,
        asset_id,
        fitted_from,
    )
    return fitment_id


async def end_fitment(
    connection: Connection, fitment_id: UUID, *, fitted_until: datetime | None
) -> bool:
    """This fitment ended then or (None) now; False if it had ended before, and nothing changes."""
    ended = await connection.fetchval(
        "UPDATE fitments SET fitted_until = coalesce($2, now())"
        " WHERE id = $1 AND fitted_until IS NULL RETURNING id",
        fitment_id,
        fitted_until,
    )
    return ended is not None


async def end_fitments_of(
    connection: Connection, *, asset_id: UUID | None = None, device_id: UUID | None = None
) -> None:
    """Nothing is fitted to this asset, or this device to nothing, from now on."""
    await connection.execute(
        "UPDATE fitments SET fitted_until = now()"
        " WHERE (asset_id = $1 OR device_id = $2) AND fitted_until IS NULL",
        asset_id,
        device_id,
    )


async def unknown_unit(connection: Connection, unit_id: str) -> UnknownUnit | None:
    """What do we know of this name that nobody registered? Others wait with their decision."""
    row = await connection.fetchrow(f"{_UNKNOWN_UNITS} AND u.unit_id = $1 FOR UPDATE OF u", unit_id)
    return UnknownUnit(**row) if row else None


async def unknown_units(
    connection: Connection,
    *,
    before: tuple[datetime, str] | None,
    search: str,
    dismissed: bool,
    most: int,
) -> list[UnknownUnit]:
    """Which names speak to us without being registered, the latest to speak first?"""
    rows = await connection.fetch(
        f"""{_UNKNOWN_UNITS}
          AND ($1::timestamptz IS NULL OR (u.last_seen_at, u.unit_id) < ($1, $2::text))
          AND strpos(lower(concat_ws(' ', u.unit_id, u.codec, u.address)), lower($3)) > 0
          AND (u.dismissed_at IS NOT NULL) = $4
        ORDER BY u.last_seen_at DESC, u.unit_id DESC LIMIT $5""",
        *(before or (None, None)),
        search,
        dismissed,
        most,
    )
    return [UnknownUnit(**row) for row in rows]


async def unreadable(connection: Connection, *, most: int) -> list[Unreadable]:
    """Who sends what we cannot read, the latest first? Of the newest 5,000 frames."""
    rows = await connection.fetch(
        """
        SELECT DISTINCT ON (last_at, address, codec, unit_id)
               address, codec, unit_id, frames, last_at, reason, payload
        FROM (
            SELECT address, codec, unit_id, reason, payload, received_at,
                   count(*) OVER who AS frames, max(received_at) OVER who AS last_at
            FROM (
                SELECT * FROM quarantined_frames WHERE reason <> 'unknown unit'
                ORDER BY received_at DESC LIMIT 5000
            ) newest
            WINDOW who AS (PARTITION BY address, codec, unit_id)
        ) each
        WHERE received_at = last_at
        ORDER BY last_at DESC, address, codec, unit_id LIMIT $1
        """,
        most,
    )
    return [Unreadable(**row) for row in rows]


async def dismiss_unit(connection: Connection, unit_id: str, *, dismissed: bool) -> None:
    """Nobody needs to see this name in the list, or they do again."""
    await connection.execute(
        "UPDATE unknown_units SET dismissed_at = CASE WHEN $2 THEN now() END WHERE unit_id = $1",
        unit_id,
        dismissed,
    )


async def forget_unknown_unit(connection: Connection, unit_id: str) -> None:
    """This name is registered now."""
    await connection.execute("DELETE FROM unknown_units WHERE unit_id = $1", unit_id)


async def notify_gateways(
    connection: Connection, *, asset_id: UUID | None = None, device_id: UUID | None = None
) -> None:
    """Tell, at the commit, that what is known of these units has changed."""
    await connection.execute(
        "SELECT pg_notify($1, d.unit_id) FROM devices d WHERE d.id = $3"
        " OR d.id IN (SELECT device_id FROM fitments WHERE asset_id = $2)",
        NOTIFY_FLEET,
        asset_id,
        device_id,
    )


def _asset(row: Record) -> Asset:
    said: dict[str, Any] = dict(row)
    fitted = tuple(
        FittedDevice(
            fitment_id=UUID(one["fitment_id"]),
            device_id=UUID(one["device_id"]),
            unit_id=one["unit_id"],
            codec=one["codec"],
            model=one["model"],
            kind=DeviceKind(one["kind"]),
            fitted_from=datetime.fromisoformat(one["fitted_from"]),
        )
        for one in said.pop("devices")
    )
    said |= {"kind": AssetKind(said["kind"]), "tags": tuple(said["tags"])}
    return Asset(**said, devices=fitted)


def _bare(search: str) -> str:
    """Without what people put between letters and digits, nor the 0 that is dialled at home.

    "" for what is too short to be looked for in the middle of a number.
    """
    bare = re.sub(r"[^a-z0-9]", "", search.lower())
    bare = bare.removeprefix("0") if bare.isdecimal() else bare
    return bare if len(bare) >= _FEWEST else ""


def _device(row: Record) -> Device:
    return Device(**{**row, "kind": DeviceKind(row["kind"])})


_FEWEST = 3

_ASSETS = """
    SELECT a.id, a.number, a.organisation_id, o.name AS organisation, a.kind, a.name, a.plate,
           a.phone, a.note, a.group_name AS "group", a.tags, a.speed_limit_kmh, a.hours,
           a.created_at, a.retired_at,
           coalesce((SELECT jsonb_agg(jsonb_build_object(
                         'fitment_id', f.id, 'device_id', d.id, 'unit_id', d.unit_id,
                         'codec', d.codec, 'model', d.model, 'kind', d.kind,
                         'fitted_from', f.fitted_from) ORDER BY f.fitted_from, f.id)
                     FROM fitments f JOIN devices d ON d.id = f.device_id
                     WHERE f.asset_id = a.id AND f.fitted_until IS NULL), '[]') AS devices
    FROM assets a JOIN organisations o ON o.id = a.organisation_id
"""

_DEVICES = """
    SELECT d.id, d.organisation_id, o.name AS organisation, d.unit_id, d.codec, d.model, d.kind,
           d.phone, d.reporting_time_s, d.created_at, d.retired_at,
           f.asset_id, a.name AS asset, a.plate, f.fitted_from, s.heard_at, s.silent_since,
           setup.reporting_time_s AS promised_s
    FROM devices d
    JOIN organisations o ON o.id = d.organisation_id
    JOIN device_setups setup ON setup.device_id = d.id
    LEFT JOIN fitments f ON f.device_id = d.id AND f.fitted_until IS NULL
    LEFT JOIN assets a ON a.id = f.asset_id
    LEFT JOIN unit_sessions s ON s.unit_id = d.unit_id AND d.retired_at IS NULL
"""

_FITMENTS = """
    SELECT f.id, f.organisation_id, f.device_id, d.unit_id, f.asset_id, a.name AS asset,
           f.fitted_from, f.fitted_until
    FROM fitments f JOIN devices d ON d.id = f.device_id JOIN assets a ON a.id = f.asset_id
"""

# A gateway may count one more frame of a unit while it is being registered, and so file it again.
_UNKNOWN_UNITS = """
    SELECT u.unit_id, u.codec, u.address, u.first_seen_at, u.last_seen_at, u.frames, u.refused,
           u.dismissed_at
    FROM unknown_units u
    WHERE NOT EXISTS (SELECT FROM devices d WHERE d.unit_id = u.unit_id AND d.retired_at IS NULL)
"""
