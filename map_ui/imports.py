"""Many devices at once from a spreadsheet: tried first, then filed, with every bad row said.

Whoever keeps the books chooses a file; a try files nothing. What is imported must be the very file
that was tried.
"""

import asyncio
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from fastapi import APIRouter, Form, Request, UploadFile
from fastapi.responses import RedirectResponse, Response

from map_ui.names import Words
from map_ui.policy import PAGE_HEADERS
from map_ui.rendering import PageRoute, Reader, page
from map_ui.settings_form import Problem as FormProblem
from map_ui.setup import problems_page, words_of
from tracking.errors import Forbidden, NotSignedIn, VigilError
from tracking.fleet import unit_file
from tracking.fleet.imports import Problem, import_units
from tracking.fleet.unit_file import COLUMNS, MOST_ROWS, NotATable
from tracking.people.person import KEEPERS
from tracking.web.security import AppPool, Person

router = APIRouter(include_in_schema=False, route_class=PageRoute)

_MOST_SHOWN = 500
_BYTE_ORDER_MARK = "\ufeff"
"""Tells a spreadsheet program that the template is UTF-8."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnTold:
    """One column as the page explains it."""

    name: str
    others: str
    needed: bool
    about: str
    example: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BadRow:
    """What is wrong with one line; ``reason`` says it in English where we have no better words."""

    line: int
    column: str
    words: str
    reason: str


@router.get("/devices/import")
async def import_page(request: Request, reader: Reader) -> Response:
    """Where a file is chosen, and what it must look like."""
    if reader is None:
        return RedirectResponse("/sign-in", status_code=303)
    person = _keeper(reader)
    words = words_of(request, person)
    columns = [
        ColumnTold(
            name=name,
            others=", ".join(COLUMNS[name]),
            needed=name in _NEEDED,
            about=words(about),
            example=example,
        )
        for name, (about, example) in _ABOUT.items()
    ]
    return page(request, "import.html", reader=person, columns=columns, most=MOST_ROWS)


@router.get("/devices/import/template.csv")
async def template(reader: Reader) -> Response:
    """A file with nothing but the headings."""
    _keeper(reader)
    return Response(
        _BYTE_ORDER_MARK + ";".join(COLUMNS) + "\r\n",
        media_type="text/csv; charset=utf-8",
        headers=PAGE_HEADERS | {"Content-Disposition": 'attachment; filename="vigil-devices.csv"'},
    )


@router.post("/devices/import")
async def import_file(
    request: Request,
    reader: Reader,
    pool: AppPool,
    *,
    file: UploadFile | None = None,
    step: Annotated[Literal["try", "import"], Form()],
    tried: Annotated[str, Form(max_length=64)] = "",
) -> Response:
    """Try a file, or file what is good in it. Answers with how many, and with every bad row."""
    words = words_of(request, reader)
    try:
        person = _keeper(reader)
    except VigilError as refused:
        return _refused(request, reader, str(refused))
    if file is None:
        return _refused(request, person, words("Choose a file first."))
    content = await file.read()
    mark = hashlib.sha256(content).hexdigest()
    if step == "import" and tried != mark:
        said = words("This is not the file that was tried. Try it first.")
        return _refused(request, person, said)
    try:
        # Off the event loop: thousands of rows take longer than an alarm should wait.
        rows, problems = await asyncio.to_thread(unit_file.read, content)
    except NotATable as error:
        return _refused(request, person, _of_the_file(str(error), words))
    done = await import_units(pool, person, rows, only_try=step == "try")
    found = sorted([*problems, *done.problems], key=lambda each: each.line)
    return page(
        request,
        "import-answer.html",
        reader=person,
        filed=done.filed,
        only_tried=step == "try",
        tried=mark,
        lines=len({each.line for each in found}),
        problems=[_bad_row(each, words) for each in found[:_MOST_SHOWN]],
        more=max(0, len(found) - _MOST_SHOWN),
    )


def _keeper(reader: Person | None) -> Person:
    if reader is None:
        raise NotSignedIn("Sign in first.")
    if reader.role not in KEEPERS:
        raise Forbidden("A supervisor or an administrator imports devices.")
    return reader


def _refused(request: Request, reader: Person | None, said: str) -> Response:
    return problems_page(request, reader, [FormProblem(field="", label="", words=said)])


def _bad_row(problem: Problem, words: Words) -> BadRow:
    """A problem in the reader's language: what we know by heart, else what the column must be."""
    column = problem.column
    for pattern, said, its_column in _KNOWN:
        if found := re.fullmatch(pattern, problem.what):
            told = words(said) % found.groupdict()
            return BadRow(line=problem.line, column=column or its_column, words=told, reason="")
    if column in _ABOUT:
        return BadRow(line=problem.line, column=column, words=words(_ABOUT[column][0]), reason="")
    return BadRow(line=problem.line, column=column, words="", reason=problem.what)


