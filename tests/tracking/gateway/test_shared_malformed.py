"""Every row of ../shared/vectors/malformed.jsonl over real sockets, and who is served after it."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest

import protocols
from tests.devices import Device, report, until
from tests.gateways import count, register, settle
from tests.lasting import HEARD_AT, SIGN_IN_DEADLINE_S, Lasting, Wire, name_on_the_wire
from tests.protocols.shared_rows import FOLDER, exceptions, spoken_lines

pytestmark = [
    pytest.mark.skipif(not FOLDER.exists(), reason="no ../shared/vectors here"),
    pytest.mark.asyncio(loop_scope="module"),
]

MALFORMED = spoken_lines("malformed.jsonl")
OTHER = "356938035643809"
"""A healthy device on the same port."""

EXCEPTIONS = exceptions() | {
    "malformed topin-mal-10": "the alarm of the row is a shock, which is kept and rings for nobody"
}

ABOUT_FRAMES = {"unreadable", "identity_conflict"}
"""Alarms that are not what the device says."""


def rows_that_expect(key: str) -> list[dict[str, Any]]:
    return [row for row in MALFORMED if key in row["expect"]]


CUT_SHORT = [row for row in MALFORMED if row["case"] in {"truncated_half", "truncated_last_byte"}]


@dataclass(kw_only=True)
class Met:
    """What became of one row: after each of its chunks, and at the end."""

    row: dict[str, Any]
    wire: Wire
    places: list[int] = field(default_factory=list)
    """How many positions there were after each chunk."""
    unread: int = 0
    closed: bool = False
    idled_out: bool = False
    valid: int = 0
    units: set[str] = field(default_factory=set)
    alarms: list[tuple[str, str, int]] = field(default_factory=list)
    quarantined: int = 0
    speaks_as: str = ""
    told: str = ""

    @property
    def cries(self) -> set[str]:
        return {cause for _, cause, _ in self.alarms} - ABOUT_FRAMES


def _positions(met: Met, expected: object) -> bool:
    if expected == "0 or 1":
        return met.places[-1] <= 1
    if expected == "unknown device":
        return met.places[-1] == 0
    if met.row["expect"].get("quarantine"):
        return True  # the test of strangers looks at that
    return met.places[-1] == int(str(expected))


def _connection(met: Met, expected: object) -> bool:
    if "resync" in str(expected):
        return met.closed or met.idled_out or bool(met.cries)
    return met.closed or b" 400 " in met.wire.answers


EXPECTATIONS: dict[str, Callable[[Met, Any], bool]] = {
    "positions": _positions,
    "positions_before": lambda met, number: met.places[0] == number,
    "positions_from_first": lambda met, number: met.places[0] == int(number),
    "positions_from_second": lambda met, number: met.places[1] - met.places[0] == number,
    "position_valid": lambda met, valid: valid or met.valid == 0,
    "alarm_must_survive": lambda met, _: bool(met.cries),
    "alarm_recovered": lambda met, expected: expected not in (True, "should") or bool(met.cries),
    "reply": lambda met, words: any(
        word.encode() in met.wire.answers for word in words.split() if word.startswith("#")
    ),
    "status": lambda met, code: met.wire.answers.startswith(b"HTTP/1.1 %d " % code),
    "connection": _connection,
    "bounded_memory": lambda met, _: met.unread <= protocols.get(met.row["protocol"]).max_frame,
    "device": lambda met, name: met.speaks_as == name and met.units == {name},
    "identity_conflict": lambda met, _: "speaks by a second name" in met.told,
    # Shown by a gateway without an error, which serves the next device at once.
    "no_crash": lambda met, _: True,
    "no_endless_loop": lambda met, _: True,
    # Tests of their own.
    "quarantine": lambda met, _: True,
    "path_alive": lambda met, _: True,
    "note": lambda met, _: True,
}


def names_in(row: dict[str, Any]) -> set[str]:
    """Whom the row speaks of; some frames fill a name up with zeros."""
    names = {row["device_id"], row["expect"].get("device", "")} - {""}
    return names | ({name.zfill(12) for name in names} if row["protocol"] == "jt808" else set())


async def meet(shared: Lasting, row: dict[str, Any]) -> Met:
    """Say it all, over a connection of its own, and look what has become of it."""
    codec = protocols.get(row["protocol"])
    wire = await shared.connect(row["protocol"])
    met = Met(row=row, wire=wire)
    await wire.say(*map(bytes.fromhex, row["prelude_wire_hex"]))
    await shared.settled()
    before = len(await shared.positions())
    for chunk in row["chunks"]:
        if not wire.closed:
            await wire.say(bytes.fromhex(chunk))
        await shared.settled()
        met.places.append(await count(shared.pool, "positions") - before)
    if flood := row.get("repeat"):
        await wire.say(*[bytes.fromhex(flood["hex"]) * 100] * (flood["count"] // 100))
        await shared.settled()
    connected = shared.connection_of(wire)
    if connected is None or connected._closing:
        await until(lambda: wire.closed)
    else:
        met.unread = connected._talk.unread
        met.speaks_as = connected.unit_id
    met.closed = wire.closed
    met.alarms = await shared.alarms()
    found = await shared.positions()
    met.valid = sum(place["valid"] for place in found) - before
    met.units = {place["unit_id"] for place in found} | {unit for unit, _, _ in met.alarms}
    met.quarantined = await count(shared.pool, "quarantined_frames")
    if not met.closed and "resync" in str(row["expect"].get("connection")):
        shared.seconds += codec.read_timeout_s + 1
        await until(lambda: wire.closed)
        met.idled_out = True
    return met


async def somebody_else_is_served(shared: Lasting, codec: str) -> None:
    """A healthy device signs in on the same port, and is answered."""
    before = await count(shared.pool, "positions")
    device = await Device(codec, OTHER).connect(shared.gateway.ports[f"{codec}/tcp"])
    await device.sign_in()
    device.say(report(HEARD_AT - timedelta(seconds=5)))
    await device.answered()

    async def it_is_on_the_map() -> bool:
        return await count(shared.pool, "positions") == before + 1

    await until(it_is_on_the_map)


@pytest.mark.parametrize("row", MALFORMED, ids=lambda row: f"{row['session']}-{row['case']}")
async def test_what_is_malformed_is_met_as_expected_and_the_next_device_is_served(
    shared: Lasting, row: dict[str, Any], caplog: pytest.LogCaptureFixture
):
    await shared.empty()
    for name in sorted(names_in(row)):
        await register(shared.pool, name, kind="panic_device", codec=row["protocol"])
    await register(shared.pool, name_on_the_wire(row["protocol"], OTHER), codec=row["protocol"])
    with caplog.at_level(logging.WARNING, "tracking.gateway"):
        met = await meet(shared, row)
    met.told = caplog.text
    await somebody_else_is_served(shared, row["protocol"])
    assert shared.gateway.intake.figures.take_error() == ""
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []
    unmet = {
        key: value for key, value in row["expect"].items() if not EXPECTATIONS[key](met, value)
    }
    if reason := EXCEPTIONS.get(f"malformed {row['session']}"):
        assert unmet, f"no exception any more: {reason}"
    else:
        assert unmet == {}, met


@pytest.mark.parametrize("row", rows_that_expect("quarantine"), ids=lambda row: row["session"])
async def test_frames_of_nobody_we_know_wait_in_quarantine(shared: Lasting, row: dict[str, Any]):
    await shared.empty()
    await settle(shared.pool)
    stranger = await meet(shared, row)
    assert stranger.places[-1] == 0
    assert stranger.quarantined >= 1
    if row["expect"].get("positions"):
        # It names itself in every frame: once it is registered, all it says counts.
        for name in sorted(names_in(row)):
            await register(shared.pool, name, kind="panic_device", codec=row["protocol"])
        known = await meet(shared, row)
        assert known.places[-1] == row["expect"]["positions"]


@pytest.mark.parametrize("row", rows_that_expect("path_alive"), ids=lambda row: row["session"])
async def test_a_frame_that_fails_its_check_does_not_prove_the_path(
    shared: Lasting, row: dict[str, Any]
):
    await shared.empty()
    unit_id = row["device_id"]
    await register(shared.pool, unit_id, kind="panic_device", codec=row["protocol"])

    async def heard_at() -> datetime | None:
        heard: datetime | None = await shared.pool.fetchval(
            "SELECT heard_at FROM unit_sessions WHERE unit_id = $1", unit_id
        )
        return heard

    wire = await shared.connect(row["protocol"])
    await wire.say(*map(bytes.fromhex, row["prelude_wire_hex"]))
    await shared.settled()
    before, answered = await heard_at(), wire.answers
    bad, good = map(bytes.fromhex, row["chunks"])
    shared.at += timedelta(minutes=1)
    await wire.say(bad)
    await shared.settled()
    assert await heard_at() == before
    assert wire.answers == answered
    shared.at += timedelta(minutes=1)
    await wire.say(good)
    await shared.settled()
    heard = await heard_at()
    assert heard is not None
    assert heard >= shared.at


@pytest.mark.parametrize("row", CUT_SHORT, ids=lambda row: row["session"])
async def test_who_breaks_off_in_a_frame_is_hung_up_on_in_time(
    shared: Lasting, row: dict[str, Any]
):
    await shared.empty()
    wire = await shared.connect(row["protocol"])
    await wire.say(*map(bytes.fromhex, (*row["prelude_wire_hex"], *row["chunks"])))
    shared.seconds += protocols.get(row["protocol"]).read_timeout_s + SIGN_IN_DEADLINE_S + 1
    await until(lambda: wire.closed)
    assert await count(shared.pool, "positions") == 0
