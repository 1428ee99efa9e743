"""OsmAnd, Traccar Client, GPSLogger and whatever else can fill in a web address.

::

    GET /?id=356938037790608&lat=50.84&lon=4.35&timestamp=1767225620&speed=4.6&alarm=sos
    POST /   the same as a form
    POST /   {"location": {"timestamp": "…", "coords": {"latitude": 50.84, …}}, "device_id": "…"}

Speed is in knots in a query and a form, in m/s in JSON. Every request names its unit:
nothing is carried over from the request before it, as a proxy may mix several phones
on one connection.

See: https://www.traccar.org/osmand/ (query and form), https://gpslogger.app/#custom (custom
addresses), transistorsoft's "location" schema (JSON of Traccar Client 9).
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from urllib.parse import quote

from protocols import http_request
from protocols.codec import Codec, Incoming, Peer
from protocols.errors import Unsupported
from protocols.http_request import KEPT, instant, number, refuse, scalars, storable, unit_id
from protocols.message import (
    LIFE_SAFETY,
    CellTower,
    Command,
    Fix,
    Login,
    Message,
    Readings,
    Report,
    Signal,
    WifiNetwork,
)

KMH_PER_KNOT = 1.852
KMH_PER_MPS = 3.6


def decode(frame: bytes, peer: Peer, heard_at: datetime) -> Incoming:
    """What one request says. Every refusal is a Malformed that is answered with a 400."""
    request = http_request.read(frame)
    form = http_request.pairs(request.query)
    body = request.body.lstrip()
    if body.startswith((b"{", b"[")):
        said = http_request.json_object(body)
        if "location" in said and not isinstance(said["location"], str):
            return _json_reports(said, form, peer, heard_at)
        # A GPSLogger template may be flat JSON with the names of the query.
        if not {_NAMES.get(key.casefold()) for key in said} - {None, "id"}:
            refuse("no location")
        form += [(key, _written(value)) for key, value in said.items()]
    elif body:
        form += http_request.pairs(body.decode("latin-1"))
    return _form_report(form, peer, heard_at, record=request.query.encode("latin-1") + body)


def encode(command: Command, _peer: Peer) -> bytes:
    """Always raises Unsupported: a request is answered, and that is all we can say."""
    raise Unsupported(
        f"a phone app takes no {type(command).__name__} over HTTP: "
        "call the person, or change the setting in the app"
    )


def simulate(message: Message, peer: Peer) -> bytes:
    """The GET that Traccar Client sends. Raises Unsupported for a heartbeat: there is none."""
    match message:
        case Login(unit_id=name):
            form = [("id", name)]
        case Report():
            form = [("id", peer.unit_id), *_simulated(message)]
        case _:
            raise Unsupported(f"a phone app never sends a {type(message).__name__}")
    query = "&".join(f"{key}={quote(value, safe=',:')}" for key, value in form)
    return f"GET /?{query} HTTP/1.1\r\nHost: tracker\r\n\r\n".encode("ascii")


# --- query and form ---------------------------------------------------------------


def _form_report(
    form: list[tuple[str, str]], peer: Peer, heard_at: datetime, *, record: bytes
) -> Incoming:
    said: dict[str, str] = {}
    alarms: list[str] = []
    cells: list[CellTower] = []
    wifi: list[WifiNetwork] = []
    for key, value in form:
        name = _NAMES.get(key.casefold(), key)
        if name == "alarm":
            alarms.append(value)
        elif name == "cell":
            cells += _cell(value)
        elif name == "wifi":
            wifi += _access_point(value)
        else:
            said[name] = value
    peer = replace(peer, unit_id=unit_id(said.pop("id", "")))
    if not (said or alarms or cells or wifi):
        return _incoming([Login(unit_id=peer.unit_id)], peer)
    signals = _signals(alarms, said)
    lat, _, lon = said.pop("location", "").partition(",")
    named = said.pop("timestamp", "")
    at = instant(named) if named else None
    speed = _positive(said.pop("speed", None), KMH_PER_KNOT)
    report = Report(
        fix=_fix(
            # An app that names no time means now; one that names an impossible time is wrong.
            at=at if named else heard_at,
            lat=said.pop("lat", lat),
            lon=said.pop("lon", lon),
            valid=said.pop("valid", "").casefold() not in ("false", "0"),
            altitude_m=number(said.pop("altitude", None)),
            speed_kmh=_positive(said.pop("speed_mps", None), KMH_PER_MPS)
            if speed is None
            else speed,
            course_deg=_positive(said.pop("bearing", None)),
            accuracy_m=_positive(said.pop("accuracy", None)),
        ),
        at=at,
        signals=signals,
        readings=_readings(said),
        cells=tuple(cells),
        wifi=tuple(wifi),
        other=scalars(
            [*((key, _value(text)) for key, text in said.items())]
            + ([("alarm", ",".join(alarms))] if Signal.UNSPECIFIED in signals else [])
        ),
        record=record if named else _heard(record, heard_at),
    )
    return _incoming([report], peer)


# --- JSON -------------------------------------------------------------------------


def _json_reports(
    said: Mapping[str, object], form: Iterable[tuple[str, str]], peer: Peer, heard_at: datetime
) -> Incoming:
    """One location, or the list of them that the app sends after a while without network."""
    query = {_NAMES.get(key.casefold(), key): value for key, value in form}
    names = [said.get("device_id"), said.get("deviceId"), said.get("id"), query.get("id")]
    peer = replace(peer, unit_id=unit_id(next((name for name in names if name), "")))
    locations = said["location"]
    if not isinstance(locations, list):
        locations = [locations]
    reports = [_json_report(location, heard_at) for location in locations]
    if not reports:
        refuse("no location")
    return _incoming(reports, peer)


def _json_report(location: object, heard_at: datetime) -> Report:
    if not isinstance(location, dict):
        refuse("a location that is not an object")
    coords = _object(location, "coords")
    extras = _object(location, "extras")
    battery = _object(location, "battery")
    named = location.get("timestamp")
    # "age" counts on while the app tries again.
    record = json.dumps({key: value for key, value in location.items() if key != "age"}).encode()
    at = None if named is None else instant(named)
    signals = _signals([_written(location.get("alarm", ""))], scalars(location.items()))
    # The place of an alarm is the location; the extras are the app's standing luggage.
    # Yet what the luggage says of life and death is dropped only for its equal.
    luggage = _signals([_written(extras.get("alarm", ""))], scalars(extras.items()))
    if not signals:
        signals = luggage
    elif not signals & LIFE_SAFETY:
        signals |= luggage & LIFE_SAFETY
    readings = _readings(
        {"motion": location.get("is_moving"), "odometer": _positive(location.get("odometer"))}
        | {"charge": battery.get("is_charging")}
    )
    level = _positive(battery.get("level"), 100)
    if level is not None:
        readings["battery_pct"] = round(level, 1)
    other = scalars(
        [(key, location[key]) for key in ("event", "mock", "alarm") if key in location]
        + [("activity", _object(location, "activity").get("type"))]
        + list(extras.items())
    )
    return Report(
        fix=_fix(
            at=heard_at if named is None else at,
            lat=coords.get("latitude"),
            lon=coords.get("longitude"),
            valid=True,
            altitude_m=number(coords.get("altitude")),
            speed_kmh=_positive(coords.get("speed"), KMH_PER_MPS),
            course_deg=_positive(coords.get("heading")),
            accuracy_m=_positive(coords.get("accuracy")),
        ),
        at=at,
        signals=signals,
        readings=readings,
        other=other,
        record=record if named is not None else _heard(record, heard_at),
    )


# --- both -------------------------------------------------------------------------


def _incoming(messages: Iterable[Message], peer: Peer) -> Incoming:
    return Incoming(messages=tuple(messages), ack=KEPT, refusal=http_request.FORBIDDEN, peer=peer)


def _fix(
    *,
    at: datetime | None,
    lat: object,
    lon: object,
    valid: bool,
    altitude_m: float | None,
    speed_kmh: float | None,
    course_deg: float | None,
    accuracy_m: float | None,
) -> Fix | None:
    """A fix, or None for a place that is not on Earth or a time that cannot be."""
    north, east = number(lat), number(lon)
    if at is None or north is None or east is None:
        return None
    if not (-90 <= north <= 90 and -180 <= east <= 180):
        return None
    return Fix(
        at=at,
        lat=north,
        lon=east,
        valid=valid,
        altitude_m=altitude_m,
        speed_kmh=speed_kmh,
        course_deg=course_deg,
        accuracy_m=accuracy_m,
    )


def _heard(record: bytes, heard_at: datetime) -> bytes:
    """A record without a time of its own: a phone that lies still is not repeating itself."""
    return b"%b %b" % (heard_at.isoformat().encode(), record)


def _signals(alarms: Iterable[str], said: Mapping[str, object]) -> frozenset[Signal]:
    """Every alarm named, in any case, with commas or one by one: none hides another.

    Apps that know no ``alarm`` say ``sos=1`` or ``event=sos``; only life and
    death is taken from there, as other events carry other apps' words.
    """
    found = set()
    for word in ",".join(alarms).split(","):
        name = _bare(word)
        if name not in _NO_ALARM:
            found.add(_ALARMS.get(name, Signal.UNSPECIFIED))
    for key in _SHOUTS:
        if key in said and _bare(_written(said[key])) not in _NO_ALARM:
            found.add(Signal.PANIC)
    event = _ALARMS.get(_bare(_written(said.get("event", ""))))
    if event in LIFE_SAFETY:
        found.add(event)
    return frozenset(found)


def _readings(said: dict[str, object] | dict[str, str]) -> Readings:
    """The readings among ``said``, which loses them."""
    readings = Readings()
    for key in [key for key in said if key in _READINGS]:
        name, convert = _READINGS[key]
        value = convert(said[key])
        if value is not None:
            del said[key]
            readings[name] = value  # type: ignore[literal-required]
    return readings


def _positive(said: object, factor: float = 1.0) -> float | None:
    """A number in our unit. Apps write -1 for: not known."""
    value = number(said)
    return None if value is None or value < 0 else value * factor


def _percent(said: object) -> float | None:
    return _positive(said.rstrip("%") if isinstance(said, str) else said)


def _whole(said: object) -> int | None:
    value = number(said)
    return None if value is None else int(value)


def _yes_or_no(said: object) -> bool | None:
    if isinstance(said, bool):
        return said
    return {"true": True, "1": True, "false": False, "0": False}.get(str(said).casefold())


def _text(said: object) -> str | None:
    return storable(str(said)) or None


def _cell(value: str) -> list[CellTower]:
    """``mcc,mnc,lac,cid`` and perhaps the dBm. One that is not that is left out."""
    parts = [_whole(part) for part in value.split(",")]
    if len(parts) not in (4, 5) or None in parts[:4]:
        return []
    mcc, mnc, lac, cid, rssi = [*parts, None][:5]
    return [CellTower(mcc=mcc, mnc=mnc, lac=lac, cid=cid, rssi=rssi)]  # type: ignore[arg-type]


def _access_point(value: str) -> list[WifiNetwork]:
    """``mac,dBm`` with hyphens or colons."""
    mac, _, rssi = value.partition(",")
    mac = mac.replace("-", ":").casefold()
    return [WifiNetwork(mac=mac, rssi=_whole(rssi))] if len(mac) == 17 else []


def _object(said: Mapping[str, object], key: str) -> dict[str, object]:
    value = said.get(key)
    return value if isinstance(value, dict) else {}


def _bare(word: str) -> str:
    """``low_battery``, ``Low-Battery`` and ``lowBattery`` are one word."""
    return word.strip().replace("_", "").replace("-", "").replace(" ", "").casefold()


def _written(value: object) -> str:
    """A JSON value as the query would have it."""
    if isinstance(value, list):
        return ",".join(map(_written, value))
    return value if isinstance(value, str) else json.dumps(value)


def _value(text: str) -> object:
    """The number or the yes/no that a text is; else the text."""
    if text in ("true", "false"):
        return text == "true"
    value = number(text)
    return text if value is None else value


def _simulated(report: Report) -> list[tuple[str, str]]:
    form: list[tuple[str, str]] = []
    if fix := report.fix:
        form += [("lat", f"{fix.lat:.7f}"), ("lon", f"{fix.lon:.7f}")]
        form += [("timestamp", fix.at.isoformat().replace("+00:00", "Z"))]
        form += [] if fix.valid else [("valid", "false")]
        for key, value, factor in (
            ("altitude", fix.altitude_m, 1.0),
            ("speed", fix.speed_kmh, KMH_PER_KNOT),
            ("bearing", fix.course_deg, 1.0),
            ("accuracy", fix.accuracy_m, 1.0),
        ):
            form += [] if value is None else [(key, f"{value / factor:.4f}")]
    elif report.at is not None:
        form += [("timestamp", report.at.isoformat().replace("+00:00", "Z"))]
    words = [_WORDS[signal] for signal in sorted(report.signals) if signal in _WORDS]
    if len(words) < len(report.signals):
        raise Unsupported(f"no alarm word for one of {', '.join(sorted(report.signals))}")
    form += [("alarm", ",".join(words))] if words else []
    form += [(_SPOKEN[name], _written(said)) for name, said in report.readings.items()]
    for cell in report.cells:
        parts = [cell.mcc, cell.mnc, cell.lac, cell.cid, cell.rssi]
        form.append(("cell", ",".join(str(part) for part in parts if part is not None)))
    for network in report.wifi:
        rssi = "" if network.rssi is None else f",{network.rssi}"
        form.append(("wifi", network.mac.replace(":", "-") + rssi))
    return form


_NO_ALARM = frozenset({"", "0", "false", "no", "none", "null", "off", "0.0"})
_SHOUTS = ("sos", "panic")

_ALARMS = {
    "sos": Signal.PANIC,
    "panic": Signal.PANIC,
    "falldown": Signal.FALL,
    "fall": Signal.FALL,
    "mandown": Signal.FALL,
    "nomotion": Signal.NO_MOTION,
    "accident": Signal.CRASH,
    "crash": Signal.CRASH,
    "powercut": Signal.POWER_CUT,
    "powerrestored": Signal.POWER_RESTORED,
    "poweroff": Signal.POWERED_OFF,
    "poweron": Signal.POWERED_ON,
    "lowbattery": Signal.LOW_BATTERY,
    "lowpower": Signal.LOW_POWER,
    "tampering": Signal.TAMPER,
    "tamper": Signal.TAMPER,
    "removing": Signal.REMOVED,
    "removed": Signal.REMOVED,
    "jamming": Signal.JAMMING,
    "gpsantennacut": Signal.ANTENNA_CUT,
    "antennacut": Signal.ANTENNA_CUT,
    "vibration": Signal.SHOCK,
    "shock": Signal.SHOCK,
    "movement": Signal.MOVEMENT,
    "tow": Signal.TOW,
    "door": Signal.DOOR_OPENED,
    "bonnet": Signal.BONNET,
    "overspeed": Signal.OVERSPEED,
    "lowspeed": Signal.LOWSPEED,
    "geofence": Signal.ZONE_ALERT,
    "geofenceenter": Signal.ZONE_ENTERED,
    "geofenceexit": Signal.ZONE_LEFT,
    "hardbraking": Signal.HARSH_BRAKING,
    "hardacceleration": Signal.HARSH_ACCELERATION,
    "hardcornering": Signal.HARSH_CORNERING,
    "fatiguedriving": Signal.FATIGUE_DRIVING,
    "footbrake": Signal.FOOT_BRAKE,
    "idle": Signal.IDLE,
    "parking": Signal.PARKING,
    "temperature": Signal.TEMPERATURE,
    "fuelleak": Signal.FUEL_LEAK,
    "fault": Signal.FAULT,
    "general": Signal.UNSPECIFIED,
}
"""Alarm words without capitals, hyphens and underscores. Any other word is UNSPECIFIED."""

_WORDS = {signal: word for word, signal in reversed(_ALARMS.items())}

_NAMES = {
    "id": "id",
    "deviceid": "id",
    "device_id": "id",
    "alarm": "alarm",
    "cell": "cell",
    "wifi": "wifi",
    "lat": "lat",
    "latitude": "lat",
    "lon": "lon",
    "lng": "lon",
    "long": "lon",
    "longitude": "lon",
    "location": "location",
    "timestamp": "timestamp",
    "time": "timestamp",
    "valid": "valid",
    "altitude": "altitude",
    "alt": "altitude",
    "speed": "speed",
    "spd": "speed_mps",
    "s": "speed_mps",
    "bearing": "bearing",
    "heading": "bearing",
    "course": "bearing",
    "dir": "bearing",
    "accuracy": "accuracy",
    "acc": "accuracy",
    "hacc": "accuracy",
    "event": "event",
    "sos": "sos",
    "panic": "panic",
    "batt": "batt",
    "batterylevel": "batt",
    "battery": "battery",
    "charge": "charge",
    "charging": "charge",
    "ischarging": "charge",
    "hdop": "hdop",
    "sat": "sat",
    "sats": "sat",
    "driveruniqueid": "driverUniqueId",
    "ignition": "ignition",
    "odometer": "odometer",
    "motion": "motion",
    "power": "power",
    "rssi": "rssi",
    "steps": "steps",
    "fuel": "fuel",
}
"""What apps call a thing, in small letters, and what we call it here."""

_READINGS = {
    "batt": ("battery_pct", _percent),
    "battery": ("battery_v", number),
    "power": ("power_v", number),
    "charge": ("charging", _yes_or_no),
    "hdop": ("hdop", number),
    "sat": ("satellites", _whole),
    "driverUniqueId": ("driver_id", _text),
    "ignition": ("ignition", _yes_or_no),
    "motion": ("motion", _yes_or_no),
    "odometer": ("odometer_m", number),
    "rssi": ("rssi", _whole),
    "steps": ("steps", _whole),
    "fuel": ("fuel", number),
}

_SPOKEN = {name: key for key, (name, _) in _READINGS.items()} | {"immobilised": "blocked"}

CODEC = Codec(
    name="osmand",
    title="OsmAnd, Traccar Client, GPSLogger and other phone apps (HTTP)",
    port=5055,
    frame_size=http_request.frame_size,
    decode=decode,
    encode=encode,
    simulate=simulate,
    max_frame=http_request.MAX_FRAME,
    read_timeout_s=120.0,
)
