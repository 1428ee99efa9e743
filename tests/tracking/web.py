"""The application in this process, and browsers of people who are signed in to it."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from uuid import UUID

import httpx
from argon2 import PasswordHasher
from fastapi import FastAPI

from tracking.api.app import create_app
from tracking.database import Pool
from tracking.settings import Settings

PASSWORD = "een goede zin 1830"
HOME = "192.0.2.10"

_cheap = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
PASSWORD_HASH = _cheap.hash(PASSWORD)


@dataclass
class Web:
    """The application, and who asks it."""

    app: FastAPI
    _open: list[httpx.AsyncClient] = field(default_factory=list)

    def client(
        self, *, token: str = "", address: str = HOME, origin: str = "http://desk.test"
    ) -> httpx.AsyncClient:
        """A browser, or with a token a machine, at some address."""
        client = httpx.AsyncClient(
            transport=httpx.ASGITransport(self.app, client=(address, 40_000)),
            base_url=origin,
            headers={"Authorization": f"Bearer {token}"} if token else {},
        )
        self._open.append(client)
        return client

    async def browser(self, sign_in: str, *, address: str = HOME) -> httpx.AsyncClient:
        """The browser of somebody who has signed in, and repeats the CSRF token."""
        client = self.client(address=address)
        answer = await try_to_sign_in(client, sign_in)
        assert answer.status_code == 201, answer.text
        client.headers["X-CSRF-Token"] = answer.json()["csrf"]
        return client


@contextlib.asynccontextmanager
async def open_web(settings: Settings) -> AsyncIterator[Web]:
    """The application, with what it opens, until the end of the block."""
    app = create_app(settings)
    async with app.router.lifespan_context(app):
        web = Web(app)
        yield web
        for client in web._open:
            await client.aclose()


async def try_to_sign_in(
    client: httpx.AsyncClient, sign_in: str, password: str = PASSWORD
) -> httpx.Response:
    return await client.post("/api/v1/sessions", json={"sign_in": sign_in, "password": password})


async def add_person(
    pool: Pool, organisation: UUID, sign_in: str, role: str, *, name: str = ""
) -> UUID:
    """Somebody whose password is PASSWORD."""
    person: UUID = await pool.fetchval(
        "INSERT INTO people (organisation_id, sign_in, name, role, password_hash)"
        " VALUES ($1, $2, $3, $4, $5) RETURNING id",
        organisation,
        sign_in,
        name or sign_in,
        role,
        PASSWORD_HASH,
    )
    return person
