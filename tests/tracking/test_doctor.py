"""The doctor finds what is wrong and names the command that mends it."""

import pytest

from tracking import doctor
from tracking.doctor import Verdict


@pytest.fixture
def examined(settings):
    """Examines the test's own house and hands back the findings by name."""

    async def examine(**changed):
        findings = await doctor.examine(settings.model_copy(update=changed))
        return {one.check: one for one in findings}

    return examine


async def test_a_good_database_is_healthy_in_every_way(examined):
    found = await examined()
    for check in ("durability", "checksums", "PostGIS", "tables", "clock", "Redis", "open files"):
        assert found[check].verdict is Verdict.HEALTHY, found[check]
        assert found[check].cure == ""


async def test_whatever_is_not_healthy_comes_with_a_cure(examined):
    found = await examined(
        database_url="postgresql://vigil@/x?host=/nowhere", redis_url="unix:///nowhere"
    )
    assert found["database"].verdict is Verdict.MISSING
    assert found["Redis"].verdict is Verdict.MISSING
    assert found["processes"].cure == "./vigil up --detach"
    assert all(one.cure for one in found.values() if one.verdict is not Verdict.HEALTHY)


async def test_tables_of_another_time_are_unhealthy(examined, pool):
    await pool.execute("UPDATE alembic_version SET version_num = '0000'")
    found = (await examined())["tables"]
    assert found.verdict is Verdict.UNHEALTHY
    assert "migrate" in found.cure


async def test_an_empty_database_needs_its_tables(examined, pool):
    await pool.execute("DROP TABLE alembic_version")
    assert (await examined())["tables"].verdict is Verdict.MISSING


async def test_a_server_that_may_lose_what_it_confirmed_is_unhealthy(examined, pool):
    name = await pool.fetchval("SELECT current_database()")
    await pool.execute(f"ALTER DATABASE {name} SET synchronous_commit = off")
    found = (await examined())["durability"]
    assert found.verdict is Verdict.UNHEALTHY
    assert "synchronous_commit" in found.says


async def test_a_full_disk_is_unhealthy(examined, monkeypatch):
    monkeypatch.setattr(doctor, "LEAST_FREE_BYTES", 2**62)
    assert (await examined())["disk"].verdict is Verdict.UNHEALTHY


async def test_too_few_open_files_are_unhealthy(examined, monkeypatch):
    monkeypatch.setattr(doctor, "LEAST_OPEN_FILES", 2**62)
    found = (await examined())["open files"]
    assert found.verdict is Verdict.UNHEALTHY or "unlimited" in found.says


async def test_a_page_for_people_has_a_line_a_finding(examined):
    findings = list((await examined()).values())
    text = doctor.as_text(findings)
    assert all(one.check in text and one.says in text for one in findings)
