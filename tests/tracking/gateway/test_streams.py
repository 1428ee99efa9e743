"""Bytes come as they like: split anywhere, over UDP, or as requests of HTTP."""

import pytest

from protocols.errors import Unsupported
from protocols.message import Login
from tests.devices import Device, Mailbox, ago, report, sos, until
from tests.gateways import (
    broken,
    count,
    held,
    listening,
    register,
    the_alarm,
    until_a_commit_waits,
)
from tracking.database import Pool
from tracking.gateway import server
from tracking.gateway.connection import Device as Connected
from tracking.gateway.datagram import Datagrams
from tracking.settings import Settings

UNIT = "356938035643809"


class Counting(Connected):
    """A connection that says how many bytes it was given."""

    heard = 0

    def data_received(self, data: bytes) -> None:
        Counting.heard += len(data)
        super().data_received(data)


@pytest.mark.parametrize("codec", ["gt06", "teltonika", "watch", "minifinder2", "osmand"])
async def test_a_conversation_may_be_split_at_every_byte(
    settings: Settings, pool: Pool, monkeypatch: pytest.MonkeyPatch, codec: str
):
    monkeypatch.setattr(server, "Device", Counting)
    await register(pool, UNIT, codec=codec)
    patient = settings.model_copy(update={"frames_per_second_per_unit": 100_000})
    async with listening(patient) as gateway:
        gateway.presence._settle_s = 1000.0
        device = Device(codec, UNIT)
        said = [report(ago(90)), report(ago(80), 1), sos(ago(70), 2)]
        frames = [device.frame(each) for each in said]
        try:
            frames.insert(0, device.frame(Login(unit_id=UNIT)))
        except Unsupported:
            assert codec == "osmand"
        whole = b"".join(frames)
        # Every frame twice over two bytes apart would be slow: HTTP is text, every third will do.
        for at in range(1, len(whole), 3 if codec in ("osmand", "watch") else 1):
            device = await Device(codec, UNIT).connect(gateway.ports[f"{codec}/tcp"])
            Counting.heard = 0
            device.send_frames(whole[:at])
            await until(lambda at=at: Counting.heard == at)
            device.send_frames(whole[at:])
            await device.answered()
            device.vanish()
        assert gateway.intake.figures.malformed == 0
    assert await count(pool, "positions") == len(said)
    assert (await the_alarm(pool))["repeats"] == 0
    assert await count(pool, "quarantined_frames") == 0


# --- UDP ----------------------------------------------------------------------------


def datagram(number: int, *frames: bytes) -> bytes:
    """Teltonika's way to say over UDP what a frame says over TCP."""
    packet = b"".join(frame[8:-4] for frame in frames)
    body = (
        b"\xca\xfe\x01" + bytes((number,)) + len(UNIT).to_bytes(2, "big") + UNIT.encode() + packet
    )
    return len(body).to_bytes(2, "big") + body


def kept(number: int) -> bytes:
    return b"\x00\x05\x00\x00\x01" + bytes((number, 1))


async def test_a_datagram_is_answered_after_commit_and_counts_once(settings: Settings, pool: Pool):
    await register(pool, UNIT, codec="teltonika")
    says = Device("teltonika", UNIT)
    async with listening(settings) as gateway:
        device = await Mailbox().connect(gateway.ports["teltonika/udp"])
        async with held(settings, "LOCK TABLE positions IN SHARE MODE") as locks:
            device.send(datagram(1, says.frame(sos(ago(5)))))
            await until_a_commit_waits(pool)
            assert device.answers == []
            await locks.release()
        await until(lambda: device.answers == [kept(1)])
        device.send(datagram(2, says.frame(sos(ago(5)))))
        await until(lambda: device.answers == [kept(1), kept(2)])
        device.send(b"")
        device.send(b"what is this")
        device.send(datagram(3, says.frame(report(ago(4))))[:-5])
        device.send(datagram(4, says.frame(report(ago(3)))))
        await until(lambda: kept(4) in device.answers)
        assert kept(3) not in device.answers
        device.hang_up()
    assert await count(pool, "alarm_events") == len({ago(0)})


@pytest.mark.parametrize("model", ["", "FMB920"])
async def test_what_follows_a_datagram_does_not_spoil_it(
    settings: Settings, pool: Pool, model: str
):
    await register(pool, UNIT, codec="teltonika", model=model)
    says = Device("teltonika", UNIT)
    async with listening(settings) as gateway:
        device = await Mailbox().connect(gateway.ports["teltonika/udp"])
        # From the second on the gateway has read our records, and knows the model.
        for number in (1, 2):
            device.send(datagram(number, says.frame(sos(ago(9 - number), number))) + b"\xfe" * 9)
            await until(lambda number=number: kept(number) in device.answers)
        device.hang_up()
    assert await count(pool, "positions") == 2


async def hears_only_cries_when_full(settings: Settings, pool: Pool) -> None:
    await register(pool, UNIT, codec="teltonika")
    says = Device("teltonika", UNIT)
    async with listening(settings) as gateway:
        gateway.fullness = lambda: 1.0  # type: ignore[method-assign]
        device = await Mailbox().connect(gateway.ports["teltonika/udp"])
        device.send(datagram(1, says.frame(report(ago(9)))))
        device.send(datagram(2, says.frame(sos(ago(8), 1))))
        await until(lambda: kept(2) in device.answers)
        await until(lambda: not gateway.intake.pending)
        device.hang_up()
    assert kept(1) not in device.answers
    assert await count(pool, "positions") == 1


async def test_a_full_gateway_hears_only_cries_for_help_over_udp(settings: Settings, pool: Pool):
    await hears_only_cries_when_full(settings, pool)


async def test_who_hears_everything_when_full_is_found_out(
    settings: Settings, pool: Pool, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(Datagrams, "_urgent", lambda *_: True)
    with broken():
        await hears_only_cries_when_full(settings, pool)


# --- HTTP ---------------------------------------------------------------------------


async def test_phones_speak_http(settings: Settings, pool: Pool):
    names = {"osmand": UNIT, "owntracks": "356938035643810"}
    for codec, name in names.items():
        await register(pool, name, codec=codec)
    async with listening(settings) as gateway:
        for codec, name in names.items():
            phone = await Device(codec, name).connect(gateway.ports[f"{codec}/tcp"])
            phone.say(report(ago(9)), report(ago(8), 1))
            await phone.answered()
            assert phone.answers.startswith(b"HTTP/1.1 200")
            phone.send(b"GET /?id=&lat=1 HTTP/1.1\r\nHost: tracker\r\n\r\n")
            before = phone.answers
            await until(lambda phone=phone, before=before: len(phone.answers) > len(before))
            assert phone.answers[len(before) :].startswith(b"HTTP/1.1 400")
    assert await count(pool, "positions") == 4


async def test_phones_behind_one_connection_are_told_apart(settings: Settings, pool: Pool):
    names = ["anna", "bart", "anna"]
    mine = {name: await register(pool, name, codec="osmand") for name in set(names)}
    async with listening(settings) as gateway:
        proxy = await Device("osmand", "nobody").connect(gateway.ports["osmand/tcp"])
        frames = [
            Device("osmand", name).frame(report(ago(60 - step), step))
            for step, name in enumerate(names)
        ]
        proxy.send_frames(*frames)
        await proxy.answered()
    for name, asset in mine.items():
        assert await count(pool, "positions", "asset_id = $1", asset.asset_id) == names.count(name)
