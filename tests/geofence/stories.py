"""Stories: what one asset did, down the page, and what a rule should notice, at the side.

A file in ``tests/scenarios/rules/KIND`` holds one rule, the zones it asks about, and a track. Here
it is read and played; what must be true of every story is in ``test_stories.py``.
"""

import tomllib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import orjson
from shapely import Polygon

from geofence.engine import judge
from geofence.event import Event, Phase
from geofence.kinds import condition_from
from geofence.memory import remembered, written
from geofence.rule import Rule, State
from geofence.schedule import schedule_from
from geofence.shapes import circle, corridor
from geofence.sighting import Nowhere, Sighting, Subject, Surroundings
from geofence.zone import Zone, ZoneKind
from geofence.zone_index import ZoneIndex
from protocols.message import Fix, Readings, Report, Signal

FOLDER = Path(__file__).parents[1] / "scenarios" / "rules"
DAY = "2026-11-24"
SORTS = ("good", "boundary", "noisy", "late")

_OF_THE_FIX = {"accuracy_m", "altitude_m", "course_deg", "valid"}
_OF_THE_ROW = {"signals", "late", "companion"}


@dataclass(frozen=True, order=True)
class Notice:
    """What is expected of a row: that something began or ended, when, and whether it is late."""

    at: datetime
    phase: str
    late: bool = False


@dataclass(frozen=True)
class Row:
    """One line of the track: a report with or without a fix, or time that passed."""

    at: datetime
    report: Report
    fix: Fix | None
    companions: Mapping[str, Fix]
    late: bool
    clock: bool
    expected: list[Notice]


@dataclass(frozen=True)
class Story:
    """One file: a rule, whom it is about, and what happened."""

    name: str
    kind: str
    title: str
    sort: str
    remembers: bool
    setting: Mapping[str, Any]
    rule: Rule
    subject: Subject
    zones: tuple[Zone, ...]
    rows: list[Row]
    facts: Mapping[str, Any]


def read(path: Path) -> Story:
    """The story of one file. Raises where the file says something that nothing here reads."""
    said = tomllib.loads(path.read_text())
    known = {"title", "sort", "for_s", "remembers", "when", "zones", "asset", "schedule", "track"}
    assert said.keys() <= known | {"facts"}, f"{path}: {sorted(said.keys() - known)}"
    assert said["sort"] in SORTS, path
    assert said["track"]["columns"] == ["time", "lat", "lon", "kmh", "said", "expected"], path
    schedule = said.get("schedule")
    rule = Rule(
        id="rule",
        edition="1",
        cause=path.parent.name,
        when=condition_from(said["when"]),
        for_s=said.get("for_s", 0),
        schedule=None if schedule is None else schedule_from(schedule),
    )
    companions: dict[str, Fix] = {}
    return Story(
        name=f"{path.parent.name}/{path.stem}",
        kind=path.parent.name,
        title=said["title"],
        sort=said["sort"],
        remembers=said.get("remembers", True),
        setting=said["when"],
        rule=rule,
        subject=_subject(said.get("asset", {})),
        zones=tuple(_zone(name, drawn) for name, drawn in said.get("zones", {}).items()),
        rows=[_row(row, companions) for row in said["track"]["rows"]],
        facts=said.get("facts", {}),
    )


def sightings(story: Story, rows: Sequence[Row]) -> list[Sighting]:
    """The rows as a batch: rows that see the companions in the same place are placed together."""
    found: list[Sighting] = []
    first = 0
    while first < len(rows):
        last = first
        while last < len(rows) and rows[last].companions == rows[first].companions:
            last += 1
        together = rows[first:last]
        fixes = [row.fix for row in together if row.fix is not None]
        around = iter(_around(story.zones, fixes, rows[first].companions))
        found += [_sighting(story.subject, row, around) for row in together]
        first = last
    return found


def play(
    story: Story,
    *,
    cuts: Collection[int] = (),
    forgetful: bool = False,
    ticks: bool = False,
) -> list[list[Event]]:
    """What is noticed in each row.

    cuts       before these rows a batch ends, and all that is remembered goes through JSON
    forgetful  nothing is remembered from row to row
    ticks      whenever something is due, time is let pass up to then, as the timekeeper does
    """
    edges = [0, *sorted(cuts), len(story.rows)]
    states: dict[str, State] = {}
    before: datetime | None = None
    noticed: list[list[Event]] = []
    for first, last in pairwise(edges):
        states = through_json(story.rule, states)
        for seen in sightings(story, story.rows[first:last]):
            events = _tick(story, states, seen.at, before) if ticks else []
            events += step(story.rule, states, seen, before=before)
            if seen.report.fix is not None:
                before = seen.at if before is None else max(before, seen.at)
            if forgetful:
                states = {}
            noticed.append(events)
    return noticed


def step(
    rule: Rule, states: dict[str, State], seen: Sighting, *, before: datetime | None
) -> list[Event]:
    """One step, which changes ``states``, and nothing that stood in them."""
    state = states.get(rule.id)
    was = _text(state)
    judged = judge((rule,), states, seen, before=before)
    for failure in judged.failures:
        raise failure.error
    assert _text(state) == was, "a memory was changed in place"
    if state is not None and judged.changed:
        now = _text(judged.changed[rule.id])
        assert now != was, "a memory that is equal is another object: it would be written again"
    states.update(judged.changed)
    return list(judged.events)


def notices(events: Sequence[Event]) -> list[Notice]:
    """Events as a row of the track expects them."""
    return [Notice(at=each.at, phase=each.phase, late=each.late) for each in events]


def identity(event: Event) -> tuple[datetime, str, Phase, datetime | None]:
    """By what an event is known: the same again is no second one."""
    return event.at, event.rule, event.phase, event.since


