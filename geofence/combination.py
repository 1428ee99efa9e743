"""Conditions made of conditions: all of them, any of them, not one, or one that lasts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from geofence.condition import CANNOT_SAY, FAILS, HOLDS, Condition, Finding
from geofence.sighting import Sighting


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """The memories of the parts, in their order."""

    parts: tuple[Any, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class All:
    """Holds while every part holds; for a moment if one of them does so."""

    kind: ClassVar[str] = "all"
    of: tuple[Condition[Any], ...]

    def __post_init__(self) -> None:
        _at_least_one(self.of, "all")

    @property
    def persists(self) -> bool:
        """If every part does."""
        return all(part.persists for part in self.of)

    def begin(self) -> Memory:
        return _begin(self.of)

    def step(self, memory: Memory, seen: Sighting) -> tuple[Memory, Finding]:
        after, said = _step_all(self.of, memory, seen)
        if any(each.holds is False for each in said):
            return after, FAILS
        if any(each.holds is None for each in said):
            return after, CANNOT_SAY
        return after, _together(said)

    def due(self, memory: Memory, after: datetime) -> datetime | None:
        return _soonest(self.of, memory, after)

    def zone_ids(self) -> frozenset[str]:
        return _asked(self.of, lambda part: part.zone_ids())

    def companion_ids(self) -> frozenset[str]:
        return _asked(self.of, lambda part: part.companion_ids())


@dataclass(frozen=True, slots=True, kw_only=True)
class AnyOf:
    """Holds while one part holds."""

    kind: ClassVar[str] = "any"
    of: tuple[Condition[Any], ...]

    def __post_init__(self) -> None:
        _at_least_one(self.of, "any")

    @property
    def persists(self) -> bool:
        """If every part does: one that does not could be the one that holds."""
        return all(part.persists for part in self.of)

    def begin(self) -> Memory:
        return _begin(self.of)

    def step(self, memory: Memory, seen: Sighting) -> tuple[Memory, Finding]:
        after, said = _step_all(self.of, memory, seen)
        holding = [each for each in said if each.holds]
        if holding:
            return after, _together(holding)
        return after, CANNOT_SAY if any(each.holds is None for each in said) else FAILS

    def due(self, memory: Memory, after: datetime) -> datetime | None:
        return _soonest(self.of, memory, after)

    def zone_ids(self) -> frozenset[str]:
        return _asked(self.of, lambda part: part.zone_ids())

    def companion_ids(self) -> frozenset[str]:
        return _asked(self.of, lambda part: part.companion_ids())


@dataclass(frozen=True, slots=True, kw_only=True)
class Not:
    """Holds while its part does not."""

    kind: ClassVar[str] = "not"
    of: Condition[Any]

    @property
    def persists(self) -> bool:
        """As its part."""
        return self.of.persists

    def begin(self) -> Memory:
        return _begin((self.of,))

    def step(self, memory: Memory, seen: Sighting) -> tuple[Memory, Finding]:
        after, (said,) = _step_all((self.of,), memory, seen)
        return after, CANNOT_SAY if said.holds is None else FAILS if said.holds else HOLDS

    def due(self, memory: Memory, after: datetime) -> datetime | None:
        return _soonest((self.of,), memory, after)

    def zone_ids(self) -> frozenset[str]:
        return self.of.zone_ids()

    def companion_ids(self) -> frozenset[str]:
        return self.of.companion_ids()


@dataclass(frozen=True, slots=True, kw_only=True)
class LastingMemory:
    """Since when the part has held (Unix seconds), and whether that was long enough already."""

    parts: tuple[Any, ...]
    since_s: float | None = None
    long_enough: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Lasting:
    """Holds once its part has held for ``for_s`` seconds without a break."""

    kind: ClassVar[str] = "lasting"
    of: Condition[Any]
    for_s: float

    def __post_init__(self) -> None:
        if not 0 < self.for_s <= 31 * 86_400:
            raise ValueError("lasting.for_s must be more than 0 seconds and at most 31 days")

    @property
    def persists(self) -> bool:
        """As its part."""
        return self.of.persists

    def begin(self) -> LastingMemory:
        return LastingMemory(parts=(self.of.begin(),))

    def step(self, memory: LastingMemory, seen: Sighting) -> tuple[LastingMemory, Finding]:
        part, said = self.of.step(memory.parts[0], seen)
        since_s, long_enough = memory.since_s, memory.long_enough
        at_s = seen.at.timestamp()
        if said.holds is False:
            since_s, long_enough = None, False
        elif said.holds:
            since_s = at_s if since_s is None else since_s
            if not seen.clock or self.of.persists:
                long_enough = long_enough or at_s - since_s >= self.for_s
        changed = (since_s, long_enough) != (memory.since_s, memory.long_enough)
        if changed or part is not memory.parts[0]:
            memory = LastingMemory(parts=(part,), since_s=since_s, long_enough=long_enough)
        if since_s is None:
            return memory, said
        if not long_enough:
            return memory, FAILS
        return memory, Finding(holds=True, facts=said.facts)

    def due(self, memory: LastingMemory, after: datetime) -> datetime | None:
        inner = self.of.due(memory.parts[0], after)
        if memory.since_s is None or memory.long_enough or not self.of.persists:
            return inner
        enough = datetime.fromtimestamp(memory.since_s, UTC) + timedelta(seconds=self.for_s)
        return earliest(inner, enough if enough > after else None)

    def zone_ids(self) -> frozenset[str]:
        return self.of.zone_ids()

    def companion_ids(self) -> frozenset[str]:
        return self.of.companion_ids()


def earliest(*times: datetime | None) -> datetime | None:
    """The first of these times; None where there is none."""
    return min((each for each in times if each is not None), default=None)


def _at_least_one(of: Sequence[object], kind: str) -> None:
    if not of:
        raise ValueError(f"{kind}.of must name at least one condition")


def _begin(of: Sequence[Condition[Any]]) -> Memory:
    return Memory(parts=tuple(part.begin() for part in of))


def _step_all(
    of: Sequence[Condition[Any]], memory: Memory, seen: Sighting
) -> tuple[Memory, list[Finding]]:
    parts, said, changed = [], [], False
    for part, before in zip(of, memory.parts, strict=True):
        after, finding = part.step(before, seen)
        parts.append(after)
        said.append(finding)
        changed = changed or after is not before
    return (Memory(parts=tuple(parts)) if changed else memory), said


def _together(said: Sequence[Finding]) -> Finding:
    facts: dict[str, Any] = {}
    for each in reversed(said):
        facts.update(each.facts)
    return Finding(holds=True, moment=any(each.moment for each in said), facts=facts)


def _soonest(of: Sequence[Condition[Any]], memory: Memory, after: datetime) -> datetime | None:
    return earliest(
        *(part.due(before, after) for part, before in zip(of, memory.parts, strict=True))
    )


def _asked(
    of: Sequence[Condition[Any]], what: Callable[[Condition[Any]], frozenset[str]]
) -> frozenset[str]:
    return frozenset().union(*(what(part) for part in of))
