"""Every door of the API: who may pass, and what they find behind it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from tests.tracking.town import Town

EVERYONE = frozenset({"client", "operator", "supervisor", "administrator"})
STAFF = EVERYONE - {"client"}
KEEPERS = STAFF - {"operator"}
DRAWERS = EVERYONE - {"operator"}
ADMINISTRATOR = frozenset({"administrator"})
RULE_SETTERS = KEEPERS | {"client"}

SECRET = "Kwijtgeraakt"
"""In every name of the client whose things others must not see."""

PUBLIC = {
    "POST /api/v1/sessions",
    "GET /api/v1/openapi.json",
    "GET /api/docs",
    "GET /api/docs.css",
    "GET /healthz",
    "GET /readyz",
    "GET /metrics",
}


@dataclass(frozen=True, kw_only=True)
class Door:
    """``roles`` may pass, and those of the same centre or client get ``status``.

    ``foreign`` is what people with one of the roles get who belong elsewhere: 404 where the
    request names a thing, the same status where it is about themselves or a list.
    """

    roles: frozenset[str]
    status: int = 200
    foreign: int = 404
    body: Any = None
    query: str = ""


def about_me(status: int = 200, **other: Any) -> Door:
    return Door(**{"roles": EVERYONE, "status": status, "foreign": status, **other})


FIT = {"device_id": "{free_device_id}", "asset_id": "{asset_id}"}
NEW_ASSET = {"organisation_id": "{organisation_id}", "kind": "vehicle", "name": "New"}
NEW_DEVICE = {
    "organisation_id": "{organisation_id}",
    "unit_id": "{fresh}",
    "codec": "gt06",
    "kind": "tracker",
}
NEW_PERSON = {
    "organisation_id": "{organisation_id}",
    "sign_in": "{fresh}",
    "name": "New",
    "role": "client",
}
REGISTRATION = {
    "unit_id": "{unknown_unit_id}",
    "organisation_id": "{organisation_id}",
    "kind": "tracker",
}
NEW_RULE = {"name": "New", "setting": {"kind": "overspeed", "limit_kmh": 90}}
NEW_ZONE = {
    "organisation_id": "{organisation_id}",
    "name": "New",
    "drawing": {"kind": "circle", "centre": {"lat": 50.85, "lon": 4.35}, "radius_m": 100},
}
NEW_PASSWORD = {"current": "x", "new": "een andere zin 1831"}

DOORS: dict[str, Door] = {
    "GET /api/v1/sessions/current": about_me(),
    "DELETE /api/v1/sessions/current": about_me(204),
    "DELETE /api/v1/sessions": about_me(204),
    "PATCH /api/v1/people/me": about_me(body={"language": "fr"}),
    # Everybody comes with a bearer token here, and these two want a person who is signed in.
    "PUT /api/v1/people/me/password": about_me(403, body=NEW_PASSWORD),
    "POST /api/v1/tokens": about_me(403, body={"name": "More"}),
    "GET /api/v1/tokens": about_me(),
    "DELETE /api/v1/tokens/{token_id}": Door(roles=EVERYONE, status=404),
    "GET /api/v1/organisations": about_me(),
    "POST /api/v1/organisations": about_me(201, roles=ADMINISTRATOR, body={"name": "New"}),
    "GET /api/v1/organisations/{organisation_id}": Door(roles=EVERYONE),
    "PATCH /api/v1/organisations/{organisation_id}": Door(roles=ADMINISTRATOR, body={"name": "X"}),
    "GET /api/v1/people": about_me(roles=ADMINISTRATOR),
    "POST /api/v1/people": Door(roles=ADMINISTRATOR, status=201, body=NEW_PERSON),
    "PATCH /api/v1/people/{person_id}": Door(roles=ADMINISTRATOR, body={"language": "de"}),
    "POST /api/v1/people/{person_id}/password": Door(roles=ADMINISTRATOR),
    "GET /api/v1/assets": about_me(),
    "POST /api/v1/assets": Door(roles=KEEPERS, status=201, body=NEW_ASSET),
    "GET /api/v1/assets/{asset_id}": Door(roles=EVERYONE),
    "PATCH /api/v1/assets/{asset_id}": Door(roles=KEEPERS, body={"note": "x"}),
    "POST /api/v1/assets/{asset_id}/retire": Door(roles=KEEPERS),
    "POST /api/v1/assets/{asset_id}/restore": Door(roles=KEEPERS),
    "GET /api/v1/assets/{asset_id}/position": Door(roles=EVERYONE),
    "GET /api/v1/assets/{asset_id}/card": Door(roles=EVERYONE),
    "GET /api/v1/assets/{asset_id}/track": Door(
        roles=EVERYONE, query="from=2026-03-01T00:00:00Z&to=2026-03-02T00:00:00Z"
    ),
    "GET /api/v1/devices": about_me(),
    "POST /api/v1/devices": Door(roles=KEEPERS, status=201, body=NEW_DEVICE),
    # A file that is no table is refused to whoever may send one.
    "POST /api/v1/devices/import": about_me(422, roles=KEEPERS, body={}),
    "GET /api/v1/devices/{device_id}": Door(roles=EVERYONE),
    "PATCH /api/v1/devices/{device_id}": Door(roles=KEEPERS, body={"model": "x"}),
    "POST /api/v1/devices/{device_id}/retire": Door(roles=KEEPERS),
    "POST /api/v1/devices/{device_id}/restore": Door(roles=KEEPERS),
    # A profile says nothing of anybody; a device's setup and its words do.
    "GET /api/v1/profiles": about_me(roles=STAFF),
    "POST /api/v1/profiles": about_me(201, roles=ADMINISTRATOR, body={"codec": "gt06"}),
    "GET /api/v1/profiles/versions": about_me(404, roles=STAFF, query="codec=watch&model=none"),
    "POST /api/v1/profiles/preview": about_me(
        roles=STAFF, body={"codec": "gt06", "frames": ["7878"]}
    ),
    "GET /api/v1/devices/{device_id}/setup": Door(roles=STAFF),
    "PUT /api/v1/devices/{device_id}/setup": Door(roles=ADMINISTRATOR, body={"secret": "00"}),
    "GET /api/v1/devices/{device_id}/frames": Door(roles=STAFF),
    "GET /api/v1/rules": about_me(),
    "POST /api/v1/rules": Door(
        roles=RULE_SETTERS, status=201, body={**NEW_RULE, "organisation_id": "{organisation_id}"}
    ),
    "GET /api/v1/rules/kinds": about_me(),
    "POST /api/v1/rules/previews": Door(
        roles=RULE_SETTERS,
        status=202,
        body={"setting": NEW_RULE["setting"], "organisation_id": "{organisation_id}"},
    ),
    "GET /api/v1/rules/previews/{preview_id}": Door(roles=EVERYONE),
    "GET /api/v1/rules/previews/{preview_id}/events": Door(roles=EVERYONE),
    "DELETE /api/v1/rules/previews/{preview_id}": Door(roles=RULE_SETTERS, status=204),
    "GET /api/v1/rules/noise": about_me(),
    "POST /api/v1/rules/noise": Door(
        roles=RULE_SETTERS, status=202, body={"rule_id": "{rule_id}", "days": 1}
    ),
    "GET /api/v1/rules/noise/{preview_id}": Door(roles=EVERYONE),
    "GET /api/v1/rules/{rule_id}": Door(roles=EVERYONE),
    "PUT /api/v1/rules/{rule_id}": Door(roles=RULE_SETTERS, body={**NEW_RULE, "based_on": 1}),
    "POST /api/v1/rules/{rule_id}/enable": Door(roles=RULE_SETTERS),
    "POST /api/v1/rules/{rule_id}/disable": Door(roles=RULE_SETTERS),
    "DELETE /api/v1/rules/{rule_id}": Door(roles=RULE_SETTERS, status=204),
    "GET /api/v1/rules/{rule_id}/versions": Door(roles=EVERYONE),
    "GET /api/v1/events": about_me(),
    "GET /api/v1/events/{event_id}": Door(roles=EVERYONE),
    "GET /api/v1/events/{event_id}/why": Door(roles=EVERYONE),
    "GET /api/v1/zones": about_me(),
    "POST /api/v1/zones": Door(roles=DRAWERS, status=201, body=NEW_ZONE),
    # What is no file of shapes is refused to whoever may send one.
    "POST /api/v1/zones/import": about_me(
        422, roles=DRAWERS, query="organisation_id={organisation_id}", body="x"
    ),
    "GET /api/v1/zones/export": about_me(),
    "GET /api/v1/zones/labels": about_me(),
    "GET /api/v1/zones/{zone_id}": Door(roles=EVERYONE),
    "PATCH /api/v1/zones/{zone_id}": Door(roles=DRAWERS, body={"version": 1, "name": "X"}),
    "DELETE /api/v1/zones/{zone_id}": Door(roles=DRAWERS, query="version=1"),
    "GET /api/v1/zones/{zone_id}/versions": Door(roles=EVERYONE),
    "GET /api/v1/zones/{zone_id}/versions/1": Door(roles=EVERYONE),
    "POST /api/v1/zones/{zone_id}/versions/1/restore": Door(
        roles=DRAWERS, status=201, body={"version": 1}
    ),
    "GET /api/v1/areas": about_me(query="search=brus"),
    "GET /ogc": about_me(),
    "GET /ogc/": about_me(),
    "GET /ogc/api": about_me(),
    "GET /ogc/conformance": about_me(),
    "GET /ogc/collections": about_me(),
    "GET /ogc/collections/zones": about_me(),
    "GET /ogc/collections/zones/schema": about_me(),
    "GET /ogc/collections/zones/items": about_me(),
    "GET /ogc/collections/zones/items/{zone_id}": Door(roles=EVERYONE),
    "GET /ogc/collections/last_positions/items": about_me(),
    "GET /ogc/collections/last_positions/items/{asset_id}": Door(roles=EVERYONE),
    "GET /api/v1/fitments": about_me(),
    "POST /api/v1/fitments": Door(roles=KEEPERS, status=201, body=FIT),
    "POST /api/v1/fitments/{fitment_id}/end": Door(roles=KEEPERS, body={}),
    # A unit that nobody registered belongs to nobody: every centre's staff may see it.
    "GET /api/v1/units": about_me(roles=STAFF),
    "GET /api/v1/units/unreadable": about_me(roles=STAFF),
    "POST /api/v1/units/register": Door(roles=STAFF, status=201, body=REGISTRATION),
    "POST /api/v1/units/dismiss": about_me(roles=KEEPERS, body={"unit_id": "{unknown_unit_id}"}),
    "GET /api/v1/audit/location-reads": about_me(roles=KEEPERS),
    "GET /api/v1/positions": about_me(query="west=-180&south=-90&east=180&north=90"),
    "GET /api/v1/positions/nearest": about_me(query="lat=50.85&lon=4.35"),
    "GET /api/v1/alarms": about_me(),
    "GET /api/v1/alarms/close-codes": about_me(),
    "GET /api/v1/alarms/{alarm_id}": Door(roles=EVERYONE),
    "POST /api/v1/alarms/{alarm_id}/acknowledge": Door(roles=STAFF),
    "POST /api/v1/alarms/{acknowledged_alarm_id}/close": Door(
        roles=STAFF, body={"code": "false_user", "note": "Pressed by mistake."}
    ),
    "POST /api/v1/alarms/{alarm_id}/notes": Door(
        roles=STAFF, status=201, body={"note": "Daughter is on her way."}
    ),
}

ELSEWHERE = {"client elsewhere": "client", "administrator elsewhere": "administrator"}
CALLERS = {**dict.fromkeys(sorted(EVERYONE)), **dict.fromkeys(ELSEWHERE)}


def expected(door: Door, caller: str, name: str) -> int:
    """What this caller must get at this door."""
    if caller not in ELSEWHERE:
        if name == "DELETE /api/v1/tokens/{token_id}" and caller == "administrator":
            return 204
        return door.status if caller in door.roles else 403
    return door.foreign if ELSEWHERE[caller] in door.roles else 403


@dataclass
class World:
    """A client whose things others must not see, and somebody of every kind."""

    town: Town
    client: UUID
    tokens: dict[str, str]

    async def things(self) -> dict[str, UUID | str]:
        """One of everything, fresh, belonging to the client."""
        town, pool = self.town, self.town.pool
        fresh = uuid4().hex
        asset, _ = await town.add_asset(self.client, f"{SECRET} {fresh}", kind="senior")
        device = await town.add_device(self.client, f"unit-{fresh}", asset)
        person, _ = await town.add_person(f"{SECRET} {fresh}", organisation=self.client)
        await pool.execute("UPDATE people SET role = 'client' WHERE id = $1", person)
        await pool.execute(
            "INSERT INTO last_positions (asset_id, device_id, at, received_at, geom, valid,"
            " buffered) VALUES ($1, $2, now(), now(), ST_Point(4.35, 50.85, 4326), true, false)",
            asset,
            device,
        )
        await pool.execute(
            "INSERT INTO unknown_units (unit_id, codec, address) VALUES ($1, 'gt06', 'x')", fresh
        )
        rule = await town.add_rule(self.client, f"{SECRET} {fresh}")
        acknowledged = await town.raise_alarm(self.client, asset, notify=False)
        await pool.execute(
            "UPDATE alarms SET state = 'acknowledged', acknowledged_at = now(),"
            " acknowledged_by = $2 WHERE id = $1",
            acknowledged,
            person,
        )
        free = await pool.fetchval(
            "INSERT INTO devices (organisation_id, unit_id, codec, kind)"
            " VALUES ($1, $2, 'gt06', 'tracker') RETURNING id",
            self.client,
            f"free-{fresh}",
        )
        return {
            "fresh": f"new-{fresh}",
            "unknown_unit_id": fresh,
            "organisation_id": self.client,
            "asset_id": asset,
            "zone_id": await town.add_zone(self.client, f"{SECRET} {fresh}"),
            "rule_id": rule,
            "preview_id": await pool.fetchval(
                # One that has lost its process, so that it keeps nobody from starting another.
                "INSERT INTO previews"
                " (organisation_id, created_by, tried, rule_id, from_at, until_at, seen_at)"
                " VALUES ($1, $2, $3, $4, now() - interval '1 day', now(),"
                " now() - interval '1 hour') RETURNING id",
                self.client,
                person,
                {"name": f"{SECRET} {fresh}", "changes": []},
                rule,
            ),
            "event_id": await town.add_event(self.client, rule, asset),
            "device_id": device,
            "free_device_id": free,
            "person_id": person,
            "alarm_id": await town.raise_alarm(self.client, asset, notify=False),
            "acknowledged_alarm_id": acknowledged,
            "fitment_id": await pool.fetchval(
                "SELECT id FROM fitments WHERE device_id = $1", device
            ),
            "token_id": await pool.fetchval(
                "SELECT id FROM api_tokens WHERE person_id = $1", person
            ),
        }


async def build_world(town: Town) -> World:
    """A centre with a client, and another centre with its own."""
    client = await town.add_client(f"{SECRET} client")
    other_client = await town.add_client("Florist")
    other_centre = await town.add_centre("Other centre")
    homes = {
        "client": client,
        "client elsewhere": other_client,
        "administrator elsewhere": other_centre,
    }
    tokens = {
        caller: (
            await town.add_person(
                caller,
                organisation=homes.get(caller, town.centre),
                role=ELSEWHERE.get(caller, caller),
            )
        )[1]
        for caller in CALLERS
    }
    return World(town=town, client=client, tokens=tokens)


def filled(template: Any, things: Mapping[str, UUID | str]) -> Any:
    """The template with the things that it names."""
    if isinstance(template, dict):
        return {key: filled(value, things) for key, value in template.items()}
    return template.format(**things) if isinstance(template, str) else template
