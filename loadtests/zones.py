"""Zones and traffic as a town has them: crowded around a few centres, and upon each other."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

from protocols.message import Fix

CORNERS = 100
TOWNS = 30
_BELGIUM = (2.6, 49.6, 6.3, 51.4)
_TOWN_DEG = 0.08
_STEP_S = 10
_START = datetime(2026, 11, 24, 22, tzinfo=UTC)

Numbers = npt.NDArray[np.float64]


def towns(draw: np.random.Generator) -> Numbers:
    """Where zones and traffic crowd: rows of (longitude, latitude)."""
    west, south, east, north = _BELGIUM
    return draw.uniform([west, south], [east, north], (TOWNS, 2))


def zones(count: int, centres: Numbers, draw: np.random.Generator) -> npt.NDArray[np.object_]:
    """Polygons of 100 corners around places drawn around the centres; half are below 450 m wide."""
    middles = _around(centres, count, draw)
    size_deg = draw.lognormal(np.log(0.002), 0.8, count)[:, None]
    turn = np.linspace(0, 2 * np.pi, CORNERS, endpoint=False)
    lobes = draw.integers(2, 7, count)[:, None]
    radius = size_deg * (1 + 0.25 * np.sin(lobes * turn + draw.uniform(0, 6, count)[:, None]))
    lons = middles[:, :1] + radius * np.cos(turn) * 1.6
    lats = middles[:, 1:] + radius * np.sin(turn)
    return np.asarray(shapely.polygons(np.stack([lons, lats], axis=-1)))


def traffic(
    vehicles: int, reports: int, centres: Numbers, draw: np.random.Generator
) -> Iterator[list[Fix]]:
    """Fixes of vehicles that drive about the centres: each time all of them, ten seconds on."""
    places = _around(centres, vehicles, draw)
    course = draw.uniform(0, 2 * np.pi, vehicles)
    speed_kmh = draw.gamma(4.0, 11.0, vehicles)
    for number in range(reports):
        at = _START + timedelta(seconds=number * _STEP_S)
        yield [
            Fix(at=at, lat=lat, lon=lon, speed_kmh=speed, accuracy_m=8.0)
            for (lon, lat), speed in zip(places.tolist(), speed_kmh.tolist(), strict=True)
        ]
        course += draw.normal(0, 0.3, vehicles)
        step_deg = (speed_kmh / 3.6 * _STEP_S / 111_320)[:, None]
        places = places + step_deg * np.stack([np.cos(course) * 1.6, np.sin(course)], axis=-1)


def _around(centres: Numbers, count: int, draw: np.random.Generator) -> Any:  # noqa: ANN401 - rows
    return centres[draw.integers(len(centres), size=count)] + draw.normal(0, _TOWN_DEG, (count, 2))
