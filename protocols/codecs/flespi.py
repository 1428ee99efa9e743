"""Devices behind flespi, which streams what it heard as JSON over HTTP.

See: flespi "HTTP stream" and its list of standard parameters. One POST, a list of messages::

    POST / HTTP/1.1

    [{"ident": "605630", "timestamp": 1506956075.5, "position.latitude": 53.9,
      "position.longitude": 27.4, "position.speed": 42, "position.direction": 262.6,
      "position.valid": true, "alarm.event.trigger": true, "battery.level": 82, …}, …]

km/h, degrees, metres, volts, per cent. The messages of one request are of one device: a stream
that mixes devices is refused, because what it says would be kept under the wrong name. A
parameter that is true or not nought is an alarm if it stands in the table below; its name is the
code of ``DeviceSettings.alarms``. ``custom.SOS`` is the button of devices that speak Wialon IPS.
"""

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime

from protocols import http_request
from protocols.codec import Codec, Incoming, Peer
from protocols.errors import Unsupported
from protocols.http_request import (
    FORBIDDEN,
    KEPT,
    instant,
    number,
    refuse,
    scalars,
    storable,
    unit_id,
)
from protocols.message import CellTower, Command, Fix, Message, Readings, Report, Signal
from protocols.settings import DeviceSettings

_MOST = 256

_ALARMS = {
    "custom.SOS": Signal.PANIC,
    "custom.sos": Signal.PANIC,
    "alarm.sos.event": Signal.PANIC,
    "sos.alarm": Signal.PANIC,
    "sos.event": Signal.PANIC,
    "sos.status": Signal.PANIC,
    "sos.button.status": Signal.PANIC,
    "panic.alarm": Signal.PANIC,
    "panic.button.status": Signal.PANIC,
    "fall.event": Signal.FALL,
    "fall.alarm": Signal.FALL,
    "man.down.event": Signal.FALL,
    "man.down.alarm": Signal.FALL,
    "crash.event": Signal.CRASH,
    "battery.low.alarm": Signal.LOW_BATTERY,
    "battery.low.event": Signal.LOW_BATTERY,
    "powercut.event": Signal.POWER_CUT,
    "powercut.alarm": Signal.POWER_CUT,
    "gsm.jamming.event": Signal.JAMMING,
    "gsm.jamming.alarm": Signal.JAMMING,
    "towing.event": Signal.TOW,
    "towing.alarm": Signal.TOW,
    "harsh.acceleration.event": Signal.HARSH_ACCELERATION,
    "harsh.braking.event": Signal.HARSH_BRAKING,
    "harsh.cornering.event": Signal.HARSH_CORNERING,
    "overspeeding.event": Signal.OVERSPEED,
    "shock.event": Signal.SHOCK,
    "case.opened.event": Signal.TAMPER,
    "tamper.event": Signal.TAMPER,
    "tamper.alarm": Signal.TAMPER,
}
_SOME_ALARM = "alarm.event.trigger"
"""An alarm of the device, of which only the message around it may say the kind."""


def _yes_or_no(said: object) -> bool | None:
    return said if isinstance(said, bool) else None


def _whole(said: object) -> int | None:
    value = number(said)
    return None if value is None else int(value)


def _metres(said: object) -> float | None:
    value = number(said)
    return None if value is None else value * 1000


def _name(said: object) -> str | None:
    return storable(said) if isinstance(said, str) and said else None


_READ: dict[str, tuple[str, Callable[[object], object]]] = {
    "battery.level": ("battery_pct", number),
    "battery.voltage": ("battery_v", number),
    "external.powersource.voltage": ("power_v", number),
    "position.hdop": ("hdop", number),
    "can.fuel.level": ("fuel", number),
    "fuel.level": ("fuel", number),
    "engine.ignition.status": ("ignition", _yes_or_no),
    "movement.status": ("motion", _yes_or_no),
    "battery.charging.status": ("charging", _yes_or_no),
    "engine.blocked.status": ("immobilised", _yes_or_no),
    "position.satellites": ("satellites", _whole),
    "gsm.signal.level": ("rssi", _whole),
    "step.count": ("steps", _whole),
    "can.vehicle.mileage": ("odometer_m", _metres),
    "vehicle.mileage": ("odometer_m", _metres),
    "rfid.code": ("driver_id", _name),
    "ibutton.code": ("driver_id", _name),
    "driver.id": ("driver_id", _name),
}
"""The parameters that are readings, and how each is read."""

_PLACE = frozenset(
    {
        "ident",
        "timestamp",
        "position.latitude",
        "position.longitude",
        "position.altitude",
        "position.speed",
        "position.direction",
        "position.valid",
    }
)


def decode(frame: bytes, peer: Peer, heard_at: datetime) -> Incoming:
    """What one request says. Every refusal is a Malformed that is answered with a 400.

    ``heard_at`` is not needed: flespi dates every message.
    """
    del heard_at
    request = http_request.read(frame)
    # The list is wrapped, so that its depth is checked as that of an object.
    said = http_request.json_object(b'{"messages":' + request.body + b"}")["messages"]
    listed = said if isinstance(said, list) else [said]
    told: list[dict[str, object]] = [one for one in listed if isinstance(one, dict)]
    if len(told) < len(listed) or not 0 < len(told) <= _MOST:
        refuse(f"not a list of up to {_MOST} messages")
    names = {unit_id(one.get("ident")) for one in told}
    if len(names) > 1:
        refuse("messages of several devices: stream each device in a request of its own")
    peer = peer.named(names.pop())
    messages: tuple[Message, ...] = tuple(_report(one, peer.settings) for one in told)
    return Incoming(messages=messages, ack=KEPT, refusal=FORBIDDEN, peer=peer)


