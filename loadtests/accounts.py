"""What devices were told is safe, against what is stored: lost, doubled, or never said."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

Times = Mapping[str, Sequence[int]]
"""Device times in ms by unit: a unit never says two records with one time."""


@dataclass(slots=True)
class Verdict:
    """Counts of records, and a few of them by unit and time for whoever has to find out why."""

    acknowledged: int = 0
    stored: int = 0
    lost: int = 0
    doubled: int = 0
    phantom: int = 0
    examples: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        """Whether every promise held."""
        return not (self.lost or self.doubled or self.phantom)

    def add(self, other: "Verdict") -> None:
        """Count another verdict in."""
        self.acknowledged += other.acknowledged
        self.stored += other.stored
        self.lost += other.lost
        self.doubled += other.doubled
        self.phantom += other.phantom
        self.examples = (self.examples + other.examples)[:10]

    def figures(self) -> dict[str, object]:
        """As JSON values."""
        return {
            "acknowledged": self.acknowledged,
            "stored": self.stored,
            "lost": self.lost,
            "doubled": self.doubled,
            "phantom": self.phantom,
            "examples": self.examples,
        }


def judge(what: str, *, said: Times, acknowledged: Times, stored: Times) -> Verdict:
    """Every acknowledged record is stored, each stored one once, and each was said."""
    verdict = Verdict()
    for unit_id in sorted({*said, *stored}):
        there = stored.get(unit_id, ())
        once = set(there)
        safe = set(acknowledged.get(unit_id, ()))
        lost = safe - once
        phantom = once - set(said.get(unit_id, ()))
        doubled = len(there) - len(once)
        verdict.acknowledged += len(safe)
        verdict.stored += len(there)
        verdict.lost += len(lost)
        verdict.phantom += len(phantom)
        verdict.doubled += doubled
        verdict.examples += [f"{what} lost: {unit_id} at {at_ms}" for at_ms in sorted(lost)[:3]]
        verdict.examples += [f"{what} never said: {unit_id} at {at}" for at in sorted(phantom)[:3]]
        if doubled:
            verdict.examples.append(f"{what} doubled: {unit_id}, {doubled} too many")
    verdict.examples = verdict.examples[:10]
    return verdict
