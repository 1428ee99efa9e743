"""Noise as people see it: who makes it, how often for nothing, and what would make less of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from tracking.alarms.lifecycle import CloseCode

FALSE: Final = frozenset(
    {
        CloseCode.FALSE_USER,
        CloseCode.FALSE_DEVICE,
        CloseCode.TEST,
        CloseCode.TECHNICAL,
        CloseCode.DUPLICATE,
        CloseCode.NETWORK,
        CloseCode.TRAINING,
    }
)
"""Nobody needed help, and nothing was taken: by mistake, by a fault, or on purpose."""

GENUINE: Final = frozenset(code for code in CloseCode if code.startswith("genuine"))
"""Somebody went there and it was so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleNoise:
    """One rule. Events are those that began; an alarm that repeats is one alarm.

    ``between_s`` is the median time between two of its events; None for fewer than two.
    """

    rule_id: UUID
    rule: str
    enabled: bool
    cause: str
    events: int
    assets: int
    alarms: int
    rings: int
    closed: int
    false: int
    genuine: int
    between_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceNoise:
    """One device, by everything that it made ring; ``causes`` are the three that did so most."""

    unit_id: str
    asset_id: UUID | None
    asset: str | None
    causes: Sequence[str]
    alarms: int
    rings: int
    closed: int
    false: int
    genuine: int
    between_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CauseNoise:
    """One cause that no rule asks for: what every unit is watched for."""

    cause: str
    units: int
    alarms: int
    rings: int
    closed: int
    false: int
    genuine: int
    between_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Noise:
    """Who made most alarms since then, the noisiest first."""

    since: datetime
    rules: Sequence[RuleNoise]
    devices: Sequence[DeviceNoise]
    watches: Sequence[CauseNoise]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One number of a rule, and what it could be instead; ``at`` as ``setting.of.0.margin_m``."""

    at: str
    before: float
    after: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Spared:
    """What one change would have done: events spared, and confirmed alarms that were lost."""

    change: Change
    began: int
    spared: int
    lost: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A rule as it is against itself with other numbers, as far as it has come.

    began      events of the rule as it is, on the same days
    confirmed  its alarms that were closed as real and that this reading finds again
    cut        there was too much to read; the assets that were read are compared
    """

    preview_id: UUID
    rule_id: UUID
    state: str
    share: float
    error: str
    from_at: datetime
    until_at: datetime
    assets: int
    assets_done: int
    cut: bool
    began: int
    confirmed: int
    spared: Sequence[Spared]


def comparison_of(
    counts: Mapping[str, Any], changes: Sequence[Change]
) -> tuple[int, int, list[Spared]]:
    """Events of the rule as it is, confirmed ones found again, and what each change would do.

    The rule as it is was tried under the name "0", its changes under "1", "2" …
    """
    began = {int(name): number for name, number in counts.get("by_rule", {}).items()}
    met = {int(name): set(numbers) for name, numbers in counts.get("met", {}).items()}
    as_it_is, found = began.get(0, 0), met.get(0, set())
    spared = [
        Spared(
            change=change,
            began=began.get(number, 0),
            spared=as_it_is - began.get(number, 0),
            lost=len(found - met.get(number, set())),
        )
        for number, change in enumerate(changes, start=1)
        if number in began
    ]
    # What loses nothing comes first, however much more another would spare.
    return as_it_is, len(found), sorted(spared, key=lambda each: (each.lost, -each.spared))
