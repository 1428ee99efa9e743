"""Routes of OGC API - Features, for programs that draw maps: QGIS, ArcGIS, ogr2ogr.

They have a description of their own (``/ogc/api``) and are not part of the API's.
"""

from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import orjson
from fastapi import APIRouter, Request
from starlette.responses import Response

from tracking import clock
from tracking.database import transaction
from tracking.errors import NotFound
from tracking.ogc import documents
from tracking.ogc.collections import collection_called
from tracking.ogc.documents import GEOJSON, OPENAPI, SCHEMA
from tracking.ogc.query import query_of, refuse_parameters
from tracking.web import paging
from tracking.web.security import AppPool, MapReader, own_origin

router = APIRouter(prefix="/ogc", include_in_schema=False)

_CONTENT_CRS = {"Content-Crs": f"<{documents.CRS84}>"}


@router.get("")
@router.get("/")
async def ogc_landing(request: Request, person: MapReader) -> Response:  # noqa: ARG001 - who asks must be somebody
    """Where everything begins."""
    refuse_parameters(request.query_params.multi_items())
    return _answer(documents.landing(_base(request)))


@router.get("/api")
async def ogc_description(request: Request, person: MapReader) -> Response:  # noqa: ARG001 - as above
    """What can be asked here, as OpenAPI 3.0."""
    return _answer(documents.openapi(_base(request)), OPENAPI)


@router.get("/conformance")
async def ogc_conformance(request: Request, person: MapReader) -> Response:  # noqa: ARG001 - as above
    """The parts of the standard that are kept."""
    refuse_parameters(request.query_params.multi_items())
    return _answer(documents.conformance())


@router.get("/collections")
async def ogc_collections(request: Request, person: MapReader) -> Response:  # noqa: ARG001 - as above
    """Every collection."""
    refuse_parameters(request.query_params.multi_items())
    return _answer(documents.collections(_base(request)))


@router.get("/collections/{name}")
async def ogc_collection(request: Request, person: MapReader, name: str) -> Response:  # noqa: ARG001 - as above
    """One collection."""
    refuse_parameters(request.query_params.multi_items())
    return _answer(documents.collection(_base(request), collection_called(name)))


@router.get("/collections/{name}/schema")
async def ogc_schema(request: Request, person: MapReader, name: str) -> Response:  # noqa: ARG001 - as above
    """The properties of a collection's features."""
    return _answer(documents.schema(_base(request), collection_called(name)), SCHEMA)


@router.get("/collections/{name}/items")
async def ogc_items(request: Request, person: MapReader, name: str, pool: AppPool) -> Response:
    """A page of features, and the way to the next one."""
    collection = collection_called(name)
    said = request.query_params.multi_items()
    query = query_of(said)
    async with transaction(pool, person.reach) as connection:
        found = await collection.page(connection, person, query)
    collection_at = f"{_base(request)}/collections/{collection.name}"
    next_page = None
    if found.more_after is not None:
        others = [(key, value) for key, value in said if key != "cursor"]
        asked = urlencode([*others, ("cursor", paging.cursor(found.more_after))])
        next_page = f"{collection_at}/items?{asked}"
    return _answer(
        documents.items(
            found.features,
            here=f"{collection_at}/items?{urlencode(said)}",
            next_page=next_page,
            at=clock.now().isoformat(),
            collection_at=collection_at,
        ),
        GEOJSON,
        _CONTENT_CRS,
    )


@router.get("/collections/{name}/items/{feature_id}")
async def ogc_item(
    request: Request, person: MapReader, name: str, feature_id: str, pool: AppPool
) -> Response:
    """One feature."""
    collection = collection_called(name)
    refuse_parameters(request.query_params.multi_items())
    try:
        asked = UUID(feature_id)
    except ValueError as error:
        raise NotFound("There is no such feature, or none that you may see.") from error
    async with transaction(pool, person.reach) as connection:
        feature = await collection.one(connection, person, asked)
    collection_at = f"{_base(request)}/collections/{collection.name}"
    return _answer(
        documents.one_item(
            feature, here=f"{collection_at}/items/{asked}", collection_at=collection_at
        ),
        GEOJSON,
        _CONTENT_CRS,
    )


def _base(request: Request) -> str:
    return f"{own_origin(request)}/ogc"


def _answer(
    document: dict[str, Any],
    media_type: str = "application/json",
    headers: dict[str, str] | None = None,
) -> Response:
    return Response(orjson.dumps(document), media_type=media_type, headers=headers)
