"""The pages: sign-in, desk, quarantine. What moves on them comes from /api/v1."""

from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.exceptions import HTTPException

from map_ui.language import LANGUAGES, chosen, script_words, translations
from map_ui.policy import PAGE_HEADERS
from tracking.api.security import Person, person_or_none
from tracking.people.person import STAFF

router = APIRouter(include_in_schema=False)

Reader = Annotated[Person | None, Depends(person_or_none)]

_THEMES = ("light", "dark")


@router.get("/")
async def front_door(reader: Reader) -> Response:
    """To the desk, or to where one signs in."""
    return RedirectResponse("/sign-in" if reader is None else "/desk", status_code=303)


@router.get("/sign-in")
async def sign_in(request: Request, reader: Reader) -> Response:
    """Where a person says who they are; who is signed in already is sent on."""
    if reader is not None:
        return RedirectResponse("/desk", status_code=303)
    return _page(request, "sign-in.html", reader=None)


@router.get("/desk")
async def desk(request: Request, reader: Reader) -> Response:
    """The operator's screen: alarms, map, one asset."""
    if reader is None:
        return RedirectResponse("/sign-in", status_code=303)
    return _page(request, "desk.html", reader=reader)


@router.get("/quarantine")
async def quarantine(request: Request, reader: Reader) -> Response:
    """Units that speak to us and that nobody has registered; for staff only."""
    if reader is None:
        return RedirectResponse("/sign-in", status_code=303)
    if reader.role not in STAFF:
        raise HTTPException(403)
    return _page(request, "quarantine.html", reader=reader)


@router.get("/words/{language}.json")
async def words(language: str) -> Response:
    """What scripts say, in one language."""
    if language not in LANGUAGES:
        raise HTTPException(404)
    return JSONResponse(
        script_words(language), headers=PAGE_HEADERS | {"Cache-Control": "no-cache"}
    )


def _page(request: Request, template: str, *, reader: Person | None) -> HTMLResponse:
    language = chosen(request, None if reader is None else reader.language)
    theme = request.cookies.get("theme")
    context: dict[str, Any] = {
        "csrf": "" if reader is None else reader.csrf or "",
        "language": language,
        "languages": LANGUAGES,
        "reader": reader,
        "staff": reader is not None and reader.role in STAFF,
        "theme": theme if theme in _THEMES else "",
        "version": request.app.version,
    }
    html = _environment(language).get_template(template).render(context)
    return HTMLResponse(html, headers=PAGE_HEADERS | {"Cache-Control": "no-store"})


def _environment(language: str) -> Environment:
    if language not in _ENVIRONMENTS:
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
        _ENVIRONMENTS[language] = environment
    return _ENVIRONMENTS[language]


_ENVIRONMENTS: dict[str, Environment] = {}
