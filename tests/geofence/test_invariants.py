"""What must hold of rules about places on any walk: with stray, rough and late fixes, and ticks."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from math import hypot
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from geofence.engine import judge
from geofence.event import Event
from geofence.kinds import condition_from
from geofence.metric import Place
from geofence.rule import Rule, State
from geofence.schedule import schedule_from
from geofence.shapes import circle, corridor
from geofence.sighting import Nowhere, Sighting, Subject
from geofence.zone import Zone, ZoneKind
from geofence.zone_index import ZoneIndex
from protocols.message import Fix, Report
from tests.geofence.stories import identity, step, through_json

START = datetime(2026, 11, 24, 19, tzinfo=UTC)
LAT, LON = 50.8503, 4.3517
RADIUS_M = 100.0
"""Of the depot; the yard and the way lie beside it and across it."""

HOURS = schedule_from({"weekly": {"tue": ["08:00-22:00"], "wed": ["08:00-22:00"]}})
NIGHT = schedule_from({"weekly": {"tue": ["20:30-21:00", "22:00-23:00"], "wed": ["00:30-06:00"]}})


def at(north_m: float, east_m: float) -> Place:
    return Place(lat=LAT + north_m / 111_250, lon=LON + east_m / 70_400)


def zone(name: str, shape: object, **more: object) -> Zone:
    return Zone(
        id=name,
        version=1,
        organisation_id="client",
        name=name.capitalize(),
        kind=ZoneKind.POLYGON,
        shape=shape,
        **more,
    )


INDEX = ZoneIndex(
    [
        zone("depot", circle(lat=LAT, lon=LON, radius_m=RADIUS_M)),
        zone("yard", circle(lat=at(150, 0).lat, lon=LON, radius_m=70), hours=NIGHT),
        zone("way", corridor([at(-300, -600), at(0, 0), at(300, 600)], width_m=60)),
    ]
)
EVERY = ["depot", "yard", "way"]

ASKED = {
    "entered": {"kind": "zone_entered", "zones": ["depot", "way"]},
    "left": {"kind": "zone_left", "zones": ["depot", "way"]},
    "crossed": {"kind": "zone_crossed", "zones": EVERY},
    "inside": {"kind": "inside", "zones": EVERY},
    "outside": {"kind": "outside", "zones": ["depot", "way"]},
    "dwelled": {"kind": "dwelled", "zones": EVERY, "for_s": 400},
    "outside_at": {"kind": "outside_at", "zones": ["depot"], "at": "21:00"},
    "not_back": {"kind": "not_back", "zones": ["depot"], "grace_s": 300},
    "left_corridor": {"kind": "left_corridor", "zones": ["way"]},
    "overdue": {"kind": "overdue", "zones": ["yard"], "by": "2026-11-24T21:00:00+01:00"},
    "both": {
        "kind": "all",
        "of": [
            {"kind": "lasting", "for_s": 300, "of": {"kind": "outside", "zones": ["depot"]}},
            {"kind": "not", "of": {"kind": "inside", "zones": ["yard"]}},
        ],
    },
    "either": {
        "kind": "any",
        "of": [
            {"kind": "zone_left", "zones": ["depot"]},
            {"kind": "dwelled", "zones": ["way"], "for_s": 200},
        ],
    },
}


def rule(name: str, *, for_s: float = 0.0, night: bool = False) -> Rule:
    return Rule(
        id=f"{name} {for_s} {night}",
        edition="1",
        cause=name,
        when=condition_from(ASKED[name]),
        for_s=for_s,
        schedule=NIGHT if night else None,
    )


RULES = (
    *(rule(name) for name in ASKED),
    *(rule(name, for_s=250) for name in ("inside", "outside", "both")),
    *(rule(name, night=True) for name in ("inside", "outside", "dwelled", "entered", "left")),
    rule("outside", for_s=250, night=True),
)
ENTERED, LEFT = rule("entered"), rule("left")
LIVES = {"entered": True, "left": False}


@dataclass(frozen=True)
class Pace:
    """One fix of a walk: how long after the newest one, or how long before it."""

    after_s: int
    north_m: float
    east_m: float
    accuracy_m: float | None
    has_fix: bool

    @property
    def late(self) -> bool:
        return self.after_s < 0


metres = st.integers(-260, 260) | st.sampled_from([0, 90, 101, 110, 116, -99, -120, 1500, -1500])
paces = st.builds(
    Pace,
    after_s=st.sampled_from(
        [1, 5, 10, 30, 60, 60, 60, 300, 900, 2400, 9000, -45, -200, -800, -2000, -7000]
    ),
    north_m=metres,
    east_m=metres,
    accuracy_m=st.sampled_from([None, None, None, 5, 25, 60, 200, 500]),
    has_fix=st.sampled_from([True] * 7 + [False]),
)
walks = st.lists(paces, min_size=2, max_size=40)


def subject(name: str = "asset") -> Subject:
    return Subject(asset_id=name, organisation_id="client", kind="vehicle", hours=HOURS)


def reports(walk: Sequence[Pace]) -> list[Report]:
    """A device's clock goes on with every report; what is late is older than its newest fix."""
    now = newest = START
    said = []
    for pace in walk:
        when = (newest if pace.late else now) + timedelta(seconds=pace.after_s)
        fix = None
        if pace.has_fix:
            place = at(pace.north_m, pace.east_m)
            fix = Fix(at=when, lat=place.lat, lon=place.lon, accuracy_m=pace.accuracy_m)
            newest = max(newest, when)
        now = max(now, when)
        said.append(Report(at=when, fix=fix))
    return said


