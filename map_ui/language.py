"""In which language a page is written, and its words.

Catalogues are the ``.po`` files under ``map_ui/locale``, read when the service starts; compiled
files are never kept, so what a translator saves is what the next start says. New words are
gathered by ``python -m map_ui.locale``.
"""

import re
from collections.abc import Mapping
from functools import cache
from io import BytesIO
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import Translations
from starlette.requests import Request

LANGUAGES: Mapping[str, str] = {
    "nl": "Nederlands",
    "fr": "Français",
    "de": "Deutsch",
    "en": "English",
}
"""Code to the name that its own speakers use."""

REGIONS: Mapping[str, str] = {"nl": "nl_BE", "fr": "fr_BE", "de": "de_BE", "en": "en_GB"}
"""How numbers and times are written: as in this country, where the day comes before the month."""

SOURCE = "en"
LOCALE = Path(__file__).parent / "locale"
COOKIE = "language"


def chosen(request: Request, preferred: str | None = None) -> str:
    """The reader's language: their choice in this browser, else their own, else the browser's."""
    for language in (request.cookies.get(COOKIE), preferred):
        if language is not None and language in LANGUAGES:
            return language
    return _accepted(request.headers.get("accept-language", ""))


@cache
def translations(language: str) -> Translations:
    """The gettext catalogue of one of ``LANGUAGES``. English is what the source says."""
    if language == SOURCE:
        return Translations()
    compiled = BytesIO()
    with (LOCALE / f"{language}.po").open("rb") as file:
        write_mo(compiled, read_po(file, locale=language))
    compiled.seek(0)
    return Translations(compiled)


@cache
def script_words(language: str) -> dict[str, Mapping[str, object]]:
    """What the page's scripts say: ``messages`` and, with one form a number, ``plurals``."""
    messages: dict[str, str] = {}
    plurals: dict[str, list[str]] = {}
    if language != SOURCE:
        with (LOCALE / f"{language}.po").open("rb") as file:
            catalogue = read_po(file, locale=language)
        for message in catalogue:
            if not message.id or message.fuzzy:
                continue
            if isinstance(message.id, str):
                messages[message.id] = str(message.string)
            else:
                plurals[message.id[0]] = [str(form) for form in message.string or ()]
    return {"messages": messages, "plurals": plurals}


def _accepted(header: str) -> str:
    """The best of the browser's languages that we speak (RFC 9110 §12.5.4)."""
    ranked: list[tuple[float, str]] = []
    for part in header.split(","):
        tag, _, quality = part.partition(";q=")
        language = re.split(r"[-_]", tag.strip().lower())[0]
        try:
            weight = float(quality) if quality else 1.0
        except ValueError:
            continue
        if language in LANGUAGES:
            ranked.append((weight, language))
    # Of equals the first one said counts, and max keeps the first.
    return max(ranked, key=lambda item: item[0])[1] if ranked else SOURCE
