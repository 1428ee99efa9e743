"""The other modules that draw nothing: wire, fleet, track, words."""

import struct

import numpy as np
import pytest

pytestmark = pytest.mark.asyncio(loop_scope="module")


def frame(rows: list[tuple[int, float, float, int, int, int, int]]) -> list[int]:
    """A frame of positions as the live channel's description draws it."""
    types = ("<u4", "<f4", "<f4", "<u2", "<u2", "<u4", "u1")
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(types)
    data = struct.pack("<BBHI", 1, 1, 0, len(rows))
    for kind, column in zip(types, columns, strict=True):
        raw = np.array(column, kind).tobytes()
        data += raw + bytes(-len(raw) % 4)
    return list(data)


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 5])
async def test_a_frame_of_positions_is_read_whatever_its_padding(scripts, count):
    rows = [(n + 1, 4.5, 50.5, 905, 1800, 1_795_000_000 + n, 1) for n in range(count)]
    read = await scripts.evaluate(
        """async (bytes) => {
          const { positions } = await import("/static/desk/wire.js");
          const { count, ...arrays } = positions(new Uint8Array(bytes).buffer);
          return [count, ...Object.values(arrays).map((array) => [...array])];
        }""",
        frame(rows),
    )
    columns = [list(column) for column in zip(*rows, strict=True)] or [[]] * 7
    assert read == [count, *columns]


async def test_a_frame_of_another_version_is_left_alone(scripts):
    read = await scripts.evaluate(
        """async () => {
          const { positions } = await import("/static/desk/wire.js");
          return positions(new Uint8Array([1, 2, 0, 0, 0, 0, 0, 0]).buffer);
        }"""
    )
    assert read is None


_FLEET = """
async ([described, frames, question]) => {
  const { Fleet } = await import("/static/desk/fleet.js");
  const { positions } = await import("/static/desk/wire.js");
  const fleet = new Fleet(2);
  fleet.describe(described);
  for (const bytes of frames) fleet.move(positions(new Uint8Array(bytes).buffer));
  const [method, ...args] = question;
  return fleet[method](...args);
}
"""
NOON = 1_795_000_000


def asset(number: int, name: str, **others: object) -> dict[str, object]:
    return {
        "n": number,
        "id": f"id {number}",
        "name": name,
        "kind": "vehicle",
        "organisation": "Taxi Brabant",
        "plate": None,
        "state": "live",
        "last": None,
        **others,
    }


async def ask(scripts, described, frames, *question):
    return await scripts.evaluate(_FLEET, [described, frames, list(question)])


async def test_an_asset_is_where_its_newest_fix_says(scripts):
    frames = [
        frame([(7, 4.25, 50.5, 905, 1800, NOON, 1)]),
        frame([(7, 5.0, 51.0, 0, 0, NOON - 60, 1)]),  # it waited in the device
    ]
    where = await ask(scripts, [asset(7, "Van")], frames, "whereIs", 0)
    assert where == {
        "lon": 4.25,
        "lat": 50.5,
        "speed_kmh": 90.5,
        "course_deg": 180,
        "at": NOON,
        "valid": True,
        "state": "live",
    }


async def test_a_speed_that_was_not_said_is_not_zero(scripts):
    frames = [frame([(7, 4.25, 50.5, 0xFFFF, 0xFFFF, NOON, 0)])]
    where = await ask(scripts, [asset(7, "Van")], frames, "whereIs", 0)
    assert (where["speed_kmh"], where["course_deg"], where["valid"]) == (None, None, False)


async def test_an_asset_that_was_retired_is_found_no_more(scripts):
    left = await scripts.evaluate(
        """async (described) => {
          const { Fleet } = await import("/static/desk/fleet.js");
          const fleet = new Fleet(2);
          fleet.describe(described);
          fleet.forget([1, 99]);
          const { total } = fleet.search("van", 10);
          return [total, fleet.numbers(), fleet.slotOf("id 1") ?? null, fleet.tally().live];
        }""",
        [asset(1, "Van 1"), asset(2, "Van 2")],
    )
    assert left == [1, [2], None, 1]


async def test_an_asset_that_was_never_heard_is_nowhere(scripts):
    assert await ask(scripts, [asset(7, "Van", state="never")], [], "whereIs", 0) is None


async def test_a_fleet_grows_beyond_the_room_it_began_with(scripts):
    described = [asset(n, f"Van {n}") for n in range(1, 40)]
    frames = [frame([(n, 4.0 + n / 64, 50.0, 0, 0, NOON, 1) for n in range(1, 40)])]
    where = await ask(scripts, described, frames, "whereIs", 38)
    assert where["lon"] == 4.0 + 39 / 64


async def test_the_nearest_asset_within_reach_is_picked(scripts):
    described = [asset(1, "near"), asset(2, "far")]
    frames = [frame([(1, 4.5, 50.5, 0, 0, NOON, 1), (2, 4.75, 50.5, 0, 0, NOON, 1)])]
    world = 512 * 2**12
    place = {"lng": 4.501, "lat": 50.5}
    assert await ask(scripts, described, frames, "nearest", place, world, 16) == 0
    nobody = {"lng": 4.6, "lat": 50.5}
    assert await ask(scripts, described, frames, "nearest", nobody, world, 16) is None


@pytest.mark.parametrize(
    ("words", "found"),
    [("van", [0, 1]), ("éls", [2]), ("1-abc", [1]), ("brabant van", [0, 1]), ("bus", [])],
)
async def test_assets_are_found_by_name_plate_and_client(scripts, words, found):
    described = [asset(1, "Van 1"), asset(2, "Van 2", plate="1-ABC-222"), asset(3, "Mevr. Els")]
    answer = await ask(scripts, described, [], "search", words, 10)
    assert answer == {"found": found, "total": len(found)}


@pytest.mark.parametrize(
    ("seconds", "lon"),
    [(-5, 4.0), (0, 4.0), (30, 4.5), (60, 5.0), (120, 5.0), (3600, 6.0), (9999, 6.0)],
)
async def test_a_moment_of_a_track_lies_between_two_fixes_but_not_in_a_gap(scripts, seconds, lon):
    points = [
        {"ms": 0, "lon": 4.0, "lat": 50.0},
        {"ms": 60_000, "lon": 5.0, "lat": 50.0},
        {"ms": 3_600_000, "lon": 6.0, "lat": 50.0},
    ]
    moment = await scripts.evaluate(
        """async ([points, ms]) => {
          const { momentAt } = await import("/static/desk/moments.js");
          return momentAt(points, ms);
        }""",
        [points, seconds * 1000],
    )
    assert moment["lon"] == lon


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-3, "0 s"), (59, "59 s"), (65, "1 min 05 s"), (7_500, "2 h 05 min"), (90_000, "1 d 1 h")],
)
async def test_an_age_always_has_its_unit(scripts, seconds, words):
    said = await scripts.evaluate(
        """async (seconds) => {
          const { duration } = await import("/static/pages/words.js");
          return duration(seconds);
        }""",
        seconds,
    )
    assert said == words


async def test_what_a_device_says_is_only_ever_text(scripts):
    html = await scripts.evaluate(
        """async () => {
          const { element } = await import("/static/pages/dom.js");
          return element("p", { title: '"><script>' }, "<img src=x onerror=alert(1)>").outerHTML;
        }"""
    )
    assert "<img" not in html.removeprefix("<p")
    assert "&lt;img" in html
