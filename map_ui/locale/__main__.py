"""Gather the words of pages and scripts into the catalogues: ``python -m map_ui.locale [--check]``.

New words arrive untranslated, words that nobody says any more are dropped, translations stay.
"""

import argparse
import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

from map_ui.language import LANGUAGES, LOCALE, SOURCE

_ROOM = LOCALE.parent
_METHODS = [
    ("templates/**.html", "jinja2.ext.babel_extract"),
    ("static/**.js", "javascript"),
    ("*.py", "python"),
]
_OPTIONS = {
    "templates/**.html": {"newstyle_gettext": "true", "trimmed": "true"},
    "static/**.js": {"template_string": "false"},
}
_KEYWORDS: dict[str, Any] = {
    "_": None,
    "gettext": None,
    "ngettext": (1, 2),
    "words": None,
    "say": None,
    "sayMany": (2, 3),
}
_UNSAID = tuple(
    f'"{name}'
    for name in (
        "Project-Id-Version",
        "Report-Msgid-Bugs-To",
        "POT-Creation-Date",
        "PO-Revision-Date",
        "Last-Translator",
        "Language-Team",
        "Generated-By",
    )
)


def gathered() -> Catalog:
    """Every word that templates and scripts say, in the order of the files."""
    words = Catalog(project="vigil", charset="utf-8")
    for message, places in _messages():
        words.add(message, locations=places)
    return words


def untranslated(language: str) -> list[str]:
    """The English words that a language's catalogue lacks or only guesses at."""
    known = _read(LOCALE / f"{language}.po", language)
    missing = []
    for message in gathered():
        if not message.id:
            continue
        found = known.get(message.id)
        forms = found.string if found else ""
        complete = all(forms) if isinstance(forms, tuple | list) else bool(forms)
        if found is None or found.fuzzy or not complete:
            missing.append(str(message.id))
    return missing


def main() -> int:
    """Bring the catalogues up to date, or with ``--check`` list what is not translated."""
    parser = argparse.ArgumentParser(prog="python -m map_ui.locale", description=__doc__)
    parser.add_argument(
        "--check", action="store_true", help="write nothing; fail if words are untranslated"
    )
    options = parser.parse_args()
    lacking = 0
    for language in LANGUAGES:
        if language == SOURCE:
            continue
        if not options.check:
            _bring_up_to_date(language)
        missing = untranslated(language)
        lacking += len(missing)
        print(f"{language}: {len(missing)} untranslated")
        for words in missing:
            print(f"  {words}")
    return 1 if options.check and lacking else 0


def _messages() -> Iterator[tuple[str | tuple[str, ...], list[tuple[str, int]]]]:
    places: dict[str | tuple[str, ...], list[tuple[str, int]]] = {}
    for name, _, message, _, _ in extract_from_dir(_ROOM, _METHODS, _OPTIONS, keywords=_KEYWORDS):
        # Line numbers would change with every edit of a page; the file is enough to find it.
        where = places.setdefault(message, [])
        if (name, 0) not in where:
            where.append((name, 0))
    yield from places.items()


def _bring_up_to_date(language: str) -> None:
    path = LOCALE / f"{language}.po"
    catalogue = _read(path, language)
    catalogue.update(gathered(), no_fuzzy_matching=True)
    catalogue.obsolete.clear()
    catalogue.fuzzy = False
    catalogue.header_comment = f"# What the pages of Vigil say in {LANGUAGES[language]}."
    text = BytesIO()
    write_po(text, catalogue, omit_header=False, include_lineno=False, width=100)
    # The header would name the minute of every run, and people who do not exist.
    lines = text.getvalue().decode().splitlines()
    kept = [line for line in lines if not line.startswith(_UNSAID)]
    path.write_text("\n".join(kept).rstrip() + "\n", "utf-8")


def _read(path: Path, language: str) -> Catalog:
    if not path.exists():
        return Catalog(locale=language, project="vigil", charset="utf-8")
    with path.open("rb") as file:
        return read_po(file, locale=language)


if __name__ == "__main__":
    sys.exit(main())
