"""What we write is read by others, and comes back as it was."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pyogrio
import pyogrio.raw
import pytest
import shapely
from shapely.geometry import shape

from geofence.metric import area_m2
from tests.tracking.zones.conftest import CIRCLE, CORRIDOR, SQUARE, Street
from tests.tracking.zones.test_imports import send
from tracking.zones.files import FORMATS

HOLED = {
    "type": "MultiPolygon",
    "coordinates": [
        [
            SQUARE["coordinates"][0],
            [[4.04, 50.04], [4.04, 50.06], [4.06, 50.06], [4.06, 50.04], [4.04, 50.04]],
        ],
        [[[5.0, 50.0], [5.1, 50.0], [5.1, 50.1], [5.0, 50.0]]],
    ],
}
FIJI = {
    "type": "Polygon",
    "coordinates": [[[179.5, -17], [180.5, -17], [180.5, -16], [179.5, -16], [179.5, -17]]],
}
SAID = {
    "colour": "#c2410c",
    "labels": ["depot", "école"],
    "speed_limit_kmh": 33.3,
    "hours": {"weekly": {"mon": ["08:00-18:00"]}},
    "note": "Ring <twice> & wait;\n“quietly”.",
}
KEPT = ("name", "kind", "drawing", *SAID)


async def some_zones(street: Street) -> list[dict[str, Any]]:
    """One of every kind that stays where it is, by name."""
    drawn = [
        await street.draw(CIRCLE, name="A circle", **SAID),
        await street.draw(CORRIDOR, name="B <corridor> & é", **SAID),
        await street.draw({"kind": "polygon", "geometry": HOLED}, name="C polygons", **SAID),
        await street.draw({"kind": "area", "area": "canton:aarschot"}, name="D area"),
        await street.draw({"kind": "polygon", "geometry": FIJI}, name="E date line"),
    ]
    van, _ = await street.town.add_asset(street.bakery, "Van")
    moving = {"kind": "moving", "anchor_asset_id": str(van), "radius_m": 50.0}
    await street.draw(moving, name="F moving")
    return drawn


@pytest.mark.parametrize("name", FORMATS)
async def test_what_is_exported_is_imported_as_it_was(street: Street, name: str):
    drawn = await some_zones(street)
    answer = await street.baker.get("/api/v1/zones/export", params={"format": name})
    assert answer.status_code == 200
    assert FORMATS[name].ENDING in answer.headers["content-disposition"]
    for each in drawn:
        await street.baker.delete(f"/api/v1/zones/{each['id']}?version=1")
    moving = (await street.baker.get("/api/v1/zones")).json()["items"][0]
    await street.baker.delete(f"/api/v1/zones/{moving['id']}?version=1")
    imported = (await send(street, answer.content, only_try=False)).json()
    assert imported["refused"] == 0, imported
    assert imported["format"] == name
    again = (await street.baker.get("/api/v1/zones")).json()["items"]
    if name in {"geojson", "kml", "wkt"}:
        assert again.pop()["drawing"] == moving["drawing"]
    assert [each["name"] for each in again] == [each["name"] for each in drawn]
    for before, after in zip(drawn, again, strict=True):
        for field in KEPT:
            assert after[field] == before[field], (before["name"], field)
        difference = shape(after["geometry"]).symmetric_difference(shape(before["geometry"]))
        assert difference.area <= 1e-5 * shape(before["geometry"]).area


async def test_a_circle_that_somebody_moved_in_a_file_is_where_it_was_moved_to(street: Street):
    await street.draw(CIRCLE)
    file = (await street.baker.get("/api/v1/zones/export")).json()
    ring = file["features"][0]["geometry"]["coordinates"][0]
    file["features"][0]["geometry"]["coordinates"] = [[[lon + 1, lat] for lon, lat in ring]]
    tried = (await send(street, json.dumps(file).encode(), only_try=True)).json()["zones"][0]
    assert tried["kind"] == "polygon"
    assert [each["code"] for each in tried["remarks"]] == ["redrawn"]
    assert shape(tried["geometry"]).centroid.x == pytest.approx(5.35, abs=1e-4)


async def test_others_read_our_files(street: Street, tmp_path: Path):
    """GDAL's own drivers, which share nothing with our readers."""
    await some_zones(street)
    areas: dict[str, float] = {}
    for name in ("geojson", "kml", "shapefile"):
        answer = await street.baker.get("/api/v1/zones/export", params={"format": name})
        path = tmp_path / f"zones.{FORMATS[name].ENDING}"
        path.write_bytes(answer.content)
        source = f"/vsizip/{path}/zones.shp" if name == "shapefile" else str(path)
        meta, _, shapes, columns = pyogrio.raw.read(source, force_2d=True)
        fields = [str(field).lower() for field in meta["fields"]]
        names = list(columns[fields.index("name")])
        assert names[:3] == ["A circle", "B <corridor> & é", "C polygons"]
        assert meta["crs"] in {"EPSG:4326", "OGC:CRS84"}
        found = [shapely.from_wkb(each) for each in shapes if each is not None]
        areas[name] = sum(area_m2(each) for each in found)
        assert found[2].equals_exact(shape(HOLED), 1e-6) or found[2].equals(shape(HOLED))
    assert areas["kml"] == pytest.approx(areas["geojson"], rel=1e-4)
    assert areas["shapefile"] == pytest.approx(areas["geojson"], rel=1e-4)
    answer = await street.baker.get("/api/v1/zones/export?format=gpx")
    (tmp_path / "zones.gpx").write_bytes(answer.content)
    _, _, shapes, columns = pyogrio.raw.read(tmp_path / "zones.gpx", layer="waypoints")
    assert shapely.from_wkb(shapes[0]).equals_exact(shapely.Point(4.35, 50.85), 1e-6)
    meta, _, shapes, _ = pyogrio.raw.read(tmp_path / "zones.gpx", layer="tracks")
    assert len(shapes) == 4


