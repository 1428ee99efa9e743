"""Metres on the ground, anywhere on Earth: distances, flat maps around a place, edges of shapes.

The one file in which shapely gets (x, y) = (longitude, latitude). Shapes are polygons in WGS84
degrees, cut at 180° as RFC 7946 says; their sides are straight in degrees. All metres are those
of the geodesic on the ellipsoid: one distance by ``pyproj.Geod`` takes half a microsecond, which
no formula in Python beats, so there is no second, rougher answer.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil, cos, degrees, floor, radians, sin, sqrt, tan
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import shapely
from pyproj import Geod
from shapely import affinity
from shapely.geometry.base import BaseGeometry

Numbers = npt.NDArray[np.float64]

_EARTH = Geod(ellps="WGS84")
_RADIUS_M = 6_371_007.0
_DEGREE_M = 111_320.0
LEAST_DEGREE_M = 110_500.0
"""No degree of latitude is shorter."""
_ECCENTRICITY = sqrt(_EARTH.es)
_NEAR_M = 500_000.0
"""Within this of its centre a flat map is true to 0.1 %."""
_MOST_PIECES = 20_000


class Place(NamedTuple):
    """A place in WGS84 degrees."""

    lat: float
    lon: float


def distance_m(*, lat: float, lon: float, to_lat: float, to_lon: float) -> float:
    """The shortest way on the ground between two places."""
    return float(_EARTH.inv(lon, lat, to_lon, to_lat)[2])


def distances_m(lats: Numbers, lons: Numbers, to_lats: Numbers, to_lons: Numbers) -> Numbers:
    """The same for places in rows."""
    return np.asarray(_EARTH.inv(lons, lats, to_lons, to_lats)[2])


def place_from(*, lat: float, lon: float, course_deg: float, distance_m: float) -> Place:
    """Where one arrives who sets out on this course and keeps straight on for so many metres."""
    to_lon, to_lat, _ = _EARTH.fwd(lon, lat, course_deg, distance_m)
    return Place(lat=float(to_lat), lon=float(to_lon))


def way(places: Sequence[Place], *, step_m: float) -> tuple[Place, ...]:
    """The straight ways from place to place, with more places between, ``step_m`` apart at most."""
    result = [places[0]]
    for start, end in pairwise(places):
        length_m = distance_m(lat=start.lat, lon=start.lon, to_lat=end.lat, to_lon=end.lon)
        between = max(ceil(length_m / step_m) - 1, 0)
        if between:
            found = _EARTH.npts(start.lon, start.lat, end.lon, end.lat, between)
            result += [Place(lat=lat, lon=lon) for lon, lat in found]
        result.append(end)
    return tuple(result)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plane:
    """A flat map in metres around one place, x to the east and y to the north.

    It is azimuthal and equidistant: how far a place is from the centre, and in which direction,
    is exact. Across, lengths grow by 0.1 % at 500 km.
    """

    lat: float
    lon: float

    def metres(self, lats: npt.ArrayLike, lons: npt.ArrayLike) -> Numbers:
        """Where places lie on the map: an array of (x, y)."""
        to_lats, to_lons = np.asarray(lats, float), np.asarray(lons, float)
        from_lons, from_lats = np.full_like(to_lons, self.lon), np.full_like(to_lats, self.lat)
        azimuth_deg, _, far_m = _EARTH.inv(from_lons, from_lats, to_lons, to_lats)
        azimuth = np.radians(azimuth_deg)
        return np.stack([far_m * np.sin(azimuth), far_m * np.cos(azimuth)], axis=-1)

    def spot(self, *, lat: float, lon: float) -> tuple[float, float]:
        """Where one place lies on the map: (x, y)."""
        azimuth_deg, _, far_m = _EARTH.inv(self.lon, self.lat, lon, lat)
        azimuth = radians(azimuth_deg)
        return far_m * sin(azimuth), far_m * cos(azimuth)

    def degrees(self, xy: Numbers) -> tuple[Numbers, Numbers]:
        """Latitudes and longitudes of places on the map."""
        x, y = xy[..., 0], xy[..., 1]
        azimuth_deg, far_m = np.degrees(np.arctan2(x, y)), np.hypot(x, y)
        centre_lons, centre_lats = np.full_like(x, self.lon), np.full_like(x, self.lat)
        lons, lats, _ = _EARTH.fwd(centre_lons, centre_lats, azimuth_deg, far_m)
        return np.asarray(lats), np.asarray(lons)

    def line(self, places: Sequence[Place]) -> BaseGeometry:
        """Places joined by straight lines, in metres on the map."""
        return shapely.LineString([self.spot(lat=each.lat, lon=each.lon) for each in places])

    def on_earth(self, shape_m: BaseGeometry, *, bend_m: float) -> BaseGeometry:
        """A polygon of the map as a shape in degrees, cut at 180°; it may hold a pole.

        Sides that would be bent by more than ``bend_m`` get more corners.
        """
        far_m = float(np.abs(shapely.bounds(shape_m)).max())
        step_m = _straight_m(abs(self.lat) + far_m / _DEGREE_M, bend_m)
        shapes = []
        for polygon in shapely.get_parts(shapely.segmentize(shape_m, step_m)):
            outer, *holes = (self._ring(ring) for ring in _rings(polygon))
            shapes.append(outer.difference(shapely.union_all(holes)) if holes else outer)
        return shapely.orient_polygons(areas(shapely.union_all(shapes)))

    def _ring(self, ring: BaseGeometry) -> BaseGeometry:
        lats, lons = self.degrees(shapely.get_coordinates(ring))
        return cut_at_date_line(shapely.Polygon(unrolled(np.stack([lons, lats], axis=-1))))


def unrolled(ring: Numbers) -> Numbers:
    """A closed ring of (longitude, latitude), each going the shorter way to the next.

    Longitudes go on beyond 180°. A ring around a pole is led from 180° over the pole that is
    nearer to -180°.
    """
    lons, lats = np.unwrap(ring[:, 0], period=360.0), ring[:, 1]
    around = lons[-1] - lons[0]
    if abs(around) < 180.0:
        return np.stack([lons, lats], axis=-1)
    pole = 90.0 if lats.mean() > 0 else -90.0
    thrice = np.concatenate([lons - around, lons, lons + around])
    corners = np.stack([thrice, np.tile(lats, 3)], axis=-1)
    over_the_pole = [(thrice[-1], pole), (thrice[0], pole)]
    cap = shapely.make_valid(shapely.Polygon([*corners, *over_the_pole]), method="structure")
    once = areas(cap.intersection(shapely.box(-180.0, -90.0, 180.0, 90.0)))
    largest = max(shapely.get_parts(once), key=shapely.area)
    return np.asarray(shapely.get_coordinates(largest.exterior))


def cut_at_date_line(shape: BaseGeometry) -> BaseGeometry:
    """A shape whose longitudes go on beyond 180° or -180°, cut there and laid back."""
    west, south, east, north = shape.bounds
    if west >= -180.0 and east <= 180.0:
        return shape
    parts = []
    for turn in range(floor((west + 180.0) / 360.0), ceil((east + 180.0) / 360.0)):
        around = 360.0 * turn
        window = shapely.box(around - 180.0, south - 1.0, around + 180.0, north + 1.0)
        parts.append(affinity.translate(shape.intersection(window), xoff=-around))
    return areas(shapely.union_all(parts))


def areas(shape: BaseGeometry) -> BaseGeometry:
    """Only the polygons of a shape: one polygon, or a multipolygon, which may be empty."""
    if shape.geom_type == "Polygon":
        return shape
    parts = shapely.get_parts(shapely.get_parts(shape))
    found = parts[shapely.get_type_id(parts) == shapely.GeometryType.POLYGON]
    return found[0] if len(found) == 1 else shapely.MultiPolygon(list(found))


def area_m2(shape: BaseGeometry) -> float:
    """The area of a shape on the ground."""
    return float(shapely.area(shapely.transform(shapely.segmentize(shape, 0.25), _equal_area)))


def points(lats: npt.ArrayLike, lons: npt.ArrayLike) -> npt.NDArray[np.object_]:
    """Places as shapely wants them."""
    return np.asarray(shapely.points(lons, lats))


def boxes_around(*, lat: float, lon: float, within_m: float) -> npt.NDArray[np.object_]:
    """Boxes in degrees that hold everything within so many metres of a place; two at 180°."""
    up = within_m / LEAST_DEGREE_M
    south, north = lat - up, lat + up
    aside = 360.0
    if south > -90.0 and north < 90.0:
        aside = up / cos(radians(max(abs(south), abs(north))))
    if aside >= 180.0:
        return np.array([shapely.box(-180.0, south, 180.0, north)])
    west, east = lon - aside, lon + aside
    boxes = [shapely.box(max(west, -180.0), south, min(east, 180.0), north)]
    if west < -180.0:
        boxes.append(shapely.box(west + 360.0, south, 180.0, north))
    if east > 180.0:
        boxes.append(shapely.box(-180.0, south, east - 360.0, north))
    return np.array(boxes)


def covers(shape: BaseGeometry, *, lat: float, lon: float) -> bool:
    """Whether a place is in a shape or on its edge."""
    return bool(shapely.intersects_xy(shape, lon, lat))


def covered(shapes: npt.NDArray[np.object_], lats: Numbers, lons: Numbers) -> npt.NDArray[np.bool_]:
    """The same for shapes and places in rows, each shape with its place."""
    return np.asarray(shapely.intersects_xy(shapes, lons, lats))


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """The edge of a shape on a flat map: how far it is, and whether a way touches it.

    shape    in degrees, which is what the map is made from anew for places far from its centre
    plane    the map
    lines    the edge on it, in metres; where a shape is cut at 180° or at a pole is no edge
    reach_m  how far the edge goes from the centre of the map
    """

    shape: BaseGeometry
    plane: Plane
    lines: BaseGeometry
    reach_m: float

    def distance_m(self, *, lat: float, lon: float) -> float:
        """How far the edge is from a place, inside or outside of it."""
        near = self._near(lat=lat, lon=lon)
        return float(near.lines.distance(shapely.points(near.plane.spot(lat=lat, lon=lon))))

    def touched(self, start: Place, end: Place) -> bool:
        """Whether the straight way between two places touches the edge."""
        places = way([start, end], step_m=_NEAR_M / 5)
        for here, there in pairwise(places):
            length_m = distance_m(lat=here.lat, lon=here.lon, to_lat=there.lat, to_lon=there.lon)
            if self.away_m(lat=here.lat, lon=here.lon) > length_m:
                continue
            near = self._near(lat=here.lat, lon=here.lon)
            ends = [near.plane.spot(lat=each.lat, lon=each.lon) for each in (here, there)]
            if near.lines.intersects(shapely.linestrings(ends)):
                return True
        return False

    def away_m(self, *, lat: float, lon: float) -> float:
        """The edge is at least this far from a place: a quick look, which may be below 0."""
        to_centre_m = distance_m(lat=lat, lon=lon, to_lat=self.plane.lat, to_lon=self.plane.lon)
        return to_centre_m - self.reach_m

    def _near(self, *, lat: float, lon: float) -> "Edge":
        """The edge on a map that is true at this place."""
        if self.reach_m <= _NEAR_M and self.away_m(lat=lat, lon=lon) <= _NEAR_M - self.reach_m:
            return self
        return edge_of(self.shape, around=Plane(lat=lat, lon=lon))


def nearest_m(*, lat: float, lon: float, start: Place, end: Place) -> float:
    """How near the straight way between two places comes to a place."""
    plane = Plane(lat=lat, lon=lon)
    places = way([start, end], step_m=_NEAR_M / 5)
    return float(shapely.distance(plane.line(places), shapely.Point(0.0, 0.0)))


def edge_of(shape: BaseGeometry, *, around: Plane | None = None) -> Edge:
    """The edge of a shape, on a flat map around its middle unless another is given."""
    plane = around or _middle(shape)
    lines = _true_edge(shape)
    lines = shapely.segmentize(lines, _step_deg(lines))
    lons, lats = shapely.get_coordinates(lines).T
    xy = plane.metres(lats, lons)
    return Edge(
        shape=shape,
        plane=plane,
        lines=shapely.set_coordinates(lines, xy),
        reach_m=float(np.hypot(xy[:, 0], xy[:, 1]).max()) if len(xy) else 0.0,
    )


def _middle(shape: BaseGeometry) -> Plane:
    """The middle of the corners on the globe: a mean of longitudes would fail at the date line."""
    lons, lats = np.radians(shapely.get_coordinates(shape)).T
    x, y = (np.cos(lats) * np.cos(lons)).mean(), (np.cos(lats) * np.sin(lons)).mean()
    z = np.sin(lats).mean()
    lat, lon = np.degrees(np.arctan2(z, np.hypot(x, y))), np.degrees(np.arctan2(y, x))
    return Plane(lat=float(lat), lon=float(lon))


def _true_edge(shape: BaseGeometry) -> BaseGeometry:
    """The boundary in degrees, without the cuts at 180° and the poles, which nobody crosses."""
    edge = shape.boundary
    west, south, east, north = shape.bounds
    if west > -180.0 and east < 180.0 and south > -90.0 and north < 90.0:
        return edge
    cuts = [shapely.LineString([(-180.0, lat), (180.0, lat)]) for lat in (-90.0, 90.0)]
    meridians = [shapely.LineString([(lon, -90.0), (lon, 90.0)]) for lon in (-180.0, 180.0)]
    west_cut, east_cut = (edge.intersection(each) for each in meridians)
    # What ends at 180° on one side only does end there.
    one_sided = east_cut.symmetric_difference(affinity.translate(west_cut, xoff=360.0))
    elsewhere = edge.difference(shapely.union_all([*cuts, *meridians]))
    parts = shapely.get_parts([elsewhere, one_sided])
    return shapely.MultiLineString(list(parts[shapely.length(parts) > 0]))


def _straight_m(lat: float, bend_m: float) -> float:
    """How long a side may be until, straight in degrees, it is bent on the ground by ``bend_m``."""
    return sqrt(8 * _RADIUS_M * bend_m / tan(radians(min(max(lat, 10.0), 89.9))))


def _step_deg(lines: BaseGeometry) -> float:
    """The same in degrees: 10 cm of bend, and a thousandth of a per cent of what is large."""
    if lines.is_empty:
        return 1.0
    _, south, _, north = lines.bounds
    lat = radians(max(abs(south), abs(north), 10.0))
    bend_m = 0.1 + 1e-5 * (north - south) * _DEGREE_M
    step_deg = degrees(sqrt(8 * bend_m / (_RADIUS_M * sin(lat))))
    return float(min(max(step_deg, lines.length / _MOST_PIECES), 0.5))


def _equal_area(lons_lats: Numbers) -> Numbers:
    """Lambert's cylinder for the ellipsoid: areas on it are areas on the ground."""
    e, sine = _ECCENTRICITY, np.sin(np.radians(lons_lats[:, 1]))
    q = (1 - e**2) * (sine / (1 - (e * sine) ** 2) + np.arctanh(e * sine) / e)
    return np.stack([np.radians(lons_lats[:, 0]) * _EARTH.a, q * _EARTH.a / 2], axis=-1)


def _rings(polygon: BaseGeometry) -> Sequence[Any]:
    return [polygon.exterior, *polygon.interiors]
