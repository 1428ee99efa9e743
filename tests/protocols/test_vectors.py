"""Every vector means what it says, however it is cut; and nothing else breaks a codec."""

import tomllib
from contextlib import suppress
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import protocols
from protocols import message
from protocols.codec import Conversation, Heard, Peer
from protocols.errors import ProtocolError, Unframeable, Unsupported
from tests.protocols.vector_files import FOLDER, HEARD_AT, Vector, acks, meanings, vectors

UPLINKS = vectors("uplink")
DOWNLINKS = vectors("downlink")
EVERY_CODEC = protocols.names()

each_uplink = pytest.mark.parametrize("vector", UPLINKS, ids=str)
each_codec = pytest.mark.parametrize("name", EVERY_CODEC)


@each_uplink
def test_a_frame_means_what_its_vector_says(vector: Vector):
    heard = vector.conversation().receive(vector.wire, HEARD_AT)
    said = meanings(heard)
    expected = vector.said.get("messages", [])
    assert [one["type"] for one in said] == [one["type"] for one in expected]
    for ours, theirs in zip(said, expected, strict=True):
        _assert_means(ours, theirs)
    assert acks(heard).hex() == vector.ack.hex()


@each_uplink
def test_a_frame_may_come_one_byte_at_a_time(vector: Vector):
    talk = vector.conversation()
    heard = [
        one
        for at in range(len(vector.wire))
        for one in talk.receive(vector.wire[at : at + 1], HEARD_AT)
    ]
    assert heard == vector.conversation().receive(vector.wire, HEARD_AT)
    assert talk.unread == 0


@each_uplink
def test_a_frame_may_be_split_at_any_byte(vector: Vector):
    whole = vector.conversation().receive(vector.wire, HEARD_AT)
    for cut in range(1, len(vector.wire)):
        talk = vector.conversation()
        first = talk.receive(vector.wire[:cut], HEARD_AT)
        if len(whole) == 1:
            assert first == [], f"{cut} of {len(vector.wire)} bytes said something already"
        assert first + talk.receive(vector.wire[cut:], HEARD_AT) == whole


@each_uplink
def test_two_frames_in_one_segment_are_two(vector: Vector):
    apart = vector.conversation()
    expected = [*apart.receive(vector.wire, HEARD_AT), *apart.receive(vector.wire, HEARD_AT)]
    assert vector.conversation().receive(vector.wire * 2, HEARD_AT) == expected


@pytest.mark.parametrize("vector", DOWNLINKS, ids=str)
def test_a_command_becomes_the_bytes_of_its_vector(vector: Vector):
    command = getattr(message, vector.said["command"])(**vector.said.get("arguments", {}))
    assert vector.conversation().say(command).hex() == vector.wire.hex()


@each_codec
def test_every_codec_has_vectors_with_their_source(name: str):
    rows = tomllib.loads((FOLDER / f"{name}.toml").read_text(encoding="utf-8"))
    assert len(rows["uplink"]) >= 5
    kinds = [kind for kind in ("uplink", "downlink") if kind in rows]
    assert all(row["source"] for kind in kinds for row in rows[kind])
    names = [(kind, row["name"]) for kind in kinds for row in rows[kind]]
    assert len(names) == len(set(names))


@each_codec
def test_every_codec_is_called_after_its_file_and_has_a_port_of_its_own(name: str):
    codec = protocols.get(name)
    assert codec.name == name
    assert codec.title
    others = {protocols.get(other).port for other in EVERY_CODEC if other != name}
    assert 1024 < codec.port < 65536
    assert codec.port not in others


def test_every_vector_file_is_of_a_codec():
    assert {path.stem for path in FOLDER.glob("*.toml")} <= set(EVERY_CODEC)


