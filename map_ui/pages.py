"""The pages that are only looked at here: front door, sign-in, desk. /api/v1 moves them."""

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response
from starlette.exceptions import HTTPException

from map_ui.language import LANGUAGES, script_words
from map_ui.policy import PAGE_HEADERS
from map_ui.rendering import PageRoute, Reader, page

router = APIRouter(include_in_schema=False, route_class=PageRoute)


@router.get("/")
async def front_door(reader: Reader) -> Response:
    """To the desk, or to where one signs in."""
    return RedirectResponse("/sign-in" if reader is None else "/desk", status_code=303)


@router.get("/sign-in")
async def sign_in(request: Request, reader: Reader) -> Response:
    """Where a person says who they are; who is signed in already is sent on."""
    if reader is not None:
        return RedirectResponse("/desk", status_code=303)
    return page(request, "sign-in.html", reader=None)


@router.get("/desk")
async def desk(request: Request, reader: Reader) -> Response:
    """The operator's screen: alarms, map, one asset."""
    if reader is None:
        return RedirectResponse("/sign-in", status_code=303)
    return page(request, "desk.html", reader=reader)


@router.get("/words/{language}.json")
async def words(language: str) -> Response:
    """What scripts say, in one language."""
    if language not in LANGUAGES:
        raise HTTPException(404)
    return JSONResponse(
        script_words(language), headers=PAGE_HEADERS | {"Cache-Control": "no-cache"}
    )
