"""Devices that publish to an MQTT broker: hear → keep → acknowledge, for a broker's sake.

Every gateway has a session of its own at the broker and a share of the messages. The broker hands
one over with QoS 1 and keeps it until it has our PUBACK, which it gets after the commit.

A broker goes on handing a share to a session whose gateway has died, and there it would wait. So
a gateway leaves word when it goes (the broker says it for one that was killed), and another takes
the dead one's session over, and with it what waits there, until it comes back.
"""

import asyncio
import contextlib
import logging
import random
import ssl
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

from aiomqtt import Client, Message, MqttCodeError, MqttError, ProtocolVersion, Will
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from protocols import mqtt_publish
from protocols.codec import Conversation, Heard, Peer
from protocols.errors import Unframeable
from protocols.message import Report
from protocols.mqtt_publish import Publication
from protocols.settings import DeviceSettings
from tracking import clock
from tracking.gateway.connection import clean
from tracking.gateway.rates import Meter
from tracking.gateway.topics import Filter, filters
from tracking.ingest.arrival import Arrival

if TYPE_CHECKING:
    from tracking.gateway.server import Gateway

_log = logging.getLogger(__name__)

_PORTS = {"mqtt": 1883, "mqtts": 8883}
_SESSION_S = 30 * 86_400
"""How long the broker keeps a session, and what is published meanwhile, while nobody has it."""

_KEEPALIVE_S = 10
_COMES_BACK_S = 2
"""A gateway that is back by then was not gone: its supervisor starts it again at once."""

_TAKE_OVER_WITHIN_S = 1.0
_DRAINED_S = 5.0
_PAUSE_S, _LONGEST_PAUSE_S = 0.2, 10.0
_HERE, _GONE = b"here", b"gone"
_ONLY_WHEN_NEW = 1
_TAKEN_OVER = 0x8E


