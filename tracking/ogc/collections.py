"""The collections that there are, and the features in them."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from tracking.database import Connection
from tracking.errors import NotFound
from tracking.ogc.query import Query
from tracking.people.person import Person
from tracking.positions import service as positions
from tracking.positions.position import LastPosition
from tracking.positions.store import Box
from tracking.zones import service as zone_service
from tracking.zones import store as zones
from tracking.zones.forms import geometry_shown
from tracking.zones.zone import ZoneVersion

Feature = dict[str, Any]
_WORLD = (-180.0, -90.0, 180.0, 90.0)

_TEXT, _NUMBER, _WHOLE, _YES = "string", "number", "integer", "boolean"


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A page of features, and the sort values of the last of them if there are more."""

    features: Sequence[Feature]
    more_after: tuple[str, str] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Collection:
    """One collection: what it holds, its properties with their JSON types, and how it is read."""

    name: str
    title: str
    description: str
    geometry: str
    properties: Mapping[str, str]
    page: Callable[[Connection, Person, Query], Awaitable[Found]]
    one: Callable[[Connection, Person, UUID], Awaitable[Feature]]


def collection_called(name: str) -> Collection:
    """The collection of this name. Raises NotFound."""
    found = COLLECTIONS.get(name)
    if found is None:
        raise NotFound("There is no such collection.")
    return found


async def _zones(connection: Connection, _by: Person, query: Query) -> Found:
    found = await zones.zones(
        connection,
        after=query.after,
        box=query.box,
        drawn_until=query.until,
        most=query.limit + 1,
    )
    shown = found[: query.limit]
    last = shown[-1] if len(found) > query.limit else None
    return Found(
        features=[_zone_feature(zone) for zone in shown],
        more_after=None if last is None else (last.name, str(last.id)),
    )


async def _zone(connection: Connection, _by: Person, zone_id: UUID) -> Feature:
    found = await zone_service.zone_seen(connection, zone_id)
    if not found.in_force:
        raise NotFound("This zone was removed.")
    return _zone_feature(found)


async def _positions(connection: Connection, by: Person, query: Query) -> Found:
    west, south, east, north = query.box or _WORLD
    found = await positions.latest_within(
        connection,
        Box(west=west, south=south, east=east, north=north),
        after=query.after,
        limit=query.limit,
        person_id=by.id,
        since=query.since,
        until=query.until,
    )
    shown = found[: query.limit]
    last = shown[-1] if len(found) > query.limit else None
    return Found(
        features=[_position_feature(each) for each in shown],
        more_after=None if last is None else (last.name, str(last.asset_id)),
    )


async def _position(connection: Connection, by: Person, asset_id: UUID) -> Feature:
    return _position_feature(await positions.latest_of(connection, asset_id, person_id=by.id))


def _zone_feature(zone: ZoneVersion) -> Feature:
    said = {name: _plain(getattr(zone, name)) for name in _ZONE if hasattr(zone, name)}
    return {
        "type": "Feature",
        "id": str(zone.id),
        "geometry": geometry_shown(zone),
        "properties": {
            **said,
            "kind": zone.kind.value,
            "labels": ",".join(zone.labels),
            "width_m": zone.definition.get("width_m"),
            "area": zone.definition.get("area"),
        },
    }


def _position_feature(last: LastPosition) -> Feature:
    said = {name: _plain(getattr(last, name)) for name in _POSITION}
    return {
        "type": "Feature",
        "id": str(last.asset_id),
        "geometry": {"type": "Point", "coordinates": [last.lon, last.lat]},
        "properties": said,
    }


def _plain(value: Any) -> Any:  # noqa: ANN401 - a property
    """Times to the millisecond: finer ones break programs that keep seconds in single precision."""
    return value.isoformat(timespec="milliseconds") if isinstance(value, datetime) else value


_ZONE: Final[Mapping[str, str]] = {
    "name": _TEXT,
    "organisation": _TEXT,
    "kind": _TEXT,
    "labels": _TEXT,
    "colour": _TEXT,
    "speed_limit_kmh": _NUMBER,
    "radius_m": _NUMBER,
    "width_m": _NUMBER,
    "area": _TEXT,
    "anchor": _TEXT,
    "note": _TEXT,
    "version": _WHOLE,
    "created_at": _TEXT,
}

_POSITION: Final[Mapping[str, str]] = {
    "name": _TEXT,
    "organisation": _TEXT,
    "kind": _TEXT,
    "plate": _TEXT,
    "number": _WHOLE,
    "at": _TEXT,
    "received_at": _TEXT,
    "speed_kmh": _NUMBER,
    "course_deg": _NUMBER,
    "altitude_m": _NUMBER,
    "accuracy_m": _NUMBER,
    "valid": _YES,
    "buffered": _YES,
    "ignition": _YES,
    "motion": _YES,
    "battery_pct": _NUMBER,
}

COLLECTIONS: Final[Mapping[str, Collection]] = {
    each.name: each
    for each in (
        Collection(
            name="zones",
            title="Zones",
            description="What the zones in force cover; one that moves has no geometry.",
            geometry="https://geojson.org/schema/Geometry.json",
            properties=_ZONE,
            page=_zones,
            one=_zone,
        ),
        Collection(
            name="last_positions",
            title="Last positions",
            description=(
                "Where each asset was last. That a person's whereabouts were read is written down."
            ),
            geometry="https://geojson.org/schema/Point.json",
            properties=_POSITION,
            page=_positions,
            one=_position,
        ),
    )
}