def sightings(said: Sequence[Report], whose: Subject) -> list[Sighting]:
    """One batch, placed at once."""
    around = iter(INDEX.around([each.fix for each in said if each.fix is not None]))
    return [
        Sighting(
            at=each.at or START,
            subject=whose,
            report=each,
            fix=each.fix,
            around=Nowhere() if each.fix is None else next(around),
        )
        for each in said
    ]


class Played:
    """What a set of rules made of one asset, step by step."""

    def __init__(self, rules: Sequence[Rule], whose: Subject) -> None:
        self.rules, self.whose = rules, whose
        self.states: dict[str, State] = {}
        self.before: datetime | None = None
        self.events: list[Event] = []

    def see(self, seen: Sighting) -> list[Event]:
        noticed = [
            event
            for each in self.rules
            for event in step(each, self.states, seen, before=self.before)
        ]
        if seen.report.fix is not None:
            self.before = max(self.before or seen.at, seen.at)
        self.events += noticed
        return noticed

    def batch(self, said: Sequence[Report]) -> "Played":
        for seen in sightings(said, self.whose):
            self.see(seen)
        return self

    def let_pass(self, until: datetime) -> None:
        self.see(Sighting(at=until, subject=self.whose, clock=True))

    def resume(self) -> "Played":
        """As after a crash: only what was written is left."""
        for each in self.rules:
            if each.id in self.states:
                kept = {each.id: self.states[each.id]}
                self.states.update(through_json(each, kept))
        return self


def played(walk: Sequence[Pace], rules: Sequence[Rule] = RULES) -> Played:
    return Played(rules, subject()).batch(reports(walk))


def zones_of(event: Event) -> Iterable[str]:
    found: Iterable[str] = event.facts.get("zones", [event.facts["zone"]])
    return found


@settings(max_examples=80, deadline=None)
@given(walk=walks)
def test_a_zone_is_entered_and_left_by_turns(walk):
    """Along the live thread, and along that of every gap."""
    both = Played((ENTERED, LEFT), subject())
    inside: dict[tuple[object, str], bool] = {}
    for seen in sightings(reports(walk), both.whose):
        late = both.before is not None and seen.at < both.before
        noticed = both.see(seen)
        thread = both.states[LEFT.id].until_s if late else "live"
        for event in noticed:
            for each in zones_of(event):
                assert inside.get((thread, each)) is not LIVES[event.cause]
                inside[thread, each] = LIVES[event.cause]


@settings(max_examples=60, deadline=None)
@given(walk=walks, cuts=st.sets(st.integers(1, 39), max_size=6))
def test_a_split_batch_and_a_crash_between_give_the_same_events(walk, cuts):
    said = reports(walk)
    again = Played(RULES, subject())
    edges = [0, *sorted(cut for cut in cuts if cut < len(said)), len(said)]
    for first, last in pairwise(edges):
        again.resume().batch(said[first:last])
    assert again.events == played(walk).events


