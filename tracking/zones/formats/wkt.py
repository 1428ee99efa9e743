"""Well-known text, a geometry a line; after a tab its name, or its properties as JSON.

See: OGC Simple Features 06-103r4; ``SRID=31370;`` before it is understood, as PostGIS writes it.
"""

import re
from collections.abc import Sequence
from typing import Any

import orjson
import shapely
from shapely.errors import GEOSException
from shapely.geometry import mapping, shape

from tracking.zones.feature import Contents, Feature, Unreadable, refuse_too_many
from tracking.zones.reference_systems import in_degrees, system_called

NAME, ENDING, MEDIA_TYPE = "wkt", "wkt", "text/plain"

_SRID = re.compile(r"SRID\s*=\s*(\d{1,6})\s*;\s*", re.IGNORECASE)


def read(content: bytes) -> Contents:
    """A feature a line; empty lines and those after a # are passed over. Raises Unreadable."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unreadable("This is not text in UTF-8.") from error
    rows = [
        (number, line)
        for number, line in enumerate(text.splitlines(), start=1)
        if line.strip() and not line.startswith("#")
    ]
    refuse_too_many(len(rows))
    features = [_feature(number, line) for number, line in rows]
    if rows and all(each.problem for each in features):
        raise Unreadable("No line of it is well-known text.")
    return Contents(features=features)


def write(features: Sequence[Feature]) -> bytes:
    """A line for each."""
    lines = []
    for each in features:
        drawn = "GEOMETRYCOLLECTION EMPTY"
        if each.geometry is not None:
            drawn = shapely.to_wkt(shape(each.geometry), rounding_precision=7)
        lines.append(f"{drawn}\t{orjson.dumps(dict(each.properties)).decode()}\n")
    return "".join(lines).encode()


def _feature(number: int, line: str) -> Feature:
    drawn, _, said = line.strip().partition("\t")
    srid = _SRID.match(drawn)
    try:
        text = drawn[srid.end() if srid else 0 :]
        # A ring that is not closed is; of what is no WKT at all, asking plainly tells why.
        found = shapely.from_wkt(text, on_invalid="fix") or shapely.from_wkt(text)
        geometry = None if found is None or found.is_empty else mapping(found)
        if geometry is not None and srid is not None:
            geometry = in_degrees(geometry, system_called(f"EPSG:{srid[1]}"))
    except (GEOSException, ValueError, KeyError) as error:
        words = str(error).splitlines()[0][:200]
        return Feature(number=number, geometry=None, problem=f"This is not WKT: {words}")
    return Feature(number=number, geometry=geometry, properties=_properties(said.strip()))


def _properties(said: str) -> dict[str, Any]:
    if said.startswith("{"):
        try:
            found = orjson.loads(said)
        except orjson.JSONDecodeError:
            return {"name": said}
        return found if isinstance(found, dict) else {}
    return {"name": said} if said else {}
