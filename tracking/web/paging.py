"""Lists that are read a page at a time, from where the last page ended.

A cursor holds the sort values of the last item, so a page costs the same however far one reads,
and nothing is skipped or shown twice when rows come and go in between.
"""

import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Generic, TypeVar

import orjson
from fastapi import Query
from pydantic import BaseModel, Field

from tracking.errors import Invalid

Item = TypeVar("Item")
First = TypeVar("First")
Second = TypeVar("Second")
MOST = 200


class Page(BaseModel, Generic[Item]):
    """Some items, and the cursor that asks for the ones after them (null at the end)."""

    items: list[Item]
    next: Annotated[str | None, Field(examples=["WyJBbWJ1bGFuY2UgMTIiXQ"])] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """Where a page begins: after these sort values (none: at the start), ``limit`` items long."""

    after: tuple[str, str] | None
    limit: int


def where(
    cursor: Annotated[
        str | None,
        Query(
            max_length=2_000, description="The `next` of the page before; absent: from the start."
        ),
    ] = None,
    limit: Annotated[int, Query(ge=1, le=MOST, description="Items in a page, at most.")] = 50,
) -> Where:
    """FastAPI dependency: the page that a request asks for."""
    return Where(after=None if cursor is None else _decode(cursor), limit=limit)


def page(items: Sequence[Item], asked: Where, key: Callable[[Item], tuple[str, str]]) -> Page[Item]:
    """A page of items that were read with ``limit + 1``: the one too many says there are more."""
    shown = list(items[: asked.limit])
    more = len(items) > asked.limit
    return Page(items=shown, next=cursor(key(shown[-1])) if more else None)


def after(
    asked: Where, first: Callable[[str], First], second: Callable[[str], Second]
) -> tuple[First, Second] | None:
    """The cursor's two values as the types a store wants; None at the start.

    Raises Invalid when the cursor was made by another list, or by hand.
    """
    if asked.after is None:
        return None
    try:
        one, two = asked.after
        return first(one), second(two)
    except (ValueError, OverflowError) as error:
        raise Invalid("This cursor does not belong to this list.") from error


def cursor(parts: tuple[str, str]) -> str:
    """The cursor that asks for what comes after these sort values."""
    return base64.urlsafe_b64encode(orjson.dumps(parts)).decode().rstrip("=")


def _decode(cursor: str) -> tuple[str, str]:
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        parts = orjson.loads(raw)
    except (binascii.Error, ValueError) as error:
        raise Invalid("This is not a cursor that we gave.") from error
    match parts:
        case [str(first), str(second)] if "\0" not in first + second:
            return first, second
    raise Invalid("This is not a cursor that we gave.")
