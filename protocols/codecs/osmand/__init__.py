"""OsmAnd, Traccar Client, GPSLogger and whatever else can fill in a web address.

::

    GET /?id=356938037790608&lat=50.84&lon=4.35&timestamp=1767225620&speed=4.6&alarm=sos
    POST /   the same as a form
    POST /   {"location": {"timestamp": "…", "coords": {"latitude": 50.84, …}}, "device_id": "…"}

Speed is in knots in a query and a form, in m/s in JSON. Every request names its unit:
nothing is carried over from the request before it, as a proxy may mix several phones
on one connection.

A code in a device's settings is an alarm word as the tables write it, in small letters without
hyphens, underscores and spaces: ``sos`` (also for ``sos=1``), ``lowbattery``, ``mydoorbell``; one
that was set is heard in ``event`` too. Times name their zone or are in UTC.

See: https://www.traccar.org/osmand/ (query and form), https://gpslogger.app/#custom (custom
addresses), transistorsoft's "location" schema (JSON of Traccar Client 9).
"""

import json
from collections.abc import Iterable, Mapping
from datetime import datetime

from protocols import http_request
from protocols.codec import Codec, Incoming, Peer
from protocols.codecs.osmand.simulation import simulate
from protocols.codecs.osmand.words import (
    KMH_PER_KNOT,
    KMH_PER_MPS,
    NAMES,
    positive,
    readings_in,
    signals_in,
    whole,
    written,
)
from protocols.errors import Unsupported
from protocols.http_request import KEPT, instant, number, refuse, scalars, unit_id
from protocols.message import (
    LIFE_SAFETY,
    CellTower,
    Command,
    Fix,
    Login,
    Message,
    Report,
    Signal,
    WifiNetwork,
)
from protocols.settings import AS_USUAL, DeviceSettings


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
        if not {NAMES.get(key.casefold()) for key in said} - {None, "id"}:
            refuse("no location")
        form += [(key, written(value)) for key, value in said.items()]
    elif body:
        form += http_request.pairs(body.decode("latin-1"))
    return _form_report(form, peer, heard_at, record=request.query.encode("latin-1") + body)


def encode(command: Command, _peer: Peer) -> bytes:
    """Always raises Unsupported: a request is answered, and that is all we can say."""
    raise Unsupported(
        f"a phone app takes no {type(command).__name__} over HTTP: "
        "call the person, or change the setting in the app"
    )


# --- query and form ---------------------------------------------------------------


