"""Reports with a place: the fixed report, the extended one, and every alarm.

::

    … ,[14827],10,1, 1,3.4,199,409.6,-63.174466,-17.739317,20170407121823,0736,0003,6AD4,80EF, 00, …
       mV      │  number                                                  MCC … cell     │
       report ID, report type         one place, repeated ``number`` times        position append
                                                                                  mask, or reserved
    vehicles:  … 00,15989.5,01070:43:13,13,180,,0,220101, …   km, hours, analogues, battery, state
    pendants:  … 00,87                                        reserved, battery

What a column means depends on the model as much as on the report; so the columns are found by
their neighbours: the place by its time, the battery by the six digits of the state behind it.
"""

from collections.abc import Callable, Sequence
from datetime import datetime

from protocols.codecs.gl200.canbus import read_canbus, read_obd
from protocols.codecs.gl200.fields import (
    Place,
    cells_at,
    number,
    percent,
    read_state,
    whole,
)
from protocols.codecs.gl200.kinds import (
    ASSET_TRACKERS,
    BY_TYPE,
    CHARGING,
    IGNITION,
    JAMMING_ENDED,
    SIGNALS,
    WITH_POWER,
)
from protocols.codecs.gl200.tail import read_behind
from protocols.message import CellTower, Readings, Report, Signal
from protocols.settings import DeviceSettings

Others = dict[str, object]

_SAID_AGAIN_S = 3600
"""A report without a time is the same one if its count comes again within the hour."""


def position_reports(
    kind: str,
    fields: Sequence[str],
    found: list[Place],
    *,
    buffered: bool,
    settings: DeviceSettings,
) -> tuple[Report, ...]:
    """One report for each place; what is said once is said with the last."""
    *earlier, last = found
    reports = [
        Report(
            fix=place.fix,
            at=place.at,
            readings={} if place.hdop is None else {"hdop": place.hdop},
            cells=place.cells,
            buffered=buffered,
            other={"report": kind},
            record=f"{kind},{','.join(fields[place.start : place.end])}".encode(),
        )
        for place in earlier
    ]
    readings: Readings = {} if last.hdop is None else {"hdop": last.hdop}
    other: Others = {"report": kind}
    signals = signals_in(kind, fields, found[0].start, other, settings)
    _read_before(kind, fields, found[0].start, readings, other)
    signals |= read_behind(kind, fields, last.end, (readings, other), settings)
    reports.append(
        Report(
            fix=last.fix,
            at=last.at,
            signals=signals,
            readings=readings,
            cells=last.cells,
            wifi=last.wifi,
            buffered=buffered,
            other=other,
            record=record_of(kind, fields),
        )
    )
    return tuple(reports)


def placeless_report(
    kind: str,
    fields: Sequence[str],
    sent_at: datetime | None,
    *,
    buffered: bool,
    settings: DeviceSettings,
) -> Report:
    """A report without a place: an alarm all the same, and perhaps cells and a battery."""
    readings: Readings = {}
    other: Others = {"report": kind}
    cells, behind = _cells_anywhere(fields)
    # The accuracy stands eleven columns before the end of a place of which only the cell is known.
    start = behind - 11
    signals = signals_in(kind, fields, start, other, settings)
    if kind in IGNITION:
        readings["ignition"] = IGNITION[kind]
    if kind in CHARGING:
        readings["charging"] = CHARGING[kind]
    if kind in {"CAN", "OBD"}:
        _READ_BEFORE[kind](fields, start, readings, other)
    elif cells or kind in _SAYS_BATTERY:
        signals |= read_behind(kind, fields, behind, (readings, other), settings)
    return Report(
        at=sent_at,
        signals=signals,
        readings=readings,
        cells=cells,
        buffered=buffered,
        other=other,
        # With no time in it, only the count tells the next alarm from this one again.
        record=record_of(kind, fields if sent_at else [*fields, "", ""]),
        again_s=0 if sent_at else _SAID_AGAIN_S,
    )


def signals_in(
    kind: str, fields: Sequence[str], start: int, other: Others, settings: DeviceSettings
) -> frozenset[Signal]:
    """What the report is an alarm of; ``start`` is the column of the accuracy."""
    usual = SIGNALS.get(kind)
    report_type = fields[start - 2] if start > 4 else ""
    if kind in BY_TYPE:
        usual = BY_TYPE[kind].get(report_type[-1:])
        other["type"] = report_type
        if kind == "NMR" and fields[1][:2] in ASSET_TRACKERS:
            usual = None
    elif kind == "JDS" and start > 0 and fields[start - 1] == JAMMING_ENDED:
        usual = None
    signals = settings.meaning(kind, frozenset() if usual is None else frozenset({usual}))
    if kind == "DIS" and len(report_type) == 2 and report_type[0] in "123456789":
        pressed = report_type[1] == "1"
        other[f"in{report_type[0]}"] = pressed
        signals |= settings.inputs(int(pressed) << int(report_type[0]) - 1)
    return signals


