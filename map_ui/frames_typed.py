"""Frames that somebody pastes in hexadecimal, one a line, from a log or a maker's document."""

import re

from map_ui.names import Words

MOST_FRAMES = 50
_MOST_BYTES = 10_000


def frames_typed(text: str, words: Words) -> list[bytes]:
    """The frames. Spaces, colons, commas and 0x do not matter. Raises ValueError in words."""
    frames = []
    lines = [line for line in text.splitlines() if line.strip()]
    if len(lines) > MOST_FRAMES:
        raise ValueError(words("At most %(number)s frames at a time.") % {"number": MOST_FRAMES})
    for line in lines:
        digits = re.sub(r"[\s:,;-]|0x", "", line.strip().lower())
        try:
            frame = bytes.fromhex(digits)
        except ValueError:
            said = words("%(line)s is not hexadecimal: two of 0 to 9 and a to f for each byte.")
            raise ValueError(said % {"line": _short(line)}) from None
        if len(frame) > _MOST_BYTES:
            raise ValueError(
                words("A frame has at most %(number)s bytes.") % {"number": _MOST_BYTES}
            )
        frames.append(frame)
    return frames


def _short(line: str) -> str:
    text = line.strip()
    return text if len(text) <= 40 else f"{text[:40]}…"
