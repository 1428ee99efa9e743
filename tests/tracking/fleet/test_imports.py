"""A file of units: good rows are filed, bad ones are said, line by line."""

from typing import Any

import httpx
import pytest

from tests.tracking.town import Town
from tests.tracking.web import Web

HEAD = "IMEI;protocol;Klant;naam;Nummerplaat;sim\n"


@pytest.fixture
async def keeper(web: Web, town: Town) -> httpx.AsyncClient:
    _, token = await town.add_person("Ada", role="supervisor")
    await town.add_client("Bakkerij")
    return web.client(token=token)


async def send(client: httpx.AsyncClient, file: str | bytes, **query: Any) -> httpx.Response:
    return await client.post(
        "/api/v1/devices/import",
        content=file,
        params=query,
        headers={"Content-Type": "text/csv"},
    )


async def test_every_good_row_is_filed_and_every_bad_one_is_said(
    keeper: httpx.AsyncClient, town: Town
):
    file = (
        HEAD + "356938035643801;gt06;bakkerij;Camionnette 1;1-abc-123;+32 470 12 34 56\n"
        "356938035643802;morse;Bakkerij;Camionnette 2;;\n"
        "356938035643803;gt06;Slagerij;Camionnette 3;;\n"
        "\n"
        "356938035643804;gt06;Bakkerij;Camionnette 4;1-ABC-123-456-789;123\n"
        "356938035643801;gt06;Bakkerij;Camionnette 5;;\n"
        "356938035643805;watch;Bakkerij;Camionnette 1;;\n"
        "356938035643806;gt06;;;;\n"
    )
    answer = await send(keeper, file)
    said = answer.json()
    assert answer.status_code == 200
    assert said["filed"] == 2
    assert [(each["line"], each["column"]) for each in said["problems"]] == [
        (3, ""),
        (4, "client"),
        (6, "device_phone"),
        (6, "plate"),
        (7, "unit_id"),
        (9, "client"),
    ]
    assert "do not speak morse" in said["problems"][0]["what"]
    rows = await town.pool.fetch(
        "SELECT d.unit_id, a.name, a.plate, d.phone FROM devices d JOIN fitments f"
        " ON f.device_id = d.id JOIN assets a ON a.id = f.asset_id ORDER BY d.unit_id"
    )
    assert [tuple(row) for row in rows] == [
        ("356938035643801", "Camionnette 1", "1-ABC-123", "+32470123456"),
        ("356938035643805", "Camionnette 1", "1-ABC-123", None),
    ]


async def test_a_file_can_be_tried_first(keeper: httpx.AsyncClient, town: Town):
    file = HEAD + "356938035643801;gt06;Bakkerij;Camionnette 1;;\n"
    assert (await send(keeper, file, only_try=True)).json() == {
        "filed": 1,
        "only_tried": True,
        "problems": [],
    }
    assert await town.pool.fetchval("SELECT count(*) FROM devices") == 0
    assert (await send(keeper, file)).json()["filed"] == 1
    again = (await send(keeper, file)).json()
    assert again["filed"] == 0
    assert again["problems"][0]["what"] == "is registered already"


@pytest.mark.parametrize(
    ("file", "words"),
    [
        (b"\n", "unit_id"),
        (b"naam;nummerplaat\nx;y\n", "unit_id, codec, client is missing"),
        (b"PK\x03\x04\x00\x00", "not a text file"),
        (HEAD.encode() + b'"open', "not CSV"),
        (HEAD.encode() + b"1;gt06;B\n" * 5_001, "At most 5000"),
    ],
    ids=["a blank line", "no headings", "a workbook", "an open quote", "too long"],
)
async def test_a_file_that_is_no_table_is_refused_in_words(
    keeper: httpx.AsyncClient, file: bytes, words: str
):
    answer = await send(keeper, file)
    assert answer.status_code == 422
    assert words in answer.json()["detail"]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "cp1252"])
@pytest.mark.parametrize("delimiter", [";", ",", "\t"])
async def test_any_spreadsheet_of_this_country_will_do(
    keeper: httpx.AsyncClient, town: Town, encoding: str, delimiter: str
):
    lines = [
        "unit_id;codec;client;asset;asset_kind;kind",
        "42;watch;Bakkerij;Zoë;Senior;Panic_Device",
    ]
    file = "\r\n".join(line.replace(";", delimiter) for line in lines).encode(encoding)
    assert (await send(keeper, file)).json()["filed"] == 1
    row = await town.pool.fetchrow("SELECT name, kind FROM assets")
    assert tuple(row) == ("Zoë", "senior")
