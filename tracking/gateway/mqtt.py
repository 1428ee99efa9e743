"""Our place at an MQTT broker: whose turn it is to hear the devices that publish there.

The broker hands a publication over with QoS 1 and keeps it, in a session that outlives its
connection, until it has our PUBACK, which it gets after the commit (``publications.py``).

As usual there is one session for the house. One gateway has it, the others stand by: whoever has
it says so every few seconds (retained), and that it is gone when it goes; the broker says it for
one that was killed. With ``VIGIL_MQTT_SHARED`` each gateway has a session and a share of the work;
but a broker goes on handing a share to a session whose gateway has died, so the others take such a
session over and send its share elsewhere.

Why shares are not the usual way: Mosquitto (2.0.11) forgets shared subscriptions when it restarts,
and drops what devices publish before a gateway is back. A plain subscription it keeps.
"""

import asyncio
import contextlib
import logging
import random
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

from aiomqtt import Client, MqttError, ProtocolVersion, Will
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from protocols import mqtt_publish
from tracking.gateway.publications import Line
from tracking.gateway.rates import Meter
from tracking.gateway.topics import Filter, filters

if TYPE_CHECKING:
    from tracking.gateway.server import Gateway

_log = logging.getLogger(__name__)
_paho = logging.getLogger(f"{__name__}.paho")
_paho.setLevel(logging.CRITICAL)
"""What the library has to say of a lost connection, we say once and in our own words."""

_PORTS = {"mqtt": 1883, "mqtts": 8883}
_SESSION_S = 30 * 86_400
"""How long the broker keeps a session, and what is published meanwhile, while nobody has it."""

_KEEPALIVE_S = 10
_COMES_BACK_S = 2
"""A gateway that is back by then was not gone: its supervisor starts it again at once."""

_EVERYBODY = "devices"
"""The session of the house, where gateways do not share."""

_SAYS_SO_EVERY_S, _STALE_S = 4.0, 15.0
_RETAINED_COMES_WITHIN_S = 0.5
_NOT_ALL_AT_ONCE_S = 0.5
_DRAINED_S = 5.0
_PAUSE_S, _LONGEST_PAUSE_S = 0.1, 5.0
_GONE = "gone"
_ONLY_WHEN_NEW = 1
_REFUSED, _TAKEN_OVER = 0x80, 0x8E
_LOST = (MqttError, OSError, ValueError)


@dataclass(frozen=True, slots=True)
class _Word:
    """Who was last said to have a session, "gone" for nobody, and when that was heard."""

    holder: str
    heard_at: float


