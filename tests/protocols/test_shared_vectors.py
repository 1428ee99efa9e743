"""Every shared frame of a protocol we speak means to us what its row says."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

import protocols
from protocols.codec import Conversation, Heard, Peer
from protocols.errors import Unframeable, Unsupported
from protocols.message import (
    Command,
    Custom,
    Immobilise,
    Locate,
    Mobilise,
    PowerOff,
    Reboot,
    Report,
    ReportEvery,
    SetSosNumber,
    SetTimezone,
)
from protocols.settings import DeviceSettings
from tests.protocols.shared_rows import (
    FOLDER,
    HEARD_AT,
    SharedRow,
    differences,
    exceptions,
    rows_of,
    spoken_lines,
)

pytestmark = pytest.mark.skipif(not FOLDER.exists(), reason="no ../shared/vectors here")

ROWS = [row for name in protocols.names() for row in rows_of(name)]
MALFORMED = spoken_lines("malformed.jsonl")
COMMANDS = spoken_lines("commands.jsonl")
STREAMS = spoken_lines("streams.jsonl")


@pytest.mark.parametrize("row", [row for row in ROWS if row.is_a_test], ids=lambda row: row.name)
def test_a_row_means_what_it_says(row: SharedRow):
    reason = exceptions().get(row.name)
    found = differences(row)
    if reason is None:
        assert found == []
    else:
        assert found, f"{row.name} is no exception any more; strike it from its vectors"


def test_every_exception_is_a_row_and_has_its_reason():
    names = {row.name for row in ROWS} | {f"malformed {row['session']}" for row in MALFORMED}
    for name, reason in exceptions().items():
        assert name in names
        assert len(reason) > 20, f"{name} deserves a reason"


# --- malformed --------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Met:
    """How one malformed row was met: chunk by chunk, and whether we hung up."""

    row: dict[str, Any]
    talk: Conversation
    parts: list[list[Heard]]
    closed: bool

    @property
    def reports(self) -> list[Report]:
        return [report for part in self.parts for report in _reports(part)]

    @property
    def answer(self) -> bytes:
        return b"".join(map(_answered, self.parts))

    def fixes(self, *parts: int) -> int:
        """How many reports with a fix those chunks held; all chunks if none is named."""
        chosen = [self.parts[part] for part in parts] if parts else self.parts
        return sum(report.fix is not None for part in chosen for report in _reports(part))


def _positions(met: Met, expected: object) -> bool:
    if expected == "0 or 1":
        return met.fixes() <= 1
    if expected == "unknown device":
        # The odd name is refused, or kept as a name that nobody else has.
        name = met.talk.peer.unit_id
        return not met.fixes() or (name not in ("1234", met.row["device_id"]) and len(name) < 200)
    # In quarantine there are no positions, whatever the frames of that stranger say.
    stranger = met.row["expect"].get("quarantine") and met.talk.peer.unit_id != met.row["device_id"]
    # One row writes its number as text.
    return stranger or str(met.fixes()) == str(expected)


def _alarm(met: Met, expected: object) -> bool:
    return any(report.signals for report in met.reports) or expected not in (True, "should")


def _connection(met: Met, expected: object) -> bool:
    may_resynchronise = "resync" in str(expected)
    return met.closed or may_resynchronise or b" 400 " in met.answer


EXPECTATIONS: dict[str, Callable[[Met, Any], bool]] = {
    "positions": _positions,
    "positions_before": lambda met, count: met.fixes(0) == count,
    "positions_from_first": lambda met, count: met.fixes(0) == int(count),
    "positions_from_second": lambda met, count: met.fixes(1) == count,
    "position_valid": lambda met, valid: valid or met.fixes() == 0,
    "alarm_must_survive": _alarm,
    "alarm_recovered": _alarm,
    # Any of the answers that the protocol's own document names.
    "reply": lambda met, words: any(
        word.encode() in met.answer for word in words.split() if word.startswith("#")
    ),
    "status": lambda met, code: b"HTTP/1.1 %d " % code in met.answer,
    "connection": _connection,
    "device": lambda met, name: met.talk.peer.unit_id == name,
    "bounded_memory": lambda met, _: met.talk.unread <= met.talk.codec.max_frame,
    # Shown by having come this far: nothing but a protocol error was raised.
    "no_crash": lambda met, _: True,
    "no_endless_loop": lambda met, _: True,
    # The gateway's part: what becomes of units that are not registered or have two names.
    "quarantine": lambda met, _: True,
    "identity_conflict": lambda met, _: True,
    "path_alive": lambda met, _: True,
    "note": lambda met, _: True,
}


@pytest.mark.parametrize("row", MALFORMED, ids=lambda row: f"{row['session']}-{row['case']}")
def test_what_is_malformed_is_met_as_a_good_server_would(row: dict[str, Any]):
    talk = Conversation(protocols.get(row["protocol"]))
    for sent in row["prelude_wire_hex"]:
        talk.receive(bytes.fromhex(sent), HEARD_AT)
    chunks = [bytes.fromhex(chunk) for chunk in row["chunks"]]
    if flood := row.get("repeat"):
        chunks += [bytes.fromhex(flood["hex"])] * flood["count"]
    parts, closed = _hear_all(talk, chunks)
    met = Met(row=row, talk=talk, parts=parts, closed=closed)
    unmet = {
        key: value for key, value in row["expect"].items() if not EXPECTATIONS[key](met, value)
    }
    if reason := exceptions().get(f"malformed {row['session']}"):
        assert unmet, f"no exception any more: {reason}"
    else:
        assert unmet == {}, parts


def _hear_all(talk: Conversation, chunks: list[bytes]) -> tuple[list[list[Heard]], bool]:
    """What was heard of each chunk, and whether the conversation was broken off."""
    parts: list[list[Heard]] = []
    for chunk in chunks:
        try:
            parts.append(talk.receive(chunk, HEARD_AT))
        except Unframeable as lost:
            parts.append([frame for frame in lost.heard if isinstance(frame, Heard)])
            return parts, True
    return parts, False


def _reports(heard: list[Heard]) -> list[Report]:
    return [
        message
        for frame in heard
        if frame.incoming is not None
        for message in frame.incoming.messages
        if isinstance(message, Report)
    ]


def _answered(heard: list[Heard]) -> bytes:
    return b"".join(
        frame.incoming.ack if frame.incoming else frame.error.answer if frame.error else b""
        for frame in heard
    )


# --- streams ----------------------------------------------------------------------


@pytest.mark.parametrize("cut", ["steps", "chunks_random", "chunks_mtu"])
@pytest.mark.parametrize("row", STREAMS, ids=lambda row: row["session"])
def test_a_whole_conversation_is_heard_however_it_is_cut(row: dict[str, Any], cut: str):
    pieces = [step["wire_hex"] for step in row["steps"]] if cut == "steps" else row[cut]
    talk = Conversation(protocols.get(row["protocol"]))
    heard = [frame for piece in pieces for frame in talk.receive(bytes.fromhex(piece), HEARD_AT)]
    reports = _reports(heard)
    assert len(reports) == row["expected_reports"]
    # The rows name a signal as often as it was raised.
    assert {s for report in reports for s in report.signals} == set(row["expected_signals"])
    replies = "".join(reply for step in row["steps"] for reply in step.get("replies", []))
    if any(step.get("replies_volatile") for step in row["steps"]):
        assert len(_answered(heard).hex()) == len(replies)
    else:
        assert _answered(heard).hex() == replies
    assert talk.unread == 0


# --- commands ---------------------------------------------------------------------


# Minutes east of Greenwich in the winter of the rows.
ZONES = {"GMT+1": 60, "Europe/Amsterdam": 60, "GMT+8": 480}

OUR_COMMANDS: dict[str, Callable[[dict[str, Any]], Command]] = {
    "positionSingle": lambda _: Locate(),
    "positionPeriodic": lambda given: ReportEvery(seconds=given.get("frequency", 60)),
    "rebootDevice": lambda _: Reboot(),
    "powerOff": lambda _: PowerOff(),
    "sosNumber": lambda given: SetSosNumber(index=given["index"], phone=given["phone"]),
    "setTimezone": lambda given: SetTimezone(minutes=ZONES[given["timezone"]]),
    "custom": lambda given: Custom(text=given["data"]),
    "engineStop": lambda _: Immobilise(),
    "engineResume": lambda _: Mobilise(),
}
"""The rows' commands that are ours too; the rest (voice, phone book …) we do not have."""


