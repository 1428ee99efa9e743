"""Routes of files of zones: looking at one, importing it, and writing one."""

import asyncio
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field, StringConstraints
from starlette.responses import Response

from geofence.shapes import LARGEST_RADIUS_M, LARGEST_WIDTH_M
from geofence.zone import ZoneKind
from tracking.database import transaction
from tracking.errors import Forbidden, Invalid, NotFound
from tracking.web.problems import responses
from tracking.web.security import AppPool, SignedIn
from tracking.web.words import Line, Search
from tracking.zones import files, store
from tracking.zones.api import Drawer, box_of
from tracking.zones.candidates import Wishes
from tracking.zones.forms import Label, RemarkShown, shape_shown
from tracking.zones.imports import Filed, import_zones

router = APIRouter(tags=["zones"])

MOST_EXPORTED = 5_000

Format = Literal["geojson", "kml", "gpx", "wkt", "shapefile"]
_SQUARE = "[[[4.35,50.85],[4.36,50.85],[4.36,50.86],[4.35,50.85]]]"
_EXAMPLES: dict[str, str] = {
    "application/geo+json": f'{{"type": "Polygon", "coordinates": {_SQUARE}}}',
    "application/vnd.google-earth.kml+xml": "<kml><Placemark>…</Placemark></kml>",
    "application/gpx+xml": '<gpx><wpt lat="50.85" lon="4.35"><name>Depot</name></wpt></gpx>',
    "text/plain": 'POLYGON ((4.35 50.85, 4.36 50.85, 4.36 50.86, 4.35 50.85))\t{"name": "Depot"}',
    "application/zip": "a zip with zones.shp, zones.dbf, zones.prj …",
}


class CandidateShown(BaseModel):
    """A zone that a feature of the file is, or would be, or what is wrong with it."""

    number: Annotated[int, Field(examples=[1], description="Of the feature in the file.")]
    name: Annotated[str, Field(examples=["Depot Vilvoorde"])]
    problem: Annotated[str, Field(examples=[""], description="Empty for a zone that can be.")]
    kind: ZoneKind | None
    geometry: dict[str, Any] | None
    labels: list[str]
    remarks: list[RemarkShown]
    zone_id: Annotated[UUID | None, Field(description="Once it is filed.")]

    @classmethod
    def of(cls, filed: Filed) -> "CandidateShown":
        """As shown."""
        each, outline = filed.candidate, filed.candidate.outline
        remarks = () if outline is None else outline.remarks
        return cls(
            number=each.number,
            name=each.name,
            problem=each.problem,
            kind=None if outline is None else outline.kind,
            geometry=None if outline is None else shape_shown(outline.shape, tolerance_m=1.0),
            labels=[] if each.said is None else list(each.said.labels),
            remarks=[RemarkShown.model_validate(remark) for remark in remarks],
            zone_id=filed.zone_id,
        )


class ZonesImported(BaseModel):
    """What a file holds, and what became of it."""

    format: Format
    only_tried: bool
    filed: Annotated[int, Field(description="Zones that are filed, or would be.")]
    refused: Annotated[int, Field(description="Features that cannot be zones.")]
    remarks: list[RemarkShown]
    zones: list[CandidateShown]


@router.post(
    "/zones/import",
    summary="Import zones",
    responses=responses(Forbidden, NotFound, Invalid),
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/octet-stream": {
                    "schema": {"type": "string", "format": "binary"},
                    "example": _EXAMPLES["application/geo+json"],
                }
            },
        }
    },
)
async def import_file_of_zones(
    request: Request,
    person: Drawer,
    pool: AppPool,
    *,
    organisation_id: Annotated[UUID, Query(description="Whose the zones will be.")],
    only_try: Annotated[bool, Query(description="Say what would happen; file nothing.")] = False,
    although_some_cannot: Annotated[
        bool, Query(description="File the good ones where others cannot be zones.")
    ] = False,
    format_name: Annotated[
        Format | None, Query(alias="format", description="Absent: by how the file begins.")
    ] = None,
    crs: Annotated[
        str | None,
        StringConstraints(pattern=r"^EPSG:[0-9]{4,6}$"),
        Query(examples=["EPSG:31370"], description="Of its coordinates, if it does not say."),
    ] = None,
    width_m: Annotated[
        float, Query(gt=0, le=LARGEST_WIDTH_M, description="Of a corridor along a line.")
    ] = 50.0,
    radius_m: Annotated[
        float, Query(gt=0, le=LARGEST_RADIUS_M, description="Of a circle around a point.")
    ] = 100.0,
    label: Annotated[list[Label] | None, Query(description="Given to every zone.")] = None,
    name: Annotated[Line, Query(description="Begins the names of those without one.")] = "Zone",
) -> ZonesImported:
    """A file of polygons, lines and points: GeoJSON, KML or KMZ, GPX, WKT, or a zipped shapefile.

    Areas are polygons, lines corridors, points circles. All are filed in one step, or none; with
    `only_try` none is, and the answer tells of each what would be mended and what is wrong.
    """
    wishes = Wishes(width_m=width_m, radius_m=radius_m, labels=tuple(label or ()), name=name)
    read = await files.read_file(
        await request.body(), wishes=wishes, format_name=format_name, crs=crs
    )
    filed = await import_zones(
        pool,
        person,
        read,
        organisation_id=organisation_id,
        only_try=only_try,
        although_some_cannot=although_some_cannot,
    )
    refused = sum(1 for each in filed if each.candidate.problem)
    return ZonesImported.model_validate(
        {
            "format": read.format,
            "only_tried": only_try,
            "filed": len(filed) - refused,
            "refused": refused,
            "remarks": [RemarkShown.model_validate(each) for each in read.remarks],
            "zones": [CandidateShown.of(each) for each in filed],
        }
    )


@router.get(
    "/zones/export",
    summary="Export zones",
    response_class=Response,
    responses={
        200: {
            "description": "A file of the zones.",
            "content": {
                kind: {"schema": {"type": "string"}, "example": example}
                for kind, example in _EXAMPLES.items()
            },
        },
        **responses(Invalid),
    },
)
async def export_zones(
    *,
    person: SignedIn,
    pool: AppPool,
    format_name: Annotated[Format, Query(alias="format")] = "geojson",
    search: Annotated[Search, Query(description="Part of a name, label or organisation.")] = "",
    label: Annotated[Label | None, Query(description="Only with this label.")] = None,
    organisation_id: Annotated[UUID | None, Query(description="Only of it.")] = None,
    bbox: Annotated[str | None, Query(max_length=200, description="W,S,E,N in degrees.")] = None,
) -> Response:
    """The zones in force that I may see, as a file that can be imported again.

    Names, labels, colours, limits, hours and how circles and corridors were drawn come along. A
    shapefile holds 254 bytes of a text; in GPX and shapefiles zones that move are left out.
    """
    async with transaction(pool, person.reach) as connection:
        found = await store.zones(
            connection,
            search=search,
            label=label,
            organisation_id=organisation_id,
            box=None if bbox is None else box_of(bbox),
            most=MOST_EXPORTED + 1,
        )
    if len(found) > MOST_EXPORTED:
        raise Invalid(f"A file may have {MOST_EXPORTED} zones; ask for fewer by label or box.")
    chosen = files.FORMATS[format_name]
    content = await asyncio.to_thread(files.written, found, format_name)
    return Response(
        content,
        media_type=chosen.MEDIA_TYPE,
        headers={"Content-Disposition": f'attachment; filename="zones.{chosen.ENDING}"'},
    )