def _of_the_file(what: str, words: Words) -> str:
    for pattern, said in _OF_THE_FILE:
        if found := re.fullmatch(pattern, what):
            return words(said) % found.groupdict()
    return what


def _(english: str) -> str:
    """Marks words for the catalogues; they are translated when they are said."""
    return english


_NEEDED = frozenset({"unit_id", "codec", "client"})

_ABOUT: Mapping[str, tuple[str, str]] = {
    "unit_id": (
        _("The name that the device gives, often its IMEI: letters, digits and signs, no spaces"),
        "356307042441013",
    ),
    "codec": (_("Its protocol, by the name that Vigil gives it"), "teltonika"),
    "client": (_("Whose it is: the client's name as it stands in Vigil"), "Ardenne Transports"),
    "model": (_("The maker's name of the model, 100 letters at most"), "FMB920"),
    "kind": (_("tracker, or panic_device for one that a person carries"), "tracker"),
    "device_phone": (_("Telephone number of its SIM, with its country"), "+32470123456"),
    "reporting_time_s": (
        _("After how many seconds its silence is an alarm: a whole number from 60 to 2592000"),
        "3600",
    ),
    "asset": (
        _("Name of what it is on; a new one is made unless the client has one of that name"),
        "Truck 14",
    ),
    "asset_kind": (_("vehicle, lone_worker or senior"), "vehicle"),
    "plate": (_("Its number plate: 2 to 15 letters, digits, spaces and dashes"), "1-ABC-123"),
    "asset_phone": (_("Telephone number of the person, with its country"), "+32470123457"),
    "group": (_("A group that rules may be about, as Night shift"), "Night shift"),
    "tags": (_("Words that rules may ask for, with | between them"), "airport|night"),
    "speed_limit_kmh": (_("How fast it may drive, in km/h, where a rule asks for it"), "90"),
    "note": (_("Anything that operators should know"), ""),
}
"""Column to what it must hold, and an example."""

_KNOWN: Sequence[tuple[str, str, str]] = (
    (r"is registered already", _("This unit is registered already."), "unit_id"),
    (
        r"is on line (?P<line>\d+) already",
        _("This unit is on line %(line)s of the file already."),
        "unit_id",
    ),
    (r"is empty", _("This must not be empty."), ""),
    (
        r"There is no client called (?P<name>.*), or more than one\.",
        _("There is no client called %(name)s, or more than one."),
        "client",
    ),
    (
        r"We do not speak (?P<name>.*); we speak .*",
        _("Vigil speaks no protocol called “%(name)s”."),
        "codec",
    ),
)
"""What can be wrong with a row, in our own words: pattern, sentence, column where none is said."""

_OF_THE_FILE: Sequence[tuple[str, str]] = (
    (r"The file is empty\.", _("The file is empty.")),
    (
        r"The first line must name the columns; (?P<missing>.*) is missing\..*",
        _("The first line must name the columns. Missing: %(missing)s."),
    ),
    (
        r"At most (?P<number>\d+) units at a time; cut the file in parts\.",
        _("At most %(number)s units at a time: cut the file in parts."),
    ),
    (
        r"Line (?P<line>\d+) is not CSV: .*",
        _("Line %(line)s cannot be read as CSV."),
    ),
    (
        r"This is not a text file\. Save the sheet as CSV\.",
        _("This is not a text file. Save the sheet as CSV."),
    ),
)
