"""What is set up in the records decides what a frame says, from the socket to the alarm."""

from datetime import datetime, timedelta
from typing import Any

import pytest

import protocols
from protocols.codec import Conversation, Peer
from protocols.message import LIFE_SAFETY, Fix, Login, Report, Signal
from protocols.settings import AS_USUAL, DeviceSettings
from tests.devices import Device, Mailbox, until
from tests.gateways import Darkness, alarms, broken, listening, register
from tests.lasting import HEARD_AT, Lasting, as_a_datagram
from tests.protocols.vector_files import Vector, vectors
from tracking.database import Pool
from tracking.gateway.server import Gateway
from tracking.ingest.arrival import Arrival
from tracking.ingest.writer import Writer
from tracking.settings import Settings

on_one_loop = pytest.mark.asyncio(loop_scope="module")

UNIT = "356938035643809"
MODEL = "set up by us"


def moment(said: datetime | str) -> datetime:
    """A time in a vector, which some write as JSON does."""
    return datetime.fromisoformat(said) if isinstance(said, str) else said


def reports_of(vector: Vector) -> list[dict[str, Any]]:
    return [said for said in vector.said["messages"] if said["type"] == "Report"]


def names_itself(vector: Vector) -> bool:
    """Whether a datagram of these bytes alone says who speaks."""
    talk = Conversation(vector.codec)
    talk.receive(vector.wire, HEARD_AT)
    return bool(talk.peer.unit_id)


SET_UP = [
    pytest.param(vector, how, id=f"{vector}-{how}")
    for vector in vectors("uplink")
    for how in vector.codec.transports
    if vector.said.get("settings") and reports_of(vector)
]
"""Every frame of our own vectors that means what it means because of settings."""


async def set_up(shared: Lasting, vector: Vector, unit_id: str) -> None:
    """Register the unit with a model, and the model with these settings."""
    settings = dict(vector.said["settings"])
    secret = settings.pop("secret", "")
    model = vector.said.get("model") or MODEL
    await shared.profile(vector.protocol, model, settings)
    unit = await register(
        shared.pool, unit_id, kind="panic_device", codec=vector.protocol, model=model
    )
    if secret:
        await shared.pool.execute(
            "INSERT INTO device_secrets (device_id, secret) VALUES ($1, $2)",
            unit.device_id,
            secret,
        )


async def says(shared: Lasting, vector: Vector, unit_id: str, how: str) -> None:
    """Send the vector; whoever is not named in it says its name first."""
    figures = shared.gateway.intake.figures
    named = names_itself(vector)
    if how == "udp":
        mailbox = await shared.mailbox(vector.protocol)
        frames = figures.frames
        mailbox.send(vector.wire if named else as_a_datagram(vector.protocol, vector.wire, unit_id))
    else:
        wire = await shared.connect(vector.protocol)
        await wire.say(*map(bytes.fromhex, vector.said.get("prelude", [])))
        if not named and "prelude" not in vector.said:
            await wire.say(vector.codec.simulate(Login(unit_id=unit_id), Peer(unit_id=unit_id)))
        await shared.settled()
        frames = figures.frames
        await wire.say(vector.wire)
    await until(lambda: figures.frames > frames)
    await shared.settled()


@on_one_loop
@pytest.mark.parametrize(("vector", "how"), SET_UP)
async def test_a_frame_means_what_its_unit_is_set_up_for(shared: Lasting, vector: Vector, how: str):
    await shared.empty()
    talk = vector.conversation()
    talk.receive(vector.wire, HEARD_AT)
    unit_id = talk.peer.unit_id or UNIT
    await set_up(shared, vector, unit_id)
    await says(shared, vector, unit_id, how)
    expected = reports_of(vector)
    signals = {signal for said in expected for signal in said.get("signals", [])}
    causes = {cause for _, cause, _ in await shared.alarms()}
    assert causes & LIFE_SAFETY == signals & LIFE_SAFETY
    fixes = [said["fix"] for said in expected if said.get("fix")]
    filed = await shared.pool.fetch(
        "SELECT at FROM positions UNION ALL SELECT at FROM misdated_positions"
    )
    assert len(filed) == len(fixes)
    for fix in fixes:
        if "at" in fix:
            assert any(abs(row["at"] - moment(fix["at"])) < timedelta(seconds=1) for row in filed)


# --- with a profile and without ------------------------------------------------------


def called(protocol: str, name: str) -> Vector:
    """Our own vector of this name."""
    (found,) = [
        vector
        for vector in vectors("uplink")
        if (vector.protocol, vector.said["name"]) == (protocol, name)
    ]
    return found


PROVEN = [
    ("suntech/tcp", "a panic button on the second input, in a report of no alarm", "panic", ""),
    ("ruptela/tcp", "a record with an input that is a panic button", "panic", ""),
    ("teltonika/tcp", "codec 8: a panic button on input 2", "panic", ""),
    ("teltonika/udp", "codec 8: a panic button on input 2", "panic", ""),
    ("meitrack/udp", "a button on input 2", "panic", ""),
    ("dc09/tcp", "on a Climax pendant 120 is a fall", "fall", "panic"),
    ("dc09/udp", "on a Climax pendant 120 is a fall", "fall", "panic"),
]
"""Door and vector; what rings with the profile, and what rings without."""


