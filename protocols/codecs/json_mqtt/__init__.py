"""Any device that publishes JSON over MQTT, without a protocol of its own.

::

    topic devices/355000000000001/json          (mqtt_publish.py draws the frame)

    {"time": "2026-11-24T07:30:15Z", "lat": 50.846737, "lon": 4.352484, "speed_kmh": 30,
     "battery_pct": 82, "event": "sos"}

One object, or a list of them. The unit is named by its topic: by the level that the gateway's
topic filter calls ``{unit}``, else by the second level; never by the payload, because a broker's
access list holds a user to topics and to nothing else.

Usual names are found at the top and one level down (``gps``, ``location`` …), in capitals or not.
Others are set up for the device: ``options`` say where a value stands, as a path
(``payload.gnss.0.lat``), or several with ``|`` between them, the first that is there counts.
Units that a name does not tell: km/h (``speed_unit``: km/h, m/s, knots, mph), metres, volts.

Signals are words (``"event": "sos"``, ``"alarms": ["fall"]``) or switches (``"sos": true``).
``alarms`` of the device say what a word, or a switch that is on, means on this device. A word
behind ``alarm`` or ``alert`` that nobody knows is UNSPECIFIED: it rings, and is named in ``other``.

What the broker retained counts as buffered, and its signals only if it names its time.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import cast

from protocols import mqtt_publish
from protocols.codec import Codec, Incoming, Peer
from protocols.codecs.json_mqtt.words import (
    ALWAYS_TOLD,
    CONTAINERS,
    KMH,
    NUMBERS,
    SPEEDS,
    SWITCHES,
    USUAL,
    WHOLE,
    WORDS,
    YES,
)
from protocols.errors import Malformed, Unsupported
from protocols.http_request import instant, json_object, number, scalars, storable, unit_id
from protocols.message import (
    Command,
    Fix,
    Heartbeat,
    Login,
    Message,
    Readings,
    Report,
    Signal,
)
from protocols.mqtt_publish import Publication
from protocols.settings import DeviceSettings

_MOST_RECORDS = 500
_MOST_ALTERNATIVES = 8


def decode(frame: bytes, peer: Peer, heard_at: datetime) -> Incoming:
    """What one publication says. Raises Malformed for what is not JSON."""
    publication = mqtt_publish.read(frame)
    peer = peer.named(peer.unit_id or named_by(publication.topic))
    if not publication.payload:
        return Incoming(messages=(), peer=peer)
    messages: list[Message] = []
    for said in _records(publication.payload):
        message = _message(said, peer.settings, heard_at)
        if publication.retained and isinstance(message, Report):
            signals = message.signals if message.at is not None else frozenset()
            message = replace(message, buffered=True, signals=signals)
        messages.append(message)
    return Incoming(messages=tuple(messages), peer=peer)


def named_by(topic: str) -> str:
    """The unit that a topic names by its second level, or as a whole. Raises Malformed."""
    levels = topic.split("/")
    return unit_id(levels[1] if len(levels) > 1 and levels[1].strip() else topic)


def encode(command: Command, _peer: Peer) -> bytes:
    """Always raises Unsupported: nobody said what this device understands."""
    raise Unsupported(f"a JSON device takes no {type(command).__name__} from us: use its own app")


def simulate(message: Message, peer: Peer) -> bytes:
    """The publication of a device that uses our names. Raises Unsupported for a command's reply."""
    match message:
        case Login():
            raise Unsupported("a JSON device names itself by its topic, with whatever it says")
        case Heartbeat():
            said: dict[str, object] = {"event": "heartbeat"}
        case Report():
            said = _spoken(message)
        case _:
            raise Unsupported(f"a JSON device never sends a {type(message).__name__}")
    topic = f"devices/{peer.unit_id}/json"
    return mqtt_publish.written(Publication(topic=topic, payload=json.dumps(said).encode()))


def _records(payload: bytes) -> list[dict[str, object]]:
    if payload.lstrip()[:1] != b"[":
        return [json_object(payload)]
    # As an object, so that it is judged by the same rules.
    said = json_object(b'{"records":' + payload + b"}")["records"]
    if not isinstance(said, list) or len(said) > _MOST_RECORDS:
        raise Malformed(f"a list of more than {_MOST_RECORDS} records")
    if not all(isinstance(one, dict) for one in said):
        raise Malformed("a list of what are not objects")
    return said


