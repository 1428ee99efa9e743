"""What `./vigil status` says, up and down."""

import os
from uuid import uuid4

import orjson
import pytest

from tracking import roster, status
from tracking.program import birth_of

PORTS = {"gt06/tcp": 5023, "teltonika/udp": 5027}


@pytest.fixture
def up(settings):
    """A note as a supervisor keeps it, in which this test is every process."""

    def member(name, **others):
        said = {"pid": os.getpid(), "born": birth_of(os.getpid()), "restarts": 0}
        said |= {"state": "running", "since": "2026-05-01T12:00:00+00:00", "last_exit": None}
        return roster.Member(name=name, **{**said, **others})

    roster.write(
        settings,
        roster.Roster(
            pid=os.getpid(),
            born=birth_of(os.getpid()),
            phase=roster.UP,
            started_at="2026-05-01T12:00:00+00:00",
            address="http://127.0.0.1:8080",
            device_host="127.0.0.1",
            device_ports=PORTS,
            members=(
                member("gateway-1", restarts=2, last_exit="2026-05-01: killed by SIGKILL"),
                member("gateway-2", pid=1, born=0.0),
            ),
        ),
    )


async def _gateway(pool, name, *, pid, silent_s=0, figures=None, error=None):
    await pool.execute(
        "INSERT INTO gateways (name, pid, seen_at, ports, figures, last_error, last_error_at)"
        " VALUES ($1, $2, now() - make_interval(secs => $3), '{}', $4, $5::text,"
        " CASE WHEN $5::text IS NOT NULL THEN now() END)",
        name,
        pid,
        silent_s,
        figures or {},
        error,
    )


async def _alarm(pool, *, raised_s_ago, state="raised"):
    organisation = await pool.fetchval(
        "INSERT INTO organisations (kind, name) VALUES ('centre', 'x') RETURNING id"
    )
    await pool.execute(
        "INSERT INTO alarms (id, organisation_id, unit_id, cause, priority, state, at, raised_at,"
        " last_event_id) VALUES ($1, $2, '1', 'panic', 1, $3, now(),"
        " now() - make_interval(secs => $4), $1)",
        uuid4(),
        organisation,
        state,
        raised_s_ago,
    )


async def test_a_house_that_is_down_says_how_to_start_it(settings):
    found = await status.standing(settings)
    assert not found.up
    assert "./vigil up" in status.as_text(found)
    assert orjson.loads(status.as_json(found))["phase"] == "down"


async def test_figures_are_summed_over_the_gateways_heard_just_now(settings, up, pool):
    figures = {"connections": 3, "positions_per_s": 1.5, "pending": 2, "oldest_pending_s": 0.25}
    await _gateway(pool, "gateway-1", pid=os.getpid(), figures=figures, error="cannot keep")
    await _gateway(pool, "gateway-2", pid=1, figures={"connections": 4, "positions_per_s": 0.5})
    await _gateway(pool, "silent", pid=1, silent_s=60, figures={"connections": 100})
    await _gateway(pool, "elsewhere", pid=999_999_999, figures={"connections": 1000})
    found = await status.standing(settings)
    assert found.up
    assert found.database == "answers"
    assert (found.connections, found.positions_per_s, found.pending_frames) == (7, 2.0, 2)
    assert found.oldest_pending_s == 0.25
    assert found.last_error.text == "cannot keep"
    said = orjson.loads(status.as_json(found))
    assert said["up"] is True
    assert said["ports"] == PORTS
    assert said["processes"][0]["restarts"] == 2


async def test_the_alarm_that_waits_longest_is_told(settings, up, pool):
    await _alarm(pool, raised_s_ago=90)
    await _alarm(pool, raised_s_ago=30)
    await _alarm(pool, raised_s_ago=900, state="acknowledged")
    found = await status.standing(settings)
    assert 90 <= found.oldest_unacknowledged_s < 120
    assert "the oldest unacknowledged waits for 9" in status.as_text(found)


async def test_a_page_for_people_names_what_a_program_finds_in_json(settings, up, pool):
    text = status.as_text(await status.standing(settings))
    for words in ("http://127.0.0.1:8080", "gt06        5023", "gateway-1", "killed by SIGKILL"):
        assert words in text


async def test_a_database_that_is_away_is_said_and_does_not_hide_the_rest(make_settings):
    settings = make_settings()
    away = settings.model_copy(update={"database_url": "postgresql://vigil@/x?host=/nowhere"})
    roster.write(
        away,
        roster.Roster(
            pid=os.getpid(), born=birth_of(os.getpid()), phase=roster.UP, started_at="today"
        ),
    )
    found = await status.standing(away)
    assert found.up
    assert found.database.startswith("does not answer")


async def test_a_broker_is_told_of_where_one_is_set_up(settings, up, pool):
    assert "MQTT" not in status.as_text(await status.standing(settings))
    await _gateway(pool, "gateway-1", pid=os.getpid(), figures={"mqtt": "connected"})
    await _gateway(pool, "gateway-2", pid=1, figures={"mqtt": "stands by"})
    found = await status.standing(settings)
    assert "gateway-1 connected, gateway-2 stands by" in status.as_text(found)
    assert orjson.loads(status.as_json(found))["mqtt"]["gateway-2"] == "stands by"
