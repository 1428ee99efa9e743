"""How the service is, for those who watch it: always an answer, never a person's anything."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tracking.town import House, Town
from tracking.api import health
from tracking.settings import PROJECT


def value_of(text: str, sample: str) -> float | None:
    """A sample by its name with labels; None when it is not there."""
    for line in text.splitlines():
        if line.startswith(f"{sample} "):
            return float(line.rpartition(" ")[2])
    return None


async def test_a_process_that_lives_says_so_to_anybody(house: House) -> None:
    async with house.client() as nobody:
        answer = await nobody.get("/healthz")
    assert (answer.status_code, answer.text) == (200, "ok")


async def test_a_process_is_ready_when_its_parts_are(house: House) -> None:
    async with house.client() as nobody:
        answer = await nobody.get("/readyz")
    assert answer.status_code == 200
    assert answer.json() == {"database": "ok", "migrations": "ok", "live": "ok"}


async def test_tables_of_another_version_are_not_ready(house: House, town: Town) -> None:
    await town.pool.execute("UPDATE alembic_version SET version_num = 'older'")
    async with house.client() as nobody:
        answer = await nobody.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["migrations"].startswith("at older, this version needs ")


async def test_a_process_that_cannot_follow_alarms_is_not_ready(
    house: House, town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tracking.live.hub.FRESH_S", -1.0)
    house.hub.centre(town.centre)
    async with house.client() as nobody:
        answer = await nobody.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["live"] != "ok"


async def test_figures_of_gateways_and_alarms_are_counts_without_names(
    house: House, town: Town
) -> None:
    client = await town.add_client("Secret Bakery")
    asset, _ = await town.add_asset(client, "Nurse Joy", "lone_worker")
    for priority in (1, 1, 4):
        await town.raise_alarm(client, asset, priority=priority, fix=(50.123456, 4.654321))
    await town.pool.execute(
        "INSERT INTO gateways (name, pid, figures, seen_at) VALUES"
        " ('gateway-1', 1, $1, now()), ('gateway-2', 2, $1, now() - interval '1 hour')",
        {
            "connections": 12,
            "positions": 900,
            "frames_per_s": 3.5,
            "oldest_pending_s": 0.25,
            "by_codec": {"gt06": 7, "watch": 5},
        },
    )
    _, token = await town.add_person("Anna Peeters")
    async with house.screen(token) as screen, house.client() as nobody:
        await screen.next("beat")
        text = (await nobody.get("/metrics")).text
    expected = {
        "vigil_database_up": 1,
        'vigil_alarms_open{priority="1",state="raised"}': 2,
        'vigil_alarms_open{priority="4",state="raised"}': 1,
        'vigil_alarms_open{priority="2",state="acknowledged"}': 0,
        "vigil_alarm_changes_total": 3,
        'vigil_gateway_up{gateway="gateway-1"}': 1,
        'vigil_gateway_up{gateway="gateway-2"}': 0,
        'vigil_gateway_connections{gateway="gateway-1"}': 12,
        'vigil_gateway_frames_per_second{gateway="gateway-1"}': 3.5,
        'vigil_gateway_oldest_pending_seconds{gateway="gateway-1"}': 0.25,
        'vigil_gateway_positions_total{gateway="gateway-1"}': 900,
        'vigil_gateway_connections_by_codec{codec="gt06",gateway="gateway-1"}': 7,
    }
    assert {sample: value_of(text, sample) for sample in expected} == expected
    assert value_of(text, 'vigil_gateway_connections{gateway="gateway-2"}') is None
    assert (value_of(text, "vigil_live_clients") or 0) >= 1
    for private in ("Bakery", "Joy", "Anna", "50.12", "4.65", str(asset)):
        assert private not in text


async def test_figures_are_shown_when_postgresql_is_away(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(_: object) -> None:
        raise OSError("no server")

    monkeypatch.setattr(health, "_figures", away)
    async with house.client() as nobody:
        answer = await nobody.get("/metrics")
    assert answer.status_code == 200
    assert value_of(answer.text, "vigil_database_up") == 0


_PROCESS = """
import os
from tracking.live import figures
figures.CLIENTS.inc({screens})
figures.POSITIONS.inc(10)
figures.FRESH.set({fresh})
print(os.getpid(), flush=True)
{then}
"""


async def test_processes_are_summed_and_the_killed_ones_screens_forgotten(tmp_path: Path) -> None:
    """A scrape reaches one process; it speaks for all that live."""

    def start(screens: int, fresh: int, then: str) -> subprocess.Popen[bytes]:
        program = _PROCESS.format(screens=screens, fresh=fresh, then=then)
        return subprocess.Popen(
            [sys.executable, "-c", program],
            env={"PROMETHEUS_MULTIPROC_DIR": str(tmp_path)},
            cwd=PROJECT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    others = [start(3, 1, "input()"), start(4, 0, "input()")]
    for process in others:
        assert process.stdout is not None
        await asyncio.to_thread(process.stdout.readline)
    scrape = (
        "from tracking.api import health; import sys;"
        " sys.stdout.buffer.write(health._of_our_processes())"
    )

    def scraped() -> str:
        return subprocess.run(
            [sys.executable, "-c", scrape],
            env={"PROMETHEUS_MULTIPROC_DIR": str(tmp_path)},
            cwd=PROJECT,
            check=True,
            capture_output=True,
        ).stdout.decode()

    both = await asyncio.to_thread(scraped)
    assert value_of(both, "vigil_live_clients") == 7
    assert value_of(both, "vigil_live_positions_total") == 20
    assert value_of(both, "vigil_live_fresh") == 0
    others[1].kill()
    others[1].communicate()
    one = await asyncio.to_thread(scraped)
    assert value_of(one, "vigil_live_clients") == 3
    assert value_of(one, "vigil_live_positions_total") == 20
    assert value_of(one, "vigil_live_fresh") == 1
    others[0].communicate(b"\n")
