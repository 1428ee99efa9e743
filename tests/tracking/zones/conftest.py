"""Who draws zones: the centre's supervisor and operator, a client's own people, and strangers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx
import pytest

from tests.tracking.town import Town
from tests.tracking.web import Web

SQUARE = {
    "type": "Polygon",
    "coordinates": [[[4.0, 50.0], [4.1, 50.0], [4.1, 50.1], [4.0, 50.1], [4.0, 50.0]]],
}
POLYGON = {"kind": "polygon", "geometry": SQUARE}
CIRCLE = {"kind": "circle", "centre": {"lat": 50.85, "lon": 4.35}, "radius_m": 150.5}
CORRIDOR = {
    "kind": "corridor",
    "line": [{"lat": 51.0, "lon": 4.4}, {"lat": 51.1, "lon": 4.4}],
    "width_m": 400.0,
}


@dataclass
class Street:
    """A centre with two clients, and the browsers of their people."""

    town: Town
    bakery: UUID
    florist: UUID
    supervisor: httpx.AsyncClient
    operator: httpx.AsyncClient
    baker: httpx.AsyncClient
    gardener: httpx.AsyncClient

    async def draw(
        self,
        drawing: Mapping[str, Any] = CIRCLE,
        *,
        by: httpx.AsyncClient | None = None,
        organisation: UUID | None = None,
        name: str = "Depot",
        **other: Any,
    ) -> dict[str, Any]:
        """A zone of the bakery, unless said otherwise, as the API answers."""
        answer = await (by or self.supervisor).post(
            "/api/v1/zones",
            json={
                "organisation_id": str(organisation or self.bakery),
                "name": name,
                "drawing": drawing,
                **other,
            },
        )
        assert answer.status_code == 201, answer.text
        drawn: dict[str, Any] = answer.json()
        return drawn


@pytest.fixture
async def street(web: Web, town: Town) -> Street:
    bakery = await town.add_client("Bakkerij")
    florist = await town.add_client("Bloemist")

    async def person(name: str, role: str, organisation: UUID | None = None) -> httpx.AsyncClient:
        _, token = await town.add_person(name, organisation=organisation, role=role)
        return web.client(token=token)

    return Street(
        town=town,
        bakery=bakery,
        florist=florist,
        supervisor=await person("Sofie", "supervisor"),
        operator=await person("Omar", "operator"),
        baker=await person("Bart", "client", bakery),
        gardener=await person("Greet", "client", florist),
    )
