"""The demonstration centre: filed once, complete, and without a password that anybody knows."""

import re
import stat
from collections import Counter

import pytest

import protocols
from protocols.codec import Peer
from protocols.message import Login
from protocols.settings import DeviceSettings
from tests.tracking.web import open_web, try_to_sign_in
from tracking import demonstration
from tracking.database import Pool, connect
from tracking.rules.book import Shelf
from tracking.seed import seed
from tracking.settings import PROJECT, Settings


async def test_an_empty_house_is_filled_once(settings: Settings, pool: Pool) -> None:
    made = await seed(settings)
    assert Counter(one.role for one in made) == {
        "operator": 2,
        "supervisor": 1,
        "administrator": 1,
        "client": 3,
    }
    before = await rows(pool)
    assert before == {"organisations": 4, "people": 7, "assets": 200, "devices": 200, "fitted": 200}
    note = (settings.state_dir / "sign_ins").read_text()
    assert await seed(settings) == []
    assert await seed(settings, empty=True) == []
    assert await rows(pool) == before
    assert (settings.state_dir / "sign_ins").read_text() == note


async def test_without_demonstration_there_is_a_centre_and_its_administrator(
    settings: Settings, pool: Pool
) -> None:
    (administrator,) = await seed(settings, empty=True)
    assert administrator.role == "administrator"
    assert await rows(pool) == {
        "organisations": 1,
        "people": 1,
        "assets": 0,
        "devices": 0,
        "fitted": 0,
    }


async def test_the_sign_ins_are_a_note_for_its_owner_only_and_they_work(
    settings: Settings, pool: Pool
) -> None:
    made = await seed(settings)
    note = settings.state_dir / "sign_ins"
    assert stat.S_IMODE(note.stat().st_mode) == 0o600
    told = [line.split() for line in note.read_text().splitlines()]
    assert told == [[one.role, one.sign_in, one.password] for one in made]
    assert len({one.password for one in made}) == 7
    async with open_web(settings) as web:
        for one in made:
            answer = await try_to_sign_in(web.client(), one.sign_in, one.password)
            assert answer.status_code == 201
            assert answer.json()["role"] == one.role
    stored = await pool.fetch("SELECT password_hash FROM people")
    assert not any(one.password in row["password_hash"] for one in made for row in stored)


async def test_two_houses_have_different_passwords(settings: Settings, pool: Pool) -> None:
    first = await seed(settings)
    await pool.execute("TRUNCATE organisations CASCADE")
    second = await seed(settings)
    assert not {one.password for one in first} & {one.password for one in second}


def test_no_password_stands_in_the_code() -> None:
    for name in ("seed.py", "demonstration.py"):
        text = (PROJECT / "tracking" / name).read_text()
        assert not re.search(r"password\w*\s*=\s*[\"']", text)


ASSETS = [asset for client in demonstration.clients() for asset in client.assets]


def test_all_protocols_kinds_and_languages_are_there() -> None:
    assert Counter(asset.kind for asset in ASSETS) == {
        "vehicle": 120,
        "lone_worker": 45,
        "senior": 35,
    }
    assert {asset.codec for asset in ASSETS} == {
        "teltonika",
        "gt06",
        "watch",
        "minifinder2",
        "osmand",
        "owntracks",
    }
    assert {client.language for client in demonstration.clients()} == {"nl", "fr", "de"}


def test_the_same_house_is_invented_every_time() -> None:
    assert demonstration.clients() == demonstration.clients()


def test_names_plates_numbers_and_unit_ids_are_unique_and_look_right() -> None:
    for field, pattern in {
        "name": r"\S.+\S",
        "plate": r"[12]-[A-Z]{3}-[0-9]{3}",
        "phone": r"\+324[0-9]{8}",
        "unit_id": r"[!-~]+",
    }.items():
        values = [getattr(asset, field) for asset in ASSETS if getattr(asset, field)]
        if field != "name":
            assert len(set(values)) == len(values), field
        assert all(re.fullmatch(pattern, value) for value in values), field


def test_persons_have_a_telephone_and_vehicles_a_plate() -> None:
    for asset in ASSETS:
        assert (asset.plate is not None) is (asset.kind == "vehicle")
        assert (asset.phone is not None) is (asset.kind != "vehicle")
        assert (asset.device_kind == "tracker") is (asset.kind == "vehicle")


@pytest.mark.parametrize("asset", ASSETS, ids=lambda asset: asset.unit_id)
def test_a_device_says_its_unit_id_in_its_own_protocol(
    asset: demonstration.DemonstrationAsset,
) -> None:
    codec = protocols.get(asset.codec)
    peer = Peer(unit_id=asset.unit_id, settings=DeviceSettings(model=asset.model))
    try:
        said = codec.simulate(Login(unit_id=asset.unit_id), peer)
    except protocols.errors.Unsupported:
        return
    assert codec.frame_size(said, 0) == len(said)


def test_imeis_have_the_right_check_digit() -> None:
    imeis = [
        asset.unit_id for asset in ASSETS if len(asset.unit_id) == 15 and asset.unit_id.isdigit()
    ]
    assert len(imeis) == 151
    for imei in imeis:
        digits = [int(digit) for digit in imei]
        doubled = [sum(divmod(2 * digit, 10)) for digit in digits[1::2]]
        assert (sum(digits[::2]) + sum(doubled)) % 10 == 0


async def rows(pool: Pool) -> dict[str, int]:
    return {
        "organisations": await pool.fetchval("SELECT count(*) FROM organisations"),
        "people": await pool.fetchval("SELECT count(*) FROM people"),
        "assets": await pool.fetchval("SELECT count(*) FROM assets"),
        "devices": await pool.fetchval("SELECT count(*) FROM devices"),
        "fitted": await pool.fetchval("SELECT count(*) FROM fitments WHERE fitted_until IS NULL"),
    }


async def test_the_rules_of_the_demonstration_judge(settings: Settings, pool: Pool):
    await seed(settings)
    connection = await connect(settings, "ingest")
    try:
        shelf = Shelf()
        await shelf.refresh(connection)
    finally:
        await connection.close()
    assert len(shelf.book.rules) == 5
    assert shelf.book.aside == ()
    assert await pool.fetchval("SELECT count(*) FROM zones_in_force") == 4
