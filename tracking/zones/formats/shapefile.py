"""Shapefiles in a zip. See: ESRI Shapefile Technical Description (1998).

GDAL reads them, and only files with a shapefile's own first bytes, under names that we chose: what
a file is called, or says, can not make it open anything else.
"""

import tempfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import orjson
import pyogrio.raw
import shapely
from pyogrio.errors import DataSourceError
from shapely.geometry import mapping, shape

from tracking.zones.feature import Contents, Feature, Unreadable, refuse_too_many
from tracking.zones.formats import zip_file
from tracking.zones.reference_systems import is_degrees, system_called, with_degrees

NAME, ENDING, MEDIA_TYPE = "shapefile", "zip", "application/zip"

_PARTS = frozenset({".shp", ".shx", ".dbf", ".prj", ".cpg"})
_FIRST_BYTES = b"\x00\x00\x27\x0a"
_LONGEST_TEXT = 254
"""Bytes that a column holds."""

_COLUMNS = {
    "id": "id",
    "name": "name",
    "kind": "kind",
    "organisation": "organisat",
    "labels": "labels",
    "colour": "colour",
    "speed_limit_kmh": "limit_kmh",
    "radius_m": "radius_m",
    "width_m": "width_m",
    "lat": "lat",
    "lon": "lon",
    "area": "area",
    "hours": "hours",
    "note": "note",
}
"""What we say of a zone, to the names of columns, which have ten letters at most."""

_NUMBERS = frozenset({"speed_limit_kmh", "radius_m", "width_m", "lat", "lon"})


def read(content: bytes) -> Contents:
    """Every row of every shapefile in the zip. Raises Unreadable."""
    found = zip_file.entries(content, _PARTS)
    layers = sorted(name for name in found if name.lower().endswith(".shp"))
    if not layers:
        raise Unreadable("There is no shapefile (.shp) in this zip.")
    features: list[Feature] = []
    remarks: list[tuple[str, Mapping[str, Any]]] = []
    for layer in layers:
        rows, more = _layer(found, layer)
        features += rows
        remarks += more
        refuse_too_many(len(features))
    # Of a corridor we write what it covers and its line; the line is what it was drawn from.
    lines = {
        each.properties.get("id")
        for each in features
        if each.geometry is not None and each.geometry["type"].endswith("LineString")
    }
    kept = [
        each
        for each in features
        if each.properties.get("kind") != "corridor"
        or each.properties.get("id") not in lines
        or (each.geometry or {"type": ""})["type"].endswith("LineString")
    ]
    numbered = [
        Feature(
            number=number,
            geometry=each.geometry,
            properties=each.properties,
            problem=each.problem,
        )
        for number, each in enumerate(kept, start=1)
    ]
    return Contents(features=numbered, remarks=remarks)


def write(features: Sequence[Feature]) -> bytes:
    """A zip with what zones cover (zones.shp) and the lines of corridors (lines.shp).

    A text is cut at 254 bytes; what moves is nowhere and left out.
    """
    packed = BytesIO()
    placed = [each for each in features if each.geometry is not None]
    lines = [
        Feature(number=each.number, geometry=_line(each), properties=each.properties)
        for each in placed
        if each.properties.get("kind") == "corridor"
    ]
    with (
        tempfile.TemporaryDirectory() as folder,
        zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        for layer, kind, some in (
            ("zones", "MultiPolygon", placed),
            ("lines", "MultiLineString", lines),
        ):
            if some or layer == "zones":
                _write_layer(Path(folder) / f"{layer}.shp", kind, some)
        for path in sorted(Path(folder).iterdir()):
            archive.write(path, path.name)
    return packed.getvalue()


def _layer(
    found: Mapping[str, bytes], name: str
) -> tuple[list[Feature], list[tuple[str, Mapping[str, Any]]]]:
    if not found[name].startswith(_FIRST_BYTES):
        raise Unreadable(f"{PurePosixPath(name).name} is not a shapefile.")
    stem = name[: -len(".shp")].lower()
    with tempfile.TemporaryDirectory() as folder:
        for other, content in found.items():
            if other[: other.rfind(".")].lower() == stem:
                ending = PurePosixPath(other).suffix.lower()
                (Path(folder) / f"layer{ending}").write_bytes(content)
        try:
            meta, _, shapes, columns = pyogrio.raw.read(
                Path(folder) / "layer.shp", force_2d=True, datetime_as_string=True
            )
        except (DataSourceError, ValueError, RuntimeError) as error:
            raise Unreadable(f"{PurePosixPath(name).name} cannot be read.") from error
    refuse_too_many(len(shapes) if shapes is not None else 0)
    rows = list(_rows(meta["fields"], shapes, columns))
    if meta["crs"] is None:
        return rows, [("no_crs", {"layer": PurePosixPath(name).stem})]
    system = system_called(meta["crs"])
    if is_degrees(system):
        return rows, []
    return with_degrees(rows, system), [("reprojected", {"crs": system.name})]


def _rows(fields: Any, shapes: Any, columns: Any) -> Iterator[Feature]:  # noqa: ANN401 - arrays
    names = [_own_name(str(name)) for name in fields]
    for number, wkb in enumerate(shapes if shapes is not None else (), start=1):
        properties = {
            name: _plain(column[number - 1]) for name, column in zip(names, columns, strict=True)
        }
        geometry = None if wkb is None else mapping(shapely.from_wkb(wkb))
        yield Feature(number=number, geometry=geometry, properties=properties)


def _own_name(column: str) -> str:
    return next((name for name, short in _COLUMNS.items() if short == column.lower()), column)


def _plain(value: Any) -> Any:  # noqa: ANN401 - a cell
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and np.isnan(value):
        return None
    return value.strip() if isinstance(value, str) else value


def _line(each: Feature) -> dict[str, Any]:
    places = each.properties["definition"]["line"]
    return {"type": "LineString", "coordinates": [(at["lon"], at["lat"]) for at in places]}


def _write_layer(path: Path, kind: str, features: Sequence[Feature]) -> None:
    rows = [_cells(each) for each in features]
    columns = [
        np.array(
            [row[name] for row in rows],
            dtype=np.float64 if name in _NUMBERS else object,
        )
        for name in _COLUMNS
    ]
    pyogrio.raw.write(
        path,
        geometry=np.array([shapely.to_wkb(shape(each.geometry)) for each in features], object),
        field_data=columns,
        fields=np.array(list(_COLUMNS.values()), object),
        geometry_type=kind,
        crs="EPSG:4326",
        driver="ESRI Shapefile",
        encoding="UTF-8",
        promote_to_multi=True,
    )


def _cells(each: Feature) -> dict[str, Any]:
    definition = each.properties.get("definition") or {}
    said = {**each.properties, **definition, **definition.get("centre", {})}
    cells: dict[str, Any] = {}
    for name in _COLUMNS:
        value = said.get(name)
        if name in _NUMBERS:
            cells[name] = np.nan if value is None else value
            continue
        if name == "labels":
            value = ";".join(value or ())
        elif isinstance(value, Mapping):
            value = orjson.dumps(value).decode()
        text = str(value or "").encode()
        # Half of something that a program reads is worse than none of it.
        kept = b"" if len(text) > _LONGEST_TEXT and name == "hours" else text[:_LONGEST_TEXT]
        cells[name] = kept.decode(errors="ignore")
    return cells
