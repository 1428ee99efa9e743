"""Routes of the administration: organisations, and the people who may sign in."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from tracking.database import transaction
from tracking.errors import Conflict, Forbidden, NotFound
from tracking.people import administration, store
from tracking.people.account import Language, OrganisationKind
from tracking.people.administration import AccountChange, NewAccount
from tracking.people.api import AppPasswords
from tracking.people.passwords import LONGEST
from tracking.web.paging import Page, Where, after, page, where
from tracking.web.problems import responses
from tracking.web.security import AppPool, Person, Role, SignedIn, requires
from tracking.web.words import Line, Search

router = APIRouter()

Administrator = Annotated[Person, requires(Role.ADMINISTRATOR)]
Asked = Annotated[Where, Depends(where)]
SearchQuery = Annotated[Search, Query(description="Part of a name.")]
SignInName = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._@+-]{1,99}$"),
    Field(examples=["an.peeters"]),
]


class OrganisationShown(BaseModel):
    """A centre, or a client of one."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    centre_id: UUID | None
    kind: OrganisationKind
    name: Annotated[str, Field(examples=["De Wachter vzw"])]
    language: Language
    created_at: datetime


class NewClient(BaseModel):
    """A client to be added."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[Line, Field(examples=["De Wachter vzw"])]
    language: Language = "nl"


class OrganisationChange(BaseModel):
    """What changes of an organisation; what is absent stays."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[Line | None, Field(examples=["De Wachter vzw"])] = None
    language: Language | None = None


class PersonShown(BaseModel):
    """Somebody who may sign in, or could before they were disabled."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    organisation_id: UUID
    organisation: Annotated[str, Field(examples=["Meldkamer Noordster"])]
    sign_in: Annotated[str, Field(examples=["an.peeters"])]
    name: Annotated[str, Field(examples=["An Peeters"])]
    role: Role
    language: Language
    created_at: datetime
    disabled_at: datetime | None


class NewPerson(BaseModel):
    """A person to be added; without a password one is generated and shown once."""

    model_config = ConfigDict(extra="forbid")

    organisation_id: UUID
    sign_in: SignInName
    name: Annotated[Line, Field(examples=["An Peeters"])]
    role: Role
    language: Language = "nl"
    password: Annotated[str | None, Field(max_length=LONGEST, min_length=1)] = None


class AddedPerson(PersonShown):
    """A new person."""

    generated_password: Annotated[
        str | None, Field(description="Shown only now; null if a password was given.")
    ]


class PersonChange(BaseModel):
    """What changes of a person; what is absent stays."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[Line | None, Field(examples=["An Peeters"])] = None
    role: Role | None = None
    language: Language | None = None
    disabled: bool | None = None


class GeneratedPassword(BaseModel):
    """A password that is shown once."""

    generated_password: Annotated[str, Field(examples=["k7qm-x2fd-…"])]


@router.get("/organisations", tags=["organisations"], summary="List organisations")
async def list_organisations(
    person: SignedIn, pool: AppPool, asked: Asked, search: SearchQuery = ""
) -> Page[OrganisationShown]:
    """My own organisation; for people of a centre also its clients. By name."""
    async with transaction(pool, person.reach) as connection:
        found = await store.organisations(
            connection, after=after(asked, str, UUID), search=search, most=asked.limit + 1
        )
    shown = [OrganisationShown.model_validate(one) for one in found]
    return page(shown, asked, lambda one: (one.name, str(one.id)))


@router.post(
    "/organisations",
    tags=["organisations"],
    status_code=201,
    summary="Add a client",
    responses=responses(Forbidden),
)
async def add_client(person: Administrator, said: NewClient, pool: AppPool) -> OrganisationShown:
    """A new client of my centre."""
    added = await administration.add_client(pool, person, name=said.name, language=said.language)
    return OrganisationShown.model_validate(added)


@router.get(
    "/organisations/{organisation_id}",
    tags=["organisations"],
    summary="One organisation",
    responses=responses(NotFound),
)
async def get_organisation(
    person: SignedIn, organisation_id: UUID, pool: AppPool
) -> OrganisationShown:
    """An organisation that I may see."""
    async with transaction(pool, person.reach) as connection:
        found = await administration.organisation_seen(connection, organisation_id)
    return OrganisationShown.model_validate(found)


@router.patch(
    "/organisations/{organisation_id}",
    tags=["organisations"],
    summary="Change an organisation",
    responses=responses(Forbidden, NotFound),
)
async def change_organisation(
    person: Administrator, organisation_id: UUID, said: OrganisationChange, pool: AppPool
) -> OrganisationShown:
    """Another name or language."""
    changed = await administration.change_organisation(
        pool, person, organisation_id, name=said.name, language=said.language
    )
    return OrganisationShown.model_validate(changed)


@router.get("/people", tags=["people"], summary="List people", responses=responses(Forbidden))
async def list_people(
    person: Administrator, pool: AppPool, asked: Asked, search: SearchQuery = ""
) -> Page[PersonShown]:
    """Everybody who may sign in at my centre and its clients, and who once could. By name."""
    async with transaction(pool, person.reach) as connection:
        found = await store.accounts(
            connection, after=after(asked, str, UUID), search=search, most=asked.limit + 1
        )
    shown = [PersonShown.model_validate(account) for account in found]
    return page(shown, asked, lambda account: (account.name, str(account.id)))


@router.post(
    "/people",
    tags=["people"],
    status_code=201,
    summary="Add a person",
    responses=responses(Forbidden, NotFound, Conflict),
)
async def add_person(
    person: Administrator, said: NewPerson, pool: AppPool, passwords: AppPasswords
) -> AddedPerson:
    """Somebody who may sign in from now on. A sign-in name exists once, in whatever case."""
    new = NewAccount(**said.model_dump())
    account, made = await administration.add_person(pool, passwords, person, new)
    return AddedPerson(**asdict(account), generated_password=made)


@router.patch(
    "/people/{person_id}",
    tags=["people"],
    summary="Change or disable a person",
    responses=responses(Forbidden, NotFound, Conflict),
)
async def change_person(
    person: Administrator, person_id: UUID, said: PersonChange, pool: AppPool
) -> PersonShown:
    """Another name, role or language. `disabled` ends all sessions and tokens at once."""
    change = AccountChange(**said.model_dump())
    account = await administration.change_person(pool, person, person_id, change)
    return PersonShown.model_validate(account)


@router.post(
    "/people/{person_id}/password",
    tags=["people"],
    summary="Give a person a new password",
    responses=responses(Forbidden, NotFound),
)
async def reset_password(
    person: Administrator, person_id: UUID, pool: AppPool, passwords: AppPasswords
) -> GeneratedPassword:
    """A generated password, shown only now; all sessions of that person end."""
    made = await administration.reset_password(pool, passwords, person, person_id)
    return GeneratedPassword(generated_password=made)
