"""Events as they come in: filed inside the transaction that keeps their cause.

An event's identity is derived from its rule, its unit and its time, so the same fact met twice —
retransmitted, noticed by the clock and then in a report — is filed once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from geofence.event import Event, Phase
from tracking.alarms.arrivals import Occurrence, Place
from tracking.database import Connection
from tracking.rules.rule import SetRule

_EVENTS = UUID("0f0a4ad6-7a4b-5f3c-9a3e-5d1f0c2b7e44")


@dataclass(frozen=True, slots=True, kw_only=True)
class Noticed:
    """One event of a rule about one asset, ready to be filed."""

    id: UUID
    event: Event
    setting: SetRule
    unit_id: str
    asset_id: UUID
    asset_organisation_id: UUID
    device_id: UUID | None
    received_at: datetime
    place: Place | None = None
    labels: tuple[str, ...] = field(default=())

    @property
    def occurrence(self) -> Occurrence | None:
        """The alarm that it asks for; None where the rule wants none."""
        if (
            self.event.phase is not Phase.BEGAN
            or self.setting.severity == 0
            or "desk" not in self.setting.told
        ):
            return None
        return Occurrence(
            event_id=self.id,
            unit_id=self.unit_id,
            cause=self.event.cause,
            at=self.event.at,
            received_at=self.received_at,
            organisation_id=self.asset_organisation_id,
            asset_id=self.asset_id,
            device_id=self.device_id,
            place=self.place,
            labels=self.labels,
            priority=self.setting.severity,
            rule_id=self.setting.id,
            rule_version=self.setting.version,
        )


def event_id(event: Event, *, unit_id: str, key: str = "") -> UUID:
    """The same for the same fact. ``key`` tells moments apart that happened at one time."""
    when = event.since or event.at
    moment = "" if event.since else key
    return uuid5(_EVENTS, f"{event.rule}\n{unit_id}\n{event.phase}\n{when.isoformat()}\n{moment}")


def rule_failed(setting: SetRule, *, at: datetime) -> Occurrence:
    """The alarm that tells the centre of a rule that cannot judge; once an hour."""
    hour = at.replace(minute=0, second=0, microsecond=0)
    return Occurrence(
        event_id=uuid5(_EVENTS, f"{setting.id}\n{setting.version}\nfailed\n{hour.isoformat()}"),
        unit_id=setting.name,
        cause="rule_failed",
        at=at,
        received_at=at,
        labels=("no_fix",),
    )


async def file(connection: Connection, noticed: Sequence[Noticed]) -> None:
    """File events; one that is known already is left as it is."""
    await connection.executemany(
        """
        INSERT INTO events (id, organisation_id, asset_id, device_id, unit_id, rule_id,
                            rule_version, cause, phase, severity, at, since, fix_at, geom,
                            zone_id, zone_version, facts, late, clock, client_told)
        SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12,
               coalesce($13, known.at),
               coalesce(ST_SetSRID(ST_MakePoint($14, $15), 4326), known.geom),
               $16, $17, $18, $19, $20, $21
        FROM (SELECT) AS one LEFT JOIN last_positions AS known ON known.asset_id = $3
        ON CONFLICT (id) DO NOTHING
        """,
        [_row(each) for each in sorted(noticed, key=lambda each: each.id)],
    )


def _row(noticed: Noticed) -> tuple[Any, ...]:
    event, setting, place = noticed.event, noticed.setting, noticed.place
    zone_id, zone_version = _zone(event.facts)
    return (
        noticed.id,
        setting.organisation_id,
        noticed.asset_id,
        noticed.device_id,
        noticed.unit_id,
        setting.id,
        setting.version,
        event.cause,
        event.phase,
        setting.severity,
        event.at,
        event.since,
        place and place.at,
        place and place.lon,
        place and place.lat,
        zone_id,
        zone_version,
        event.facts,
        event.late,
        event.clock,
        "client" in setting.told,
    )


def _zone(facts: Mapping[str, Any]) -> tuple[UUID | None, int | None]:
    if "zone" not in facts or "zone_version" not in facts:
        return None, None
    return UUID(facts["zone"]), facts["zone_version"]
