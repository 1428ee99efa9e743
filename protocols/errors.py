"""The ways bytes can disappoint; the server acts on the type alone."""


class ProtocolError(Exception):
    """Something on the wire was not what the codec understands."""


class Malformed(ProtocolError, ValueError):
    """One frame is bad: skip it, count it, keep the connection.

    ``answer`` is what the protocol itself says to a bad frame (an HTTP 400,
    a negative acknowledgement); most say nothing. Any ``ValueError`` that
    escapes ``decode`` is treated as Malformed, so a codec may simply call
    ``int()`` or ``float()`` and let them object.
    """

    def __init__(self, reason: str, *, answer: bytes = b"") -> None:
        super().__init__(reason)
        self.answer = answer


class Corrupt(Malformed):
    """The frame fails its own check (checksum, tail, length).

    Its length cannot be trusted either, so the bytes behind its first mark
    are searched again: a good frame swallowed by a broken one still counts.
    """


class Locked(Malformed):
    """A whole frame of ``unit_id`` that we may not believe or cannot read.

    It is encrypted and we do not have the key, or not the right one; or it is
    not of now, or in a form that only its unit's settings could explain.
    """

    def __init__(self, reason: str, *, unit_id: str, answer: bytes = b"") -> None:
        super().__init__(reason, answer=answer)
        self.unit_id = unit_id


class Unframeable(ProtocolError):
    """No frame begins here. Search for the next mark; without one, hang up.

    ``heard`` is what a conversation had understood before it was lost.
    """

    heard: tuple[object, ...] = ()


class Unsupported(ProtocolError):
    """This device cannot carry out that command."""
