"""Rules that are nearly written: what most people want first, to be filled in and changed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_NIGHT: Mapping[str, Any] = {
    "weekly": {day: ["20:00-06:00"] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")}
}


def _(english: str) -> str:
    """Marks words for the catalogues; they are translated when they are said."""
    return english


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadyRule:
    """A rule to begin with. ``icon`` is one of the page's pictures."""

    name: str
    about: str
    icon: str
    setting: Mapping[str, Any]
    severity: int
    kinds: Sequence[str] = ("vehicle",)
    for_s: float = 0.0
    schedule: Mapping[str, Any] | None = None


READY: Mapping[str, ReadyRule] = {
    "leaves-at-night": ReadyRule(
        name=_("Leaves its zone at night"),
        about=_("A vehicle goes while the yard is closed."),
        icon="zone",
        setting={"kind": "zone_left", "zones": []},
        severity=2,
        schedule=_NIGHT,
    ),
    "too-fast": ReadyRule(
        name=_("Too fast"),
        about=_("Well above a limit, and not for one fix only."),
        icon="speed",
        setting={"kind": "overspeed", "limit_kmh": 120},
        severity=4,
        for_s=30,
    ),
    "early-open": ReadyRule(
        name=_("Used before opening"),
        about=_("Ignition or movement outside the hours of the vehicle."),
        icon="clock",
        setting={"kind": "out_of_hours"},
        severity=2,
    ),
    "lone-worker-still": ReadyRule(
        name=_("Lone worker does not move"),
        about=_("No step and no movement for minutes: somebody may be lying there."),
        icon="person",
        setting={"kind": "still", "for_s": 180},
        severity=1,
        kinds=("lone_worker",),
    ),
    "towed": ReadyRule(
        name=_("Towed or carried away"),
        about=_("It goes with its ignition off, or is not where it was parked."),
        icon="tow",
        setting={"kind": "any", "of": [{"kind": "towed"}, {"kind": "moved_while_parked"}]},
        severity=2,
    ),
    "not-back": ReadyRule(
        name=_("Not back in time"),
        about=_("At a time of the day it is not where it belongs."),
        icon="home",
        setting={"kind": "not_back", "zones": []},
        severity=3,
    ),
    "stays-away": ReadyRule(
        name=_("Stays too long"),
        about=_("In a zone for longer than the work takes."),
        icon="zone",
        setting={"kind": "dwelled", "zones": []},
        severity=4,
    ),
    "off-corridor": ReadyRule(
        name=_("Leaves its corridor"),
        about=_("A transport is not on its agreed way any more."),
        icon="track",
        setting={"kind": "left_corridor", "zones": []},
        severity=2,
    ),
    "no-driver": ReadyRule(
        name=_("Driven without a card"),
        about=_("The ignition is on and nobody has said who drives."),
        icon="person",
        setting={"kind": "driverless"},
        severity=4,
    ),
    "supply-cut": ReadyRule(
        name=_("Supply cut while parked"),
        about=_("The tracker loses its supply and the engine is off."),
        icon="power",
        setting={
            "kind": "all",
            "of": [{"kind": "power_lost"}, {"kind": "not", "of": {"kind": "ignition"}}],
        },
        severity=2,
    ),
    "jammed": ReadyRule(
        name=_("Jammed"),
        about=_("Somebody drowns out satellites or the mobile network."),
        icon="lost",
        setting={"kind": "signalled", "signals": ["jamming"]},
        severity=1,
    ),
    "battery": ReadyRule(
        name=_("Battery will soon be empty"),
        about=_("Before the end of a shift, and not for the night."),
        icon="battery",
        setting={"kind": "battery_trend", "hours": 4},
        severity=5,
        kinds=("lone_worker", "senior"),
    ),
}
"""By the name that stands in an address."""
