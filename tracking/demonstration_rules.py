"""The zones that an invented centre and its clients have drawn, and the rules they have set.

Nothing here rings day and night: most rules only note what they notice, as a centre would begin.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from geofence.metric import Place
from tracking.zones.zone import CircleDrawn, CorridorDrawn, Drawing


@dataclass(frozen=True, slots=True, kw_only=True)
class DemonstrationZone:
    """A zone of a client, or of the centre itself (``client`` None)."""

    client: str | None
    name: str
    drawing: Drawing
    labels: tuple[str, ...] = ()
    colour: str = ""
    speed_limit_kmh: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DemonstrationRule:
    """A rule of a client, or of the centre itself; zones by label."""

    client: str | None
    name: str
    setting: Mapping[str, Any]
    severity: int
    for_s: float = 0.0
    schedule: Mapping[str, Any] | None = None
    scope: Mapping[str, Any] = field(default_factory=dict)
    messages: Mapping[str, str] = field(default_factory=dict)
    told: tuple[str, ...] = ("desk", "client")


_NIGHT = {
    "time_zone": "Europe/Brussels",
    "weekly": {day: ["22:00-05:00"] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")},
}


def zones(haulier: str, guards: str) -> tuple[DemonstrationZone, ...]:
    """Zones of these two clients and the centre."""
    return (
        DemonstrationZone(
            client=haulier,
            name="Gent",
            drawing=CircleDrawn(centre=Place(lat=51.05, lon=3.7167), radius_m=4_000.0),
            labels=("stad",),
            colour="#0072b2",
            speed_limit_kmh=50.0,
        ),
        DemonstrationZone(
            client=haulier,
            name="Aalst",
            drawing=CircleDrawn(centre=Place(lat=50.936, lon=4.0355), radius_m=2_500.0),
            labels=("stad",),
            colour="#0072b2",
        ),
        DemonstrationZone(
            client=haulier,
            name="Gent - Aalst - Brussel",
            drawing=CorridorDrawn(
                line=(
                    Place(lat=51.05, lon=3.7167),
                    Place(lat=50.936, lon=4.0355),
                    Place(lat=50.8467, lon=4.3525),
                ),
                width_m=6_000.0,
            ),
            labels=("route",),
            colour="#009e73",
        ),
        DemonstrationZone(
            client=guards,
            name="Namur",
            drawing=CircleDrawn(centre=Place(lat=50.4669, lon=4.8675), radius_m=3_000.0),
            labels=("ville",),
            colour="#d55e00",
        ),
    )


def rules(haulier: str, guards: str) -> tuple[DemonstrationRule, ...]:
    """Rules of these two clients and the centre."""
    return (
        DemonstrationRule(
            client=haulier,
            name="Te snel",
            setting={"kind": "overspeed", "limit_kmh": 110.0},
            for_s=20.0,
            severity=0,
            messages={
                "nl": "{asset} rijdt {speed_kmh} km/u",
                "fr": "{asset} roule à {speed_kmh} km/h",
                "de": "{asset} fährt {speed_kmh} km/h",
                "en": "{asset} drives at {speed_kmh} km/h",
            },
        ),
        DemonstrationRule(
            client=haulier,
            name="In de stad",
            setting={"kind": "zone_entered", "zones": ["label:stad"]},
            severity=0,
        ),
        DemonstrationRule(
            client=haulier,
            name="Beweegt 's nachts met uitgeschakeld contact",
            setting={"kind": "towed"},
            schedule=_NIGHT,
            severity=2,
        ),
        DemonstrationRule(
            client=guards,
            name="Quitte Namur",
            setting={"kind": "zone_left", "zones": ["label:ville"]},
            severity=0,
        ),
        DemonstrationRule(
            client=None,
            name="Werkt alleen en beweegt een uur niet",
            setting={"kind": "still", "for_s": 3_600.0},
            scope={"kinds": ["lone_worker"]},
            severity=2,
            told=("desk",),
        ),
    )
