"""Files of every format, good and broken: looked at first, then filed in one step."""

import io
import json
import sys
import zipfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pyogrio.raw
import pytest
import shapely
from pyproj import Transformer
from shapely.geometry import mapping, shape

from tests.tracking.zones.conftest import SQUARE, Street
from tracking.web.envelope import MOST_BODY_BYTES, MOST_FILE_BYTES
from tracking.zones import file_reader, files
from tracking.zones.candidates import Wishes
from tracking.zones.feature import Unreadable

BELGIAN = Transformer.from_crs("EPSG:4326", "EPSG:31370", always_xy=True)


def geojson(*geometries: Any, **properties: Any) -> bytes:
    features = [
        {"type": "Feature", "geometry": each, "properties": {"name": f"N{number}", **properties}}
        for number, each in enumerate(geometries, start=1)
    ]
    return json.dumps({"type": "FeatureCollection", "features": features}).encode()


def zipped(**files: bytes | str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return packed.getvalue()


def shapefile(
    folder: Path, geometry: Any, crs: str | None = "EPSG:4326", name: str = "Dépôt"
) -> dict[str, bytes]:
    """The files of one layer, by their names."""
    pyogrio.raw.write(
        folder / "depots.shp",
        geometry=np.array([shapely.to_wkb(geometry)], object),
        field_data=[np.array([name], object), np.array([50.0])],
        fields=np.array(["NAAM", "MAXSPEED"], object),
        geometry_type=geometry.geom_type,
        crs=crs,
        driver="ESRI Shapefile",
        encoding="UTF-8",
    )
    return {path.name: path.read_bytes() for path in folder.glob("depots.*")}


async def send(
    street: Street, file: bytes, by: httpx.AsyncClient | None = None, **query: Any
) -> httpx.Response:
    return await (by or street.baker).post(
        "/api/v1/zones/import",
        content=file,
        params={"organisation_id": str(street.bakery), **query},
        headers={"Content-Type": "application/octet-stream"},
    )


async def zones(street: Street) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await street.baker.get("/api/v1/zones")).json()["items"]
    return found


async def test_a_file_is_looked_at_first_and_then_filed_whole(street: Street):
    line = {"type": "LineString", "coordinates": [[4.0, 50.0], [4.1, 50.0]]}
    file = geojson(SQUARE, line, {"type": "Point", "coordinates": [4.0, 51.0]})
    tried = (await send(street, file, only_try=True)).json()
    assert (tried["format"], tried["filed"], tried["refused"]) == ("geojson", 3, 0)
    assert [each["kind"] for each in tried["zones"]] == ["polygon", "corridor", "circle"]
    assert [each["zone_id"] for each in tried["zones"]] == [None] * 3
    assert await zones(street) == []
    filed = (await send(street, file, width_m=80, radius_m=25, label=["new", "file"])).json()
    kept = await zones(street)
    assert {each["id"] for each in kept} == {each["zone_id"] for each in filed["zones"]}
    assert [each["labels"] for each in kept] == [["new", "file"]] * 3
    assert kept[0]["geometry"] == SQUARE
    assert kept[1]["drawing"]["width_m"] == 80
    assert kept[2]["drawing"] == {
        "kind": "circle",
        "centre": {"lat": 51.0, "lon": 4.0},
        "radius_m": 25,
    }


BOW_TIE = {
    "type": "Polygon",
    "coordinates": [[[4.0, 50.0], [4.1, 50.1], [4.1, 50.0], [4.0, 50.1], [4.0, 50.0]]],
}
OPEN = {"type": "Polygon", "coordinates": [[[4.0, 50.0], [4.1, 50.0], [4.1, 50.1]]]}
SWAPPED = {"type": "Polygon", "coordinates": [[[50.8, 4.3], [50.9, 4.3], [50.9, 4.4], [50.8, 4.3]]]}
IN_METRES = mapping(
    shapely.transform(
        shape(SQUARE), lambda xy: np.stack(BELGIAN.transform(xy[:, 0], xy[:, 1]), axis=-1)
    )
)
TURN = np.linspace(0, 2 * np.pi, 20_001)
ROUND = [[4 + 0.1 * np.cos(angle), 50 + 0.1 * np.sin(angle)] for angle in TURN]
MANY = {"type": "Polygon", "coordinates": [ROUND]}


