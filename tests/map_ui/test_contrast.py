"""Colours that are read can be read: WCAG 2.2, by day and by night.

Pairs are (what is read, on what, how much it must stand out): 4.5 for text, 3 for large text and
for the shapes of the map.
"""

import re

import pytest

from map_ui.assets import allowed

_TOKEN = re.compile(r"--([\w-]+): light-dark\((#\w{6}), (#\w{6})\)")

TEXT = 4.5
SHAPE = 3.0

PAIRS = [
    *[(ink, on, TEXT) for ink in ("text", "quiet") for on in ("ground", "panel", "raised")],
    *[("text", f"p{priority}-wash", TEXT) for priority in (1, 2)],
    *[("quiet", f"p{priority}-wash", TEXT) for priority in (1, 2)],
    *[("on-priority", f"p{priority}", TEXT) for priority in range(1, 6)],
    ("on-accent", "accent", TEXT),
    ("on-lost", "lost", TEXT),
    ("danger-text", "panel", TEXT),
    ("danger-text", "ground", TEXT),
    ("map-label", "map-home", TEXT),
    ("map-label", "map-land", TEXT),
    ("focus", "panel", SHAPE),
    ("focus", "raised", SHAPE),
    ("edge-strong", "panel", SHAPE),
    ("edge-strong", "raised", SHAPE),
    *[
        (f"asset-{state}", on, SHAPE)
        for state in ("live", "stale", "silent")
        for on in ("map-home", "map-land", "map-halo")
    ],
    ("accent", "map-halo", SHAPE),
    # What rings on the map has a dark rim, because bright orange on a light map has not enough.
    *[("alarm-rim", f"p{priority}", SHAPE) for priority in range(1, 6)],
]


def _tokens() -> dict[str, tuple[str, str]]:
    text = allowed()["css/tokens.css"].read_text()
    return {name: (day, night) for name, day, night in _TOKEN.findall(text)}


def _luminance(colour: str) -> float:
    """Relative luminance, as WCAG defines it."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("when", ["day", "night"])
@pytest.mark.parametrize(("ink", "on", "least"), PAIRS)
def test_colours_stand_out(ink, on, least, when):
    tokens = _tokens()
    index = ("day", "night").index(when)
    assert contrast(tokens[ink][index], tokens[on][index]) >= least


def test_the_measure_knows_black_on_white():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)
