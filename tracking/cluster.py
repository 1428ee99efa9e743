"""The private PostgreSQL and Redis of one checkout: made when absent, never reachable by network.

Both listen on a Unix socket in a folder that only their own account (and root) may enter; that
folder is the password. PostgreSQL writes with checksums, and fsync stays on. Redis keeps nothing.
"""

import asyncio
import os
import re
import shutil
import signal
import subprocess
import tempfile
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from urllib.parse import quote

import asyncpg
import psutil
from redis.exceptions import RedisError

from tracking import bus
from tracking.errors import VigilError
from tracking.program import Account, Program, account, stop
from tracking.settings import Settings

OLDEST_POSTGRESQL = 15
"""What migrations are written for."""

_BIN_FOLDERS = (
    "/usr/lib/postgresql/*/bin",  # Debian, Ubuntu
    "/usr/pgsql-*/bin",  # Fedora, Red Hat
    "/opt/homebrew/opt/postgresql*/bin",
    "/usr/local/opt/postgresql*/bin",
)
_LONGEST_SOCKET = 100
"""Unix sockets have names of at most 107 bytes; PostgreSQL's own part is taken off below."""

_CONFIGURATION = """\
# Written by `./vigil up` at every start; what you change here is overwritten.
listen_addresses = ''
unix_socket_directories = '{sockets}'
max_connections = 200
shared_buffers = {shared_buffers_mb}MB
effective_cache_size = {effective_cache_mb}MB
wal_buffers = 16MB
wal_compression = lz4
min_wal_size = 256MB
max_wal_size = 4GB
checkpoint_timeout = 15min
recovery_init_sync_method = syncfs   # seconds sooner back after a crash than file by file
checkpoint_completion_target = 0.9
random_page_cost = 1.1
jit = off
max_locks_per_transaction = 256      # one partition a day, kept for more than a year
idle_in_transaction_session_timeout = 60s
timezone = 'UTC'
log_timezone = 'UTC'
log_line_prefix = '%m [%p] %u@%d '
"""
_WHO_MAY_CONNECT = """\
# Whoever can enter the socket's folder is trusted; nobody else can connect at all.
local all all trust
local replication all trust
"""


class Missing(VigilError):
    """A program that we need is not on this machine."""


