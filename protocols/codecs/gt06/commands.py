"""What we say to a GT06 unit: words in a frame of kind 80.

``size of what follows · server flag 4 · words``. The words are the same that the unit
takes by text message, so a model that has its own is a row in a table.
"""

from typing import assert_never

from protocols.codec import Peer
from protocols.codecs.gt06.frame import LONGEST_NARROW, seal
from protocols.errors import Unsupported
from protocols.message import (
    Command,
    Custom,
    Immobilise,
    Locate,
    Mobilise,
    PowerOff,
    Reboot,
    ReportEvery,
    SetSosNumber,
    SetTimezone,
)

_COMMAND = 0x80
_SERVER_FLAG = bytes(4)
_LONGEST = LONGEST_NARROW - 10
_SOS_NUMBERS = 3
_FASTEST_S, _SLOWEST_S = 5, 18_000
_QUARTERS = (0, 15, 30, 45)

_RELAY_WORDS = {"G109": ("DYD#", "HFYD#")}
_USUAL_RELAY_WORDS = ("Relay,1#", "Relay,0#")
"""To cut, and to restore."""


def encode(command: Command, peer: Peer) -> bytes:
    """The frame that carries ``command``. Raises Unsupported, and says what to do instead."""
    words = _words(command, peer.model.upper())
    if not words or not words.isascii():
        raise Unsupported(
            "GT06 units take words in plain ASCII letters; write the command without accents"
        )
    if len(words) > _LONGEST:
        raise Unsupported(
            f"{len(words)} letters are too many for one frame; send {_LONGEST} at a time"
        )
    said = _SERVER_FLAG + words.encode("ascii")
    return seal(_COMMAND, bytes((len(said),)) + said, 0)


def _words(command: Command, model: str) -> str:
    match command:
        case Custom():
            words = command.text
        case Immobilise() | Mobilise():
            cut, restore = _RELAY_WORDS.get(model, _USUAL_RELAY_WORDS)
            words = cut if isinstance(command, Immobilise) else restore
        case Locate():
            words = "WHERE#"
        case Reboot():
            words = "RESET#"
        case ReportEvery():
            words = _timer(command)
        case SetSosNumber():
            words = _sos_number(command)
        case SetTimezone():
            words = _zone(command)
        case PowerOff():
            raise Unsupported(
                "GT06 units have no common word for switching off; send the model's own as custom"
            )
        case _:
            assert_never(command)
    return words


def _timer(command: ReportEvery) -> str:
    if not _FASTEST_S <= command.seconds <= _SLOWEST_S:
        raise Unsupported(f"GT06 units report every {_FASTEST_S} to {_SLOWEST_S} seconds")
    return f"TIMER,{command.seconds},{command.seconds}#"


def _sos_number(command: SetSosNumber) -> str:
    if not 1 <= command.index <= _SOS_NUMBERS:
        raise Unsupported(f"GT06 units keep {_SOS_NUMBERS} SOS numbers; index from 1")
    if not command.phone.removeprefix("+").isdecimal() or not command.phone.isascii():
        raise Unsupported("a telephone number is digits, with + in front if international")
    return f"SOS,A,{',' * (command.index - 1)}{command.phone}#"


def _zone(command: SetTimezone) -> str:
    hours, minutes = divmod(abs(command.minutes), 60)
    if minutes not in _QUARTERS or hours > 12 + 2 * (command.minutes > 0):
        raise Unsupported("GT06 clocks keep whole quarters of an hour, 12 W to 14 E of Greenwich")
    return f"GMT,{'W' if command.minutes < 0 else 'E'},{hours},{minutes}#"
