"""What the settings of conditions and the facts of events are called.

A setting is looked up as ``kind.setting`` first and then by its name alone. A test holds these
tables and the kinds of ``geofence`` together.
"""

from collections.abc import Mapping
from dataclasses import dataclass


def _(english: str) -> str:
    """Marks words for the catalogues; they are translated when they are said."""
    return english


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldSaid:
    """What a form calls a setting, and a sentence for whoever hesitates; "" where none is due."""

    label: str
    help: str = ""


FIELDS: Mapping[str, FieldSaid] = {
    "zones": FieldSaid(label=_("Zones")),
    "overspeed.zones": FieldSaid(
        label=_("Zones whose limits count"), help=_("None chosen: every zone that has a limit.")
    ),
    "margin_m": FieldSaid(
        label=_("Margin"), help=_("So far beyond its edge one is out; nearer is doubt.")
    ),
    "settle_s": FieldSaid(
        label=_("Out at once after"),
        help=_("A fix that says so this long after the first settles it alone."),
    ),
    "outside_at.at": FieldSaid(label=_("At")),
    "outside_at.weekdays": FieldSaid(label=_("On"), help=_("None chosen: every day.")),
    "outside_at.time_zone": FieldSaid(label=_("Time zone")),
    "companions": FieldSaid(label=_("The others"), help=_("Assets of the same client or centre.")),
    "beyond_m": FieldSaid(label=_("Further than")),
    "near.within_m": FieldSaid(label=_("Nearer than")),
    "together.within_m": FieldSaid(label=_("Near each other within")),
    "near.margin_m": FieldSaid(label=_("Over once further by")),
    "apart.margin_m": FieldSaid(label=_("Over once nearer by")),
    "together.margin_m": FieldSaid(label=_("Over once further by")),
    "near.settle_s": FieldSaid(label=_("Settled after")),
    "apart.settle_s": FieldSaid(label=_("Settled after")),
    "together.settle_s": FieldSaid(label=_("Settled after")),
    "stale_s": FieldSaid(
        label=_("Fix at most this old"), help=_("Of an older one nobody can say where it is now.")
    ),
    "together.moved_m": FieldSaid(label=_("Both came at least"), help=_("Of the way they share.")),
    "together.moved_s": FieldSaid(label=_("In each")),
    "grace_s": FieldSaid(label=_("Grace"), help=_("So much later is still in time.")),
    "overdue.by": FieldSaid(label=_("By"), help=_("By the clock in Brussels.")),
    "overdue.starts": FieldSaid(
        label=_("Leaves at"),
        help=_("What it was in before that is no arrival: for ways that end where they began."),
    ),
    "zone_crossed.within_s": FieldSaid(
        label=_("Fixes at most apart"), help=_("Between others nobody can say where it went.")
    ),
    "for_s": FieldSaid(label=_("For how long")),
    "still.for_s": FieldSaid(
        label=_("For how long"), help=_("From 30 seconds. A device that is not heard counts too.")
    ),
    "within_m": FieldSaid(
        label=_("Stays within"), help=_("A fix further off than this, and surely so, has left.")
    ),
    "moving_kmh": FieldSaid(label=_("Moves from"), help=_("Slower than this it stands.")),
    "standing_kmh": FieldSaid(label=_("Stands again at"), help=_("Below the speed it moves from.")),
    "settle": FieldSaid(
        label=_("Fixes in a row"), help=_("More of them: fewer false alarms, and later ones.")
    ),
    "power_lost.settle": FieldSaid(
        label=_("Readings in a row"), help=_("More of them: fewer false alarms, and later ones.")
    ),
    "overspeed.limit": FieldSaid(label=_("Which limit")),
    "limit_kmh": FieldSaid(
        label=_("Limit"), help=_("Also counts where an asset or zone has no limit of its own.")
    ),
    "tolerance_kmh": FieldSaid(
        label=_("Tolerance"), help=_("So much more than the limit is let pass.")
    ),
    "ease_kmh": FieldSaid(
        label=_("Over once slower by"), help=_("So that one who hovers at the limit is one event.")
    ),
    "braking": FieldSaid(label=_("Braking counts")),
    "acceleration": FieldSaid(label=_("Speeding up counts")),
    "cornering": FieldSaid(label=_("Turning counts")),
    "quiet_s": FieldSaid(
        label=_("Not again within"), help=_("What is said again so soon is the same event.")
    ),
    "braking_kmh_s": FieldSaid(
        label=_("Hard braking from"),
        help=_("Speed lost each second, by fixes; 10 is hard. Empty: only what the device feels."),
    ),
    "acceleration_kmh_s": FieldSaid(
        label=_("Hard speeding up from"),
        help=_("Speed gained each second, by fixes. Empty: only what the device feels."),
    ),
    "from_kmh": FieldSaid(
        label=_("Crash by speed, from"),
        help=_("Who stands at once after going so fast has crashed. Empty: only what it feels."),
    ),
    "within_s": FieldSaid(label=_("Stands within")),
    "metres": FieldSaid(label=_("How far"), help=_("Beyond what both fixes may be wrong by.")),
    "parked_s": FieldSaid(
        label=_("Parked after"),
        help=_("How long it stands to be parked, if it does not speak of its ignition."),
    ),
    "apart_m": FieldSaid(label=_("How far apart"), help=_("Two fixes while it is towed.")),
    "stand_s": FieldSaid(label=_("Over once it stood for")),
    "before_s": FieldSaid(
        label=_("Card shown before"), help=_("A card shown so long before counts.")
    ),
    "driverless.for_s": FieldSaid(label=_("Time to show the card")),
    "least_steps": FieldSaid(label=_("Steps that are movement")),
    "by_motion": FieldSaid(
        label=_("Motion counts"), help=_("Not where machines shake the device.")
    ),
    "while_charging": FieldSaid(
        label=_("Also while charging"), help=_("A device in its charger is on nobody.")
    ),
    "signals": FieldSaid(label=_("Signals")),
    "below_v": FieldSaid(label=_("Lost below")),
    "above_v": FieldSaid(label=_("Back from")),
    "low_pct": FieldSaid(label=_("Low from")),
    "clear_pct": FieldSaid(label=_("Well again from")),
    "hours": FieldSaid(label=_("Empty within")),
}

