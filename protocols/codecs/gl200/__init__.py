"""Queclink pendants and vehicle trackers: GL200, GL300, GL500, GV55 … GV600, GMT, CV and more.

See: the "@Track Air Interface Protocol" of each model. Text between commas::

    +RESP:GTFRI,060228,862894020180553,,14827,10,1,1,3.4,199,409.6,-63.17,-17.73,20170407121823,…$
    │     │     │      │ IMEI or MEID   └ what this kind of report says ─────────────────────────
    │     │     model and version of the protocol                 …,20170407081824,9607 $
    │     kind of report                                            time of sending, count
    +RESP: new, +BUFF: kept for a while, +ACK: a command was carried out

A frame ends with ``$``, on some models with a NUL. A heartbeat is answered with
``+SACK:GTHBD,…``; a report with ``+SACK:count$`` where the option ``sack`` says that the device
was told to wait for it (AT+GTSRI). The letters of a report (SOS, RTL …) are the codes of
``DeviceSettings.alarms``. Some devices speak the binary form: see ``binary``.
"""

from dataclasses import replace
from datetime import datetime

from protocols.codec import Codec, Incoming, Peer
from protocols.codecs.gl200 import binary
from protocols.codecs.gl200.fields import moment, places
from protocols.codecs.gl200.information import KINDS, information_report
from protocols.codecs.gl200.positions import placeless_report, position_reports
from protocols.codecs.gl200.simulation import simulate
from protocols.errors import Malformed, Unframeable, Unsupported
from protocols.message import (
    Command,
    CommandReply,
    Custom,
    Heartbeat,
    Immobilise,
    Locate,
    Message,
    Mobilise,
    Reboot,
)
from protocols.wire import text

_TEXT_HEADS = (b"+RESP:", b"+BUFF:", b"+ACK:")
_HEADS = (*_TEXT_HEADS, *binary.HEADS, binary.PENDANT)
_INNER = tuple(head + b"GT" for head in _TEXT_HEADS)
_FEWEST = 6
_TIME = 14


def frame_size(buffer: bytes, start: int) -> int | None:
    """Bytes in the frame at ``start``; None: the rest has yet to come.

    Raises Unframeable where no frame begins, and where another one begins before
    this one ends: the line broke, and what follows may be the alarm.
    """
    if not buffer.startswith(_TEXT_HEADS, start):
        if buffer.startswith((*binary.HEADS, binary.PENDANT), start):
            # "+ACK" alone may yet become "+ACK:".
            return binary.frame_size(buffer, start) if len(buffer) - start > 4 else None
        seen = buffer[start : start + 6]
        if any(head.startswith(seen) for head in _HEADS):
            return None
        raise Unframeable("no +RESP, +BUFF or +ACK here")
    end = buffer.find(b"$", start)
    # Where there is no $, or only that of a later frame, a NUL may be the end.
    nul = buffer.find(b"\0", start, end if end >= 0 else len(buffer))
    end = nul if nul >= 0 else end
    if end < 0:
        return None
    if any(buffer.find(head, start + 5, end) >= 0 for head in _INNER):
        raise Unframeable("another frame begins before this one ends")
    return end + 1 - start