def _message(
    said: dict[str, object], settings: DeviceSettings, heard_at: datetime
) -> Report | Heartbeat:
    values = _Values(said, settings)
    named = values.get("time")
    at = _moment(named, settings)
    fix = _fix(values, heard_at if named is None else at)
    signals = _signals(values, settings)
    readings = _readings(values)
    if fix is None and not signals and not readings:
        return Heartbeat()
    record = json.dumps(said)
    if named is None:
        # A device without a clock repeats nothing.
        record += heard_at.isoformat()
    return Report(
        fix=fix,
        at=at,
        signals=signals,
        readings=readings,
        buffered=_on(values.get("buffered")),
        other=scalars(values.unread()),
        record=record.encode(),
    )


class _Values:
    """One object, asked by our names: by the device's paths, else by the usual keys."""

    __slots__ = ("_flat", "_options", "_read", "_said")

    def __init__(self, said: Mapping[str, object], settings: DeviceSettings) -> None:
        self._said = said
        self._options = settings.options
        flat: dict[str, object] = {}
        for key, value in said.items():
            if isinstance(value, dict) and key.lower() in CONTAINERS:
                for inner, inside in value.items():
                    flat.setdefault(inner.lower(), inside)
        flat.update((key.lower(), value) for key, value in said.items())
        self._flat = flat
        self._read: set[str] = set()

    def get(self, name: str) -> object:
        """The value of one of our names; None where there is none."""
        path = self._options.get(name)
        if isinstance(path, str) and path:
            for one in path.split("|")[:_MOST_ALTERNATIVES]:
                if (value := _at(self._said, one)) is not None:
                    return value
            return None
        for key in USUAL[name]:
            value = self._flat.get(key)
            if value is not None:
                if name not in ALWAYS_TOLD:
                    self._read.add(key)
                return value
        return None

    def taken(self, key: str) -> object:
        """The value of a key as it is written, in small letters."""
        self._read.add(key)
        return self._flat.get(key)

    def found_by(self, names: Iterable[str]) -> str:
        """The first of these keys that is there; "" if none."""
        return next((name for name in names if self._flat.get(name) is not None), "")

    def option(self, name: str, usual: str) -> str:
        """A choice of the device's options."""
        return str(self._options.get(name, usual))

    def switches(self) -> Iterator[str]:
        """The keys, as they are written, of what is switched on."""
        for key, value in self._said.items():
            if not isinstance(value, dict | list) and _on(value):
                yield key

    def unread(self) -> Iterator[tuple[str, object]]:
        """What nobody asked for."""
        return ((key, value) for key, value in self._flat.items() if key not in self._read)


def _at(said: object, path: str) -> object:
    """What stands at ``a.0.b``; None if nothing does."""
    for step in path.strip().split("."):
        if isinstance(said, dict):
            said = said.get(step)
        elif isinstance(said, list) and step.isdecimal() and int(step) < len(said):
            said = said[int(step)]
        else:
            return None
    return said


def _moment(said: object, settings: DeviceSettings) -> datetime | None:
    """Seconds or milliseconds since 1970, or ISO 8601; without a zone in that of the device."""
    if settings.time_zone and isinstance(said, str) and number(said) is None:
        try:
            local = datetime.fromisoformat(said.strip())
        except ValueError:
            return None
        if local.tzinfo is None:
            try:
                return settings.utc(local)
            except OverflowError:
                return None
    return None if said is None else instant(said)


def _fix(values: _Values, at: datetime | None) -> Fix | None:
    """A fix, or None for a place that is not on Earth or a time that cannot be."""
    lat, lon = number(values.get("lat")), number(values.get("lon"))
    if lat is None or lon is None:
        lat, lon = _pair(values.get("coordinates"))
    if at is None or lat is None or lon is None:
        return None
    if not (-90 <= lat <= 90 and -180 <= lon <= 180):
        return None
    valid = values.get("valid")
    return Fix(
        at=at,
        lat=lat,
        lon=lon,
        # Where Greenwich meets the equator is where receivers are that know no place.
        valid=(lat != 0 or lon != 0) if valid is None else _on(valid),
        altitude_m=number(values.get("altitude")),
        speed_kmh=_speed_kmh(values),
        course_deg=_positive(values.get("course")),
        accuracy_m=_positive(values.get("accuracy")),
    )


