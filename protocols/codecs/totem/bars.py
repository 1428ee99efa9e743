"""The old kind of frame: fields between bars, with a $GPRMC sentence in front or without."""

from collections.abc import Sequence

from protocols import nmea
from protocols.checksum import crc16_modbus
from protocols.codec import Peer
from protocols.codecs.totem.fields import CODES, fix_from, meaning, moment, tower
from protocols.errors import Malformed, Unsupported
from protocols.message import Fix, Heartbeat, Message, Readings, Report, Signal


def read(said: bytes, content: str, peer: Peer) -> Message:
    """What the fields behind the name say. Raises Malformed if they are too few."""
    fields = content.split("|")
    code, first = fields[0][:2], fields[0][2:]
    other: dict[str, object] = {"alarm_code": code}
    if len(fields) > 15 and len(first) == 12:
        at = moment(first, peer)
        fix, hdop, rest = fix_from(at, fields[1:8]), fields[8], fields[9:]
    elif len(fields) > 10:
        rmc = first.split(",")
        fix, at = nmea.rmc(rmc[1:], peer.settings) if rmc[0] == "$GPRMC" else (None, None)
        hdop, rest = fields[2], [fields[4], *fields[6:]]
        other |= {"pdop": nmea.number(fields[1]), "vdop": nmea.number(fields[3])}
        # The clock of the box stands in where the satellites named no time.
        at = at or moment(fields[5][2:], peer, year_first=True)
    elif signals := meaning(code, peer):
        # A frame that breaks off may still be the SOS.
        return Report(signals=signals, other=other, record=content.encode())
    else:
        raise Malformed(f"{len(fields)} fields between bars")
    active = _switches(rest[0][4:8])
    signals = meaning(code, peer)
    signals |= peer.settings.inputs(active)
    if fix is None and not signals:
        # A box without a place and without news says only that it is there.
        return Heartbeat()
    readings = _old_readings(hdop, rest, centivolts=peer.settings.flag("centivolts", usual=False))
    other |= {"status": rest[0], "inputs": active, "adc": rest[2], "temperature": rest[4]}
    if said[-4:].upper() != b"%04X" % crc16_modbus(said[:-4]):
        other["wrong_sum"] = True
    return Report(
        fix=fix,
        at=at,
        signals=signals,
        readings=readings,
        cells=tower(rest[3][:4], rest[3][4:8], None),
        other=other,
        record="|".join(fields[:11]).encode(),
    )


def _old_readings(hdop: str, rest: Sequence[str], *, centivolts: bool) -> Readings:
    """From state, volts, analog, tower, temperature and odometer.

    Volts are a charging flag, three digits of battery and four of mains (13360808), or two
    and two (13811).
    """
    readings: Readings = {}
    if (dilution := nmea.number(hdop)) is not None:
        readings["hdop"] = dilution
    volts = rest[1]
    if volts.isdecimal() and len(volts) == 8:
        readings["battery_v"] = int(volts[1:4]) / 100
        # The guide counts hundredths. What was decoded before in this field did not divide.
        readings["power_v"] = int(volts[4:]) / 100 if centivolts else float(int(volts[4:]))
    elif volts.isdecimal() and len(volts) == 5:
        readings["battery_v"] = int(volts[1:3]) / 10
        readings["power_v"] = float(int(volts[3:]))
        readings["charging"] = rest[0][3:4] == "1"
    if "." in rest[5] and (odometer_km := nmea.number(rest[5])) is not None:
        readings["odometer_m"] = round(odometer_km * 1000, 1)
    return readings


def _switches(digits: str) -> int:
    """Four characters 0 or 1 as bits; the first is input 1."""
    return sum(1 << at for at, digit in enumerate(digits) if digit == "1")


def code_of(signals: frozenset[Signal]) -> str:
    """The code that says these signals and no others. Raises Unsupported."""
    if not signals:
        return "AA"
    for code, means in CODES.items():
        if means == signals:
            return code
    raise Unsupported(f"a Totem cannot say {', '.join(sorted(signals))} in one frame")


def written(report: Report, code: str) -> str:
    """A $GPRMC report up to the bar before its checksum."""
    at = report.at or (report.fix.at if report.fix else None)
    readings = report.readings
    if unsayable := set(readings) - {"hdop", "battery_v", "odometer_m"}:
        raise Unsupported(f"a Totem cannot say {', '.join(sorted(unsayable))}")
    battery = round(readings.get("battery_v", 0.0) * 100)
    fields = [
        f"{code}$GPRMC,{_said_rmc(report.fix)}",
        "00.0",
        f"{readings.get('hdop', 0.0):04.1f}",
        "00.0",
        "0" * 12,
        f"{at:%Y%m%d%H%M%S}" if at else "0" * 14,
        f"1{battery:03d}0000",
        "0" * 8,
        "0" * 8,
        "0000",
        f"{readings.get('odometer_m', 0.0) / 1000:.4f}",
        "0001",
    ]
    return "|".join(fields) + "|"


def _said_rmc(fix: Fix | None) -> str:
    if fix is None:
        return "000000.000,V,0000.0000,N,00000.0000,E,0.00,,000000,,,A*73"
    return f"{nmea.written_rmc(fix)},,,A*73"
