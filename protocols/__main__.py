"""The codecs on the command line, for support engineers.

python -m protocols names
python -m protocols decode gt06 < rows.jsonl
python -m protocols encode watch report-every seconds=60 --unit-id 9012792183
"""

import argparse
import json
import os
import sys
import traceback
from collections.abc import Sequence
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any, get_args

import protocols
from protocols.codec import Codec, Peer
from protocols.errors import ProtocolError
from protocols.json_lines import Row, Sessions, refusal
from protocols.message import Command
from protocols.recognition import guesses
from protocols.settings import DeviceSettings, settings_from

COMMANDS: dict[str, type[Command]] = {kind.__name__.casefold(): kind for kind in get_args(Command)}
"""Every command there is, by its name without capitals or hyphens."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line; answer its exit status."""
    parser, encoder = _parsers()
    # A key=value that follows an option is left over by argparse, though it is ours.
    asked, left = parser.parse_known_args(arguments)
    if strays := [word for word in left if asked.task != "encode" or word.startswith("-")]:
        parser.error(f"unrecognized arguments: {' '.join(strays)}")
    if asked.task == "names":
        print("\n".join(protocols.names()))
        return 0
    if asked.task == "table":
        print(table())
        return 0
    if asked.task == "guess":
        return _guess(asked.hex, parser)
    try:
        codec = protocols.get(asked.name)
    except LookupError as error:
        parser.error(str(error.args[0]))
    if asked.task == "decode":
        return _decode(codec)
    try:
        command = command_from(codec, asked.command, [*asked.arguments, *left])
        peer = Peer(
            unit_id=asked.unit_id,
            dialect=asked.dialect,
            settings=_settings(asked.settings, model=asked.model),
        )
        wire = codec.encode(command, peer)
    except (ProtocolError, ValueError) as error:
        encoder.error(str(error))
    print(wire.hex())
    return 0


def _settings(said: str, *, model: str) -> DeviceSettings:
    try:
        found = json.loads(said)
    except json.JSONDecodeError as error:
        raise ValueError(f"--settings is no JSON: {error.msg}") from error
    if not isinstance(found, dict):
        raise ValueError('--settings is an object as {"secret": "1234"}')
    return settings_from({**({"model": model} if model else {}), **found})


def _guess(said: str, parser: argparse.ArgumentParser) -> int:
    try:
        wire = bytes.fromhex(said)
    except ValueError as error:
        parser.error(f"not hexadecimal: {error}")
    found = guesses(wire, datetime.now(UTC))
    for guess in found:
        name = f", as {guess.unit_id}" if guess.unit_id else ""
        print(f"{guess.codec}: reads {guess.share:.0%} of the bytes{name}")
    if not found:
        print("nobody can read this")
    return 0 if found else 1


def command_from(codec: Codec, name: str, pairs: Sequence[str]) -> Command:
    """The command of that name, made of ``key=value`` words.

    Raises ValueError, which says what this codec or this command expects.
    """
    kind = COMMANDS.get(name.replace("-", "").replace("_", "").casefold())
    if kind is None or kind not in codec.commands:
        known = "no command is" if kind is None else f"{codec.name} cannot carry a command"
        raise ValueError(f"{known} called {name!r}; {_supported(codec)}")
    wanted = {field.name: field.type for field in fields(kind)}
    given: dict[str, Any] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or key not in wanted or key in given:
            why = "is given twice" if key in given else "is not an argument"
            raise ValueError(f"{pair!r} {why} of {_usage(kind)}")
        try:
            given[key] = int(value) if wanted[key] is int else value
        except ValueError:
            raise ValueError(f"{key} is a whole number, not {value!r}") from None
    if missing := [key for key in wanted if key not in given]:
        raise ValueError(f"{', '.join(missing)} is missing: {_usage(kind)}")
    return kind(**given)


def table() -> str:
    """What we speak, as the Markdown table of docs/protocols.md."""
    lines = [
        "| name | devices | transport | port | what is decoded | commands |",
        "|---|---|---|---|---|---|",
    ]
    for codec in map(protocols.get, protocols.names()):
        commands = ", ".join(_hyphened(kind) for kind in codec.commands) or "none"
        transports = ", ".join(codec.transports) or "MQTT broker"
        cells = (codec.name, codec.title, transports, codec.port, codec.tells, commands)
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines)


def _decode(codec: Codec) -> int:
    """Answer every line of standard input; 1 if a codec failed in a way that is our fault."""
    sessions = Sessions(codec)
    status = 0
    # Bytes that are not UTF-8 make a bad row, not the end of the program.
    sys.stdin.reconfigure(errors="replace")  # type: ignore[union-attr]
    for number, line in enumerate(sys.stdin, start=1):
        if not line.strip():
            continue
        try:
            row = Row.read(line)
        except ValueError as error:
            _say(refusal(f"input: line {number}: {error}"))
            continue
        try:
            _say(sessions.hear(row, datetime.now(UTC)))
        except BrokenPipeError:
            raise
        # A defect in a codec must not cost the answers to the rows behind it.
        except Exception as defect:  # noqa: BLE001
            status = 1
            traceback.print_exc()
            _say(refusal(f"malformed: a defect of ours: {type(defect).__name__}: {defect}"))
    return status