class Broker:
    """This gateway's part of what devices publish. Run ``run()`` as a task."""

    def __init__(self, gateway: "Gateway") -> None:
        self._gateway = gateway
        self._settings = gateway.settings
        self._filters = filters(gateway.settings.mqtt_topics)
        self._address = urlsplit(gateway.settings.mqtt_url)
        if self._settings.mqtt_url and self._address.scheme not in _PORTS:
            raise ValueError(
                f"VIGIL_MQTT_URL: {self._settings.mqtt_url!r}; write mqtt:// or mqtts://"
            )
        self._unknown = Meter()
        self._lines: set[_Line] = set()
        self._adoptions: dict[str, asyncio.Task[None]] = {}
        self._stopping = False

    async def run(self) -> None:
        """Hear what is published, until cancelled; a broker that is away is tried again."""
        if not self._address.hostname:
            return
        pause_s = _PAUSE_S
        async with asyncio.TaskGroup() as group:
            while True:
                try:
                    async with self._session(self._gateway.name) as line:
                        await self._begin(line)
                        pause_s = _PAUSE_S
                        await self._hear(line, group)
                except (MqttError, OSError, ValueError) as error:
                    self._away(error)
                await asyncio.sleep(pause_s * random.uniform(0.5, 1.0))  # noqa: S311 - no secret
                pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)

    def stop_hearing(self) -> None:
        """The gateway is stopping: what comes now stays with the broker."""
        self._stopping = True

    async def _begin(self, line: "_Line") -> None:
        """Take our share, and say that we are here. Raises MqttError."""
        await line.client.publish(self._word_of(self._gateway.name), _HERE, qos=1, retain=True)
        for each in self._filters:
            options = SubscribeOptions(qos=1, retainHandling=_ONLY_WHEN_NEW)
            answers = await line.client.subscribe(self._shared(each), options=options)
            if any(cast("int", getattr(answer, "value", answer)) >= 0x80 for answer in answers):
                _log.error("the broker refuses a topic", extra={"topic": each.subscription})
        await line.client.subscribe(self._word_of("+"), qos=1)
        self._gateway.intake.figures.mqtt = "connected"
        _log.info("connected to the MQTT broker", extra={"gateway": self._gateway.name})

    async def _hear(self, line: "_Line", group: asyncio.TaskGroup) -> None:
        words = self._word_of("")
        try:
            async for message in line.client.messages:
                topic = str(message.topic)
                if topic.startswith(words):
                    line.acknowledge_at_once(message)
                    self._hear_of(topic.removeprefix(words), message.payload, group)
                elif not self._stopping:
                    line.take(message)
        finally:
            if self._stopping:
                await self._say_good_bye(line)

    async def _say_good_bye(self, line: "_Line") -> None:
        with contextlib.suppress(MqttError, TimeoutError):
            async with asyncio.timeout(1.0):
                word = self._word_of(self._gateway.name)
                await line.client.publish(word, _GONE, qos=1, retain=True)

    def _hear_of(self, name: str, word: object, group: asyncio.TaskGroup) -> None:
        """Another gateway has come or gone."""
        if name == self._gateway.name or self._stopping:
            return
        adoption = self._adoptions.pop(name, None)
        if adoption is not None:
            adoption.cancel()
        if word == _GONE:
            self._adoptions[name] = group.create_task(self._adopt(name))

    async def _adopt(self, name: str) -> None:
        """Bring in what waits for a gateway that is gone, and send its share elsewhere."""
        # Who comes first has it; who comes next would only take it away again.
        await asyncio.sleep(random.uniform(0.1, 1.0) * _TAKE_OVER_WITHIN_S)  # noqa: S311 - the same
        try:
            async with self._session(name) as line:
                for each in self._filters:
                    await line.client.unsubscribe(self._shared(each))
                await line.client.unsubscribe(self._word_of("+"))
                _log.warning("taking over for a gateway that is gone", extra={"gateway": name})
                await self._drain(line)
                await line.client.publish(self._word_of(name), b"", qos=1, retain=True)
        except MqttError as error:
            if isinstance(error.__cause__, MqttCodeError) and _code(error.__cause__) == _TAKEN_OVER:
                _log.info("somebody else has its session", extra={"gateway": name})
            else:
                _log.warning("cannot take over", extra={"gateway": name, "error": str(error)})

    async def _drain(self, line: "_Line") -> None:
        """Take what comes until nothing has come for a while and nothing waits."""
        messages = line.client.messages
        while not self._stopping:
            try:
                async with asyncio.timeout(_DRAINED_S):
                    message = await anext(messages)
            except TimeoutError:
                if not line.waiting:
                    return
            else:
                line.take(message)

    @asynccontextmanager
    async def _session(self, name: str) -> "AsyncIterator[_Line]":
        """A session by the name of a gateway, with what waits in it. Raises MqttError."""
        client = self._client(name)
        async with client:
            line = _Line(client, self._gateway, self._filters, self._unknown)
            self._lines.add(line)
            try:
                yield line
            finally:
                line.lost = True
                self._lines.discard(line)

    def _client(self, name: str) -> Client:
        settings, address = self._settings, self._address
        session = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        session.SessionExpiryInterval = _SESSION_S
        # What is not acknowledged is held by the broker beyond that: nothing grows without bound.
        session.ReceiveMaximum = min(settings.pending_frames, 65_535)
        session.MaximumPacketSize = 2 * mqtt_publish.MAX_FRAME
        will = Properties(PacketTypes.WILLMESSAGE)  # type: ignore[no-untyped-call]
        will.WillDelayInterval = _COMES_BACK_S
        client = Client(
            address.hostname or "",
            address.port or _PORTS[address.scheme],
            username=settings.mqtt_user or None,
            password=settings.mqtt_password or None,
            identifier=f"{settings.mqtt_name}-{name}",
            protocol=ProtocolVersion.V5,
            clean_start=False,
            properties=session,
            keepalive=_KEEPALIVE_S,
            tls_context=_tls(settings.mqtt_ca) if address.scheme == "mqtts" else None,
            will=Will(self._word_of(name), _GONE, qos=1, retain=True, properties=will),
        )
        client._client.manual_ack_set(True)  # noqa: SLF001 - aiomqtt itself has no acknowledging
        return client

    def _word_of(self, name: str) -> str:
        """Where a gateway leaves word of itself."""
        return f"{self._settings.mqtt_name}/gateways/{name}"

    def _shared(self, each: Filter) -> str:
        return f"$share/{self._settings.mqtt_name}/{each.subscription}"

    def _away(self, error: Exception) -> None:
        figures = self._gateway.intake.figures
        if figures.mqtt != "away":
            _log.warning("the MQTT broker is away", extra={"error": str(error)})
            figures.failed(f"MQTT broker: {error}")
        figures.mqtt = "away"


