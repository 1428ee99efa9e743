"""The map of a day report, drawn by folium with nothing from outside the house.

folium's own page links its scripts and styles on other people's servers, and its popups are HTML.
So the figure and the map here link nothing, the land is ours, and words reach the browser only as
JSON that becomes the text of an element. folium compiles what its elements have drawn as a
template *once more*, so words must not bring braces of their own: see ``_json``.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import folium
from branca.element import Figure, MacroElement
from folium.features import DivIcon
from folium.map import FitBounds, Marker
from folium.template import Template
from folium.vector_layers import CircleMarker, PolyLine

from map_ui.land import Land
from tracking.positions.position import TrackPoint

GAP_S = 300.0
"""Longer than this without a position is drawn as a gap, as at the desk: nobody knows the way."""

_TRACK, _GROUND, _EDGE, _DARK = "#0b6aa8", "#fafaf7", "#b9c3c9", "#13202a"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A numbered place on the map; ``words`` are shown beside it as text."""

    number: int
    lat: float
    lon: float
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """A map as two pieces of a page: its HTML, and the script that draws it."""

    html: str
    script: str


def draw(
    points: Sequence[TrackPoint], marks: Sequence[Mark], land: Land, *, start: str, end: str
) -> Drawing:
    """Draw a track in order of time, and marks, on land. ``start`` and ``end`` are words."""
    figure = _OwnFigure()
    chart = _OwnMap(
        location=_middle(land),
        tiles=None,
        zoom_snap=0.25,
        max_bounds=True,
        min_lat=land.box.south,
        max_lat=land.box.north,
        min_lon=land.box.west,
        max_lon=land.box.east,
        attribution_control=False,
    )
    figure.add_child(chart)
    chart.add_child(_Land(land))
    for gap, line in _lines(points):
        style = {"weight": 2, "dash_array": "4 7"} if gap else {"weight": 4}
        path = PolyLine(  # type: ignore[no-untyped-call] # folium is typed in part
            line, color=_TRACK, opacity=0.6 if gap else 0.9, **style
        )
        chart.add_child(path)
    for point, words, fill in _ends(points, start, end):
        circle = CircleMarker(
            (point.lat, point.lon), radius=7, color=_DARK, weight=2, fill_color=fill, fill_opacity=1
        )
        _Words(words).add_to(circle)
        chart.add_child(circle)
    for mark in marks:
        icon = DivIcon(html=str(mark.number), icon_size=(26, 26), class_name="report-mark")
        marker = Marker((mark.lat, mark.lon), icon=icon)
        _Words(mark.words).add_to(marker)
        chart.add_child(marker)
    shown = [(point.lat, point.lon) for point in points] + [(mark.lat, mark.lon) for mark in marks]
    bounds = (min(lat for lat, _ in shown), min(lon for _, lon in shown)) if shown else None
    if bounds is None:
        chart.add_child(FitBounds(land.box.corners))
    else:
        far = (max(lat for lat, _ in shown), max(lon for _, lon in shown))
        chart.add_child(FitBounds((bounds, far), padding=(40, 40), max_zoom=13))
    return figure.drawn()


def _middle(land: Land) -> tuple[float, float]:
    (south, west), (north, east) = land.box.corners
    return (south + north) / 2, (west + east) / 2


def _lines(points: Sequence[TrackPoint]) -> list[tuple[bool, list[tuple[float, float]]]]:
    """Lines of (lat, lon); True for the gaps between them."""
    lines: list[tuple[bool, list[tuple[float, float]]]] = []
    for before, after in pairwise(points):
        gap = (after.at - before.at).total_seconds() > GAP_S
        if gap or not lines or lines[-1][0]:
            lines.append((gap, [(before.lat, before.lon)]))
        lines[-1][1].append((after.lat, after.lon))
    return lines


def _ends(points: Sequence[TrackPoint], start: str, end: str) -> list[tuple[TrackPoint, str, str]]:
    if not points:
        return []
    return [(points[0], start, "#ffffff"), (points[-1], end, _TRACK)]


class _OwnFigure(Figure):
    """folium's figure as pieces for a page of ours, instead of a page of its own."""

    def drawn(self) -> Drawing:
        """Let the children say their HTML and script, and take both."""
        for child in self._children.values():
            child.render()
        return Drawing(html=self.html.render(), script=self.script.render())


class _OwnMap(folium.Map):
    """folium's map without its links, styles and switches."""

    default_js: list[tuple[str, str]] = []  # noqa: RUF012 - as folium declares it
    default_css: list[tuple[str, str]] = []  # noqa: RUF012 - as folium declares it
    _template = Template(
        """
        {% macro html(this, kwargs) %}
        <div class="report-map" id="{{ this.get_name() }}"></div>
        {% endmacro %}
        {% macro script(this, kwargs) %}
        const {{ this.get_name() }} = L.map({{ this.get_name()|tojson }}, {
          center: {{ this.location|tojson }},
          maxBoundsViscosity: 1,
          ...{{ this.options|tojavascript }}
        });
        L.control.scale({ imperial: false }).addTo({{ this.get_name() }});
        {% endmacro %}
        """
    )


class _Land(MacroElement):
    """Countries, cantons and the names of places under everything else."""

    _template = Template(
        """
        {% macro script(this, kwargs) %}
        for (const [shapes, style] of {{ this.layers|tojson }}) {
          L.geoJSON(shapes, { style, interactive: false }).addTo({{ this._parent.get_name() }});
        }
        for (const [lat, lon, name] of {{ this.names }}) {
          L.marker([lat, lon], {
            interactive: false,
            keyboard: false,
            icon: L.divIcon({
              className: "report-place",
              iconSize: [0, 0],
              html: Object.assign(document.createElement("span"), { textContent: name }),
            }),
          }).addTo({{ this._parent.get_name() }});
        }
        {% endmacro %}
        """
    )

    def __init__(self, land: Land) -> None:
        super().__init__()  # type: ignore[no-untyped-call] # folium is not typed
        self._name = "Land"
        ground = {"fillColor": _GROUND, "fillOpacity": 1, "color": "#7b8b95", "weight": 1.5}
        canton = {"fill": False, "color": _EDGE, "weight": 1}
        self.layers = [
            [{"type": "GeometryCollection", "geometries": land.countries}, ground],
            [{"type": "GeometryCollection", "geometries": land.cantons}, canton],
        ]
        self.names = _json([[place.lat, place.lon, place.name] for place in land.settlements])


class _Words(MacroElement):
    """Words beside a marker, as the text of an element: never read as HTML."""

    _template = Template(
        """
        {% macro script(this, kwargs) %}
        {{ this._parent.get_name() }}.bindTooltip(
          Object.assign(document.createElement("span"), { textContent: {{ this.words }} }),
        );
        {% endmacro %}
        """
    )

    def __init__(self, words: str) -> None:
        super().__init__()  # type: ignore[no-untyped-call] # folium is not typed
        self._name = "Words"
        self.words = _json(words)


def _json(value: object) -> str:
    """JSON for a script inside a page that passes through a template: no ``<``, ``&`` or ``{``."""
    said = json.dumps(value)
    for sign in "<>&{}":
        said = said.replace(sign, f"\\u{ord(sign):04x}")
    return said