class NotStarting(VigilError):
    """A server of ours does not come up; the text says where it says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """A PostgreSQL with PostGIS on this machine."""

    version: int
    bin: Path


def installed_postgresql(version: int | None = None) -> Installed:
    """The newest PostgreSQL with PostGIS here, or the one of that major version.

    Raises Missing, which says what to install.
    """
    found = sorted(_postgresqls(), key=lambda one: one.version, reverse=True)
    for one in found:
        if version in (None, one.version):
            return one
    wanted = f"PostgreSQL {version}" if version else f"PostgreSQL {OLDEST_POSTGRESQL} or newer"
    raise Missing(
        f"{wanted} with PostGIS is not installed: "
        f"apt-get install postgresql-{version or 15} postgresql-{version or 15}-postgis-3"
    )


def postgres(settings: Settings, *, shared_buffers_mb: int | None = None) -> Program:
    """The private PostgreSQL, made first if there is none, ready to be started.

    Raises Missing or NotStarting.
    """
    who = _account("postgres")
    home = _home(settings, "postgres", who)
    data = home / "data"
    version = data / "PG_VERSION"
    installed = installed_postgresql(int(version.read_text()) if version.exists() else None)
    if not version.exists():
        _make_cluster(installed, data, who)
    sockets = _socket_folder(home, who, longest=len("/.s.PGSQL.5432"))
    _configure(data, sockets, who, shared_buffers_mb or _shared_buffers_mb())
    _note(settings, "database_url", f"postgresql://vigil@/vigil?host={quote(str(sockets))}")
    return Program(
        name="postgresql",
        command=(str(installed.bin / "postgres"), "-D", str(data)),
        log=settings.state_dir / "log" / "postgresql.log",
        account=who,
        # Fast shutdown: sessions are ended, what was committed is kept.
        stop_signal=signal.SIGINT,
        patience_s=120.0,
    )


def redis(settings: Settings) -> Program:
    """The private Redis, ready to be started. Raises Missing."""
    program = shutil.which("redis-server")
    if program is None:
        raise Missing("Redis is not installed: apt-get install redis-server")
    who = _account("redis", "postgres")
    home = _home(settings, "redis", who)
    socket = _socket_folder(home, who, longest=len("/redis.sock")) / "redis.sock"
    _note(settings, "redis_url", f"unix://{quote(str(socket))}")
    says = {
        "port": "0",
        "unixsocket": str(socket),
        "unixsocketperm": "700",
        "dir": str(home),
        "save": "",
        "appendonly": "no",
        "maxmemory": "256mb",
        "maxmemory-policy": "allkeys-lru",
        "client-output-buffer-limit": "pubsub 32mb 16mb 30",
        "daemonize": "no",
    }
    return Program(
        name="redis",
        command=(program, *(word for key, value in says.items() for word in (f"--{key}", value))),
        log=settings.state_dir / "log" / "redis.log",
        account=who,
        patience_s=10.0,
    )


def clear_the_way(settings: Settings) -> None:
    """End a PostgreSQL or Redis of this checkout that outlived its supervisor.

    Also removes the lock files of a process that is gone, or whose number is somebody else's by
    now: PostgreSQL would believe them.
    """
    for name in ("postgres", "redis"):
        home = settings.state_dir / name
        for process in _living_in(home):
            polite = signal.SIGINT if name == "postgres" else signal.SIGTERM
            stop(process, stop_signal=polite, patience_s=120.0)
    (settings.state_dir / "postgres" / "data" / "postmaster.pid").unlink(missing_ok=True)
    note = settings.state_dir / "database_url"
    if note.exists():
        sockets = Path(note.read_text().strip().partition("?host=")[2])
        for left in sockets.glob(".s.PGSQL.*"):
            left.unlink()


async def until_postgres_answers(settings: Settings, *, within_s: float = 300.0) -> None:
    """Return once PostgreSQL accepts connections and has our database.

    After a crash it first replays its log, which may take minutes. Raises NotStarting.
    """
    url = (settings.state_dir / "database_url").read_text().strip()
    elsewhere = url.replace("/vigil?", "/postgres?", 1)
    connection = await _until_answered(elsewhere, within_s, settings)
    try:
        if not await connection.fetchval(
            "SELECT count(*) FROM pg_database WHERE datname = 'vigil'"
        ):
            await connection.execute("CREATE DATABASE vigil")
    finally:
        await connection.close()


async def until_redis_answers(settings: Settings, *, within_s: float = 30.0) -> None:
    """Return once Redis answers. Raises NotStarting."""
    client = bus.connect(bus.address_of(settings))
    try:
        async with asyncio.timeout(within_s):
            while True:
                try:
                    await client.ping()
                except (RedisError, OSError):
                    await asyncio.sleep(0.02)
                else:
                    return
    except TimeoutError:
        raise NotStarting(
            f"Redis does not answer; see {settings.state_dir}/log/redis.log"
        ) from None
    finally:
        await client.aclose()


async def _until_answered(
    url: str, within_s: float, settings: Settings
) -> "asyncpg.Connection[asyncpg.Record]":
    try:
        async with asyncio.timeout(within_s):
            while True:
                try:
                    return await asyncpg.connect(url)
                except (
                    OSError,
                    asyncpg.CannotConnectNowError,
                    asyncpg.ConnectionDoesNotExistError,
                ):
                    await asyncio.sleep(0.05)
    except TimeoutError:
        raise NotStarting(
            f"PostgreSQL does not answer; see {settings.state_dir}/log/postgresql.log"
        ) from None


def _postgresqls() -> list[Installed]:
    folders = [folder for pattern in _BIN_FOLDERS for folder in Path("/").glob(pattern[1:])]
    if on_path := shutil.which("initdb"):
        folders.append(Path(on_path).resolve().parent)
    found = []
    for folder in folders:
        version = _version_of(folder)
        if version and version >= OLDEST_POSTGRESQL and _has_postgis(folder, version):
            found.append(Installed(version=version, bin=folder))
    return found


def _version_of(folder: Path) -> int | None:
    program = folder / "postgres"
    if not program.exists() or not (folder / "initdb").exists():
        return None
    said = subprocess.run(  # noqa: S603 - a PostgreSQL that was found here
        [program, "--version"], capture_output=True, text=True, check=False, timeout=10
    ).stdout
    number = re.search(r"\s(\d+)", said)
    return int(number[1]) if number else None


def _has_postgis(folder: Path, version: int) -> bool:
    shares = (
        Path(f"/usr/share/postgresql/{version}"),
        folder.parent / "share",
        folder.parent / "share" / "postgresql",
        *folder.parent.glob("share/postgresql@*"),
    )
    return any((share / "extension" / "postgis.control").exists() for share in shares)


def _account(*names: str) -> Account | None:
    """The first of these accounts that exists; None when we are not root."""
    for name in names:
        try:
            return account(name)
        except LookupError:
            continue
    raise Missing(f"There is no user {names[0]} here, and servers do not run as root.")


def _home(settings: Settings, name: str, who: Account | None) -> Path:
    """The server's own folder: below the state folder, or where its account can go."""
    state = settings.state_dir.resolve()
    state.mkdir(parents=True, exist_ok=True)
    sign = state / name
    if who is None or _may_enter(state, who):
        home = sign
    else:
        home = Path("/var/lib/vigil") / sha256(bytes(state)).hexdigest()[:12] / name
        if sign.is_symlink() and sign.readlink() != home:
            raise NotStarting(
                f"{state} was moved or copied: its data stayed in {sign.readlink()}. "
                f"Move that folder to {home} and remove {sign}; or only remove {sign}, and "
                "start with nothing."
            )
    _private_folder(home, who)
    if home != sign and not sign.is_symlink():
        sign.symlink_to(home)
    return home


