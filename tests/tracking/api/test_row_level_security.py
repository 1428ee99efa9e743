"""The second wall: what role vigil_app sees and may write, whatever the code above it asks."""

from collections.abc import AsyncIterator
from uuid import uuid4

import asyncpg
import pytest

from tests.tracking.api.doors import World, build_world
from tests.tracking.town import Town
from tracking.database import Pool, Reach, open_pool, transaction
from tracking.settings import Settings

NOBODYS = {
    # Tables without a row of anybody: what they hold says nothing about a client.
    "sign_in_attempts",
    "gateways",
    "reception",
    "rule_memory",
    "alembic_version",
    "spatial_ref_sys",
}
CLOSED = {"frames"}
"""Tables that have no policy because vigil_app may not read them at all."""


@pytest.fixture
async def world(town: Town) -> World:
    world = await build_world(town)
    for _ in range(3):
        await world.things()
    await town.pool.execute(
        "UPDATE api_tokens SET name = 'hidden' WHERE person_id IN"
        " (SELECT id FROM people WHERE organisation_id = $1)",
        world.client,
    )
    await town.pool.execute(
        "INSERT INTO location_reads (person_id, organisation_id, what) VALUES ($1, $2, 'test')",
        uuid4(),
        world.client,
    )
    await town.pool.execute(
        "INSERT INTO rule_failures (rule_id, rule_version, error, input)"
        " SELECT id, version, 'x', '{}' FROM rules WHERE organisation_id = $1",
        world.client,
    )
    return world


@pytest.fixture
async def app_pool(settings: Settings) -> AsyncIterator[Pool]:
    opened = await open_pool(settings, "app", size=1)
    yield opened
    await opened.close()


async def reach_of(world: World, caller: str) -> Reach:
    row = await world.town.pool.fetchrow(
        "SELECT p.organisation_id, CASE o.kind WHEN 'centre' THEN o.id END AS centre_id"
        " FROM people p JOIN organisations o ON o.id = p.organisation_id WHERE p.name = $1",
        caller,
    )
    assert row is not None
    return Reach(organisation_id=row["organisation_id"], centre_id=row["centre_id"])


async def test_every_table_has_a_forced_policy_or_a_reason(pool: Pool) -> None:
    rows = await pool.fetch(
        "SELECT relname, relrowsecurity AND relforcerowsecurity AS walled FROM pg_class"
        " WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')"
        " AND NOT relispartition"
    )
    assert {row["relname"] for row in rows if not row["walled"]} == NOBODYS | CLOSED


async def test_the_roles_that_serve_can_not_step_over_the_wall(pool: Pool) -> None:
    rows = await pool.fetch(
        "SELECT rolname, rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb AS mighty"
        " FROM pg_roles WHERE rolname LIKE 'vigil\\__%'"
    )
    assert {row["rolname"]: row["mighty"] for row in rows} == {
        "vigil_app": False,
        "vigil_ingest": False,
    }
    owned = "SELECT count(*) FROM pg_class JOIN pg_roles r ON r.oid = relowner WHERE r.rolname = $1"
    for role in ("vigil_app", "vigil_ingest"):
        assert await pool.fetchval(owned, role) == 0
    # A view shows what its owner may see, unless it is told to ask for whom it is read.
    views = await pool.fetch(
        "SELECT relname FROM pg_class WHERE relkind = 'v' AND relnamespace = 'public'::regnamespace"
        " AND NOT coalesce('security_invoker=true' = ANY (reloptions), false)"
    )
    assert {row["relname"] for row in views} == {"geometry_columns", "geography_columns"}


@pytest.mark.parametrize("caller", ["client elsewhere", "administrator elsewhere", None])
async def test_a_stranger_sees_no_row_of_a_client_in_any_table(
    pool: Pool, app_pool: Pool, world: World, caller: str | None
) -> None:
    reach = None if caller is None else await reach_of(world, caller)
    async with transaction(app_pool, reach) as connection:
        for table, condition in OF_CLIENT.items():
            there = await pool.fetchval(f"SELECT count(*) FROM {table} WHERE {condition}")
            seen = await connection.fetchval(f"SELECT count(*) FROM {table} WHERE {condition}")
            assert there > 0, f"nothing to hide in {table}"
            assert seen == 0, table


