"""What we protect and what speaks for it, as the rest of the service sees them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID


class AssetKind(StrEnum):
    """What an asset is; the whereabouts of persons are looked at with care."""

    VEHICLE = "vehicle"
    LONE_WORKER = "lone_worker"
    SENIOR = "senior"


class DeviceKind(StrEnum):
    """Fitted to a vehicle, or carried by a person."""

    TRACKER = "tracker"
    PANIC_DEVICE = "panic_device"


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedDevice:
    """A device as its asset's card shows it."""

    fitment_id: UUID
    device_id: UUID
    unit_id: str
    codec: str
    model: str
    kind: DeviceKind
    fitted_from: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """A vehicle or a person that we protect. ``number`` is its small name on the live channel.

    Rules ask for its group, its tags, how fast it may be and in which hours it may be used; the
    hours are a setting of ``geofence.schedule``, and None is always.
    """

    id: UUID
    number: int
    organisation_id: UUID
    organisation: str
    kind: AssetKind
    name: str
    plate: str | None
    phone: str | None
    note: str
    group: str
    tags: tuple[str, ...]
    speed_limit_kmh: float | None
    hours: Mapping[str, Any] | None
    created_at: datetime
    retired_at: datetime | None
    devices: tuple[FittedDevice, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """A box with a unit id. ``phone`` is the number of its SIM.

    ``promised_s`` is the reporting time in force: its own, or else the one of its profile.
    """

    id: UUID
    organisation_id: UUID
    organisation: str
    unit_id: str
    codec: str
    model: str
    kind: DeviceKind
    phone: str | None
    reporting_time_s: int | None
    created_at: datetime
    retired_at: datetime | None
    asset_id: UUID | None
    asset: str | None
    plate: str | None
    fitted_from: datetime | None
    heard_at: datetime | None
    silent_since: datetime | None
    promised_s: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitment:
    """This device on this asset, from … until …; until is None while it lasts."""

    id: UUID
    organisation_id: UUID
    device_id: UUID
    unit_id: str
    asset_id: UUID
    asset: str
    fitted_from: datetime
    fitted_until: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownUnit:
    """A name that speaks to us and that nobody registered."""

    unit_id: str
    codec: str
    address: str
    first_seen_at: datetime
    last_seen_at: datetime
    frames: int
    refused: int
    dismissed_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """Frames from one address at one protocol's port that could not be read; the newest of them.

    ``unit_id`` is "" where nobody said who was speaking.
    """

    address: str
    codec: str
    unit_id: str
    frames: int
    last_at: datetime
    reason: str
    payload: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAsset:
    """An asset to be filed."""

    organisation_id: UUID
    kind: AssetKind
    name: str
    plate: str | None
    phone: str | None
    note: str
    group: str = ""
    tags: tuple[str, ...] = ()
    speed_limit_kmh: float | None = None
    hours: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDevice:
    """A device to be filed."""

    organisation_id: UUID
    unit_id: str
    codec: str
    model: str
    kind: DeviceKind
    phone: str | None
    reporting_time_s: int | None