def _say(answer: dict[str, object]) -> None:
    print(json.dumps(answer, ensure_ascii=False, allow_nan=False), flush=True)


def _supported(codec: Codec) -> str:
    if not codec.commands:
        return f"{codec.name} devices take no commands"
    return f"{codec.name} takes {', '.join(_usage(kind) for kind in codec.commands)}"


def _usage(kind: type[Command]) -> str:
    """``set-sos-number index=… phone=…``"""
    return " ".join([_hyphened(kind), *(f"{field.name}=…" for field in fields(kind))])


def _hyphened(kind: type[Command]) -> str:
    """``report-every`` for ReportEvery."""
    return "".join(f"-{c.lower()}" if c.isupper() else c for c in kind.__name__).removeprefix("-")


def _parsers() -> tuple[argparse.ArgumentParser, argparse.ArgumentParser]:
    """The whole parser, and the part of it that explains ``encode``."""
    parser = argparse.ArgumentParser(
        prog="python -m protocols",
        description="Translate between device bytes and what they mean.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    tasks = parser.add_subparsers(dest="task", required=True, metavar="TASK")
    tasks.add_parser("names", help="list every protocol we speak, one a line")
    tasks.add_parser("table", help="print what we speak as a Markdown table")
    decoder = tasks.add_parser(
        "decode",
        help="say what bytes mean",
        description="Read rows on standard input and answer each with one JSON line.",
        epilog=_DECODE_HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    decoder.add_argument("name", metavar="NAME", help="a protocol; see `names`")
    guesser = tasks.add_parser(
        "guess",
        help="say which protocol bytes look like",
        description="Say which protocols can read these bytes, the likeliest first.",
    )
    guesser.add_argument("hex", metavar="HEX", help="the first bytes of a connection, hexadecimal")
    encoder = tasks.add_parser(
        "encode",
        help="print the bytes that carry a command",
        description="Print the bytes (hexadecimal) that carry a command to a device.",
        epilog=_encode_help(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    encoder.add_argument("name", metavar="NAME", help="a protocol; see `names`")
    encoder.add_argument("command", metavar="COMMAND", help="see the list below")
    encoder.add_argument("arguments", metavar="key=value", nargs="*", help="what it needs to know")
    encoder.add_argument("--unit-id", required=True, help="the name the device gives on the wire")
    encoder.add_argument("--model", default="", help="the device model, where it matters")
    encoder.add_argument(
        "--settings", default="{}", metavar="JSON", help='how it is set up: {"secret": "1234"}'
    )
    encoder.add_argument(
        "--dialect", default="", help="what the codec remembers of the conversation, in its words"
    )
    return parser, encoder


def _encode_help() -> str:
    commands = "\n".join(f"  {_usage(kind)}" for kind in COMMANDS.values())
    return f"""\
commands (a protocol takes some of them; `table` says which):
{commands}

examples:
  python -m protocols encode teltonika custom text='getinfo' --unit-id 352093081452251
  python -m protocols encode watch report-every seconds=60 --unit-id 9012792183
"""


_EXAMPLES = """\
examples:
  python -m protocols names
  echo '{"hex": "5b33472a333430313833303038312a303030322a4c4b5d"}' \\
      | python -m protocols decode watch
  python -m protocols encode gt06 locate --unit-id 868334043650666
"""

_DECODE_HELP = """\
a row (rows of one session share one connection and its login):
  {"hex": "<bytes as on the socket>", "unit_id": "…", "session": "…", "model": "…",
   "settings": {…}}

  hex      for an HTTP protocol the whole request
  unit_id  who is speaking, where the bytes do not say (optional)
  session  which rows belong together, in order (optional)
  model    the device model, where the bytes mean different things (optional)
  settings how the device is set up, where its bytes do not say it: {"time_zone": "+08:00",
           "panic_inputs": [2], "columns": "…", "alarms": {"120": ["fall"]},
           "options": {…}, "secret": "…"} (optional)

an answer:
  {"messages": [{"type", "unit_id", "fix", "signals", "readings", "buffered", …}, …],
   "ack": "<hex: what the device expects back>",
   "error": null | "malformed: …" | "unframeable: …" | "input: …",
   "unread": <bytes that wait for the rest of their frame>}

example:
  echo '{"hex": "5b33472a333430313833303038312a303030322a4c4b5d"}' \\
      | python -m protocols decode watch
"""


if __name__ == "__main__":
    try:
        sys.exit(main())
    except BrokenPipeError:
        # The reader has gone (``| head``): leave without a word, also at the last flush.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
