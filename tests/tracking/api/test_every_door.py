"""Every route by everybody who may try it: the matrix that keeps clients apart (promise 7)."""

import re
from collections.abc import Iterator, Mapping
from uuid import UUID

import httpx
import pytest
from fastapi.routing import APIRoute, APIWebSocketRoute, iter_route_contexts

from tests.tracking.api.doors import (
    CALLERS,
    DOORS,
    ELSEWHERE,
    PUBLIC,
    SECRET,
    Door,
    World,
    build_world,
    expected,
    filled,
)
from tests.tracking.town import Town
from tests.tracking.web import Web
from tracking.api.app import create_app
from tracking.settings import Settings
from tracking.web.security import Allowed, Person, SignedIn


@pytest.fixture
async def world(town: Town) -> World:
    return await build_world(town)


def routes() -> Iterator[str]:
    for context in iter_route_contexts(create_app(Settings()).routes):
        for method in context.methods or ():
            if method != "HEAD":
                yield f"{method} {context.path}"


def test_no_route_is_missing_from_the_matrix() -> None:
    known = set()
    for name in DOORS:
        route = name.replace("{acknowledged_", "{").replace("/versions/1", "/versions/{version}")
        if " /ogc/" in route:
            route = re.sub(r"/collections/\w+", "/collections/{name}", route)
            route = re.sub(r"/items/.+", "/items/{feature_id}", route)
        known.add(route)
    assert set(routes()) == known | PUBLIC


def test_a_route_that_asks_for_nobody_is_one_of_the_public_few() -> None:
    unguarded = set()
    for context in iter_route_contexts(create_app(Settings()).routes):
        if not isinstance(context.original_route, APIRoute):
            websocket = isinstance(context.original_route, APIWebSocketRoute)
            assert websocket or context.path == "/api/v1/openapi.json"
            continue
        asked, guards = [context.dependant], set()
        while asked:
            one = asked.pop()
            guards.add(getattr(one.call, "__name__", type(one.call).__name__))
            asked += one.dependencies
        if not guards & {"signed_in", "Allowed", "signed_in_or_basic"}:
            unguarded |= {f"{method} {context.path}" for method in context.methods or ()}
    assert unguarded == PUBLIC - {"GET /api/v1/openapi.json"}


@pytest.mark.parametrize("token", ["", "vigil_garbage", "Bearer", "%C3%A9' OR 1=1 --"])
async def test_nobody_passes_any_door(web: Web, world: World, token: str) -> None:
    client = web.client(token=token)
    things = await world.things()
    wrong = [
        (name, answer.status_code)
        for name, door in DOORS.items()
        if (answer := await knock(client, name, door, things)).status_code != 401
    ]
    assert wrong == []


@pytest.mark.parametrize("caller", CALLERS)
async def test_everybody_passes_the_doors_that_are_theirs(
    web: Web, world: World, caller: str
) -> None:
    client = web.client(token=world.tokens[caller])
    wrong, leaks = [], []
    for name, door in DOORS.items():
        answer = await knock(client, name, door, await world.things())
        if answer.status_code != expected(door, caller, name):
            wrong.append((name, answer.status_code, expected(door, caller, name), answer.text))
        if caller in ELSEWHERE and SECRET in answer.text:
            leaks.append(name)
    assert wrong == []
    assert leaks == []


@pytest.mark.parametrize("caller", ELSEWHERE)
async def test_row_level_security_alone_keeps_strangers_out(
    web: Web, world: World, caller: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the roles of the API broken on purpose, the database still shows nothing foreign."""

    async def everybody(_self: Allowed, person: SignedIn) -> Person:
        return person

    monkeypatch.setattr(Allowed, "__call__", everybody)
    client = web.client(token=world.tokens[caller])
    inside = []
    for name, door in DOORS.items():
        things = await world.things()
        before = await client_rows(world)
        answer = await knock(client, name, door, things)
        if SECRET in answer.text or answer.status_code >= 500:
            inside.append((name, answer.status_code, answer.text))
        if door.foreign == 404 and answer.status_code < 400:
            inside.append((name, answer.status_code, answer.text))
        assert await client_rows(world) == before, name
    assert inside == []


async def test_what_does_not_exist_and_what_is_not_yours_answer_alike(
    web: Web, world: World
) -> None:
    stranger = web.client(token=world.tokens["client elsewhere"])
    things = await world.things()
    for name, door in DOORS.items():
        if "_id}" not in name or "client" not in door.roles:
            continue
        foreign = (await knock(stranger, name, door, things)).json()
        nothing = (await knock(stranger, name, door, dict.fromkeys(things, UNUSED))).json()
        for answer in (foreign, nothing):
            del answer["request_id"]
        assert foreign == nothing, name


async def test_a_client_who_is_not_a_client_of_the_matrix_would_be_noticed(
    web: Web, world: World
) -> None:
    """The control: the people of the client do see what the strangers must not."""
    client = web.client(token=world.tokens["client"])
    things = await world.things()
    seen = [
        name
        for name, door in DOORS.items()
        if SECRET in (await knock(client, name, door, things)).text
    ]
    assert {
        "GET /api/v1/assets",
        "GET /api/v1/assets/{asset_id}",
        "GET /api/v1/fitments",
        "GET /api/v1/positions",
        "GET /api/v1/alarms",
        "GET /api/v1/zones",
        "GET /api/v1/zones/export",
        "GET /ogc/collections/zones/items",
        "GET /ogc/collections/last_positions/items",
        "GET /api/v1/zones/{zone_id}",
        "GET /api/v1/organisations",
    } <= set(seen)


UNUSED = "00000000-0000-4000-8000-000000000000"


async def knock(
    client: httpx.AsyncClient, name: str, door: Door, things: Mapping[str, UUID | str]
) -> httpx.Response:
    method, _, path = filled(name, things).partition(" ")
    where = f"{path}?{filled(door.query, things)}" if door.query else path
    return await client.request(method, where, json=filled(door.body, things))


async def client_rows(world: World) -> list[str]:
    """Everything that belongs to the client, as text."""
    rows = await world.town.pool.fetch(
        """
        SELECT a::text FROM assets a WHERE organisation_id = $1
        UNION ALL SELECT d::text FROM devices d WHERE organisation_id = $1
        UNION ALL SELECT f::text FROM fitments f WHERE organisation_id = $1
        UNION ALL SELECT a::text FROM alarms a WHERE organisation_id = $1
        UNION ALL SELECT r::text FROM rules r WHERE organisation_id = $1
        UNION ALL SELECT v.id || v.state FROM previews v WHERE organisation_id = $1
        UNION ALL SELECT z::text FROM zones z WHERE organisation_id = $1
        UNION ALL SELECT p::text FROM people p WHERE organisation_id = $1
        UNION ALL SELECT o::text FROM organisations o WHERE id = $1
        UNION ALL SELECT t.id::text FROM api_tokens t JOIN people p ON p.id = t.person_id
            WHERE p.organisation_id = $1 AND t.revoked_at IS NULL
        ORDER BY 1
        """,
        world.client,
    )
    return [row[0] for row in rows]
