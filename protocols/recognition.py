"""Which protocol do these bytes speak? For frames that arrived at the wrong door.

Every codec tries to read them; who understands the most of them is the best guess.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import protocols
from protocols.codec import Codec, Conversation, Heard
from protocols.errors import Unframeable
from protocols.message import Heartbeat, Login, Report, Unknown

_MOST_BYTES = 4_096
_NEAR = timedelta(days=3_660)
_OFF = timedelta(days=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Guess:
    """A protocol that makes sense of the bytes; ``share`` is how many of them it read, 0 … 1."""

    codec: str
    share: float
    unit_id: str


def guesses(wire: bytes, heard_at: datetime, *, most: int = 3) -> Sequence[Guess]:
    """The likely protocols of these bytes, the likeliest first; none if nobody can read them.

    A fix in our time and a name outweigh a frame that merely has the right shape.
    """
    found = []
    for name in protocols.names():
        weight, guess = _read_by(protocols.get(name), wire[:_MOST_BYTES], heard_at)
        if weight > 0:
            found.append((weight, guess))
    found.sort(key=lambda each: (-each[0], each[1].codec))
    return [guess for _, guess in found[:most]]


def _read_by(codec: Codec, wire: bytes, heard_at: datetime) -> tuple[float, Guess]:
    talk = Conversation(codec)
    try:
        heard = talk.receive(wire, heard_at)
    except Unframeable as lost:
        heard = [each for each in lost.heard if isinstance(each, Heard)]
    understood = [each for each in heard if each.incoming is not None and each.incoming.messages]
    read = sum(len(each.frame) for each in understood)
    share = read / len(wire) if wire else 0.0
    guess = Guess(codec=codec.name, share=round(share, 3), unit_id=talk.peer.unit_id)
    if not understood:
        return 0.0, guess
    sense = sum(_sense(each, heard_at) for each in understood) / len(understood)
    return share * (sense + bool(guess.unit_id)) - len(heard) + len(understood), guess


def _sense(heard: Heard, heard_at: datetime) -> float:
    """How much a frame says that a wrong reading would hardly say."""
    assert heard.incoming is not None
    sense = 0.0
    for said in heard.incoming.messages:
        match said:
            case Report(fix=fix, readings=readings) if fix is not None:
                plausible = -_OFF < heard_at - fix.at < _NEAR and (fix.lat, fix.lon) != (0.0, 0.0)
                # Of two that see the same place, the one who sees more beside it knows the frame.
                sense = max(sense, (3.0 if plausible else 0.2) + 0.01 * len(readings))
            case Report() | Login():
                sense = max(sense, 1.0)
            case Heartbeat():
                sense = max(sense, 0.5)
            case Unknown():
                sense = max(sense, 0.1)
    return sense
