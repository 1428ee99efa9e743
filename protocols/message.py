"""What a device can tell us, and what we can tell a device.

Every codec translates its wire format into these types and nothing else, so
the rest of the platform never learns which vendor made the box.

Units are fixed here once: UTC, WGS84 degrees, metres, km/h, volts, per cent.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from math import isfinite
from typing import TypedDict


class Signal(StrEnum):
    """A condition the device itself noticed and reported."""

    PANIC = "panic"
    FALL = "fall"
    NO_MOTION = "no_motion"
    CRASH = "crash"
    AMBER = "amber"
    POWER_CUT = "power_cut"
    POWER_RESTORED = "power_restored"
    TAMPER = "tamper"
    REMOVED = "removed"
    JAMMING = "jamming"
    ANTENNA_CUT = "antenna_cut"
    TOW = "tow"
    SHOCK = "shock"
    MOVEMENT = "movement"
    DOOR_OPENED = "door_opened"
    BONNET = "bonnet"
    LOW_BATTERY = "low_battery"
    LOW_POWER = "low_power"
    POWERED_OFF = "powered_off"
    POWERED_ON = "powered_on"
    OVERSPEED = "overspeed"
    OVERSPEED_END = "overspeed_end"
    LOWSPEED = "lowspeed"
    ZONE_ALERT = "zone_alert"
    ZONE_ENTERED = "zone_entered"
    ZONE_LEFT = "zone_left"
    HARSH_BRAKING = "harsh_braking"
    HARSH_ACCELERATION = "harsh_acceleration"
    HARSH_CORNERING = "harsh_cornering"
    FATIGUE_DRIVING = "fatigue_driving"
    FOOT_BRAKE = "foot_brake"
    IGNITION = "ignition"
    IDLE = "idle"
    PARKING = "parking"
    STOLEN = "stolen"
    TEMPERATURE = "temperature"
    FUEL_LEAK = "fuel_leak"
    FAULT = "fault"
    GPS_LOST = "gps_lost"
    CHARGE = "charge"
    SLEEP = "sleep"
    INPUT = "input"
    ROUTE_DEVIATION = "route_deviation"
    SOS_END = "sos_end"
    UNSPECIFIED = "unspecified"


LIFE_SAFETY = frozenset({Signal.PANIC, Signal.FALL, Signal.NO_MOTION, Signal.CRASH, Signal.AMBER})
"""Signals that mean a person may need help now. They travel in their own lane."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fix:
    """Where the receiver was at one instant, as the satellites saw it.

    ``valid`` is the receiver's own word: False for a last-known or estimated
    place. None means the device did not say; a number without end (``1e309``
    on the wire) says nothing either.
    """

    at: datetime
    lat: float
    lon: float
    valid: bool = True
    altitude_m: float | None = None
    speed_kmh: float | None = None
    course_deg: float | None = None
    accuracy_m: float | None = None

    def __post_init__(self) -> None:
        if not (-90.0 <= self.lat <= 90.0 and -180.0 <= self.lon <= 180.0):
            raise ValueError(f"not on Earth: {self.lat}, {self.lon}")
        said = (self.altitude_m or 0.0) + (self.speed_kmh or 0.0)
        said += (self.course_deg or 0.0) + (self.accuracy_m or 0.0)
        if not isfinite(said):
            for name in ("altitude_m", "speed_kmh", "course_deg", "accuracy_m"):
                if not isfinite(getattr(self, name) or 0.0):
                    object.__setattr__(self, name, None)


class Readings(TypedDict, total=False):
    """What the device measured besides its place. An absent key was not said."""

    battery_pct: float
    battery_v: float
    power_v: float
    ignition: bool
    charging: bool
    motion: bool
    immobilised: bool
    odometer_m: float
    satellites: int
    hdop: float
    rssi: int
    driver_id: str
    steps: int
    fuel: float
    reply_text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CellTower:
    """A mobile network cell the device saw. ``rssi`` in dBm where the device says."""

    mcc: int
    mnc: int
    lac: int
    cid: int
    rssi: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WifiNetwork:
    """A Wi-Fi access point the device saw. ``mac`` as aa:bb:cc:dd:ee:ff."""

    mac: str
    rssi: int | None = None


_NOTHING: Mapping[str, object] = {}
_NO_READINGS: Readings = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """The device said its name and nothing else."""

    unit_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Heartbeat:
    """The device is there and says nothing else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One record: a fix, or signals, or readings, or any of these together.

    at        the device's own time of the record; None if it named none
    record    the bytes that say this and only this, without serial numbers and
              checksums that change when the device says it again. Two reports
              of one unit with equal ``at`` and ``record`` are one report.
    other     whatever else was read and has no name here yet; JSON values only
    buffered  the device says that it kept this for a while before sending
    again_s   for protocols that name no time but number what they say: equal
              records heard within so many seconds are one event
    """

    fix: Fix | None = None
    at: datetime | None = None
    signals: frozenset[Signal] = frozenset()
    readings: Readings = field(default_factory=lambda: _NO_READINGS)
    cells: tuple[CellTower, ...] = ()
    wifi: tuple[WifiNetwork, ...] = ()
    buffered: bool = False
    other: Mapping[str, object] = field(default_factory=lambda: _NOTHING)
    record: bytes = b""
    again_s: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandReply:
    """The device answers a command, in its own words."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown:
    """A well-formed frame of a kind this codec does not translate (yet)."""

    kind: str


Message = Login | Heartbeat | Report | CommandReply | Unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class Locate:
    """Report a fix now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportEvery:
    """Report a fix every so many seconds."""

    seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Reboot:
    """Restart the device."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerOff:
    """Switch the device off. It will not hear us afterwards."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SetSosNumber:
    """The telephone number that the SOS button calls; ``index`` counts from 1."""

    index: int
    phone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SetTimezone:
    """Which clock the device puts on the wire; minutes east of Greenwich."""

    minutes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Custom:
    """The device's own command language, word for word."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Immobilise:
    """Cut the engine relay."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mobilise:
    """Restore the engine relay."""


Command = (
    Locate
    | ReportEvery
    | Reboot
    | PowerOff
    | SetSosNumber
    | SetTimezone
    | Custom
    | Immobilise
    | Mobilise
)