def decode(frame: bytes, peer: Peer, heard_at: datetime) -> Incoming:  # noqa: ARG001 - see below
    """What one frame said. Raises Malformed, or Corrupt where a checksum is wrong.

    ``heard_at`` is not needed: every report names its time.
    """
    if not frame.startswith(_TEXT_HEADS):
        if not frame.startswith((*binary.HEADS, binary.PENDANT)):
            raise Malformed("no +RESP, +BUFF or +ACK here")
        return binary.decode(frame, peer)
    said = text(frame.rstrip(b"$\0"))
    fields = said.split(",")
    head, _, kind = fields[0].partition(":GT")
    if len(fields) < _FEWEST or not kind.isalnum():
        raise Malformed(f"a report wants {_FEWEST} fields and more, not {len(fields)}")
    if len(fields[1]) == 15 and fields[1].isdecimal():
        # Some firmware names no version and no device: the columns are the same behind them.
        fields[1:2] = ["", fields[1], ""]
        if len(fields[-2]) != _TIME:
            # A GL100 came to this port, not to its own: its columns are others, its alarms are not.
            return _alarm_alone(kind, fields, peer.named(fields[2]))
    if not fields[2].isalnum():
        raise Malformed("a report without a name")
    peer = peer.named(fields[2])
    if head == "+ACK":
        return _acknowledgement(kind, fields, said, peer)
    ack = f"+SACK:{fields[-1]}$".encode() if peer.settings.flag("sack", usual=False) else b""
    return Incoming(
        messages=_reports(kind, fields, peer, buffered=head == "+BUFF"), ack=ack, peer=peer
    )


def encode(command: Command, peer: Peer) -> bytes:
    """The AT command that carries ``command``. Raises Unsupported, and says why.

    The password of the device is ``settings.secret``; it is empty as usual.
    """
    password = peer.settings.secret
    match command:
        case Locate():
            words = f"AT+GTRTO={password},1,,,,,,FFFF$"
        case Reboot():
            words = f"AT+GTRTO={password},3,,,,,,FFFF$"
        case Immobilise() | Mobilise():
            on = int(isinstance(command, Immobilise))
            words = f"AT+GTOUT={password},{on},,,0,0,0,0,0,0,0,,,,,,,FFFF$"
        case Custom(text=said) if said.startswith("AT+GT") and said.isascii() and "\n" not in said:
            words = said.removesuffix("$") + "$"
        case Custom():
            raise Unsupported("a command to a Queclink is AT+GT… in plain letters, on one line")
        case _:
            raise Unsupported(
                f"{type(command).__name__} is written differently for every Queclink model: "
                "send it as Custom in the words of its manual"
            )
    return words.encode("ascii")


def _acknowledgement(kind: str, fields: list[str], said: str, peer: Peer) -> Incoming:
    if kind == "HBD":
        ack = f"+SACK:GTHBD,{fields[1]},{fields[-1]}$".encode()
        return Incoming(messages=(Heartbeat(),), ack=ack, peer=peer)
    return Incoming(messages=(CommandReply(text=said),), peer=peer)


def _alarm_alone(kind: str, fields: list[str], peer: Peer) -> Incoming:
    said = placeless_report(kind, fields, None, buffered=False, settings=peer.settings)
    if not said.signals:
        raise Malformed("the columns of a GL100: its port is the one of gl100")
    return Incoming(messages=(replace(said, cells=(), readings={}),), peer=peer)


def _reports(kind: str, fields: list[str], peer: Peer, *, buffered: bool) -> tuple[Message, ...]:
    settings = peer.settings
    if kind in KINDS:
        return (information_report(kind, fields, moment(fields[-2]), buffered=buffered),)
    if found := places(fields, doubtful=kind == "CAN"):
        return position_reports(kind, fields, found, buffered=buffered, settings=settings)
    sent_at = moment(fields[-2])
    return (placeless_report(kind, fields, sent_at, buffered=buffered, settings=settings),)


CODEC = Codec(
    name="gl200",
    title="Queclink GL and GV (@Track)",
    tells=(
        "fixes, battery, supply, ignition, motion, distance, driver, towers, Wi-Fi, CAN, sensors; "
        "SOS, no motion, crash, power, jamming, tow, zones, driving, panic inputs"
    ),
    port=5004,
    transports=("tcp", "udp"),
    frame_size=frame_size,
    decode=decode,
    encode=encode,
    simulate=simulate,
    marks=_HEADS,
    max_frame=4096,
    commands=(Locate, Reboot, Custom, Immobilise, Mobilise),
    options={"sack": "the device waits for +SACK after every report (AT+GTSRI, SACK enable)"},
)
