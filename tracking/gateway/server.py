"""The gateway process: listens on every device port, keeps what it hears, answers.

Any number run side by side on the same ports (SO_REUSEPORT), or behind a balancer.
"""

import asyncio
import contextlib
import gc
import logging
import os
import signal
import socket
import ssl
from collections import Counter
from collections.abc import Awaitable, Callable

import uvloop

import protocols
from protocols.codec import Codec
from tracking import bus, database
from tracking.gateway.connection import Device
from tracking.gateway.datagram import Datagrams
from tracking.gateway.directory import Directory
from tracking.gateway.mqtt import Broker
from tracking.gateway.presence import Presence
from tracking.gateway.rates import Meter
from tracking.ingest import store
from tracking.ingest.batch import Intake
from tracking.ingest.identity import Units
from tracking.rules.book import Shelf
from tracking.rules.service import rules_of
from tracking.settings import Settings

_log = logging.getLogger(__name__)

_BACKLOG = 4_096
_UNREADABLE_PER_SECOND = 20
_HEARD_AT_ONCE = 16 * 1024
"""What one connection can have unread: nobody else is heard while we understand that much. Who
sends more is held back by TCP; as usual it could be megabytes, and a tenth of a second's work."""

_DATAGRAMS_AT_ONCE = 4 * 1024 * 1024
"""What a port can have unread (the kernel may allow less: net.core.rmem_max)."""


