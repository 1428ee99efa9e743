"""Files that pages load: our own, the base map's, and a short list from npm packages.

Everything is on an allow-list made when the service starts, so no path is ever joined with what
a browser sent. Texts are compressed once, when first asked for.
"""

import gzip
import hashlib
import mimetypes
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from fastapi import APIRouter, Request, Response
from starlette.exceptions import HTTPException

from map_ui.policy import PAGE_HEADERS
from tracking.places import GEOGRAPHY

_HERE = Path(__file__).parent
_PACKAGES = _HERE.parent / "node_modules"

_VENDOR = {
    "maplibre-gl/maplibre-gl.mjs": "maplibre-gl/dist/maplibre-gl.mjs",
    "maplibre-gl/maplibre-gl-shared.mjs": "maplibre-gl/dist/maplibre-gl-shared.mjs",
    "maplibre-gl/maplibre-gl-worker.mjs": "maplibre-gl/dist/maplibre-gl-worker.mjs",
    "maplibre-gl/maplibre-gl.css": "maplibre-gl/dist/maplibre-gl.css",
    "htmx/htmx.min.js": "htmx.org/dist/htmx.min.js",
    "leaflet/leaflet.js": "leaflet/dist/leaflet.js",
    "leaflet/leaflet.css": "leaflet/dist/leaflet.css",
}
"""Path under /static/vendor to file under node_modules, as ``npm ci`` puts it there."""

_TYPES = {
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
    ".geojson": "application/geo+json",
}

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class _File:
    """One file as it goes over the wire; ``packed`` is its gzip form."""

    content: bytes
    packed: bytes
    media_type: str
    etag: str


@router.api_route("/static/{path:path}", methods=["GET", "HEAD"])
def static_file(path: str, request: Request) -> Response:
    """One file of the allow-list; 304 when the browser has it already."""
    place = allowed().get(path)
    if place is None or not place.is_file():
        raise HTTPException(404)
    file = _read(place, place.stat().st_mtime_ns)
    headers = PAGE_HEADERS | {
        # Modules import each other by plain paths, so a browser asks whether each still holds.
        "Cache-Control": "no-cache",
        "ETag": file.etag,
        "Vary": "Accept-Encoding",
    }
    if request.headers.get("if-none-match") == file.etag:
        return Response(status_code=304, headers=headers)
    if "gzip" in request.headers.get("accept-encoding", ""):
        headers["Content-Encoding"] = "gzip"
        return Response(file.packed, media_type=file.media_type, headers=headers)
    return Response(file.content, media_type=file.media_type, headers=headers)


@cache
def allowed() -> Mapping[str, Path]:
    """Path under /static to the file that answers it."""
    own = _HERE / "static"
    files = {str(path.relative_to(own)): path for path in own.rglob("*") if path.is_file()}
    files |= {f"basemap/{path.name}": path for path in GEOGRAPHY.glob("*.geojson")}
    files |= {f"vendor/{path}": _PACKAGES / source for path, source in _VENDOR.items()}
    return files


def missing() -> list[str]:
    """Files of npm packages that are not there; ``npm ci`` at the project's root brings them."""
    return sorted(path for path, place in allowed().items() if not place.is_file())


@cache
def _read(place: Path, _changed_ns: int) -> _File:
    content = place.read_bytes()
    media_type = _TYPES.get(place.suffix) or mimetypes.guess_type(place.name)[0] or "text/plain"
    return _File(
        content=content,
        packed=gzip.compress(content, 6, mtime=0),
        media_type=media_type,
        etag=f'"{hashlib.sha256(content).hexdigest()[:32]}"',
    )
