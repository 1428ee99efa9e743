"""Who is asking, and whether they may.

A route asks for ``SignedIn`` or for ``Annotated[Person, requires(Role.…)]``; a test refuses a
route that asks for neither and is not in the short list of public ones. Seeing only one's own
rows is not decided here but by ``database.transaction`` and row-level security; what is hidden
there answers 404, as if it did not exist.
"""

import base64
import secrets
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_address
from typing import Annotated, Any

from fastapi import Depends, Security
from fastapi.params import Depends as Dependency
from fastapi.security import APIKeyCookie, HTTPAuthorizationCredentials, HTTPBearer
from starlette.requests import HTTPConnection, Request
from starlette.websockets import WebSocket

from tracking.database import Pool
from tracking.errors import Forbidden, NotSignedIn
from tracking.people.person import STAFF, Person, Role
from tracking.people.secret import hash_of
from tracking.people.sessions import store
from tracking.people.sessions.store import Address
from tracking.settings import Settings

__all__ = [
    "AppPool",
    "AppSettings",
    "MapReader",
    "Person",
    "Role",
    "SignedIn",
    "Staff",
    "desk_signed_in",
    "person_or_none",
    "requires",
    "signed_in",
]

CSRF_HEADER = "X-CSRF-Token"
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What a request shows to say who it is: the hash of a session's or a machine's secret."""

    token_hash: bytes
    is_session: bool


def app_pool(connection: HTTPConnection) -> Pool:
    """FastAPI dependency: the pool of role vigil_app."""
    pool: Pool = connection.app.state.pool
    return pool


def app_settings(connection: HTTPConnection) -> Settings:
    """FastAPI dependency: the settings this application was made with."""
    settings: Settings = connection.app.state.settings
    return settings


AppPool = Annotated[Pool, Depends(app_pool)]
AppSettings = Annotated[Settings, Depends(app_settings)]


def proof_of(connection: HTTPConnection) -> Proof | None:
    """The bearer token if one was sent, else the session cookie; None if neither."""
    scheme, _, token = connection.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return Proof(token_hash=hash_of(token.strip()), is_session=False)
    cookie = connection.cookies.get(cookie_name(app_settings(connection)))
    if cookie:
        return Proof(token_hash=hash_of(cookie), is_session=True)
    return None


async def person_of(connection: HTTPConnection) -> Person | None:
    """Who this is, as the database knows it now; no check of CSRF or origin.

    An open live channel asks again from time to time, so that who is disabled is also cut off.
    """
    proof = proof_of(connection)
    if proof is None:
        return None
    pool, settings = app_pool(connection), app_settings(connection)
    if proof.is_session:
        idle = timedelta(hours=settings.session_idle_h)
        return await store.person_of_session(pool, proof.token_hash, idle)
    return await store.person_of_token(pool, proof.token_hash)


async def person_or_none(request: Request) -> Person | None:
    """FastAPI dependency of pages: who is signed in, if anybody."""
    person = await person_of(request)
    if person is not None:
        refuse_forgery(request, person)
    return person


async def signed_in(
    request: Request,
    _cookie: Annotated[
        str | None,
        Security(
            APIKeyCookie(
                name="vigil_session",
                scheme_name="session",
                description=f"A browser's session; unsafe methods repeat `csrf` in {CSRF_HEADER}.",
                auto_error=False,
            )
        ),
    ],
    _bearer: Annotated[
        HTTPAuthorizationCredentials | None,
        Security(
            HTTPBearer(
                scheme_name="token", description="A machine's bearer token.", auto_error=False
            )
        ),
    ],
) -> Person:
    """FastAPI dependency: who is signed in. Raises NotSignedIn, or Forbidden for a forgery."""
    person = await person_or_none(request)
    if person is None:
        raise NotSignedIn("Sign in, or send a bearer token that has not ended.")
    return person


SignedIn = Annotated[Person, Depends(signed_in)]


async def signed_in_or_basic(request: Request) -> Person:
    """FastAPI dependency of map programs that only read: a token may also come as a password.

    QGIS and others know no bearer token. Browsers repeat a password to us by themselves, from any
    page, once somebody has given it to them: so it opens nothing that changes anything, and we
    never ask for one. Raises NotSignedIn, or Forbidden for anything but reading.
    """
    if request.method not in _SAFE_METHODS:
        raise Forbidden("Map programs only read.")
    person = await person_or_none(request)
    if person is None and (token := _basic_password(request)):
        person = await store.person_of_token(app_pool(request), hash_of(token))
    if person is None:
        raise NotSignedIn("Send a token that has not ended, as bearer or as a password.")
    return person


MapReader = Annotated[Person, Depends(signed_in_or_basic)]


async def desk_signed_in(websocket: WebSocket) -> Person:
    """FastAPI dependency of WebSockets: who is signed in, from our own pages or with a token.

    A browser sends its cookie with a WebSocket from any page and CSRF tokens do not exist there,
    so the origin must be exactly ours (S15). Raises NotSignedIn or Forbidden.
    """
    proof = proof_of(websocket)
    if (proof is None or proof.is_session) and websocket.headers.get("origin") != own_origin(
        websocket
    ):
        raise Forbidden("A live channel is opened from our own pages.")
    person = await person_of(websocket)
    if person is None:
        raise NotSignedIn("Sign in, or send a bearer token that has not ended.")
    return person


@dataclass(frozen=True)
class Allowed:
    """Lets people of some roles pass. ``roles`` is read by the documentation and by tests."""

    roles: frozenset[Role]

    async def __call__(self, person: SignedIn) -> Person:
        if person.role not in self.roles:
            raise Forbidden("Your role may not do this.")
        return person


def requires(*roles: Role) -> Any:  # noqa: ANN401 - as FastAPI's own Depends
    """FastAPI dependency: who is signed in, if they have one of these roles."""
    return Dependency(Allowed(frozenset(roles)))


Staff = Annotated[Person, requires(*STAFF)]


def refuse_forgery(request: Request, person: Person) -> None:
    """Raise Forbidden when another site may have made this browser ask (S13)."""
    if request.method in _SAFE_METHODS or person.csrf is None:
        return
    if not secrets.compare_digest(
        request.headers.get(CSRF_HEADER, "").encode(), person.csrf.encode()
    ):
        raise Forbidden(f"The header {CSRF_HEADER} must repeat the csrf value of your session.")


def refuse_other_sites(connection: HTTPConnection) -> None:
    """FastAPI dependency: raise Forbidden for a request that a browser sent from another site.

    For requests without a session, which cannot carry a CSRF token: signing in. Programs that
    are not browsers send neither header and pass.
    """
    origin = connection.headers.get("origin")
    if origin is not None and origin != own_origin(connection):
        raise Forbidden("Sign in from our own pages.")
    if connection.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise Forbidden("Sign in from our own pages.")


def own_origin(connection: HTTPConnection) -> str:
    """The origin under which the browser reached us."""
    secure = connection.url.scheme in ("https", "wss")
    return f"{'https' if secure else 'http'}://{connection.headers.get('host', '')}"


def _basic_password(connection: HTTPConnection) -> str:
    """The password of HTTP Basic, whatever the name; "" where there is none."""
    scheme, _, said = connection.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        return base64.b64decode(said.strip(), validate=True).decode().partition(":")[2]
    except ValueError:
        return ""


def client_address(connection: HTTPConnection) -> Address | None:
    """Where the request came from; None when that is not an address (a Unix socket)."""
    try:
        return ip_address(connection.client.host if connection.client else "")
    except ValueError:
        return None


def cookie_name(settings: Settings) -> str:
    """The session cookie's name; browsers hold ``__Host-`` to Secure, Path=/ and no Domain."""
    return "__Host-vigil_session" if settings.secure_cookies else "vigil_session"
