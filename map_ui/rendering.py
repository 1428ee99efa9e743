"""Templates into pages, in the reader's language and by their choice of light or dark."""

import logging
from collections.abc import Callable, Coroutine, Mapping
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Annotated, Any

from babel.dates import format_date, format_datetime, format_time, format_timedelta
from babel.numbers import format_decimal
from fastapi import Depends, Request
from fastapi.responses import HTMLResponse, Response
from fastapi.routing import APIRoute
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from map_ui.language import LANGUAGES, REGIONS, chosen, translations
from map_ui.local_time import ZONE
from map_ui.policy import PAGE_HEADERS
from tracking import clock
from tracking.errors import Forbidden, VigilError
from tracking.live.line import AWAY
from tracking.people.person import KEEPERS, STAFF
from tracking.web.security import Person, person_or_none

_log = logging.getLogger(__name__)

Reader = Annotated[Person | None, Depends(person_or_none)]
"""Who looks at a page; None when nobody is signed in."""

_THEMES = ("light", "dark")
_AGAIN_IN_S = 3


class PageRoute(APIRoute):
    """A route for people: what goes wrong is said on a page, in their language.

    While the database is away the page asks again by itself, so that a desk that was reloaded
    in those seconds comes back. Fragments keep the API's problem documents.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler that FastAPI calls for a request."""
        handle = super().get_route_handler()

        async def handle_for_people(request: Request) -> Response:
            if "hx-request" in request.headers:
                return await handle(request)
            try:
                return await handle(request)
            except VigilError as refused:
                return _sorry(request, status=refused.status, forbidden=type(refused) is Forbidden)
            except AWAY as error:
                _log.warning("a page waits for the database", extra={"error": repr(error)})
                return _sorry(request, status=503, again_in_s=_AGAIN_IN_S)

        return handle_for_people


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
        "keeper": reader is not None and reader.role in KEEPERS,
        "theme": theme if theme in _THEMES else "",
        "version": request.app.version,
    }
    html = _environment(language).get_template(template).render(common, **context)
    headers = PAGE_HEADERS | {"Cache-Control": "no-store"}
    return HTMLResponse(html, status_code=status, headers=headers)


def _sorry(
    request: Request, *, status: int, forbidden: bool = False, again_in_s: int = 0
) -> Response:
    words = translations(chosen(request)).gettext
    if again_in_s:
        said = words("The database does not answer. This page tries again by itself.")
    elif forbidden:
        said = words("You may not see this page.")
    else:
        said = words("This page cannot be shown now.")
    return page(
        request, "sorry.html", reader=None, status=status, words=said, again_in_s=again_in_s
    )


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
    region = REGIONS[language]
    environment.filters |= {
        "figure": lambda number: format_decimal(number, locale=region),
        "tenths": lambda number: format_decimal(number, "#,##0.0", locale=region),
        "local": lambda at: format_datetime(at, "medium", tzinfo=ZONE, locale=region),
        "clock": lambda at: format_time(at, "medium", tzinfo=ZONE, locale=region),
        "date": lambda day: format_date(day, "full", locale=region),
        "day": lambda day: format_date(day, "d MMM", locale=region),
        "ago": lambda at: _ago(at, region),
    }
    return environment


def _ago(at: datetime, region: str) -> str:
    """How long ago that was; what is said to be still to come was just now."""
    since = min(at - clock.now(), -timedelta(seconds=1))
    return format_timedelta(since, add_direction=True, threshold=1.5, locale=region)
