"""Who may come in, how long they may stay silent, and what balancers and TLS put around them."""

import asyncio
import socket
import ssl
import subprocess
from collections.abc import Callable
from pathlib import Path
from struct import pack

import pytest

import protocols
from tests.devices import Device, ago, report, until
from tests.gateways import broken, count, listening, register
from tracking.database import Pool
from tracking.gateway.connection import Device as Connected
from tracking.gateway.proxy import SIGNATURE, NotProxied, Origin, read_header
from tracking.gateway.server import Gateway
from tracking.settings import Settings

UNIT = "356938035643809"


def proxied(source: bytes, *, command: int = 1, family: int = 1) -> bytes:
    """A PROXY v2 header: who connects, to whom, from which port to which."""
    body = source + bytes(len(source)) + pack("!HH", 40_000, 5_023)
    return SIGNATURE + pack("!BBH", 0x20 | command, family << 4 | 1, len(body)) + body


HERE = proxied(bytes((203, 0, 113, 7)))


async def shows_the_dumb_out(settings: Settings, pool: Pool) -> None:
    await register(pool, UNIT)
    async with listening(settings.model_copy(update={"sign_in_deadline_s": 0.4})) as gateway:
        gateway.time = lambda: 1000.0
        dumb = await Device("gt06", UNIT).connect(gateway.ports["gt06/tcp"])
        known = await Device("gt06", UNIT).connect(gateway.ports["gt06/tcp"])
        await known.sign_in()
        dumb.send(b"xx")
        gateway.time = lambda: 1001.0
        await until(lambda: dumb.closed, within_s=3.0)
        assert not known.closed


async def test_who_does_not_say_who_it_is_is_shown_out(settings: Settings, pool: Pool):
    await shows_the_dumb_out(settings, pool)


