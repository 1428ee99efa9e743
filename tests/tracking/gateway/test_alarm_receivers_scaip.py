"""SIPp, which others wrote, calls for help over SIP as social alarms do."""

import asyncio
import shutil
from pathlib import Path

import pytest

from tests.devices import until
from tests.gateways import alarms, count, listening, register, the_alarm
from tracking.bus import NOTIFY_FLEET
from tracking.database import Pool
from tracking.gateway.server import Gateway
from tracking.settings import Settings

SCENARIOS = Path(__file__).with_name("sip")
CID = "26317"

each_transport = pytest.mark.parametrize("how", ["udp", "tcp"])


async def sipp(gateway: Gateway, how: str, scenario: str, folder: Path, *more: str) -> None:
    """Play a scenario once; it ends well only if all that it expects has come."""
    program = shutil.which("sipp")
    if program is None:
        pytest.fail("sipp is not installed: `./vigil test` installs it")
    log = folder / "sipp.log"
    arguments = ["-sf", SCENARIOS / f"{scenario}.xml", "-t", {"udp": "u1", "tcp": "t1"}[how]]
    arguments += ["-m", "1", "-nd", "-nostdin", "-i", "127.0.0.1", "-key", "cid", CID]
    arguments += ["-timeout", "20s", "-timeout_error", "-recv_timeout", "10000"]
    arguments += ["-trace_err", "-error_file", log, *more]
    arguments += [f"127.0.0.1:{gateway.ports[f'scaip/{how}']}"]
    process = await asyncio.create_subprocess_exec(
        program,
        *map(str, arguments),
        cwd=folder,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    why = log.read_text(errors="replace") if log.exists() else said.decode(errors="replace")
    assert process.returncode == 0, why[-4000:]


async def register_a_pendant(pool: Pool, **options: str) -> None:
    await register(pool, CID, kind="panic_device", codec="scaip")
    await pool.execute(
        "UPDATE devices SET settings = $2 WHERE unit_id = $1", CID, {"options": options}
    )
    await pool.execute("SELECT pg_notify($1, $2)", NOTIFY_FLEET, CID)


@each_transport
async def test_a_pendant_is_answered_inside_the_200_and_said_again_it_is_one_event(
    settings: Settings, pool: Pool, tmp_path: Path, how: str
):
    await register_a_pendant(pool, reply="inside")
    async with listening(settings) as gateway:
        await sipp(gateway, how, "alarm_inside", tmp_path)
    alarm = await the_alarm(pool)
    assert (alarm["unit_id"], alarm["cause"]) == (CID, "panic")
    heard = await pool.fetch("SELECT received_at FROM frames")
    assert len(heard) == 2
    # Said again within the same ten minutes it is one event; and those may end between the two.
    spans = {int(frame["received_at"].timestamp()) // 600 for frame in heard}
    assert alarm["repeats"] == len(spans) - 1


@each_transport
async def test_a_pendant_is_answered_in_a_message_of_ours(
    settings: Settings, pool: Pool, tmp_path: Path, how: str
):
    await register_a_pendant(pool)
    async with listening(settings) as gateway:
        await sipp(gateway, how, "alarm_apart", tmp_path, "-oocsf", str(SCENARIOS / "answer.xml"))

        async def our_message_was_answered() -> bool:
            return await count(pool, "frames", "payload LIKE 'SIP/2.0 200%'::bytea") == 1

        await until(our_message_was_answered)
    assert (await the_alarm(pool))["cause"] == "fall"


@each_transport
async def test_what_may_not_be_said_is_refused_in_the_words_of_sip(
    settings: Settings, pool: Pool, tmp_path: Path, how: str
):
    await register_a_pendant(pool, reply="inside")
    async with listening(settings) as gateway:
        await sipp(gateway, how, "refused", tmp_path)
    # A person may stand behind what came in another's name: the desk is told that it came.
    assert [alarm["cause"] for alarm in await alarms(pool)] == ["unreadable"]
    assert await count(pool, "quarantined_frames") == 3
