"""A report in the making, and the numbers that everything here is made of."""

from protocols.message import CellTower, Readings, Signal, WifiNetwork
from protocols.settings import DeviceSettings


class Draft:
    """A report in the making: items add to it in the order in which they come."""

    __slots__ = ("cells", "other", "readings", "settings", "signals", "wifi")

    def __init__(self, settings: DeviceSettings) -> None:
        self.settings = settings
        self.signals: frozenset[Signal] = frozenset()
        self.readings: Readings = {}
        self.cells: list[CellTower] = []
        self.wifi: list[WifiNetwork] = []
        self.other: dict[str, object] = {}

    def signal(self, code: str, usual: Signal | None) -> None:
        """What ``code`` says on this device; ``usual`` unless it was set otherwise."""
        self.signals |= self.settings.meaning(code, frozenset({usual} if usual else ()))


def number(value: bytes) -> int:
    return int.from_bytes(value, "big")


def signed(value: bytes) -> int:
    return int.from_bytes(value, "big", signed=True)
