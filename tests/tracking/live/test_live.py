"""The live channel as a desk meets it."""

import asyncio
import contextlib
import struct
from typing import Any
from uuid import uuid4

import orjson
import pytest
import websockets

from tests.tracking.town import House, Town
from tracking import bus
from tracking.live import api
from tracking.live import desk as desks
from tracking.settings import Settings


def positions_in(frame: bytes) -> list[dict[str, float]]:
    """A binary frame, read as the contract says and not as we write it."""
    kind, version, reserved, count = struct.unpack_from("<BBHI", frame)
    assert (kind, version, reserved) == (1, 1, 0)
    offset = 8
    columns = {}
    for name, code, size in (
        ("n", "I", 4),
        ("lon", "f", 4),
        ("lat", "f", 4),
        ("speed", "H", 2),
        ("course", "H", 2),
        ("at", "I", 4),
        ("flags", "B", 1),
    ):
        columns[name] = struct.unpack_from(f"<{count}{code}", frame, offset)
        offset += -(-count * size // 4) * 4
    assert offset == len(frame)
    return [
        dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)
    ]


def row(number: int, *, lat: float, lon: float, at: int, speed: int = 0, flags: int = 1) -> bytes:
    return bus.POSITION_ROW.pack(number, lon, lat, speed, 900, at, flags)


async def ring(settings: Settings, channel: str, payload: bytes) -> None:
    """Publish, once somebody hears it."""
    client = bus.connect(bus.address_of(settings))
    async with asyncio.timeout(20):
        while not await client.publish(settings.redis_prefix + channel, payload):  # noqa: ASYNC110 - no event says so
            await asyncio.sleep(0.01)
    await client.aclose()


async def test_a_desk_is_greeted_and_told_what_is_open(house: House, town: Town) -> None:
    client = await town.add_client("Bakery")
    asset, number = await town.add_asset(client, "Van 1", plate="1-ABC-234")
    alarm = await town.raise_alarm(client, asset, fix=(50.85, 4.35))
    _, token = await town.add_person("Anna")
    async with house.screen(token) as screen:
        hello = await screen.next("hello")
        assert hello["seq"] == 0
        assert hello["now"].endswith("Z")
        told = await screen.next("alarm")
        assert told["change"] == "raised"
        assert told["sound"]
        assert told["event_id"] == str(alarm)
        assert told["alarm"]["id"] == str(alarm)
        assert told["alarm"]["asset"] == {"id": str(asset), "name": "Van 1", "kind": "vehicle"}
        assert told["alarm"]["fix"]["lat"] == 50.85
        beat = await screen.next("beat")
        assert beat["seq"] == told["seq"]
        while not any(frame.get("assets") for frame in screen.frames):
            await screen.any()
    assets = [asset for frame in screen.frames for asset in frame.get("assets", [])]
    assert [(one["n"], one["plate"], one["state"], one["last"]) for one in assets] == [
        (number, "1-ABC-234", "never", None)
    ]


async def test_what_somebody_has_in_hand_is_shown_and_silent(house: House, town: Town) -> None:
    alarm = await town.raise_alarm(await town.add_client("Bakery"))
    _, token = await town.add_person("Anna")
    async with house.client(token) as anna:
        await anna.post(f"/api/v1/alarms/{alarm}/acknowledge")
    async with house.screen(token) as screen:
        told = await screen.next("alarm")
        assert (told["change"], told["sound"]) == ("raised", False)
        assert told["alarm"]["acknowledged_by"] == "Anna"


async def test_a_second_desk_sees_who_took_the_alarm(house: House, town: Town) -> None:
    alarm = await town.raise_alarm(await town.add_client("Bakery"))
    _, anna = await town.add_person("Anna")
    _, bert = await town.add_person("Bert")
    async with house.screen(bert) as screen, house.client(anna) as client:
        await screen.next("beat")
        answer = await client.post(f"/api/v1/alarms/{alarm}/acknowledge")
        assert answer.status_code == 200
        told = await screen.next("alarm", change="acknowledged")
        assert told["alarm"]["acknowledged_by"] == "Anna"
        assert not told["sound"]