@pytest.mark.parametrize(
    ("geometry", "codes"),
    [
        (BOW_TIE, ["self_crossing"]),
        (OPEN, ["closed"]),
        (SWAPPED, ["perhaps_swapped"]),
        (MANY, ["thinned"]),
        ({"type": "GeometryCollection", "geometries": [SQUARE, IN_METRES | {"type": "Point"}]}, []),
    ],
    ids=["bow tie", "open", "swapped", "20,000 corners", "mixed"],
)
async def test_what_can_be_mended_is_and_the_preview_says_how(
    street: Street, geometry: dict[str, Any], codes: list[str]
):
    if geometry["type"] == "GeometryCollection":
        point = {"type": "Point", "coordinates": [4.0, 50.0]}
        geometry, codes = {**geometry, "geometries": [SQUARE, point]}, ["dropped"]
    tried = (await send(street, geojson(geometry), only_try=True)).json()
    assert tried["refused"] == 0, tried
    remarks = tried["zones"][0]["remarks"]
    assert [each["code"] for each in remarks if each["code"] != "turned"] == codes
    assert all(each["text"] for each in remarks)
    assert (await send(street, geojson(geometry))).json()["filed"] == 1
    kept = shape((await zones(street))[0]["geometry"])
    assert kept.is_valid
    if codes == ["thinned"]:
        assert len(kept.exterior.coords) <= 10_001
        assert kept.symmetric_difference(shape(MANY)).area < 1e-4 * kept.area


@pytest.mark.parametrize(
    ("geometry", "words"),
    [
        (None, "no shape"),
        ({"type": "Polygon", "coordinates": []}, ""),
        ({"type": "Polygon", "coordinates": "x"}, ""),
        ({"type": "Polygon"}, ""),
        ({"type": "Star", "coordinates": [1]}, "no Star"),
        ({"type": "Point", "coordinates": [500, 4]}, "ot on Earth"),
        ({"type": "Point", "coordinates": []}, ""),
        ({"type": "MultiPoint", "coordinates": []}, "no shape"),
        ({"type": "LineString", "coordinates": [[4, 50], [4, 50]]}, "two places"),
        (IN_METRES, "ot on Earth"),
    ],
    ids=lambda value: str(value)[:50],
)
async def test_one_that_can_be_no_zone_is_named_and_nothing_is_filed(
    street: Street, geometry: Any, words: str
):
    file = geojson(SQUARE, geometry)
    tried = (await send(street, file, only_try=True)).json()
    assert (tried["filed"], tried["refused"]) == (1, 1)
    assert tried["zones"][1]["number"] == 2
    assert words in tried["zones"][1]["problem"]
    assert tried["zones"][1]["problem"].endswith(".")
    refused = await send(street, file)
    assert refused.status_code == 422
    assert "1 of 2" in refused.json()["detail"]
    assert await zones(street) == []
    assert (await send(street, file, although_some_cannot=True)).json()["filed"] == 1
    assert [each["name"] for each in await zones(street)] == ["N1"]


async def test_properties_are_understood_in_the_languages_of_the_country(street: Street):
    file = geojson(
        SQUARE,
        name=None,
        naam="  Dépôt\n\tVilvoorde ",
        kleur="#C2410C",
        labels="nacht; school,",
        maxspeed="30 km/h",
        opmerking="Twee keer\nbellen.\u0000",
        hours={"weekly": {"mon": ["25:00-26:00"]}},
    )
    tried = (await send(street, file)).json()
    assert [each["facts"] for each in tried["zones"][0]["remarks"]] == [{"field": "hours"}]
    kept = (await zones(street))[0]
    assert kept["name"] == "Dépôt Vilvoorde"
    assert (kept["colour"], kept["labels"]) == ("#c2410c", ["nacht", "school"])
    assert (kept["speed_limit_kmh"], kept["note"]) == (30, "Twee keer\nbellen.")


