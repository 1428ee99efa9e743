"""Templates into pages, in the reader's language and by their choice of light or dark."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any

from babel.dates import format_datetime
from babel.numbers import format_decimal
from fastapi import Depends, Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from map_ui.language import LANGUAGES, chosen, translations
from map_ui.policy import PAGE_HEADERS
from tracking.api.security import Person, person_or_none
from tracking.people.person import STAFF

Reader = Annotated[Person | None, Depends(person_or_none)]
"""Who looks at a page; None when nobody is signed in."""

_THEMES = ("light", "dark")


def page(
    request: Request,
    template: str,
    *,
    reader: Person | None,
    status: int = 200,
    **context: Any,  # noqa: ANN401 - whatever the template shows
) -> HTMLResponse:
    """One template as an answer. It is never stored by the browser: it may name people."""
    language = chosen(request, None if reader is None else reader.language)
    theme = request.cookies.get("theme")
    common: Mapping[str, Any] = {
        "csrf": "" if reader is None else reader.csrf or "",
        "language": language,
        "languages": LANGUAGES,
        "reader": reader,
        "staff": reader is not None and reader.role in STAFF,
        "theme": theme if theme in _THEMES else "",
        "version": request.app.version,
    }
    html = _environment(language).get_template(template).render(common, **context)
    headers = PAGE_HEADERS | {"Cache-Control": "no-store"}
    return HTMLResponse(html, status_code=status, headers=headers)


@cache
def _environment(language: str) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        extensions=["jinja2.ext.i18n"],
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    # The extension adds this method to an environment when it is loaded.
    environment.install_gettext_translations(translations(language), newstyle=True)  # type: ignore[attr-defined]
    environment.filters["figure"] = lambda number: format_decimal(number, locale=language)
    environment.filters["utc"] = lambda at: format_datetime(at, "medium", locale=language)
    return environment