def _form_report(
    form: list[tuple[str, str]], peer: Peer, heard_at: datetime, *, record: bytes
) -> Incoming:
    said: dict[str, str] = {}
    alarms: list[str] = []
    cells: list[CellTower] = []
    wifi: list[WifiNetwork] = []
    for key, value in form:
        name = NAMES.get(key.casefold(), key)
        if name == "alarm":
            alarms.append(value)
        elif name == "cell":
            cells += _cell(value)
        elif name == "wifi":
            wifi += _access_point(value)
        else:
            said[name] = value
    peer = peer.named(unit_id(said.pop("id", "")))
    if not (said or alarms or cells or wifi):
        return _incoming([Login(unit_id=peer.unit_id)], peer)
    signals = signals_in(alarms, said, peer.settings)
    lat, _, lon = said.pop("location", "").partition(",")
    named = said.pop("timestamp", "")
    at = instant(named) if named else None
    speed = positive(said.pop("speed", None), KMH_PER_KNOT)
    report = Report(
        fix=_fix(
            # An app that names no time means now; one that names an impossible time is wrong.
            at=at if named else heard_at,
            lat=said.pop("lat", lat),
            lon=said.pop("lon", lon),
            valid=said.pop("valid", "").casefold() not in ("false", "0"),
            altitude_m=number(said.pop("altitude", None)),
            speed_kmh=positive(said.pop("speed_mps", None), KMH_PER_MPS)
            if speed is None
            else speed,
            course_deg=positive(said.pop("bearing", None)),
            accuracy_m=positive(said.pop("accuracy", None)),
        ),
        at=at,
        signals=signals,
        readings=readings_in(said),
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
    query = {NAMES.get(key.casefold(), key): value for key, value in form}
    names = [said.get("device_id"), said.get("deviceId"), said.get("id"), query.get("id")]
    peer = peer.named(unit_id(next((name for name in names if name), "")))
    locations = said["location"]
    if not isinstance(locations, list):
        locations = [locations]
    # One that is no location must not cost the alarm in the next.
    reports = [
        _json_report(one, heard_at, peer.settings) for one in locations if isinstance(one, dict)
    ]
    if not reports:
        refuse("no location")
    return _incoming(reports, peer)


def _json_report(
    location: dict[str, object], heard_at: datetime, settings: DeviceSettings
) -> Report:
    coords = _object(location, "coords")
    extras = _object(location, "extras")
    battery = _object(location, "battery")
    named = location.get("timestamp")
    # "age" counts on while the app tries again.
    record = json.dumps({key: value for key, value in location.items() if key != "age"}).encode()
    at = None if named is None else instant(named)
    alarm, facts = written(location.get("alarm", "")), scalars(location.items())
    signals = signals_in([alarm], facts, settings)
    # The place of an alarm is the location; the extras are the app's standing luggage.
    # Yet what the luggage says of life and death is dropped only for its equal.
    luggage = signals_in([written(extras.get("alarm", ""))], scalars(extras.items()), settings)
    usual = signals_in([alarm], facts, AS_USUAL) if settings.alarms else signals
    if not usual:
        signals |= luggage
    elif not usual & LIFE_SAFETY:
        signals |= luggage & LIFE_SAFETY
    readings = readings_in(
        {"motion": location.get("is_moving"), "odometer": positive(location.get("odometer"))}
        | {"charge": battery.get("is_charging")}
    )
    level = positive(battery.get("level"), 100)
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
            speed_kmh=positive(coords.get("speed"), KMH_PER_MPS),
            course_deg=positive(coords.get("heading")),
            accuracy_m=positive(coords.get("accuracy")),
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


def _cell(value: str) -> list[CellTower]:
    """``mcc,mnc,lac,cid`` and perhaps the dBm. One that is not that is left out."""
    parts = [whole(part) for part in value.split(",")]
    if len(parts) not in (4, 5) or None in parts[:4]:
        return []
    mcc, mnc, lac, cid, rssi = [*parts, None][:5]
    return [CellTower(mcc=mcc, mnc=mnc, lac=lac, cid=cid, rssi=rssi)]  # type: ignore[arg-type]


def _access_point(value: str) -> list[WifiNetwork]:
    """``mac,dBm`` with hyphens or colons."""
    mac, _, rssi = value.partition(",")
    mac = mac.replace("-", ":").casefold()
    return [WifiNetwork(mac=mac, rssi=whole(rssi))] if len(mac) == 17 else []


def _object(said: Mapping[str, object], key: str) -> dict[str, object]:
    value = said.get(key)
    return value if isinstance(value, dict) else {}


def _value(text: str) -> object:
    """The number or the yes/no that a text is; else the text."""
    if text in ("true", "false"):
        return text == "true"
    value = number(text)
    return text if value is None else value


CODEC = Codec(
    name="osmand",
    title="OsmAnd, Traccar Client, GPSLogger and other phone apps (HTTP)",
    tells=(
        "fixes, battery, motion, odometer, driver, towers, Wi-Fi; every alarm word, sos=1, "
        "alarms in JSON extras"
    ),
    port=5055,
    frame_size=http_request.frame_size,
    decode=decode,
    encode=encode,
    simulate=simulate,
    max_frame=http_request.MAX_FRAME,
    read_timeout_s=120.0,
    one_unit_per_connection=False,
)