def _pair(said: object) -> tuple[float | None, float | None]:
    """GeoJSON's order: longitude first."""
    if isinstance(said, list) and len(said) >= 2:
        return number(said[1]), number(said[0])
    return None, None


def _speed_kmh(values: _Values) -> float | None:
    for unit, keys in SPEEDS.items():
        key = values.found_by(keys)
        if key:
            speed = _positive(values.taken(key))
            return None if speed is None else speed * KMH[unit]
    speed = _positive(values.get("speed"))
    unit = values.option("speed_unit", "km/h")
    return None if speed is None else speed * KMH.get(unit, 1.0)


def _readings(values: _Values) -> Readings:
    readings: dict[str, object] = {}
    for name, (lowest, highest) in NUMBERS.items():
        value = number(values.get(name))
        if value is not None and lowest <= value <= highest:
            readings[name] = int(value) if name in WHOLE else value
    for name in ("ignition", "charging", "motion"):
        if (switch := values.get(name)) is not None:
            readings[name] = _on(switch)
    driver = values.get("driver_id")
    if isinstance(driver, str | int) and not isinstance(driver, bool):
        readings["driver_id"] = storable(str(driver))
    return cast("Readings", readings)


def _signals(values: _Values, settings: DeviceSettings) -> frozenset[Signal]:
    signals: set[Signal] = set()
    for name, unknown in (("event", frozenset()), ("alarm", frozenset({Signal.UNSPECIFIED}))):
        for word in _words(values.get(name)):
            usual = _meant(word)
            signals |= settings.meaning(word, unknown if usual is None else usual)
    for key in values.switches():
        usual = _meant(key) if key.lower() in SWITCHES else None
        signals |= settings.meaning(key, usual or frozenset())
    inputs = number(values.get("inputs"))
    if settings.panic_inputs and inputs is not None and 0 <= inputs < 1 << 32:
        signals |= settings.inputs(int(inputs))
    return frozenset(signals)


def _words(said: object) -> Iterator[str]:
    """The words of a text, of a list of texts, of a number or of a yes."""
    for one in said[:16] if isinstance(said, list) else (said,):
        if isinstance(one, bool):
            if one:
                yield "true"
        elif isinstance(one, str | int | float):
            yield str(one)


def _meant(word: str) -> frozenset[Signal] | None:
    """What a word means everywhere; None if it means nothing to us."""
    return WORDS.get(word.strip().lower().replace("-", "_").replace(" ", "_"))


def _on(said: object) -> bool:
    if isinstance(said, str):
        return said.strip().lower() in YES
    return bool(said)


def _positive(said: object) -> float | None:
    value = number(said)
    return None if value is None or value < 0 else value


def _spoken(report: Report) -> dict[str, object]:
    """A report in our own names."""
    said: dict[str, object] = {}
    at = report.fix.at if report.fix else report.at
    if at is not None:
        said["time"] = at.astimezone(UTC).isoformat(timespec="milliseconds")
    if fix := report.fix:
        said |= {"lat": fix.lat, "lon": fix.lon, "valid": fix.valid}
        for key in ("altitude_m", "speed_kmh", "course_deg", "accuracy_m"):
            if (value := getattr(fix, key)) is not None:
                said[key] = value
    if report.signals:
        said["event"] = sorted(report.signals)
    if report.buffered:
        said["buffered"] = True
    for name, reading in report.readings.items():
        if name not in USUAL:
            raise Unsupported(f"a JSON device has no word for {name}")
        said[name] = reading
    return said


CODEC = Codec(
    name="json_mqtt",
    title="Any device that publishes JSON over MQTT",
    tells=(
        "fixes, readings and signals under usual names or where the device's options say they "
        "stand; SOS by word or switch, others set up"
    ),
    port=1883,
    transports=(),
    frame_size=mqtt_publish.frame_size,
    decode=decode,
    encode=encode,
    simulate=simulate,
    max_frame=mqtt_publish.MAX_FRAME,
    one_unit_per_connection=False,
    options={name: f"where {name} stands: a path as gps.0.lat, or more with |" for name in USUAL}
    | {"speed_unit": "what speed is in: km/h (as usual), m/s, knots, mph"},
)
