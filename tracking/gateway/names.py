"""Names from the wire, as we keep them."""

_LONGEST = 100


def clean(unit_id: str) -> str:
    """A name that can be stored: bounded, and valid UTF-8."""
    return unit_id[:_LONGEST].encode("utf-8", "replace").decode().replace("\0", "")


def unnamed(address: str) -> str:
    """What an alarm calls a unit that never said its name."""
    return f"unnamed@{address}"
