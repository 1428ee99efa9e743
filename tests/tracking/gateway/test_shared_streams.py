"""Every conversation of ../shared/vectors/streams.jsonl, over real sockets, in every cut."""

import json
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest

import protocols
from protocols.codec import Conversation
from tests.gateways import broken, count, register
from tests.lasting import HEARD_AT, Lasting
from tests.protocols.shared_rows import FOLDER, spoken_lines
from tracking.ingest.fold import anything

pytestmark = [
    pytest.mark.skipif(not FOLDER.exists(), reason="no ../shared/vectors here"),
    pytest.mark.asyncio(loop_scope="module"),
]

STREAMS = spoken_lines("streams.jsonl")

ANSWERED_AT = {
    "h02": datetime(2026, 11, 24, 9, 3, 3, tzinfo=UTC),
    "topin": datetime(2026, 11, 24, 9, 3, 6, tzinfo=UTC),
}
"""What the clock showed when the answers of the rows were written down: it is in them."""

SHORT = 8_000
"""Bytes of a conversation that are worth a segment each."""

each_stream = pytest.mark.parametrize("row", STREAMS, ids=lambda row: row["session"])


def pieces(row: dict[str, Any], cut: str) -> list[bytes]:
    """The same bytes, cut so."""
    if cut == "bytes":
        whole = b"".join(pieces(row, "steps"))
        return [whole[at : at + 1] for at in range(len(whole))]
    cuts = [step["wire_hex"] for step in row["steps"]] if cut == "steps" else row[cut]
    return [bytes.fromhex(piece) for piece in cuts]


IN_EVERY_CUT = [
    pytest.param(row, cut, id=f"{row['session']}-{cut}")
    for row in STREAMS
    for cut in ("steps", "chunks_random", "chunks_mtu", "bytes")
    if cut != "bytes" or row["total_bytes"] <= SHORT
]


def name_in(row: dict[str, Any]) -> str:
    """The unit as its frames call it: some rows leave zeros out."""
    talk = Conversation(protocols.get(row["protocol"]))
    talk.receive(b"".join(pieces(row, "steps")), HEARD_AT)
    assert talk.peer.unit_id.lstrip("0") == row["device_id"]
    return talk.peer.unit_id


def places(row: dict[str, Any]) -> int:
    """How many different positions the row names: what is sent again is the same one."""
    return len(
        {json.dumps(said) for step in row["steps"] for said in step["reports"] if said["fix"]}
    )


def presses(row: dict[str, Any]) -> Counter[str]:
    """How often each cause happened: one that is sent again with its own time is the same one."""
    timed = {
        (signal, said["at"])
        for step in row["steps"]
        for said in step["reports"]
        for signal in said["signals"]
        if said["at"] is not None
    }
    return Counter(signal for signal, _ in timed)


def timeless(row: dict[str, Any]) -> Counter[str]:
    """How often a cause was said that names no time: nobody can tell a press from its echo."""
    reports = [said for step in row["steps"] for said in step["reports"] if said["at"] is None]
    return Counter(signal for said in reports for signal in said["signals"])


async def rang(shared: Lasting, row: dict[str, Any], *, times: int = 1) -> None:
    """There is one alarm for each cause, repeated for each further press and no more."""
    found = await shared.alarms()
    assert {cause for _, cause, _ in found} == set(row["expected_signals"])
    assert len(found) == len(set(row["expected_signals"]))
    for _, cause, repeats in found:
        if cause in timeless(row):
            # What comes in one segment is heard at one instant.
            assert repeats < timeless(row)[cause] * times
        else:
            assert repeats == presses(row)[cause] - 1


def answers(row: dict[str, Any]) -> bytes:
    return bytes.fromhex("".join(reply for step in row["steps"] for reply in step["replies"]))


async def converse(shared: Lasting, row: dict[str, Any], cut: str) -> None:
    """Say it all over a connection of its own, and check what is answered."""
    wire = await shared.connect(row["protocol"])
    await wire.say(*pieces(row, cut))
    assert not wire.closed
    assert await wire.good_bye() == answers(row)


@pytest.mark.parametrize(("row", "cut"), IN_EVERY_CUT)
async def test_a_conversation_is_kept_and_answered_however_it_is_cut(
    shared: Lasting, row: dict[str, Any], cut: str
):
    await shared.empty(ANSWERED_AT.get(row["protocol"], HEARD_AT))
    unit_id = name_in(row)
    await register(shared.pool, unit_id, kind="panic_device", codec=row["protocol"])
    await converse(shared, row, cut)
    assert await count(shared.pool, "positions") == places(row)
    await rang(shared, row)
    assert await count(shared.pool, "frames", "unit_id = $1", unit_id) == len(row["steps"])
    assert await count(shared.pool, "misdated_positions") == 0
    assert await count(shared.pool, "quarantined_frames") == 0


@each_stream
async def test_a_conversation_said_again_doubles_nothing(shared: Lasting, row: dict[str, Any]):
    await shared.empty(ANSWERED_AT.get(row["protocol"], HEARD_AT))
    await register(shared.pool, name_in(row), kind="panic_device", codec=row["protocol"])
    await converse(shared, row, "steps")
    await converse(shared, row, "chunks_mtu")
    assert await count(shared.pool, "positions") == places(row)
    await rang(shared, row, times=2)
    assert await count(shared.pool, "frames") == 2 * len(row["steps"])


@pytest.mark.parametrize("row", [row for row in STREAMS if row["protocol"] == "ruptela"])
async def test_the_button_of_a_conversation_is_an_input_where_the_settings_say_so(
    shared: Lasting, row: dict[str, Any]
):
    await shared.empty()
    unit_id = name_in(row)
    await register(shared.pool, unit_id, kind="panic_device", codec="ruptela")
    await shared.set_up(unit_id, {"panic_inputs": [2]})
    await converse(shared, row, "chunks_random")
    pressed = {step["wire_hex"] for step in row["steps"] if step["role"] == "sos"}
    found = {cause: repeats for _, cause, repeats in await shared.alarms()}
    assert found == {"crash": 0, "panic": len(pressed) - 1}


@pytest.mark.parametrize("row", [row for row in STREAMS if row["protocol"] in {"h02", "t800x"}])
async def test_who_recognises_nothing_again_is_found_out(
    shared: Lasting, row: dict[str, Any], monkeypatch: pytest.MonkeyPatch
):
    await shared.empty(ANSWERED_AT.get(row["protocol"], HEARD_AT))
    for lane in (shared.gateway.intake.ordinary, shared.gateway.intake.urgent):
        monkeypatch.setattr(lane._writer, "_mark", anything)
    await register(shared.pool, name_in(row), kind="panic_device", codec=row["protocol"])
    await converse(shared, row, "steps")
    assert await count(shared.pool, "positions") == places(row) + 1
    with broken():
        await rang(shared, row)
