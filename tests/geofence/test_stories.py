"""Rules tell stories: each file in tests/scenarios/rules is a track, and what was noticed of it.

Beside what each file expects, every story must hold up when the process ends between any two
rows, when time is followed by ticks, and against a rule that forgets: that is its control.
"""

import pytest

from geofence import kinds
from geofence.condition import Condition
from geofence.rule import GAP_S
from tests.geofence.stories import SORTS, STORIES, Story, identity, notices, play

each_story = pytest.mark.parametrize("story", STORIES, ids=lambda each: each.name)


@each_story
def test_what_is_expected_is_noticed(story: Story):
    for row, events in zip(story.rows, play(story), strict=True):
        assert sorted(notices(events)) == sorted(row.expected), f"{story.title}: {row.at}"


@each_story
def test_what_it_was_judged_by_is_told(story: Story):
    events = [event for row in play(story) for event in row]
    if story.facts:
        assert events
        assert {**events[0].facts, **story.facts} == events[0].facts


@each_story
def test_a_batch_split_anywhere_and_a_crash_after_it_change_nothing(story: Story):
    whole = play(story)
    for cut in range(1, len(story.rows)):
        assert play(story, cuts=[cut]) == whole, f"cut before row {cut}"
    assert play(story, cuts=range(1, len(story.rows))) == whole


@each_story
def test_time_that_is_followed_brings_nothing_that_would_not_have_come(story: Story):
    asleep = {identity(event) for row in play(story) for event in row}
    awake = {identity(event) for row in play(story, ticks=True) for event in row}
    assert awake == asleep


@each_story
def test_a_rule_without_memory_is_found_out(story: Story):
    right = [sorted(row.expected) for row in story.rows]
    forgetful = [sorted(notices(events)) for events in play(story, forgetful=True)]
    assert (forgetful != right) is story.remembers


@each_story
def test_what_begins_ends_before_it_begins_again(story: Story):
    """Along the live thread; the late one takes up where the live one stood before the gap."""
    going_on: dict[bool, bool | None] = {False: False, True: None}
    newest = None
    for row, events in zip(story.rows, play(story), strict=True):
        late = newest is not None and row.at < newest
        if newest is not None and (row.at - newest).total_seconds() > GAP_S:
            going_on[True] = None
        for event in events:
            if event.since is None:
                continue
            began = event.phase == "began"
            assert going_on[late] is not began
            going_on[late] = began
        if row.report.fix is not None:
            newest = row.at if newest is None else max(newest, row.at)


@each_story
def test_the_setting_of_a_condition_makes_the_same_condition(story: Story):
    setting = kinds.setting_of(story.rule.when)
    assert kinds.condition_from(setting) == story.rule.when


@pytest.mark.parametrize("kind", kinds.names())
def test_every_kind_has_a_good_a_boundary_a_noisy_and_a_late_story(kind: str):
    assert {story.sort for story in STORIES if story.kind == kind} == set(SORTS)


@pytest.mark.parametrize("kind", [*kinds.COMBINATIONS, *kinds.names()])
def test_every_kind_is_a_condition(kind: str):
    found = kinds.get(kind)
    assert found.kind == kind
    promised = {name for name in vars(Condition) if not name.startswith("_")}
    assert {name for name in promised if not hasattr(found, name)} == set()
