"""A feature: one thing that a file of shapes holds, before anybody knows whether it is a zone."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Geometry = Mapping[str, Any]
"""As GeoJSON has it, sound or not: (longitude, latitude) in degrees WGS84."""

MOST_FEATURES = 2_000
"""In one file: more are no zones that anybody has looked at."""


class Unreadable(ValueError):
    """This file is not what it is said to be, or too much; the text says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    """One thing in a file, by its number there. ``problem`` says why it cannot be read, if so."""

    number: int
    geometry: Geometry | None
    properties: Mapping[str, Any] = field(default_factory=dict)
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What a file holds, and what was passed over or reckoned in reading it, as codes and facts."""

    features: Sequence[Feature]
    remarks: Sequence[tuple[str, Mapping[str, Any]]] = ()


def refuse_too_many(count: int) -> None:
    """Raise Unreadable for a file with more features than may be."""
    if count > MOST_FEATURES:
        raise Unreadable(
            f"A file may have {MOST_FEATURES} features; this one has {count}. Cut it in parts."
        )


def mapped(geometry: Geometry, change: Callable[[Any], Any]) -> Geometry:
    """A geometry with every row of positions changed; ``change`` gets and gives (x, y) arrays."""
    if geometry.get("type") == "GeometryCollection":
        return {
            "type": "GeometryCollection",
            "geometries": [mapped(each, change) for each in geometry["geometries"]],
        }
    return {"type": geometry.get("type"), "coordinates": _mapped(geometry["coordinates"], change)}


def parts(geometry: Geometry) -> Iterable[Geometry]:
    """The single points, lines and polygons of a geometry."""
    kind = str(geometry.get("type"))
    if kind == "GeometryCollection":
        for each in geometry["geometries"]:
            yield from parts(each)
    elif kind.startswith("Multi"):
        for each in geometry["coordinates"]:
            yield {"type": kind.removeprefix("Multi"), "coordinates": each}
    else:
        yield geometry


def _mapped(coordinates: Any, change: Callable[[Any], Any]) -> Any:  # noqa: ANN401 - nested lists
    if not len(coordinates):
        return []
    first = coordinates[0]
    if isinstance(first, int | float):
        return change(np.array([coordinates[:2]], float))[0].tolist()
    if len(first) and isinstance(first[0], int | float):
        return change(np.array([place[:2] for place in coordinates], float)).tolist()
    return [_mapped(each, change) for each in coordinates]
