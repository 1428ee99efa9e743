"""How one device is set up, as far as its frames do not say it themselves.

The records of the platform hold this; a codec gets it with the peer and reads nothing else.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import cache
from zoneinfo import ZoneInfo

from protocols.message import Signal

Option = bool | int | str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceSettings:
    """What an installer chose, or a model's factory. Every field has "as usual" for a default.

    model         the maker's name of the model; "" if unknown
    time_zone     the clock the device puts on the wire: an IANA name or ``+08:00``;
                  "": the one that the protocol prescribes
    columns       a list of fields that the device was told to send, in the maker's notation
    panic_inputs  the digital inputs, counted from 1, that are a panic button
    alarms        what a code means on this device, where it differs from the codec's table; an
                  empty set says that it means nothing. The codec names the codes
    options       switches that only this codec knows (``Codec.options`` explains each)
    heartbeat_s   how often it says something, whatever happens; 0: as the protocol has it
    secret        what only the device and we know: a key in hexadecimal, a pass code
    """

    model: str = ""
    time_zone: str = ""
    columns: str = ""
    panic_inputs: frozenset[int] = frozenset()
    alarms: Mapping[str, frozenset[Signal]] = field(default_factory=dict)
    options: Mapping[str, Option] = field(default_factory=dict)
    heartbeat_s: int = 0
    secret: str = field(default="", repr=False)

    def zone(self, usual: tzinfo = UTC) -> tzinfo:
        """The clock on the wire. Raises ValueError for a zone that nobody knows."""
        return zone_called(self.time_zone) if self.time_zone else usual

    def utc(self, local: datetime, usual: tzinfo = UTC) -> datetime:
        """A time from the wire, which names no zone, in UTC."""
        return local.replace(tzinfo=self.zone(usual)).astimezone(UTC)

    def meaning(self, code: str, usual: frozenset[Signal]) -> frozenset[Signal]:
        """What an alarm code of this device says: ``usual``, unless it was set otherwise."""
        return self.alarms.get(code, usual) if self.alarms else usual

    def inputs(self, active: int) -> frozenset[Signal]:
        """PANIC if one of the panic inputs is on; ``active`` has bit 0 for input 1."""
        pressed = any(active >> (number - 1) & 1 for number in self.panic_inputs)
        return frozenset({Signal.PANIC}) if pressed else frozenset()

    def flag(self, name: str, usual: bool) -> bool:
        """A yes-or-no option of the codec."""
        return bool(self.options.get(name, usual))


def settings_from(said: Mapping[str, object], over: DeviceSettings | None = None) -> DeviceSettings:
    """Settings as JSON writes them; what is absent is as in ``over``. Raises ValueError.

    ``{"model": "CT-1", "time_zone": "+08:00", "columns": "", "panic_inputs": [1],
    "alarms": {"120": ["fall"]}, "options": {…}, "heartbeat_s": 300, "secret": ""}``;
    alarms and options are laid over those of ``over`` one by one.
    """
    usual = AS_USUAL if over is None else over
    if odd := sorted(said.keys() - set(_FIELDS)):
        raise ValueError(f"{', '.join(odd)}: no such setting; there are {', '.join(_FIELDS)}")
    texts = {}
    for name in ("model", "time_zone", "columns", "secret"):
        text = said.get(name, getattr(usual, name))
        if not isinstance(text, str):
            raise ValueError(f"{name} is a text, not {text!r}")
        texts[name] = text
    if texts["time_zone"]:
        zone_called(texts["time_zone"])
    return DeviceSettings(
        **texts,
        panic_inputs=_inputs(said.get("panic_inputs", usual.panic_inputs)),
        alarms={**usual.alarms, **_meanings(said.get("alarms", {}))},
        options={**usual.options, **_options(said.get("options", {}))},
        heartbeat_s=_seconds(said.get("heartbeat_s", usual.heartbeat_s)),
    )


def settings_as_json(settings: DeviceSettings) -> dict[str, object]:
    """What differs from the usual, as ``settings_from`` reads it. The secret is not told."""
    said: dict[str, object] = {
        name: getattr(settings, name)
        for name in ("model", "time_zone", "columns")
        if getattr(settings, name)
    }
    if settings.panic_inputs:
        said["panic_inputs"] = sorted(settings.panic_inputs)
    if settings.alarms:
        said["alarms"] = {code: sorted(means) for code, means in settings.alarms.items()}
    if settings.options:
        said["options"] = dict(settings.options)
    if settings.heartbeat_s:
        said["heartbeat_s"] = settings.heartbeat_s
    return said


AS_USUAL = DeviceSettings()
"""A device of which our records say nothing."""


@cache
def zone_called(name: str) -> tzinfo:
    """The zone of an IANA name or an offset as ``+08:00``. Raises ValueError."""
    if name[:1] in {"+", "-"}:
        hours, _, minutes = name[1:].partition(":")
        try:
            offset = timedelta(hours=int(hours), minutes=int(minutes or 0))
            return timezone(-offset if name[0] == "-" else offset)
        except ValueError:
            raise ValueError(f"{name!r} is no offset; write one as +08:00") from None
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError(f"{name!r} is no time zone; write Europe/Brussels or +01:00") from None


_FIELDS = (
    "model", "time_zone", "columns", "panic_inputs", "alarms", "options", "heartbeat_s", "secret",
)  # fmt: skip
_MOST_INPUTS = 64
_LONGEST_HEARTBEAT_S = 40 * 86_400


def _inputs(said: object) -> frozenset[int]:
    match said:
        case list() | frozenset() | tuple() if all(
            type(number) is int and 1 <= number <= _MOST_INPUTS for number in said
        ):
            return frozenset(said)
    raise ValueError(f"panic_inputs is a list of input numbers from 1, not {said!r}")


def _seconds(said: object) -> int:
    if type(said) is int and 0 <= said <= _LONGEST_HEARTBEAT_S:
        return said
    raise ValueError(f"heartbeat_s is a number of seconds up to 40 days, not {said!r}")


def _meanings(said: object) -> Mapping[str, frozenset[Signal]]:
    if not isinstance(said, Mapping):
        raise ValueError(f'alarms is an object as {{"120": ["fall"]}}, not {said!r}')
    found = {}
    for code, words in said.items():
        if not isinstance(words, list):
            raise ValueError(f"alarms: {code} means a list of signals, not {words!r}")
        known = [word for word in words if word in set(Signal)]
        if len(known) < len(words):
            raise ValueError(f"alarms: {words!r} for {code}; signals are {', '.join(Signal)}")
        found[str(code)] = frozenset(map(Signal, known))
    return found


def _options(said: object) -> Mapping[str, Option]:
    if isinstance(said, Mapping) and all(isinstance(o, bool | int | str) for o in said.values()):
        return {str(name): option for name, option in said.items()}
    raise ValueError(f"options is an object of switches, not {said!r}")
