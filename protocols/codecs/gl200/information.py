"""Reports about the device itself: GTINF and the answers to single questions."""

from collections.abc import Callable, Sequence
from datetime import datetime

from protocols.codecs.gl200.fields import (
    cells_at,
    number,
    percent,
    read_state,
    whole,
    wifi_at,
)
from protocols.message import CellTower, Readings, Report, WifiNetwork

Others = dict[str, object]

_GSM_0 = -110
"""A cell's level counts decibels from here (3GPP TS 45.008, RXLEV)."""


def information_report(
    kind: str, fields: Sequence[str], sent_at: datetime | None, *, buffered: bool
) -> Report:
    """What a device says of itself, one report without a place."""
    readings: Readings = {}
    other: Others = {"report": kind}
    KINDS[kind](fields, readings, other)
    cells = _neighbours(fields) if kind == "GSM" else ()
    wifi: tuple[WifiNetwork, ...] = ()
    if kind == "WIF" and len(fields) > 6:
        wifi, _ = wifi_at(fields, 4)
    return Report(
        at=sent_at,
        readings=readings,
        cells=cells,
        wifi=wifi,
        buffered=buffered,
        other=other,
        record=f"{kind},{','.join(fields[4:-2])}".encode(),
    )


def _whole_state(fields: Sequence[str], readings: Readings, other: Others) -> None:
    """GTINF: state, SIM, signal, its errors, supply, …, battery, charging, lamp, …, last fix.

    Behind the supply stand millivolts on vehicles and kilometres, with a point, on pendants.
    A car's name may stand before all of them; some pendants say no state.
    """
    if len(fields) < 12:
        return
    sim = _sim_column(fields)
    if len(fields[sim - 1]) == 2:
        read_state(fields[sim - 1], readings)
    if fields[sim]:
        other["iccid"] = fields[sim]
    if (rssi := whole(fields[sim + 1], most=255)) is not None:
        readings["rssi"] = rssi
    if len(fields[sim - 1]) == 2 and len(fields) > sim + 10:
        _read_supply(fields, sim, readings, other)
        _read_charge(fields, sim, readings)


def _sim_column(fields: Sequence[str]) -> int:
    """Behind the two digits of the state; without one, where a SIM has its twenty."""
    for at in (5, 6):
        if len(fields[at - 1]) == 2:
            return at
    return next((at for at in (4, 5, 6) if len(fields[at]) in {19, 20}), 5)


def _read_supply(fields: Sequence[str], sim: int, readings: Readings, other: Others) -> None:
    supply, second, battery, charging = fields[sim + 4 : sim + 8]
    if "." in supply:
        if (kilometres := number(supply)) is not None:
            readings["odometer_m"] = round(kilometres * 1000, 1)
    elif (millivolts := whole(supply, most=99_999)) is not None:
        readings["power_v"] = millivolts / 1000
    if (millivolts := whole(second, most=99_999)) is not None:
        other["power2_v"] = millivolts / 1000
    if "." in battery and (volts := number(battery)) is not None:
        readings["battery_v"] = volts
        if charging in {"0", "1"}:
            readings["charging"] = charging == "1"


def _read_charge(fields: Sequence[str], sim: int, readings: Readings) -> None:
    """Pendants say the charge behind the time of the last fix; vehicles have inputs there."""
    if fields[sim - 1] not in {"41", "42"}:
        return
    for at in range(sim + 9, min(sim + 14, len(fields) - 3)):
        if len(fields[at]) == 14:
            if not any(said[:1] in {"+", "-"} for said in fields[at:-2]) and (
                charge := percent(fields[at + 1])
            ):
                readings["battery_pct"] = charge
            return


def _sim(fields: Sequence[str], _readings: Readings, other: Others) -> None:
    if fields[4]:
        other["iccid"] = fields[4]


def _level(fields: Sequence[str], readings: Readings, _other: Others) -> None:
    if (rssi := whole(fields[4], most=255)) is not None:
        readings["rssi"] = rssi


def _versions(fields: Sequence[str], _readings: Readings, other: Others) -> None:
    for name, said in zip(("model", "firmware", "hardware"), fields[4:-2], strict=False):
        other[name] = said


def _battery(fields: Sequence[str], readings: Readings, _other: Others) -> None:
    if len(fields) < 11:
        return
    if (volts := number(fields[7])) is not None:
        readings["battery_v"] = volts
    if fields[8] in {"0", "1"}:
        readings["charging"] = fields[8] == "1"


def _zone(fields: Sequence[str], _readings: Readings, other: Others) -> None:
    other["time_zone"] = fields[4]


def _charge_last(fields: Sequence[str], readings: Readings, _other: Others) -> None:
    if (charge := percent(fields[-3])) is not None:
        readings["battery_pct"] = charge


def _nothing(_fields: Sequence[str], _readings: Readings, _other: Others) -> None:
    """The cells say everything."""


def _neighbours(fields: Sequence[str]) -> tuple[CellTower, ...]:
    """GTGSM: six cells of six columns, the serving one last; an empty one is left out."""
    found = []
    for at in range(5, len(fields) - 7, 6):
        for cell in cells_at(fields, at):
            level = whole(fields[at + 4], most=99)
            rssi = None if level is None else _GSM_0 + level
            found.append(
                CellTower(mcc=cell.mcc, mnc=cell.mnc, lac=cell.lac, cid=cell.cid, rssi=rssi)
            )
    return tuple(found)


KINDS: dict[str, Callable[[Sequence[str], Readings, Others], None]] = {
    "INF": _whole_state,
    "CID": _sim,
    "CSQ": _level,
    "VER": _versions,
    "BAT": _battery,
    "TMZ": _zone,
    "WIF": _charge_last,
    "GSM": _nothing,
}
"""How the columns of each report are read into readings and the rest."""
