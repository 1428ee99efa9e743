"""The kinds of the IDD plugs, one function each; what has no place of its own is a state."""

from collections.abc import Callable

from protocols.codec import Peer
from protocols.codecs.castel.places import PLACE, Vehicle, counted, meaning, place_report
from protocols.message import CommandReply, Heartbeat, Login, Message, Unknown
from protocols.wire import Reader, text


def login(_kind: int, content: bytes, peer: Peer) -> tuple[Message, ...]:
    """1001: the state, places, what the plug is."""
    rest = Reader(content)
    vehicle = Vehicle(rest, peer.settings)
    return vehicle.places(rest, content) or _urgent(vehicle, content, Login(unit_id=peer.unit_id))


def logout(_kind: int, content: bytes, peer: Peer) -> tuple[Message, ...]:
    """1002: the state, places."""
    rest = Reader(content)
    vehicle = Vehicle(rest, peer.settings)
    return vehicle.places(rest, content) or _urgent(vehicle, content, Heartbeat())


def counted_places(_kind: int, content: bytes, peer: Peer) -> tuple[Message, ...]:
    """4001: ``late(1)``, the state, places."""
    rest = Reader(content)
    late = rest.u8() == 1
    vehicle = Vehicle(rest, peer.settings)
    said = content[1:]
    return vehicle.places(rest, said, buffered=late) or _urgent(vehicle, said, Heartbeat())


def comprehensive(_kind: int, content: bytes, peer: Peer) -> tuple[Message, ...]:
    """401F: ``late(1) serial(4)``, the state, places, then ``id(2) size(2) value`` …"""
    rest = Reader(content)
    late = rest.u8() == 1
    rest.take(4)
    vehicle = Vehicle(rest, peer.settings)
    places = counted(rest)
    while rest.remaining >= 4:
        key, size = rest.u16le(), rest.u16le()
        value = rest.take(min(size, rest.remaining))
        if key == 0x0010:
            vehicle.other["device_c"] = int.from_bytes(value, "little") / 10
        elif key == 0x0021:
            vehicle.readings["battery_v"] = int.from_bytes(value, "little") / 100
        else:
            vehicle.other[f"item_{key:04x}"] = value.hex()
    said = content[5:]
    found = vehicle.places(Reader(places), said, buffered=late)
    return found or _urgent(vehicle, said, Heartbeat())


def state(kind: int, content: bytes, peer: Peer) -> tuple[Message, ...]:
    """4002, 4005, 4006, 400B: the state of the vehicle, and what its computer says."""
    rest = Reader(content)
    vehicle = Vehicle(rest, peer.settings)
    faults = rest.rest()
    if kind == 0x400B and len(faults) >= 2:
        codes = (faults[place : place + 2] for place in range(2, len(faults) - 1, 4))
        vehicle.other["faults"] = [f"P{int.from_bytes(code, 'little'):04X}" for code in codes]
    return (vehicle.report(kind.to_bytes(2, "big") + content),)


def alarm(_kind: int, content: bytes, peer: Peer) -> tuple[Message, ...]:
    """4007: ``serial(4)``, the state, places, alarms. An alarm needs no place to be one."""
    rest = Reader(content)
    rest.take(4)
    vehicle = Vehicle(rest, peer.settings)
    said = content[4:]
    places = counted(rest)
    codes: list[int] = []
    for _ in range(rest.u8() if rest.remaining else 0):
        if rest.remaining < 2:
            break
        begins, code = rest.u8(), rest.u8()
        rest.take(min(4, rest.remaining))
        codes.append(code)
        if begins:
            vehicle.signals |= meaning(code, peer.settings)
    vehicle.other["alarms"] = codes
    return vehicle.places(Reader(places), said) or _urgent(vehicle, said, Heartbeat())


def asleep(_kind: int, content: bytes, peer: Peer) -> tuple[Message, ...]:
    """4009: ``now(4)`` and a place, counted or not."""
    del peer
    rest = Reader(content[4:])
    if rest.remaining > PLACE.size:
        rest.take(1)
    return (place_report(rest, {}, {}, content),)


def asked_place(_kind: int, content: bytes, peer: Peer) -> tuple[Message, ...]:
    """B001: ``serial(2)`` of the question, the state, places."""
    rest = Reader(content[2:])
    vehicle = Vehicle(rest, peer.settings)
    return vehicle.places(rest, content[2:]) or _urgent(vehicle, content[2:], Heartbeat())


def reply(_kind: int, content: bytes, _peer: Peer) -> tuple[Message, ...]:
    """A002: ``serial(2) ?(4) [id(2) …]``; one text with its size says itself."""
    size = int.from_bytes(content[8:10], "little")
    words = content[10 : 10 + size]
    plain = text(words) if size and len(words) == size and words.isascii() else content.hex()
    return (CommandReply(text=plain),)


def nothing(_kind: int, _content: bytes, _peer: Peer) -> tuple[Message, ...]:
    """1003, 4003, 4004: the plug is there; what it lists is not for us."""
    return (Heartbeat(),)


def unknown(kind: int, _content: bytes, _peer: Peer) -> tuple[Message, ...]:
    """A kind that we do not translate."""
    return (Unknown(kind=f"{kind:04x}"),)


def _urgent(vehicle: Vehicle, record: bytes, usual: Message) -> tuple[Message, ...]:
    """A frame without a place is what it usually is, unless it calls."""
    return (vehicle.report(record),) if vehicle.signals else (usual,)


KINDS: dict[int, Callable[[int, bytes, Peer], tuple[Message, ...]]] = {
    0x1001: login,
    0x1002: logout,
    0x1003: nothing,
    0x4001: counted_places,
    0x4002: state,
    0x4003: nothing,
    0x4004: nothing,
    0x4005: state,
    0x4006: state,
    0x4007: alarm,
    0x4009: asleep,
    0x400B: state,
    0x401F: comprehensive,
    0xA002: reply,
    0xB001: asked_place,
}
"""What is not here is Unknown."""