async def test_a_desk_that_resumes_hears_only_what_it_missed(house: House, town: Town) -> None:
    client = await town.add_client("Bakery")
    alarms = [await town.raise_alarm(client) for _ in range(3)]
    _, token = await town.add_person("Anna")
    async with house.screen(token) as screen:
        seqs = [(await screen.next("alarm"))["seq"] for _ in alarms]
    async with house.client(token) as anna:
        await anna.post(f"/api/v1/alarms/{alarms[0]}/acknowledge")
    async with house.screen(token, after=seqs[1]) as screen:
        assert (await screen.next("hello"))["seq"] == seqs[1]
        await screen.next("beat")
        told = [frame for frame in screen.frames if frame["type"] == "alarm"]
    assert [(one["change"], one["alarm"]["id"]) for one in told] == [
        ("raised", str(alarms[2])),
        ("acknowledged", str(alarms[0])),
    ]


async def test_a_desk_from_another_time_is_told_everything_open(house: House, town: Town) -> None:
    alarm = await town.raise_alarm(await town.add_client("Bakery"))
    _, token = await town.add_person("Anna")
    async with house.screen(token, after=1_000_000) as screen:
        assert (await screen.next("hello"))["seq"] == 0
        assert (await screen.next("alarm"))["alarm"]["id"] == str(alarm)


async def test_thousands_of_open_alarms_arrive_once_each(house: House, town: Town) -> None:
    client = await town.add_client("Bakery")
    await town.raise_alarm(client)
    await town.pool.execute(
        """
        WITH more AS (
            INSERT INTO alarms (id, organisation_id, unit_id, cause, priority, at, last_event_id)
            SELECT gen_random_uuid(), $1, n::text, 'silence', 3, now(), gen_random_uuid()
            FROM generate_series(1, 2500) n RETURNING id
        ) INSERT INTO changes (seq, alarm_id, organisation_id, event_id, kind, sound)
          SELECT nextval('changes_seq'), id, $1, id, 'raised', true FROM more
        """,
        client,
    )
    _, token = await town.add_person("Anna")
    async with house.screen(token) as screen:
        seqs = [(await screen.next("alarm"))["seq"] for _ in range(2501)]
        beat = await screen.next("beat")
    assert seqs == sorted(set(seqs))
    assert beat["seq"] == seqs[-1]


async def test_a_desk_that_comes_and_goes_in_the_middle_of_it_all_misses_nothing(
    house: House, town: Town
) -> None:
    """Gateways raise and operators act all at once, and the network keeps breaking."""
    client = await town.add_client("Bakery")
    _, token = await town.add_person("Anna")
    made: list[tuple[str, str]] = []

    async def work() -> None:
        async with house.client(token) as anna:
            for _ in range(8):
                alarm = str(await town.raise_alarm(client))
                made.append(("raised", alarm))
                for act, kind in (("acknowledge", "acknowledged"), ("notes", "noted")):
                    answer = await anna.post(f"/api/v1/alarms/{alarm}/{act}", json={"note": "x"})
                    assert answer.is_success, answer.text
                    made.append((kind, alarm))

    seen: list[dict[str, Any]] = []
    async with house.screen(token) as screen:
        await screen.next("beat")
        await town.raise_alarm(client)
        seq = (await screen.next("alarm"))["seq"]
    workers = [asyncio.create_task(work()) for _ in range(4)]
    while len(seen) < (everything := 4 * 8 * 3):
        async with house.screen(token, after=seq) as screen:
            for _ in range(min(3, everything - len(seen))):
                seen.append(await screen.next("alarm"))
                seq = seen[-1]["seq"]
    await asyncio.gather(*workers)
    assert sorted((one["change"], one["alarm"]["id"]) for one in seen) == sorted(made)
    seqs = [one["seq"] for one in seen]
    assert seqs == sorted(set(seqs))


