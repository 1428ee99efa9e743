"""The columns behind the place: distance, hours, analogues, battery, state, and what follows.

::

    vehicles:  00,15989.5,01070:43:13,13,180,,0,220101, …    km, hours, analogues, battery, state
    GV200:     00,17363.6,,,91,,00,00, …                     km, hours, analogues, inputs, outputs
    events:    00,1286.2                                     km
    pendants:  00,87                                         battery
               └ position append mask, or reserved
"""

from collections.abc import Sequence
from dataclasses import dataclass

from protocols.codecs.gl200.accessories import read_extension
from protocols.codecs.gl200.fields import hexadecimal, number, percent, read_state, whole
from protocols.codecs.gl200.kinds import IGNITION, STATES
from protocols.message import Readings, Signal
from protocols.settings import DeviceSettings

Others = dict[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tail:
    """The columns behind the place, and where what they say is written to.

    ``first`` is the column behind the position append mask.
    """

    kind: str
    fields: Sequence[str]
    columns: Sequence[str]
    first: int
    readings: Readings
    other: Others
    settings: DeviceSettings


def read_behind(
    kind: str,
    fields: Sequence[str],
    at: int,
    said: tuple[Readings, Others],
    settings: DeviceSettings,
) -> frozenset[Signal]:
    """Distance, hours, battery and state; signals from a digital input that is a button."""
    columns = fields[at:-2]
    if not columns:
        return frozenset()
    readings, other = said
    tail = _Tail(
        kind=kind,
        fields=fields,
        columns=columns,
        first=_after_append_mask(columns, readings),
        readings=readings,
        other=other,
        settings=settings,
    )
    state = _state_column(columns, tail.first)
    if state is not None:
        return _read_vehicle(tail, state)
    if kind in IGNITION:
        _read_hours(columns[tail.first : tail.first + 1], other)
        _read_odometer(columns[tail.first + 1 : tail.first + 2], readings)
        return frozenset()
    if len(columns) > tail.first + 5:
        return _read_wires(tail)
    _read_pendant(tail)
    return frozenset()


def _read_vehicle(tail: _Tail, state: int) -> frozenset[Signal]:
    """Distance, hours, analogues, battery, the state in that column, and what stands behind it."""
    columns, first = tail.columns, tail.first
    _read_distance(tail)
    _read_analogues(columns[first + 2 : state - 1], tail.other)
    if (charge := whole(columns[state - 1], most=100)) is not None:
        tail.readings["battery_pct"] = charge
    signals = _read_status(columns[state], tail)
    if tail.kind == "ERI":
        _read_extension(tail, state + 1)
    elif tail.kind == "FRI" and tail.fields[1][:2] in _WITH_ENGINE:
        _read_engine(columns[state + 1 :], tail)
    return signals


def _read_pendant(tail: _Tail) -> None:
    """A distance, or a battery, or neither."""
    columns, first = tail.columns, tail.first
    if len(columns) <= first:
        return
    _read_odometer(columns[first : first + 1], tail.readings)
    charge = percent(columns[first]) if columns[first] else percent(columns[-1])
    if charge is not None:
        tail.readings["battery_pct"] = charge
    if tail.kind == "ERI" and len(columns) > first + 2:
        degrees = number(columns[first + 2])
        if degrees is not None:
            tail.other["temperature_c"] = degrees


def _read_extension(tail: _Tail, at: int) -> None:
    mask = hexadecimal(tail.fields[4]) or 0
    read_extension(tail.columns, at, mask, tail.readings, tail.other)


def _after_append_mask(tail: Sequence[str], readings: Readings) -> int:
    """The column behind what the position append mask announces: satellites and the like."""
    mask = hexadecimal(tail[0]) if len(tail[0]) == 2 else 0
    if not mask or mask > 0x0F:
        return 1
    after = 1
    if mask & 1 and len(tail) > 1:
        if (satellites := whole(tail[1], most=99)) is not None:
            readings["satellites"] = satellites
        after = 2
    # Two single columns (kind of fix, satellite jamming), then three dilutions.
    return min(after + (mask >> 1 & 1) + (mask >> 2 & 1) + 3 * (mask >> 3), len(tail))


def _state_column(tail: Sequence[str], first: int) -> int | None:
    """Where the state of the device stands: six or ten hexadecimal digits behind a battery."""
    for at in range(first + 2, len(tail)):
        said = tail[at]
        if len(said) in {6, 10}:
            likely = said[:2] in STATES or said[0] in "01234"
            if likely and len(tail[at - 1]) <= 3 and hexadecimal(said) is not None:
                return at
        elif len(said) == 2 and said in STATES and at > first + 3 and percent(tail[at - 1]):
            return at
    return None


def _read_distance(tail: _Tail) -> None:
    _read_odometer(tail.columns[tail.first : tail.first + 1], tail.readings)
    _read_hours(tail.columns[tail.first + 1 : tail.first + 2], tail.other)


def _read_odometer(columns: Sequence[str], readings: Readings) -> None:
    for said in columns:
        if "." in said and (kilometres := number(said)) is not None:
            readings["odometer_m"] = round(kilometres * 1000, 1)


def _read_hours(columns: Sequence[str], other: Others) -> None:
    """Engine hours, written as 01070:43:13."""
    for said in columns:
        parts = [whole(part) for part in said.split(":")]
        match parts:
            case [int(hours), int(minutes), int(seconds)]:
                other["engine_hours"] = round(hours + minutes / 60 + seconds / 3600, 4)


def _read_analogues(columns: Sequence[str], other: Others) -> None:
    """Millivolts, or the level of a fuel sensor as F and a percentage."""
    for index, said in enumerate(columns, 1):
        if said.startswith("F") and (level := number(said[1:])) is not None:
            other[f"fuel{index}_pct"] = level
        elif (millivolts := whole(said, most=99_999)) is not None:
            other[f"analogue{index}_v"] = millivolts / 1000


def _read_status(said: str, tail: _Tail) -> frozenset[Signal]:
    """State, inputs (bit 0 is the ignition wire) and outputs, each two digits or, in ten, four."""
    read_state(said[:2], tail.readings)
    digits = (len(said) - 2) // 2
    if not digits:
        return frozenset()
    inputs = int(said[2 : 2 + digits], 16)
    tail.other["inputs"], tail.other["outputs"] = inputs, int(said[2 + digits :], 16)
    return tail.settings.inputs(inputs >> 1)


_WITH_ENGINE = frozenset({"1F", "36"})
"""GV500 by its device types: engine speed, consumption and fuel stand behind the state."""


def _read_engine(columns: Sequence[str], tail: _Tail) -> None:
    for name, said in zip(("rpm", "fuel_consumption", "fuel"), columns, strict=False):
        if (value := number(said)) is None:
            continue
        if name == "fuel":
            tail.readings["fuel"] = value
        else:
            tail.other[name] = value


def _read_wires(tail: _Tail) -> frozenset[Signal]:
    """GV200: km, hours, three analogues, then inputs and outputs as two digits each."""
    columns, first = tail.columns, tail.first
    _read_distance(tail)
    _read_analogues(columns[first + 2 : first + 5], tail.other)
    if len(columns) <= first + 6 or len(columns[first + 5]) != 2 or len(columns[first + 6]) != 2:
        return frozenset()
    inputs, outputs = hexadecimal(columns[first + 5]), hexadecimal(columns[first + 6])
    if inputs is None or outputs is None:
        return frozenset()
    tail.other["inputs"], tail.other["outputs"] = inputs, outputs
    if tail.kind == "ERI":
        _read_extension(tail, first + 7)
    return tail.settings.inputs(inputs >> 1)
