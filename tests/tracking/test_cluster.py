"""The private PostgreSQL and Redis."""

from tracking import bus, database


async def test_every_role_reaches_a_database_that_is_durable_and_checked(settings):
    for role, name in (("owner", "vigil"), ("app", "vigil_app"), ("ingest", "vigil_ingest")):
        connection = await database.connect(settings, role)
        try:
            assert await connection.fetchval("SELECT current_user") == name
            assert await connection.fetchval("SHOW data_checksums") == "on"
            await database.refuse_what_is_not_durable(connection)
        finally:
            await connection.close()


async def test_redis_listens_on_its_socket_only(settings):
    client = bus.connect(settings.redis_url)
    try:
        assert settings.redis_url.startswith("unix://")
        assert await client.config_get("port") == {"port": "0"}
        assert (await client.config_get("appendonly"))["appendonly"] == "no"
    finally:
        await client.aclose()
