"""Which alarms a desk holds, in which order they are taken, and for which it rings.

Each story is a list of things that reach the desk; what it must show afterwards is beside it.
"""

from typing import Any

import pytest

pytestmark = pytest.mark.asyncio(loop_scope="module")

_PLAY = """
async ([steps]) => {
  const { AlarmBook } = await import("/static/desk/alarm-book.js");
  const book = new AlarmBook();
  const said = [];
  for (const [act, argument, more] of steps) said.push(book[act](argument, more));
  const ids = (alarms) => alarms.map((alarm) => alarm.id);
  return {
    said,
    waiting: ids(book.waiting()),
    inHand: ids(book.inHand()),
    ringing: ids(book.ringing()),
  };
}
"""


def alarm(name: str, **others: Any) -> dict[str, Any]:
    return {
        "id": name,
        "event_id": f"event of {name}",
        "state": "raised",
        "priority": 1,
        "cause": "panic",
        "unit_id": f"unit of {name}",
        "asset": None,
        "raised_at": "2026-11-24T10:00:00Z",
        "repeats": 0,
        **others,
    }


def change(seq: int, kind: str, said: dict[str, Any], *, sound: bool = True) -> list[Any]:
    frame = {"seq": seq, "change": kind, "sound": sound, "event_id": said["event_id"]}
    return ["apply", frame | {"alarm": said}]


MINE = {"state": "acknowledged"}

STORIES = {
    "a raised alarm waits and rings": (
        [change(1, "raised", alarm("a"))],
        {"waiting": ["a"], "inHand": [], "ringing": ["a"]},
    ),
    "an acknowledged alarm is in hand and silent": (
        [change(1, "raised", alarm("a")), change(2, "acknowledged", alarm("a", **MINE))],
        {"waiting": [], "inHand": ["a"], "ringing": []},
    ),
    "a closed alarm is gone": (
        [change(1, "raised", alarm("a")), change(2, "closed", alarm("a", state="closed"))],
        {"waiting": [], "inHand": [], "ringing": []},
    ),
    "priority goes before age, and age before nothing": (
        [
            change(1, "raised", alarm("old P3", priority=3, raised_at="2026-11-24T09:00:00Z")),
            change(2, "raised", alarm("new P1", raised_at="2026-11-24T10:00:05Z")),
            change(3, "raised", alarm("old P1", raised_at="2026-11-24T10:00:01Z")),
            change(4, "raised", alarm("P2", priority=2)),
        ],
        {"waiting": ["old P1", "new P1", "P2", "old P3"]},
    ),
    "an escalated alarm goes before older ones of its priority": (
        [
            change(1, "raised", alarm("older", raised_at="2026-11-24T09:00:00Z")),
            change(2, "raised", alarm("escalated", escalated=True)),
        ],
        {"waiting": ["escalated", "older"]},
    ),
    "a replayed change is no news": (
        [change(7, "raised", alarm("a")), change(7, "raised", alarm("a"))],
        {"said": [True, False], "waiting": ["a"]},
    ),
    "a second press rings again although somebody has the alarm": (
        [
            change(1, "raised", alarm("a")),
            change(2, "acknowledged", alarm("a", **MINE)),
            change(3, "repeated", alarm("a", repeats=1, **MINE)),
        ],
        {"waiting": ["a"], "ringing": ["a"]},
    ),
    "a note after the second press means that it was heard": (
        [
            change(1, "repeated", alarm("a", repeats=1, **MINE)),
            change(2, "noted", alarm("a", repeats=1, **MINE), sound=False),
        ],
        {"waiting": [], "inHand": ["a"], "ringing": []},
    ),
    "a provisional alarm rings": (
        [["applyProvisional", alarm("?", event_id="e1")]],
        {"waiting": ["e1"], "ringing": ["e1"]},
    ),
    "a provisional alarm becomes the true one of the same event": (
        [
            ["applyProvisional", alarm("?", event_id="e1")],
            change(1, "raised", alarm("a", event_id="e1")),
        ],
        {"waiting": ["a"], "ringing": ["a"]},
    ),
    "a provisional alarm that comes after its true one is no news": (
        [
            change(1, "raised", alarm("a", event_id="e1")),
            ["applyProvisional", alarm("?", event_id="e1")],
        ],
        {"said": [True, False], "waiting": ["a"]},
    ),
    "two provisional presses become one alarm": (
        [
            ["applyProvisional", alarm("?", event_id="e1", unit_id="u")],
            ["applyProvisional", alarm("?", event_id="e2", unit_id="u")],
            change(1, "raised", alarm("a", event_id="e2", unit_id="u")),
        ],
        {"waiting": ["a"]},
    ),
    "a provisional alarm can be silenced at one desk and still waits": (
        [["applyProvisional", alarm("?", event_id="e1")], ["silence", "e1"]],
        {"waiting": ["e1"], "ringing": []},
    ),
    "the list drops what was closed while nobody listened": (
        [
            change(1, "raised", alarm("a")),
            change(2, "raised", alarm("b")),
            ["replaceAll", [alarm("b")], 2],
        ],
        {"waiting": ["b"]},
    ),
    "the list keeps provisional alarms": (
        [["applyProvisional", alarm("?", event_id="e1")], ["replaceAll", [], 5]],
        {"waiting": ["e1"]},
    ),
    "what came while the list was read wins over the list": (
        [
            change(1, "raised", alarm("a")),
            change(3, "acknowledged", alarm("a", **MINE)),
            change(4, "raised", alarm("b")),
            ["replaceAll", [alarm("a")], 1],
        ],
        {"waiting": ["b"], "inHand": ["a"]},
    ),
    "an alarm that closed while the list was read does not come back": (
        [
            change(1, "raised", alarm("a")),
            change(2, "closed", alarm("a", state="closed")),
            ["replaceAll", [alarm("a")], 1],
        ],
        {"waiting": []},
    ),
    "a database that counts anew is believed": (
        [
            change(900, "raised", alarm("a")),
            ["startAnew"],
            change(1, "acknowledged", alarm("a", **MINE)),
        ],
        {"waiting": [], "inHand": ["a"]},
    ),
}


@pytest.mark.parametrize("story", STORIES)
async def test_story(scripts, story):
    steps, expected = STORIES[story]
    told = await scripts.evaluate(_PLAY, [steps])
    assert {key: told[key] for key in expected} == expected


async def test_only_alarms_that_the_list_brings_as_news_ring(scripts):
    steps = [
        change(1, "raised", alarm("known")),
        ["replaceAll", [alarm("known"), alarm("missed"), alarm("taken", **MINE)], 1],
    ]
    told = await scripts.evaluate(_PLAY, [steps])
    assert [one["id"] for one in told["said"][1]] == ["missed"]
