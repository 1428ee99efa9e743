"""The bytes that the devices of a load test send.

Most are Teltonika FMB trackers with the fifteen elements of their factory setting. Building such
a frame with the codec's own ``simulate`` costs more than the gateway spends on it, so there is a
template that is patched in place. Every other protocol speaks through its codec.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from struct import Struct

from fastcrc import crc16

import protocols
from protocols.codec import Peer
from protocols.errors import Unsupported
from protocols.message import Fix, Login, Report, Signal

FACTORY_ELEMENTS: Mapping[int, Mapping[int, int]] = {
    1: {239: 1, 240: 1, 80: 1, 21: 4, 200: 0, 69: 1},
    2: {181: 9, 182: 7, 66: 13_870, 24: 48, 205: 41_310, 206: 3_040, 67: 4_070, 68: 0},
    4: {241: 20_601},
    8: {},
}
"""What an FMB tracker sends as it leaves the factory: value by number, by width in bytes."""

_SOS = {**FACTORY_ELEMENTS, 1: {**FACTORY_ELEMENTS[1], 236: 1}}
_SOS_EVENT, _PANIC_PRIORITY = 236, 2


class Template:
    """A Codec 8 Extended frame of one record, of which time and place are patched."""

    def __init__(
        self, elements: Mapping[int, Mapping[int, int]], *, event: int = 0, priority: int = 0
    ) -> None:
        groups = [len(group).to_bytes(2, "big") for group in elements.values()]
        for place, (width, group) in enumerate(elements.items()):
            for number, value in group.items():
                groups[place] += number.to_bytes(2, "big") + value.to_bytes(width, "big")
        total = sum(map(len, elements.values()))
        place_of_record = _PLACE.pack(0, priority, 0, 0, 40, 90, 11, 48)
        numbers = event.to_bytes(2, "big") + total.to_bytes(2, "big")
        body = b"\x8e\x01" + place_of_record + numbers + b"".join(groups) + b"\0\0\x01"
        self._frame = bytearray(4) + len(body).to_bytes(4, "big") + body + bytes(4)
        self._priority = priority

    def frame(self, *, at_ms: int, lat_e7: int, lon_e7: int) -> bytes:
        """The frame as it goes on the wire. Moves at 48 km/h, eastwards."""
        frame = self._frame
        _PLACE.pack_into(frame, 10, at_ms, self._priority, lon_e7, lat_e7, 40, 90, 11, 48)
        frame[-2:] = crc16.arc(bytes(frame[8:-4])).to_bytes(2, "big")
        return bytes(frame)


_PLACE = Struct(">QBiihHBH")
ORDINARY = Template(FACTORY_ELEMENTS)
SOS = Template(_SOS, event=_SOS_EVENT, priority=_PANIC_PRIORITY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoken:
    """A frame, when the record in it says it was made, and what the device waits for."""

    frame: bytes
    at_ms: int
    answer: bytes


def login(codec: str, unit_id: str) -> Spoken | None:
    """How a device of this protocol says its name first; None if it never does that alone."""
    found = protocols.get(codec)
    try:
        frame = found.simulate(Login(unit_id=unit_id), Peer(unit_id=unit_id))
    except Unsupported:
        return None
    answer = found.decode(frame, Peer(), datetime.now(UTC)).ack
    return Spoken(frame=frame, at_ms=0, answer=answer)


def report(
    codec: str,
    peer: Peer,
    *,
    at_ms: int,
    lat: float,
    lon: float,
    signals: frozenset[Signal] = frozenset(),
) -> Spoken:
    """A report as a device of this protocol says it.

    ``at_ms`` of the answer is the time as the wire holds it, which may be in whole seconds.
    Raises Unsupported for signals that the protocol has no word for.
    """
    found = protocols.get(codec)
    at = datetime.fromtimestamp(at_ms / 1000, UTC)
    said = Report(
        fix=Fix(at=at, lat=lat, lon=lon, altitude_m=40.0, speed_kmh=48.0, course_deg=90.0),
        signals=signals,
        readings={"satellites": 11},
    )
    frame = found.simulate(said, peer)
    incoming = found.decode(frame, peer, datetime.now(UTC))
    heard = [message for message in incoming.messages if isinstance(message, Report)]
    heard_at = heard[0].fix.at if heard and heard[0].fix else at
    return Spoken(frame=frame, at_ms=round(heard_at.timestamp() * 1000), answer=incoming.ack)
