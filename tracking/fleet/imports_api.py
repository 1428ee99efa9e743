"""The route that takes a file of units."""

from typing import Annotated

from fastapi import APIRouter, Body, Query
from pydantic import BaseModel, Field

from tracking.errors import Forbidden, Invalid
from tracking.fleet.api import Keeper
from tracking.fleet.forms import Shown
from tracking.fleet.imports import import_units
from tracking.fleet.unit_file import NotATable, read
from tracking.web.problems import responses
from tracking.web.security import AppPool

router = APIRouter(tags=["devices"])


class ProblemShown(Shown):
    """What is wrong with one line of the file."""

    line: Annotated[int, Field(examples=[14], description="As the spreadsheet counts.")]
    column: Annotated[str, Field(examples=["plate"])]
    what: Annotated[str, Field(examples=["String should have at most 15 characters"])]


class ImportShown(BaseModel):
    """What became of the file."""

    filed: Annotated[int, Field(description="Units that are filed, or would be.")]
    only_tried: bool
    problems: list[ProblemShown]


@router.post(
    "/devices/import",
    summary="Import units",
    responses=responses(Forbidden),
)
async def import_file(
    person: Keeper,
    pool: AppPool,
    file: Annotated[
        bytes,
        Body(
            media_type="text/csv",
            examples=["unit_id;codec;client;asset\n356307042441013;gt06;Bakery;Van 1"],
        ),
    ],
    only_try: Annotated[bool, Query(description="Say what would happen; file nothing.")] = False,
) -> ImportShown:
    """One unit a line, with headings in the first.

    Columns: unit_id, codec, client, and as far as they are known model, kind, device_phone,
    reporting_time_s, asset, asset_kind, plate, asset_phone, note.
    Good lines are filed, bad ones are reported; sent again, what is filed already is a bad line.
    """
    try:
        rows, problems = read(file)
    except NotATable as error:
        raise Invalid(str(error)) from error
    done = await import_units(pool, person, rows, only_try=only_try)
    all_problems = sorted([*problems, *done.problems], key=lambda each: each.line)
    return ImportShown(
        filed=done.filed,
        only_tried=only_try,
        problems=[ProblemShown.model_validate(each) for each in all_problems],
    )
