"""A fix is said in words, offline, in the operator's language."""

import pytest

from tracking.places import GEOGRAPHY, place_name

GRAND_PLACE = {"lat": 50.8467, "lon": 4.3525}
GHENT_KORENMARKT = {"lat": 51.0543, "lon": 3.7224}
EUPEN = {"lat": 50.6279, "lon": 6.0364}
BAARLE_HERTOG = {"lat": 51.4376, "lon": 4.9297}
LILLE = {"lat": 50.6365, "lon": 3.0635}
NORTH_SEA = {"lat": 51.33, "lon": 2.80}
MID_ATLANTIC = {"lat": 0.0, "lon": -30.0}


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("nl", "bij Brussel (België)"),
        ("fr", "près de Bruxelles (Belgique)"),
        ("de", "bei Brussels (Belgien)"),
        ("en", "near Brussels (Belgium)"),
    ],
)
def test_a_place_is_named_in_the_operators_language(language, text):
    assert place_name(**GRAND_PLACE, language=language).text.endswith(text)


def test_a_belgian_fix_names_its_canton_and_province():
    place = place_name(**GHENT_KORENMARKT, language="nl")
    assert (place.country, place.canton, place.province, place.near) == (
        "BE",
        "Gent",
        "Provincie Oost-Vlaanderen",
        "Gent",
    )
    assert place.near_km is not None
    assert place.near_km < 2


def test_the_german_speaking_cantons_have_german_names():
    assert place_name(**EUPEN, language="de").text == (
        "Kanton Eupen-Sankt Vith, bei Eupen (Belgien)"
    )


def test_an_enclave_is_the_country_it_belongs_to():
    assert place_name(**BAARLE_HERTOG).country == "BE"


def test_across_the_border_no_belgian_canton_is_claimed():
    place = place_name(**LILLE, language="fr")
    assert (place.country, place.canton, place.text) == ("FR", None, "près de Lille (France)")


def test_at_sea_the_coast_is_named_without_a_country():
    place = place_name(**NORTH_SEA, language="en")
    assert (place.country, place.canton) == (None, None)
    assert place.text.startswith("near ")


def test_off_the_map_nothing_is_claimed():
    place = place_name(**MID_ATLANTIC, language="en")
    assert (place.text, place.near, place.near_km) == ("no known place nearby", None, None)


def test_every_belgian_place_lies_in_a_canton():
    import json

    features = json.loads((GEOGRAPHY / "places.geojson").read_text())["features"]
    homeless = [
        feature["properties"]["name"]
        for feature in features
        if feature["properties"]["country"] == "BE"
        and place_name(
            lon=feature["geometry"]["coordinates"][0], lat=feature["geometry"]["coordinates"][1]
        ).canton
        is None
    ]
    assert homeless == []
