"""Reports in letters: AAA, and AFF for those that waited in the device.

::

    event,lat,lon,yymmddHHMMSS,A|V,satellites,GSM,km/h,course,hdop,altitude,metres,seconds,
    country|network|area|cell, inputs and outputs, analogue|…|battery|power,
    event data, ?, version, fuel, temperature …
"""

from collections.abc import Sequence
from datetime import UTC, datetime

from protocols.codecs.meitrack.events import CARD_SHOWN, signals_of
from protocols.errors import Malformed
from protocols.message import CellTower, Fix, Readings, Report
from protocols.settings import DeviceSettings
from protocols.wire import finite_at, text

_LEAST_FIELDS = 13
_CELL, _IO, _ANALOGUE, _EVENT_DATA, _FUEL, _FIRST_TEMPERATURE = 13, 14, 15, 16, 19, 20


def written_report(said: bytes, settings: DeviceSettings, *, buffered: bool = False) -> Report:
    """What one line says, from the event on. An alarm stands even where the rest breaks off."""
    fields = text(said).split(",")
    event = _whole(fields, 0)
    if event is None:
        raise Malformed("no event number")
    inputs, outputs = _inputs_and_outputs(fields)
    at = _moment(fields)
    other: dict[str, object] = {"event": event, "inputs": inputs, "outputs": outputs}
    readings = _readings(fields, event, other)
    return Report(
        fix=None if at is None else _fix(fields, at),
        at=at,
        signals=signals_of(event, inputs, settings),
        readings=readings,
        cells=_cells(fields),
        buffered=buffered,
        other=other,
        record=said,
    )


def _moment(fields: Sequence[str]) -> datetime | None:
    """YymmddHHMMSS in UTC; None if no such moment exists or it is not there."""
    try:
        clock = fields[3]
        if len(clock) != 12:
            return None
        return datetime(
            2000 + int(clock[:2]),
            int(clock[2:4]),
            int(clock[4:6]),
            int(clock[6:8]),
            int(clock[8:10]),
            int(clock[10:]),
            tzinfo=UTC,
        )
    except (ValueError, IndexError):
        return None


def _fix(fields: Sequence[str], at: datetime) -> Fix | None:
    """The place; None if it is not one."""
    try:
        return Fix(
            at=at,
            lat=float(fields[1]),
            lon=float(fields[2]),
            valid=fields[4] == "A",
            speed_kmh=finite_at(fields, 7),
            course_deg=finite_at(fields, 8),
            altitude_m=finite_at(fields, 10),
        )
    except (ValueError, IndexError):
        return None


def _readings(fields: Sequence[str], event: int, other: dict[str, object]) -> Readings:
    readings: Readings = {}
    if (satellites := _whole(fields, 5)) is not None:
        readings["satellites"] = satellites
    if (rssi := _whole(fields, 6)) is not None:
        readings["rssi"] = rssi
    if (hdop := finite_at(fields, 9)) is not None:
        readings["hdop"] = hdop
    if (odometer := finite_at(fields, 11)) is not None:
        readings["odometer_m"] = odometer
    if (runtime := _whole(fields, 12)) is not None:
        other["runtime_s"] = runtime
    _note_voltages(fields, readings, other)
    _note_sensors(fields, event, readings, other)
    return readings


def _note_voltages(fields: Sequence[str], readings: Readings, other: dict[str, object]) -> None:
    """``battery|power|…`` with a point, or ``analogue|analogue|analogue|battery|power`` in hex."""
    if len(fields) <= _ANALOGUE:
        return
    said = fields[_ANALOGUE].split("|")
    if "." in said[0]:
        voltages = [finite_at(said, 0), finite_at(said, 1)]
    else:
        for number, word in enumerate(said[:3], 1):
            if (value := _hexadecimal([word], 0)) is not None:
                other[f"analogue_{number}"] = value
        hundredths = [_hexadecimal(said, 3), _hexadecimal(said, 4)]
        voltages = [None if value is None else value / 100 for value in hundredths]
    battery, power = voltages
    if battery is not None:
        readings["battery_v"] = battery
    if power is not None:
        readings["power_v"] = power


def _note_sensors(
    fields: Sequence[str], event: int, readings: Readings, other: dict[str, object]
) -> None:
    """What stands behind the voltages: event data, fuel in hundredths, temperatures."""
    if len(fields) > _EVENT_DATA and (data := fields[_EVENT_DATA]):
        if event == CARD_SHOWN:
            readings["driver_id"] = data
        else:
            other["event_data"] = data
    if (fuel := _hexadecimal(fields, _FUEL)) is not None:
        readings["fuel"] = fuel / 100
    for at in range(_FIRST_TEMPERATURE, min(len(fields), _FIRST_TEMPERATURE + 8)):
        sensed = _hexadecimal(fields, at) if len(fields[at]) == 6 else None
        if sensed is not None:
            degrees = sensed & 0xFFFF
            degrees -= 0x10000 if degrees & 0x8000 else 0
            other[f"temperature_{sensed >> 16}_c"] = degrees / 100


def _inputs_and_outputs(fields: Sequence[str]) -> tuple[int, int]:
    """Four hexadecimal digits: a byte of inputs, a byte of outputs; bit 0 is the first."""
    both = _hexadecimal(fields, _IO)
    return (0, 0) if both is None else (both >> 8 & 0xFF, both & 0xFF)


def _cells(fields: Sequence[str]) -> tuple[CellTower, ...]:
    if len(fields) <= _CELL:
        return ()
    said = fields[_CELL].split("|")
    try:
        mcc, mnc, lac, cid = int(said[0]), int(said[1]), int(said[2], 16), int(said[3], 16)
    except (ValueError, IndexError):
        return ()
    return (CellTower(mcc=mcc, mnc=mnc, lac=lac, cid=cid),) if mcc else ()


def _whole(fields: Sequence[str], at: int) -> int | None:
    try:
        return int(fields[at]) if len(fields[at]) <= 12 else None
    except (ValueError, IndexError):
        return None


def _hexadecimal(fields: Sequence[str], at: int) -> int | None:
    try:
        return int(fields[at], 16) if len(fields[at]) <= 8 else None
    except (ValueError, IndexError):
        return None