@on_one_loop
@pytest.mark.parametrize(("door", "name", "with_it", "without"), PROVEN)
async def test_without_its_profile_the_same_frame_says_something_else(
    shared: Lasting, door: str, name: str, with_it: str, without: str
):
    protocol, how = door.split("/")
    vector = called(protocol, name)
    for is_set_up, cause in ((True, with_it), (False, without)):
        await shared.empty()
        talk = vector.conversation()
        talk.receive(vector.wire, HEARD_AT)
        unit_id = talk.peer.unit_id or UNIT
        if is_set_up:
            await set_up(shared, vector, unit_id)
        else:
            await register(shared.pool, unit_id, kind="panic_device", codec=protocol)
        await says(shared, vector, unit_id, how)
        assert await shared.alarms() == ([(unit_id, cause, 0)] if cause else [])


@on_one_loop
async def test_two_clocks_of_jt808_show_the_same_time(shared: Lasting):
    """A unit that writes UTC and one on the clock of China press at the same moment."""
    await shared.empty()
    pressed_at = HEARD_AT - timedelta(seconds=20)
    codec = protocols.get("jt808")
    fix = Fix(at=pressed_at, lat=50.85, lon=4.35)
    said = Report(fix=fix, at=pressed_at, signals=frozenset({Signal.PANIC}))
    await shared.profile("jt808", "european", {"time_zone": "UTC"})
    units = {
        "051121741051": ("european", DeviceSettings(time_zone="UTC")),
        "051121741052": ("", AS_USUAL),
        # Nobody has said of this one that it writes UTC: eight hours are lost, the press is not.
        "051121741053": ("", DeviceSettings(time_zone="UTC")),
    }
    for unit_id, (model, settings) in units.items():
        await register(shared.pool, unit_id, kind="panic_device", codec="jt808", model=model)
        wire = await shared.connect("jt808")
        await wire.say(codec.simulate(said, Peer(unit_id=unit_id, settings=settings)))
    await shared.settled()
    rang = await shared.pool.fetch("SELECT unit_id, cause, at, labels FROM alarms ORDER BY unit_id")
    early = pressed_at - timedelta(hours=8)
    assert [tuple(row) for row in rang] == [
        ("051121741051", "panic", pressed_at, []),
        ("051121741052", "panic", pressed_at, []),
        ("051121741053", "panic", early, ["late"]),
    ]
    places = await shared.positions()
    assert [place["at"] for place in places] == [early, pressed_at, pressed_at]


@on_one_loop
async def test_a_press_that_was_read_before_the_settings_were_rings_when_it_is_said_again(
    shared: Lasting,
):
    vector = called("ruptela", "a record with an input that is a panic button")
    await shared.empty()
    unit_id = "861502020210426"
    await register(shared.pool, unit_id, kind="panic_device", codec="ruptela")
    wire = await shared.connect("ruptela")
    await wire.say(vector.wire)
    await shared.settled()
    assert await shared.alarms() == []
    version = shared.gateway.directory.version
    await shared.set_up(unit_id, vector.said["settings"])
    await until(lambda: shared.gateway.directory.version > version)

    async def it_rang() -> bool:
        await wire.say(vector.wire)
        return [cause for _, cause, _ in await shared.alarms()] == ["panic"]

    await until(it_rang)


# --- when nobody can be asked ----------------------------------------------------------


async def rings_although_it_was_read_in_the_dark(settings: Settings, pool: Pool, how: str) -> None:
    vector = called("teltonika", "codec 8: a panic button on input 2")
    await register(pool, UNIT, kind="panic_device", codec="teltonika")
    await pool.execute("UPDATE devices SET settings = $1", {"panic_inputs": [2]})
    darkness = Darkness(settings)
    async with listening(settings) as gateway:
        port = gateway.ports[f"teltonika/{how}"]
        await darkness.falls()
        gateway.directory.ask("somebody else")
        await until(lambda: gateway.directory._away)
        if how == "udp":
            mailbox = await Mailbox().connect(port)
            mailbox.send(as_a_datagram("teltonika", vector.wire, UNIT))
        else:
            device = await Device("teltonika", UNIT).connect(port)
            await device.sign_in()
            device.send(vector.wire)
        await until(lambda: any(waits.reports for waits in waiting_at(gateway)))
        await darkness.lifts()
        await until(lambda: gateway.intake.figures.positions == 1)
        if how == "udp":
            await until(lambda: mailbox.answers)
            mailbox.hang_up()
    assert [alarm["cause"] for alarm in await alarms(pool)] == ["panic"]


def waiting_at(gateway: Gateway) -> list[Arrival]:
    lanes = (gateway.intake.ordinary, gateway.intake.urgent)
    return [waits for lane in lanes for waits in (*lane._waiting, *lane._in_hand)]


@pytest.mark.parametrize("how", ["tcp", "udp"])
async def test_a_press_that_only_the_settings_know_rings_although_it_was_read_in_the_dark(
    settings: Settings, pool: Pool, how: str
):
    await rings_although_it_was_read_in_the_dark(settings, pool, how)


async def test_a_writer_that_does_not_read_again_is_found_out(
    settings: Settings, pool: Pool, monkeypatch: pytest.MonkeyPatch
):
    async def believes_what_was_read(*_: object) -> None:
        """As if nothing could have been meant otherwise."""

    monkeypatch.setattr(Writer, "_read_again", believes_what_was_read)
    with broken():
        await rings_although_it_was_read_in_the_dark(settings, pool, "tcp")
