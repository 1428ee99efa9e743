"""What a map program asks of a collection: a box, a time, how many.

See: OGC 17-069r4, 7.15. What is not understood is refused rather than passed over, as it says.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from math import isfinite
from typing import Final
from uuid import UUID

from tracking.errors import Invalid, VigilError
from tracking.web import paging

USUAL, MOST = 100, 1_000
PARAMETERS: Final = frozenset({"bbox", "datetime", "limit", "cursor"})

Box = tuple[float, float, float, float]


class NotUnderstood(VigilError):
    """A parameter that there is not, or whose value says nothing."""

    status = 400
    title = "Not understood"


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A page of a collection. ``box`` is west, south, east, north, and may cross the date line.

    ``since`` and ``until`` are None where that end is open; ``after`` is where the page begins.
    """

    box: Box | None = None
    since: datetime | None = None
    until: datetime | None = None
    limit: int = USUAL
    after: tuple[str, UUID] | None = None


def query_of(parameters: Iterable[tuple[str, str]]) -> Query:
    """The query in a URL. Raises NotUnderstood, or Invalid for a cursor that is none of ours."""
    said: dict[str, str] = {}
    for name, value in parameters:
        if name not in PARAMETERS:
            known = ", ".join(sorted(PARAMETERS))
            raise NotUnderstood(f"There is no parameter {name[:40]!r} here; there are {known}.")
        if name in said:
            raise NotUnderstood(f"{name} is said twice.")
        said[name] = value
    since, until = _interval(said["datetime"]) if "datetime" in said else (None, None)
    return Query(
        box=_box(said["bbox"]) if "bbox" in said else None,
        since=since,
        until=until,
        limit=_limit(said.get("limit", str(USUAL))),
        after=_after(said.get("cursor")),
    )


def refuse_parameters(parameters: Iterable[tuple[str, str]]) -> None:
    """Raise NotUnderstood where no parameter is understood."""
    for name, _ in parameters:
        raise NotUnderstood(f"There is no parameter {name[:40]!r} here.")


def _limit(said: str) -> int:
    if not said.isdecimal() or int(said[:9]) < 1:
        raise NotUnderstood("limit is a whole number from 1.")
    # More than there may be on a page is no mistake; a page has as many as it may.
    return min(int(said[:9]), MOST)


def _box(said: str) -> Box:
    """Four numbers, or six, of which two are heights and ask nothing."""
    try:
        numbers = [float(part) for part in said.split(",")]
    except ValueError as error:
        raise NotUnderstood("bbox is west,south,east,north in degrees.") from error
    if len(numbers) == 6:
        numbers = [*numbers[:2], *numbers[3:5]]
    if len(numbers) != 4 or not all(isfinite(number) for number in numbers):
        raise NotUnderstood("bbox is west,south,east,north in degrees.")
    west, south, east, north = numbers
    if south > north:
        raise NotUnderstood("The south of bbox is north of its north.")
    # Programs ask for a little more than the world when they show all of it.
    if east - west >= 360:
        west, east = -180.0, 180.0
    return _turned(west), max(south, -90.0), _turned(east), min(north, 90.0)


def _turned(lon: float) -> float:
    return lon if -180 <= lon <= 180 else (lon + 180) % 360 - 180


def _interval(said: str) -> tuple[datetime | None, datetime | None]:
    """``2026-11-24T00:00:00Z``, or two of them with a slash; ``..`` or nothing is an open end."""
    first, slash, last = said.partition("/")
    if not slash:
        at = _time(first)
        return at, at
    since, until = (None if end in ("", "..") else _time(end) for end in (first, last))
    if since is None and until is None and (first, last) != ("..", ".."):
        raise NotUnderstood("An interval has a beginning or an end.")
    if since is not None and until is not None and since > until:
        raise NotUnderstood("The interval ends before it begins.")
    return since, until


def _time(said: str) -> datetime:
    try:
        found = datetime.fromisoformat(said.strip())
    except ValueError as error:
        raise NotUnderstood("datetime is as 2026-11-24T00:00:00Z.") from error
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found


def _after(cursor: str | None) -> tuple[str, UUID] | None:
    if cursor is None:
        return None
    try:
        return paging.after(paging.where(cursor, limit=1), str, UUID)
    except Invalid as error:
        raise NotUnderstood(str(error)) from error
