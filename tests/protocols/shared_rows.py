"""The frames in ../shared/vectors, what they mean, and how to tell that we mean the same.

The folder stands beside the project where there is one; tests skip without it.
"""

import json
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import protocols
from protocols.json_lines import Row, Sessions
from protocols.settings import DeviceSettings

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT.parent / "shared" / "vectors"
HEARD_AT = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedRow:
    """One line of one file. ``name`` is how exceptions are called."""

    name: str
    protocol: str
    said: dict[str, Any]

    @property
    def is_a_test(self) -> bool:
        """Field and composed rows are; what others lose is one only where it is sure."""
        return "undecoded" not in self.name or self.said.get("confidence") == "high"


@cache
def rows_of(protocol: str) -> tuple[SharedRow, ...]:
    """Every row of that protocol, file by file, in the order of the sessions."""
    found = []
    for path in sorted(FOLDER.glob(f"{protocol}.*jsonl")):
        for said in lines_of(path):
            name = f"{path.stem} {said['session']} {said['index']}"
            found.append(SharedRow(name=name, protocol=protocol, said=said))
    return tuple(found)


def lines_of(path: Path) -> list[dict[str, Any]]:
    with path.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def spoken_lines(file: str) -> list[dict[str, Any]]:
    """The rows of malformed.jsonl and its like that are of a protocol we speak."""
    path = FOLDER / file
    names = protocols.names()
    return [row for row in lines_of(path) if row["protocol"] in names] if path.exists() else []


@cache
def answers_of(protocol: str) -> dict[str, dict[str, Any]]:
    """What we say to every row, as the command line would: by row name."""
    sessions = Sessions(protocols.get(protocol))
    begun = set()
    answers = {}
    for row in rows_of(protocol):
        session = f"{row.name.split(' ', 1)[0]} {row.said['session']}"
        for sent in _wire(row.said, first=session not in begun):
            answers[row.name] = sessions.hear(
                Row(
                    wire=bytes.fromhex(sent),
                    unit_id=row.said.get("unit_id") or "",
                    session=session,
                    settings=_settings(row.said["setup"]),
                ),
                HEARD_AT,
            )
        begun.add(session)
    return answers


def differences(row: SharedRow) -> list[str]:
    """How our meaning differs from the row's: fix, signals, readings, replies."""
    answer = answers_of(row.protocol)[row.name]
    theirs = row.said["reports"]
    ours = _reports(answer["messages"], wanted=len(theirs))
    if len(ours) != len(theirs):
        return [f"{len(ours)} reports, not {len(theirs)}: {answer}"]
    found: list[str] = []
    for our, their in zip(ours, theirs, strict=True):
        found += _report_differences(our, their, timeless=bool(row.said.get("volatile")))
    if not row.said.get("replies_volatile"):
        replies = "".join(row.said["replies"])
        optional = "".join(row.said.get("replies_ack", row.said["replies"]))
        if answer["ack"] not in (replies, optional):
            found.append(f"ack {answer['ack']}, not {replies}")
    return found


@cache
def exceptions() -> dict[str, str]:
    """The rows that we read otherwise, each with its reason; every codec's vectors list its own."""
    found: dict[str, str] = {}
    for protocol in protocols.names():
        vectors = (ROOT / "tests" / "vectors" / f"{protocol}.toml").read_text(encoding="utf-8")
        found |= tomllib.loads(vectors).get("exceptions", {})
    return found


def _wire(said: dict[str, Any], *, first: bool) -> Iterator[str]:
    if first:
        yield from said.get("prelude_wire_hex") or []
    yield said["wire_hex"] or said["hex"]


def _settings(setup: dict[str, Any]) -> DeviceSettings:
    """How the rows write what was set up on the device, in our words."""
    options = {_OPTIONS[key]: value for key, value in setup.items() if key in _OPTIONS}
    columns = next((setup[key] for key in _COLUMNS if key in setup), "")
    return DeviceSettings(model=setup.get("setModelOverride", ""), columns=columns, options=options)


_COLUMNS = ("setForm", "setFormat0")
_OPTIONS = {
    "setLongDate": "long_date",
    "setCustom": "custom",
    "setCompressed": "compressed",
    "setHbm": "hbm",
    "setProtocolType": "protocol_type",
    "setIncludeAdc": "include_adc",
    "setIncludeTemp": "include_temp",
    "setIncludeRpm": "include_rpm",
    "setExtended": "extended",
}


def _reports(messages: list[dict[str, Any]], *, wanted: int) -> list[dict[str, Any]]:
    """The reports; the rows count the answer to a command as one where there is no other."""
    replies = wanted - sum(said["type"] == "Report" for said in messages)
    found = []
    for said in messages:
        if said["type"] == "CommandReply":
            replies -= 1
        if said["type"] == "Report" or (said["type"] == "CommandReply" and replies >= 0):
            found.append(said)
    return found


def _report_differences(our: dict[str, Any], their: dict[str, Any], *, timeless: bool) -> list[str]:
    found = []
    if sorted(our["signals"]) != sorted(their["signals"]):
        found.append(f"signals {our['signals']}, not {their['signals']}")
    for key, value in their["readings"].items():
        if not _close(our["readings"].get(key), value, 1e-6):
            found.append(f"{key} {our['readings'].get(key)!r}, not {value!r}")
    if (our["fix"] is None) != (their["fix"] is None):
        found.append(f"fix {our['fix']}, not {their['fix']}")
    elif our["fix"] is not None:
        found += _fix_differences(our["fix"], their["fix"], timeless=timeless)
    return found


def _fix_differences(our: dict[str, Any], their: dict[str, Any], *, timeless: bool) -> list[str]:
    found = []
    if not timeless and abs(instant(our["at"]) - instant(their["at"])).total_seconds() > 1:
        found.append(f"at {our['at']}, not {their['at']}")
    if our["valid"] != their["valid"]:
        found.append(f"valid {our['valid']}, not {their['valid']}")
    # The rows write 0 for a speed that the frame does not name; we write null.
    for key, tolerance in (("lat", 1e-6), ("lon", 1e-6), ("speed_kmh", 0.1)):
        if not _close(our[key] or 0.0, their[key] or 0.0, tolerance):
            found.append(f"{key} {our[key]}, not {their[key]}")
    return found


def _close(ours: object, theirs: object, tolerance: float) -> bool:
    numbers = (int, float)
    if isinstance(ours, numbers) and isinstance(theirs, numbers):
        return abs(ours - theirs) <= tolerance
    return ours == theirs


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)
