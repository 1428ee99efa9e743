"""What an alarm of a rule says: the rule's own message, or the usual one of its kind."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from map_ui import kind_words
from map_ui.field_words import FACTS
from map_ui.language import translations
from map_ui.local_time import ZONE
from map_ui.names import Words
from map_ui.quantities import UNITS, ending_of
from tracking.rules.kinds import FACTS as KNOWN
from tracking.rules.wording import filled

_TIMES = ("_at", "_since", "_begin")
_OF_ANY = ("asset", "plate", "zone", "at", "date", "since", "lasted", "client", "group", "rule")
"""Facts of every event, those first that people use most."""


def usual_message(kind: str, language: str) -> str:
    """What an alarm of this kind says if nobody wrote anything else, with names in braces."""
    words = translations(language).gettext
    said = kind_words.KINDS.get(kind)
    return words(said.message) if said else words("{asset}: {rule}")


def message_said(
    messages: Mapping[str, str], kind: str, facts: Mapping[str, object], language: str
) -> str:
    """The message of a rule in one language, with its facts."""
    template = messages.get(language) or usual_message(kind, language)
    return filled(template, facts, language=language)


def told_facts(
    facts: Mapping[str, Any],
    *,
    asset: str,
    at: datetime,
    since: datetime | None = None,
    names: Mapping[str, str] | None = None,
) -> dict[str, object]:
    """Facts as a message names them: zones and assets by name, times as the clock here shows them.

    ``names`` are those of other assets, by id; what is missing there is not the reader's to know.
    """
    known = names or {}
    told: dict[str, object] = {
        name: _local(value, at) if name.endswith(_TIMES) else value for name, value in facts.items()
    }
    if "companion" in told:
        told["companion"] = known.get(str(told["companion"]))
    return {
        **told,
        "asset": asset,
        "zone": facts.get("zone_name"),
        "at": _local(at, at),
        "date": at.astimezone(ZONE).strftime("%d/%m/%Y"),
        "since": None if since is None else _local(since, at),
    }


def facts_offered(kinds: Sequence[str], words: Words) -> list[tuple[str, str]]:
    """(what is put into a message, words) of the facts that these kinds tell, with their units."""
    of_kinds = [fact for kind in kinds for fact in kind_words.facts_of(kind)]
    names = dict.fromkeys([*_OF_ANY[:3], *of_kinds, *_OF_ANY[3:]])
    return [
        (f"{{{name}}} {_unit(name)}".strip(), words(FACTS[name])) for name in names if name in KNOWN
    ]


def example_facts(kind: str, language: str) -> Mapping[str, object]:
    """Facts as they could be, so that a message can be read before there is an event."""
    words = translations(language).gettext
    names = {
        "asset": words("Van 3"),
        "zone": words("Depot North"),
        "zone_name": words("Depot North"),
        "client": words("A client"),
        "rule": words("This rule"),
        "cause": kind,
        "companion": words("Truck 14"),
        "signals": words("SOS"),
    }
    return {**_EXAMPLES, **names}


def _local(value: object, today: datetime) -> object:
    """A time as the clock here shows it, with its day if that is another than that of ``today``."""
    try:
        at = datetime.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        return value
    if not isinstance(at, datetime) or at.tzinfo is None:
        return value
    local = at.astimezone(ZONE)
    same = local.date() == today.astimezone(ZONE).date()
    return local.strftime("%H:%M" if same else "%d/%m %H:%M")


def _unit(name: str) -> str:
    ending = ending_of(name)
    return "s" if ending == "s" else UNITS.get(ending, "")


_EXAMPLES: Mapping[str, object] = {
    "plate": "1-ABC-234",
    "group": "A",
    "at": "22:41",
    "date": "24/11/2026",
    "since": "22:39",
    "lasted": "2 min 00 s",
    "speed_kmh": 112.0,
    "limit_kmh": 90.0,
    "top_kmh": 118.0,
    "from_kmh": 64,
    "to_kmh": 0,
    "moved_m": 140,
    "within_m": 50.0,
    "distance_m": 140,
    "battery_pct": 18,
    "power_v": 0.4,
    **dict.fromkeys(
        (
            "parked_since", "stopped_since", "idling_since", "still_since", "ignition_on_since",
            "inside_since", "outside_since", "near_since", "apart_since",
        ),
        "22:39",
    ),
    "local_time": "22:00",
    "inside_s": 1260,
    "outside_s": 90,
    "overdue_s": 1200,
    "unheard_s": 3600,
    "way_m": 820,
    "depth_m": 12.0,
    "accuracy_m": 8.0,
    "empty_at": "23:30",
    "hours_begin": "06:00",
}  # fmt: skip