async def test_the_lines_of_corridors_come_beside_a_shapefile_of_what_they_cover(street: Street):
    await some_zones(street)
    answer = await street.baker.get("/api/v1/zones/export?format=shapefile")
    names = zipfile.ZipFile(io.BytesIO(answer.content)).namelist()
    assert {"zones.shp", "zones.dbf", "zones.prj", "zones.cpg", "lines.shp"} <= set(names)
    await street.baker.get("/api/v1/zones/export?format=shapefile")


async def test_an_empty_map_is_an_empty_file(street: Street):
    for name in FORMATS:
        answer = await street.baker.get("/api/v1/zones/export", params={"format": name})
        assert answer.status_code == 200, name
        assert (await send(street, answer.content)).status_code == 422


async def test_a_file_holds_what_its_reader_may_see_and_asked_for(street: Street):
    await street.draw(name="Mine", labels=["a"])
    await street.draw(name="Mine too")
    await street.draw(name="Theirs", organisation=street.florist, labels=["a"])
    for query, names in {
        "": ["Mine", "Mine too"],
        "label=a": ["Mine"],
        "search=too": ["Mine too"],
        "bbox=0,0,1,1": [],
        f"organisation_id={street.florist}": [],
    }.items():
        file = (await street.baker.get(f"/api/v1/zones/export?{query}")).json()
        assert [each["properties"]["name"] for each in file["features"]] == names


async def test_xml_holds_whatever_people_write(street: Street):
    await street.draw(name="]]> <a b='c'> &amp; \U0001f6a8", note="\t<!-- x -->")
    for name in ("kml", "gpx"):
        answer = await street.baker.get("/api/v1/zones/export", params={"format": name})
        tree = ET.fromstring(answer.content)
        found = next(each for each in tree.iter() if each.tag.endswith("}name"))
        assert found.text == "]]> <a b='c'> &amp; \U0001f6a8"
