"""The web application: what is open while it runs, and which routes it has."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

import tracking.alarms.api
import tracking.api.docs
import tracking.api.health
import tracking.audit.api
import tracking.events.api
import tracking.events.noise.api
import tracking.fleet.api
import tracking.fleet.imports_api
import tracking.fleet.quarantine_api
import tracking.live
import tracking.ogc.api
import tracking.people.accounts_api
import tracking.people.api
import tracking.places
import tracking.positions.api
import tracking.profiles.api
import tracking.rules.api
import tracking.rules.previews.api
import tracking.zones.api
import tracking.zones.files_api
from tracking.api.examples import give_examples
from tracking.database import open_pool
from tracking.errors import Invalid, NotSignedIn, Unavailable
from tracking.people.passwords import Passwords
from tracking.rules.previews.runner import open_runner
from tracking.settings import Settings
from tracking.settings import settings as settings_of_process
from tracking.web.envelope import Envelope
from tracking.web.problems import Problem, answer_with_problems, responses

POOL_SIZE = 12
STATEMENT_TIMEOUT_S = 5.0
"""A question that takes longer is refused: alarms are on the same database (S21)."""

DESCRIPTION = """
Everything the desk does can be done here.

**Signing in.** People open a session (`POST /api/v1/sessions`) and are known by its cookie; unsafe
methods then repeat the session's `csrf` in the header `X-CSRF-Token`. Machines send
`Authorization: Bearer …` with a token that a person made (`POST /api/v1/tokens`).

**Seeing.** A client sees its own assets; people of the centre see those of all its clients. What
one may not see answers 404, as if it did not exist.

**Live.** The WebSocket `/api/v1/live?after=N` tells every change of an alarm after change N, and
positions as they come; a browser opens it from our own pages, a machine with its bearer token.

**Times** are ISO 8601 in UTC. **Lists** give `{"items": […], "next": cursor}`; ask again with
`?cursor=` until `next` is null. **Errors** are problem documents (RFC 9457).
"""


def create_app(settings: Settings | None = None) -> FastAPI:
    """The application; it opens its connections when it starts (ASGI lifespan)."""
    settings = settings or settings_of_process()
    app = FastAPI(
        title="Vigil",
        version="1",
        summary="GPS track-and-trace and personal alarms for security operations centres",
        description=DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/v1/openapi.json",
        generate_unique_id_function=_operation_id,
        lifespan=_open_house,
    )
    app.state.settings = settings
    app.add_middleware(Envelope, settings=settings)
    answer_with_problems(app)
    app.include_router(_routes_of_version_1())
    app.include_router(tracking.ogc.api.router)
    app.include_router(tracking.api.docs.router)
    app.include_router(tracking.api.health.router)
    app.openapi = lambda: _described(app)  # type: ignore[method-assign] # FastAPI's own way
    return app


@asynccontextmanager
async def _open_house(app: FastAPI) -> AsyncIterator[None]:
    """What is open while the application serves: the pool, the password threads, the live hub."""
    settings: Settings = app.state.settings
    # least=0: an API that starts while PostgreSQL is away says so, rather than not starting.
    pool = await open_pool(
        settings, "app", size=POOL_SIZE, least=0, statement_timeout_s=STATEMENT_TIMEOUT_S
    )
    passwords = Passwords()
    app.state.pool = pool
    app.state.passwords = passwords
    try:
        await asyncio.to_thread(tracking.places.read_atlas)
        async with tracking.live.open_hub(settings, pool) as hub, open_runner(pool) as runner:
            app.state.live = hub
            app.state.previews = runner
            yield
    finally:
        passwords.close()
        try:
            async with asyncio.timeout(5):
                await pool.close()
        except TimeoutError:
            pool.terminate()


def _routes_of_version_1() -> APIRouter:
    api = APIRouter(prefix="/api/v1", responses=responses(Invalid, Unavailable))
    api.include_router(tracking.people.api.public)
    private = APIRouter(responses=responses(NotSignedIn))
    private.include_router(tracking.people.api.router)
    private.include_router(tracking.people.accounts_api.router)
    private.include_router(tracking.fleet.imports_api.router)
    private.include_router(tracking.fleet.api.router)
    private.include_router(tracking.fleet.quarantine_api.router)
    private.include_router(tracking.audit.api.router)
    private.include_router(tracking.positions.api.router)
    private.include_router(tracking.alarms.api.router)
    private.include_router(tracking.profiles.api.router)
    private.include_router(tracking.zones.files_api.router)
    private.include_router(tracking.zones.api.router)
    private.include_router(tracking.rules.previews.api.router)
    private.include_router(tracking.events.noise.api.router)
    private.include_router(tracking.rules.api.router)
    private.include_router(tracking.events.api.router)
    private.include_router(tracking.live.router)
    api.include_router(private)
    return api


def _operation_id(route: APIRoute) -> str:
    """A route's function name is its operation id: names for generated clients."""
    return route.name


def _described(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document; FastAPI's own picture of a 422 gives way to our problem document."""
    if app.openapi_schema is None:
        document = get_openapi(
            title=app.title,
            version=app.version,
            summary=app.summary,
            description=app.description,
            routes=app.routes,
        )
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        schemas.pop("HTTPValidationError", None)
        schemas.pop("ValidationError", None)
        schema = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas.update(schema.pop("$defs"), Problem=schema)
        give_examples(document)
        app.openapi_schema = document
    return app.openapi_schema