async def test_a_client_hears_its_own_and_nothing_of_others(
    house: House, town: Town, settings: Settings
) -> None:
    bakery, butcher = await town.add_client("Bakery"), await town.add_client("Butcher")
    own, own_number = await town.add_asset(bakery, "Van")
    _, other_number = await town.add_asset(butcher, "Truck")
    _, baker = await town.add_person("Baker", organisation=bakery, role="client")
    _, anna = await town.add_person("Anna")
    async with house.screen(baker) as screen, house.client(anna) as operator:
        await screen.next("beat")
        for name, organisation in (("theirs", butcher), ("centre's", None), ("own", bakery)):
            said = {
                "event_id": str(uuid4()),
                "organisation_id": organisation and str(organisation),
                "alarm": {"cause": name},
            }
            await ring(settings, bus.PROVISIONAL, orjson.dumps(said))
        rows = row(other_number, lat=50, lon=4, at=100) + row(own_number, lat=51, lon=5, at=100)
        await ring(settings, bus.POSITIONS, rows)
        await town.raise_alarm(butcher)
        await town.raise_alarm(town.centre, cause="unknown_unit")
        alarm = await town.raise_alarm(bakery, own)
        await operator.post(f"/api/v1/alarms/{alarm}/acknowledge")
        told = await screen.next("alarm", change="acknowledged")
        while not screen.positions:
            await screen.any()
        await screen.next("beat")
    assert told["alarm"]["acknowledged_by"] is None
    assert told["alarm"]["acknowledged_at"] is not None
    heard = [frame for frame in screen.frames if frame["type"] == "alarm"]
    assert {frame["alarm"]["id"] for frame in heard} == {str(alarm)}
    provisional = [frame for frame in screen.frames if frame["type"] == "provisional"]
    assert [frame["alarm"]["cause"] for frame in provisional] == ["own"]
    numbers = [one["n"] for frame in screen.positions for one in positions_in(frame)]
    assert numbers == [own_number]
    assets = [one["id"] for frame in screen.frames for one in frame.get("assets", [])]
    assert set(assets) == {str(own)}


async def test_positions_come_in_the_bytes_that_the_desk_reads(
    house: House, town: Town, settings: Settings
) -> None:
    client = await town.add_client("Bakery")
    numbers = [(await town.add_asset(client, f"Van {n}"))[1] for n in range(3)]
    _, token = await town.add_person("Anna")
    async with house.screen(token) as screen:
        await screen.next("beat")
        sent = [
            row(number, lat=50 + place, lon=4, at=1_700_000_000 + place, speed=905, flags=3)
            for place, number in enumerate(numbers)
        ]
        late = row(numbers[2], lat=1, lon=1, at=1_600_000_000)
        await ring(settings, bus.POSITIONS, b"".join(sent) + late)
        while not screen.positions:
            await screen.any()
    told = {one["n"]: one for one in positions_in(screen.positions[0])}
    assert sorted(told) == numbers
    assert told[numbers[2]] == {
        "n": numbers[2],
        "lon": 4.0,
        "lat": 52.0,
        "speed": 905,
        "course": 900,
        "at": 1_700_000_002,
        "flags": 3,
    }


async def test_a_desk_gets_positions_of_what_it_looks_at(
    house: House, town: Town, settings: Settings
) -> None:
    client = await town.add_client("Bakery")
    north = (await town.add_asset(client, "North"))[1]
    south = (await town.add_asset(client, "South"))[1]
    _, token = await town.add_person("Anna")
    async with house.screen(token) as screen:
        await screen.next("beat")
        await screen.say(type="view", west=4, south=51, east=5, north=52)
        await screen.say(type="shown", alarm_id=str(uuid4()))
        await screen.say(type="nonsense")
        await screen.next("beat")
        rows = row(north, lat=51.5, lon=4.5, at=100) + row(south, lat=49.5, lon=4.5, at=100)
        await ring(settings, bus.POSITIONS, rows)
        while not screen.positions:
            await screen.any()
        await screen.say(type="view", west=4, south=49, east=5, north=50)
        while len(screen.positions) < 2:
            await screen.any()
    assert [[one["n"] for one in positions_in(frame)] for frame in screen.positions] == [
        [north],
        [south],
    ]


async def test_what_a_desk_has_shown_is_written_down_once(house: House, town: Town) -> None:
    alarm = await town.raise_alarm(await town.add_client("Bakery"))
    elsewhere = await town.add_centre("Elsewhere")
    theirs = await town.raise_alarm(elsewhere)
    person, token = await town.add_person("Anna")
    async with house.screen(token) as screen:
        await screen.next("alarm")
        for shown in (theirs, alarm, alarm):
            await screen.say(type="shown", alarm_id=str(shown))
        async with asyncio.timeout(20):
            while not (rows := await town.pool.fetch("SELECT * FROM alarm_shown")):
                await screen.any()
        await screen.next("beat")
    rows = await town.pool.fetch("SELECT alarm_id, person_id FROM alarm_shown")
    assert [tuple(row) for row in rows] == [(alarm, person)]


