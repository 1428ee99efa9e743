"""A process of its own that reads one file from outside: ``python -m tracking.zones.file_reader``.

Files are read by large programs of others, and may be made to break them. So they are read where
nothing else runs: with little memory and time, no settings and no database; and only as what they
begin like, so that no name in them is opened or fetched.

It is given a line of JSON (what is asked) and the file, and answers with a line of JSON.
"""

import os
import resource
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any, Final

import orjson
import shapely

from tracking.zones.candidates import Candidate, Wishes, candidates
from tracking.zones.feature import Contents, Unreadable
from tracking.zones.formats import geojson, gpx, kml, shapefile, wkt, zip_file
from tracking.zones.reference_systems import system_called, with_degrees

MOST_SECONDS: Final = 20
MOST_MEMORY: Final = 2 * 1024**3
MOST_WRITTEN: Final = 80 * 1024**2

_READERS: Final[Mapping[str, Callable[[bytes], Contents]]] = {
    each.NAME: each.read for each in (geojson, kml, gpx, wkt, shapefile)
}

ENVIRONMENT: Final = {
    # Drivers that GDAL could be led to, and any way out, are closed; one thread is enough.
    "OGR_SKIP": "VRT,OGR_VRT,WFS,OAPIF,CSW,Carto,Elasticsearch,AmigoCloud,PLScenes,HTTP,GMLAS",
    "GDAL_DRIVER_PATH": "disable",
    "GDAL_HTTP_PROXY": "http://127.0.0.1:9",
    "PROJ_NETWORK": "OFF",
    "SHAPE_RESTORE_SHX": "YES",
    "OPENBLAS_NUM_THREADS": "1",
}
"""What the process finds around it, and nothing else but where programs are."""


def main() -> int:
    """Read what is asked for on standard input."""
    _confine()
    asked = orjson.loads(sys.stdin.buffer.readline())
    content = sys.stdin.buffer.read()
    try:
        answer = read(content, asked)
    except Unreadable as error:
        answer = {"unreadable": str(error)}
    except (RecursionError, MemoryError):
        answer = {"unreadable": "This file is nested too deep, or too large."}
    sys.stdout.buffer.write(orjson.dumps(answer, option=orjson.OPT_SERIALIZE_NUMPY))
    return 0


def read(content: bytes, asked: Mapping[str, Any]) -> dict[str, Any]:
    """What a file holds. Raises Unreadable."""
    name = asked["format"] or _format_of(content)
    if name in {"kml", "shapefile"} and content.startswith(b"PK"):
        name, content = _unpacked(content)
    contents = _READERS[name](content)
    features, remarks = list(contents.features), list(contents.remarks)
    if not features:
        raise Unreadable("There are no shapes in this file.")
    if asked["crs"]:
        system = system_called(asked["crs"])
        features = with_degrees(features, system)
        remarks = [("reprojected", {"crs": system.name})]
    wishes = Wishes(**{**asked["wishes"], "labels": tuple(asked["wishes"]["labels"])})
    return {
        "format": name,
        "remarks": remarks,
        "candidates": [_written(each) for each in candidates(features, wishes)],
    }


def _confine() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (MOST_SECONDS, MOST_SECONDS))
    resource.setrlimit(resource.RLIMIT_FSIZE, (MOST_WRITTEN, MOST_WRITTEN))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.nice(5)


def _format_of(content: bytes) -> str:
    """What a file is by how it begins."""
    if content.startswith(b"PK"):
        return "shapefile"
    begins = content.removeprefix(b"\xef\xbb\xbf").lstrip()[:4_000]
    if begins.startswith((b"{", b"[")):
        return "geojson"
    if begins.startswith(b"<"):
        return "gpx" if b"<gpx" in begins or b":gpx" in begins else "kml"
    return "wkt"


def _unpacked(content: bytes) -> tuple[str, bytes]:
    """A zip holds a shapefile, which is read as it is, or KML."""
    inside = zip_file.entries(content, frozenset({".kml", ".shp"}))
    documents = [name for name in inside if name.lower().endswith(".kml")]
    if documents and len(documents) == len(inside):
        # The first by name, as Google Earth takes it.
        return "kml", inside[min(documents)]
    return "shapefile", content


def _written(each: Candidate) -> dict[str, Any]:
    outline = None
    if each.outline is not None:
        shape = each.outline.shape
        outline = {
            "kind": each.outline.kind.value,
            "definition": dict(each.outline.definition),
            "shape": None if shape is None else shapely.to_wkb(shape, hex=True),
            "anchor_asset_id": each.outline.anchor_asset_id,
            "radius_m": each.outline.radius_m,
            "remarks": [asdict(remark) for remark in each.outline.remarks],
        }
    return {
        "number": each.number,
        "name": each.name,
        "said": None if each.said is None else asdict(each.said),
        "outline": outline,
        "problem": each.problem,
    }


if __name__ == "__main__":
    sys.exit(main())
