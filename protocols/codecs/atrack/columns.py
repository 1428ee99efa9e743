"""The columns that an ATrack record ends in: ``%SA%MV%BV``, as the unit was told to send them.

In binary a column has a width of its own; in text it is what stands between two commas. A
column that nobody here knows ends what can be read of a binary record.
"""

import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from protocols.message import CellTower, Readings
from protocols.wire import text

LEADING = "CI"
"""The column that says: the names of the columns follow, in this very record."""

_BY_WIDTH = {
    1: "SA GQ GS DT EL TR FL ML PD RL IA MP MT CS DL",
    2: "MV BV RP LC ET MF SM",
    4: "CE CN PC AT FC EO EH",
    6: "GV",
    8: "CM ME",
    60: "GN",
}
_WIDTHS = {name: width for width, names in _BY_WIDTH.items() for name in names.split()}
_BYTES = frozenset({"GN", "GV"})
_STRINGS = frozenset({"VN", "CD", "GL", "NC", "MA", "HT"})
_END_OF_TEXT = "\x1a"
_MOST_COLUMNS = 80

_OTHERS: dict[str, str] = {
    "RP": "rpm",
    "TR": "throttle_pct",
    "EL": "engine_load_pct",
    "ET": "coolant_c",
    "IA": "intake_c",
    "FC": "fuel_consumption",
    "MF": "air_flow",
    "MP": "manifold_pressure",
    "ML": "malfunction_lamp",
    "PC": "pulses",
    "SM": "fastest_kmh",
    "VN": "vin",
    "CD": "iccid",
    "HT": "health",
    "MA": "mac",
    "PD": "trouble_code_state",
    "GV": "strongest_g",
}
_ENGINE_HOURS, _BEACON = "EH", "BC"


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """What the columns of one record said."""

    readings: Readings = field(default_factory=Readings)
    other: dict[str, object] = field(default_factory=dict)
    cells: tuple[CellTower, ...] = ()
    altitude_m: float | None = None
    buffered: bool = False


@lru_cache(maxsize=64)
def names_of(form: str) -> tuple[str, ...]:
    """``%CI%SA%MV`` as SA, MV: a unit repeats its form in every record."""
    names = (name.strip() for name in form.split("%")[1 : _MOST_COLUMNS + 1])
    return tuple(name for name in names if name != LEADING)


def from_bytes(said: bytes, start: int, names: Sequence[str]) -> tuple[dict[str, object], int]:
    """The columns in a binary record, and where they end; -1 after an unknown column."""
    found: dict[str, object] = {}
    at = start
    for name in names:
        if name in _STRINGS:
            end = said.find(b"\0", at)
            if end < 0:
                return found, -1
            found[name] = text(said[at:end]).strip()
            at = end + 1
            continue
        width = _WIDTHS.get(name) or (2 if name[:1] in ("Z", "T") or name[:2] == "AV" else 0)
        if not width or at + width > len(said):
            return found, -1
        raw = said[at : at + width]
        found[name] = raw.hex() if name in _BYTES else int.from_bytes(raw, "big")
        at += width
    return found, at


def from_words(words: list[str], names: Sequence[str]) -> dict[str, object]:
    """The columns in a record of text."""
    found: dict[str, object] = {}
    rest = iter(words)
    for name in names:
        word = next(rest, "")
        if name == "GL":
            # A link has a comma inside; it goes on to the mark that ends every long text.
            word = ",".join((word, *_until_marked(word, rest)))
        word = word.strip().rstrip(_END_OF_TEXT)
        number = word.removeprefix("-")
        is_number = name not in _STRINGS | _BYTES and name != _BEACON
        if is_number and number.isascii() and number.isdecimal() and len(number) <= 18:
            found[name] = int(word)
        elif word:
            found[name] = word
    return found


def meaning(said: Mapping[str, object]) -> Columns:
    """What a record's columns mean, in our words."""
    numbers = {name: value for name, value in said.items() if isinstance(value, int)}
    cells = _cell(numbers)
    other = {name: said[column] for column, name in _OTHERS.items() if said.get(column, "") != ""}
    if _ENGINE_HOURS in numbers:
        other["engine_h"] = numbers[_ENGINE_HOURS] / 10
    if isinstance(beacons := said.get(_BEACON), str):
        other |= _beacons(beacons)
    return Columns(
        readings=_readings(numbers, whole_cell=bool(cells)),
        other=other,
        cells=cells,
        altitude_m=float(_signed(numbers["AT"])) if "AT" in numbers else None,
        buffered=bool(numbers.get("DT")),
    )


def _readings(numbers: Mapping[str, int], *, whole_cell: bool) -> Readings:
    readings: Readings = {}
    if "SA" in numbers:
        readings["satellites"] = numbers["SA"]
    if "MV" in numbers:
        readings["power_v"] = numbers["MV"] / 10
    if "BV" in numbers:
        readings["battery_v"] = numbers["BV"] / 10
    if "FL" in numbers:
        readings["fuel"] = numbers["FL"]
    if "MT" in numbers:
        readings["motion"] = bool(numbers["MT"])
    if "EO" in numbers:
        # The vehicle's own odometer, where it is asked for, outranks the unit's.
        readings["odometer_m"] = numbers["EO"] * 100
    # The quality of the signal is the cell's where there is a whole cell.
    if whole_cell and "GS" in numbers:
        readings["rssi"] = numbers["GS"]
    elif not whole_cell and "GQ" in numbers:
        readings["rssi"] = -numbers["GQ"]
    return readings


def _until_marked(word: str, rest: Iterator[str]) -> Iterator[str]:
    while not word.endswith(_END_OF_TEXT):
        following = next(rest, None)
        if following is None:
            return
        word = following
        yield word


def _signed(number: int) -> int:
    return number - (1 << 32) if number >= 1 << 31 else number


def _cell(numbers: Mapping[str, int]) -> tuple[CellTower, ...]:
    """Cell, area, and country and network as one number: 310260."""
    cid, lac, network = numbers.get("CE"), numbers.get("LC"), numbers.get("CN")
    if not cid or not lac or not network:
        return ()
    mcc, mnc = divmod(network, 1000 if network >= 100_000 else 100)
    rssi = -numbers["GQ"] if "GQ" in numbers else None
    return (CellTower(mcc=mcc, mnc=mnc, lac=lac, cid=cid, rssi=rssi),)


_TAG = struct.Struct(">6sBhHb")  # address, frame kind, hundredths of a degree, mV, dBm


def _beacons(digits: str) -> dict[str, object]:
    """Tags in hexadecimal, each behind its length: address, temperature, battery, level."""
    try:
        said = bytes.fromhex(digits)
    except ValueError:
        return {}
    found: dict[str, object] = {}
    at, number = 0, 1
    while at < len(said) and number <= 16:
        tag = said[at + 1 : at + 1 + said[at]]
        if len(tag) >= _TAG.size:
            address, _, temperature, battery, rssi = _TAG.unpack_from(tag)
            found[f"tag_{number}_mac"] = address.hex(":")
            found[f"tag_{number}_c"] = temperature / 100
            found[f"tag_{number}_battery_v"] = battery / 1000
            found[f"tag_{number}_rssi"] = rssi
        at += 1 + said[at]
        number += 1
    return found
