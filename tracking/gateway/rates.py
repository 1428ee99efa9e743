"""How much one address, or one unit, may bring in a second."""


class Meter:
    """Counts things by name within whole seconds; forgets at the end of each."""

    def __init__(self) -> None:
        self._second = 0
        self._counts: dict[str, int] = {}

    def count(self, name: str, now: float, number: int = 1) -> int:
        """How many of this name there have been in this second, these included."""
        second = int(now)
        if second != self._second:
            self._second = second
            self._counts = {}
        seen = self._counts.get(name, 0) + number
        self._counts[name] = seen
        return seen
