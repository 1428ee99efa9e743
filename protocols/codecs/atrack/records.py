"""The records of an ATrack frame, in binary and in text: the same fields in the same order.

Time of the fix, of the clock and of sending; longitude and latitude in millionths; course,
report id, odometer (100 m), HDOP (tenths), inputs, km/h, outputs, analogue input, driver, two
temperatures (tenths), a text; then the columns that the unit was told to send.
"""

import struct
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from protocols.codecs.atrack.columns import (
    LEADING,
    Columns,
    from_bytes,
    from_words,
    meaning,
    names_of,
)
from protocols.errors import Malformed
from protocols.message import Fix, Readings, Report, Signal
from protocols.settings import DeviceSettings
from protocols.wire import text

LONG_DATE, CUSTOM = "long_date", "custom"

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SHORT_TIMES, _LONG_TIMES = 12, 21
_LONG_TIME = struct.Struct(">HBBBBB")
_MIDDLE = struct.Struct(">iiHBIHBHBH")  # longitude … analogue input
_TEMPERATURES = struct.Struct(">hh")
_FORM = b"%CI"
_TEXT_FIELDS = 17
_NOTHING: frozenset[Signal] = frozenset()


def binary_records(said: bytes, settings: DeviceSettings) -> Iterator[Report]:
    """Every record in the body of a binary frame. Raises Malformed if the first breaks off."""
    long_date = settings.flag(LONG_DATE, _is_long(said))
    at, first = 0, True
    while at < len(said):
        try:
            report, end = _binary_record(said, at, settings, long_date=long_date)
        except Malformed:
            if first:
                raise
            return
        yield report
        at, first = end, False


def text_records(said: str, settings: DeviceSettings) -> Iterator[Report]:
    """Every line of a text frame, without what stands before the first record."""
    for line in said.split("\r\n"):
        if line.strip("\r\n \0"):
            yield _text_record(line, settings)


def _is_long(said: bytes) -> bool:
    """Year, month and day as numbers look like no clock of a unit: they would be 1974."""
    return len(said) >= 4 and 2000 <= int.from_bytes(said[:2], "big") < 2100 and 0 < said[2] < 13


def _binary_record(
    said: bytes, start: int, settings: DeviceSettings, *, long_date: bool
) -> tuple[Report, int]:
    """The record at ``start`` and where the next one begins."""
    times = _LONG_TIMES if long_date else _SHORT_TIMES
    middle = start + times
    driver_at = middle + _MIDDLE.size
    driver_end = said.find(b"\0", driver_at)
    words_at = driver_end + 1 + _TEMPERATURES.size
    words_end = said.find(b"\0", words_at)
    if driver_end < 0 or words_end < 0:
        raise Malformed("a record that breaks off")
    at = (
        _long_moment(said, start)
        if long_date
        else _moment(int.from_bytes(said[start : start + 4], "big"))
    )
    lon, lat, course, kind, odometer, hdop, inputs, speed, outputs, analogue = _MIDDLE.unpack_from(
        said, middle
    )
    temperatures = _TEMPERATURES.unpack_from(said, driver_end + 1)
    columns, end = _binary_columns(said, words_end + 1, settings)
    if end < 0:
        end = _next_form(said, words_end + 1, times)
    readings: Readings = {"hdop": hdop / 10, "odometer_m": odometer * 100}
    if driver := text(said[driver_at:driver_end]).strip():
        readings["driver_id"] = driver
    sending = start + times - times // 3
    report = _report(
        at,
        place=(lat, lon),
        motion=(speed, course),
        kind=str(kind),
        inputs=inputs,
        readings=readings,
        other={
            "outputs": outputs,
            "analogue": analogue / 1000,
            "temperature_1_c": temperatures[0] / 10,
            "temperature_2_c": temperatures[1] / 10,
            "text": text(said[words_at:words_end])[:200],
        },
        columns=columns,
        settings=settings,
        # The time of sending is another one when the record is sent again.
        record=said[start:sending] + said[middle:end],
    )
    return report, end


def _binary_columns(said: bytes, at: int, settings: DeviceSettings) -> tuple[Columns, int]:
    """The columns of a binary record and where they end; -1 if that cannot be told."""
    if not settings.flag(CUSTOM, usual=True):
        return Columns(), at
    names = names_of(settings.columns)
    if said[at : at + len(_FORM)] == _FORM:
        end = said.find(b"\0", at)
        if end < 0:
            return Columns(), -1
        names = names_of(text(said[at:end]))
        at = end + 1
    found, end = from_bytes(said, at, names)
    return meaning(found), end


