"""Devices that send datagrams: one is a whole conversation, answered where it came from."""

import asyncio
import logging
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

from protocols.codec import Codec, Conversation, Heard, Incoming
from protocols.errors import Locked, Malformed, Unframeable
from protocols.message import Report
from protocols.settings import AS_USUAL, DeviceSettings
from tracking import clock
from tracking.gateway.names import clean, unnamed
from tracking.ingest.arrival import Arrival

if TYPE_CHECKING:
    from tracking.gateway.server import Gateway

_log = logging.getLogger(__name__)


class Datagrams(asyncio.DatagramProtocol):
    """All devices of one codec that speak UDP."""

    def __init__(self, gateway: "Gateway", codec: Codec) -> None:
        self._gateway = gateway
        self._codec = codec
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        gateway = self._gateway
        if gateway.fullness() >= 1.0 and not self._urgent(data):
            return  # not heard, not answered: the device will say it again
        self._listen(Conversation(self._codec, settings_of=self._gateway.settings_of), data, addr)

    def _listen(self, talk: Conversation, data: bytes, addr: tuple[str | Any, int]) -> None:
        """Take what is heard; once more when it is known how the unit is set up that spoke."""
        for one in self._hear(talk, data, clock.now()):
            self._take(one, addr)
        if talk.waits_for:
            self._gateway.directory.ask(talk.waits_for, lambda: self._listen(talk, b"", addr))

    def _hear(self, talk: Conversation, data: bytes, now: datetime) -> list[Heard]:
        """What a datagram says, up to where it ceases to say anything; that is unreadable."""
        try:
            heard = tuple(talk.receive(data, now))
            if not data or not talk.unread or talk.waits_for:
                return [*heard]
            # No more of it will come.
            data, reason = data[-talk.unread :], "a frame that was cut short"
        except Unframeable as lost:
            heard, reason = cast("tuple[Heard, ...]", lost.heard), str(lost)
        except Exception as error:  # noqa: BLE001 - a codec's mistake costs no bytes
            _log.exception("a codec failed", extra={"codec": self._codec.name})
            heard, reason = (), f"{type(error).__name__}: {error}"
        return [*heard, Heard(data, None, talk.peer, Malformed(reason))]

    def _take(self, heard: Heard, addr: tuple[str | Any, int]) -> None:
        gateway = self._gateway
        peer = heard.peer
        unit_id = clean(peer.unit_id)
        incoming = heard.incoming
        error = str(heard.error) if incoming is None else "" if unit_id else "no name in it"
        if error:
            gateway.intake.figures.malformed += 1
            # Addresses of datagrams can be made up, so there is a limit for all of them, too.
            if not (gateway.may_quarantine(addr[0]) and gateway.may_quarantine(self._codec.name)):
                return
        if heard.error is not None:
            self._send(gateway.directory.answer_to(heard.error, unit_id), addr)

        def answer(arrival: Arrival) -> None:
            if arrival.kept and arrival.ack:
                self._send(arrival.ack, addr)
                if incoming is not None and incoming.follow_up:
                    self._send(incoming.follow_up, addr)

        arrival = Arrival(
            unit_id=unit_id,
            codec=self._codec.name,
            address=addr[0],
            received_at=clock.now(),
            frame=heard.frame,
            reports=(
                ()
                if incoming is None
                else tuple(each for each in incoming.messages if isinstance(each, Report))
            ),
            error=error,
            read_as=None if gateway.directory.knows(unit_id) else peer,
            ack=b"" if incoming is None else incoming.ack,
            on_settled=answer,
        )
        if not unit_id and arrival.life_safety:
            arrival.unit_id = unnamed(addr[0])
        gateway.intake.offer(arrival, peer)

    def _send(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        if data and self._transport is not None:
            self._transport.sendto(data, addr)

    def _urgent(self, data: bytes) -> bool:
        """Whether a datagram cries for help; asked only when there is no room for others."""
        now = clock.now()
        unknown: list[str] = []

        def as_far_as_known(unit_id: str) -> DeviceSettings:
            settings = self._gateway.settings_of(unit_id)
            if settings is None:
                unknown.append(unit_id)
            return settings or AS_USUAL

        heard = self._hear(Conversation(self._codec, settings_of=as_far_as_known), data, now)
        # What is encrypted with a key that we have not looked up yet may be a cry for help.
        return any(
            one.peer.unit_id in unknown
            if isinstance(one.error, Locked)
            else one.incoming is not None and _cries_for_help(one.incoming, self._codec.name, now)
            for one in heard
        )


def _cries_for_help(incoming: Incoming, codec: str, now: datetime) -> bool:
    return Arrival(
        unit_id="",
        codec=codec,
        address="",
        received_at=now,
        frame=b"",
        reports=tuple(m for m in incoming.messages if isinstance(m, Report)),
    ).life_safety
