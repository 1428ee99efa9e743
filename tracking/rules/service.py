"""Which rules run, with which settings, and how their memory is written down."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from geofence.rules.low_battery import LowBattery
from geofence.rules.panic import Panic
from geofence.rules.tampering import Tampering
from geofence.watch import Watch
from protocols.message import Signal
from tracking.settings import Settings

Rules = tuple[Watch[Any], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleBook:
    """The rules for each kind of device, and for a unit that nobody registered."""

    tracker: Rules
    panic_device: Rules
    stranger: Rules

    def of(self, kind: str) -> Rules:
        """The rules for a device of this kind."""
        return self.panic_device if kind == "panic_device" else self.tracker


def rules_of(settings: Settings) -> RuleBook:
    """The rules that every unit is subject to.

    A device that a person carries has one reason to raise an alarm that it cannot name; so does
    a unit of which we know nothing.
    """
    watch = (
        Tampering(),
        LowBattery(low_pct=settings.low_battery_pct, clear_pct=settings.low_battery_clear_pct),
    )
    anything = Panic(also=frozenset({Signal.UNSPECIFIED}))
    return RuleBook(
        tracker=(Panic(), *watch), panic_device=(anything, *watch), stranger=(anything,)
    )


def remembered(rules: Rules, saved: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Memories as rules understand them, from what was written down.

    A field that a rule no longer has is forgotten; one that is new begins as it begins.
    """
    memories: dict[str, Any] = {}
    for rule in rules:
        if rule.name in saved:
            kind = type(rule.begin())
            fields = kind.__dataclass_fields__
            values = {name: value for name, value in saved[rule.name].items() if name in fields}
            memories[rule.name] = kind(**values)
    return memories


def written(memory: object) -> dict[str, Any]:
    """A memory as JSON values."""
    return asdict(memory)  # type: ignore[call-overload,no-any-return]  # every memory is a dataclass
