"""Routes for oneself: signing in and out, one's own language, password and tokens."""

from dataclasses import replace
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from tracking.database import transaction
from tracking.errors import Forbidden, NotFound, NotSignedIn, TooMany
from tracking.people import administration, store
from tracking.people.account import Language
from tracking.people.administration import AccountChange
from tracking.people.passwords import LONGEST, Passwords
from tracking.people.person import Person, Role
from tracking.people.sessions import service
from tracking.settings import Settings
from tracking.web.paging import Page, Where, after, page, where
from tracking.web.problems import responses
from tracking.web.security import (
    AppPool,
    AppSettings,
    SignedIn,
    client_address,
    cookie_name,
    person_of,
    proof_of,
    refuse_other_sites,
)
from tracking.web.words import Line

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


class MyChange(BaseModel):
    """What I change of myself."""

    model_config = ConfigDict(extra="forbid")

    language: Annotated[Language, Field(examples=["fr"])]


class NewPassword(BaseModel):
    """The old password, and the one that replaces it."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"current": "…", "new": "…"}]}
    )

    current: Annotated[str, Field(min_length=1, max_length=LONGEST)]
    new: Annotated[str, Field(min_length=1, max_length=LONGEST)]


class NewToken(BaseModel):
    """A token to be made."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[Line, Field(examples=["Dispatch software"])]
    days: Annotated[int, Field(ge=1, le=730, description="How long it is good.")] = 365


class TokenShown(BaseModel):
    """A token, without its secret."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    person_id: UUID
    person: Annotated[str, Field(examples=["An Peeters"])]
    name: Annotated[str, Field(examples=["Dispatch software"])]
    created_at: datetime
    used_at: datetime | None
    expires_at: datetime | None
    revoked_at: datetime | None


class MadeToken(TokenShown):
    """A new token, with the secret that is shown once."""

    secret: Annotated[str, Field(examples=["vigil_…"])]


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


@router.patch(
    "/people/me", tags=["people"], summary="Change my language", responses=responses(Forbidden)
)
async def change_me(person: SignedIn, said: MyChange, pool: AppPool) -> SignedInPerson:
    """The language in which the desk speaks to me from now on."""
    change = AccountChange(language=said.language)
    account = await administration.change_person(pool, person, person.id, change)
    return _signed_in(replace(person, language=account.language))


@router.put(
    "/people/me/password",
    tags=["people"],
    status_code=204,
    summary="Change my password",
    responses=responses(Forbidden, TooMany),
)
async def change_my_password(
    *,
    person: SignedIn,
    said: NewPassword,
    request: Request,
    pool: AppPool,
    passwords: AppPasswords,
    settings: AppSettings,
    visit: Visit,
) -> None:
    """Set a new password; my other sessions end. A wrong current password counts as a failure."""
    proof = proof_of(request)
    session = proof.token_hash if proof and proof.is_session else None
    if session is None:
        raise Forbidden("A password is changed by a person who is signed in, not by a token.")
    try:
        await service.prove(
            pool,
            passwords,
            settings,
            sign_in=person.sign_in,
            password=said.current,
            visit=visit,
        )
    except NotSignedIn as error:
        raise Forbidden("The current password is not right.") from error
    await administration.set_own_password(pool, passwords, person, said.new, session=session)


@router.get("/tokens", tags=["tokens"], summary="List tokens")
async def list_tokens(
    person: SignedIn, pool: AppPool, asked: Annotated[Where, Depends(where)]
) -> Page[TokenShown]:
    """My bearer tokens, newest first; an administrator sees everybody's."""
    async with transaction(pool, person.reach) as connection:
        found = await store.tokens(
            connection,
            of=administration.whose_tokens(person),
            after=after(asked, datetime.fromisoformat, UUID),
            most=asked.limit + 1,
        )
    shown = [TokenShown.model_validate(token) for token in found]
    return page(shown, asked, lambda token: (token.created_at.isoformat(), str(token.id)))


@router.post(
    "/tokens",
    tags=["tokens"],
    status_code=201,
    summary="Make a token",
    responses=responses(Forbidden),
)
async def make_token(person: SignedIn, said: NewToken, pool: AppPool) -> MadeToken:
    """A bearer token for a machine that acts in my name. The secret is shown only now."""
    token, secret = await administration.make_token(pool, person, name=said.name, days=said.days)
    return MadeToken(**TokenShown.model_validate(token).model_dump(), secret=secret)


@router.delete(
    "/tokens/{token_id}",
    tags=["tokens"],
    status_code=204,
    summary="Revoke a token",
    responses=responses(Forbidden, NotFound),
)
async def revoke_token(person: SignedIn, token_id: UUID, pool: AppPool) -> None:
    """The token is refused from now on."""
    await administration.revoke_token(pool, person, token_id)


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