class Broker:
    """This gateway's part of what devices publish. Run ``run()`` as a task."""

    def __init__(self, gateway: "Gateway") -> None:
        """Raises ValueError for settings that cannot be."""
        settings = gateway.settings
        self._gateway = gateway
        self._settings = settings
        self._filters = filters(settings.mqtt_topics)
        self._address = urlsplit(settings.mqtt_url)
        if settings.mqtt_url and self._address.scheme not in _PORTS:
            raise ValueError(f"VIGIL_MQTT_URL: {settings.mqtt_url!r}; write mqtt:// or mqtts://")
        self._own = gateway.name if settings.mqtt_shared else _EVERYBODY
        self._unknown = Meter()
        self._words: dict[str, _Word] = {}
        self._listening_since: float | None = None
        self._stopping = False
        self.held: dict[str, Line] = {}
        """The sessions that are ours now."""

    async def run(self) -> None:
        """Hear what is published, until cancelled; a broker that is away is tried again."""
        if not self._address.hostname:
            return
        async with asyncio.TaskGroup() as group:
            for work in (
                self._follow_words,
                self._say_so,
                self._hear_when_it_is_our_turn,
                self._bring_in_the_orphans,
            ):
                group.create_task(self._again_and_again(work))

    def stop_hearing(self) -> None:
        """The gateway is stopping: what comes now stays with the broker."""
        self._stopping = True

    async def _again_and_again(self, work: Callable[[], Awaitable[None]]) -> None:
        pause_s = _PAUSE_S
        while not self._stopping:
            began = self._gateway.time()
            try:
                await work()
            except _LOST as error:
                self._lost(error)
            if self._gateway.time() - began > _LONGEST_PAUSE_S:
                pause_s = _PAUSE_S
            await asyncio.sleep(pause_s * _lot())
            pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)

    # ── whose turn it is ──────────────────────────────────────────────────────────────────────

    async def _follow_words(self) -> None:
        """Hear who has which session, over a connection that leaves nothing behind."""
        async with self._client(f"{self._gateway.name}-follows", lasting=False) as client:
            await client.subscribe(self._word_of("+"), qos=1)
            self._listening_since = self._gateway.time()
            if not self.held:
                self._gateway.intake.figures.mqtt = "stands by"
            try:
                async for message in client.messages:
                    session = str(message.topic).rpartition("/")[2]
                    payload = message.payload if isinstance(message.payload, bytes) else b""
                    holder = payload.decode("utf-8", "replace")
                    self._words[session] = _Word(holder, self._gateway.time())
            finally:
                self._listening_since = None

    def _is_free(self, session: str) -> bool:
        """Whether nobody has a session, as far as has been said. Nothing is known at first."""
        now = self._gateway.time()
        if self._listening_since is None:
            return False
        word = self._words.get(session)
        if word is not None and word.holder == self._gateway.name:
            return True
        listening_s = now - self._listening_since
        if word is None or word.holder in {"", _GONE}:
            return listening_s > _RETAINED_COMES_WITHIN_S
        return min(now - word.heard_at, listening_s) > _STALE_S

    async def _until_free(self, session: str) -> None:
        while True:
            while not self._is_free(session):  # noqa: ASYNC110 - time alone makes it free, too
                await asyncio.sleep(0.1)
            word = self._words.get(session)
            if word is not None and word.holder == self._gateway.name:
                return
            await asyncio.sleep(_NOT_ALL_AT_ONCE_S * _lot())
            if self._is_free(session):
                return

    # ── what is done when it is ours ──────────────────────────────────────────────────────────

    async def _hear_when_it_is_our_turn(self) -> None:
        if not self._settings.mqtt_shared:
            await self._until_free(self._own)
        async with self._session(self._own) as line:
            await self._subscribe(line.client)
            self._gateway.intake.figures.mqtt = "connected"
            _log.info("hearing an MQTT broker", extra={"session": self._own})
            async for message in line.client.messages:
                if not self._stopping:
                    line.take(message)

    async def _bring_in_the_orphans(self) -> None:
        """Take over what waits for gateways that are gone, one after the other."""
        while True:
            for session, word in list(self._words.items()):
                if session != self._own and word.holder and self._is_free(session):
                    await self._until_free(session)
                    await self._adopt(session)
            await asyncio.sleep(0.2)

    async def _adopt(self, session: str) -> None:
        """Bring in what waits in a session that nobody has, and send its share elsewhere."""
        async with self._session(session) as line:
            _log.warning("taking over for a gateway that is gone", extra={"session": session})
            for each in self._filters:
                await line.client.unsubscribe([each.subscription, self._shared(each)])
            while not self._stopping:
                try:
                    async with asyncio.timeout(_DRAINED_S) as patience:
                        async for message in line.client.messages:
                            line.take(message)
                            patience.reschedule(self._gateway.time() + _DRAINED_S)
                except TimeoutError:
                    if not line.waiting:
                        await self._leave_word(line.client, session, "")
                        self._words.pop(session, None)
                        return

    async def _subscribe(self, client: Client) -> None:
        options = SubscribeOptions(qos=1, retainHandling=_ONLY_WHEN_NEW)
        for each in self._filters:
            answers = await client.subscribe(self._subscription(each), options=options)
            if any(cast("int", getattr(answer, "value", answer)) >= _REFUSED for answer in answers):
                _log.error("the broker refuses us a topic", extra={"topic": each.subscription})

    async def _say_so(self) -> None:
        """Tell the others again and again which sessions are ours."""
        while True:
            await asyncio.sleep(_SAYS_SO_EVERY_S)
            for session, line in list(self.held.items()):
                with contextlib.suppress(*_LOST):  # who hears it notices, too
                    await self._leave_word(line.client, session, self._gateway.name)
                    self._notice_silence(session, line)

    def _notice_silence(self, session: str, line: Line) -> None:
        """Our own word must come back to us; else the others do not hear it either."""
        word = self._words.get(session)
        heard_at = word.heard_at if word is not None else line.since
        silent_s = self._gateway.time() - max(heard_at, line.since)
        if _STALE_S < silent_s <= _STALE_S + _SAYS_SO_EVERY_S:
            _log.error(
                "the broker does not tell us who hears it: it must let us read and write there",
                extra={"topic": self._word_of("+")},
            )

    @asynccontextmanager
    async def _session(self, session: str) -> AsyncIterator[Line]:
        """A session, and what waits in it; whoever had it loses it. Raises MqttError."""
        client = self._client(session, lasting=True)
        async with client:
            line = self.held[session] = Line(client, self._gateway, self._filters, self._unknown)
            try:
                await self._leave_word(client, session, self._gateway.name)
                yield line
            finally:
                line.lost = True
                self.held.pop(session, None)
                if self._stopping:
                    with contextlib.suppress(TimeoutError, *_LOST):
                        async with asyncio.timeout(1.0):
                            await self._leave_word(client, session, _GONE)

    def _client(self, identifier: str, *, lasting: bool) -> Client:
        settings, address = self._settings, self._address
        wishes = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        wishes.SessionExpiryInterval = _SESSION_S if lasting else 0
        # What is not acknowledged is held by the broker beyond that: nothing grows without bound.
        wishes.ReceiveMaximum = min(settings.pending_frames, 65_535)
        wishes.MaximumPacketSize = 2 * mqtt_publish.MAX_FRAME
        late = Properties(PacketTypes.WILLMESSAGE)  # type: ignore[no-untyped-call]
        late.WillDelayInterval = _COMES_BACK_S
        will = Will(self._word_of(identifier), _GONE, qos=1, retain=True, properties=late)
        client = Client(
            address.hostname or "",
            address.port or _PORTS[address.scheme],
            username=settings.mqtt_user or None,
            password=settings.mqtt_password or None,
            identifier=f"{settings.mqtt_name}-{identifier}",
            protocol=ProtocolVersion.V5,
            clean_start=not lasting,
            properties=wishes,
            keepalive=_KEEPALIVE_S,
            tls_context=_tls(settings.mqtt_ca) if address.scheme == "mqtts" else None,
            will=will if lasting else None,
            logger=_paho,
        )
        if lasting:
            client._client.manual_ack_set(True)  # noqa: SLF001 - aiomqtt has no way of its own
        return client

    async def _leave_word(self, client: Client, session: str, holder: str) -> None:
        await client.publish(self._word_of(session), holder.encode(), qos=1, retain=True)

    def _word_of(self, session: str) -> str:
        """Where it is said who has a session."""
        return f"{self._settings.mqtt_name}/gateways/{session}"

    def _subscription(self, each: Filter) -> str:
        return self._shared(each) if self._settings.mqtt_shared else each.subscription

    def _shared(self, each: Filter) -> str:
        return f"$share/{self._settings.mqtt_name}/{each.subscription}"

    def _lost(self, error: Exception) -> None:
        figures = self._gateway.intake.figures
        if _taken_over(error):
            _log.info("another gateway has taken a session over", extra={"error": str(error)})
            return
        if figures.mqtt != "away":
            _log.warning("the MQTT broker is away", extra={"error": str(error)})
            figures.failed(f"MQTT broker: {error}")
        figures.mqtt = "away"


def _taken_over(error: Exception) -> bool:
    """Whether the broker hung up because somebody else came for the same session."""
    code = getattr(error.__cause__, "rc", None)
    return getattr(code, "value", code) == _TAKEN_OVER


def _lot() -> float:
    return random.uniform(0.3, 1.0)  # noqa: S311 - it spreads gateways, and keeps no secret


def _tls(authority: Path | None) -> ssl.SSLContext:
    """What a broker must show: a certificate of that authority, or of a public one."""
    return ssl.create_default_context(cafile=authority)
