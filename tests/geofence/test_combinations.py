"""Conditions made of conditions, and a rule around them: what holds, from when, how long."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import pytest

from geofence.combination import All, AnyOf, Lasting, Not
from geofence.condition import Condition, Finding
from geofence.engine import judge
from geofence.event import Event
from geofence.kinds import DEEPEST, condition_from, setting_of
from geofence.rule import Rule, State
from geofence.schedule import schedule_from
from geofence.sighting import Sighting, Subject
from protocols.message import Fix, Report
from tests.geofence.stories import step, through_json

START = datetime(2026, 11, 24, 20, tzinfo=UTC)
ASSET = Subject(asset_id="asset", organisation_id="client", kind="vehicle")
SAYS = {"y": True, "n": False, "?": None, "!": True}


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """The last word."""

    said: str = "?"


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """Holds as the driver's name in a report says: each letter is one of these conditions.

    ``y`` holds, ``n`` does not, ``?`` cannot say, ``!`` holds for this moment.
    """

    kind: ClassVar[str] = "said"
    letter: int = 0
    persists: bool = True

    def begin(self) -> Memory:
        return Memory()

    def step(self, memory: Memory, seen: Sighting) -> tuple[Memory, Finding]:
        words = seen.report.readings.get("driver_id", "")
        word = words[self.letter] if words else memory.said.replace("!", "n")
        if words and word != memory.said:
            memory = Memory(said=word)
        facts = {"letter": self.letter} if SAYS[word] else {}
        return memory, Finding(holds=SAYS[word], moment=word == "!", facts=facts)

    def due(self, memory: Memory, after: datetime) -> datetime | None:
        return None

    def zone_ids(self) -> frozenset[str]:
        return frozenset({f"zone {self.letter}"})

    def companion_ids(self) -> frozenset[str]:
        return frozenset({f"asset {self.letter}"})


A, B = Said(letter=0), Said(letter=1)
FLEETING = Said(letter=0, persists=False)


@dataclass
class Told:
    """A rule that is told words, minute by minute, and what it noticed."""

    when: Condition[Any]
    for_s: float = 0.0
    schedule: Any = None
    states: dict[str, State] = field(default_factory=dict)
    before: datetime | None = None

    @property
    def rule(self) -> Rule:
        return Rule(
            id="rule",
            edition="1",
            cause="said",
            when=self.when,
            for_s=self.for_s,
            schedule=self.schedule,
        )

    def hear(self, minute: float, words: str) -> list[str]:
        at = START + timedelta(minutes=minute)
        fix = Fix(at=at, lat=50.85, lon=4.35)
        report = Report(at=at, fix=fix, readings={"driver_id": words})
        events = self._see(Sighting(at=at, subject=ASSET, report=report, fix=fix))
        self.before = max(self.before or at, at)
        return events

    def wait(self, minute: float) -> list[str]:
        at = START + timedelta(minutes=minute)
        return self._see(Sighting(at=at, subject=ASSET, clock=True))

    def due(self) -> float | None:
        assert self.before is not None
        due = self.rule.due(self.states["rule"], after=self.before)
        return None if due is None else (due - START).total_seconds() / 60

    def _see(self, seen: Sighting) -> list[str]:
        self.states = through_json(self.rule, self.states)
        events = step(self.rule, self.states, seen, before=self.before)
        return [_word(event, seen) for event in events]


def _word(event: Event, seen: Sighting) -> str:
    minute = (event.at - START).total_seconds() / 60
    word = event.phase.value if event.since else "moment"
    return f"{'late ' * event.late}{word}" + ("" if event.at == seen.at else f" at {minute:g}")


def told(when: Condition[Any], *words: str) -> list[list[str]]:
    rule = Told(when)
    return [rule.hear(minute, word) for minute, word in enumerate(words)]


def says(when: Condition[Any], words: str) -> str:
    """What a condition says of one report."""
    at = START
    report = Report(at=at, readings={"driver_id": words})
    _, finding = when.step(when.begin(), Sighting(at=at, subject=ASSET, report=report))
    word = next(key for key, value in SAYS.items() if value is finding.holds)
    return "!" if finding.moment else word


@pytest.mark.parametrize(
    ("words", "every", "either"),
    [
        ("yy", "y", "y"),
        ("yn", "n", "y"),
        ("ny", "n", "y"),
        ("nn", "n", "n"),
        ("y?", "?", "y"),
        ("?y", "?", "y"),
        ("n?", "n", "?"),
        ("?n", "n", "?"),
        ("??", "?", "?"),
        ("!y", "!", "!"),
        ("y!", "!", "!"),
        ("!n", "n", "!"),
        ("!?", "?", "!"),
        ("!!", "!", "!"),
    ],
)
def test_all_and_any_say_what_their_parts_leave_to_say(words: str, every: str, either: str):
    assert says(All(of=(A, B)), words) == every
    assert says(AnyOf(of=(A, B)), words) == either
    for one in (All(of=(A,)), AnyOf(of=(A,))):
        assert says(one, words) == words[0]


@pytest.mark.parametrize(("word", "otherwise"), [("y", "n"), ("n", "y"), ("?", "?"), ("!", "n")])
def test_not_says_the_other(word: str, otherwise: str):
    assert says(Not(of=A), word) == otherwise
    assert says(Not(of=Not(of=A)), word) == word.replace("!", "y")
    assert says(Not(of=All(of=(A, Not(of=B)))), word + "n") == otherwise


def test_every_part_follows_every_report_whatever_the_others_say():
    """A part that is not asked would miss that something began."""
    lasting = All(of=(A, Lasting(of=B, for_s=120)))
    assert told(lasting, "ny", "ny", "yy") == [[], [], ["began"]]


def test_what_holds_begins_and_ends_once():
    assert told(A, "n", "y", "y", "?", "y", "n", "n", "y") == [
        [], ["began"], [], [], [], ["ended"], [], ["began"],
    ]  # fmt: skip


def test_each_moment_is_an_event_of_its_own_and_ends_nothing():
    assert told(A, "!", "!", "n", "!") == [["moment"], ["moment"], [], ["moment"]]
    either = AnyOf(of=(A, B))
    assert told(either, "ny", "!y", "ny", "nn") == [["began"], ["moment"], [], ["ended"]]


def test_facts_of_all_parts_are_told_and_the_first_has_the_last_word():
    report = Report(at=START, readings={"driver_id": "yy"})
    seen = Sighting(at=START, subject=ASSET, report=report)
    both = All(of=(A, B))
    assert both.step(both.begin(), seen)[1].facts == {"letter": 0}


def test_a_condition_that_persists_is_an_event_when_its_time_has_come():
    rule = Told(A, for_s=300)
    assert rule.hear(0, "y") == []
    assert rule.due() == 5
    assert rule.wait(4.99) == []
    assert rule.wait(7) == ["began at 5"]
    assert rule.wait(8) == []
    assert rule.hear(9, "y") == []
    assert rule.hear(10, "n") == ["ended"]


def test_it_is_dated_alike_whether_time_or_a_report_brings_it():
    rule = Told(A, for_s=300)
    assert [rule.hear(0, "y"), rule.hear(9, "y")] == [[], ["began at 5"]]
    rule = Told(A, for_s=300)
    assert [rule.hear(0, "y"), rule.hear(9, "n")] == [[], ["began at 5", "ended"]]
    rule = Told(A, for_s=300)
    assert [rule.hear(0, "y"), rule.hear(5, "n")] == [[], []]
    assert [rule.hear(6, "y"), rule.hear(11, "y")] == [[], ["began"]]


def test_a_condition_that_does_not_persist_is_an_event_only_when_it_is_heard():
    rule = Told(FLEETING, for_s=300)
    assert rule.hear(0, "y") == []
    assert rule.due() is None
    assert rule.wait(7) == []
    assert rule.hear(9, "y") == ["began"]
    rule = Told(FLEETING, for_s=300)
    assert [rule.hear(0, "y"), rule.hear(9, "n")] == [[], []]


def test_a_combination_persists_if_all_of_its_parts_do():
    both = (A, Said(letter=1, persists=False))
    for of in (both, both[::-1]):
        assert not All(of=of).persists
        assert not AnyOf(of=of).persists
    assert All(of=(A, B)).persists
    assert AnyOf(of=(A, B)).persists
    assert Not(of=A).persists
    assert not Not(of=FLEETING).persists
    assert not Lasting(of=All(of=both), for_s=10).persists


def test_a_doubt_neither_shortens_nor_ends_what_must_last():
    rule = Told(A, for_s=300)
    assert [rule.hear(0, "y"), rule.hear(3, "?"), rule.wait(6)] == [[], [], []]
    assert rule.hear(7, "y") == ["began at 5"]


def test_a_moment_cannot_last():
    rule = Told(Lasting(of=A, for_s=60))
    assert [rule.hear(0, "!"), rule.hear(1, "n"), rule.hear(2, "!"), rule.wait(9)] == [[]] * 4


def test_what_lasts_holds_from_then_on_until_it_does_not():
    rule = Told(Lasting(of=A, for_s=300), for_s=120)
    assert rule.hear(0, "y") == []
    assert rule.due() == 5
    assert rule.wait(6) == []
    assert rule.due() == 7
    assert rule.wait(20) == ["began at 7"]
    assert rule.hear(21, "?") == []
    assert rule.hear(22, "n") == ["ended"]
    assert [rule.hear(23, "y"), rule.hear(27.9, "n"), rule.hear(28, "y"), rule.wait(32)] == [[]] * 4


def test_lasting_stands_inside_any_other():
    neither = Not(of=AnyOf(of=(Lasting(of=A, for_s=120), Lasting(of=B, for_s=240))))
    rule = Told(neither)
    assert rule.hear(0, "yy") == ["began"]
    assert rule.due() == 2
    assert rule.wait(3) == ["ended at 2"]
    assert rule.hear(3.5, "ny") == ["began"]
    assert rule.due() == 4
    assert rule.hear(5, "ny") == ["ended at 4"]


HOURS = schedule_from({"weekly": {"tue": ["21:10-21:20"]}})
"""From minute 10 to 20."""


def test_what_holds_when_the_hours_begin_begins_then_and_ends_with_them():
    rule = Told(A, schedule=HOURS)
    assert rule.hear(0, "y") == []
    assert rule.due() == 10
    assert rule.wait(30) == ["began at 10", "ended at 20"]
    assert [rule.wait(31), rule.wait(7000), rule.hear(7001, "n")] == [[], [], []]


def test_hours_that_have_passed_are_not_passed_again():
    """Time is let pass often, and reports without a fix come, after one and the same fix."""
    rule = Told(A, schedule=HOURS)
    rule.hear(0, "y")
    noticed = [rule.wait(minute) for minute in range(5, 60, 5)]
    assert noticed == [[], ["began"], [], ["ended"], *[[]] * 7]


def test_what_must_last_lasts_within_the_hours():
    rule = Told(A, for_s=300, schedule=HOURS)
    assert [rule.hear(0, "y"), rule.wait(14)] == [[], []]
    assert rule.wait(25) == ["began at 15", "ended at 20"]
    rule = Told(A, for_s=900, schedule=HOURS)
    assert [rule.hear(0, "y"), rule.wait(60)] == [[], []]
    assert rule.due() == 7 * 1440 + 10


def test_what_does_not_persist_is_not_begun_by_the_hours():
    rule = Told(FLEETING, schedule=HOURS)
    assert [rule.hear(9, "y"), rule.wait(12), rule.hear(13, "y")] == [[], [], ["began"]]
    assert rule.wait(21) == ["ended at 20"]


def test_moments_outside_the_hours_are_none():
    rule = Told(A, schedule=HOURS)
    noticed = [rule.hear(minute, "!") for minute in (9, 10, 19.9, 20)]
    assert noticed == [[], ["moment"], ["moment"], []]


def test_a_parked_car_is_judged_after_many_nights():
    """More changes of hours than are followed at once, one by one as the timekeeper does."""
    nightly = {day: ["22:00-23:00"] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")}
    rule = Told(A, schedule=schedule_from({"weekly": nightly}))
    rule.hear(0, "y")
    noticed = []
    for night in range(60):
        for minute in (60, 120):
            noticed += rule.wait(night * 1440 + minute)
    assert noticed == ["began", "ended"] * 60
    assert rule.hear(60 * 1440, "n") == []


def test_what_waited_in_the_device_is_told_late_and_moves_nothing():
    rule = Told(A)
    assert [rule.hear(0, "n"), rule.hear(60, "n")] == [[], []]
    assert [rule.hear(20, "y"), rule.hear(30, "n")] == [["late began"], ["late ended"]]
    assert [rule.hear(61, "y"), rule.hear(62, "n")] == [["began"], ["ended"]]


def test_a_report_out_of_order_is_no_gap():
    rule = Told(A)
    assert [rule.hear(0, "n"), rule.hear(1, "n"), rule.hear(0.5, "y")] == [[], [], []]
    assert rule.hear(0.6, "!") == ["late moment"]


def test_a_short_gap_does_not_make_one_forget_a_long_one():
    rule = Told(A)
    noticed = [rule.hear(minute, "n") for minute in (0, 60, 65, 70)]
    assert noticed == [[]] * 4
    assert [rule.hear(20, "y"), rule.hear(72.5, "n"), rule.hear(30, "n")] == [
        ["late began"], [], ["late ended"],
    ]  # fmt: skip
    assert [rule.hear(minute, "n") for minute in (150, 100)] == [[], []]
    assert rule.hear(110, "y") == ["late began"]


def test_what_the_clock_brought_since_does_not_mislead_what_comes_late():
    """The late thread begins as things stood when the last fix was heard."""
    rule = Told(A, for_s=600)
    assert [rule.hear(0, "y"), rule.wait(30)] == [[], ["began at 10"]]
    assert rule.hear(60, "n") == ["ended"]
    assert [rule.hear(5, "n"), rule.hear(6, "y")] == [[], []]
    assert rule.hear(20, "n") == ["late began at 16", "late ended"]


def test_nothing_is_over_before_it_began():
    """A fix that is newer than the one before may be older than what time has brought."""
    rule = Told(A, for_s=600, schedule=HOURS)
    assert [rule.hear(0, "y"), rule.wait(25), rule.hear(5, "n")] == [[], [], []]
    rule = Told(Lasting(of=A, for_s=600))
    assert [rule.hear(0, "y"), rule.wait(30)] == [[], ["began at 10"]]
    assert rule.wait(20) == []
    assert rule.hear(5, "n") == ["ended at 10"]


def test_another_edition_and_another_asset_begin_anew():
    rule = Told(A)
    rule.hear(0, "y")
    states, seen = rule.states, Sighting(at=START, subject=ASSET, clock=True)
    assert not judge((rule.rule,), states, seen, before=START).changed
    newer = replace(rule.rule, edition="2")
    begun = judge((newer,), states, seen, before=START).changed
    assert begun["rule"] == newer.begin("asset")
    other = replace(seen, subject=replace(ASSET, asset_id="other"))
    assert judge((rule.rule,), states, other, before=START).changed["rule"].asset_id == "other"


def test_a_rule_that_fails_is_told_of_and_the_others_go_on():
    broken = replace(Told(A).rule, id="broken", when=Said(letter=7))
    report = Report(at=START, readings={"driver_id": "y"})
    seen = Sighting(at=START, subject=ASSET, report=report)
    judged = judge((broken, Told(A).rule), {}, seen, before=None)
    assert [event.rule for event in judged.events] == ["rule"]
    assert [(each.rule.id, type(each.error)) for each in judged.failures] == [
        ("broken", IndexError)
    ]
    assert judged.changed.keys() == {"rule"}


def test_a_combination_asks_about_what_its_parts_do():
    nested = All(of=(Not(of=A), Lasting(of=AnyOf(of=(A, B)), for_s=9)))
    assert nested.zone_ids() == {"zone 0", "zone 1"}
    assert nested.companion_ids() == {"asset 0", "asset 1"}


INSIDE = {"kind": "inside", "zones": ["depot"]}


def nested(deep: int) -> dict[str, Any]:
    return INSIDE if not deep else {"kind": "not", "of": nested(deep - 1)}


def test_a_setting_makes_a_combination_and_is_made_by_it():
    setting = {
        "kind": "all",
        "of": [{"kind": "lasting", "for_s": 60, "of": INSIDE}, {"kind": "any", "of": [INSIDE]}],
    }
    made = condition_from(setting)
    assert isinstance(made, All)
    assert condition_from(setting_of(made)) == made
    assert condition_from(nested(DEEPEST))


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        (nested(DEEPEST + 1), "deep"),
        ({"kind": "all", "of": []}, "1 to 20"),
        ({"kind": "any", "of": [INSIDE] * 21}, "1 to 20"),
        ({"kind": "all", "of": INSIDE}, "1 to 20"),
        ({"kind": "not"}, "needs of"),
        ({"kind": "not", "of": [INSIDE]}, "object with a kind"),
        ({"kind": "lasting", "of": INSIDE}, "needs for_s"),
        ({"kind": "lasting", "of": INSIDE, "for_s": 0}, "more than 0"),
        ({"kind": "lasting", "of": INSIDE, "for_s": 40 * 86_400}, "31 days"),
        ({"kind": "sideways"}, "there is no kind"),
    ],
)
def test_a_setting_that_makes_no_sense_says_what_to_write(setting: dict[str, Any], says: str):
    with pytest.raises(ValueError, match=says):
        condition_from(setting)


ODD: Sequence[tuple[str, dict[str, Any], str]] = [
    ("inside", {"zones": []}, "at least one zone"),
    ("outside", {"margin_m": -1}, "margin_m must be from 0"),
    ("zone_left", {"settle": 101}, "settle must be from 0 to 100"),
    ("zone_entered", {"settle_s": -1}, "settle_s must be from 0"),
    ("zone_crossed", {"within_s": 0}, "within_s must be from 1"),
    ("dwelled", {"for_s": 0}, "for_s must be from 1"),
    ("left_corridor", {"margin_m": 20_000}, "margin_m"),
    ("not_back", {"grace_s": -5}, "grace_s"),
    ("outside_at", {"at": "25:00"}, "as '22:00'"),
    ("outside_at", {"at": "22:00", "weekdays": ["someday"]}, "weekdays are mon"),
    ("outside_at", {"at": "22:00", "time_zone": "Mars"}, "Europe/Brussels"),
    ("overdue", {"by": "tomorrow"}, "with its zone"),
    ("overdue", {"by": "2026-11-24T23:00:00"}, "with its zone"),
    ("overdue", {"by": "2026-11-24T23:00:00Z", "starts": "2026-11-24T23:00:00Z"}, "before"),
    ("overdue", {"by": "2026-11-24T23:00:00Z", "zones": []}, "at least one zone"),
]


@pytest.mark.parametrize(("kind", "setting", "says"), ODD)
def test_a_place_that_makes_no_sense_says_what_to_write(
    kind: str, setting: dict[str, Any], says: str
):
    with pytest.raises(ValueError, match=says):
        condition_from({"kind": kind, "zones": ["depot"], **setting})
