"""What is no place: words, the mobile operator, how it was driven, Bluetooth beacons."""

from collections.abc import Callable, Mapping
from datetime import datetime

from protocols.codec import Peer
from protocols.codecs.t800x.frame import (
    ASSET,
    BEACON,
    BEAT,
    COMPUTER,
    DRIVING,
    HEAD,
    LOGIN,
    OPERATOR,
    WORDS,
)
from protocols.codecs.t800x.places import FIXED, HISTORY, SATELLITES, fix_of, moment
from protocols.errors import Malformed
from protocols.message import (
    CommandReply,
    Fix,
    Heartbeat,
    Login,
    Message,
    Readings,
    Report,
    Signal,
    WifiNetwork,
)
from protocols.wire import Reader, text

_CALLS: Mapping[int, Signal] = {0: Signal.PANIC, 1: Signal.LOW_BATTERY}
_NOTHING: frozenset[Signal] = frozenset()


def _login(_frame: bytes, speaker: Peer) -> tuple[Message, ...]:
    return (Login(unit_id=speaker.unit_id),)


def _beat(_frame: bytes, _speaker: Peer) -> tuple[Message, ...]:
    return (Heartbeat(),)


def _words(frame: bytes, _speaker: Peer) -> tuple[Message, ...]:
    """A byte, and text in two bytes a letter, or in one."""
    said = frame[HEAD + 1 :]
    wide = len(said) % 2 == 0 and 0 in said[1::2]
    return (CommandReply(text=_wide(said) if wide else text(said)),)


def _wide(said: bytes) -> str:
    """Two bytes a letter; never a NUL, which PostgreSQL refuses in text."""
    return said.decode("utf-16-le", "replace").replace("\0", "")


def _operator(frame: bytes, speaker: Peer) -> tuple[Message, ...]:
    """Operator (two bytes a letter), technology, band, IMSI, ICCID; each after its length."""
    wire = Reader(frame[HEAD:])
    at = moment(wire.take(6), speaker.settings)
    other: dict[str, object] = {}
    for name in ("operator", "technology", "band", "imsi", "iccid"):
        if not wire.remaining:
            break
        said = wire.take(min(wire.u8(), wire.remaining))
        other[name] = _wide(said) if name == "operator" else text(said)
    return (Report(at=at, other=other, record=b"operator" + frame[HEAD:]),)


def _wifi(frame: bytes, speaker: Peer) -> tuple[Message, ...]:
    """Time, the tracker's own address, and three networks with their levels."""
    wire = Reader(frame[HEAD:])
    at = moment(wire.take(6), speaker.settings)
    wire.take(6)
    seen: list[WifiNetwork] = []
    while wire.remaining >= 7 and len(seen) < 3:
        mac, level = wire.take(6), wire.i8()
        if any(mac) and mac != b"\xff" * 6:
            seen.append(WifiNetwork(mac=mac.hex(":"), rssi=level))
    return (Report(at=at, wifi=tuple(seen), record=b"wifi" + frame[HEAD:]),)


def _driving(frame: bytes, speaker: Peer) -> tuple[Message, ...]:
    """How it was driven: a code, where it began, where it ended; the engine's turns with each.

    Even codes brake, odd ones accelerate: at high, medium and low speed.
    """
    if frame[:2] == ASSET:
        return _operator(frame, speaker)
    step = _WITH_TURNS if frame[:2] == COMPUTER else _WITHOUT_TURNS
    if len(frame) < HEAD + 1 + 2 * step:
        raise Malformed("driving that breaks off")
    code = frame[HEAD]
    signal = Signal.HARSH_ACCELERATION if code % 2 else Signal.HARSH_BRAKING
    usual = frozenset({signal}) if code <= _LAST_WAY_TO_DRIVE else _NOTHING
    signals = speaker.settings.meaning(f"driving {code:02x}", usual)
    began, ended = HEAD + 1, HEAD + 1 + step
    return (
        _moment_of_driving(frame, began, step, speaker, _NOTHING),
        _moment_of_driving(frame, ended, step, speaker, signals),
    )


def _moment_of_driving(
    frame: bytes, start: int, step: int, speaker: Peer, signals: frozenset[Signal]
) -> Report:
    at = moment(frame[start : start + 6], speaker.settings)
    here = frame[start + 6 : start + 18] != _NOWHERE
    other: dict[str, object] = {"driving_code": frame[HEAD]}
    if step == _WITH_TURNS:
        other["rpm"] = int.from_bytes(frame[start + 22 : start + 24], "big")
    return Report(
        at=at,
        fix=fix_of(at, frame, start + 6, start + 18) if here else None,
        signals=signals,
        other=other,
        record=b"driving" + frame[HEAD : HEAD + 1] + frame[start : start + step],
    )


def _felt(frame: bytes, speaker: Peer) -> tuple[Message, ...]:
    """What the accelerometer felt: harsh driving (06), or an accident (07) in many samples."""
    if len(frame) < HEAD + 1 + _SAMPLE:
        raise Malformed("a sample that breaks off")
    kind, code = frame[2], frame[HEAD]
    start = HEAD + 1
    at = moment(frame[start : start + 6], speaker.settings)
    status = frame[start + 6]
    place = start + 12
    signal = Signal.HARSH_ACCELERATION if code else Signal.HARSH_BRAKING
    if kind == _ACCIDENT:
        signal = Signal.CRASH
    word = "accident" if kind == _ACCIDENT else f"felt {code:02x}"
    return (
        Report(
            at=at,
            fix=fix_of(at, frame, place, place + 12) if status & FIXED else None,
            signals=speaker.settings.meaning(word, frozenset({signal})),
            readings={"satellites": status & SATELLITES},
            buffered=bool(status & HISTORY),
            record=b"felt" + frame[2:3] + frame[HEAD:],
        ),
    )