async def test_a_deadline_that_is_not_held_is_found_out(
    settings: Settings, pool: Pool, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(Connected, "hang_up", lambda *_: None)
    with broken():
        await shows_the_dumb_out(settings, pool)


async def test_who_is_silent_for_too_long_is_shown_out(settings: Settings, pool: Pool):
    impatient = settings.model_copy(update={"sign_in_deadline_s": 0.4, "read_timeout_s": 60.0})
    await register(pool, UNIT)
    async with listening(impatient) as gateway:
        gateway.time = lambda: 1000.0
        quiet = await Device("gt06", UNIT).connect(gateway.ports["gt06/tcp"])
        await quiet.sign_in()
        gateway.time = lambda: 1050.0
        talking = await Device("gt06", UNIT).connect(gateway.ports["gt06/tcp"])
        await talking.sign_in()
        gateway.time = lambda: 1061.0
        await until(lambda: quiet.closed)
        assert not talking.closed
        assert gateway.intake.figures.connections == 1


async def test_one_address_may_hold_so_many_connections(settings: Settings, pool: Pool):
    narrow = settings.model_copy(update={"connections_per_address": 2})
    async with listening(narrow) as gateway:
        port = gateway.ports["gt06/tcp"]
        devices = [await Device("gt06", UNIT).connect(port) for _ in range(3)]
        await until(lambda: devices[2].closed)
        assert [device.closed for device in devices] == [False, False, True]
        devices[0].hang_up()
        await until(lambda: gateway.intake.figures.connections == 1)
        again = await Device("gt06", UNIT).connect(port)
        await again.sign_in()
        assert not again.closed


async def test_one_address_may_knock_so_often(settings: Settings, pool: Pool):
    narrow = settings.model_copy(update={"new_connections_per_second_per_address": 3})
    async with listening(narrow) as gateway:
        gateway.time = lambda: 1000.0
        devices = [await Device("gt06", UNIT).connect(gateway.ports["gt06/tcp"]) for _ in range(5)]
        await until(lambda: sum(device.closed for device in devices) == 2)
        gateway.time = lambda: 1001.0
        await (await Device("gt06", UNIT).connect(gateway.ports["gt06/tcp"])).sign_in()


async def test_an_accepted_connection_notices_that_the_other_end_is_gone(settings: Settings):
    async with listening(settings) as gateway:
        await Device("gt06", UNIT).connect(gateway.ports["gt06/tcp"])
        await until(lambda: gateway._devices)
        (connected,) = gateway._devices
        assert connected._transport is not None
        accepted = connected._transport.get_extra_info("socket")
        assert accepted.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        told = [
            accepted.getsockopt(socket.IPPROTO_TCP, option)
            for option in (
                socket.TCP_KEEPIDLE,
                socket.TCP_KEEPINTVL,
                socket.TCP_KEEPCNT,
                socket.TCP_USER_TIMEOUT,
            )
        ]
        # Idle, then so many questions so far apart, in seconds; unanswered bytes in milliseconds.
        assert told[0] + told[1] * told[2] <= 30
        assert 0 < told[3] <= 30_000


async def test_a_port_that_is_taken_is_named(make_settings: Callable[..., Settings]):
    # The others stay shut: what is opened before the one that is taken is not closed again.
    shut = dict.fromkeys(protocols.names(), -1)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        settings = make_settings(device_ports=shut | {"gt06": port})
        with pytest.raises(OSError, match=f"port {port} on 127.0.0.1"):
            await Gateway(settings, "gateway-1").listen()


async def test_a_protocol_can_be_switched_off(make_settings: Callable[..., Settings]):
    from tests.gateways import DOORS

    only = {door.partition("/")[0]: -1 for door in DOORS} | {"gt06": 0}
    gateway = Gateway(make_settings(device_ports=only), "gateway-1")
    await gateway.listen()
    assert gateway.ports.keys() == {"gt06/tcp"}
    await gateway._drain()


# --- behind a balancer --------------------------------------------------------------


def behind_a_balancer(settings: Settings, **others: object) -> Settings:
    return settings.model_copy(update={"proxy_protocol": frozenset({"gt06"}), **others})


async def test_a_device_behind_a_balancer_is_heard_under_its_own_address(
    settings: Settings, pool: Pool
):
    async with listening(behind_a_balancer(settings)) as gateway:
        device = await Device("gt06", UNIT).connect(gateway.ports["gt06/tcp"], before=HERE)
        await device.sign_in()
        split = await Device("gt06", UNIT).connect(gateway.ports["gt06/tcp"], before=HERE[:13])
        split.send(HERE[13:] + split.frame(report(ago(5)))[:3])
        await until(lambda: gateway.intake.figures.unknown_frames)
        addresses = {connected.address for connected in gateway._devices}
        await until(lambda: "203.0.113.7" in addresses)
    assert await pool.fetchval("SELECT address FROM unknown_units") == "203.0.113.7"


async def test_a_header_from_somebody_else_is_not_believed(settings: Settings, pool: Pool):
    alone = behind_a_balancer(settings, trusted_proxies=frozenset({"192.0.2.1"}))
    async with listening(alone) as gateway:
        device = await Device("gt06", UNIT).connect(gateway.ports["gt06/tcp"], before=HERE)
        device.send(device.frame(report(ago(5))))
        await until(lambda: device.closed)
    assert device.answers == b""
    assert await count(pool, "quarantined_frames") == 0


async def test_without_a_header_nobody_comes_in_where_one_is_due(settings: Settings, pool: Pool):
    async with listening(behind_a_balancer(settings)) as gateway:
        device = await Device("gt06", UNIT).connect(gateway.ports["gt06/tcp"])
        device.send(device.frame(report(ago(5))))
        await until(lambda: device.closed)
        assert gateway.intake.figures.frames == 0


@pytest.mark.parametrize(
    ("data", "means"),
    [
        (HERE, Origin(address="203.0.113.7", size=28)),
        (HERE + b"xx", Origin(address="203.0.113.7", size=28)),
        (proxied(bytes(15) + b"\1", family=2), Origin(address="::1", size=52)),
        (proxied(bytes((203, 0, 113, 7)), command=0), Origin(address="", size=28)),
        (SIGNATURE + b"\x20\0\0\0", Origin(address="", size=16)),
        (HERE[:15], None),
        (HERE[:27], None),
        (b"", None),
    ],
)
def test_a_header_says_where_it_comes_from(data: bytes, means: Origin | None):
    assert read_header(data) == means


@pytest.mark.parametrize(
    "data",
    [
        b"xx\x0d",
        b"PROXY TCP4 203.0.113.7 192.0.2.1 40000 5023\r\n",
        SIGNATURE + b"\x11\x11\0\x0c" + bytes(12),
        SIGNATURE + b"\x21\x11\xff\xff",
    ],
)
def test_what_is_no_header_is_not_taken_for_one(data: bytes):
    with pytest.raises(NotProxied):
        read_header(data)


# --- TLS ----------------------------------------------------------------------------


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate for localhost, good for a day; the key is beside it."""
    made = tmp_path / "certificate.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
         "-nodes", "-days", "1", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=DNS:localhost",
         "-keyout", str(tmp_path / "key.pem"), "-out", str(made)],
        check=True,
        capture_output=True,
    )  # fmt: skip
    return made


async def test_a_port_speaks_tls_when_told_to(settings: Settings, pool: Pool, certificate: Path):
    await register(pool, UNIT, codec="osmand")
    secret = settings.model_copy(
        update={
            "tls_protocols": frozenset({"osmand"}),
            "tls_certificate": certificate,
            "tls_key": certificate.with_name("key.pem"),
        }
    )
    trusting = ssl.create_default_context(cafile=str(certificate))
    async with listening(secret) as gateway:
        phone = await Device("osmand", UNIT).connect(gateway.ports["osmand/tcp"], tls=trusting)
        phone.say(report(ago(5)))
        await phone.answered()
        # Others speak as before; and nobody gets in with plain words where TLS is due.
        tracker = await Device("gt06", UNIT).connect(gateway.ports["gt06/tcp"])
        await tracker.sign_in()
        plain = await Device("osmand", UNIT).connect(gateway.ports["osmand/tcp"])
        plain.send(plain.frame(report(ago(4), 1)))
        await until(lambda: plain.closed)
        phone.hang_up()
        await until(lambda: phone.closed)
    assert await count(pool, "positions") == 1


async def test_tls_without_a_certificate_is_refused_with_words(settings: Settings):
    wrong = settings.model_copy(update={"tls_protocols": frozenset({"osmand"})})
    async with asyncio.timeout(10):
        with pytest.raises(RuntimeError, match="VIGIL_TLS_CERTIFICATE"):
            await Gateway(wrong, "gateway-1").listen()
