"""What is no place: words, the mobile operator, how it was driven, Bluetooth beacons."""

from collections.abc import Callable, Mapping

from protocols.codec import Peer
from protocols.codecs.t800x.frame import (
    ASSET,
    BEACON,
    BEAT,
    DRIVING,
    HEAD,
    LOGIN,
    OPERATOR,
    WORDS,
)
from protocols.codecs.t800x.places import FIXED, fix_of, moment
from protocols.errors import Malformed
from protocols.message import CommandReply, Heartbeat, Login, Message, Readings, Report, Signal
from protocols.wire import Reader, text

_BUTTON: Mapping[int, Signal] = {0: Signal.PANIC, 1: Signal.LOW_BATTERY}
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


def _driving(frame: bytes, speaker: Peer) -> tuple[Message, ...]:
    """How it was driven: a code, where it began, where it ended and the engine's turns."""
    if frame[:2] == ASSET:
        return _operator(frame, speaker)
    content = frame[HEAD:]
    if len(content) < 25:
        raise Malformed("driving that breaks off")
    code = content[0]
    signal = Signal.HARSH_ACCELERATION if code % 2 else Signal.HARSH_BRAKING
    usual = frozenset({signal}) if code <= 5 else _NOTHING
    signals = speaker.settings.meaning(f"driving {code}", usual)
    found: list[Message] = []
    starts = range(HEAD + 1, len(frame) - 23, 24)
    for start in starts:
        at = moment(frame[start : start + 6], speaker.settings)
        here = frame[start + 6 : start + 18] != b"\xff" * 12
        found.append(
            Report(
                at=at,
                fix=fix_of(at, frame, start + 6, start + 18) if here else None,
                signals=signals if start == starts[-1] else _NOTHING,
                other={"rpm": frame[start + 22] << 8 | frame[start + 23], "driving_code": code},
                record=b"driving" + content[:1] + frame[start : start + 24],
            )
        )
    return tuple(found)


def _beacon(frame: bytes, speaker: Peer) -> tuple[Message, ...]:
    """Bluetooth: time, ignition, kind, address, and what that kind of beacon says."""
    wire = Reader(frame[HEAD:])
    at = moment(wire.take(6), speaker.settings)
    readings: Readings = {"ignition": bool(wire.u8())}
    kind = wire.u16()
    address = wire.take(6).hex()
    other: dict[str, object] = {"beacon": address, "beacon_kind": kind}
    signals = _NOTHING
    fix = None
    if kind in (2, 3):
        # A button that calls for help, or the tag of a driver; behind it stands a place.
        other["beacon_battery_v"] = wire.u8() / 16
        code = wire.u8()
        usual = _BUTTON.get(code) if kind == 2 or code else None
        word = f"ble {code}" if kind == 2 else f"driver {code}"
        signals = speaker.settings.meaning(word, _NOTHING if usual is None else frozenset({usual}))
        if kind == 3:
            readings["driver_id"] = address
        if wire.remaining >= 17 and wire.u8() & FIXED:
            place = HEAD + wire.at
            fix = fix_of(at, frame, place, place + 12)
    elif kind in (4, 5) and wire.remaining >= 4:
        other["beacon_battery_v"] = (wire.u8() + 200) / 100
        wire.u8()
        other["beacon_temperature_c"] = wire.i16() / 100
        if kind == 5 and wire.remaining:
            other["beacon_door_open"] = wire.u8() == 1
        elif kind == 4 and wire.remaining >= 2:
            other["beacon_humidity_pct"] = wire.u16() / 100
    return (
        Report(
            at=at,
            fix=fix,
            signals=signals,
            readings=readings,
            other=other,
            record=b"beacon" + frame[HEAD:],
        ),
    )


KINDS: dict[int, Callable[[bytes, Peer], tuple[Message, ...]]] = {
    LOGIN: _login,
    BEAT: _beat,
    WORDS: _words,
    OPERATOR: _operator,
    BEACON: _beacon,
    DRIVING: _driving,
}