@dataclass(slots=True, eq=False)
class _Delivery:
    """One message that the broker waits to hear of; ``frames`` of it are not settled yet."""

    message_id: int
    qos: int
    frames: int = 1


@dataclass(slots=True, eq=False)
class _Line:
    """One connection to the broker, and what it brought that has not been acknowledged."""

    client: Client
    gateway: "Gateway"
    filters: list[Filter]
    unknown: Meter
    waiting: deque[_Delivery] = field(default_factory=deque)
    lost: bool = False

    def acknowledge_at_once(self, message: Message) -> None:
        """The broker may forget a message that says nothing of a device."""
        self.waiting.append(_Delivery(message.mid, message.qos))
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
        delivery = _Delivery(message.mid, message.qos)
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

    def _listen(self, delivery: _Delivery, each: Filter, unit_id: str, frame: bytes) -> None:
        """Understand a frame; later, if it is not known yet how its unit is set up."""
        directory = self.gateway.directory
        settings = directory.of(unit_id) if unit_id else DeviceSettings()
        waits_for = unit_id
        if settings is not None:
            talk = Conversation(
                each.codec, Peer(unit_id=unit_id, settings=settings), self._settings_of
            )
            try:
                heard = talk.receive(frame, clock.now())
            except Unframeable as error:
                self._keep_unreadable(delivery, each, unit_id, frame, str(error))
                heard = []
            waits_for = clean(talk.waits_for)
            for one in heard:
                self._keep(delivery, each, one)
            if not waits_for:
                self._settle(delivery)
                return
        directory.ask(waits_for, lambda: self._listen(delivery, each, unit_id, frame))

    def _settings_of(self, unit_id: str) -> DeviceSettings | None:
        return self.gateway.directory.of(clean(unit_id))

    def _keep(self, delivery: _Delivery, each: Filter, heard: Heard) -> None:
        unit_id = clean(heard.peer.unit_id)
        if heard.incoming is None:
            self._keep_unreadable(delivery, each, unit_id, heard.frame, str(heard.error))
            return
        if not heard.incoming.messages:
            return
        reports = tuple(said for said in heard.incoming.messages if isinstance(said, Report))
        arrival = self._arrival(delivery, each, unit_id, heard.frame)
        arrival.reports = reports
        if self._too_fast(unit_id) and not arrival.life_safety:
            self.gateway.intake.figures.refused_frames += 1
            return
        delivery.frames += 1
        self.gateway.intake.offer(arrival, heard.peer)

    def _keep_unreadable(
        self, delivery: _Delivery, each: Filter, unit_id: str, frame: bytes, reason: str
    ) -> None:
        gateway = self.gateway
        gateway.intake.figures.malformed += 1
        if gateway.may_quarantine(f"mqtt {unit_id}"):
            arrival = self._arrival(delivery, each, unit_id, frame[: each.codec.max_frame])
            arrival.error = reason
            delivery.frames += 1
            gateway.intake.offer(arrival, Peer(unit_id=unit_id))

    def _arrival(self, delivery: _Delivery, each: Filter, unit_id: str, frame: bytes) -> Arrival:
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

    def _settle(self, delivery: _Delivery) -> None:
        """One part of a delivery is done; acknowledge those that are, in their order.

        What was refused is acknowledged too: the broker has no use for it either.
        """
        delivery.frames -= 1
        while self.waiting and not self.waiting[0].frames:
            done = self.waiting.popleft()
            if not self.lost:
                self.client._client.ack(done.message_id, done.qos)  # noqa: SLF001 - see _client


def _code(error: MqttCodeError) -> int:
    return cast("int", getattr(error.rc, "value", error.rc))


def _tls(authority: Path | None) -> ssl.SSLContext:
    """What a broker must show: a certificate of that authority, or of a public one."""
    return ssl.create_default_context(cafile=authority)
