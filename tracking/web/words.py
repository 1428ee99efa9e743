"""Kinds of text that people write into forms, checked once, where they come in."""

import re
from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints


def _printable(said: str) -> str:
    if not said.isprintable():
        raise ValueError("Write it on one line, without control characters.")
    return said


def _printable_lines(said: str) -> str:
    if not said.replace("\n", "").replace("\t", "").isprintable():
        raise ValueError("Write it without control characters.")
    return said


def _e164(said: str) -> str:
    # Many write +32 (0)470 …: that zero is only dialled from inside the country.
    number = re.sub(r"[\s().\-/]", "", said.replace("(0)", ""))
    if not re.fullmatch(r"\+[1-9][0-9]{6,14}", number):
        raise ValueError("Write the number with its country, as +32470123456.")
    return number


Line = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=200),
    AfterValidator(_printable),
]
"""A name: one line, not empty."""

Lines = Annotated[
    str,
    StringConstraints(strip_whitespace=True, max_length=4_000),
    AfterValidator(_printable_lines),
]
"""A note: some lines, or none."""

Plate = Annotated[
    str,
    StringConstraints(strip_whitespace=True, to_upper=True, pattern=r"^[0-9A-Za-z -]{2,15}$"),
    Field(examples=["1-ABC-123"]),
]
"""A number plate."""

Phone = Annotated[
    str, StringConstraints(max_length=40), AfterValidator(_e164), Field(examples=["+32470123456"])
]
"""A telephone number in E.164; spaces and dashes are taken out."""

Search = Annotated[
    str, StringConstraints(strip_whitespace=True, max_length=100), AfterValidator(_printable)
]
"""Part of a name to look for."""
