"""What was heard is heard again as it was: a trial notices what a gateway noticed."""

from collections.abc import Sequence
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID, uuid4

import pytest

from geofence.kinds import condition_from
from geofence.rule import Rule
from geofence.sighting import Subject
from geofence.zone import Zone, ZoneKind
from geofence.zone_index import ZoneIndex
from protocols.message import Signal
from tests.geofence.stories import STORIES, Story, identity, play
from tracking.rules.trial import AssetTrial, Stored, report_of
from tracking.rules.trial_process import About, Begin, End, Page, TrialDied, open_trial

ASSET, DEVICE = uuid4(), uuid4()
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
SUBJECT = Subject(asset_id=str(ASSET), organisation_id="client", kind="vehicle")
TOO_FAST = Rule(
    id="fast",
    edition="1",
    cause="overspeed",
    when=condition_from({"kind": "overspeed", "limit_kmh": 90.3, "tolerance_kmh": 0, "settle": 1}),
)


def stored(at: datetime, speed_kmh: float | None = 0.0, **said: Any) -> Stored:
    nothing = dict.fromkeys(Stored._fields)
    return Stored(
        **{
            **nothing,
            "asset_id": ASSET,
            "device_id": DEVICE,
            "at": at,
            "fingerprint": 1,
            "received_at": at + timedelta(seconds=1),
            "lat": 50.85,
            "lon": 4.35,
            "speed_kmh": speed_kmh,
            "valid": True,
            "buffered": False,
            **said,
        }
    )


def as_stored(story: Story) -> list[Stored]:
    """The rows of a story as positions, heard in the order of the rows."""
    rows = []
    for number, row in enumerate(each for each in story.rows if not each.clock):
        fix = row.report.fix
        assert fix is not None
        of_fix = {each.name: getattr(fix, each.name) for each in fields(fix)}
        readings = dict(row.report.readings)
        other = {name: readings.pop(name) for name in readings.keys() - set(Stored._fields)}
        rows.append(
            stored(
                **{**of_fix, **readings},
                received_at=NOON + timedelta(seconds=number),
                fingerprint=number,
                buffered=row.late,
                signals=sorted(row.report.signals),
                other=other or None,
            )
        )
    return rows


def tried(story: Story, pages: Sequence[Sequence[Stored]]) -> list[Any]:
    trial = AssetTrial([story.rule], story.subject, ZoneIndex(story.zones), together=False)
    noticed = []
    for number, page in enumerate(pages):
        ahead = pages[number + 1][0].at if number + 1 < len(pages) else page[-1].at
        noticed += trial.hear(page, until=ahead)
    noticed += trial.end(story.rows[-1].at)
    assert trial.failures == {}
    return [identity(each.event) for each in noticed]


OF_ONE_ASSET = [
    story
    for story in STORIES
    if story.rows[0].report.fix is not None
    and all(row.clock or row.report.fix is not None for row in story.rows)
    and not any(row.companions for row in story.rows)
]


def test_there_are_stories_of_every_sort():
    assert {story.sort for story in OF_ONE_ASSET} == {"good", "boundary", "noisy", "late"}
    assert len({story.kind for story in OF_ONE_ASSET}) > 15


@pytest.mark.parametrize("story", OF_ONE_ASSET, ids=lambda each: each.name)
def test_a_trial_notices_what_was_noticed_then(story: Story):
    expected = {identity(event) for row in play(story) for event in row}
    rows = sorted(as_stored(story), key=lambda each: (each.at, each.fingerprint))
    assert set(tried(story, [rows])) == expected


@pytest.mark.parametrize("story", OF_ONE_ASSET[::5], ids=lambda each: each.name)
def test_pages_change_nothing(story: Story):
    rows = sorted(as_stored(story), key=lambda each: (each.at, each.fingerprint))
    # What was heard long before its time is heard when it is met: keep the order possible.
    rows = [replace_received(each, index) for index, each in enumerate(rows)]
    cuts = [*range(0, len(rows), 2), len(rows)]
    pages = [rows[first:last] for first, last in pairwise(cuts)]
    assert tried(story, pages) == tried(story, [rows])


def replace_received(row: Stored, index: int) -> Stored:
    late = timedelta(minutes=20) if row.buffered else timedelta()
    return row._replace(received_at=row.at + late + timedelta(microseconds=index))