FACTS: Mapping[str, str] = {
    "asset": _("Name of the asset"),
    "plate": _("Plate"),
    "group": _("Group"),
    "client": _("Client"),
    "rule": _("Name of the rule"),
    "cause": _("Cause"),
    "zone": _("Zone"),
    "at": _("Time"),
    "date": _("Date"),
    "since": _("Since"),
    "lasted": _("How long"),
    "zone_name": _("Name of the zone"),
    "zone_version": _("Version of the zone"),
    "zones": _("Zones"),
    "accuracy_m": _("Accuracy"),
    "distance_m": _("Distance"),
    "depth_m": _("How far inside"),
    "inside_s": _("Time inside"),
    "outside_s": _("Time outside"),
    "overdue_s": _("Overdue"),
    "within_s": _("Between two fixes"),
    "way_m": _("Way between two fixes"),
    "local_time": _("Time of day"),
    "stood_after_s": _("Stood after"),
    "unheard_s": _("Not heard for"),
    "companion": _("The other"),
    "companions": _("The others"),
    "speed_kmh": _("Speed"),
    "limit_kmh": _("Limit"),
    "top_kmh": _("Highest speed"),
    "from_kmh": _("Speed before"),
    "to_kmh": _("Speed after"),
    "moved_m": _("Moved by"),
    "within_m": _("Stays within"),
    "parked_since": _("Parked since"),
    "stopped_since": _("Stands since"),
    "idling_since": _("Engine runs since"),
    "still_since": _("Not moved since"),
    "ignition_on_since": _("Ignition on since"),
    "ignition": _("Ignition"),
    "hours_begin": _("Its hours begin"),
    "empty_at": _("Empty at"),
    "battery_pct": _("Battery"),
    "power_v": _("Supply voltage"),
    "signals": _("Signals"),
    "by": _("By"),
}
"""What the facts of an event are called, in a table and on the chips of a message."""
