"""The new kind of frame: columns of fixed width, and lists between commas for iButton and OBD."""

from contextlib import suppress

from protocols import nmea
from protocols.checksum import xor8
from protocols.codec import Peer
from protocols.codecs.totem.fields import fix_from, meaning, moment, tower
from protocols.errors import Malformed
from protocols.message import CommandReply, Fix, Message, Readings, Report, Signal, Unknown
from protocols.settings import DeviceSettings

_STATE_SIGNALS = {
    31: Signal.PANIC,
    29: Signal.OVERSPEED,
    27: Signal.ZONE_LEFT,
    26: Signal.ZONE_ENTERED,
    25: Signal.ANTENNA_CUT,
}
# Only firmware that also sends temperatures means these; on older one bit 14 is the fix.
_LATER_STATE_SIGNALS = _STATE_SIGNALS | {14: Signal.LOW_BATTERY, 10: Signal.JAMMING}
_SHORTEST = 74
_IGNITION, _MAINS = 1 << 30, 1 << 28
_FIXED, _FIXED_BEFORE = 1 << 12, 1 << 14


def read(said: bytes, kind: str, content: str, peer: Peer) -> Message:
    """What a frame of that kind says. Raises Malformed if it is none."""
    match kind:
        case "CF":
            return CommandReply(text=content[:-2].rstrip("|"))
        case "E2" | "E5":
            return _listed(kind, content, peer)
    wrong_sum = said[-2:].upper() != b"%02X" % xor8(said[:-2])
    return _columns(kind, content.removesuffix("@E#@"), peer, wrong_sum=wrong_sum)


def _columns(kind: str, content: str, peer: Peer, *, wrong_sum: bool) -> Message:
    """Hexadecimal state, clock, then what differs by firmware, then tower and place."""
    # The side of the latitude stands before the longitude: sixteen or twenty from the end.
    north = next((at for at in (-18, -22) if content[at : at + 1] in ("N", "S")), None)
    state = _hexadecimal(content[:8])
    if north is None or state is None or len(content) < _SHORTEST:
        # What cannot be read may still be the SOS.
        signals = meaning(kind, peer)
        return Report(signals=signals, record=content.encode()) if signals else Unknown(kind=kind)
    place = content[north - 38 : north]
    lac, cid, satellites, rssi, course, speed, hdop = (
        place[:4],
        place[4:8],
        place[8:10],
        place[10:12],
        place[12:15],
        place[15:18],
        place[18:22],
    )
    middle = content[20 : north - 38]
    later = len(middle) >= 16
    at = moment(content[8:20], peer, year_first=True)
    signals = _state_signals(state, peer.settings, later=later)
    signals |= meaning(kind, peer)
    inputs = bool(state & _IGNITION) | (state >> 18 & 2) | (state >> 16 & 4) | (state >> 14 & 8)
    signals |= peer.settings.inputs(inputs)
    fixed = state & (_FIXED if later else _FIXED_BEFORE)
    fix = fix_from(
        at,
        [
            "A" if fixed else "V",
            place[29:38],
            content[north],
            content[north + 1 : north + 11],
            content[north + 11],
            speed,
            course,
        ],
        kmh=True,
    )
    readings = _volts(middle)
    readings["ignition"] = bool(state & _IGNITION)
    readings["charging"] = bool(state & _MAINS)
    if satellites.isdecimal():
        readings["satellites"] = int(satellites)
    if (dilution := nmea.number(hdop)) is not None:
        readings["hdop"] = dilution
    if place[22:29].isdecimal():
        readings["odometer_m"] = int(place[22:29])
    other = _middle(middle) | {"alarm_code": kind, "status": state, "inputs": inputs}
    if wrong_sum:
        other["wrong_sum"] = True
    return Report(
        fix=fix,
        at=at,
        signals=signals,
        readings=readings,
        cells=tower(lac, cid, -int(rssi) if rssi.isdecimal() else None),
        other=other,
        record=f"{kind}{content[:-6]}".encode(),
    )


def _hexadecimal(digits: str) -> int | None:
    try:
        return int(digits, 16)
    except ValueError:
        return None


def _state_signals(state: int, settings: DeviceSettings, *, later: bool) -> frozenset[Signal]:
    usual = _LATER_STATE_SIGNALS if later else _STATE_SIGNALS
    if not settings.alarms:
        return frozenset(signal for bit, signal in usual.items() if state >> bit & 1)
    said = (
        settings.meaning(f"bit {bit}", frozenset({usual[bit]} if bit in usual else ()))
        for bit in range(32)
        if state >> bit & 1
    )
    return frozenset[Signal]().union(*said)


def _volts(middle: str) -> Readings:
    """Battery and mains in two digits each, or battery alone in three."""
    if len(middle) == 7 and middle.isdecimal():
        return {"battery_v": int(middle[:3]) / 100}
    if len(middle) >= 8 and middle[:4].isdecimal():
        return {"battery_v": int(middle[:2]) / 10, "power_v": float(int(middle[2:4]))}
    return {}


def _middle(middle: str) -> dict[str, object]:
    """The analog inputs, and behind them two thermometers where there are three and more."""
    start = 3 if len(middle) == 7 else 4
    groups = [middle[at : at + 4] for at in range(start, len(middle), 4)]
    warm = groups[-2:] if len(groups) >= 3 else []
    analog = groups[: len(groups) - len(warm)]
    named = {f"adc{number}": group for number, group in enumerate(analog, 1)}
    return dict(named | {f"temp{number}": group for number, group in enumerate(warm, 1)})


def _listed(kind: str, content: str, peer: Peer) -> Message:
    """An iButton or OBD record: clock, longitude, latitude, then its own fields."""
    fields = content.partition("|")[0].split(",")
    if len(fields) < 3:
        raise Malformed(f"a place wants 3 fields, not {len(fields)}")
    at = moment(fields[0], peer, year_first=True)
    fix: Fix | None = None
    if at is not None:
        with suppress(ValueError):
            fix = Fix(at=at, lat=float(fields[2]), lon=float(fields[1]))
    readings: Readings = {}
    other: dict[str, object] = {}
    if kind == "E2" and len(fields) > 3:
        readings["driver_id"] = fields[3]
    elif kind == "E5" and len(fields) > 9:
        for name, at_field, scale in (("odometer_m", 4, 1.0), ("power_v", 7, 1000.0)):
            if (value := nmea.number(fields[at_field])) is not None:
                readings[name] = value / scale  # type: ignore[literal-required]
        if (fuel := nmea.number(fields[10] if len(fields) > 10 else "")) is not None:
            readings["fuel"] = fuel
        other = {"obd": fields[5:]}
    return Report(
        fix=fix, at=at, readings=readings, other=other, record=f"{kind}{','.join(fields)}".encode()
    )