def _next_form(said: bytes, at: int, times: int) -> int:
    """Where the next record begins, by the form it repeats; the end of all if there is none.

    This holds for records with neither driver nor text, which most are.
    """
    form = said.find(_FORM, at)
    start = form - times - _MIDDLE.size - _TEMPERATURES.size - 2
    return start if form >= 0 and start > at else len(said)


def _moment(seconds: int) -> datetime | None:
    return _EPOCH + timedelta(seconds=seconds) if seconds < 1 << 32 else None


def _long_moment(said: bytes, at: int) -> datetime | None:
    year, month, day, hour, minute, second = _LONG_TIME.unpack_from(said, at)
    try:
        return datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None


def _written_moment(word: str) -> datetime | None:
    """Seconds since 1970, or fourteen digits; None if there is no such moment."""
    if not (word.isascii() and word.isdecimal()):
        return None
    if len(word) != 14:
        return _moment(int(word[:20]))
    parts = (word[:4], word[4:6], word[6:8], word[8:10], word[10:12], word[12:])
    year, month, day, hour, minute, second = map(int, parts)
    try:
        return datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None


def _text_record(line: str, settings: DeviceSettings) -> Report:
    """One line. The text among its fields ends in a mark, so it may hold commas."""
    fields = line.split(",")
    if len(fields) < _TEXT_FIELDS - 1:
        raise Malformed(f"a record wants {_TEXT_FIELDS} fields, not {len(fields)}")
    after = next((at for at, word in enumerate(fields[16:], 17) if word.endswith("\x1a")), 17)
    columns = _written_columns(fields[after:], settings)
    hdop, odometer = _whole(fields[8]), _whole(fields[7])
    readings: Readings = {}
    if hdop is not None:
        readings["hdop"] = hdop / 10
    if odometer is not None:
        readings["odometer_m"] = odometer * 100
    if driver := fields[13].strip():
        readings["driver_id"] = driver
    lat, lon = _whole(fields[4]), _whole(fields[3])
    return _report(
        _written_moment(fields[0]),
        place=None if lat is None or lon is None else (lat, lon),
        motion=(_whole(fields[10]) or 0, _whole(fields[5]) or 0),
        kind=fields[6],
        inputs=_whole(fields[9]) or 0,
        readings=readings,
        other={
            "outputs": _whole(fields[11]),
            "analogue": _whole(fields[12]),
            "temperature_1_c": (_whole(fields[14]) or 0) / 10,
            "temperature_2_c": (_whole(fields[15]) or 0) / 10,
            "text": ",".join(fields[16:after]).rstrip("\x1a")[:200],
        },
        columns=columns,
        settings=settings,
        record=",".join((*fields[:2], *fields[3:])).encode(),
    )


def _written_columns(words: list[str], settings: DeviceSettings) -> Columns:
    if not settings.flag(CUSTOM, usual=True):
        return Columns()
    names = names_of(settings.columns)
    if words and words[0].startswith("%" + LEADING):
        names = names_of(words[0])
        words = words[1:]
    return meaning(from_words(words, names))


def _whole(word: str) -> int | None:
    try:
        return int(word) if len(word) <= 12 else None
    except ValueError:
        return None


def _report(
    at: datetime | None,
    *,
    place: tuple[int, int] | None,
    motion: tuple[int, int],
    kind: str,
    inputs: int,
    readings: Readings,
    other: dict[str, object],
    columns: Columns,
    settings: DeviceSettings,
    record: bytes,
) -> Report:
    fix = None
    if at is not None and place is not None:
        try:
            fix = Fix(
                at=at,
                lat=place[0] / 1e6,
                lon=place[1] / 1e6,
                altitude_m=columns.altitude_m,
                speed_kmh=float(motion[0]),
                course_deg=float(motion[1]),
            )
        except ValueError:
            fix = None
    return Report(
        fix=fix,
        at=at,
        signals=settings.inputs(inputs) | settings.meaning(kind, _NOTHING),
        readings={**readings, **columns.readings},
        cells=columns.cells,
        buffered=columns.buffered,
        other={"report_id": kind, "inputs": inputs, **other, **columns.other},
        record=record,
    )