_ACCIDENT = 0x07
_SAMPLE = 28
_WITHOUT_TURNS, _WITH_TURNS = 22, 24
_LAST_WAY_TO_DRIVE = 5
_NOWHERE = b"\xff" * 12


def _beacons(frame: bytes, speaker: Peer) -> tuple[Message, ...]:
    """Bluetooth: time, ignition, kind, beacons of that kind; with a button or tag, a place."""
    wire = Reader(frame[HEAD:])
    at = moment(wire.take(6), speaker.settings)
    readings: Readings = {"ignition": bool(wire.u8() & 1)}
    kind = wire.u16()
    if kind not in (_BUTTON, _TAG):
        return (
            _beacon_report(
                frame, wire, kind=kind, at=at, fix=None, readings=readings, speaker=speaker
            ),
        )
    entry = Reader(wire.take(_ENTRIES[kind]))
    fix = None
    if wire.remaining >= 17 and wire.u8() & FIXED:
        place = HEAD + wire.at
        fix = fix_of(at, frame, place, place + 12)
    return (
        _beacon_report(frame, entry, kind=kind, at=at, fix=fix, readings=readings, speaker=speaker),
    )


def _beacons_with_place(frame: bytes, speaker: Peer) -> tuple[Message, ...]:
    """Bluetooth of later trackers: time, ignition, status, place, kind (0: mixed), beacons."""
    wire = Reader(frame[HEAD:])
    at = moment(wire.take(6), speaker.settings)
    readings: Readings = {"ignition": bool(wire.u8() & 1)}
    fixed = wire.u8() & FIXED
    place = HEAD + wire.at
    wire.take(16)
    fix = fix_of(at, frame, place, place + 12) if fixed else None
    kind = wire.u16() if wire.remaining >= 2 else 0
    return (
        _beacon_report(frame, wire, kind=kind, at=at, fix=fix, readings=readings, speaker=speaker),
    )


_TYRE, _BUTTON, _TAG, _THERMOMETER, _DOOR, _RELAY = 1, 2, 3, 4, 5, 6
_ENTRIES = {_TYRE: 10, _BUTTON: 8, _TAG: 8, _THERMOMETER: 15, _DOOR: 12, _RELAY: 12}
"""Bytes of one beacon of each kind."""


def _beacon_report(
    frame: bytes,
    wire: Reader,
    *,
    kind: int,
    at: datetime | None,
    fix: Fix | None,
    readings: Readings,
    speaker: Peer,
) -> Report:
    """Every beacon in ``wire``; of kind 0 each says its own kind first."""
    found: list[dict[str, object]] = []
    signals = _NOTHING
    while wire.remaining:
        this = kind or (wire.u16() if wire.remaining >= 2 else 0)
        size = _ENTRIES.get(this)
        if size is None or wire.remaining < size:
            break
        raw = wire.take(size)
        beacon, said = _beacon(this, raw, speaker)
        found.append(beacon)
        signals |= said
        if this == _TAG:
            readings["driver_id"] = raw[:6].hex()
    return Report(
        at=at,
        fix=fix,
        signals=signals,
        readings=readings,
        other={"beacon_kind": kind, "beacons": found},
        record=b"beacon" + frame[HEAD:],
    )


def _beacon(kind: int, raw: bytes, speaker: Peer) -> tuple[dict[str, object], frozenset[Signal]]:
    """One beacon, and what it signals: a button is pressed, a battery runs low."""
    said: dict[str, object] = {"address": raw[:6].hex()}
    if kind in (_BUTTON, _TAG):
        said["battery_v"] = (raw[6] >> 4) + (raw[6] & 0x0F) / 10
        code = raw[7]
        usual = _CALLS.get(code) if kind == _BUTTON or code else None
        word = f"ble {code:02x}" if kind == _BUTTON else f"tag {code:02x}"
        return said, speaker.settings.meaning(
            word, _NOTHING if usual is None else frozenset({usual})
        )
    if kind == _TYRE:
        said |= {"pressure_kpa": round(raw[7] * 3.144, 1), "temperature_c": raw[8] - 55}
        return said, _NOTHING
    said["battery_v"] = (raw[6] + 200) / 100
    said["temperature_c"] = _signed(raw[8] << 8 | raw[9]) / 100
    if kind == _THERMOMETER:
        said["humidity_pct"] = (raw[10] << 8 | raw[11]) / 100
    elif kind == _DOOR:
        said["open"] = raw[10] == 1
    return said, _NOTHING


def _signed(raw: int) -> int:
    """A sign bit, and the rest of the number."""
    return -(raw & 0x7FFF) if raw & 0x8000 else raw


KINDS: dict[int, Callable[[bytes, Peer], tuple[Message, ...]]] = {
    LOGIN: _login,
    BEAT: _beat,
    WORDS: _words,
    OPERATOR: _operator,
    DRIVING: _driving,
    0x06: _felt,
    _ACCIDENT: _felt,
    BEACON: _beacons,
    0x12: _beacons_with_place,
    0x15: _wifi,
}
