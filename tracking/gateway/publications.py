"""What one connection to a broker brings: understood, kept, and acknowledged in order."""

import logging
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aiomqtt import Client, Message

from protocols import mqtt_publish
from protocols.codec import Conversation, Heard, Peer
from protocols.message import Report
from protocols.mqtt_publish import Publication
from protocols.settings import DeviceSettings
from tracking import clock
from tracking.gateway.names import clean
from tracking.gateway.rates import Meter
from tracking.gateway.topics import Filter
from tracking.ingest.arrival import Arrival

if TYPE_CHECKING:
    from tracking.gateway.server import Gateway

_log = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class Delivery:
    """One message that the broker waits to hear of; ``frames`` of it are not settled yet."""

    message_id: int
    qos: int
    frames: int = 1


@dataclass(slots=True, eq=False)
class Line:
    """One connection to the broker, and what it brought that has not been acknowledged."""

    client: Client
    gateway: "Gateway"
    filters: list[Filter]
    unknown: Meter
    waiting: deque[Delivery] = field(default_factory=deque)
    since: float = 0.0
    lost: bool = False

    def __post_init__(self) -> None:
        self.since = self.gateway.time()

    def acknowledge_at_once(self, message: Message) -> None:
        """The broker may forget a message that says nothing of a device."""
        self.waiting.append(Delivery(message.mid, message.qos))
        self._settle(self.waiting[-1])

    def take(self, message: Message) -> None:
        """Bring one message in."""
        topic = str(message.topic)
        for each in self.filters:
            unit_id = each.unit_of(topic)
            if unit_id is not None:
                break
        else:
            self.acknowledge_at_once(message)
            return
        delivery = Delivery(message.mid, message.qos)
        self.waiting.append(delivery)
        payload = message.payload if isinstance(message.payload, bytes) else b""
        publication = Publication(topic=topic, payload=payload, retained=message.retain)
        try:
            frame = mqtt_publish.written(publication)
        except ValueError as error:
            self._keep_unreadable(delivery, each, clean(unit_id), payload, str(error))
            self._settle(delivery)
            return
        self._listen(delivery, each, clean(unit_id), frame)

    def _listen(self, delivery: Delivery, each: Filter, unit_id: str, frame: bytes) -> None:
        """Understand a frame; later, if it is not known yet how its unit is set up."""
        directory = self.gateway.directory
        settings = directory.of(unit_id) if unit_id else DeviceSettings()
        waits_for = unit_id
        if settings is not None:
            talk = Conversation(
                each.codec, Peer(unit_id=unit_id, settings=settings), self.gateway.settings_of
            )
            heard = []
            try:
                heard = talk.receive(frame, clock.now())
            except Exception as error:  # noqa: BLE001 - see below
                # It would be told again for ever: whatever it is, it goes with the bytes.
                _log.exception("a publication cannot be read", extra={"unit": unit_id})
                reason = f"{type(error).__name__}: {error}"
                self._keep_unreadable(delivery, each, unit_id, frame, reason)
            waits_for = clean(talk.waits_for)
            for one in heard:
                self._keep(delivery, each, one)
            if not waits_for:
                self._settle(delivery)
                return
        directory.ask(waits_for, lambda: self._listen(delivery, each, unit_id, frame))

    def _keep(self, delivery: Delivery, each: Filter, heard: Heard) -> None:
        unit_id = clean(heard.peer.unit_id)
        if heard.incoming is None:
            self._keep_unreadable(delivery, each, unit_id, heard.frame, str(heard.error))
            return
        if not heard.incoming.messages:
            return
        reports = tuple(said for said in heard.incoming.messages if isinstance(said, Report))
        arrival = self._arrival(delivery, each, unit_id, heard.frame)
        arrival.reports = reports
        arrival.read_as = None if self.gateway.directory.knows(unit_id) else heard.peer
        if self._too_fast(unit_id) and not arrival.life_safety:
            self.gateway.intake.figures.refused_frames += 1
            return
        delivery.frames += 1
        self.gateway.intake.offer(arrival, heard.peer)

    def _keep_unreadable(
        self, delivery: Delivery, each: Filter, unit_id: str, frame: bytes, reason: str
    ) -> None:
        gateway = self.gateway
        gateway.intake.figures.malformed += 1
        if gateway.may_quarantine(f"mqtt {unit_id}"):
            arrival = self._arrival(delivery, each, unit_id, frame[: each.codec.max_frame])
            arrival.error = reason
            delivery.frames += 1
            gateway.intake.offer(arrival, Peer(unit_id=unit_id))

    def _arrival(self, delivery: Delivery, each: Filter, unit_id: str, frame: bytes) -> Arrival:
        return Arrival(
            unit_id=unit_id,
            codec=each.codec.name,
            address="mqtt",
            received_at=clock.now(),
            frame=frame,
            on_settled=lambda _: self._settle(delivery),
        )

    def _too_fast(self, unit_id: str) -> bool:
        """Whether a unit that nobody registered has said more than enough in this second.

        The broker has taken its word already, so there is no holding it back as on a socket.
        """
        gateway = self.gateway
        most = gateway.settings.frames_per_second_per_unknown_unit
        return (
            not gateway.directory.knows(unit_id)
            and self.unknown.count(unit_id, gateway.time()) > most
        )

    def _settle(self, delivery: Delivery) -> None:
        """One part of a delivery is done; acknowledge those that are, in their order.

        What was refused is acknowledged too: the broker has no use for it either.
        """
        delivery.frames -= 1
        while self.waiting and not self.waiting[0].frames:
            done = self.waiting.popleft()
            if not self.lost:
                self.client._client.ack(done.message_id, done.qos)  # noqa: SLF001 - see _client
