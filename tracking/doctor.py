"""What is missing or unhealthy in this house, and the command that mends it."""

import asyncio
import filecmp
import resource
import shutil
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from pathlib import Path

import asyncpg
from redis.exceptions import RedisError

from tracking import bus, clock, cluster, database, ports, roster, schema
from tracking.database import Connection
from tracking.errors import VigilError
from tracking.operations import store
from tracking.settings import PROJECT, Settings

LEAST_FREE_BYTES = 5 * 2**30
LEAST_OPEN_FILES = 8_192
FURTHEST_CLOCK = timedelta(seconds=2)


class Verdict(StrEnum):
    """What a check found."""

    HEALTHY = "healthy"
    MISSING = "missing"
    UNHEALTHY = "unhealthy"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One check: what was found, and the command that mends it ("" when nothing needs to be)."""

    check: str
    verdict: Verdict
    says: str
    cure: str = ""


async def examine(settings: Settings) -> list[Finding]:
    """Every check, in the order in which a person would mend things."""
    findings = [
        _packages(),
        _assets(),
        *_programs(settings),
        _disk(settings),
        _open_files(),
        _processes(settings),
        *_doors(settings),
    ]
    try:
        connection = await database.connect(settings, "owner")
    except (OSError, RuntimeError, TimeoutError, asyncpg.PostgresError) as error:
        cure = "./vigil up --detach" if not settings.database_url else "start that PostgreSQL"
        findings.append(_bad("database", f"does not answer: {error}", cure, Verdict.MISSING))
    else:
        try:
            findings += [await check(connection) for check in _OF_THE_DATABASE]
        finally:
            await connection.close()
    return [*findings, await _redis(settings)]


def as_text(findings: list[Finding]) -> str:
    """One line a finding, and a second one where something is to be done."""
    lines = []
    for one in findings:
        lines.append(f"{one.verdict:<10} {one.check:<16} {one.says}")
        if one.cure:
            lines.append(f"{'':<10} {'':<16} → {one.cure}")
    return "\n".join(lines)


def _packages() -> Finding:
    for name in ("test", "run"):
        noted = PROJECT / ".venv" / f".vigil-{name}.lock"
        if noted.exists():
            if filecmp.cmp(noted, PROJECT / "requirements" / f"{name}.lock", shallow=False):
                return _good("packages", f"as requirements/{name}.lock says")
            return _bad("packages", f"older than requirements/{name}.lock", "./vigil up")
    return _bad("packages", "not installed by ./vigil, so perhaps others", "./vigil up")


def _assets() -> Finding:
    noted = PROJECT / "node_modules" / ".vigil-lock"
    if not noted.exists():
        return _bad("assets", "what the pages load is not installed", "./vigil up", Verdict.MISSING)
    if not filecmp.cmp(noted, PROJECT / "package-lock.json", shallow=False):
        return _bad("assets", "older than package-lock.json", "./vigil up")
    return _good("assets", "as package-lock.json says")


def _programs(settings: Settings) -> list[Finding]:
    findings = []
    if not settings.database_url:
        try:
            found = cluster.installed_postgresql()
            findings.append(_good("PostgreSQL", f"{found.version} with PostGIS in {found.bin}"))
        except cluster.Missing as error:
            findings.append(_bad("PostgreSQL", str(error), "./vigil up", Verdict.MISSING))
    if not settings.redis_url:
        program = shutil.which("redis-server")
        findings.append(
            _good("Redis program", program)
            if program
            else _bad(
                "Redis program", "not installed", "apt-get install redis-server", Verdict.MISSING
            )
        )
    return findings


def _disk(settings: Settings) -> Finding:
    folder = (settings.state_dir / "postgres").resolve()
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    says = f"{free / 2**30:.1f} GiB free at {folder}"
    if free < LEAST_FREE_BYTES:
        return _bad(
            "disk", says, "make room, or lower VIGIL_FRAMES_RETENTION_DAYS (docs/operations.md)"
        )
    return _good("disk", says)


def _open_files() -> Finding:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    says = f"{'unlimited' if most == resource.RLIM_INFINITY else most} a process"
    if most != resource.RLIM_INFINITY and most < LEAST_OPEN_FILES:
        return _bad("open files", says, f"ulimit -Hn {LEAST_OPEN_FILES} before ./vigil up")
    return _good("open files", says)


def _processes(settings: Settings) -> Finding:
    found = roster.read(settings)
    if found is None or not found.supervised:
        return _bad("processes", "nothing is running", "./vigil up --detach", Verdict.MISSING)
    away = [one.name for one in found.members if one.running is None or not one.running.process]
    if away:
        logs = " ".join(f"{settings.state_dir}/log/{name}.log" for name in away)
        return _bad("processes", f"not running: {', '.join(away)}", f"tail {logs}")
    return _good("processes", f"{len(found.members)} running, {found.phase}")


def _doors(settings: Settings) -> list[Finding]:
    """Device ports: open when the house is up, free when it is not."""
    found = roster.read(settings)
    if found is None or not found.supervised:
        try:
            free = ports.device_ports(settings)
            ports.listen_for_people(settings).close()
        except (VigilError, ValueError) as error:
            return [_bad("ports", str(error), "see above")]
        return [_good("ports", f"free: {', '.join(str(one.port) for one in free)}")]
    shut = [
        name
        for name, port in found.device_ports.items()
        if name.endswith("/tcp") and not _opens(found.device_host, port)
    ]
    if shut:
        log = settings.state_dir / "log" / "gateway-1.log"
        return [_bad("ports", f"not open: {', '.join(shut)}", f"tail {log}")]
    return [_good("ports", "open: " + ", ".join(found.device_ports))]


def _opens(host: str, port: int) -> bool:
    here = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared, not bound
    try:
        socket.create_connection((here, port), timeout=2.0).close()
    except OSError:
        return False
    return True


async def _durable(connection: Connection) -> Finding:
    try:
        await database.refuse_what_is_not_durable(connection)
    except RuntimeError as error:
        return _bad("durability", str(error), "./vigil down && ./vigil up --detach")
    return _good("durability", "fsync, full_page_writes and synchronous_commit are on")


async def _checksums(connection: Connection) -> Finding:
    found = await store.server_settings(connection, "data_checksums")
    if found.get("data_checksums") != "on":
        return _bad(
            "checksums",
            "off: a disk that lies is not noticed",
            "stop PostgreSQL, then pg_checksums --enable -D ITS_DATA_FOLDER",
        )
    return _good("checksums", "on")


async def _postgis(connection: Connection) -> Finding:
    found = await store.postgis_version(connection)
    if found is None:
        return _bad("PostGIS", "not in this database", _MIGRATE, Verdict.MISSING)
    return _good("PostGIS", found)


async def _migrations(connection: Connection) -> Finding:
    found, wanted = await store.revision(connection), schema.wanted_revision()
    if found is None:
        return _bad("tables", "none yet", _MIGRATE, Verdict.MISSING)
    if found != wanted:
        return _bad("tables", f"at migration {found}, this code needs {wanted}", _MIGRATE)
    return _good("tables", f"at migration {found}")


async def _clocks(connection: Connection) -> Finding:
    apart = abs(await store.clock(connection) - clock.now())
    if clock.now().timestamp() < _WRITTEN_AT:
        return _bad("clock", "it is earlier than when this code was written", _SET_THE_CLOCK)
    if apart > FURTHEST_CLOCK:
        says = f"{apart.total_seconds():.1f} s away from the database server's"
        return _bad("clock", says, _SET_THE_CLOCK)
    return _good("clock", "agrees with the database server's")


async def _redis(settings: Settings) -> Finding:
    client = bus.connect(bus.address_of(settings))
    try:
        async with asyncio.timeout(2.0):
            await client.ping()
    except (RedisError, OSError, TimeoutError) as error:
        cure = "./vigil up --detach" if not settings.redis_url else "start that Redis"
        says = f"does not answer ({error}); alarms still arrive, the map moves less smoothly"
        return _bad("Redis", says, cure, Verdict.MISSING)
    finally:
        await client.aclose()
    return _good("Redis", "answers")


def _good(check: str, says: str) -> Finding:
    return Finding(check=check, verdict=Verdict.HEALTHY, says=says)


def _bad(check: str, says: str, cure: str, verdict: Verdict = Verdict.UNHEALTHY) -> Finding:
    return Finding(check=check, verdict=verdict, says=says, cure=cure)


_MIGRATE = ".venv/bin/python -m tracking migrate"
_WRITTEN_AT = Path(__file__).stat().st_mtime
_SET_THE_CLOCK = "timedatectl set-ntp true"
_OF_THE_DATABASE: tuple[Callable[[Connection], Awaitable[Finding]], ...] = (
    _durable,
    _checksums,
    _postgis,
    _migrations,
    _clocks,
)
