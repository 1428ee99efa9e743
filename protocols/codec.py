"""The shape of one device protocol, and the conversation one connection has."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal

from protocols.errors import Corrupt, Locked, Malformed, Unframeable
from protocols.message import Command, Message
from protocols.settings import AS_USUAL, DeviceSettings

Transport = Literal["tcp", "udp"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """Who is on the other end, as far as they and we know.

    unit_id   the name the device gave; "" until it has
    dialect   what the codec must remember between frames, in its own words
    settings  how our records say that it is set up
    """

    unit_id: str = ""
    dialect: str = ""
    settings: DeviceSettings = AS_USUAL

    @property
    def model(self) -> str:
        """The device model from our records; "" if unknown."""
        return self.settings.model

    def named(self, unit_id: str, dialect: str | None = None) -> "Peer":
        """This peer, now that it says who it is.

        What our records say of one unit is not said of another; ``dialect`` None: as before.
        """
        spoken = self.dialect if dialect is None else dialect
        if unit_id == self.unit_id and spoken == self.dialect:
            return self
        settings = self.settings if self.unit_id in {"", unit_id} else AS_USUAL
        return Peer(unit_id=unit_id, dialect=spoken, settings=settings)


@dataclass(frozen=True, slots=True, kw_only=True)
class Incoming:
    """What one frame said, and the bytes to answer once that is safely kept.

    The codec never answers by itself: the gateway sends ``ack`` after the
    messages are stored, or ``refusal`` if it will not serve this unit.
    ``peer`` is set when this frame told us who is speaking. ``follow_up`` goes
    out behind ``ack``, where datagrams are used in one of its own.
    """

    messages: tuple[Message, ...]
    ack: bytes = b""
    follow_up: bytes = b""
    refusal: bytes = b""
    peer: Peer | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Codec:
    """Four pure functions and a few facts. A device protocol is nothing more.

    frame_size  (buffer, start) -> bytes in the frame that starts there; None:
                need more bytes; raises Unframeable if no frame can start there
    agreed_size (buffer, start, peer) -> the same, where frames have the length that
                this peer agreed on before; None: frame_size knows by itself
    decode      (frame, peer, heard_at) -> what it means, and what to answer;
                raises Malformed, or Corrupt if the frame fails its own check
    encode      (command, peer) -> the bytes that carry it; raises Unsupported
    simulate    (message, peer) -> the bytes a device would have sent
    marks       byte strings a frame can start with: where to look again after
                garbage. Empty: garbage means hang up.
    port        the field's usual port; a setting can move it
    title       what people call these devices
    tells       what is decoded, for people: fixes, alarms, readings, and what else
    options     the switches of DeviceSettings.options that this codec knows, each explained
    one_unit_per_connection  False where a connection is a mere request (HTTP), or
                carries several units
    """

    name: str
    title: str
    port: int
    frame_size: Callable[[bytes, int], int | None]
    decode: Callable[[bytes, Peer, datetime], Incoming]
    encode: Callable[[Command, Peer], bytes]
    simulate: Callable[[Message, Peer], bytes]
    transports: tuple[Transport, ...] = ("tcp",)
    marks: tuple[bytes, ...] = ()
    max_frame: int = 4096
    read_timeout_s: float = 600.0
    one_unit_per_connection: bool = True
    commands: tuple[type[Command], ...] = field(default=())
    tells: str = ""
    options: Mapping[str, str] = field(default_factory=dict)
    agreed_size: Callable[[bytes, int, Peer], int | None] | None = None


SettingsOf = Callable[[str], DeviceSettings | None]


@dataclass(frozen=True, slots=True)
class Heard:
    """One frame as it came, who spoke, and what it said — or why it said nothing."""

    frame: bytes
    incoming: Incoming | None
    peer: Peer
    error: Malformed | None = None


class Conversation:
    """One device's side of one connection, without the connection.

    Bytes in, what was heard out. Holds the unread tail and who is speaking.
    Does no I/O, so it runs the same in a test as behind a socket.

    ``settings_of`` answers how a unit is set up, or None when that is not known
    yet: then ``waits_for`` names the unit, its frame stays unread, and
    ``receive(b"", …)`` goes on when the answer is there.
    """

    __slots__ = ("_garbage", "_settings_of", "_unread", "codec", "peer", "waits_for")

    def __init__(
        self, codec: Codec, peer: Peer | None = None, settings_of: SettingsOf | None = None
    ) -> None:
        self.codec = codec
        self.peer = peer or Peer()
        self.waits_for = ""
        self._settings_of = settings_of
        self._unread = b""
        self._garbage = 0

    @property
    def unread(self) -> int:
        """Bytes that wait for the rest of their frame."""
        return len(self._unread)

    def receive(self, data: bytes, heard_at: datetime) -> list[Heard]:
        """Everything complete in ``data`` and what waited before it.

        Raises Unframeable when there is no telling where a frame begins; what
        was heard before that point is on the exception as ``heard``.
        """
        buffer = self._unread + data if self._unread else data
        heard: list[Heard] = []
        start, end = 0, len(buffer)
        self.waits_for = ""
        try:
            while start < end:
                size = self._size_at(buffer, start, heard)
                if size is None:
                    break
                if size > 0:
                    size = self._understand(buffer[start : start + size], heard_at, heard)
                    if size == 0:
                        break
                start += abs(size)
        except Unframeable as lost:
            self._unread = b""
            lost.heard = tuple(heard)
            raise
        self._unread = buffer[start:]
        return heard

    def say(self, command: Command) -> bytes:
        """The bytes that carry ``command`` to this peer. Raises Unsupported."""
        return self.codec.encode(command, self.peer)

    def _understand(self, frame: bytes, heard_at: datetime, heard: list[Heard]) -> int:
        """Decode one frame; answer how many of its bytes are dealt with, 0 to wait."""
        try:
            incoming = self._decode(frame, heard_at)
        except Corrupt as error:
            inner = self._next_mark(frame, 1)
            if inner is None and self.codec.marks:
                # A frame that lost its last bytes has swallowed the first of the next.
                inner = self._half_a_mark(frame, 1)
            if inner is None or inner == len(frame):
                heard.append(Heard(frame, None, self.peer, error))
                return len(frame)
            self._note_garbage(inner, str(error))
            heard.append(Heard(frame[:inner], None, self.peer, error))
            return inner
        except (ValueError, OverflowError) as error:
            heard.append(self._refused(frame, error))
            return len(frame)
        if incoming is None:
            return 0
        if incoming.peer is not None:
            self.peer = incoming.peer
        self._garbage = 0
        heard.append(Heard(frame, incoming, self.peer))
        return len(frame)

    def _refused(self, frame: bytes, error: Exception) -> Heard:
        malformed = error if isinstance(error, Malformed) else Malformed(str(error))
        # Whoever holds the key can hear a locked frame again; so it is said whose key.
        peer = self.peer
        if isinstance(error, Locked):
            peer = replace(peer, unit_id=error.unit_id)
        return Heard(frame, None, peer, malformed)

    def _decode(self, frame: bytes, heard_at: datetime) -> Incoming | None:
        """What a frame means; None while we do not know how its unit is set up.

        A frame that names a unit is decoded again with that unit's settings.
        """
        peer, locked, incoming = self.peer, None, None
        try:
            incoming = self.codec.decode(frame, peer, heard_at)
            speaker = incoming.peer
            if speaker is None or speaker.unit_id == peer.unit_id:
                return incoming
            name, used = speaker.unit_id, speaker.settings
        except Locked as error:
            locked, name = error, error.unit_id
            used = peer.settings if name == peer.unit_id else AS_USUAL
        if self._settings_of is not None:
            settings = self._settings_of(name)
            if settings is None:
                self.waits_for = name
                return None
            if settings != used:
                known = Peer(dialect=peer.dialect, settings=settings)
                return self.codec.decode(frame, known, heard_at)
        if locked is not None:
            raise locked
        return incoming

    def _size_at(self, buffer: bytes, start: int, heard: list[Heard]) -> int | None:
        """Bytes in the frame at ``start``; None: not whole yet; negative: so much garbage."""
        limit = self.codec.max_frame
        waiting = len(buffer) - start
        try:
            if self.codec.agreed_size is None:
                size = self.codec.frame_size(buffer, start)
            else:
                size = self.codec.agreed_size(buffer, start, self.peer)
        except Unframeable as lost:
            return -self._garbage_at(buffer, start, heard, str(lost))
        if size is None:
            if waiting <= limit:
                return None
            return -self._garbage_at(buffer, start, heard, f"{waiting} bytes and no end of frame")
        if not 0 < size <= limit:
            return -self._garbage_at(
                buffer, start, heard, f"{size} bytes announced, {limit} allowed"
            )
        return size if size <= waiting else None

    def _garbage_at(self, buffer: bytes, start: int, heard: list[Heard], reason: str) -> int:
        """How much to skip until a frame may begin; what is skipped is heard as garbage."""
        if not self.codec.marks:
            raise Unframeable(reason)
        found = self._next_mark(buffer, start + 1)
        after = self._half_a_mark(buffer, start + 1) if found is None else found
        self._note_garbage(after - start, reason)
        heard.append(Heard(buffer[start:after], None, self.peer, Malformed(reason)))
        return after - start

    def _next_mark(self, buffer: bytes, start: int) -> int | None:
        places = [at for mark in self.codec.marks if (at := buffer.find(mark, start)) >= 0]
        return min(places, default=None)

    def _half_a_mark(self, buffer: bytes, start: int) -> int:
        """Where a mark begins whose end has not arrived; else the end of the buffer."""
        longest = max(map(len, self.codec.marks)) - 1
        for at in range(max(start, len(buffer) - longest), len(buffer)):
            if any(mark.startswith(buffer[at:]) for mark in self.codec.marks):
                return at
        return len(buffer)

    def _note_garbage(self, size: int, reason: str) -> None:
        self._garbage += size
        if self._garbage > self.codec.max_frame:
            raise Unframeable(f"{self._garbage} bytes and no frame among them: {reason}")
