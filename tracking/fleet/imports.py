"""Many units at once: every good row is filed, every bad one is said, nothing is half done."""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import asyncpg

from tracking.database import Connection, Pool, transaction
from tracking.errors import NotFound, VigilError
from tracking.fleet import service, store
from tracking.fleet.fleet import NewAsset, NewDevice
from tracking.people.person import Person

_AT_ONCE = 200
"""Rows in one transaction: no alarm waits long behind an import."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitRow:
    """One line of a file: a device of a client, and the asset that it is on, if any.

    ``client`` is a name; ``device`` and ``asset`` get its id when it has been looked up.
    """

    line: int
    client: str
    device: NewDevice
    asset: NewAsset | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What is wrong with one line; ``column`` is "" where it is the whole line."""

    line: int
    column: str
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What became of a file: how many rows were filed (or would be), and why others were not."""

    filed: int
    problems: Sequence[Problem]


class _OnlyTried(Exception):
    """Ends a transaction of which nothing shall stay."""


async def import_units(
    pool: Pool, by: Person, rows: Sequence[UnitRow], *, only_try: bool
) -> Imported:
    """File each row in a step of its own; ``only_try`` takes everything back again.

    A row names its client as our books do; its asset is filed, unless that client has one of this
    name already, which then gets one more device.
    """
    problems: list[Problem] = []
    for start in range(0, len(rows), _AT_ONCE):
        some = rows[start : start + _AT_ONCE]
        with contextlib.suppress(_OnlyTried):
            async with transaction(pool, by.reach) as connection:
                problems += [each for row in some if (each := await _try(connection, row))]
                _take_back(only_try)
    return Imported(filed=len(rows) - len(problems), problems=problems)


def _take_back(only_try: bool) -> None:
    if only_try:
        raise _OnlyTried


async def _try(connection: Connection, row: UnitRow) -> Problem | None:
    try:
        async with connection.transaction():
            await _file(connection, row)
    except asyncpg.UniqueViolationError:
        return Problem(line=row.line, column="unit_id", what="is registered already")
    except VigilError as error:
        return Problem(line=row.line, column=_column_of(error), what=str(error))
    return None


async def _file(connection: Connection, row: UnitRow) -> None:
    client = await store.client_called(connection, row.client)
    if client is None:
        raise NotFound(f"There is no client called {row.client}, or more than one.")
    device = await service.file_device(connection, replace(row.device, organisation_id=client))
    if row.asset is None:
        return
    known = await store.asset_called(connection, row.asset.name, organisation_id=client)
    if known is None:
        asset = await service.file_asset(connection, replace(row.asset, organisation_id=client))
    else:
        asset = await service.asset_seen(connection, known, lock=True)
    await service.fit_in(connection, device, asset, when=None)


def _column_of(error: VigilError) -> str:
    return "client" if isinstance(error, NotFound) else ""
