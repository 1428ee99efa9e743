"""How the house is doing, for a person who asks `./vigil status` and for a program that does."""

from dataclasses import asdict, dataclass, field, replace
from datetime import datetime

import asyncpg
import orjson

from tracking import clock, roster
from tracking.database import Connection, connect
from tracking.operations import store
from tracking.settings import Settings

_HEARD_WITHIN_S = 5.0
"""Gateways write their figures every second; older ones are history."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LastError:
    """The newest thing that a gateway could not do."""

    gateway: str
    text: str
    at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """The whole answer. Counts are sums over the gateways that were heard just now.

    phase                    "down", "up", or what it is busy with
    database                 "answers", or why it does not
    oldest_pending_s         how long the frame waits that waits longest for its commit
    oldest_unacknowledged_s  how long the alarm waits that waits longest for a person
    mqtt                     by gateway: connected to the broker, away, or standing by
    """

    phase: str
    address: str = ""
    started_at: str = ""
    supervisor_pid: int | None = None
    ports: dict[str, int] = field(default_factory=dict)
    processes: tuple[roster.Member, ...] = ()
    database: str = "not asked"
    connections: int = 0
    positions_per_s: float = 0.0
    pending_frames: int = 0
    oldest_pending_s: float | None = None
    oldest_unacknowledged_at: datetime | None = None
    oldest_unacknowledged_s: float | None = None
    last_error: LastError | None = None
    mqtt: dict[str, str] = field(default_factory=dict)

    @property
    def up(self) -> bool:
        """Whether everything answers."""
        return self.phase == roster.UP


async def standing(settings: Settings) -> Standing:
    """Ask everyone who knows. Never raises because something is down: it says so."""
    found = roster.read(settings)
    if found is None or not found.supervised:
        return Standing(phase="down")
    known = Standing(
        phase=found.phase,
        address=found.address,
        started_at=found.started_at,
        supervisor_pid=found.pid,
        ports=found.device_ports,
        processes=found.members,
    )
    try:
        connection = await connect(settings, "owner")
    except (OSError, RuntimeError, TimeoutError, asyncpg.PostgresError) as error:
        return replace(known, database=f"does not answer: {error}")
    try:
        return await _asked(known, connection)
    except (OSError, asyncpg.PostgresError) as error:
        return replace(known, database=f"does not answer: {error}")
    finally:
        await connection.close()


def as_json(standing: Standing) -> str:
    """One JSON object, with everything that ``Standing`` says and ``up``."""
    said = {"up": standing.up, **asdict(standing)}
    return orjson.dumps(said, option=orjson.OPT_INDENT_2).decode()


def as_text(standing: Standing) -> str:
    """A page for a person."""
    if standing.phase == "down":
        return "Nothing is running here. `./vigil up` starts everything."
    ports = roster.ports_in_columns(standing.ports)
    lines = [
        f"Vigil is {'up' if standing.up else standing.phase} since {standing.started_at}",
        f"  pages         {standing.address}",
        f"  database      {standing.database}",
        f"  connections   {standing.connections}",
        f"  positions/s   {standing.positions_per_s:.1f}",
        f"  waiting       {_waiting(standing)}",
        f"  alarms        {_alarms(standing)}",
        *([f"  MQTT broker   {_brokers(standing)}"] if standing.mqtt else []),
        f"  last error    {_last_error(standing)}",
        "",
        *(["  devices connect to", *(f"  {line}" for line in ports), ""] if ports else []),
        f"  {'process':<14}{'state':<10}{'pid':>8}{'restarts':>10}  since",
    ]
    for one in standing.processes:
        lines.append(
            f"  {one.name:<14}{one.state:<10}{one.pid or '-':>8}{one.restarts:>10}  {one.since}"
        )
        if one.last_exit:
            lines.append(f"  {'':<14}ended last at {one.last_exit}")
    return "\n".join(lines)


async def _asked(known: Standing, connection: Connection) -> Standing:
    if await store.revision(connection) is None:
        return replace(known, database="answers, and is empty")
    pids = {one.pid for one in known.processes}
    rows = [
        row
        for row in await store.gateways(connection)
        if row["silent_s"] < _HEARD_WITHIN_S and row["pid"] in pids
    ]
    figures = [row["figures"] for row in rows]
    waits = [one["oldest_pending_s"] for one in figures if one.get("oldest_pending_s")]
    oldest = await store.oldest_unacknowledged(connection)
    return replace(
        known,
        database="answers",
        connections=sum(one.get("connections", 0) for one in figures),
        positions_per_s=float(sum(one.get("positions_per_s", 0.0) for one in figures)),
        pending_frames=sum(one.get("pending", 0) for one in figures),
        oldest_pending_s=max(waits, default=None),
        oldest_unacknowledged_at=oldest,
        oldest_unacknowledged_s=(clock.now() - oldest).total_seconds() if oldest else None,
        last_error=_newest_error(rows),
        mqtt={row["name"]: row["figures"]["mqtt"] for row in rows if "mqtt" in row["figures"]},
    )


def _newest_error(rows: list[asyncpg.Record]) -> LastError | None:
    errors = [
        LastError(gateway=row["name"], text=row["last_error"], at=row["last_error_at"])
        for row in rows
        if row["last_error"]
    ]
    return max(errors, key=lambda one: str(one.at), default=None)


def _brokers(standing: Standing) -> str:
    return ", ".join(f"{gateway} {state}" for gateway, state in sorted(standing.mqtt.items()))


def _waiting(standing: Standing) -> str:
    if not standing.oldest_pending_s:
        return f"{standing.pending_frames} frames"
    return f"{standing.pending_frames} frames, the oldest for {standing.oldest_pending_s:.1f} s"


def _alarms(standing: Standing) -> str:
    if standing.oldest_unacknowledged_s is None:
        return "none unacknowledged"
    return f"the oldest unacknowledged waits for {standing.oldest_unacknowledged_s:.0f} s"


def _last_error(standing: Standing) -> str:
    if standing.last_error is None:
        return "none"
    at = f" at {standing.last_error.at:%Y-%m-%d %H:%M:%S} UTC" if standing.last_error.at else ""
    text = " ".join(standing.last_error.text.split())
    return f"{standing.last_error.gateway}{at}: {text}"