def _command_rows() -> list[Any]:
    rows = []
    for number, row in enumerate(COMMANDS):
        # What is sent by text message never comes near a socket.
        if "Sms" in row.get("encoder", ""):
            continue
        # Attributes are settings of another server (a password, a second relay wording).
        if row["command"]["type"] in OUR_COMMANDS and not row.get("device_attributes"):
            name = f"{row['protocol']}-{row['command']['type']}-{number}"
            rows.append(pytest.param(row, id=name))
    return rows


_CLOCK = re.compile(rb"(?<=,)\d{6}(?=,)")


@pytest.mark.parametrize("row", _command_rows())
def test_a_command_becomes_the_bytes_of_the_row(row: dict[str, Any]):
    command = OUR_COMMANDS[row["command"]["type"]](row["command"]["attributes"])
    codec = protocols.get(row["protocol"])
    model = (row.get("encoder_setup") or {}).get("setModelOverride", "")
    unit_id = row.get("device_unique_id") or "123456789012345"
    # Rows that come without a login name the maker, or the envelope, in their own first bytes.
    maker = re.match(rb"\[?(\w\w)[*\0]", bytes.fromhex(row["hex"]))
    dialect = maker[1].decode() if maker and not row.get("prelude_wire_hex") else ""
    # As do those that came from a device which is told everything as text messages.
    options = {"alternative": True} if bytes.fromhex(row["hex"]).startswith(b"[begin]") else {}
    settings = DeviceSettings(model=model, options=options)
    talk = Conversation(codec, Peer(unit_id=unit_id, dialect=dialect, settings=settings))
    for sent in row.get("prelude_wire_hex") or []:
        talk.receive(bytes.fromhex(sent), HEARD_AT)
    try:
        said = talk.say(command)
        if row.get("volatile"):
            # A clock is written into it: the same but for six digits.
            assert _CLOCK.sub(b"", said) == _CLOCK.sub(b"", bytes.fromhex(row["hex"]))
        else:
            assert said.hex() == row["hex"]
    except Unsupported as why:
        pytest.fail(f"{codec.name} says: {why}")
