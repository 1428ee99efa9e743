"""Suntech: vehicle trackers and pocket devices from the SA200 to the ST4000 series.

See: Suntech "Operation Manual" of the ST300/ST340 and ST310U series (reports, normal and zip),
and Suntech "Universal Reporting Guide" (devices with the universal header).

Three families of report, told apart by their first bytes::

    ST300EMG;202341762;45;712;20260101;00:00:00;080fd;+51.571915;+004.768323;…;1 CR    legacy.py
    ALT;0803099780;3FFFFF;95;1.0.11;1;20260417;10:20:30;…;42;2; CR                  universal.py
    81 | length 2 | unit 5 | mask 3 | the same in numbers                            universal.py
    02 | length 2 | 10…16 | unit 5 | the ST300's report in numbers | 03               zip_form.py

Reports are not answered. Codes in a device's settings are written ``EMG 1`` (emergencies),
``ALT 42`` (alerts), ``EVT 3`` (events) and ``EMG 910``, ``ALT 910`` (the ST910, which names
no code). Inputs 1 to 3 (4 on some models) can be panic buttons.
"""

from datetime import datetime

from protocols.codec import Codec, Incoming, Peer
from protocols.codecs.suntech import codes, legacy, universal, zip_form
from protocols.codecs.suntech.commands import UNIVERSAL, encode, simulate
from protocols.codecs.suntech.frame import MAX_FRAME, ZIP, frame_size
from protocols.errors import Malformed
from protocols.message import (
    CommandReply,
    Custom,
    Fix,
    Heartbeat,
    Immobilise,
    Locate,
    Message,
    Mobilise,
    Reboot,
    Report,
    Unknown,
)
from protocols.wire import text

_LONGEST_NAME = 20


def decode(frame: bytes, peer: Peer, heard_at: datetime) -> Incoming:
    """What one report says. Raises Malformed if it is none.

    ``heard_at`` is not needed: reports are dated, and nothing is answered.
    """
    del heard_at
    if frame[0] == ZIP or frame[0] & 0x80:
        return _numbers(frame, peer)
    line = frame.strip(b"\r\n")
    fields = text(line).split(";")
    if len(fields) < 2:
        return _stray(fields[0])
    head = fields[0]
    speaks = 2 if head == "ST910" or head.endswith("CMD") else 1
    name = fields[speaks] if len(fields) > speaks else ""
    if not (name.isascii() and name.isalnum() and len(name) <= _LONGEST_NAME):
        raise Malformed("a report of nobody")
    if head == "ST910":
        return _pocket(fields, line, peer)
    if head[2:3].isdecimal():
        return _legacy(head[:-3], head[-3:], fields, line, peer)
    return _universal(head, fields, line, peer)


def _numbers(frame: bytes, peer: Peer) -> Incoming:
    """The forms that are no text."""
    if frame[0] == ZIP:
        unit_id, said = zip_form.report(frame, peer.settings)
        return Incoming(messages=(said,), peer=peer.named(unit_id, peer.dialect or "ST300"))
    if frame[0] not in universal.BINARY_KINDS:
        return Incoming(messages=(Unknown(kind=f"{frame[0]:02x}"),))
    unit_id, said = universal.zipped(frame, peer.settings)
    return Incoming(messages=(said,), peer=peer.named(unit_id, UNIVERSAL))


def _stray(words: str) -> Incoming:
    """``-Error`` and the like: a device that did not understand us."""
    if not words:
        raise Malformed("an empty line")
    return Incoming(messages=(Unknown(kind=words[:20]),))


def _pocket(fields: list[str], line: bytes, peer: Peer) -> Incoming:
    said = legacy.short_report(fields, _record(line, fields[2]), peer.settings)
    return Incoming(messages=(said,), peer=peer.named(fields[2], "ST910"))


def _universal(kind: str, fields: list[str], line: bytes, peer: Peer) -> Incoming:
    speaker = peer.named(fields[1], UNIVERSAL)
    said: Message
    if kind == "ALV":
        said = Heartbeat()
    elif kind == "RES":
        said = CommandReply(text=";".join(fields[2:]))
    elif kind == "BLE":
        said = _beacon(fields, line, peer)
    elif kind in universal.KINDS:
        said = universal.report(kind, fields, _record(line, fields[1]), speaker.settings)
    else:
        return Incoming(messages=(Unknown(kind=kind[:20]),))
    return Incoming(messages=(said,), peer=speaker)


def _legacy(series: str, kind: str, fields: list[str], line: bytes, peer: Peer) -> Incoming:
    said: Message
    if kind == "CMD":
        speaker = peer.named(fields[2], series)
        return Incoming(messages=(CommandReply(text=";".join(fields[3:])),), peer=speaker)
    speaker = peer.named(fields[1], series)
    if kind == "ALV":
        said = Heartbeat()
    elif kind not in universal.KINDS:
        return Incoming(messages=(Unknown(kind=kind[:20]),), peer=speaker)
    elif series == "ST410":
        said = legacy.cells_first(kind, fields, _record(line, fields[1]), speaker.settings)
    else:
        said = legacy.report(kind, fields, _record(line, fields[1]), speaker.settings)
    return Incoming(messages=(said,), peer=speaker)


def _record(line: bytes, unit_id: str) -> bytes:
    """The line without the unit, which is known, and which it is not about."""
    return line.replace(unit_id.encode(), b"", 1)


def _beacon(fields: list[str], line: bytes, peer: Peer) -> Report:
    """``BLE;unit;model;version;date;time;lat;lon;count;{level;lowest;highest;tag;samples;…}``."""
    if len(fields) < 9:
        raise Malformed(f"a beacon report has more than {len(fields)} fields")
    at = codes.moment(fields[4], fields[5], peer.settings)
    fix: Fix | None = codes.fix_of(at, (fields[6], fields[7], "", ""), valid=True)
    tags: list[dict[str, object]] = [
        {"level_dbm": codes.whole(fields[place]), "tag": fields[place + 3]}
        for place in range(9, len(fields) - 3, 7)
    ]
    return Report(
        at=at,
        fix=fix,
        other={"kind": "BLE", "firmware": fields[3], "tags": tags},
        record=_record(line, fields[1]),
    )


CODEC = Codec(
    name="suntech",
    title="Suntech SA200, ST300, ST600, ST910, ST4000",
    tells=(
        "fixes, power, backup battery, ignition, mileage, satellites, driver, probes, towers; "
        "emergency and alert codes (SOS, power cut, jamming, crash), panic inputs; zipped forms"
    ),
    port=5011,
    frame_size=frame_size,
    decode=decode,
    encode=encode,
    simulate=simulate,
    marks=(
        b"ST3",
        b"ST4",
        b"ST5",
        b"ST6",
        b"ST9",
        b"SA2",
        *(kind.encode() + b";" for kind in (*sorted(universal.KINDS), "ALV", "BLE", "RES")),
        b"\x81\x00",
        b"\x82\x00",
    ),
    max_frame=MAX_FRAME,
    commands=(Locate, Reboot, Custom, Immobilise, Mobilise),
    options={
        "hbm": "legacy reports end in hour meter, backup volts and live; unset: as the fields look",
        "protocol_type": "1: the ST910 names a cell and metres, 0: neither; unset: as it looks",
        "include_adc": "analogue inputs follow the backup volts (as usual)",
        "include_rpm": "the engine's turns stand before the driver (as usual)",
        "include_temp": "temperature probes end the report (as usual)",
    },
)
