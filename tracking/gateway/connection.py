"""One device's connection: hear → keep → acknowledge.

Built on asyncio Protocols rather than streams, which cost half as much again. Nothing here
waits: frames go to the intake, and what became of them comes back through ``_settled``.
"""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, cast

from protocols.codec import Codec, Conversation, Heard, Peer
from protocols.errors import Unframeable
from protocols.message import Login, Message, Report
from tracking import clock
from tracking.gateway.names import clean, unnamed
from tracking.gateway.proxy import NotProxied, read_header
from tracking.ingest.arrival import Arrival

if TYPE_CHECKING:
    from tracking.gateway.server import Gateway

_log = logging.getLogger(__name__)

_ALLOWANCE, _ALLOWANCE_FULL, _ALLOWANCE_BACKLOG = 64, 8, 2
"""Frames one connection may have waiting: usually, when the gateway is full, and when it is
filling up and the connection brings history. It is then not read until half are settled."""

_BACKLOG_S = 600.0


class Device(asyncio.Protocol):
    """A TCP connection from a device, whatever it speaks."""

    __slots__ = (
        "_asking", "_before_proxy", "_closing", "_codec", "_ended", "_gateway", "_known",
        "_paused", "_peer", "_renamed", "_since", "_slowed", "_talk", "_transport", "_waiting",
        "address", "counted_as", "heard_at", "opened_at", "unit_id",
    )  # fmt: skip

    def __init__(self, gateway: "Gateway", codec: Codec, *, proxied: bool) -> None:
        self._gateway = gateway
        self._codec = codec
        self._talk = Conversation(codec, settings_of=gateway.settings_of)
        self._peer = self._talk.peer
        self._asking = False
        self._ended = False
        self._known = -1
        self._since: datetime | None = None
        self._before_proxy: bytes | None = b"" if proxied else None
        self._transport: asyncio.Transport | None = None
        self._waiting: list[Arrival] = []
        self._paused = self._slowed = False
        self._renamed = False
        self._closing = False
        self.address = self.counted_as = ""
        self.unit_id = ""
        self.opened_at = self.heard_at = 0.0

    @property
    def read_timeout_s(self) -> float:
        """How long this unit may be silent: some beats of its own, or as its protocol has it."""
        heartbeat_s = self._peer.settings.heartbeat_s
        return heartbeat_s * 2.5 if heartbeat_s else self._codec.read_timeout_s

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self.opened_at = self.heard_at = self._gateway.time()
        peer = transport.get_extra_info("peername")
        self.address = self.counted_as = peer[0] if peer else ""
        if not self._gateway.welcome(self, self._codec.name):
            self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        self._transport = None
        self._gateway.farewell(self, self._codec.name)

    def data_received(self, data: bytes) -> None:
        if self._closing:
            return
        self.heard_at = self._gateway.time()
        if self._before_proxy is not None:
            data = self._behind_proxy(data)
            if not data:
                return
        if self._known != self._gateway.directory.version:
            self._refresh()
        self._hear(data)

    def _hear(self, data: bytes) -> None:
        now = clock.now()
        try:
            heard = self._talk.receive(data, now)
        except Unframeable as lost:
            for one in cast("tuple[Heard, ...]", lost.heard):
                self._take(one, now)
            self._keep_unreadable(data, str(lost), now)
            self.hang_up(f"unframeable: {lost}")
            return
        except Exception as error:  # noqa: BLE001 - a codec's mistake costs a connection, no bytes
            _log.exception("a codec failed", extra={"codec": self._codec.name})
            self._keep_unreadable(data, f"{type(error).__name__}: {error}", now)
            self.hang_up("a mistake of ours")
            return
        for one in heard:
            self._take(one, now)
        if self._talk.waits_for:
            self._ask()
        if not self._paused:
            self._slowed = self._gateway.too_fast(self, len(heard))
            if self._slowed or self._too_many():
                self._pause()

    def eof_received(self) -> bool:
        """The device has said its last word; answer what waits, then close."""
        if self._asking:
            self._ended = True
            return True
        self._closing = True
        return bool(self._waiting)

    def hang_up(self, reason: str) -> None:
        """Close, once what was heard has been answered."""
        _log.info("hanging up", extra={"unit": self.unit_id, "reason": reason[:200]})
        self._closing = True
        if not self._waiting:
            self._close()

    def write(self, data: bytes) -> None:
        """Send bytes, unless the connection is gone."""
        transport = self._transport
        if not data or transport is None or transport.is_closing():
            return
        if transport.get_write_buffer_size() > 32_768:
            transport.abort()  # it does not read what we answer
            return
        try:
            transport.write(data)
        except (RuntimeError, OSError):
            transport.abort()  # it went while we wrote

    def _behind_proxy(self, data: bytes) -> bytes:
        """Strip the balancer's header; what is left is the device's."""
        gathered = (self._before_proxy or b"") + data
        if self.address not in self._gateway.settings.trusted_proxies:
            self.hang_up("a PROXY header is believed only from trusted_proxies")
            return b""
        try:
            origin = read_header(gathered)
        except NotProxied as error:
            self.hang_up(str(error))
            return b""
        if origin is None:
            self._before_proxy = gathered
            return b""
        self._before_proxy = None
        if origin.address and not self._gateway.comes_from(self, origin.address):
            self.hang_up("too many connections from one address behind the balancer")
            return b""
        return gathered[origin.size :]

    def _take(self, heard: Heard, now: datetime) -> None:
        gateway = self._gateway
        if heard.peer is not self._peer:
            self._spoken_by(heard.peer)
        unit_id = self.unit_id
        incoming = heard.incoming
        if incoming is None:
            gateway.intake.figures.malformed += 1
            self._keep_unreadable(heard.frame, str(heard.error), now)
            if heard.error is not None:
                self.write(gateway.directory.answer_to(heard.error, unit_id))
            return
        if not unit_id:
            reason = "nobody has said who is speaking"
            self._keep_unreadable(heard.frame, reason, now, incoming.messages)
            return
        messages = incoming.messages
        arrival = Arrival(
            unit_id=unit_id,
            codec=self._codec.name,
            address=self.address,
            received_at=now,
            frame=heard.frame,
            reports=tuple([each for each in messages if type(each) is Report]),
            conflict=(
                self._codec.one_unit_per_connection
                and gateway.presence.heard(self, unit_id, self.heard_at)
            ),
            since=self._since,
            read_as=None if gateway.directory.knows(unit_id) else heard.peer,
            ack=incoming.ack + incoming.follow_up,
            on_settled=self._settled,
        )
        if not arrival.reports and len(messages) == 1 and type(messages[0]) is Login:
            self._let_in(arrival)
        self._waiting.append(arrival)
        gateway.intake.offer(arrival, heard.peer)

    def _let_in(self, arrival: Arrival) -> None:
        """Answer a frame that says nothing but a name, at once.

        To be let in is not to be told "you may forget this": a device that signs in while
        PostgreSQL is away must still be able to cry for help.
        """
        self.write(arrival.ack)
        arrival.ack = b""

    def _spoken_by(self, peer: Peer) -> None:
        self._peer = peer
        unit_id = clean(peer.unit_id)
        if unit_id != self.unit_id:
            if self.unit_id and self._codec.one_unit_per_connection and not self._renamed:
                self._renamed = True
                _log.warning(
                    "a connection speaks by a second name",
                    extra={"unit": unit_id, "before": self.unit_id},
                )
            self._gateway.presence.gone(self, self.unit_id)
            self.unit_id = unit_id
            self._since = clock.now() if self._codec.one_unit_per_connection else None

    def _ask(self) -> None:
        """Who speaks is not known yet: read on when it is, which is soon."""
        self._asking = True
        self._pause()
        self._gateway.directory.ask(self._talk.waits_for, self._go_on)

    def _go_on(self) -> None:
        """Hear again what waited for an answer."""
        self._asking = False
        if self._transport is None:
            return
        self._resume()
        self._hear(b"")
        if self._ended and not self._asking:
            self._closing = True
            if not self._waiting:
                self._close()

    def _refresh(self) -> None:
        """Something changed in our records; perhaps how this very unit is set up."""
        directory = self._gateway.directory
        if not self.unit_id:
            self._known = directory.version
            return
        settings = directory.of(self.unit_id)
        if settings is None:
            directory.ask(self.unit_id)
            return
        self._known = directory.version
        if settings != self._talk.peer.settings:
            self._talk.peer = self._peer = replace(self._talk.peer, settings=settings)

    def _keep_unreadable(
        self, frame: bytes, reason: str, now: datetime, messages: Sequence[Message] = ()
    ) -> None:
        """Into quarantine; but whoever cries for help rings, though we do not know who it is."""
        arrival = Arrival(
            unit_id=self.unit_id,
            codec=self._codec.name,
            address=self.address,
            received_at=now,
            frame=frame[: self._codec.max_frame],
            reports=tuple([each for each in messages if type(each) is Report]),
            error=reason,
            on_settled=self._settled,
        )
        if arrival.life_safety:
            arrival.unit_id = unnamed(self.address)
        if self._gateway.may_quarantine(self.address):
            self._waiting.append(arrival)
            self._gateway.intake.offer(arrival, self._talk.peer)

    def _settled(self, settled: Arrival) -> None:
        """Answer, in the order in which the frames came."""
        if settled.conflict:
            self._gateway.presence.dispute(settled.unit_id, self._gateway.time())
        waiting = self._waiting
        answers = []
        while waiting and waiting[0].settled:
            arrival = waiting.pop(0)
            if arrival.kept and arrival.ack:
                answers.append(arrival.ack)
        if answers:
            self.write(answers[0] if len(answers) == 1 else b"".join(answers))
        if self._paused and not self._slowed and not self._asking and self._few():
            self._resume()
        if self._closing and not waiting:
            self._close()

    def _allowance(self) -> int:
        fullness = self._gateway.fullness()
        if fullness >= 1.0:
            return _ALLOWANCE_FULL
        if fullness >= 0.5 and self._waiting and _is_backlog(self._waiting[-1]):
            return _ALLOWANCE_BACKLOG
        return _ALLOWANCE

    def _too_many(self) -> bool:
        return len(self._waiting) > self._allowance()

    def _few(self) -> bool:
        return len(self._waiting) <= self._allowance() // 2

    def _pause(self) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._paused = True
            self._transport.pause_reading()
            if self._slowed:
                asyncio.get_running_loop().call_later(0.5, self._next_second)

    def _next_second(self) -> None:
        """It was the rate and not the queue, or not the queue alone: read again."""
        self._slowed = False
        if self._few() and not self._asking:
            self._resume()

    def _resume(self) -> None:
        if self._paused and self._transport is not None and not self._transport.is_closing():
            self._paused = False
            self._transport.resume_reading()

    def _close(self) -> None:
        if self._transport is not None:
            self._transport.close()


def _is_backlog(arrival: Arrival) -> bool:
    """Whether a frame brings history only."""
    return bool(arrival.reports) and all(
        report.buffered
        or (
            report.fix is not None
            and (arrival.received_at - report.fix.at).total_seconds() > _BACKLOG_S
        )
        for report in arrival.reports
    )