def _tick(
    story: Story, states: dict[str, State], until: datetime, before: datetime | None
) -> list[Event]:
    events: list[Event] = []
    after = before
    while story.rule.id in states and after is not None:
        due = story.rule.due(states[story.rule.id], after=after)
        if due is None or due >= until:
            break
        passed = Sighting(at=due, subject=story.subject, clock=True)
        events += step(story.rule, states, passed, before=before)
        after = due
    return events


def through_json(rule: Rule, states: Mapping[str, State]) -> dict[str, State]:
    back = {
        rule_id: remembered(rule, orjson.loads(orjson.dumps(written(state))))
        for rule_id, state in states.items()
    }
    return {rule_id: state for rule_id, state in back.items() if state is not None}


def _text(state: State | None) -> bytes:
    return b"" if state is None else orjson.dumps(written(state), option=orjson.OPT_SORT_KEYS)


def _sighting(subject: Subject, row: Row, around: Any) -> Sighting:
    return Sighting(
        at=row.at,
        subject=subject,
        report=row.report,
        fix=row.fix,
        around=Nowhere() if row.fix is None else next(around),
        companions=row.companions,
        late=row.late,
        clock=row.clock,
    )


def _around(
    zones: Sequence[Zone], fixes: Sequence[Fix], companions: Mapping[str, Fix]
) -> Sequence[Surroundings]:
    if not zones:
        return [Nowhere() for _ in fixes]
    moving = {each.anchor for each in zones if each.kind is ZoneKind.MOVING}
    anchors = {name: fix for name, fix in companions.items() if name in moving}
    return ZoneIndex(zones).around(fixes, anchors=anchors)


def _zone(name: str, drawn: Mapping[str, Any]) -> Zone:
    known = {"circle", "polygon", "corridor", "moving", "radius_m", "width_m"}
    assert drawn.keys() <= known | {"speed_limit_kmh", "hours"}, sorted(drawn)
    kind, shape = ZoneKind.MOVING, None
    if "polygon" in drawn:
        kind, shape = ZoneKind.POLYGON, Polygon([(lon, lat) for lat, lon in drawn["polygon"]])
    elif "circle" in drawn:
        lat, lon = drawn["circle"]
        kind, shape = ZoneKind.CIRCLE, circle(lat=lat, lon=lon, radius_m=drawn["radius_m"])
    elif "corridor" in drawn:
        kind = ZoneKind.CORRIDOR
        shape = corridor(drawn["corridor"], width_m=drawn["width_m"])
    return Zone(
        id=name,
        version=1,
        organisation_id="client",
        name=name.capitalize(),
        kind=kind,
        shape=shape,
        anchor=drawn.get("moving"),
        radius_m=drawn.get("radius_m"),
        speed_limit_kmh=drawn.get("speed_limit_kmh"),
        hours=schedule_from(drawn["hours"]) if "hours" in drawn else None,
    )


def _subject(said: Mapping[str, Any]) -> Subject:
    known = {"kind", "name", "group", "tags", "speed_limit_kmh", "hours"}
    assert said.keys() <= known, sorted(said.keys() - known)
    values = dict(said)
    if "tags" in values:
        values["tags"] = frozenset(values["tags"])
    if "hours" in values:
        values["hours"] = schedule_from(values["hours"])
    return Subject(asset_id="asset", organisation_id="client", **{"kind": "vehicle", **values})


def _row(
    cells: tuple[str, float | str, float | str, float | str, Mapping[str, Any], str],
    companions: dict[str, Fix],
) -> Row:
    """``companions`` is where each of them was last said to be; a row may move one of them."""
    time, lat, lon, kmh, said, expected = cells
    at = _time(time, DAY)
    for name, (companion_lat, companion_lon) in said.get("companion", {}).items():
        companions[name] = Fix(at=at, lat=companion_lat, lon=companion_lon)
    fix = None
    if not isinstance(lat, str) and not isinstance(lon, str):
        fix = Fix(
            at=at,
            lat=lat,
            lon=lon,
            speed_kmh=None if isinstance(kmh, str) else kmh,
            **{name: said[name] for name in _OF_THE_FIX & said.keys()},
        )
    signals = said.get("signals", "")
    named = signals.split() if isinstance(signals, str) else signals
    readings = {
        name: value for name, value in said.items() if name not in _OF_THE_FIX | _OF_THE_ROW
    }
    assert readings.keys() <= Readings.__annotations__.keys(), sorted(readings)
    late = said.get("late", False)
    report = Report(
        at=at,
        fix=fix,
        signals=frozenset(map(Signal, named)),
        readings=cast("Readings", readings),
        buffered=late,
    )
    return Row(
        at=at,
        report=report if lat != "clock" else Report(),
        fix=fix if fix is not None and (fix.valid or fix.accuracy_m is not None) else None,
        companions=dict(companions),
        late=late,
        clock=lat == "clock",
        expected=[_notice(word, at) for word in expected.split()],
    )


def _time(said: str, day: str) -> datetime:
    whole = said if "T" in said else f"{day}T{said}+00:00"
    at = datetime.fromisoformat(whole)
    assert at.tzinfo is not None, said
    return at


def _notice(word: str, at: datetime) -> Notice:
    late = word.startswith("late:")
    phase, _, time = word.removeprefix("late:").partition("@")
    then = _time(time, at.date().isoformat()) if time else at
    return Notice(at=then, phase=Phase(phase), late=late)


def with_setting(story: Story, **changes: Any) -> Story:
    """The same story under another setting."""
    setting = {**story.setting, **changes}
    return replace(story, setting=setting, rule=replace(story.rule, when=condition_from(setting)))


STORIES = [read(path) for path in sorted(FOLDER.glob("*/*.toml"))]
