"""OwnTracks on Android and iOS, and Qtripp gateways (Queclink GL200) that speak it.

Over HTTP a frame is a request, over MQTT a publication (``mqtt_publish.py``)::

    POST /?u=jane&d=phone               topic owntracks/jane/phone
    X-Limit-U: jane
    X-Limit-D: phone

    {"_type": "location", "topic": "owntracks/jane/phone", "tid": "jp", "tst": 1767225620,
     "lat": 50.84, "lon": 4.35, "acc": 8, "alt": 20, "vel": 30, "cog": 90, "batt": 82, "t": "u"}

One JSON object each; ``_type`` says what it is, ``t`` why it was sent. Speed is in km/h.
The unit is called after the topic: by its device alone where that is an IMEI, else
``user/device``, because half the phones in the world are called "phone"; a request without a
topic is named by the headers, the address, or the two letters of ``tid``. A publication is named
by its own topic and by nothing in it: that is what the broker's access list holds a user to.

The apps have no SOS. What means one on this phone is set up as an alarm code of the device:
``t:u`` (the letter in ``t``), ``event:sos`` (any word in ``event``, which an automation may add),
``desc:SOS`` (the name of a waypoint that is made, or of a region that is entered or left).

What the broker retained is told to us again and again. It counts as buffered, and its signals
only if it names its time, so that it can be recognised.

See: https://owntracks.org/booklet/tech/json/, /tech/http/ and /tech/mqtt/; for the letters in
``t`` https://github.com/owntracks/qtripp and the Queclink GL200 manual (GTHBM: ``rty``).
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime

from protocols import http_request, mqtt_publish
from protocols.codec import Codec, Incoming, Peer
from protocols.errors import Unsupported
from protocols.http_request import (
    KEPT,
    Request,
    instant,
    number,
    refuse,
    scalars,
    storable,
    unit_id,
)
from protocols.message import Command, Fix, Message, Readings, Report, Signal, Unknown
from protocols.mqtt_publish import Publication
from protocols.settings import DeviceSettings

BUFFERED_AFTER_S = 60.0


def frame_size(buffer: bytes, start: int) -> int | None:
    """Bytes in the request or the publication that starts there. Raises Unframeable."""
    if mqtt_publish.begins(buffer, start):
        return mqtt_publish.frame_size(buffer, start)
    return http_request.frame_size(buffer, start)


def decode(frame: bytes, peer: Peer, heard_at: datetime) -> Incoming:
    """What one frame says. Every refusal of a request is a Malformed, answered with a 400."""
    if mqtt_publish.begins(frame, 0):
        return published(mqtt_publish.read(frame), peer, heard_at)
    request = http_request.read(frame)
    if request.method != "POST":
        refuse(f"OwnTracks speaks by POST, not by {request.method}")
    said = http_request.json_object(request.body)
    kind = _kind(said)
    peer = peer.named(_named(said, request))
    message = _message(kind, said, heard_at, peer.settings)
    return Incoming(messages=(message,), ack=KEPT, refusal=http_request.FORBIDDEN, peer=peer)


def published(publication: Publication, peer: Peer, heard_at: datetime) -> Incoming:
    """What one publication says; nothing if it is not the phone that says it. Raises Malformed."""
    peer = peer.named(_named_by_topic(publication.topic))
    last_level = publication.topic.rpartition("/")[2]
    if last_level in _NOT_SAID_BY_THE_PHONE or not publication.payload:
        return Incoming(messages=(), peer=peer)
    said = http_request.json_object(publication.payload)
    kind = _kind(said)
    if kind in _NOT_SAID_BY_THE_PHONE:
        return Incoming(messages=(), peer=peer)
    message = _message(kind, said, heard_at, peer.settings)
    if publication.retained and isinstance(message, Report):
        signals = message.signals if message.at is not None else frozenset()
        message = replace(message, buffered=True, signals=signals)
    return Incoming(messages=(message,), peer=peer)


def encode(command: Command, _peer: Peer) -> bytes:
    """Always raises Unsupported: we do not answer a phone with commands."""
    raise Unsupported(
        f"OwnTracks takes no {type(command).__name__} from us: "
        "call the person, or change the setting in the app"
    )


def simulate(message: Message, peer: Peer) -> bytes:
    """The POST a phone sends. Raises Unsupported for all but a report with one ``t``."""
    if not isinstance(message, Report):
        raise Unsupported(f"OwnTracks never sends a {type(message).__name__}")
    said: dict[str, object] = {"_type": "location", "topic": _topic(peer.unit_id)}
    said |= _simulated_why(message)
    if fix := message.fix:
        said |= {"tst": _seconds(fix.at), "lat": fix.lat, "lon": fix.lon}
        for key, value in (
            ("alt", fix.altitude_m),
            ("vel", fix.speed_kmh),
            ("cog", fix.course_deg),
            ("acc", fix.accuracy_m),
        ):
            said |= {} if value is None else {key: value}
    elif message.at is not None:
        said["tst"] = _seconds(message.at)
    if message.buffered and "tst" in said:
        said["sent"] = _seconds(message.at or message.fix.at) + 7200  # type: ignore[union-attr]
    for name, reading in message.readings.items():
        if name == "charging":
            said["bs"] = 2 if reading else 1
        elif name in _SPOKEN:
            said[_SPOKEN[name]] = reading
        else:
            raise Unsupported(f"OwnTracks has no word for {name}")
    body = json.dumps(said).encode()
    head = f"POST / HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    return head.encode() + b"\r\n" + body


def _kind(said: Mapping[str, object]) -> str:
    """What a message is. Raises Malformed if it does not say, or cannot be read."""
    kind = said.get("_type")
    if kind == "encrypted":
        refuse("encrypted: this phone has an encryption key set; remove it and use TLS")
    if not isinstance(kind, str):
        refuse("no _type")
    return kind


def _message(
    kind: str, said: dict[str, object], heard_at: datetime, settings: DeviceSettings
) -> Message:
    read = _KINDS.get(kind)
    return read(said, heard_at, settings) if read else Unknown(kind=storable(kind))


def _location(said: dict[str, object], heard_at: datetime, settings: DeviceSettings) -> Report:
    why = said.get("t")
    signal = _WHY.get(why) if isinstance(why, str) else None
    if why == "h":
        signal = _HARSH.get(number(said.get("rty")) or 0, Signal.HARSH_CORNERING)
    readings = _readings(said)
    if why in ("i", "I"):
        readings["ignition"] = why == "i"
    signals = frozenset([signal] if signal else [])
    if settings.alarms:
        signals = settings.meaning(f"t:{why}", signals) | _by_name(said, settings)
    event = said.get("event")
    if isinstance(event, str):
        signals |= settings.meaning(f"event:{event}", _CRIES.get(event, _NONE))
    return _report(said, heard_at, signals=signals, readings=readings)


def _transition(said: dict[str, object], heard_at: datetime, settings: DeviceSettings) -> Report:
    """The phone crossed the edge of a region of its own: ``event`` is enter or leave."""
    event = str(said.get("event"))
    signal = {"enter": Signal.ZONE_ENTERED, "leave": Signal.ZONE_LEFT}.get(event, Signal.ZONE_ALERT)
    signals = settings.meaning(f"event:{event}", frozenset({signal}))
    signals |= _by_name(said, settings)
    return _report(said, heard_at, signals=signals, readings=Readings())


def _waypoint(
    said: dict[str, object], heard_at: datetime, settings: DeviceSettings
) -> Report | Unknown:
    """A place that the person marked. Only by its name it may be a cry for help, from there."""
    signals = _by_name(said, settings)
    if not signals:
        return Unknown(kind="waypoint")
    report = _report(said, heard_at, signals=signals, readings=Readings())
    # Where the place is, not where a receiver was.
    return replace(report, fix=report.fix and replace(report.fix, valid=False))


def _by_name(said: Mapping[str, object], settings: DeviceSettings) -> frozenset[Signal]:
    """What the name of a place was set up to mean."""
    return settings.meaning(f"desc:{said['desc']}", _NONE) if "desc" in said else _NONE


def _steps(said: dict[str, object], heard_at: datetime, _: DeviceSettings) -> Report:
    readings = Readings()
    steps = number(said.get("steps"))
    if steps is not None and steps >= 0:
        readings["steps"] = int(steps)
    return _report(said, heard_at, signals=frozenset(), readings=readings)


def _report(
    said: dict[str, object], heard_at: datetime, *, signals: frozenset[Signal], readings: Readings
) -> Report:
    named = said.get("tst")
    at = instant(named)
    sent = number(said.get("sent"))
    # A second try says the same but for these; a phone without a clock repeats nothing.
    record = {key: value for key, value in said.items() if key not in ("sent", "_id")}
    if named is None:
        record["heard_at"] = heard_at.isoformat()
    return Report(
        fix=_fix(said, heard_at if named is None else at),
        at=at,
        signals=signals,
        readings=readings,
        buffered=bool(at and sent and sent - at.timestamp() > BUFFERED_AFTER_S),
        other=scalars(
            ("trigger" if key == "t" else key, value)
            for key, value in said.items()
            if key not in _KNOWN
        ),
        record=json.dumps(record).encode(),
    )


def _fix(said: Mapping[str, object], at: datetime | None) -> Fix | None:
    """A fix, or None for a place that is not on Earth or a time that cannot be."""
    lat, lon = number(said.get("lat")), number(said.get("lon"))
    if at is None or lat is None or lon is None:
        return None
    if not (-90 <= lat <= 90 and -180 <= lon <= 180):
        return None
    return Fix(
        at=at,
        lat=lat,
        lon=lon,
        altitude_m=number(said.get("alt")),
        speed_kmh=_positive(said.get("vel")),
        course_deg=_positive(said.get("cog")),
        accuracy_m=_positive(said.get("acc")),
    )


def _readings(said: Mapping[str, object]) -> Readings:
    readings = Readings()
    for name, key in _SPOKEN.items():
        value = number(said.get(key))
        if value is not None and value >= 0:
            readings[name] = int(value) if name in _WHOLE else value  # type: ignore[literal-required]
    charging = _CHARGING.get(number(said.get("bs")) or 0)
    if charging is not None:
        readings["charging"] = charging
    return readings


def _named(said: Mapping[str, object], request: Request) -> str:
    """Who is speaking. Raises Malformed when nothing in the request says so."""
    topic = said.get("topic")
    if isinstance(topic, str) and topic:
        return _named_by_topic(topic)
    query = dict(http_request.pairs(request.query))
    user = request.headers.get("x-limit-u") or query.get("u", "")
    device = request.headers.get("x-limit-d") or query.get("d", "")
    return _unit_of(user, device) if device else unit_id(said.get("tid"))


def _named_by_topic(topic: str) -> str:
    """owntracks/<user>/<device>, and perhaps /event or /step behind it."""
    _, *names = topic.strip("/").split("/")
    return _unit_of(*names[:2]) if len(names) >= 2 else unit_id(topic)


def _unit_of(user: str, device: str) -> str:
    """The device alone where its name is an IMEI; else user and device."""
    imei = len(device) == 15 and device.isascii() and device.isdecimal()
    return unit_id(device if imei or not user else f"{user}/{device}")


def _positive(said: object) -> float | None:
    """A number. iOS writes -1 for: not known."""
    value = number(said)
    return None if value is None or value < 0 else value


def _topic(name: str) -> str:
    """The topic that names that unit; the reverse of _named."""
    return f"owntracks/{name}" if "/" in name else f"owntracks/vigil/{name}"


def _seconds(at: datetime) -> int:
    return int(at.timestamp())


def _simulated_why(report: Report) -> dict[str, object]:
    why: dict[str, object] = {}
    for signal in report.signals:
        if signal in _LETTERS:
            why = {"t": _LETTERS[signal]}
        elif signal in _RTY:
            why = {"t": "h", "rty": _RTY[signal]}
    if len(report.signals) != (1 if why else 0):
        raise Unsupported(f"OwnTracks cannot say {', '.join(sorted(report.signals))} at once")
    return why


_NONE: frozenset[Signal] = frozenset()
_CRIES: dict[str, frozenset[Signal]] = dict.fromkeys(
    ("sos", "SOS", "panic"), frozenset({Signal.PANIC})
)
"""Words in ``event`` of a location that nobody writes by accident."""

_NOT_SAID_BY_THE_PHONE = frozenset({"cmd", "lwt", "card", "info"})
"""What others publish about a phone: commands to it, the broker's last will, a portrait."""

