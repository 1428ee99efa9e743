"""What each kind of condition is called, and how it is said in a sentence.

A phrase follows “a vehicle …”; settings stand in it by name. In Dutch and German it is the end of
a subordinate clause. A test holds these tables and the kinds of ``geofence`` together.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from map_ui.field_words import FIELDS, FieldSaid
from map_ui.names import SIGNALS
from tracking.rules.kinds import KindField, catalogue

ZONE_FIELDS = frozenset({"zones"})
INSTANT_FIELDS = frozenset({"by", "starts"})
TIME_FIELDS = frozenset({"at"})
ASSET_FIELDS = frozenset({"companions"})

PLACES, MOVEMENT, USE, PEOPLE, DEVICE, TOGETHER = (
    "places", "movement", "use", "people", "device", "together"
)  # fmt: skip


def _(english: str) -> str:
    """Marks words for the catalogues; they are translated when they are said."""
    return english


FAMILIES: Mapping[str, str] = {
    PLACES: _("Places"),
    MOVEMENT: _("Driving and standing"),
    USE: _("Use of a vehicle"),
    PEOPLE: _("People"),
    DEVICE: _("What the device says"),
    TOGETHER: _("Several together"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Phrase:
    """One way of saying it, for the settings in ``given``: field to the values it may have."""

    words: str
    negated: str
    given: Mapping[str, tuple[object, ...]] = field(default_factory=dict)

    @property
    def names(self) -> list[str]:
        """The settings that stand in it, in English order."""
        return [part.partition(")s")[0] for part in self.words.split("%(")[1:]]


@dataclass(frozen=True, slots=True, kw_only=True)
class KindSaid:
    """A kind as people know it.

    ``message`` is what its alarm says if nobody wrote anything else: names of facts in braces.
    """

    family: str
    title: str
    about: str
    phrases: tuple[Phrase, ...]
    message: str


def phrase_of(kind: str, setting: Mapping[str, Any]) -> Phrase | None:
    """How these settings are said; None for a kind that has no words."""
    if kind not in KINDS:
        return None
    for phrase in KINDS[kind].phrases:
        if all(_value(kind, name, setting) in values for name, values in phrase.given.items()):
            return phrase
    return KINDS[kind].phrases[-1]


def facts_of(kind: str) -> tuple[str, ...]:
    """The facts that the usual message of a kind names, beside those of every event."""
    return FACTS_OF.get(kind, ())


@cache
def fields_of(kind: str) -> tuple[KindField, ...]:
    """The settings of a kind, as the service takes them."""
    return next((each.fields for each in catalogue() if each.name == kind), ())


def default_of(kind: str, name: str) -> Any:  # noqa: ANN401 - whatever the setting is
    """What counts where a setting is left out."""
    return next((each.default for each in fields_of(kind) if each.name == name), None)


def is_needed(kind: str, name: str) -> bool:
    """Whether nothing can be asked without this setting."""
    return any(each.required for each in fields_of(kind) if each.name == name)


def field_said(kind: str, name: str) -> FieldSaid:
    """What a setting of a kind is called."""
    return FIELDS.get(f"{kind}.{name}") or FIELDS[name]


def choices_of(kind: str, name: str) -> tuple[tuple[str, str], ...]:
    """(value, words) of what can be chosen; empty where anything can be written."""
    return CHOICES.get(f"{kind}.{name}", ())


def applies(kind: str, name: str, setting: Mapping[str, Any]) -> bool:
    """Whether a setting has a meaning beside the others."""
    needed = NEEDS.get(f"{kind}.{name}", {})
    return all(_value(kind, other, setting) in values for other, values in needed.items())


def is_in_sentence(kind: str, name: str) -> bool:
    """Whether a setting stands in one of the phrases of its kind, or decides between them."""
    return kind in KINDS and any(
        name in phrase.names or name in phrase.given for phrase in KINDS[kind].phrases
    )


def _value(kind: str, name: str, setting: Mapping[str, Any]) -> object:
    value = setting.get(name, default_of(kind, name))
    return bool(value) if isinstance(value, list | tuple | frozenset) else value


KINDS: Mapping[str, KindSaid] = {
    "zone_left": KindSaid(
        family=PLACES,
        title=_("Leaves a zone"),
        about=_("It was in the zone, and fixes keep saying that it is out."),
        phrases=(Phrase(words=_("leaves %(zones)s"), negated=_("does not leave %(zones)s")),),
        message=_("{asset} has left {zone} and is {distance_m} m outside"),
    ),
    "zone_entered": KindSaid(
        family=PLACES,
        title=_("Enters a zone"),
        about=_("It was outside, and is in the zone."),
        phrases=(Phrase(words=_("enters %(zones)s"), negated=_("does not enter %(zones)s")),),
        message=_("{asset} has entered {zone}"),
    ),
    "zone_crossed": KindSaid(
        family=PLACES,
        title=_("Crosses a zone between two fixes"),
        about=_("Neither fix is in the zone, but the straight way between them is."),
        phrases=(Phrase(words=_("crosses %(zones)s"), negated=_("does not cross %(zones)s")),),
        message=_("{asset} has crossed {zone}"),
    ),
    "inside": KindSaid(
        family=PLACES,
        title=_("Is in a zone"),
        about=_("For as long as it is in the zone, while the zone is open."),
        phrases=(Phrase(words=_("is in %(zones)s"), negated=_("is not in %(zones)s")),),
        message=_("{asset} is in {zone}"),
    ),
    "outside": KindSaid(
        family=PLACES,
        title=_("Is outside its zones"),
        about=_("For as long as it is in none of the zones."),
        phrases=(Phrase(words=_("is outside %(zones)s"), negated=_("is not outside %(zones)s")),),
        message=_("{asset} is outside its zones"),
    ),
    "outside_at": KindSaid(
        family=PLACES,
        title=_("Is outside at a time of day"),
        about=_("The van that should stand in the depot at ten."),
        phrases=(
            Phrase(
                words=_("is not in %(zones)s at %(at)s"),
                negated=_("is in %(zones)s at %(at)s"),
                given={"weekdays": (False,)},
            ),
            Phrase(
                words=_("is not in %(zones)s at %(at)s on %(weekdays)s"),
                negated=_("is in %(zones)s at %(at)s on %(weekdays)s"),
            ),
        ),
        message=_("{asset} is not where it should be at {local_time}"),
    ),
    "dwelled": KindSaid(
        family=PLACES,
        title=_("Stays in a zone too long"),
        about=_("In one of the zones for longer than it should be, while the zone is open."),
        phrases=(
            Phrase(
                words=_("stays in %(zones)s for %(for_s)s"),
                negated=_("does not stay in %(zones)s for %(for_s)s"),
            ),
        ),
        message=_("{asset} stays in {zone} too long"),
    ),
    "not_back": KindSaid(
        family=PLACES,
        title=_("Is not back in time"),
        about=_("Outside its zones after the end of the hours that are set for the asset."),
        phrases=(
            Phrase(
                words=_("is not back in %(zones)s %(grace_s)s after the end of its hours"),
                negated=_("is back in %(zones)s %(grace_s)s after the end of its hours"),
            ),
        ),
        message=_("{asset} is not back in time"),
    ),
    "left_corridor": KindSaid(
        family=PLACES,
        title=_("Leaves its corridor"),
        about=_("It was on its way in the corridor, and is further off than a margin."),
        phrases=(
            Phrase(
                words=_("leaves the corridor %(zones)s"),
                negated=_("keeps to the corridor %(zones)s"),
            ),
        ),
        message=_("{asset} has left its corridor"),
    ),
    "overdue": KindSaid(
        family=PLACES,
        title=_("Has not arrived"),
        about=_("A journey: not seen in any of its zones by a time."),
        phrases=(
            Phrase(
                words=_("has not arrived in %(zones)s by %(by)s"),
                negated=_("has arrived in %(zones)s by %(by)s"),
            ),
        ),
        message=_("{asset} has not arrived in time"),
    ),
    "overspeed": KindSaid(
        family=MOVEMENT,
        title=_("Drives too fast"),
        about=_("Faster than a limit that you set, its own limit, or that of the zone it is in."),
        phrases=(
            Phrase(
                words=_("drives faster than its own limit"),
                negated=_("keeps to its own speed limit"),
                given={"limit": ("asset",)},
            ),
            Phrase(
                words=_("drives faster than the limit of %(zones)s"),
                negated=_("keeps to the speed limit of %(zones)s"),
                given={"limit": ("zone",)},
            ),
            Phrase(
                words=_("drives faster than %(limit_kmh)s"),
                negated=_("does not drive faster than %(limit_kmh)s"),
            ),
        ),
        message=_("{asset} drives {speed_kmh} km/h where {limit_kmh} is allowed"),
    ),
    "moving": KindSaid(
        family=MOVEMENT,
        title=_("Moves"),
        about=_("By its speed, or by what the device says of motion where no speed is said."),
        phrases=(Phrase(words=_("moves"), negated=_("does not move")),),
        message=_("{asset} moves"),
    ),
    "stopped": KindSaid(
        family=MOVEMENT,
        title=_("Stands too long"),
        about=_("It stays in one place, whether its engine runs or not."),
        phrases=(
            Phrase(
                words=_("stands in one place for %(for_s)s"),
                negated=_("does not stand in one place for %(for_s)s"),
            ),
        ),
        message=_("{asset} stands since {stopped_since}"),
    ),
    "idling": KindSaid(
        family=MOVEMENT,
        title=_("Engine idles"),
        about=_("It stands and its ignition is on."),
        phrases=(
            Phrase(
                words=_("stands with its engine running for %(for_s)s"),
                negated=_("does not stand with its engine running for %(for_s)s"),
            ),
        ),
        message=_("{asset} stands with its engine running since {idling_since}"),
    ),
    "harsh_driving": KindSaid(
        family=MOVEMENT,
        title=_("Is driven harshly"),
        about=_("Brakes, speeds up or turns hard, as the device feels it or its speeds tell."),
        phrases=(Phrase(words=_("is driven harshly"), negated=_("is not driven harshly")),),
        message=_("{asset} is driven harshly"),
    ),
    "crashed": KindSaid(
        family=MOVEMENT,
        title=_("Crashes"),
        about=_("As the device feels it; or because it stands at once after going fast."),
        phrases=(Phrase(words=_("crashes"), negated=_("does not crash")),),
        message=_("{asset} has crashed"),
    ),
    "moved_while_parked": KindSaid(
        family=USE,
        title=_("Is moved while parked"),
        about=_("A parked vehicle is not where it was parked any more, and its ignition is off."),
        phrases=(
            Phrase(
                words=_("is moved %(metres)s while parked"),
                negated=_("is not moved %(metres)s while parked"),
            ),
        ),
        message=_("{asset} was moved {moved_m} m while parked"),
    ),
    "towed": KindSaid(
        family=USE,
        title=_("Is towed"),
        about=_("It goes although its ignition is off: somebody tows it or carries it away."),
        phrases=(Phrase(words=_("is towed"), negated=_("is not towed")),),
        message=_("{asset} is towed"),
    ),
    "driverless": KindSaid(
        family=USE,
        title=_("Is driven without a driver's card"),
        about=_("The ignition is on and nobody has shown a card."),
        phrases=(
            Phrase(
                words=_("has its ignition on for %(for_s)s without a driver's card"),
                negated=_("has a driver's card or its ignition off"),
            ),
        ),
        message=_("{asset} is driven without a driver's card since {ignition_on_since}"),
    ),
    "out_of_hours": KindSaid(
        family=USE,
        title=_("Is used outside its hours"),
        about=_("Outside the hours that are set for the vehicle: its ignition is on, or it moves."),
        phrases=(
            Phrase(
                words=_("is used outside its hours"), negated=_("is not used outside its hours")
            ),
        ),
        message=_("{asset} is used outside its hours"),
    ),
    "ignition": KindSaid(
        family=USE,
        title=_("Ignition is on"),
        about=_("As the device last said."),
        phrases=(Phrase(words=_("has its ignition on"), negated=_("has its ignition off")),),
        message=_("The ignition of {asset} is on"),
    ),
    "still": KindSaid(
        family=PEOPLE,
        title=_("Does not move (dead man's switch)"),
        about=_("Neither steps nor motion nor another place. Silence counts as no movement."),
        phrases=(
            Phrase(
                words=_("gives no sign of movement for %(for_s)s"),
                negated=_("gives a sign of movement within %(for_s)s"),
            ),
        ),
        message=_("{asset} has not moved since {still_since}"),
    ),
    "signalled": KindSaid(
        family=DEVICE,
        title=_("Device says a signal"),
        about=_("SOS, fall, jamming, door and whatever else devices notice themselves."),
        phrases=(Phrase(words=_("signals %(signals)s"), negated=_("does not signal %(signals)s")),),
        message=_("{asset}: {signals}"),
    ),
    "power_lost": KindSaid(
        family=DEVICE,
        title=_("Loses its supply"),
        about=_("The device is cut off from the supply that it is wired to."),
        phrases=(Phrase(words=_("loses its supply"), negated=_("has its supply")),),
        message=_("The supply of {asset} is cut"),
    ),
    "battery_low": KindSaid(
        family=DEVICE,
        title=_("Battery is low"),
        about=_("From one level, or from the device's own word, until it is well charged again."),
        phrases=(
            Phrase(
                words=_("has a battery of %(low_pct)s or less"),
                negated=_("has a battery of more than %(low_pct)s"),
            ),
        ),
        message=_("The battery of {asset} is at {battery_pct} %"),
    ),
    "battery_trend": KindSaid(
        family=DEVICE,
        title=_("Battery will soon be empty"),
        about=_("If it goes on falling as it does."),
        phrases=(
            Phrase(
                words=_("has a battery that will be empty within %(hours)s"),
                negated=_("has a battery that lasts longer than %(hours)s"),
            ),
        ),
        message=_("The battery of {asset} will be empty at {empty_at}"),
    ),
    "unheard": KindSaid(
        family=DEVICE,
        title=_("Says nothing"),
        about=_("Longer than you are willing to wait, beside what its contract promises."),
        phrases=(
            Phrase(
                words=_("says nothing for %(for_s)s"),
                negated=_("says something within %(for_s)s"),
            ),
        ),
        message=_("Nothing is heard of {asset}"),
    ),
    "near": KindSaid(
        family=TOGETHER,
        title=_("Is near another"),
        about=_("A patrol and the vehicle it looks for, two who must not meet."),
        phrases=(
            Phrase(
                words=_("is within %(within_m)s of %(companions)s"),
                negated=_("is not within %(within_m)s of %(companions)s"),
            ),
        ),
        message=_("{asset} is {distance_m} m from {companion}"),
    ),
    "apart": KindSaid(
        family=TOGETHER,
        title=_("Is apart from all others"),
        about=_("A worker away from the vehicle, a trailer without its lorry."),
        phrases=(
            Phrase(
                words=_("is more than %(beyond_m)s from %(companions)s"),
                negated=_("is not more than %(beyond_m)s from %(companions)s"),
            ),
        ),
        message=_("{asset} is {distance_m} m from {companion}"),
    ),
    "together": KindSaid(
        family=TOGETHER,
        title=_("Travels with another"),
        about=_("Both come a good way and are near each other all the time: one is followed."),
        phrases=(
            Phrase(
                words=_("travels together with %(companions)s"),
                negated=_("does not travel together with %(companions)s"),
            ),
        ),
        message=_("{asset} travels together with {companion}"),
    ),
}

FACTS_OF: Mapping[str, tuple[str, ...]] = {
    "zone_left": ("distance_m", "outside_s", "inside_s"),
    "zone_entered": ("depth_m",),
    "zone_crossed": ("way_m", "within_s"),
    "outside_at": ("local_time", "distance_m"),
    "dwelled": ("inside_s",),
    "not_back": ("overdue_s", "distance_m"),
    "left_corridor": ("distance_m",),
    "outside": ("distance_m",),
    "overdue": ("overdue_s", "by"),
    "overspeed": ("speed_kmh", "limit_kmh", "top_kmh"),
    "moving": ("speed_kmh",),
    "stopped": ("stopped_since", "within_m"),
    "idling": ("idling_since",),
    "harsh_driving": ("signals", "from_kmh", "to_kmh"),
    "crashed": ("signals", "from_kmh", "stood_after_s"),
    "moved_while_parked": ("moved_m", "parked_since"),
    "towed": ("speed_kmh",),
    "driverless": ("ignition_on_since",),
    "out_of_hours": ("speed_kmh", "ignition", "hours_begin"),
    "still": ("still_since",),
    "signalled": ("signals",),
    "power_lost": ("power_v",),
    "battery_low": ("battery_pct",),
    "battery_trend": ("empty_at", "battery_pct"),
    "unheard": ("unheard_s",),
    "near": ("companion", "distance_m"),
    "apart": ("companion", "distance_m"),
    "together": ("companion", "distance_m"),
}
"""Facts that each kind tells, those first that a message names most often."""

CHOICES: Mapping[str, tuple[tuple[str, str], ...]] = {
    "overspeed.limit": (
        ("set", _("a limit that I set")),
        ("asset", _("its own limit")),
        ("zone", _("the limit of the zone")),
    ),
    "outside_at.weekdays": (
        ("mon", _("Monday")),
        ("tue", _("Tuesday")),
        ("wed", _("Wednesday")),
        ("thu", _("Thursday")),
        ("fri", _("Friday")),
        ("sat", _("Saturday")),
        ("sun", _("Sunday")),
    ),
    "signalled.signals": tuple(sorted(SIGNALS.items(), key=lambda each: each[1])),
}
"""Settings of which only some values are possible, in the words of a form."""

NEEDS: Mapping[str, Mapping[str, tuple[object, ...]]] = {
    "overspeed.zones": {"limit": ("zone",)},
}
"""Settings that have a meaning only where others have these values."""
