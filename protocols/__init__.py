"""Bytes ⇄ messages, for every device we speak to. No I/O, no clock, no database.

A protocol is one module in ``protocols/codecs/`` holding one constant, CODEC.
Nothing registers itself; we look the module up by its name.
"""

from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from protocols import codecs
from protocols.codec import Codec


def names() -> list[str]:
    """Every protocol we speak, alphabetically."""
    return sorted(module.name for module in iter_modules(codecs.__path__))


@cache
def get(name: str) -> Codec:
    """The codec of that name. Raises LookupError, which names those we speak."""
    if name not in names():
        raise LookupError(f"no protocol called {name!r}; we speak {', '.join(names())}")
    codec: Codec = import_module(f"protocols.codecs.{name}").CODEC
    return codec