_WHY = {
    "9": Signal.LOW_BATTERY,
    "1": Signal.POWERED_ON,
    "e": Signal.POWER_CUT,
    "E": Signal.POWER_RESTORED,
    "!": Signal.TOW,
    "s": Signal.OVERSPEED,
}
"""The letters of ``t`` that are a condition. The apps' own (p c b r u t v) are occasions."""

_HARSH: dict[float, Signal] = {
    0: Signal.HARSH_BRAKING,
    3: Signal.HARSH_BRAKING,
    1: Signal.HARSH_ACCELERATION,
    4: Signal.HARSH_ACCELERATION,
}
"""``rty`` of a Queclink behaviour report; 2 and 5 are corners."""

_LETTERS = {signal: letter for letter, signal in _WHY.items()}
_RTY = {Signal.HARSH_BRAKING: 0, Signal.HARSH_ACCELERATION: 4, Signal.HARSH_CORNERING: 5}
_SPOKEN = {
    "battery_pct": "batt",
    "battery_v": "ubatt",
    "power_v": "uext",
    "satellites": "sat",
    "hdop": "hdop",
}
_CHARGING: dict[float, bool] = {1: False, 2: True, 3: False}
"""``bs``: unplugged, charging, full; 0 is not known."""
_WHOLE = frozenset({"satellites"})
_KNOWN = frozenset(
    {"_type", "_id", "_http", "topic", "tid", "tst", "sent", "lat", "lon", "alt", "vel", "cog"}
    | {"acc", "bs", *_SPOKEN.values()}
)

_KINDS: dict[str, Callable[[dict[str, object], datetime, DeviceSettings], Report | Unknown]] = {
    "location": _location,
    "transition": _transition,
    "waypoint": _waypoint,
    "steps": _steps,
}
"""Other kinds (waypoints, status …) are kept as Unknown and answered."""

CODEC = Codec(
    name="owntracks",
    title="OwnTracks on Android and iOS (HTTP, MQTT), Qtripp",
    tells=(
        "fixes, battery, power, steps, Wi-Fi, regions entered and left; no SOS of its own: "
        "a letter, an event or a waypoint that means one is set up (`t:u` `event:…` `desc:…`)"
    ),
    port=5144,
    frame_size=frame_size,
    decode=decode,
    encode=encode,
    simulate=simulate,
    max_frame=http_request.MAX_FRAME,
    read_timeout_s=120.0,
    one_unit_per_connection=False,
)
