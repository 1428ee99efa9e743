"""The command line of the house: ``./vigil …`` ends here."""

import asyncio
import os
import resource
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Annotated, Any

import typer

from tracking import logs, roster, welcome
from tracking.errors import VigilError
from tracking.settings import Settings, settings

app = typer.Typer(
    name="vigil",
    help="GPS track-and-trace and personal alarms for a security operations centre.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

NOT_UP = 3
"""Exit code of `status` when nothing runs, as service managers have it."""


@app.command()
def up(
    *,
    detach: Annotated[bool, typer.Option(help="Go on in the background.")] = False,
    empty: Annotated[
        bool, typer.Option(help="No demonstration data and no simulated devices.")
    ] = False,
    port: Annotated[
        int | None, typer.Option(min=0, max=65_535, help="Port of the pages; 0 takes a free one.")
    ] = None,
    quiet: Annotated[
        bool, typer.Option(help="Do not print sign-ins (they would end in a log).", hidden=True)
    ] = False,
) -> None:
    """Start everything: database, gateways, pages, and devices to look at."""
    if port is not None:
        os.environ["VIGIL_PORT"] = str(port)
    ours = settings()
    os.environ["VIGIL_STATE_DIR"] = str(ours.state_dir.resolve())
    if welcome.is_up(ours):
        welcome.follow(ours)
    elif detach:
        welcome.go_on_in_background(ours, empty=empty)
    else:
        logs.configure(ours, "supervisor")
        _allow_many_connections()
        supervisor = import_module("tracking.supervisor")
        house = supervisor.Supervisor(
            ours,
            empty=empty,
            say=_say_at_once,
            welcome=lambda found: None if quiet else welcome.tell(ours, found),
        )
        with _refusals():
            asyncio.run(house.run())


@app.command()
def down() -> None:
    """Stop everything: device sockets first, PostgreSQL last."""
    ours = settings()
    found = roster.read(ours)
    if found is None or not (process := found.supervisor.process):
        left = import_module("tracking.supervisor").stop_leftovers(ours)
        typer.echo(f"Stopped what was left: {', '.join(left)}." if left else "Nothing was running.")
        return
    process.send_signal(signal.SIGTERM)
    phase = ""
    while found.supervised:
        now = roster.read(ours) or found
        if now.phase not in (phase, roster.UP):
            phase = now.phase
            typer.echo(phase[0].upper() + phase[1:] + " …")
        time.sleep(0.05)
    typer.echo("Everything has stopped.")


@app.command()
def status(
    *, json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False
) -> None:
    """Say what runs, where it listens, and what waits. Exit code 0 when up, 3 when not."""
    told = import_module("tracking.status")
    found = asyncio.run(told.standing(settings()))
    typer.echo(told.as_json(found) if json else told.as_text(found))
    raise typer.Exit(0 if found.up else NOT_UP)


@app.command()
def doctor() -> None:
    """Say what is missing or unhealthy, and the command that mends it. Exit code 1 then."""
    told = import_module("tracking.doctor")
    findings = asyncio.run(told.examine(settings()))
    typer.echo(told.as_text(findings))
    healthy = all(one.verdict is told.Verdict.HEALTHY for one in findings)
    raise typer.Exit(0 if healthy else 1)


@app.command()
def migrate() -> None:
    """Bring the tables up to date. Safe to run again, and on a system that is running."""
    with _refusals():
        import_module("tracking.schema").migrate()


@app.command()
def seed(
    *,
    empty: Annotated[
        bool, typer.Option(help="Only a centre and its administrator, nothing invented.")
    ] = False,
) -> None:
    """Fill an empty database: with a demonstration, or with what it takes to begin for real."""
    logs.configure(settings(), "seed")
    with _refusals():
        import_module("tracking.seed").run(settings(), empty=empty)


@app.command()
def gateway(
    name: Annotated[str, typer.Option(help="Its name; no two run under one name.")] = "gateway-1",
) -> None:
    """Listen to devices. SIGTERM drains: what was heard is kept and acknowledged first."""
    _allow_many_connections()
    _run(name, "tracking.gateway.server", settings(), name)


@app.command()
def timekeeper() -> None:
    """Notice what time alone brings: silence, closed days, retention. One at a time acts."""
    _run("timekeeper", "tracking.timekeeper", settings())


@app.command()
def simulate() -> None:
    """Move the demonstration devices, over real sockets to the local gateways."""
    _run("simulate", "tracking.simulate", settings())


@app.command()
def api(
    *,
    name: Annotated[str, typer.Option(help="Its name in the log.")] = "api-1",
    fd: Annotated[
        int | None, typer.Option(help="An open listening socket, by number.", hidden=True)
    ] = None,
) -> None:
    """Serve the pages and the API on VIGIL_HOST and VIGIL_PORT."""
    ours = settings()
    logs.configure(ours, name)
    uvicorn = import_module("uvicorn")
    server = uvicorn.Server(
        uvicorn.Config(
            # By name, because the floor above is not ours to import.
            "map_ui.app:create_app",
            factory=True,
            host=ours.host,
            port=ours.port,
            loop="uvloop",
            http="httptools",
            ws="websockets-sansio",
            # Positions hardly shrink, and sixty desks five times a second cost half a core of it.
            ws_per_message_deflate=False,
            ws_max_size=65_536,
            ws_ping_interval=10.0,
            ws_ping_timeout=10.0,
            log_config=None,
            access_log=False,
            server_header=False,
            # What a proxy says of the client is believed in one place: tracking.web.envelope.
            proxy_headers=False,
            timeout_graceful_shutdown=3,
        )
    )
    server.run(sockets=None if fd is None else [socket.socket(fileno=fd)])


@app.command(name="settings")
def settings_table() -> None:
    """Print every setting, its default and what it is for, as the table in docs/operations.md."""
    typer.echo(table_of_settings())


def table_of_settings() -> str:
    """A Markdown table of every setting, in the order of ``tracking/settings.py``."""
    rows = ["| setting | default | what it is for |", "| --- | --- | --- |"]
    for name, field in Settings.model_fields.items():
        default = field.default
        if name == "state_dir":
            default = ".vigil"
        elif isinstance(default, frozenset):
            default = ",".join(sorted(default))
        elif default in ("", None, {}):
            default = ""
        shown = f"`{default}`" if default != "" else ""
        also = {"database_url": " or `DATABASE_URL`", "redis_url": " or `REDIS_URL`"}.get(name, "")
        rows.append(f"| `VIGIL_{name.upper()}`{also} | {shown} | {field.description} |")
    return "\n".join(rows)


def _say_at_once(words: str) -> None:
    print(words, flush=True)


def _run(process_name: str, module: str, ours: Settings, *arguments: Any) -> None:  # noqa: ANN401 - passed on
    """Run one process of the house; each imports only its own part."""
    logs.configure(ours, process_name)
    entry: Callable[..., None] = import_module(module).run
    with _refusals():
        entry(ours, *arguments)


def _allow_many_connections() -> None:
    """Every device is an open file; take as many as we are allowed."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


@contextmanager
def _refusals() -> Iterator[None]:
    """Errors that say what to do are said, not traced."""
    try:
        yield
    except (VigilError, RuntimeError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None


if __name__ == "__main__":
    app(prog_name="vigil")
