"""Programs of others as our clients: ogr2ogr and ogrinfo of the system, and pyogrio's GDAL."""

import asyncio
import json
import os
import shutil
import sys
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest
import shapely
from shapely.geometry import shape

from tests.tracking.ogc.test_features import locate
from tests.tracking.town import House, Town

MANY = 230
"""More than two pages of what these programs ask for at a time."""


@pytest.fixture
async def bakery(town: Town) -> UUID:
    """A client with many zones, and one van; another client has one of each too."""
    bakery = await town.add_client("Bakkerij")
    # The last microsecond of a minute is the next minute to who keeps seconds in single precision.
    last = {"created_at": datetime(2026, 11, 24, 21, 59, 59, 999_999, tzinfo=UTC)}
    await town.add_zone(bakery, "Zone 000", labels=["depot"], speed_limit_kmh=30.0, **last)
    for number in range(1, MANY):
        await town.add_zone(bakery, f"Zone {number:03}", labels=["depot"], speed_limit_kmh=30.0)
    await locate(town, bakery, "Van", lat=50.5, lon=4.5)
    florist = await town.add_client("Bloemist")
    await town.add_zone(florist, "Theirs")
    await locate(town, florist, "Their van")
    return bakery


async def run(*command: str, **environment: str) -> str:
    """What the program says. It must end well and warn of nothing."""
    program = shutil.which(command[0])
    if program is None:
        pytest.fail("gdal-bin is not installed: `./vigil test` installs it")
    process = await asyncio.create_subprocess_exec(
        program,
        *command[1:],
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={**os.environ, "GDAL_HTTP_TIMEOUT": "20", "NO_PROXY": "127.0.0.1", **environment},
    )
    async with asyncio.timeout(100):
        said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()
    return said.decode()


async def test_ogr2ogr_reads_every_zone_that_its_token_may_see(
    house: House, town: Town, bakery: UUID, tmp_path: Path
):
    _, token = await town.add_person("Bart", organisation=bakery, role="client")
    out = tmp_path / "out.json"
    await run(
        "ogr2ogr",
        "-f",
        "GeoJSON",
        str(out),
        f"OAPIF:http://127.0.0.1:{house.port}/ogc",
        "zones",
        GDAL_HTTP_HEADERS=f"Authorization: Bearer {token}",
    )
    features = json.loads(out.read_text())["features"]
    assert sorted(each["properties"]["name"] for each in features) == [
        f"Zone {number:03}" for number in range(MANY)
    ]
    first = features[0]
    assert first["properties"]["speed_limit_kmh"] == 30
    assert first["properties"]["labels"] == "depot"
    drawn = shape(first["geometry"])
    assert drawn.centroid.distance(shapely.Point(4.35, 50.85)) < 1e-5
    assert drawn.bounds[2] - drawn.bounds[0] == pytest.approx(200 / 70_300, rel=0.01)


async def test_ogrinfo_finds_the_collections_with_a_token_as_password(
    house: House, town: Town, bakery: UUID
):
    _, token = await town.add_person("Bart", organisation=bakery, role="client")
    asked = f"OAPIF:http://127.0.0.1:{house.port}/ogc"
    listed = await run("ogrinfo", asked, GDAL_HTTP_USERPWD=f"qgis:{token}")
    assert "1: zones" in listed
    assert "2: last_positions" in listed
    told = await run(
        "ogrinfo",
        "-al",
        "-spat",
        "4",
        "50",
        "5",
        "51",
        asked,
        "last_positions",
        GDAL_HTTP_USERPWD=f"qgis:{token}",
    )
    assert "Feature Count: 1" in told
    assert "POINT (4.5 50.5)" in told
    assert "speed_kmh (Real) = 33" in told
    assert "Their van" not in told
    elsewhere = await run(
        "ogrinfo",
        "-al",
        "-so",
        "-spat",
        "0",
        "0",
        "1",
        "1",
        asked,
        "last_positions",
        GDAL_HTTP_USERPWD=f"qgis:{token}",
    )
    assert "Feature Count: 0" in elsewhere


async def test_ogrinfo_without_a_token_is_shown_nothing(house: House, bakery: UUID):
    with pytest.raises(AssertionError, match="401"):
        await run("ogrinfo", f"OAPIF:http://127.0.0.1:{house.port}/ogc")


NEWER = """
import sys, pyogrio, pyogrio.raw, shapely
# Since some version GDAL sends no headers of one's own here: a bearer token would not come.
pyogrio.set_gdal_config_options({"GDAL_HTTP_USERPWD": sys.argv[2]})
meta, _, shapes, columns = pyogrio.raw.read(sys.argv[1], layer="zones")
names = columns[list(meta["fields"]).index("name")]
print(len(shapes), len(set(names)), min(names), max(names))
print(*shapely.get_coordinates(shapely.from_wkb(shapes[0]).centroid)[0].round(5))
"""


async def test_a_newer_gdal_reads_them_too(house: House, town: Town, bakery: UUID):
    _, token = await town.add_person("Bart", organisation=bakery, role="client")
    address = f"OAPIF:http://127.0.0.1:{house.port}/ogc"
    # Apart: pyogrio keeps the whole process waiting for the house, which runs in this one.
    said = await run(sys.executable, "-c", NEWER, address, f"qgis:{token}")
    assert said.splitlines() == [f"{MANY} {MANY} Zone 000 Zone {MANY - 1:03}", "4.35 50.85"]
