"""Every way to a device's socket, walked: nothing in the service can send one a command.

Until signed orders exist, the only bytes a device gets are the answers that its protocol owes it:
``Incoming.ack`` after the commit, ``Incoming.follow_up``, ``Malformed.answer``.
"""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

import protocols
from protocols.message import Command
from tracking.settings import PROJECT

COMMANDS = {kind.__name__ for kind in get_args(Command)} | {"Command"}
SENDS = {"write", "writelines", "sendto", "send", "sendall", "sendfile", "publish", "_send"}

WAYS = {
    # (file, function): what may be sent there, as it is written.
    ("gateway/connection.py", "write"): {"data"},
    ("gateway/connection.py", "_take"): {"gateway.directory.answer_to(heard.error, unit_id)"},
    ("gateway/connection.py", "_let_in"): {"arrival.ack"},
    ("gateway/connection.py", "_settled"): {
        "answers[0] if len(answers) == 1 else b''.join(answers)"
    },
    # Under vigil/gateways/ gateways tell each other that they are here; no device reads that.
    ("gateway/mqtt.py", "_leave_word"): {"self._word_of(session)"},
    ("gateway/datagram.py", "_send"): {"data"},
    ("gateway/datagram.py", "_take"): {"gateway.directory.answer_to(heard.error, unit_id)"},
    ("gateway/datagram.py", "answer"): {"arrival.ack", "incoming.follow_up"},
}
"""The only places in the gateway that give bytes to a socket."""


def _modules(folder: str) -> Iterator[tuple[str, ast.Module]]:
    root = PROJECT / "tracking"
    for path in sorted((root / folder).rglob("*.py")):
        yield path.relative_to(root).as_posix(), ast.parse(path.read_text(encoding="utf-8"))


def _functions(tree: ast.Module) -> Iterator[tuple[str, ast.Call]]:
    """Every call, with the innermost function that makes it."""

    def visit(node: ast.AST, name: str) -> Iterator[tuple[str, ast.Call]]:
        for child in ast.iter_child_nodes(node):
            inside = (
                child.name if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef) else name
            )
            if isinstance(child, ast.Call):
                yield name, child
            yield from visit(child, inside)

    yield from visit(tree, "")


def _sent_from(folder: str) -> Iterator[tuple[str, str, str]]:
    for file, tree in _modules(folder):
        for function, call in _functions(tree):
            if isinstance(call.func, ast.Attribute) and call.func.attr in SENDS and call.args:
                yield file, function, ast.unparse(call.args[0])


def test_the_gateway_sends_what_a_protocol_owes_and_nothing_else():
    unexpected = [
        (file, function, what)
        for file, function, what in _sent_from("gateway")
        if what not in WAYS.get((file, function), ())
    ]
    assert unexpected == []


def test_the_service_never_makes_the_bytes_of_a_command():
    """No codec's ``encode``, no ``Conversation.say``, no command by any name, anywhere."""
    found = []
    for file, tree in _modules("."):
        for node in ast.walk(tree):
            match node:
                case ast.ImportFrom(module=str(module), names=names):
                    asked = {alias.name for alias in names} & (COMMANDS | {"*"})
                    found += [(file, name) for name in asked if module.startswith("protocols")]
                case ast.Attribute(attr="say") | ast.Name(id="say"):
                    found.append((file, "say"))
                case ast.Attribute(value=ast.Name(id=owner), attr=attr) if attr in COMMANDS:
                    found += (
                        [(file, f"{owner}.{attr}")] if owner in {"message", "protocols"} else []
                    )
                case ast.Call(func=ast.Attribute(attr="encode"), args=[argument, *_]):
                    # A text is encoded with a name of an encoding, never with a command.
                    if not isinstance(argument, ast.Constant):
                        found.append((file, ast.unparse(node)))
                case ast.Call(func=ast.Name(id="getattr"), args=[_, name, *_]):
                    # What is not written here by name is asked of our own forms, not of codecs.
                    if isinstance(name, ast.Constant) and name.value in {"encode", "say"}:
                        found.append((file, ast.unparse(node)))
    assert not set(found) - REASONED


REASONED = {("supervisor.py", "say")}
"""What looks like it and is not: there it tells the person at the terminal."""


@pytest.mark.parametrize("name", protocols.names())
def test_no_codec_decodes_its_way_to_a_command(name: str):
    """A codec's reading half must not reach for its writing half."""
    module = PROJECT / "protocols" / "codecs" / name
    files = [*module.rglob("*.py")] if module.is_dir() else [Path(f"{module}.py")]
    for path in files:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and node.name == "decode":
                called = {
                    call.func.id
                    for call in ast.walk(node)
                    if isinstance(call, ast.Call) and isinstance(call.func, ast.Name)
                }
                assert not called & {"encode", *COMMANDS}, path
