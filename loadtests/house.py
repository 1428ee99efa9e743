"""A house for one command: starts it, runs the command, and takes everything down again.

The command finds addresses, units and the sign-in in its environment (``LOAD_…``), as
``locustfile.py`` expects them. Without a command the house stays up until Ctrl-C.
"""

import argparse
import asyncio
import os
import sys

from loadtests import store
from loadtests.figures import run, say
from loadtests.stack import stack


async def live(arguments: argparse.Namespace) -> int:
    """The exit code of the command."""
    async with stack(units=arguments.units, gateways=arguments.gateways, password=True) as house:
        told = {
            "LOAD_ADDRESS": house.address,
            "LOAD_DEVICES": f"{house.ground.host}:{house.ground.ports['teltonika']}",
            "LOAD_UNITS": str(arguments.units),
            "LOAD_SIGN_IN": store.OPERATOR,
            "LOAD_PASSWORD": store.PASSWORD,
            "LOAD_TOKEN": store.TOKEN,
        }
        if not arguments.command:
            say("\n".join(f"{name}={value}" for name, value in told.items()))
            await asyncio.Event().wait()
        command = await asyncio.create_subprocess_exec(
            *arguments.command, env={**os.environ, **told}
        )
        try:
            return await command.wait()
        finally:
            if command.returncode is None:
                command.terminate()


def main() -> int:
    """Exit code of the command; 0 after Ctrl-C without one."""
    parser = argparse.ArgumentParser(
        prog="python -m loadtests.house",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--units", type=int, default=500, help="registered units (500)")
    parser.add_argument("--gateways", type=int, default=2, help="gateway processes (2)")
    parser.add_argument("command", nargs=argparse.REMAINDER, help="what to run, after --")
    arguments = parser.parse_args()
    if arguments.command[:1] == ["--"]:
        del arguments.command[0]
    try:
        return run(live(arguments))
    except KeyboardInterrupt:
        return 0


if __name__ == "__main__":
    sys.exit(main())
