"""Which MQTT topics are read, what speaks on them, and which level of a topic names the unit."""

from collections.abc import Mapping
from dataclasses import dataclass

import protocols
from protocols.codec import Codec

_UNIT = "{unit}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """One topic filter, as the broker knows it. ``unit`` is the level that names the unit."""

    levels: tuple[str, ...]
    codec: Codec
    unit: int | None

    @property
    def subscription(self) -> str:
        """The filter as a broker is told."""
        return "/".join(self.levels)

    def unit_of(self, topic: str) -> str | None:
        """The unit that a topic names, "" where its codec finds it; None: not one of these."""
        levels = topic.split("/")
        for place, wanted in enumerate(self.levels):
            if wanted == "#":
                break
            if place >= len(levels) or wanted not in {"+", levels[place]}:
                return None
        else:
            if len(levels) > len(self.levels):
                return None
        return "" if self.unit is None else levels[self.unit]


def filters(topics: Mapping[str, str]) -> list[Filter]:
    """The filters of the settings: topic filter → codec. Raises ValueError for what cannot be."""
    found = []
    for wanted, name in topics.items():
        levels = wanted.split("/")
        if name not in protocols.names():
            raise ValueError(f"VIGIL_MQTT_TOPICS: {wanted} speaks {name!r}, which we do not")
        if "#" in levels[:-1] or levels.count(_UNIT) > 1 or not all(levels):
            raise ValueError(f"VIGIL_MQTT_TOPICS: {wanted!r} is no topic filter")
        found.append(
            Filter(
                levels=tuple("+" if level == _UNIT else level for level in levels),
                codec=protocols.get(name),
                unit=levels.index(_UNIT) if _UNIT in levels else None,
            )
        )
    return found
