"""What a person sees who starts the house: what it is doing, and then where to go."""

import time
from subprocess import Popen

import typer

from tracking import roster
from tracking.program import Program, ourselves
from tracking.settings import Settings


def is_up(settings: Settings) -> bool:
    """Whether a supervisor has this house, be it still starting."""
    found = roster.read(settings)
    return found is not None and found.supervised


def tell(settings: Settings, found: roster.Roster) -> None:
    """Say it to whoever started the house in the foreground."""
    print(introduction(settings, found), "\nCtrl-C stops everything.", sep="\n", flush=True)  # noqa: T201 - to a person


def go_on_in_background(settings: Settings, *, empty: bool) -> None:
    """Start the supervisor apart from this terminal, and return when everything answers."""
    program = Program(
        name="supervisor",
        command=ourselves("up", "--quiet", *(("--empty",) if empty else ())),
        log=settings.state_dir / "log" / "supervisor.log",
    )
    child = program.start()
    _tell_phases(settings, child, program)
    typer.echo("\n./vigil down stops everything.")


def follow(settings: Settings) -> None:
    """Somebody else started it: tell the same as they were told."""
    typer.echo("It is up already.")
    _tell_phases(settings, None, None)


def introduction(settings: Settings, found: roster.Roster) -> str:
    """Address, sign-ins and device ports."""
    sign_ins = settings.state_dir / "sign_ins"
    lines = ["", f"Vigil is up at {found.address}", ""]
    if sign_ins.exists():
        lines += ["Sign in as", *(f"  {line}" for line in sign_ins.read_text().splitlines()), ""]
    ports = (f"  {line}" for line in roster.ports_in_columns(found.device_ports))
    lines += ["Devices connect to", *ports, "", f"Logs are in {settings.state_dir}/log."]
    return "\n".join(lines)


def _tell_phases(settings: Settings, child: "Popen[bytes] | None", program: Program | None) -> None:
    """Tell what the supervisor does until everything is up. Exits with 1 when it gives up."""
    phase = ""
    while True:
        if child is not None and program is not None and child.poll() is not None:
            said = program.last_words(25).splitlines()
            typer.echo("\n".join(line for line in said if not line.endswith(" …")), err=True)
            typer.echo(f"It did not come up; the whole story is in {program.log}.", err=True)
            raise typer.Exit(1)
        found = roster.read(settings)
        if found is not None and found.supervised and (not child or child.pid == found.pid):
            if found.phase == roster.UP:
                typer.echo(introduction(settings, found))
                return
            if found.phase != phase:
                phase = found.phase
                typer.echo(phase[0].upper() + phase[1:] + " …")
        elif child is None:
            typer.echo("It has stopped meanwhile; run this again.", err=True)
            raise typer.Exit(1)
        time.sleep(0.05)