@settings(max_examples=60, deadline=None)
@given(several=st.lists(walks, min_size=2, max_size=4), seed=st.integers(0, 2**32))
def test_the_order_of_other_assets_does_not_matter(several, seed):
    """All of them in one batch, in any order that keeps that of each asset."""
    turns = [number for number, walk in enumerate(several) for _ in walk]
    Random(seed).shuffle(turns)
    rows = [iter(sightings(reports(walk), subject(str(n)))) for n, walk in enumerate(several)]
    states: list[dict[str, State]] = [{} for _ in several]
    before: list[datetime | None] = [None for _ in several]
    events: list[list[Event]] = [[] for _ in several]
    for number in turns:
        seen = next(rows[number])
        found = judge(RULES, states[number], seen, before=before[number])
        assert not found.failures
        states[number] |= found.changed
        events[number] += found.events
        if seen.fix is not None:
            before[number] = max(before[number] or seen.at, seen.at)
    for walk, noticed in zip(several, events, strict=True):
        alone = played(walk).events
        assert sorted(map(repr, noticed)) == sorted(map(repr, alone))


@settings(max_examples=60, deadline=None)
@given(walk=walks)
def test_a_circle_that_touches_the_edge_makes_no_event(walk):
    asked = {"kind": "zone_entered", "zones": ["depot"]}
    kinds = ("zone_entered", "zone_left", "zone_crossed", "inside", "outside", "left_corridor")
    rules = [
        Rule(id=kind, edition="1", cause=kind, when=condition_from({**asked, "kind": kind}))
        for kind in kinds
    ]
    walked = Played(rules, subject())
    for pace, seen in zip(walk, sightings(reports(walk), walked.whose), strict=True):
        noticed = walked.see(seen)
        from_edge_m = abs(hypot(pace.north_m, pace.east_m) - RADIUS_M)
        rough = pace.accuracy_m is not None and pace.accuracy_m > 30
        if not pace.has_fix or (rough and from_edge_m < pace.accuracy_m - 3):
            assert noticed == []


@settings(max_examples=60, deadline=None)
@given(
    walk=walks,
    ticks=st.lists(st.integers(1, 8000), min_size=2, max_size=12),
    repeated=st.booleans(),
)
def test_time_that_is_let_pass_more_or_less_often_brings_the_same(walk, ticks, repeated):
    said = reports(walk)
    ticked = Played(RULES, subject())
    for number, seen in enumerate(sightings(said, ticked.whose)):
        for wait_s in ticks[number % 2 :: 2]:
            if ticked.before is None or seen.at <= ticked.before + timedelta(seconds=wait_s):
                continue
            ticked.let_pass(ticked.before + timedelta(seconds=wait_s))
            if repeated:
                ticked.resume()
        ticked.see(seen)
    end = START + timedelta(days=2)
    quiet = played(walk)
    for each in (ticked, quiet):
        each.let_pass(end)
    assert set(map(identity, ticked.events)) == set(map(identity, quiet.events))
    assert len(ticked.events) == len(quiet.events)


@settings(max_examples=60, deadline=None)
@given(walk=walks)
def test_what_comes_late_never_moves_what_is_known_already(walk):
    """Events of the live thread are the same without the late fixes."""
    with_late = Played(RULES, subject())
    live: list[Event] = []
    kept: list[Report] = []
    for said, seen in zip(reports(walk), sightings(reports(walk), subject()), strict=True):
        late = with_late.before is not None and seen.at < with_late.before
        noticed = with_late.see(seen)
        if late:
            assert all(event.late for event in noticed)
        else:
            live += noticed
            kept.append(said)
    without = Played(RULES, subject()).batch(kept)
    assert without.events == live


@settings(max_examples=60, deadline=None)
@given(walk=walks)
def test_who_stays_far_away_costs_no_memory(walk):
    """After the first fix nothing is written, but by those whose memory is the way itself."""
    away = [Pace(each.after_s, 5000 + each.north_m, 0, 10, True) for each in walk]
    rules = [each for each in RULES if each.cause not in {"crossed", "overdue", "not_back"}]
    walked = Played([each for each in rules if each.schedule is None and not each.for_s], subject())
    begun: dict[str, object] = {}
    for seen in sightings(reports(away), walked.whose):
        walked.see(seen)
        for rule_id, state in walked.states.items():
            thread = (state.live.memory, state.live.began)
            if rule_id.startswith(("inside", "entered", "left", "outside ", "dwelled")):
                assert begun.setdefault(rule_id, thread) == thread