def record_of(kind: str, fields: Sequence[str]) -> bytes:
    """What the report says, without who, when sent, and how often."""
    return f"{kind},{','.join(fields[4:-2])}".encode()


def _cells_anywhere(fields: Sequence[str]) -> tuple[tuple[CellTower, ...], int]:
    """The first cell in a report without a place, and the column behind it."""
    for at in range(5, len(fields) - 6):
        if (
            len(fields[at]) in {3, 4}
            and len(fields[at + 2]) >= 3
            and (found := cells_at(fields, at))
        ):
            return found, at + 4
    return (), len(fields) - 4


_SAYS_BATTERY = frozenset({"FRI", "RTL", "SOS", "NMR", "SPD", "GEO", "DOG", "LBC"})

# --- before the place --------------------------------------------------------------


def _read_before(
    kind: str, fields: Sequence[str], start: int, readings: Readings, other: Others
) -> None:
    if kind in WITH_POWER:
        power = fields[start - 3]
        # A pendant has its report ID there, which is one digit.
        millivolts = whole(power, most=99_999) if len(power) > 2 or kind == "ERI" else None
        if millivolts is not None:
            readings["power_v"] = millivolts / 1000
    if kind in IGNITION:
        readings["ignition"] = IGNITION[kind]
        if (lasted := whole(fields[start - 1])) is not None:
            other["seconds_before"] = lasted
    if kind in CHARGING:
        readings["charging"] = CHARGING[kind]
    if kind in _READ_BEFORE:
        _READ_BEFORE[kind](fields, start, readings, other)


def _battery_volts(fields: Sequence[str], start: int, readings: Readings, _other: Others) -> None:
    if (volts := number(fields[start - 1])) is not None:
        readings["battery_v"] = volts


def _temperature(fields: Sequence[str], start: int, _readings: Readings, other: Others) -> None:
    if (degrees := number(fields[start - 1])) is not None:
        other["temperature_c"] = degrees


def _temperature_and_number(
    fields: Sequence[str], start: int, readings: Readings, other: Others
) -> None:
    """GL500: the number of positions stands between the degrees and the accuracy."""
    _temperature(fields, start - 1, readings, other)


def _driver(fields: Sequence[str], start: int, readings: Readings, _other: Others) -> None:
    if fields[start - 3]:
        readings["driver_id"] = fields[start - 3]


def _motion_state(fields: Sequence[str], start: int, readings: Readings, _other: Others) -> None:
    read_state(fields[start - 1], readings)


def _ignition_type(fields: Sequence[str], start: int, readings: Readings, _other: Others) -> None:
    if fields[start - 2] in {"00", "01"}:
        readings["ignition"] = fields[start - 2] == "01"


def _moving(fields: Sequence[str], start: int, readings: Readings, _other: Others) -> None:
    if fields[start - 2][-1:] in {"0", "1"}:
        readings["motion"] = fields[start - 2][-1] == "1"


def _switch(fields: Sequence[str], start: int, _readings: Readings, other: Others) -> None:
    if fields[start - 1] in {"0", "1"}:
        other["in1"] = fields[start - 1] == "1"


def _short_report(fields: Sequence[str], start: int, readings: Readings, other: Others) -> None:
    """GL500 and its like: motion, temperature, battery stand before the accuracy."""
    if (charge := percent(fields[start - 1])) is not None:
        readings["battery_pct"] = charge
    if (degrees := number(fields[start - 2])) is not None:
        other["temperature_c"] = degrees


def _jamming(fields: Sequence[str], start: int, _readings: Readings, other: Others) -> None:
    other["jamming"] = fields[start - 1]


def _beacon(fields: Sequence[str], start: int, _readings: Readings, other: Others) -> None:
    if (millivolts := whole(fields[start - 1], most=99_999)) is not None:
        other["accessory_battery_v"] = millivolts / 1000
    if len(fields[start - 2]) == 12:
        other["accessory_mac"] = fields[start - 2]


def _analogue(fields: Sequence[str], start: int, _readings: Readings, other: Others) -> None:
    if (millivolts := whole(fields[start - 3], most=99_999)) is not None:
        other["analogue_v"] = millivolts / 1000


def _canbus(fields: Sequence[str], _start: int, readings: Readings, other: Others) -> None:
    read_canbus(fields, 6, readings, other)


def _obd(fields: Sequence[str], _start: int, readings: Readings, other: Others) -> None:
    read_obd(fields, readings, other)


_READ_BEFORE: dict[str, Callable[[Sequence[str], int, Readings, Others], None]] = {
    "BPL": _battery_volts,
    "TEM": _temperature,
    "TMP": _temperature_and_number,
    "IDA": _driver,
    "STT": _motion_state,
    "IGL": _ignition_type,
    "NMR": _moving,
    "LSW": _switch,
    "TSW": _switch,
    "STR": _short_report,
    "CTN": _short_report,
    "JDS": _jamming,
    "BID": _beacon,
    "AIS": _analogue,
    "CAN": _canbus,
    "OBD": _obd,
}
