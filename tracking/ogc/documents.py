"""What the service says of itself: where it begins, what it conforms to, what it has.

See: OGC 17-069r4. ``base`` is the address of the landing page, without a slash at its end.
"""

from collections.abc import Sequence
from typing import Any, Final

from tracking.ogc.collections import COLLECTIONS, Collection
from tracking.ogc.query import MOST, USUAL

Document = dict[str, Any]

GEOJSON: Final = "application/geo+json"
OPENAPI: Final = "application/vnd.oai.openapi+json;version=3.0"
SCHEMA: Final = "application/schema+json"
CRS84: Final = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"

_CONFORMANCE = "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf"


def link(href: str, rel: str, title: str, media_type: str = "application/json") -> Document:
    """A link as every document has them."""
    return {"href": href, "rel": rel, "type": media_type, "title": title}


def landing(base: str) -> Document:
    """Where everything begins."""
    return {
        "title": "Vigil",
        "description": "Zones, and where assets were last, as far as you may see them.",
        "links": [
            link(base, "self", "This page"),
            link(f"{base}/api", "service-desc", "What can be asked", OPENAPI),
            link(f"{base}/conformance", "conformance", "What this conforms to"),
            link(f"{base}/collections", "data", "What there is"),
        ],
    }


def conformance() -> Document:
    """The parts of the standard that are kept."""
    return {"conformsTo": [f"{_CONFORMANCE}/{part}" for part in ("core", "oas30", "geojson")]}


def collections(base: str) -> Document:
    """Every collection."""
    return {
        "links": [link(f"{base}/collections", "self", "This page")],
        "collections": [collection(base, each) for each in COLLECTIONS.values()],
    }


def collection(base: str, said: Collection) -> Document:
    """One collection."""
    here = f"{base}/collections/{said.name}"
    return {
        "id": said.name,
        "title": said.title,
        "description": said.description,
        "extent": {"spatial": {"bbox": [[-180, -90, 180, 90]], "crs": CRS84}},
        "itemType": "feature",
        "crs": [CRS84],
        "links": [
            link(here, "self", said.title),
            link(f"{here}/items", "items", said.title, GEOJSON),
            link(f"{here}/schema", "describedby", "Its properties", SCHEMA),
        ],
    }


def schema(base: str, said: Collection) -> Document:
    """The properties of a collection's features, so that no program has to guess them."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"{base}/collections/{said.name}/schema",
        "type": "object",
        "title": said.title,
        "properties": {
            "geometry": {"$ref": said.geometry},
            **{name: {"type": kind} for name, kind in said.properties.items()},
        },
    }


def items(
    features: Sequence[Document], *, here: str, next_page: str | None, at: str, collection_at: str
) -> Document:
    """A page of features."""
    links = [
        link(here, "self", "This page", GEOJSON),
        link(collection_at, "collection", "The collection"),
    ]
    if next_page is not None:
        links.append(link(next_page, "next", "The next page", GEOJSON))
    return {
        "type": "FeatureCollection",
        "features": list(features),
        "links": links,
        "timeStamp": at,
        "numberReturned": len(features),
    }


def one_item(feature: Document, *, here: str, collection_at: str) -> Document:
    """One feature."""
    links = [
        link(here, "self", "This feature", GEOJSON),
        link(collection_at, "collection", "The collection"),
    ]
    return {**feature, "links": links}


def openapi(base: str) -> Document:
    """What can be asked here, as OpenAPI 3.0."""
    paths: Document = {
        "/": _operation("getLandingPage", "Where everything begins"),
        "/conformance": _operation("getConformance", "What this conforms to"),
        "/collections": _operation("getCollections", "What there is"),
    }
    for each in COLLECTIONS.values():
        at = f"/collections/{each.name}"
        paths[at] = _operation(f"describe_{each.name}", each.title)
        paths[f"{at}/schema"] = _operation(f"schema_{each.name}", f"{each.title}: properties")
        paths[f"{at}/items"] = _operation(
            f"get_{each.name}",
            each.description,
            parameters=[
                {"$ref": f"#/components/parameters/{name}"}
                for name in ("bbox", "datetime", "limit")
            ],
            media_type=GEOJSON,
        )
        paths[f"{at}/items/{{featureId}}"] = _operation(
            f"get_one_of_{each.name}",
            f"One of {each.title}",
            parameters=[{"$ref": "#/components/parameters/featureId"}],
            media_type=GEOJSON,
        )
    return {
        "openapi": "3.0.3",
        "info": {
            "title": "Vigil: OGC API - Features",
            "version": "1.0.0",
            "description": "Sign in with a token of yours: as bearer, or as a password (Basic).",
        },
        "servers": [{"url": base}],
        "security": [{"bearer": []}, {"basic": []}],
        "paths": paths,
        "components": {
            "parameters": _PARAMETERS,
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "basic": {"type": "http", "scheme": "basic"},
            },
        },
    }


def _operation(
    name: str,
    summary: str,
    parameters: Sequence[Document] = (),
    media_type: str = "application/json",
) -> Document:
    content = {media_type: {"schema": {"type": "object"}}}
    return {
        "get": {
            "operationId": name,
            "summary": summary,
            "parameters": list(parameters),
            "responses": {"200": {"description": summary, "content": content}},
        }
    }


_PARAMETERS: Final[Document] = {
    "bbox": {
        "name": "bbox",
        "in": "query",
        "description": "West, south, east, north in degrees; only what is there.",
        "required": False,
        "schema": {
            "oneOf": [
                {"type": "array", "minItems": 4, "maxItems": 4, "items": {"type": "number"}},
                {"type": "array", "minItems": 6, "maxItems": 6, "items": {"type": "number"}},
            ]
        },
        "style": "form",
        "explode": False,
    },
    "datetime": {
        "name": "datetime",
        "in": "query",
        "description": "A time, or two with a slash between; .. is an open end.",
        "required": False,
        "schema": {"type": "string"},
        "style": "form",
        "explode": False,
    },
    "limit": {
        "name": "limit",
        "in": "query",
        "description": "Features in a page, at most.",
        "required": False,
        "schema": {"type": "integer", "minimum": 1, "maximum": MOST, "default": USUAL},
        "style": "form",
        "explode": False,
    },
    "featureId": {
        "name": "featureId",
        "in": "path",
        "description": "The id of a feature.",
        "required": True,
        "schema": {"type": "string"},
    },
}