@pytest.mark.parametrize("caller", ["client", "operator"])
async def test_who_belongs_there_sees_all_of_them(
    pool: Pool, app_pool: Pool, world: World, caller: str
) -> None:
    async with transaction(app_pool, await reach_of(world, caller)) as connection:
        for table, condition in OF_CLIENT.items():
            there = await pool.fetchval(f"SELECT count(*) FROM {table} WHERE {condition}")
            seen = await connection.fetchval(f"SELECT count(*) FROM {table} WHERE {condition}")
            assert seen == there, table


async def test_what_a_rule_tells_a_client_is_told_to_that_client_alone(
    pool: Pool, app_pool: Pool, world: World
) -> None:
    things = await world.things()
    rule = await world.town.add_rule(world.town.centre, "Centre's", messages={"en": "Stop"})
    about = world.town.centre, rule, things["asset_id"]
    told = await world.town.add_event(*about, client_told=True)
    untold = await world.town.add_event(*about)
    asked = "SELECT vigil_messages_of_event($1)"
    for caller in ("client", "client elsewhere", "administrator elsewhere"):
        async with transaction(app_pool, await reach_of(world, caller)) as connection:
            expected = {"en": "Stop"} if caller == "client" else None
            assert await connection.fetchval(asked, told) == expected
            assert await connection.fetchval(asked, untold) is None
            assert await connection.fetchval("SELECT count(*) FROM rules WHERE id = $1", rule) == 0


async def test_what_a_request_was_allowed_to_see_ends_with_it(app_pool: Pool, world: World) -> None:
    async with transaction(app_pool, await reach_of(world, "operator")) as connection:
        assert await connection.fetchval("SELECT count(*) FROM assets") > 0
    assert await app_pool.fetchval("SELECT count(*) FROM assets") == 0


ASSET = "INSERT INTO assets (organisation_id, kind, name) VALUES ($1, 'vehicle', 'x')"
DEVICE = (
    "INSERT INTO devices (organisation_id, unit_id, codec, kind)"
    " VALUES ($1, 'x', 'gt06', 'tracker')"
)
PERSON = (
    "INSERT INTO people (organisation_id, sign_in, name, role, password_hash)"
    " VALUES ($1, 'x', 'x', 'client', '')"
)
CENTRE = "INSERT INTO organisations (kind, name) SELECT 'centre', 'x' WHERE $1::uuid IS NOT NULL"
READ = (
    "INSERT INTO location_reads (person_id, organisation_id, what)"
    " VALUES (gen_random_uuid(), $1, 'x')"
)
RULE = (
    "INSERT INTO rules (version, organisation_id, name, setting, cause, severity)"
    " VALUES (1, $1, 'x', '{}', 'x', 0)"
)

ZONE = (
    "INSERT INTO zones (version, organisation_id, name, kind, geom)"
    " VALUES (1, $1, 'x', 'circle', ST_Point(4, 50, 4326))"
)


