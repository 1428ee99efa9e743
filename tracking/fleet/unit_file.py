"""A file of units from a spreadsheet: one device a line, and what it is fitted to.

Semicolons, commas or tabs; UTF-8 or what a Belgian Excel writes; headings in four languages.
"""

import csv
import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from tracking.fleet.forms import AssetAsked, DeviceAsked
from tracking.fleet.imports import Problem, UnitRow

MOST_ROWS = 5_000
_NOBODY = "00000000-0000-0000-0000-000000000000"
"""Stands in for the client, whom a row calls by name."""

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "unit_id": ("imei", "unit", "device", "toestel", "appareil", "gerät", "geraet", "account"),
    "codec": ("protocol", "protocole", "protokoll"),
    "model": ("modell", "modèle", "modele", "type"),
    "kind": ("soort", "genre", "art"),
    "device_phone": ("sim", "msisdn", "simkaart"),
    "reporting_time_s": ("reporting_time",),
    "client": ("organisation", "organisatie", "klant", "kunde", "customer"),
    "asset": ("name", "naam", "nom", "asset_name"),
    "asset_kind": ("assetkind",),
    "plate": ("nummerplaat", "plaque", "kennzeichen", "immatriculation"),
    "asset_phone": ("phone", "telefoon", "téléphone", "telefon"),
    "group": ("groep", "groupe", "gruppe"),
    "tags": ("tag", "labels", "étiquettes"),
    "speed_limit_kmh": ("speed_limit", "snelheidslimiet", "limite_de_vitesse", "tempolimit"),
    "note": ("opmerking", "remarque", "bemerkung"),
}
"""Our word for each column, and other words for it; capitals and spaces do not matter."""

_NEEDED = ("unit_id", "codec", "client")
_OUR_WORD = {word: ours for ours, others in COLUMNS.items() for word in (ours, *others)}


_Form = TypeVar("_Form", bound=BaseModel)


class NotATable(ValueError):
    """The file as a whole cannot be read; the text says what is wrong."""


@dataclass(frozen=True, slots=True)
class _Line:
    number: int
    cells: Mapping[str, str]


def read(file: bytes) -> tuple[list[UnitRow], list[Problem]]:
    """The rows that can be read, and what is wrong with the others. Raises NotATable."""
    rows: list[UnitRow] = []
    problems: list[Problem] = []
    seen: dict[str, int] = {}
    for line in _lines(file):
        row, wrong = _row(line)
        problems += wrong
        if row is None:
            continue
        first = seen.setdefault(row.device.unit_id, line.number)
        if first != line.number:
            what = f"is on line {first} already"
            problems.append(Problem(line=line.number, column="unit_id", what=what))
        else:
            rows.append(row)
    return rows, problems


def _lines(file: bytes) -> Iterator[_Line]:
    text = _text(file)
    first = text.lstrip("\r\n").partition("\n")[0]
    delimiter = max(";,\t", key=first.count)
    reader = csv.reader(io.StringIO(text), delimiter=delimiter, strict=True)
    try:
        headings = [_column(cell) for cell in next(reader)]
    except StopIteration:
        raise NotATable("The file is empty.") from None
    if missing := [name for name in _NEEDED if name not in headings]:
        raise NotATable(
            f"The first line must name the columns; {', '.join(missing)} is missing."
            f" There are {', '.join(COLUMNS)}."
        )
    try:
        for count, cells in enumerate(reader):
            if count >= MOST_ROWS:
                raise NotATable(f"At most {MOST_ROWS} units at a time; cut the file in parts.")
            if any(cell.strip() for cell in cells):
                pairs = zip(headings, cells, strict=False)
                said = {name: cell.strip() for name, cell in pairs if name and cell.strip()}
                yield _Line(reader.line_num, said)
    except csv.Error as error:
        raise NotATable(f"Line {reader.line_num} is not CSV: {error}.") from error


def _text(file: bytes) -> str:
    try:
        text = file.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = file.decode("cp1252", "replace")
    if "\0" in text:
        raise NotATable("This is not a text file. Save the sheet as CSV.")
    return text


def _column(heading: str) -> str:
    word = heading.strip().casefold().replace(" ", "_").replace("-", "_")
    return _OUR_WORD.get(word, "")


def _row(line: _Line) -> tuple[UnitRow | None, list[Problem]]:
    said = line.cells
    problems: list[Problem] = []
    device = _form(
        DeviceAsked,
        {
            "organisation_id": _NOBODY,
            "unit_id": said.get("unit_id", ""),
            "codec": said.get("codec", "").casefold(),
            "model": said.get("model", ""),
            "kind": said.get("kind", "tracker").casefold(),
            "phone": said.get("device_phone"),
            "reporting_time_s": said.get("reporting_time_s"),
        },
        {"phone": "device_phone"},
        line.number,
        problems,
    )
    asset = None
    if "asset" in said:
        asset = _form(
            AssetAsked,
            {
                "organisation_id": _NOBODY,
                "kind": said.get("asset_kind", "vehicle").casefold(),
                "name": said["asset"],
                "plate": said.get("plate"),
                "phone": said.get("asset_phone"),
                "note": said.get("note", ""),
                "group": said.get("group", ""),
                # Commas may already separate the columns of the file.
                "tags": [each for each in re.split(r"[,|]", said.get("tags", "")) if each.strip()],
                "speed_limit_kmh": said.get("speed_limit_kmh"),
            },
            {"phone": "asset_phone", "name": "asset", "kind": "asset_kind"},
            line.number,
            problems,
        )
    if "client" not in said:
        problems.append(Problem(line=line.number, column="client", what="is empty"))
    if problems or device is None:
        return None, problems
    row = UnitRow(
        line=line.number,
        client=said["client"],
        device=device.new(),
        asset=None if asset is None else asset.new(),
    )
    return row, []


def _form(
    form: type[_Form],
    said: dict[str, object],
    columns: Mapping[str, str],
    line: int,
    problems: list[Problem],
) -> _Form | None:
    """The form that a person would have filled in; what is wrong with it goes to ``problems``."""
    try:
        return form.model_validate(said)
    except ValidationError as error:
        for each in error.errors():
            field = str(each["loc"][0]) if each["loc"] else ""
            what = each["msg"].removeprefix("Value error, ")
            problems.append(Problem(line=line, column=columns.get(field, field), what=what))
        return None