class Gateway:
    """What the connections of one gateway process share."""

    def __init__(self, settings: Settings, name: str) -> None:
        self.settings = settings
        self.name = name
        self.units = Units()
        self.shelf = Shelf()
        self.directory = Directory(settings)
        # One object for all connections, which must not hold themselves.
        self.settings_of = self.directory.of
        self.presence = Presence()
        self.bell = bus.Bell(settings)
        self.intake = Intake(
            settings,
            gateway=name,
            units=self.units,
            rules=rules_of(settings),
            shelf=self.shelf,
            bell=self.bell,
        )
        self.ports: dict[str, int] = {}
        self.broker = Broker(self)
        self.time: Callable[[], float] = asyncio.get_running_loop().time
        self._devices: set[Device] = set()
        self._per_address: Counter[str] = Counter()
        self._new = Meter()
        self._frames = Meter()
        self._unreadable = Meter()
        self._servers: list[asyncio.Server] = []
        self._datagrams: list[asyncio.DatagramTransport] = []

    def welcome(self, device: Device, codec: str) -> bool:
        """Whether a new connection may stay."""
        self._devices.add(device)
        figures = self.intake.figures
        figures.connections += 1
        figures.by_codec[codec] += 1
        settings, address = self.settings, device.address
        self._per_address[address] += 1
        if address in settings.trusted_proxies and codec in settings.proxy_protocol:
            return True  # a balancer: the caps are for whom it speaks for
        return self._few_from(address)

    def comes_from(self, device: Device, address: str) -> bool:
        """A balancer says whom a connection really comes from; whether it may stay."""
        self._uncount(device.counted_as)
        device.address = device.counted_as = address
        self._per_address[address] += 1
        return self._few_from(address)

    def _few_from(self, address: str) -> bool:
        settings = self.settings
        return (
            self._per_address[address] <= settings.connections_per_address
            and self._new.count(address, self.time())
            <= settings.new_connections_per_second_per_address
        )

    def _uncount(self, address: str) -> None:
        self._per_address[address] -= 1
        if self._per_address[address] <= 0:
            del self._per_address[address]

    def farewell(self, device: Device, codec: str) -> None:
        """A connection has ended."""
        self._devices.discard(device)
        figures = self.intake.figures
        figures.connections -= 1
        figures.by_codec[codec] -= 1
        self.presence.gone(device, device.unit_id)
        self._uncount(device.counted_as)

    def fullness(self) -> float:
        """How full the intake is; 1.0 and more: connections get their smallest allowance."""
        return self.intake.pending / self.settings.pending_frames

    def too_fast(self, device: Device, frames: int) -> bool:
        """Whether a unit has brought more frames in this second than it may."""
        settings = self.settings
        known = self.directory.knows(device.unit_id)
        limit = (
            settings.frames_per_second_per_unit
            if known
            else settings.frames_per_second_per_unknown_unit
        )
        name = device.unit_id or device.address
        return self._frames.count(name, self.time(), frames) > limit

    def may_quarantine(self, address: str) -> bool:
        """Whether one more unreadable frame from an address is worth keeping this second."""
        return self._unreadable.count(address, self.time()) <= _UNREADABLE_PER_SECOND

    async def listen(self) -> None:
        """Open every device port. Raises OSError naming the port that is taken."""
        context = self._tls()
        for name in protocols.names():
            codec = protocols.get(name)
            port = self._port_of(codec)
            if port < 0:
                continue
            for transport in codec.transports:
                opened = await self._open(codec, transport, port, context)
                self.ports[f"{name}/{transport}"] = opened
                port = opened

    async def serve(self, until: asyncio.Event) -> None:
        """Run until told to stop; then let go of the sockets, keep what was heard, and end.

        Raises NotDurable if PostgreSQL can lose what it confirms.
        """
        await self.intake.ordinary.open()
        await self.intake.urgent.open()
        await self.listen()
        _log.info("listening", extra={"gateway": self.name, "ports": self.ports})
        async with asyncio.TaskGroup() as group:
            work = [
                group.create_task(job())
                for job in (
                    self.intake.run,
                    self.bell.run,
                    self.directory.run,
                    self.broker.run,
                    self._show_figures,
                    self._hear_of_the_fleet,
                    self._sweep,
                )
            ]
            await until.wait()
            await self._drain()
            for task in work:
                task.cancel()

    def _port_of(self, codec: Codec) -> int:
        chosen = self.settings.device_ports.get(codec.name)
        if chosen is not None:
            return chosen
        return codec.port + self.settings.device_port_offset

    async def _open(
        self, codec: Codec, transport: str, port: int, context: ssl.SSLContext | None
    ) -> int:
        loop = asyncio.get_running_loop()
        kind = socket.SOCK_STREAM if transport == "tcp" else socket.SOCK_DGRAM
        listener = _bound(self.settings.device_host, port, kind)
        if transport == "udp":
            endpoint, _ = await loop.create_datagram_endpoint(
                lambda: Datagrams(self, codec), sock=listener
            )
            self._datagrams.append(endpoint)
        else:
            proxied = codec.name in self.settings.proxy_protocol
            tls = context if codec.name in self.settings.tls_protocols else None
            if proxied and tls is not None:
                raise RuntimeError(
                    f"{codec.name}: the PROXY header and TLS exclude each other on one port; let"
                    " the balancer end TLS, or take the port out of one of the two settings"
                )
            server = await loop.create_server(
                lambda: Device(self, codec, proxied=proxied),
                sock=listener,
                backlog=_BACKLOG,
                ssl=tls,
            )
            self._servers.append(server)
        port_opened: int = listener.getsockname()[1]
        return port_opened

    def _tls(self) -> ssl.SSLContext | None:
        settings = self.settings
        if not settings.tls_protocols:
            return None
        if settings.tls_certificate is None:
            raise RuntimeError("VIGIL_TLS_PROTOCOLS needs VIGIL_TLS_CERTIFICATE (and its key)")
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(settings.tls_certificate, settings.tls_key)
        return context

    async def _drain(self) -> None:
        """Hear nothing new; give what was heard its time to be kept and answered."""
        self.broker.stop_hearing()
        for server in self._servers:
            server.close()
        for endpoint in self._datagrams:
            endpoint.close()
        for device in list(self._devices):
            device.hang_up("the gateway is stopping")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.settings.drain_s):
                await self.intake.empty()
        # Answers have been written; let them leave before the process does.
        await asyncio.sleep(0.05)

    async def _sweep(self) -> None:
        """Close what has not signed in by its deadline, or has been silent for too long."""
        settings = self.settings
        while True:
            await asyncio.sleep(min(5.0, settings.sign_in_deadline_s / 4))
            now = self.time()
            for device in list(self._devices):
                if not device.unit_id and now - device.opened_at > settings.sign_in_deadline_s:
                    device.hang_up("has not said who it is")
                elif now - device.heard_at > (settings.read_timeout_s or device.read_timeout_s):
                    device.hang_up("silent for too long")

    async def _show_figures(self) -> None:
        """Tell the others every second that we are here, over a connection of its own."""
        await self._while_connected(self._show_figures_over)

    async def _show_figures_over(self, connection: database.Connection) -> None:
        await store.sign_on(connection, gateway=self.name, pid=os.getpid(), ports=self.ports)
        try:
            while True:
                intake = self.intake
                await store.show_figures(
                    connection,
                    gateway=self.name,
                    figures=intake.figures.show(
                        pending=intake.pending,
                        oldest_pending_s=max(intake.ordinary.oldest_s, intake.urgent.oldest_s),
                    ),
                    error=intake.figures.take_error(),
                )
                await asyncio.sleep(1.0)
        except asyncio.CancelledError:
            with contextlib.suppress(*database.AWAY):
                async with asyncio.timeout(1.0):
                    await store.sign_off(connection, gateway=self.name)
            raise

    async def _hear_of_the_fleet(self) -> None:
        """Forget what we knew of a unit when somebody changes it."""
        await self._while_connected(self._hear_of_the_fleet_over)

    async def _hear_of_the_fleet_over(self, connection: database.Connection) -> None:
        def changed(_connection: object, _pid: int, _channel: str, payload: object) -> None:
            self.directory.forget(str(payload))
            if payload:
                self.units.forget([str(payload)])
            else:
                self.units.forget_all()

        def rules_changed(_connection: object, _pid: int, _channel: str, _payload: object) -> None:
            self.shelf.something_changed()
            news.set()

        news = asyncio.Event()
        connection.add_termination_listener(lambda _: news.set())
        await connection.add_listener(bus.NOTIFY_FLEET, changed)
        await connection.add_listener(bus.NOTIFY_RULES, rules_changed)
        # What was said before we listened is not said again.
        self.directory.forget_all()
        self.units.forget_all()
        self.shelf.something_changed()
        while not connection.is_closed():
            async with asyncio.timeout(5.0):
                await connection.execute("SELECT 1")
            if self.shelf.stale:
                async with asyncio.timeout(60.0):
                    await self.shelf.refresh(connection)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(2.0):
                    await news.wait()
            news.clear()

    async def _while_connected(
        self, work: Callable[[database.Connection], Awaitable[None]]
    ) -> None:
        """Do ``work`` over a connection of its own; again when that is lost."""
        while True:
            try:
                async with asyncio.timeout(5.0):
                    connection = await database.connect(self.settings, "ingest")
                try:
                    await work(connection)
                finally:
                    connection.terminate()
            except database.AWAY as error:
                _log.debug("no connection", extra={"error": repr(error)})
                await asyncio.sleep(0.2)


def run(settings: Settings, name: str) -> None:
    """Be a gateway until SIGTERM or SIGINT."""

    async def main() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for each in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(each, stop.set)
        await Gateway(settings, name).serve(stop)

    # A gateway makes hundreds of thousands of short-lived objects a second, nearly none of them in
    # cycles. With Python's usual thresholds, looking for cycles costs a tenth of its time.
    gc.collect()
    gc.freeze()
    gc.set_threshold(200_000, 50, 1_000)
    uvloop.run(main())


def _bound(host: str, port: int, kind: socket.SocketKind) -> socket.socket:
    """A listening socket whose connections notice within 30 s that the other end is gone.

    Linux hands these options down from the listener to what it accepts.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, kind)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    if kind == socket.SOCK_STREAM:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 15)
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 5)
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 2)
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 20_000)
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _HEARD_AT_ONCE)
    else:
        # What does not fit is lost, and many who speak UDP say nothing twice.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _DATAGRAMS_AT_ONCE)
    listener.setblocking(False)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise OSError(
            error.errno,
            f"port {port} on {host}: {error.strerror}; choose others with VIGIL_DEVICE_PORTS or"
            " VIGIL_DEVICE_PORT_OFFSET",
        ) from error
    return listener
