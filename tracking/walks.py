# ruff: noqa: S311 - drawing lots for a demonstration, not for a secret
"""How demonstration assets move: cars between Belgian towns, people on foot, people at home.

Pure but for the lots it draws: time is an argument, in seconds. Degrees WGS84.
"""

import json
import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

from tracking.places import GEOGRAPHY

_METRES_A_DEGREE = 111_320.0
_TOWNS = 150
"""The largest ones: enough for every car to be somewhere else, and all have roads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """A place on the ground."""

    lat: float
    lon: float

    def moved(self, *, north_m: float, east_m: float) -> "Spot":
        """The spot so many metres away."""
        return Spot(
            lat=self.lat + north_m / _METRES_A_DEGREE,
            lon=self.lon + east_m / (_METRES_A_DEGREE * math.cos(math.radians(self.lat))),
        )

    def metres_to(self, other: "Spot") -> tuple[float, float]:
        """How far the other is, north and east."""
        north_m = (other.lat - self.lat) * _METRES_A_DEGREE
        east_m = (other.lon - self.lon) * _METRES_A_DEGREE * math.cos(math.radians(self.lat))
        return north_m, east_m


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """Where somebody is and how they move."""

    spot: Spot
    speed_kmh: float
    course_deg: float

    @property
    def moving(self) -> bool:
        """Faster than satellites jitter."""
        return self.speed_kmh > 1.0


class Walk:
    """One asset on its way along legs; ``after`` moves it on.

    A leg is (where to, how fast in km/h); a speed of 0 is a rest of so many seconds there.
    """

    def __init__(self, start: Spot, legs: Iterator[tuple[Spot, float, float]]) -> None:
        self._spot = start
        self._legs = legs
        self._course_deg = random.uniform(0.0, 360.0)
        self._towards, self._speed_kmh, self._rest_s = next(legs)

    def after(self, seconds: float) -> Moment:
        """Where it is so much later."""
        left_s = seconds
        while left_s > 0:
            if self._rest_s > 0:
                rested_s = min(left_s, self._rest_s)
                self._rest_s -= rested_s
                left_s -= rested_s
                if self._rest_s > 0:
                    return Moment(spot=self._spot, speed_kmh=0.0, course_deg=self._course_deg)
            else:
                left_s = self._move(left_s)
            if self._rest_s <= 0 and self._spot == self._towards:
                self._towards, self._speed_kmh, self._rest_s = next(self._legs)
        speed_kmh = 0.0 if self._rest_s > 0 else self._speed_kmh * random.uniform(0.9, 1.05)
        return Moment(spot=self._spot, speed_kmh=speed_kmh, course_deg=self._course_deg)

    def _move(self, seconds: float) -> float:
        """Go towards the end of the leg; answer the seconds that are left when it is reached."""
        north_m, east_m = self._spot.metres_to(self._towards)
        far_m = math.hypot(north_m, east_m)
        reach_m = self._speed_kmh / 3.6 * seconds
        if far_m > 1.0:
            self._course_deg = math.degrees(math.atan2(east_m, north_m)) % 360.0
        if reach_m >= far_m:
            self._spot = self._towards
            return seconds - far_m / (self._speed_kmh / 3.6)
        share = reach_m / far_m
        self._spot = self._spot.moved(north_m=north_m * share, east_m=east_m * share)
        return 0.0


def drive() -> Walk:
    """A car that goes from town to town, rests there, and goes on."""
    start = random.choice(towns())
    return Walk(start, _roads_from(start))


def stroll(*, within_m: float, rest_s: float) -> Walk:
    """Somebody on foot around one place in a town, resting about so long now and then."""
    home = random.choice(towns()).moved(
        north_m=random.uniform(-900, 900), east_m=random.uniform(-900, 900)
    )
    return Walk(home, _steps_around(home, within_m, rest_s))


@cache
def towns() -> tuple[Spot, ...]:
    """The largest Belgian towns."""
    features = json.loads((GEOGRAPHY / "places.geojson").read_text())["features"]
    belgian = [one for one in features if one["properties"]["country"] == "BE"]
    belgian.sort(key=lambda one: -one["properties"]["population"])
    places = (one["geometry"]["coordinates"] for one in belgian[:_TOWNS])
    return tuple(Spot(lat=lat, lon=lon) for lon, lat in places)


def _roads_from(town: Spot) -> Iterator[tuple[Spot, float, float]]:
    while True:
        near = sorted(towns(), key=lambda other: math.hypot(*town.metres_to(other)))[1:9]
        goal = random.choice(near)
        bends = _road(town, goal)
        for number, bend in enumerate(bends):
            in_town = number < 2 or number >= len(bends) - 2
            yield bend, random.uniform(35, 55) if in_town else random.uniform(75, 115), 0.0
        yield goal, 0.0, random.uniform(60, 900)
        town = goal


def _road(start: Spot, goal: Spot) -> list[Spot]:
    """The same bends for every car between two towns, as if there were a road."""
    ends = sorted((start, goal), key=lambda spot: (spot.lat, spot.lon))
    lots = random.Random(f"{ends}")  # the seed is the road
    bends = ends
    for _ in range(4):
        bends = [spot for a, b in pairwise(bends) for spot in (a, _bent(a, b, lots))] + [bends[-1]]
    road = bends if ends[0] == start else bends[::-1]
    return road[1:]


def _bent(a: Spot, b: Spot, lots: random.Random) -> Spot:
    north_m, east_m = a.metres_to(b)
    aside = lots.uniform(-0.13, 0.13)
    return a.moved(
        north_m=north_m / 2 - east_m * aside,
        east_m=east_m / 2 + north_m * aside,
    )


def _steps_around(
    home: Spot, within_m: float, rest_s: float
) -> Iterator[tuple[Spot, float, float]]:
    while True:
        goal = home.moved(
            north_m=random.uniform(-within_m, within_m), east_m=random.uniform(-within_m, within_m)
        )
        yield goal, random.uniform(3.0, 5.5), 0.0
        yield goal, 0.0, random.expovariate(1 / rest_s)