@pytest.mark.parametrize(
    ("crs_member", "query"),
    [
        ({"crs": {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::31370"}}}, {}),
        ({}, {"crs": "EPSG:31370"}),
    ],
    ids=["said by the file", "said by the sender"],
)
async def test_metres_of_the_belgian_grid_become_degrees(
    street: Street, crs_member: dict[str, Any], query: dict[str, str]
):
    file = json.dumps({**json.loads(geojson(IN_METRES)), **crs_member}).encode()
    filed = (await send(street, file, **query)).json()
    assert [each["code"] for each in filed["remarks"]] == ["reprojected"]
    assert "Lambert" in filed["remarks"][0]["text"]
    kept = shape((await zones(street))[0]["geometry"])
    assert kept.hausdorff_distance(shape(SQUARE)) < 2e-5


KML = """<?xml version="1.0" encoding="UTF-8"?>
<kml xmlns="http://www.opengis.net/kml/2.2" xmlns:gx="http://www.google.com/kml/ext/2.2"><Document>
<Style id="red"><PolyStyle><color>7f0000ff</color></PolyStyle></Style>
<NetworkLink><Link><href>http://127.0.0.1:1/secret.kml</href></Link></NetworkLink>
<Folder><Placemark><name>Yard &amp; garden</name><styleUrl>#red</styleUrl>
<description><![CDATA[<b>bold</b>]]></description>
<ExtendedData><Data name="labels"><value>a;b</value></Data>
<SchemaData><SimpleData name="speed_limit_kmh">20</SimpleData></SchemaData></ExtendedData>
<Polygon><outerBoundaryIs><LinearRing><coordinates>
4.0,50.0,0 4.1,50.0,0 4.1,50.1,0 4.0,50.1,0 4.0,50.0,0</coordinates></LinearRing></outerBoundaryIs>
<innerBoundaryIs><LinearRing><coordinates>
4.04,50.04 4.04,50.06 4.06,50.06 4.06,50.04 4.04,50.04</coordinates></LinearRing></innerBoundaryIs>
</Polygon></Placemark>
<Placemark><name>Drive</name><gx:Track><gx:coord>4 50 0</gx:coord><gx:coord>4.1 50 0</gx:coord>
</gx:Track></Placemark>
<Placemark><name>Nowhere</name></Placemark>
<Placemark><name>Odd</name><Point><coordinates>four,fifty</coordinates></Point></Placemark>
</Folder></Document></kml>"""


@pytest.mark.parametrize("packed", [False, True], ids=["kml", "kmz"])
async def test_kml_is_read_with_its_names_and_colours_and_its_links_are_not_followed(
    street: Street, *, packed: bool
):
    file = zipped(**{"doc.kml": KML, "files/icon.png": b"x"}) if packed else KML.encode()
    tried = (await send(street, file, although_some_cannot=True)).json()
    assert tried["format"] == "kml"
    assert [each["code"] for each in tried["remarks"]] == ["links_not_followed"]
    assert [(each["name"], each["problem"] == "") for each in tried["zones"]] == [
        ("Yard & garden", True),
        ("Drive", True),
        ("Nowhere", False),
        ("Odd", False),
    ]
    drive, yard = await zones(street)
    assert drive["kind"] == "corridor"
    assert (yard["colour"], yard["labels"], yard["speed_limit_kmh"]) == ("#ff0000", ["a", "b"], 20)
    assert yard["note"] == "<b>bold</b>"
    assert shape(yard["geometry"]).area == pytest.approx(0.01 - 0.0004)


async def test_gpx_tracks_are_corridors_and_waypoints_circles(street: Street):
    track = "".join(
        f'<trkpt lat="{50 + step * 1e-5:.5f}" lon="{4 + (step % 2) * 1e-6:.6f}"><ele>3</ele>'
        "</trkpt>"
        for step in range(20_000)
    )
    file = (
        '<?xml version="1.0"?><gpx version="1.1" xmlns="http://www.topografix.com/GPX/1/1">'
        '<wpt lat="50.85" lon="4.35"><name>Depot</name><desc>Ring</desc></wpt>'
        f"<trk><name>Run</name><trkseg>{track}</trkseg><trkseg></trkseg></trk>"
        '<rte><rtept lat="51" lon="4"/><rtept lat="51.1" lon="4"/></rte></gpx>'
    ).encode()
    filed = (await send(street, file, width_m=30, radius_m=70)).json()
    assert filed["filed"] == 3, filed
    depot, run, route = await zones(street)
    assert (depot["kind"], depot["drawing"]["radius_m"], depot["note"]) == ("circle", 70, "Ring")
    assert (run["kind"], run["name"]) == ("corridor", "Run")
    assert len(run["drawing"]["line"]) <= 2_000
    assert (route["name"], route["drawing"]["width_m"]) == ("Zone 3", 30)


async def test_wkt_has_a_shape_a_line_with_its_name(street: Street):
    x, y = BELGIAN.transform(4.35, 50.85)
    file = (
        "# Depots\r\n"
        "POLYGON ((4 50, 4.1 50, 4.1 50.1, 4 50))\tDepot A\r\n"
        f"SRID=31370;POINT ({x} {y})\t" + '{"name": "Depot B", "speed_limit_kmh": 15}\r\n'
        "\r\nPOLYGON ((4 50, 4.1\r\n"
    ).encode()
    tried = (await send(street, file, although_some_cannot=True)).json()
    assert [(each["number"], each["problem"] == "") for each in tried["zones"]] == [
        (2, True),
        (3, True),
        (5, False),
    ]
    depot_a, depot_b = await zones(street)
    assert depot_a["name"] == "Depot A"
    assert depot_b["speed_limit_kmh"] == 15
    assert depot_b["drawing"]["centre"]["lat"] == pytest.approx(50.85, abs=1e-5)
    assert depot_b["drawing"]["centre"]["lon"] == pytest.approx(4.35, abs=1e-5)


async def test_a_zipped_shapefile_is_read_by_its_own_grid(street: Street, tmp_path: Path):
    made = shapefile(tmp_path, shape(IN_METRES), "EPSG:31370")
    filed = (await send(street, zipped(**{f"map/{n}": c for n, c in made.items()}))).json()
    assert (filed["format"], filed["filed"]) == ("shapefile", 1)
    assert [each["code"] for each in filed["remarks"]] == ["reprojected"]
    kept = (await zones(street))[0]
    assert (kept["name"], kept["speed_limit_kmh"]) == ("Dépôt", 50)
    assert shape(kept["geometry"]).hausdorff_distance(shape(SQUARE)) < 2e-5


async def test_a_shapefile_without_a_grid_or_an_index_is_read_and_said(
    street: Street, tmp_path: Path
):
    made = shapefile(tmp_path, shape(SQUARE))
    del made["depots.prj"], made["depots.shx"]
    filed = (await send(street, zipped(**made))).json()
    assert [each["code"] for each in filed["remarks"]] == ["no_crs"]
    assert shape((await zones(street))[0]["geometry"]).equals(shape(SQUARE))


BILLION = """<?xml version="1.0"?><!DOCTYPE kml [<!ENTITY a "aaaaaaaaaa">
<!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]><kml><Placemark><name>&b;</name></Placemark></kml>"""
PASSWD = """<?xml version="1.0"?><!DOCTYPE kml [<!ENTITY a SYSTEM "file:///etc/passwd">]>
<kml><Placemark><name>&a;</name><Point><coordinates>4,50</coordinates></Point></Placemark></kml>"""
VRT = """<OGRVRTDataSource><OGRVRTLayer name="x"><SrcDataSource>/vsicurl/http://127.0.0.1:1/x
</SrcDataSource></OGRVRTLayer></OGRVRTDataSource>"""


@pytest.mark.parametrize(
    ("file", "query", "words"),
    [
        (b"", {}, "no shapes"),
        (b"hello", {}, "well-known text"),
        (b"\xff\xfe\x00", {}, "not text"),
        (b"{", {}, "not JSON"),
        (b"[]", {}, "not GeoJSON"),
        (b'{"type": "FeatureCollection", "features": []}', {}, "no shapes"),
        (b'{"a":' * 5_000, {}, "JSON"),
        (geojson(*[SQUARE] * 2_001), {}, "2000 features"),
        (geojson(SQUARE), {"format": "kml"}, "not XML"),
        (b"<html/>", {}, "not KML"),
        (BILLION.encode(), {}, "entities"),
        (PASSWD.encode(), {}, "entities"),
        (VRT.encode(), {}, "not KML"),
        (b"<kml>" + b"<Folder>" * 30_000, {}, "XML"),
        (b"PK\x03\x04 broken", {}, "zip"),
        (zipped(**{"a.txt": "x"}), {}, "no shapefile"),
        (zipped(**{"a.shp": VRT}), {}, "not a shapefile"),
        (zipped(**{"/vsicurl/http:/127.0.0.1/a.shp": "x"}), {}, "not a shapefile"),
        (zipped(**{"a.shp": b"\x00\x00\x27\x0a" + b"\xff" * 200}), {}, "cannot be read"),
        (zipped(**{f"{n}.shp": b"" for n in range(201)}), {}, "200 files"),
        (zipped(**{"a.shp": b"\x00" * (65 * 2**20)}), {}, "64 MB"),
        (zipped(**{"a.kml": b" " * (65 * 2**20)}), {}, "64 MB"),
        (geojson(SQUARE), {"crs": "EPSG:999999"}, "no reference system"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_what_is_no_file_of_shapes_is_refused_in_words(
    file: bytes, query: dict[str, str], words: str
):
    asked = {"format": None, "crs": None, "wishes": asdict(Wishes()), **query}
    with pytest.raises(Unreadable, match=words) as refused:
        file_reader.read(file, asked)
    assert "root:" not in str(refused.value)


@pytest.mark.parametrize(
    ("file", "words"),
    [
        (b"hello", "No line of it is well-known text."),
        (PASSWD.encode(), "entities"),
        (b'{"type": "GeometryCollection", "geometries": [' * 900 + b"]}" * 900, ""),
        (zipped(**{"a.shp": VRT}), "not a shapefile"),
    ],
    ids=["text", "entity", "nested", "not a shapefile"],
)
async def test_a_file_that_cannot_be_read_files_nothing(street: Street, file: bytes, words: str):
    answer = await send(street, file)
    assert answer.status_code == 422, answer.text
    assert words in answer.json()["detail"]
    assert await zones(street) == []


async def test_a_reader_that_dies_or_never_ends_harms_nobody(
    street: Street, monkeypatch: pytest.MonkeyPatch
):
    for body, words in (("os.abort()", "cannot be read"), ("time.sleep(600)", "too long")):
        program = f"import os, time, sys; sys.stdin.buffer.read(); {body}"
        monkeypatch.setattr(files, "READER", (sys.executable, "-c", program))
        monkeypatch.setattr(files, "MOST_WAITED_S", 1.0 if "sleep" in body else 60.0)
        answer = await send(street, geojson(SQUARE))
        assert answer.status_code == 422
        assert words in answer.json()["detail"]


async def test_few_files_are_read_at_a_time(street: Street, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(files, "_reading", {1, 2, 3})
    answer = await send(street, geojson(SQUARE))
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "5"


async def test_the_reader_knows_nothing_of_the_house(street: Street, monkeypatch):
    monkeypatch.setenv("VIGIL_DATABASE_URL", "postgresql://secret")
    program = (
        "import json, os, sys; sys.stdin.buffer.read();"
        " print(json.dumps({'unreadable': ' '.join(sorted(os.environ))}))"
    )
    monkeypatch.setattr(files, "READER", (sys.executable, "-c", program))
    told = (await send(street, geojson(SQUARE))).json()["detail"]
    assert "PROJ_NETWORK" in told
    assert "DATABASE" not in told


def test_no_name_in_a_zip_leads_out_of_it(tmp_path: Path):
    made = shapefile(tmp_path, shape(SQUARE))
    path = f"../../../..{tmp_path}/was-here"
    out = {name.replace("depots", path): content for name, content in made.items()}
    asked = {"format": None, "crs": None, "wishes": asdict(Wishes())}
    assert len(file_reader.read(zipped(**out), asked)["candidates"]) == 1
    assert not list(tmp_path.glob("was-here*"))


async def test_a_file_may_be_larger_than_a_form_and_not_without_end(street: Street):
    padded = geojson(SQUARE) + b" " * MOST_BODY_BYTES
    assert (await send(street, padded)).json()["filed"] == 1
    assert (await send(street, b" " * (MOST_FILE_BYTES + 1))).status_code == 413


async def test_nobody_imports_for_somebody_else(street: Street):
    by_operator = await send(street, geojson(SQUARE), by=street.operator)
    assert by_operator.status_code == 403
    for by in (street.gardener,):
        assert (await send(street, geojson(SQUARE), by=by)).status_code == 404
    van, _ = await street.town.add_asset(street.florist, "Van")
    moving = {"kind": "moving", "definition": {"radius_m": 50}, "anchor_asset_id": str(van)}
    tried = (await send(street, geojson(None, **moving), only_try=True)).json()
    assert "no such asset" in tried["zones"][0]["problem"]
    own, _ = await street.town.add_asset(street.bakery, "Own van")
    moving["anchor_asset_id"] = str(own)
    assert (await send(street, geojson(None, **moving))).json()["filed"] == 1
    assert (await zones(street))[0]["anchor"] == "Own van"
