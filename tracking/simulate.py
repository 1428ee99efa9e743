# ruff: noqa: S311 - drawing lots for a demonstration, not for a secret
"""The demonstration devices: real sockets, real bytes, and now and then somebody in need.

They speak for the invented devices of the demonstration centre and for no others: whoever runs
this against a database of their own must not hear their own units twice.
"""

import asyncio
import contextlib
import logging
import random
import signal
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import cast

import asyncpg

import protocols
from protocols.codec import Codec, Peer
from protocols.errors import Unsupported
from protocols.message import Fix, Login, Message, Readings, Report, Signal
from protocols.settings import DeviceSettings
from tracking import clock, demonstration, walks
from tracking.database import connect
from tracking.operations import store
from tracking.settings import Settings
from tracking.walks import Moment, Walk

_log = logging.getLogger(__name__)

_ARRIVE_WITHIN_S = 20.0
_ANSWER_WITHIN_S = 5.0
_PAUSES_S = (1.0, 2.0, 5.0, 15.0, 30.0)
_FIRST_TROUBLE_S = 15.0

_EVERYTHING = Readings(
    battery_pct=80.0,
    power_v=13.8,
    ignition=True,
    motion=True,
    odometer_m=1000.0,
    satellites=9,
)
_OF_VEHICLES = frozenset({"power_v", "ignition", "odometer_m"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How one kind of asset lives: how it moves, and how often its device reports, in seconds."""

    walk: Callable[[], Walk]
    moving_s: float
    resting_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """Something that befalls one device of these kinds about once in ``every_s``."""

    signal: Signal
    kinds: tuple[str, ...]
    every_s: float


MANNERS = {
    "vehicle": Manner(walk=walks.drive, moving_s=10.0, resting_s=60.0),
    "lone_worker": Manner(
        walk=lambda: walks.stroll(within_m=700.0, rest_s=240.0), moving_s=20.0, resting_s=60.0
    ),
    "senior": Manner(
        walk=lambda: walks.stroll(within_m=25.0, rest_s=3_600.0), moving_s=60.0, resting_s=240.0
    ),
}
TROUBLES = (
    Trouble(signal=Signal.PANIC, kinds=("lone_worker", "senior"), every_s=150.0),
    Trouble(signal=Signal.FALL, kinds=("senior",), every_s=1_200.0),
    Trouble(signal=Signal.LOW_BATTERY, kinds=("lone_worker", "senior"), every_s=900.0),
    Trouble(signal=Signal.POWER_CUT, kinds=("vehicle",), every_s=1_200.0),
)


class Device:
    """One demonstration device: where its asset is, what it measures, what befalls it."""

    def __init__(self, *, unit_id: str, codec: Codec, model: str, kind: str) -> None:
        self.codec = codec
        self.peer = Peer(unit_id=unit_id, settings=DeviceSettings(model=model))
        self.kind = kind
        self._manner = MANNERS[kind]
        self._walk = self._manner.walk()
        self._moment = self._walk.after(random.uniform(1.0, 600.0))
        self._moved_at = clock.now()
        self._battery_pct = random.uniform(45.0, 100.0)
        self._odometer_m = random.uniform(5_000_000.0, 90_000_000.0)
        self._befell: set[Signal] = set()
        self._hurry = asyncio.Event()

    def befall(self, trouble: Signal) -> None:
        """Something happens to it; it says so at once."""
        self._befell.add(trouble)
        self._hurry.set()

    async def until_next_report(self) -> None:
        """Wait as long as such devices do between reports, or until something befalls it."""
        often = self._manner.moving_s if self._moment.moving else self._manner.resting_s
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(often * random.uniform(0.9, 1.1)):
                await self._hurry.wait()
        self._hurry.clear()

    def login(self) -> bytes:
        """The bytes with which it says its name; b"" where devices do that in every report."""
        try:
            return self.codec.simulate(Login(unit_id=self.peer.unit_id), self.peer)
        except Unsupported:
            return b""

    def report(self) -> list[bytes]:
        """The frames that say where it is now and what befell it since the last time."""
        now = clock.now()
        elapsed_s = (now - self._moved_at).total_seconds()
        self._moved_at = now
        self._moment = self._walk.after(elapsed_s)
        self._wear(elapsed_s)
        fix = _fix(self._moment, now)
        readings = self._readings()
        frames = [self._said(Report(fix=fix, at=fix.at, readings=readings))]
        for trouble in sorted(self._befell):
            report = Report(fix=fix, at=fix.at, readings=readings, signals=frozenset({trouble}))
            frames.append(self._said(report))
        self._befell.clear()
        return [frame for frame in frames if frame]

    def _wear(self, elapsed_s: float) -> None:
        self._odometer_m += self._moment.speed_kmh / 3.6 * elapsed_s
        self._battery_pct -= elapsed_s / 1_800.0
        if Signal.LOW_BATTERY in self._befell:
            self._battery_pct = 9.0
        elif self._battery_pct < 8.0:
            self._battery_pct = 100.0

    def _readings(self) -> Readings:
        moving = self._moment.moving
        known = Readings(
            battery_pct=float(round(self._battery_pct)),
            power_v=0.0 if Signal.POWER_CUT in self._befell else 14.1 if moving else 12.6,
            ignition=moving,
            motion=moving,
            odometer_m=float(round(self._odometer_m)),
            satellites=random.randint(6, 14),
        )
        unfit = frozenset() if self.kind == "vehicle" else _OF_VEHICLES
        return _only(
            known,
            frozenset(
                name
                for name, value in known.items()
                if name not in unfit
                and _sayable(self.codec.name, self.peer.model, name, value is not False)
            ),
        )

    def _said(self, message: Message) -> bytes:
        """Its bytes; b"" for what this device has no word for."""
        try:
            return self.codec.simulate(message, self.peer)
        except Unsupported as error:
            _log.debug("cannot be said", extra={"codec": self.codec.name, "why": str(error)})
            return b""


class Demonstration:
    """All demonstration devices, until they are sent home."""

    def __init__(self, settings: Settings, devices: list[Device]) -> None:
        self._settings = settings
        self._devices = devices

    async def run(self) -> None:
        """Connect them one after another, and let things befall them."""
        async with asyncio.TaskGroup() as group:
            for device in self._devices:
                group.create_task(self._live(device))
            for trouble in TROUBLES:
                group.create_task(self._bring(trouble))

    async def _live(self, device: Device) -> None:
        await asyncio.sleep(random.uniform(0.0, _ARRIVE_WITHIN_S))
        failed = 0
        while True:
            try:
                await self._converse(device)
                failed = 0
            except (OSError, TimeoutError, EOFError) as error:
                _log.debug("not connected", extra={"why": repr(error)})
                failed += 1
            pause_s = _PAUSES_S[min(failed, len(_PAUSES_S) - 1)]
            await asyncio.sleep(pause_s * random.uniform(0.7, 1.3))

    async def _converse(self, device: Device) -> None:
        """One connection, until the gateway ends it."""
        host, port = _door(self._settings, device.codec)
        async with asyncio.timeout(_ANSWER_WITHIN_S):
            reader, writer = await asyncio.open_connection(host, port)
        try:
            if name := device.login():
                writer.write(name)
                await _answer(reader)
            while not reader.at_eof():
                for frame in device.report():
                    writer.write(frame)
                    await _answer(reader)
                await device.until_next_report()
        finally:
            writer.close()

    async def _bring(self, trouble: Trouble) -> None:
        """Let it befall one device now and then; the first time soon, so that it can be seen."""
        concerned = [
            one
            for one in self._devices
            if one.kind in trouble.kinds and _has_a_word_for(one.codec.name, trouble.signal)
        ]
        if not concerned:
            return
        soon = trouble.signal is Signal.PANIC
        await asyncio.sleep(
            _FIRST_TROUBLE_S if soon else random.uniform(0.2, 1.0) * trouble.every_s
        )
        while True:
            random.choice(concerned).befall(trouble.signal)
            await asyncio.sleep(trouble.every_s * random.uniform(0.5, 1.5))


def run(settings: Settings) -> None:
    """Be the demonstration devices until SIGTERM or SIGINT."""
    asyncio.run(_until_sent_home(settings))


async def _until_sent_home(settings: Settings) -> None:
    here = asyncio.current_task()
    assert here is not None
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, here.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        devices = await _devices(settings)
        _log.info("demonstration devices set out", extra={"devices": len(devices)})
        if not devices:
            # Ending would look like a crash to whoever keeps us running.
            await asyncio.Event().wait()
        await Demonstration(settings, devices).run()


async def _devices(settings: Settings) -> list[Device]:
    while True:
        try:
            connection = await connect(settings, "ingest")
        except (OSError, asyncpg.PostgresError) as error:
            _log.info("the database is away", extra={"error": repr(error)})
            await asyncio.sleep(1.0)
            continue
        try:
            ours = {one.unit_id: one for client in demonstration.clients() for one in client.assets}
            found = await store.units_under(connection, demonstration.CENTRE, list(ours))
        finally:
            await connection.close()
        return [
            Device(
                unit_id=unit_id,
                codec=protocols.get(asset.codec),
                model=asset.model,
                kind=asset.kind,
            )
            for unit_id, asset in ours.items()
            if unit_id in found and _plain(settings, asset.codec)
        ]


def _plain(settings: Settings, codec: str) -> bool:
    """Whether the port takes bare connections: ours speak neither TLS nor the PROXY protocol."""
    switched_off = settings.device_ports.get(codec, 0) < 0
    dressed = codec in settings.tls_protocols | settings.proxy_protocol
    return not (switched_off or dressed)


def _door(settings: Settings, codec: Codec) -> tuple[str, int]:
    usual = codec.port + settings.device_port_offset
    anywhere = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared, not bound
    host = anywhere.get(settings.device_host, settings.device_host)
    return host, settings.device_ports.get(codec.name, usual)


async def _answer(reader: asyncio.StreamReader) -> None:
    """Wait for an answer as devices do; one that does not come is no reason to hang up."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_ANSWER_WITHIN_S):
            if not await reader.read(65_536):
                raise EOFError("the gateway hung up")


def _only(readings: Readings, names: frozenset[str]) -> Readings:
    return cast("Readings", {name: value for name, value in readings.items() if name in names})


def _fix(moment: Moment, at: datetime) -> Fix:
    jittered = moment.spot.moved(north_m=random.gauss(0, 2.5), east_m=random.gauss(0, 2.5))
    return Fix(
        at=at,
        lat=jittered.lat,
        lon=jittered.lon,
        speed_kmh=round(moment.speed_kmh, 1),
        course_deg=round(moment.course_deg) % 360,
    )


@cache
def _sayable(codec_name: str, model: str, name: str, truth: bool) -> bool:
    """Whether such a device has a word for this reading; for some, only when it is true."""
    codec, peer = (
        protocols.get(codec_name),
        Peer(unit_id="100000000000000", settings=DeviceSettings(model=model)),
    )
    fix = Fix(at=clock.now(), lat=50.85, lon=4.35)
    value = _EVERYTHING[name] if truth else False  # type: ignore[literal-required]
    one = cast("Readings", {name: value})
    try:
        codec.simulate(Report(fix=fix, at=fix.at, readings=one), peer)
    except Unsupported:
        return False
    return True


@cache
def _has_a_word_for(codec_name: str, trouble: Signal) -> bool:
    codec, peer = protocols.get(codec_name), Peer(unit_id="100000000000000")
    fix = Fix(at=clock.now(), lat=50.85, lon=4.35)
    try:
        codec.simulate(Report(fix=fix, at=fix.at, signals=frozenset({trouble})), peer)
    except Unsupported:
        return False
    return True
