"""A position as people see it, and a run of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from tracking.positions.freshness import Freshness


@dataclass(frozen=True, slots=True, kw_only=True)
class LastPosition:
    """Where an asset was last. ``distance_m`` is set when somebody asked from somewhere."""

    asset_id: UUID
    number: int
    name: str
    kind: str
    organisation: str
    plate: str | None
    at: datetime
    received_at: datetime
    lat: float
    lon: float
    speed_kmh: float | None
    course_deg: float | None
    altitude_m: float | None
    accuracy_m: float | None
    valid: bool
    buffered: bool
    satellites: int | None
    ignition: bool | None
    motion: bool | None
    immobilised: bool | None
    battery_pct: float | None
    power_v: float | None
    distance_m: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackPoint:
    """One position of a track. ``received_at`` dates a misdated one better than ``at``."""

    at: datetime
    received_at: datetime
    lat: float
    lon: float
    speed_kmh: float | None
    course_deg: float | None
    valid: bool
    buffered: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """Positions in order of time, as few as show the way.

    Whoever moves in a straight line from point to point is never further than ``strays_m`` from
    where the asset was at that moment. ``read`` counts the positions that were there; ``more`` says
    that there were too many to read, and the track ends early. ``misdated`` came in these hours
    from a device whose clock was absurd.
    """

    points: list[TrackPoint]
    strays_m: float
    read: int
    more: bool
    misdated: list[TrackPoint]


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """When an asset's devices last said anything, what they promised, and what that makes it."""

    heard_at: datetime | None
    state: Freshness


Readings = Mapping[str, Any]
