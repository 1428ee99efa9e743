"""Files of shapes from outside, read where they can harm nothing; and files that we write."""

import asyncio
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final
from uuid import UUID

import orjson
import shapely

from geofence.zone import ZoneKind
from tracking.errors import Invalid, Unavailable
from tracking.settings import PROJECT
from tracking.zones.candidates import Candidate, Wishes
from tracking.zones.feature import Feature
from tracking.zones.file_reader import ENVIRONMENT, MOST_SECONDS
from tracking.zones.formats import geojson, gpx, kml, shapefile, wkt
from tracking.zones.forms import geometry_shown
from tracking.zones.zone import Outline, Remark, ZoneSaid, ZoneVersion

FORMATS: Final = {each.NAME: each for each in (geojson, kml, gpx, wkt, shapefile)}

_MOST_AT_ONCE = 3
"""Files that one process has read at a time; each is large, and alarms come first."""

READER = (sys.executable, "-m", "tracking.zones.file_reader")
MOST_WAITED_S = MOST_SECONDS + 10.0
"""The reader ends itself before; but it may wait without working."""

_FILE_DECIMALS = 7


_reading: set[object] = set()


class Busy(Unavailable):
    """As many files as may be are being read."""

    retry_after_s = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRead:
    """What a file holds as zones, and what was done in reading it."""

    format: str
    candidates: Sequence[Candidate]
    remarks: Sequence[Remark]


async def read_file(
    content: bytes, *, wishes: Wishes, format_name: str | None = None, crs: str | None = None
) -> FileRead:
    """What a file of shapes holds. Raises Invalid when it cannot be read at all.

    ``crs`` is the reference system of its coordinates, whatever the file says of that.
    """
    asked = {"format": format_name, "crs": crs, "wishes": asdict(wishes)}
    said = await _ask_reader(orjson.dumps(asked) + b"\n" + content)
    if "unreadable" in said:
        raise Invalid(said["unreadable"])
    return FileRead(
        format=said["format"],
        candidates=[_candidate(each) for each in said["candidates"]],
        remarks=[_remark(code, facts) for code, facts in said["remarks"]],
    )


def written(zones: Sequence[ZoneVersion], format_name: str) -> bytes:
    """A file of these zones."""
    features = [
        Feature(
            number=number,
            geometry=geometry_shown(zone, decimals=_FILE_DECIMALS),
            properties=properties_of(zone),
        )
        for number, zone in enumerate(zones, start=1)
    ]
    content: bytes = FORMATS[format_name].write(features)
    return content


def properties_of(zone: ZoneVersion) -> dict[str, Any]:
    """What a file says of a zone besides its shape, as JSON values."""
    return {
        "id": str(zone.id),
        "version": zone.version,
        "organisation": zone.organisation,
        "name": zone.name,
        "kind": zone.kind.value,
        "definition": {name: said for name, said in zone.definition.items() if name != "names"},
        "anchor_asset_id": None if zone.anchor_asset_id is None else str(zone.anchor_asset_id),
        "labels": list(zone.labels),
        "colour": zone.colour,
        "speed_limit_kmh": zone.speed_limit_kmh,
        "hours": None if zone.hours is None else dict(zone.hours),
        "note": zone.note,
    }


async def _ask_reader(said: bytes) -> dict[str, Any]:
    """One file read by a process of its own, which is ended if it takes too long."""
    if len(_reading) >= _MOST_AT_ONCE:
        raise Busy("Others are importing files right now; try again in a moment.")
    turn = object()
    _reading.add(turn)
    try:
        return await _read_apart(said)
    finally:
        _reading.discard(turn)


async def _read_apart(said: bytes) -> dict[str, Any]:
    process = await asyncio.create_subprocess_exec(
        *READER,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        cwd=PROJECT,
        env={"PATH": os.environ.get("PATH", os.defpath), **ENVIRONMENT},
    )
    try:
        async with asyncio.timeout(MOST_WAITED_S):
            answer, _ = await process.communicate(said)
    except TimeoutError as error:
        raise Invalid("This file takes too long to read; cut it in parts.") from error
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        raise Invalid("This file cannot be read: it is broken, or more than we can take.")
    found: dict[str, Any] = orjson.loads(answer)
    return found


def _candidate(said: Mapping[str, Any]) -> Candidate:
    outline = None
    if said["outline"] is not None:
        told = said["outline"]
        anchor = told["anchor_asset_id"]
        outline = Outline(
            kind=ZoneKind(told["kind"]),
            definition=told["definition"],
            shape=None if told["shape"] is None else shapely.from_wkb(told["shape"]),
            anchor_asset_id=None if anchor is None else UUID(anchor),
            radius_m=told["radius_m"],
            remarks=tuple(Remark(**each) for each in told["remarks"]),
        )
    words = said["said"]
    return Candidate(
        number=said["number"],
        name=said["name"],
        said=None if words is None else ZoneSaid(**{**words, "labels": tuple(words["labels"])}),
        outline=outline,
        problem=said["problem"],
    )


def _remark(code: str, facts: Mapping[str, Any]) -> Remark:
    return Remark(code=code, text=_TEXTS[code].format(**facts), facts=facts)


_TEXTS: Final = {
    "reprojected": "Its coordinates were in {crs} and are degrees now.",
    "no_crs": "{layer} does not say its reference system; its coordinates were read as degrees.",
    "links_not_followed": "Links to elsewhere were not followed ({links}).",
}