async def test_a_new_asset_appears_and_a_retired_one_goes(house: House, town: Town) -> None:
    client = await town.add_client("Bakery")
    _, token = await town.add_person("Anna")
    async with house.screen(token) as screen:
        await screen.next("beat")
        asset, number = await town.add_asset(client, "New van")
        await town.pool.execute("SELECT pg_notify('vigil_fleet', '')")
        while not any(frame.get("assets") for frame in screen.frames):
            await screen.any()
        assert screen.frames[-1]["assets"][0]["id"] == str(asset)
        await town.pool.execute("UPDATE assets SET retired_at = now() WHERE id = $1", asset)
        await town.pool.execute("SELECT pg_notify('vigil_fleet', '')")
        assert (await screen.next("assets", gone=[number]))["assets"] == []


async def test_an_asset_that_speaks_becomes_live(
    house: House, town: Town, settings: Settings
) -> None:
    client = await town.add_client("Bakery")
    asset, number = await town.add_asset(client, "Van")
    await town.add_device(client, "unit-1", asset)
    _, token = await town.add_person("Anna")
    async with house.screen(token) as screen:
        await screen.next("beat")
        await ring(settings, bus.POSITIONS, row(number, lat=50.5, lon=4.25, at=1_700_000_000))
        said: dict[str, Any] = {}
        while said.get("state") != "live":
            said = (await screen.next("assets"))["assets"][0]
    assert said["last"] | {"received_at": ""} == {
        "at": "2023-11-14T22:13:20Z",
        "lat": 50.5,
        "lon": 4.25,
        "speed_kmh": 0.0,
        "course_deg": 90.0,
        "valid": True,
        "received_at": "",
    }


async def test_the_opening_of_a_live_map_is_written_down(house: House, town: Town) -> None:
    person, token = await town.add_person("Anna")
    async with house.screen(token) as screen:
        await screen.next("hello")
    rows = await town.pool.fetch("SELECT person_id, asset_id, what FROM location_reads")
    assert [tuple(row) for row in rows] == [(person, None, "live")]


async def test_who_is_signed_out_is_sent_away(
    house: House, town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api, "ASK_AGAIN_S", 0.05)
    person, token = await town.add_person("Anna")
    async with house.screen(token) as screen:
        await screen.next("hello")
        await town.pool.execute("UPDATE people SET disabled_at = now() WHERE id = $1", person)
        assert await screen.closed() == api.SIGNED_OUT


async def test_a_screen_that_stops_reading_does_not_hold_up_the_others(
    house: House, town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desks, "MOST_OWED", 20)
    client = await town.add_client("Bakery")
    _, token = await town.add_person("Anna")
    centre = house.hub.centre(town.centre)
    async with house.screen(token) as deaf, house.screen(token) as screen:
        await deaf.next("beat")
        await screen.next("beat")
        while len(centre.desks) == 2:
            centre.tell_all(orjson.dumps({"type": "padding", "much": "x" * 500_000}))
            await screen.next("padding")
        alarm = await town.raise_alarm(client)
        assert (await screen.next("alarm"))["alarm"]["id"] == str(alarm)


async def test_a_stranger_is_told_to_sign_in(house: House) -> None:
    async with house.screen("vigil_nobody") as screen:
        assert await screen.closed() == api.SIGNED_OUT


async def test_a_page_of_somebody_else_gets_no_live_channel(house: House) -> None:
    with contextlib.suppress(websockets.ConnectionClosed):
        with pytest.raises(websockets.InvalidStatus) as refused:
            async with websockets.connect(
                f"ws://127.0.0.1:{house.port}/api/v1/live",
                additional_headers={"Cookie": "vigil_session=x"},
                origin=websockets.Origin("https://evil.example"),
                proxy=None,
            ):
                pass
        assert refused.value.response.status_code == 403


async def test_a_frame_that_is_not_whole_rows_spoils_nothing(
    house: House, town: Town, settings: Settings
) -> None:
    client = await town.add_client("Bakery")
    _, number = await town.add_asset(client, "Van")
    _, token = await town.add_person("Anna")
    async with house.screen(token) as screen:
        await screen.next("beat")
        await ring(settings, bus.POSITIONS, b"half a row")
        await ring(settings, bus.PROVISIONAL, b"not json")
        await ring(settings, bus.PROVISIONAL, b'{"event_id": 1}')
        await ring(settings, bus.POSITIONS, row(4_000_000_000, lat=1, lon=1, at=1))
        await ring(settings, bus.POSITIONS, row(number, lat=50, lon=4, at=100) + b"tail")
        while not screen.positions:
            await screen.any()
    assert [one["n"] for one in positions_in(screen.positions[0])] == [number]
