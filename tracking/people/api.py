"""Routes of people: signing in and out, and who is signed in."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from tracking.api.problems import responses
from tracking.api.security import (
    AppPool,
    AppSettings,
    SignedIn,
    client_address,
    cookie_name,
    person_of,
    proof_of,
    refuse_other_sites,
)
from tracking.errors import Forbidden, NotSignedIn, TooMany
from tracking.people import service
from tracking.people.passwords import LONGEST, Passwords
from tracking.people.person import Person, Role
from tracking.settings import Settings

public = APIRouter(tags=["sessions"])
"""Routes for people who are not signed in yet."""

router = APIRouter()


class Credentials(BaseModel):
    """A name and its password."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"sign_in": "an.peeters", "password": "…"}]},
    )

    sign_in: Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]
    password: Annotated[str, Field(min_length=1, max_length=LONGEST)]


class SignedInPerson(BaseModel):
    """Who is signed in."""

    id: UUID
    sign_in: Annotated[str, Field(examples=["an.peeters"])]
    name: Annotated[str, Field(examples=["An Peeters"])]
    role: Role
    language: Annotated[str, Field(examples=["nl"])]
    organisation_id: UUID
    centre_id: Annotated[UUID | None, Field(description="Set for people of the centre.")]
    csrf: Annotated[
        str | None,
        Field(description="Repeat it in X-CSRF-Token; null with a bearer token."),
    ]


class Session(SignedInPerson):
    """A session that has just been opened; its secret is in the cookie."""

    ends_at: Annotated[datetime, Field(description="When it ends, used or not.")]


def app_passwords(request: Request) -> Passwords:
    """FastAPI dependency: the threads that check passwords."""
    passwords: Passwords = request.app.state.passwords
    return passwords


AppPasswords = Annotated[Passwords, Depends(app_passwords)]


def visit(request: Request) -> service.Visit:
    """FastAPI dependency: where this request comes from."""
    return service.Visit(
        address=client_address(request), agent=request.headers.get("user-agent", "")
    )


Visit = Annotated[service.Visit, Depends(visit)]


@public.post(
    "/sessions",
    status_code=201,
    summary="Sign in",
    responses=responses(NotSignedIn, Forbidden, TooMany),
    dependencies=[Depends(refuse_other_sites)],
)
async def sign_in(
    *,
    said: Credentials,
    request: Request,
    response: Response,
    pool: AppPool,
    passwords: AppPasswords,
    settings: AppSettings,
    visit: Visit,
) -> Session:
    """Open a session: sets the session cookie and answers who is signed in.

    After too many failures the answer is 429 with `Retry-After`.
    """
    before, proof = await person_of(request), proof_of(request)
    opened = await service.sign_in(
        pool, passwords, settings, sign_in=said.sign_in, password=said.password, visit=visit
    )
    if before is not None and proof is not None and proof.is_session:
        await service.sign_out(pool, before, proof.token_hash)
    _give_cookie(response, settings, opened.secret)
    return Session(
        **_signed_in(opened.person).model_dump(exclude={"csrf"}),
        csrf=opened.csrf,
        ends_at=opened.ends_at,
    )


@router.get("/sessions/current", tags=["sessions"], summary="Who am I?")
async def current_session(person: SignedIn) -> SignedInPerson:
    """Who is signed in, and the `csrf` value that unsafe requests of this session repeat."""
    return _signed_in(person)


@router.delete(
    "/sessions/current",
    tags=["sessions"],
    status_code=204,
    summary="Sign out",
    responses=responses(Forbidden),
)
async def sign_out(
    person: SignedIn, request: Request, response: Response, pool: AppPool, settings: AppSettings
) -> None:
    """End this session. With a bearer token nothing ends; revoke the token instead."""
    proof = proof_of(request)
    if proof is not None and proof.is_session:
        await service.sign_out(pool, person, proof.token_hash)
    _take_cookie(response, settings)


@router.delete(
    "/sessions",
    tags=["sessions"],
    status_code=204,
    summary="Sign out everywhere",
    responses=responses(Forbidden),
)
async def sign_out_everywhere(
    person: SignedIn, response: Response, pool: AppPool, settings: AppSettings
) -> None:
    """End all my sessions, this one too."""
    await service.sign_out_everywhere(pool, person)
    _take_cookie(response, settings)


def _signed_in(person: Person) -> SignedInPerson:
    return SignedInPerson(
        id=person.id,
        sign_in=person.sign_in,
        name=person.name,
        role=person.role,
        language=person.language,
        organisation_id=person.organisation_id,
        centre_id=person.centre_id,
        csrf=person.csrf,
    )


def _give_cookie(response: Response, settings: Settings, secret: str) -> None:
    response.set_cookie(
        cookie_name(settings),
        secret,
        max_age=int(settings.session_lifetime_h * 3600),
        path="/",
        secure=settings.secure_cookies,
        httponly=True,
        samesite="strict",
    )


def _take_cookie(response: Response, settings: Settings) -> None:
    response.delete_cookie(
        cookie_name(settings),
        path="/",
        secure=settings.secure_cookies,
        httponly=True,
        samesite="strict",
    )
