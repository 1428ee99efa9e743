"""Every error leaves this house as one kind of document (RFC 9457, application/problem+json)."""

import logging
import socket
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Annotated, Any

import asyncpg
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse

from tracking.errors import (
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    NotSignedIn,
    TooMany,
    Unavailable,
    VigilError,
)

_log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"


class FieldError(BaseModel):
    """One thing that was wrong with what was sent."""

    where: Annotated[str, Field(examples=["body.phone"])]
    what: Annotated[str, Field(examples=["Write the number as +32470123456."])]


class Problem(BaseModel):
    """What went wrong, for a person and for a program."""

    type: Annotated[str, Field(examples=["urn:vigil:problem:not-found"])]
    title: Annotated[str, Field(examples=["Not found"])]
    status: Annotated[int, Field(examples=[404])]
    detail: Annotated[str, Field(examples=["There is no such asset, or none that you may see."])]
    request_id: Annotated[str, Field(examples=["0d6f1c0a5f2b4d4f9d2a9b9f0c7e1a11"])]
    errors: list[FieldError] | None = None


def problem(
    connection: HTTPConnection,
    *,
    status: int,
    title: str,
    detail: str,
    errors: Sequence[FieldError] = (),
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """The document as a response. Its ``type`` is made from the title."""
    document = Problem(
        type=f"urn:vigil:problem:{title.lower().replace(' ', '-')}",
        title=title,
        status=status,
        detail=detail,
        request_id=connection.scope.get("vigil.request_id", ""),
        errors=list(errors) or None,
    )
    return JSONResponse(
        document.model_dump(exclude_none=True),
        status_code=status,
        media_type=MEDIA_TYPE,
        headers=headers,
    )


def answer_with_problems(app: FastAPI) -> None:
    """Make every error of this application a problem document."""
    app.add_exception_handler(VigilError, _expected)
    app.add_exception_handler(RequestValidationError, _not_valid)
    app.add_exception_handler(HTTPException, _http)
    for away in _AWAY:
        app.add_exception_handler(away, _away)
    for error in _BY_DATABASE_ERROR:
        app.add_exception_handler(error, _refused_by_database)


def mistake(connection: HTTPConnection, error: Exception) -> JSONResponse:
    """The answer to an error that nobody expected, and its line in the log."""
    request_id = connection.scope.get("vigil.request_id", "")
    _log.error(
        "a request failed and it is our fault", exc_info=error, extra={"request_id": request_id}
    )
    return problem(
        connection,
        status=VigilError.status,
        title=VigilError.title,
        detail="This is our mistake; it is in our log under this request_id.",
    )


def responses(*errors: type[VigilError]) -> dict[int | str, dict[str, Any]]:
    """What OpenAPI says of these errors, for a route's ``responses=``."""
    return {
        error.status: {
            "description": error.title,
            "content": {
                MEDIA_TYPE: {
                    "schema": {"$ref": "#/components/schemas/Problem"},
                    "example": {
                        "type": f"urn:vigil:problem:{error.title.lower().replace(' ', '-')}",
                        "title": error.title,
                        "status": error.status,
                        "detail": _DETAILS[error],
                        "request_id": "0d6f1c0a5f2b4d4f9d2a9b9f0c7e1a11",
                    },
                }
            },
        }
        for error in errors
    }


async def _expected(connection: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, VigilError)
    headers: dict[str, str] = {}
    if isinstance(error, NotSignedIn):
        headers["WWW-Authenticate"] = 'Bearer realm="vigil"'
    if error.retry_after_s is not None:
        headers["Retry-After"] = str(error.retry_after_s)
    detail = str(error) or type(error).title
    return problem(
        connection,
        status=error.status,
        title=error.title,
        detail=detail,
        errors=[FieldError(where=error.where, what=detail)] if error.where else (),
        headers=headers,
    )


async def _not_valid(connection: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    # The values themselves are not repeated: one of them may be a password.
    errors = [
        FieldError(where=".".join(str(part) for part in found["loc"]), what=found["msg"])
        for found in error.errors()
    ]
    return problem(
        connection,
        status=Invalid.status,
        title=Invalid.title,
        detail="What was sent is not what is asked for here; see errors.",
        errors=errors,
    )


async def _http(connection: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    title = HTTPStatus(error.status_code).phrase
    detail = error.detail if error.detail != title else _HTTP_DETAILS.get(error.status_code, title)
    return problem(
        connection, status=error.status_code, title=title, detail=detail, headers=error.headers
    )


async def _away(connection: Request, error: Exception) -> JSONResponse:
    _log.warning("a part of the house is away", extra={"error": repr(error)})
    return problem(
        connection,
        status=Unavailable.status,
        title=Unavailable.title,
        detail="The database does not answer right now; try again in a moment.",
        headers={"Retry-After": "2"},
    )


async def _refused_by_database(connection: Request, error: Exception) -> JSONResponse:
    for kind, (meaning, detail) in _BY_DATABASE_ERROR.items():
        if isinstance(error, kind):
            _log.info("refused by the database", extra={"error": type(error).__name__})
            return problem(connection, status=meaning.status, title=meaning.title, detail=detail)
    return mistake(connection, error)


_AWAY: tuple[type[Exception], ...] = (
    ConnectionError,
    FileNotFoundError,  # the Unix socket of a server that is stopped
    socket.gaierror,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.TooManyConnectionsError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
)
"""What asking PostgreSQL raises while it is away, starting or stopping."""

_BY_DATABASE_ERROR: dict[type[Exception], tuple[type[VigilError], str]] = {
    asyncpg.QueryCanceledError: (Unavailable, "This took too long; ask for less at a time."),
    asyncpg.DeadlockDetectedError: (Unavailable, "Two changes met; try again."),
    asyncpg.UniqueViolationError: (Conflict, "There is already one with this name."),
    asyncpg.ExclusionViolationError: (Conflict, "This overlaps with what is already there."),
    asyncpg.ForeignKeyViolationError: (Conflict, "What this refers to is not there."),
    asyncpg.CheckViolationError: (Invalid, "The values do not go together."),
    asyncpg.DataError: (Invalid, "A value cannot be stored as it is written."),
}
"""The last word on what a request may write is the database's; this is how it is passed on."""

_DETAILS: dict[type[VigilError], str] = {
    NotSignedIn: "Sign in, or send a bearer token that has not ended.",
    Forbidden: "Your role may not do this.",
    NotFound: "There is no such thing, or none that you may see.",
    Conflict: "It is not in a state in which this can be done.",
    Invalid: "What was sent is not what is asked for here; see errors.",
    TooMany: "Too many failed attempts; wait and try again.",
    Unavailable: "The database does not answer right now; try again in a moment.",
}

_HTTP_DETAILS = {
    404: "There is nothing at this address.",
    405: "This address does not know that method.",
}