def test_a_number_that_was_stored_in_four_bytes_is_the_number_that_was_said():
    row = stored(NOON, 90.30000305175781, battery_pct=81.19999694824219, signals=["panic", "gone"])
    report = report_of(row._replace(other={"steps": 4, "x": 1}))
    assert report.fix is not None
    assert report.fix.speed_kmh == 90.3
    assert report.readings == {"battery_pct": 81.2, "steps": 4}
    assert report.signals == {Signal.PANIC}
    assert report.other == {"x": 1}
    trial = AssetTrial([TOO_FAST], SUBJECT, ZoneIndex(()), together=False)
    assert trial.hear([row], until=NOON) + trial.end(NOON) == []


def test_each_device_of_an_asset_is_heard_by_itself():
    """A second device that is an hour behind does not make the first one late."""
    other = uuid4()
    rows = [
        stored(NOON, 100.0),
        stored(NOON - timedelta(hours=1), 20.0, device_id=other, received_at=NOON),
        stored(NOON + timedelta(seconds=30), 110.0),
    ]
    trial = AssetTrial([TOO_FAST], SUBJECT, ZoneIndex(()), together=False)
    noticed = trial.hear(rows, until=NOON) + trial.end(NOON + timedelta(minutes=1))
    assert [(each.event.at, each.event.late) for each in noticed] == [(NOON, False)]


def test_a_rule_about_several_assets_sees_the_last_fix_of_each():
    truck = uuid4()
    zone = Zone(
        id="near",
        version=1,
        organisation_id="client",
        name="Truck",
        kind=ZoneKind.MOVING,
        shape=None,
        anchor=str(truck),
        radius_m=200.0,
    )
    rule = replace(
        TOO_FAST, cause="left", when=condition_from({"kind": "outside", "zones": ["near"]})
    )
    trial = AssetTrial([rule], SUBJECT, ZoneIndex([zone]), together=True)
    rows = []
    for minute, (lat, truck_lat) in enumerate([(50.85, 50.85)] * 4 + [(50.85, 50.87)] * 6):
        at = NOON + timedelta(minutes=minute)
        rows += [
            stored(at, asset_id=truck, lat=truck_lat, fingerprint=0),
            stored(at, lat=lat),
        ]
    noticed = trial.hear(rows, until=rows[-1].at) + trial.end(rows[-1].at)
    assert [each.event.phase for each in noticed] == ["began"]
    began = noticed[0].event.since or noticed[0].event.at
    assert NOON + timedelta(minutes=4) <= began <= NOON + timedelta(minutes=6)
    assert noticed[0].fix is not None


def test_a_rule_that_cannot_judge_is_counted_and_the_trial_goes_on():
    class Broken(type(TOO_FAST.when)):  # type: ignore[misc]
        def step(self, memory: Any, seen: Any) -> Any:
            raise ZeroDivisionError("division by zero")

    broken = replace(TOO_FAST, id="broken", when=Broken(limit_kmh=50.0))
    trial = AssetTrial([broken, TOO_FAST], SUBJECT, ZoneIndex(()), together=False)
    noticed = trial.hear([stored(NOON, 120.0)], until=NOON) + trial.end(NOON)
    assert [each.event.rule for each in noticed] == ["fast"]
    assert trial.failures == {"ZeroDivisionError: division by zero": 1}


async def test_the_same_is_noticed_in_a_process_of_its_own():
    rows = [stored(NOON + timedelta(minutes=n), 100.0 if n > 3 else 20.0) for n in range(9)]
    begin = Begin(rules=[TOO_FAST], zones={}, together=False)
    async with open_trial(begin) as trial:
        await trial.ask(About(subject=SUBJECT))
        first = await trial.ask(Page(stored=rows, until=rows[-1].at))
        last = await trial.ask(End(at=rows[-1].at))
    noticed = [*first.noticed, *last.noticed]
    assert [each.event.at for each in noticed] == [NOON + timedelta(minutes=4)]
    assert UUID(noticed[0].asset_id) == ASSET


async def test_a_process_that_dies_is_said_to_have_died():
    begin = Begin(rules=[TOO_FAST], zones={}, together=False)
    async with open_trial(begin) as trial:
        trial._process.kill()
        with pytest.raises(TrialDied):
            await trial.ask(About(subject=SUBJECT))