@pytest.mark.parametrize("statement", [ASSET, DEVICE, PERSON, CENTRE, READ, RULE, ZONE])
async def test_a_stranger_writes_nothing_into_a_client(
    app_pool: Pool, world: World, statement: str
) -> None:
    for caller in ("client elsewhere", "administrator elsewhere"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with transaction(app_pool, await reach_of(world, caller)) as connection:
                await connection.execute(statement, world.client)


NEXT_RULE = (
    "INSERT INTO rules (id, version, organisation_id, name, setting, cause, severity)"
    " VALUES ($1, 2, $2, 'x', '{}', 'x', 0)"
)
NEXT_ZONE = (
    "INSERT INTO zones (id, version, organisation_id, name, kind, geom)"
    " VALUES ($1, 2, $2, 'x', 'circle', ST_Point(4, 50, 4326))"
)


@pytest.mark.parametrize(("table", "statement"), [("rules", NEXT_RULE), ("zones", NEXT_ZONE)])
async def test_nobody_adds_a_version_to_what_is_anothers(
    pool: Pool, app_pool: Pool, world: World, table: str, statement: str
) -> None:
    theirs = await pool.fetchval(f"SELECT id FROM {table} WHERE organisation_id = $1", world.client)
    reach = await reach_of(world, "client elsewhere")
    with pytest.raises(asyncpg.CheckViolationError, match="belongs to another organisation"):
        async with transaction(app_pool, reach) as connection:
            await connection.execute(statement, theirs, reach.organisation_id)


async def test_nobody_moves_what_is_theirs_to_somebody_else(app_pool: Pool, world: World) -> None:
    for table in ("assets", "people"):
        with pytest.raises(asyncpg.PostgresError):
            async with transaction(app_pool, await reach_of(world, "client")) as connection:
                await connection.execute(f"UPDATE {table} SET organisation_id = $1", uuid4())


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE location_reads SET what = 'nothing'",
        "DELETE FROM location_reads",
        "DELETE FROM alarm_events",
        "UPDATE alarm_events SET kind = 'noted'",
        "DELETE FROM positions",
        "UPDATE last_positions SET valid = false",
        "DELETE FROM alarms",
        "UPDATE rules SET severity = 0",
        "DELETE FROM rules",
        "UPDATE zones SET name = 'x'",
        "DELETE FROM zones",
        "DELETE FROM events",
        "UPDATE events SET facts = '{}'",
        "DELETE FROM rule_failures",
        "SELECT * FROM rule_memory",
        "SELECT payload FROM frames",
        "TRUNCATE location_reads",
        "SELECT vigil_drop_day('positions', '2020-01-01')",
        "SET ROLE vigil_ingest",
        "ALTER TABLE assets DISABLE ROW LEVEL SECURITY",
    ],
)
async def test_the_web_cannot_change_the_past(app_pool: Pool, world: World, statement: str) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with transaction(app_pool, await reach_of(world, "administrator")) as connection:
            await connection.execute(statement)


async def test_the_doors_to_sign_in_by_open_for_the_web_only(settings: Settings) -> None:
    ingest = await open_pool(settings, "ingest", size=1)
    try:
        for asked in ("signing_in('x')", "of_session('\\x00')", "of_token('\\x00')"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await ingest.fetch(f"SELECT * FROM vigil_person_{asked}")
    finally:
        await ingest.close()


async def test_a_question_that_takes_too_long_is_cancelled(settings: Settings) -> None:
    opened = await open_pool(settings, "app", size=1, statement_timeout_s=0.05)
    try:
        with pytest.raises(asyncpg.QueryCanceledError):
            await opened.execute("SELECT pg_sleep(30)")
        assert await opened.fetchval("SHOW statement_timeout") == "50ms"
    finally:
        await opened.close()


OF_CLIENT = {
    "organisations": "name LIKE 'Kwijtgeraakt%'",
    "people": "name LIKE 'Kwijtgeraakt%'",
    "assets": "name LIKE 'Kwijtgeraakt%'",
    "devices": "unit_id LIKE 'unit-%' OR unit_id LIKE 'free-%'",
    "fitments": "true",
    "last_positions": "true",
    "alarms": "true",
    "alarm_events": "true",
    "changes": "true",
    "api_tokens": "name = 'hidden'",
    "location_reads": "true",
    "rules": "name LIKE 'Kwijtgeraakt%'",
    "events": "true",
    "rule_failures": "true",
    "previews": "true",
    "zones": "name LIKE 'Kwijtgeraakt%'",
    "zones_in_force": "name LIKE 'Kwijtgeraakt%'",
}
"""How the rows of the client are recognised, by whoever can see them."""
