"""Coordinates of other reference systems (Belgian Lambert, national grids) as degrees WGS84.

Nothing is fetched: a grid that is not on this machine is done without, which costs a metre.
"""

from functools import cache
from typing import Any

import pyproj
import pyproj.network
from pyproj.exceptions import CRSError, ProjError

from tracking.zones.feature import Feature, Geometry, Unreadable, mapped

DEGREES = "OGC:CRS84"

pyproj.network.set_network_enabled(active=False)  # type: ignore[attr-defined]


def system_called(name: str) -> pyproj.CRS:
    """The reference system with this code (``EPSG:31370``) or text. Raises Unreadable."""
    try:
        return pyproj.CRS.from_user_input(name)
    except CRSError as error:
        raise Unreadable(f"There is no reference system {name[:60]!r}.") from error


def is_degrees(system: pyproj.CRS) -> bool:
    """Whether coordinates of this system are degrees WGS84 already."""
    known = system.to_epsg()
    return known == 4326 or system == pyproj.CRS(DEGREES)


def in_degrees(geometry: Geometry, system: pyproj.CRS) -> Geometry:
    """The geometry in degrees. Raises Unreadable for a place that the system does not reach."""
    if is_degrees(system):
        return geometry
    transformer = _transformer(system.to_wkt())

    def change(xy: Any) -> Any:  # noqa: ANN401 - arrays
        xy[:, 0], xy[:, 1] = transformer.transform(xy[:, 0], xy[:, 1], errcheck=True)
        return xy

    try:
        return mapped(geometry, change)
    except ProjError as error:
        raise Unreadable(f"It lies where {system.name} does not reach.") from error


def with_degrees(features: list[Feature], system: pyproj.CRS) -> list[Feature]:
    """Features in degrees; one that cannot be told in degrees has a problem."""
    found = []
    for each in features:
        geometry, problem = each.geometry, each.problem
        if geometry is not None:
            try:
                geometry = in_degrees(geometry, system)
            except (ValueError, TypeError, KeyError, IndexError) as error:
                geometry, problem = None, str(error) or "Its coordinates cannot be read."
        found.append(
            Feature(
                number=each.number,
                geometry=geometry,
                properties=each.properties,
                problem=problem,
            )
        )
    return found


@cache
def _transformer(wkt: str) -> pyproj.Transformer:
    return pyproj.Transformer.from_crs(pyproj.CRS(wkt), pyproj.CRS(DEGREES), always_xy=True)