@each_codec
def test_a_codec_says_only_what_it_lists_and_refuses_the_rest_in_words(name: str):
    codec = protocols.get(name)
    peer = Peer(unit_id="868334043650666")
    for command in (
        message.Locate(),
        message.ReportEvery(seconds=60),
        message.Reboot(),
        message.PowerOff(),
        message.SetSosNumber(index=1, phone="+3225551234"),
        message.SetTimezone(minutes=60),
        message.Custom(text="STATUS"),
        message.Immobilise(),
        message.Mobilise(),
    ):
        try:
            wire = codec.encode(command, peer)
        except Unsupported as why:
            reason = str(why)
        else:
            assert wire
            assert type(command) in codec.commands
            continue
        assert len(reason.split()) > 3, "the operator needs to know what to do"


@each_codec
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_corrupted_frame_raises_only_protocol_errors(name: str, data: st.DataObject):
    own = [vector for vector in UPLINKS if vector.protocol == name]
    vector = data.draw(st.sampled_from(own))
    wire = bytearray(vector.wire)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(wire) - 1))
        match data.draw(st.sampled_from(("flip", "cut", "insert", "repeat"))):
            case "flip":
                wire[at] ^= data.draw(st.integers(1, 255))
            case "cut" if len(wire) > 2:
                del wire[at]
            case "insert":
                wire.insert(at, data.draw(st.integers(0, 255)))
            case _:
                wire[at:at] = wire[at : at + 8]
    _survives(vector.conversation(), bytes(wire))
    # The frame alone, as if framing had let it through.
    with suppress(ProtocolError, ValueError, OverflowError):
        vector.codec.decode(bytes(wire), vector.conversation().peer, HEARD_AT)


@each_codec
@settings(max_examples=60, deadline=None)
@given(noise=st.binary(max_size=300))
def test_noise_raises_only_protocol_errors(name: str, noise: bytes):
    _survives(Conversation(protocols.get(name)), noise)


@each_codec
@settings(max_examples=40, deadline=None)
@given(noise=st.binary(max_size=200), data=st.data())
def test_what_looks_like_a_frame_raises_only_protocol_errors(
    name: str, noise: bytes, data: st.DataObject
):
    codec = protocols.get(name)
    mark = data.draw(st.sampled_from(codec.marks or (b"",)))
    _survives(Conversation(codec, Peer(unit_id="868334043650666")), mark + noise)


def _survives(talk: Conversation, wire: bytes) -> None:
    """Nothing but a protocol error comes out, and what waits is bounded."""
    try:
        heard = talk.receive(wire, HEARD_AT)
    except Unframeable as lost:
        heard = [frame for frame in lost.heard if isinstance(frame, Heard)]
    # Every byte is accounted for: understood, refused, or waiting for more.
    assert sum(len(frame.frame) for frame in heard) + talk.unread <= len(wire)
    assert talk.unread <= talk.codec.max_frame


def _assert_means(ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    """Signals and fix as a whole; of readings and the rest what the vector names."""
    if ours["type"] == "Report":
        assert ours["signals"] == sorted(theirs.get("signals", []))
        assert (ours["fix"] is None) == ("fix" not in theirs)
    for key, expected in theirs.items():
        match key:
            case "signals":
                continue
            case "text":
                assert ours["readings"]["reply_text"] == expected
            case "fix" | "readings" | "other":
                for name, value in expected.items():
                    _assert_equal(f"{key}.{name}", ours[key].get(name), value)
            case _:
                _assert_equal(key, ours[key], expected)


def _assert_equal(name: str, ours: object, theirs: object) -> None:
    if isinstance(theirs, datetime) or name in ("at", "fix.at"):
        said = theirs if isinstance(theirs, datetime) else datetime.fromisoformat(str(theirs))
        assert datetime.fromisoformat(str(ours)) == said, name
    elif isinstance(theirs, list) and isinstance(ours, list):
        assert len(ours) == len(theirs), name
        for our, their in zip(ours, theirs, strict=True):
            assert {key: our[key] for key in their} == their, name
    elif isinstance(theirs, float):
        assert ours == pytest.approx(theirs, abs=1e-6), name
    else:
        assert ours == theirs, name