def _may_enter(folder: Path, who: Account) -> bool:
    asked = subprocess.run(  # noqa: S603 - asks the system itself, with all its ways to say no
        ["/usr/bin/env", "test", "-x", folder], check=False, cwd="/", **who.popen_arguments()
    )
    return asked.returncode == 0


def _private_folder(folder: Path, who: Account | None) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.mkdir(mode=0o700, exist_ok=True)
    owner = who.uid if who else os.geteuid()
    if folder.is_symlink() or folder.stat().st_uid not in (owner, os.geteuid()):
        raise NotStarting(f"{folder} belongs to somebody else; remove it.")
    if who:
        os.chown(folder, who.uid, who.gid)
    folder.chmod(0o700)


def _socket_folder(home: Path, who: Account | None, *, longest: int) -> Path:
    """Where the socket goes: in the server's folder unless that name is too long for a socket."""
    folder = home / "run"
    if len(bytes(folder)) + longest > _LONGEST_SOCKET:
        folder = Path(tempfile.gettempdir()) / f"vigil-{sha256(bytes(home)).hexdigest()[:12]}"
    _private_folder(folder, who)
    return folder


def _make_cluster(installed: Installed, data: Path, who: Account | None) -> None:
    """Make a new cluster beside ``data`` and move it there whole: never half a cluster."""
    building = data.with_name("building")
    if building.exists():
        shutil.rmtree(building)
    made = subprocess.run(  # noqa: S603 - a PostgreSQL that was found here
        [
            installed.bin / "initdb",
            *("-D", str(building), "-U", "vigil", "-A", "trust"),
            *("--data-checksums", "--locale=C.UTF-8", "-E", "UTF8"),
        ],
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
        **(who.popen_arguments() if who else {}),
    )
    if made.returncode != 0:
        raise NotStarting(f"initdb could not make a cluster in {data}: {made.stderr.strip()}")
    building.rename(data)


def _configure(data: Path, sockets: Path, who: Account | None, shared_buffers_mb: int) -> None:
    memory_mb = psutil.virtual_memory().total // 2**20
    said = _CONFIGURATION.format(
        sockets=str(sockets).replace("'", "''"),
        shared_buffers_mb=shared_buffers_mb,
        effective_cache_mb=memory_mb // 2,
    )
    for name, text in (("vigil.conf", said), ("pg_hba.conf", _WHO_MAY_CONNECT)):
        (data / name).write_text(text)
        if who:
            os.chown(data / name, who.uid, who.gid)
    main = data / "postgresql.conf"
    if "include = 'vigil.conf'" not in main.read_text():
        with main.open("a") as file:
            file.write("\ninclude = 'vigil.conf'\n")


def _shared_buffers_mb() -> int:
    """An eighth of the memory, within reason: the rest of the house lives on the same machine."""
    return int(min(1024, max(64, psutil.virtual_memory().total // 2**20 // 8)))


def _note(settings: Settings, name: str, text: str) -> None:
    note = settings.state_dir / name
    note.write_text(text + "\n")
    note.chmod(0o600)


def _living_in(home: Path) -> list[psutil.Process]:
    """The servers whose working folder this is (children of a postmaster are not listed)."""
    if not home.exists():
        return []
    folders = {str(home.resolve()), str((home / "data").resolve())}
    found = {}
    for process in psutil.process_iter():
        try:
            if process.name() in ("postgres", "redis-server") and process.cwd() in folders:
                found[process.pid] = process
        except psutil.Error:
            continue
    return [process for process in found.values() if process.ppid() not in found]