def encode(command: Command, _peer: Peer) -> bytes:
    """Always raises Unsupported: flespi takes commands over its own interface."""
    raise Unsupported(
        f"a stream of flespi takes no {type(command).__name__}: "
        "send the command in the panel of flespi"
    )


def simulate(message: Message, peer: Peer) -> bytes:
    """The POST of one message. Raises Unsupported for all but a report."""
    if not isinstance(message, Report):
        raise Unsupported(f"flespi never streams a {type(message).__name__}")
    body = json.dumps([_said(message, peer.unit_id)]).encode()
    head = f"POST / HTTP/1.1\r\nHost: flespi\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def _report(said: dict[str, object], settings: DeviceSettings) -> Report:
    at = instant(said.get("timestamp"))
    other = scalars(
        (key, value) for key, value in said.items() if key not in _PLACE and key not in _READ
    )
    return Report(
        fix=None if at is None else _fix(said, at),
        at=at,
        signals=_signals(said, settings),
        readings=_readings(said),
        cells=_cells(said),
        buffered=said.get("message.buffered.status") is True,
        other=other,
        record=json.dumps(said, sort_keys=True).encode(),
    )


def _fix(said: Mapping[str, object], at: datetime) -> Fix | None:
    lat, lon = number(said.get("position.latitude")), number(said.get("position.longitude"))
    if lat is None or lon is None:
        return None
    with suppress(ValueError):
        return Fix(
            at=at,
            lat=lat,
            lon=lon,
            valid=said.get("position.valid") is not False,
            altitude_m=number(said.get("position.altitude")),
            speed_kmh=number(said.get("position.speed")),
            course_deg=number(said.get("position.direction")),
        )
    return None


def _signals(said: Mapping[str, object], settings: DeviceSettings) -> frozenset[Signal]:
    """Every alarm whose parameter is true; one that names no kind is UNSPECIFIED."""
    found: frozenset[Signal] = frozenset()
    named = False
    for key in said:
        known = key in _ALARMS or key in settings.alarms
        if known and (said[key] is True or number(said[key])):
            usual = _ALARMS.get(key)
            found |= settings.meaning(key, frozenset() if usual is None else frozenset({usual}))
            named = True
    if settings.panic_inputs:
        found |= settings.inputs(_inputs(said))
    if not (named or found) and said.get(_SOME_ALARM) is True:
        found = settings.meaning(_SOME_ALARM, frozenset({Signal.UNSPECIFIED}))
    return found


def _inputs(said: Mapping[str, object]) -> int:
    """The digital inputs, as one number or each by itself, as bits."""
    together = number(said.get("din"))
    inputs = int(together) if together is not None and 0 <= together < 1 << 32 else 0
    return inputs | sum(1 << at for at in range(32) if said.get(f"din.{at + 1}") is True)


def _readings(said: Mapping[str, object]) -> Readings:
    readings: Readings = {}
    for key in said:
        if key not in _READ:
            continue
        name, convert = _READ[key]
        if (value := convert(said[key])) is not None:
            readings[name] = value  # type: ignore[literal-required]
    return readings


def _cells(said: Mapping[str, object]) -> tuple[CellTower, ...]:
    parts = [number(said.get(f"gsm.{name}")) for name in ("mcc", "mnc", "lac", "cellid")]
    whole = [int(part) for part in parts if part is not None and 0 <= part < 1 << 32]
    if len(whole) < 4:
        return ()
    mcc, mnc, lac, cid = whole
    return (CellTower(mcc=mcc, mnc=mnc, lac=lac, cid=cid),)


def _said(report: Report, name: str) -> dict[str, object]:
    said: dict[str, object] = {"ident": name}
    at = report.at or (report.fix.at if report.fix else None)
    if at is not None:
        said["timestamp"] = at.timestamp()
    if fix := report.fix:
        said |= {"position.latitude": fix.lat, "position.longitude": fix.lon}
        said["position.valid"] = fix.valid
        for key, value in (
            ("altitude", fix.altitude_m),
            ("speed", fix.speed_kmh),
            ("direction", fix.course_deg),
        ):
            said |= {} if value is None else {f"position.{key}": value}
    keys = {signal: key for key, signal in _ALARMS.items()} | {Signal.UNSPECIFIED: _SOME_ALARM}
    spoken = {name: key for key, (name, _) in _READ.items()}
    unsayable = (report.signals - set(keys)) | (set(report.readings) - set(spoken))
    if unsayable or (Signal.UNSPECIFIED in report.signals and len(report.signals) > 1):
        wanted = ", ".join(sorted(unsayable)) or "unspecified beside a named alarm"
        raise Unsupported(f"we know no parameter of flespi for {wanted}")
    said |= {keys[signal]: True for signal in report.signals}
    said |= {spoken[key]: value for key, value in report.readings.items()}
    if (metres := report.readings.get("odometer_m")) is not None:
        said["vehicle.mileage"] = metres / 1000
    return said


CODEC = Codec(
    name="flespi",
    title="flespi streams (HTTP)",
    tells=(
        "fixes, battery, supply, ignition, motion, distance, driver, towers; "
        "SOS, fall, crash, power, jamming, tow, driving, panic inputs"
    ),
    port=5149,
    frame_size=http_request.frame_size,
    decode=decode,
    encode=encode,
    simulate=simulate,
    max_frame=http_request.MAX_FRAME,
    read_timeout_s=120.0,
    one_unit_per_connection=False,
)
