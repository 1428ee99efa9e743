"""Schedules: what is covered, when that turns, and what a setting may say.

Each file in ``tests/scenarios/schedules`` holds a setting and stretches of time to look at.
"""

import tomllib
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geofence.different_days import CalendarTime
from geofence.hours import Span, hours_as_setting, hours_from
from geofence.public_holidays import names_on, places
from geofence.schedule import (
    SEARCHED_DAYS,
    WEEKDAYS,
    Schedule,
    schedule_as_setting,
    schedule_from,
)

FOLDER = Path(__file__).parents[1] / "scenarios" / "schedules"
FILES = {path.stem: tomllib.loads(path.read_text()) for path in sorted(FOLDER.glob("*.toml"))}
LOOKS = [
    pytest.param(each["schedule"], look, id=f"{name}-{look['from'][:10]}")
    for name, each in FILES.items()
    for look in each["look"]
]
A_SECOND = timedelta(seconds=1)
FORWARD, BACK = datetime(2026, 3, 29, 1, tzinfo=UTC), datetime(2026, 10, 25, 1, tzinfo=UTC)


def _turns(schedule: Schedule, since: datetime, until: datetime) -> list[datetime]:
    turns: list[datetime] = []
    at = schedule.next_change(since)
    while at is not None and at < until:
        turns.append(at)
        at = schedule.next_change(at)
    return turns


@pytest.mark.parametrize(("setting", "look"), LOOKS)
def test_it_opens_and_closes_when_the_file_says(setting: dict, look: dict):
    schedule = schedule_from(setting)
    since, until = (datetime.fromisoformat(look[end]) for end in ("from", "until"))
    assert schedule.covers(since) is look.get("begins_open", False)
    said = [each.split() for each in look["changes"]]
    turns = _turns(schedule, since, until)
    assert turns == [datetime.fromisoformat(at) for at, _ in said]
    for at, (_, word) in zip(turns, said, strict=True):
        assert schedule.covers(at) is (word == "opens")
        assert schedule.covers(at - A_SECOND) is not schedule.covers(at)


@pytest.mark.parametrize("name", FILES)
def test_a_setting_is_the_same_when_written_and_read_again(name: str):
    schedule = schedule_from(FILES[name]["schedule"])
    again = schedule_from(orjson.loads(orjson.dumps(schedule_as_setting(schedule))))
    assert again == schedule
    assert hash(again) == hash(schedule)


@st.composite
def schedules(draw: st.DrawFn) -> Schedule:
    """Weeks of any hours, many of them around the hour in which clocks change, and closures."""
    begins = st.one_of(st.sampled_from([0, 60, 90, 120, 135, 150, 180, 240]), st.integers(0, 1439))
    lasts = st.one_of(st.sampled_from([15, 60, 480, 1440]), st.integers(1, 1440))
    spans = st.builds(
        lambda begin, last: Span(begins_min=begin, ends_min=begin + last), begins, lasts
    )
    hours = st.lists(spans, max_size=3).map(tuple)
    minutes = st.integers(-2_000, 2_000)
    times = st.builds(
        lambda change, begin, last, opens: CalendarTime(
            begins=change + timedelta(minutes=begin),
            ends=change + timedelta(minutes=begin + last),
            opens=opens,
        ),
        st.sampled_from([FORWARD, BACK]),
        minutes,
        st.integers(1, 600),
        st.booleans(),
    )
    return Schedule(
        time_zone=draw(st.sampled_from(["Europe/Brussels", "UTC", "Europe/London"])),
        weekly=tuple(draw(st.lists(hours, min_size=7, max_size=7))),
        events=tuple(draw(st.lists(times, max_size=3))),
    )


def _clock_says(schedule: Schedule, at: datetime) -> bool:
    """The same by looking at a clock on the wall, and at every event in turn."""
    events = [each for each in schedule.events if each.begins <= at < each.ends]
    if any(not each.opens for each in events):
        return False
    wall = at.astimezone(ZoneInfo(schedule.time_zone)).replace(tzinfo=None)
    midnight = wall.replace(hour=0, minute=0, second=0)
    minute = (wall - midnight).seconds // 60
    today = schedule.weekly[wall.weekday()]
    yesterday = schedule.weekly[wall.weekday() - 1]
    return (
        bool(events)
        or any(span.begins_min <= minute < span.ends_min for span in today)
        or any(span.begins_min <= minute + 1440 < span.ends_min for span in yesterday)
    )


@settings(max_examples=60, deadline=None)
@given(schedule=schedules(), change=st.sampled_from([FORWARD, BACK]))
def test_it_covers_what_the_clock_on_the_wall_says_minute_by_minute(
    schedule: Schedule, change: datetime
):
    since, until = change - timedelta(days=1, hours=3), change + timedelta(days=1, hours=3)
    minutes = [
        since + timedelta(minutes=n) for n in range(int((until - since).seconds / 60) + 2880)
    ]
    covered = [schedule.covers(at) for at in minutes]
    assert covered == [_clock_says(schedule, at) for at in minutes]
    turned = [at for n, at in enumerate(minutes) if n and covered[n] != covered[n - 1]]
    assert _turns(schedule, minutes[0], minutes[-1] + A_SECOND) == turned


@settings(max_examples=60, deadline=None)
@given(schedule=schedules(), asked=st.lists(st.integers(-3_000, 3_000), min_size=2, max_size=12))
def test_what_was_asked_before_changes_no_answer(schedule: Schedule, asked: list[int]):
    for minutes in asked:
        at = BACK + timedelta(minutes=minutes)
        fresh = Schedule(
            time_zone=schedule.time_zone, weekly=schedule.weekly, events=schedule.events
        )
        assert schedule.next_change(at) == fresh.next_change(at)
        assert schedule.covers(at) == fresh.covers(at)


def test_an_earlier_time_that_is_asked_later_has_its_own_next_change():
    schedule = schedule_from({"weekly": {"tue": ["08:00-12:00", "13:00-17:00"]}})
    changes = [datetime(2026, 11, 24, hour, tzinfo=UTC) for hour in (7, 11, 12, 16)]
    for change in reversed(changes):
        assert schedule.next_change(change - A_SECOND) == change
        assert schedule.next_change(change - timedelta(minutes=59)) == change


def test_times_of_a_calendar_are_whole_seconds():
    event = {"from": "2026-11-24T08:00:00.7Z", "until": "2026-11-24T10:00:01.2+01:00"}
    setting = schedule_as_setting(schedule_from({"events": [event]}))
    (said,) = setting["events"]
    assert (said["from"], said["until"]) == ("2026-11-24T08:00:00Z", "2026-11-24T09:00:01Z")
    assert schedule_as_setting(schedule_from(setting)) == setting


def test_half_past_two_does_not_exist_in_march_and_comes_twice_in_october():
    half_past_two = schedule_from({"weekly": {day: ["02:30-02:31"] for day in WEEKDAYS}})
    march = _turns(half_past_two, FORWARD - timedelta(days=1), FORWARD + timedelta(days=1))
    assert march == [
        datetime(2026, 3, 28, 1, 30, tzinfo=UTC),
        datetime(2026, 3, 28, 1, 31, tzinfo=UTC),
        datetime(2026, 3, 30, 0, 30, tzinfo=UTC),
        datetime(2026, 3, 30, 0, 31, tzinfo=UTC),
    ]
    october = _turns(half_past_two, BACK - timedelta(hours=12), BACK + timedelta(hours=12))
    assert october == [
        datetime(2026, 10, 25, hour, minute, tzinfo=UTC) for hour in (0, 1) for minute in (30, 31)
    ]


def test_a_day_that_comes_once_in_thirteen_months_is_found_and_a_much_later_one_is_not():
    schedule = schedule_from({"exceptions": [{"from": "2028-01-01", "hours": ["10:00-11:00"]}]})
    opens = datetime(2028, 1, 1, 9, tzinfo=UTC)
    ahead = timedelta(days=SEARCHED_DAYS + 4)
    assert schedule.next_change(opens - ahead) is None
    while ahead > timedelta(days=SEARCHED_DAYS):
        ahead -= timedelta(hours=1)
        schedule.next_change(opens - ahead)
    assert schedule.next_change(opens - ahead) == opens


def test_equal_settings_are_one_schedule():
    first, second = ({"weekly": {"mon": [said]}} for said in ("8:00-12:00", "08:00-12:00"))
    assert schedule_from(first) is schedule_from(second)
    assert schedule_from(first) is not schedule_from({**first, "time_zone": "Europe/Paris"})


def test_the_time_of_any_zone_is_asked_as_one_instant():
    schedule = schedule_from({"weekly": {"tue": ["08:00-12:00"]}})
    at = datetime(2026, 11, 24, 7, 30, tzinfo=UTC)
    assert schedule.covers(at)
    assert schedule.covers(at.astimezone(ZoneInfo("Asia/Tokyo")))


def test_a_week_is_told_by_days_that_are_alike():
    hours = ["08:00-17:00"]
    weekly = {**dict.fromkeys(WEEKDAYS[:5], hours), "sat": ["09:00-12:00"]}
    alike = schedule_from({"weekly": weekly}).alike_days()
    assert [(list(days), hours_as_setting(of)) for days, of in alike] == [
        ([0, 1, 2, 3, 4], hours),
        ([5], ["09:00-12:00"]),
        ([6], []),
    ]


@pytest.mark.parametrize(
    ("place", "day", "language", "name"),
    [
        ("BE", date(2026, 7, 21), "nl", "Nationale feestdag"),
        ("BE", date(2026, 7, 21), "fr", "Fête nationale"),
        ("BE", date(2026, 7, 21), "de", "Nationalfeiertag"),
        ("BE", date(2026, 7, 21), "en", "National Day"),
        ("DE-NW", date(2026, 6, 4), "en", "Corpus Christi"),
        ("FR-57", date(2026, 12, 26), "fr", "Saint-Étienne"),
        ("GB-NIR", date(2026, 3, 17), "en", "Saint Patrick's Day"),
    ],
)
def test_a_holiday_has_a_name_in_each_language(place: str, day: date, language: str, name: str):
    assert place in places()
    assert [said.casefold() for said in names_on(day, [place], language=language)] == [
        name.casefold()
    ]


@pytest.mark.parametrize("place", places())
def test_new_year_is_a_holiday_everywhere_and_in_every_language(place: str):
    for language in ("nl", "fr", "de", "en"):
        assert names_on(date(2027, 1, 1), [place], language=language)


def test_a_holiday_of_two_places_is_named_once():
    assert len(names_on(date(2026, 7, 21), ["BE", "BE"])) == 1
    assert names_on(date(2026, 7, 22), ["BE", "NL"]) == ()


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ("8:00-17:30", "08:00-17:30"),
        (" 08:00 – 17:30 ", "08:00-17:30"),  # noqa: RUF001 - as people write it
        ("22:00-06:00", "22:00-06:00"),
        ("22:00-00:00", "22:00-24:00"),
        ("00:00-24:00", "00:00-24:00"),
        ("23:59-24:00", "23:59-24:00"),
    ],
)
def test_hours_are_read_as_people_write_them(said: str, read: str):
    assert hours_as_setting(hours_from("weekly.mon", [said])) == [read]


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ({}, "a schedule needs weekly hours, exceptions or events"),
        ({"holidays": {"countries": ["BE"]}}, "a schedule needs weekly"),
        ([], "a schedule must be an object with"),
        ({"weekly": {}, "hours": []}, "a schedule has no hours; there are"),
        ({"weekly": {"monday": []}}, "weekly has no monday"),
        ({"weekly": []}, "weekly must be an object"),
        ({"weekly": {"mon": "08:00-12:00"}}, "weekly.mon must be a list"),
        ({"weekly": {"mon": ["08:00-12:00"] * 49}}, "weekly.mon must be a list of at most 48"),
        ({"weekly": {"tue": ["8-12"]}}, "weekly.tue: write hours as '08:00-17:30', not '8-12'"),
        ({"weekly": {"tue": [812]}}, "weekly.tue: write hours as"),
        ({"weekly": {"tue": ["08:60-12:00"]}}, "weekly.tue: write hours as"),
        ({"weekly": {"tue": ["24:00-12:00"]}}, "weekly.tue: write hours as"),
        ({"weekly": {"tue": ["22:00-24:30"]}}, "a day ends at 24:00"),
        ({"weekly": {"tue": ["08:00-08:00"]}}, "is no time at all"),
        ({"weekly": {}, "time_zone": "Brussels"}, "there is no time zone 'Brussels'"),
        ({"weekly": {}, "time_zone": "../Europe/Brussels"}, "there is no time zone"),
        ({"weekly": {}, "time_zone": "Europe"}, "there is no time zone"),
        ({"weekly": {}, "time_zone": None}, "there is no time zone"),
        ({"weekly": {}, "holidays": {"countries": ["XX"]}}, "no holidays of 'XX' are known"),
        ({"weekly": {}, "holidays": {"countries": [["BE"]]}}, "no holidays of ['BE'] are known"),
        ({"weekly": {}, "holidays": {"countries": []}}, "holidays.countries must be a list"),
        ({"weekly": {}, "holidays": ["BE"]}, "holidays must be an object"),
        ({"exceptions": {}}, "exceptions must be a list"),
        ({"exceptions": [{}]}, "exceptions[0].from: write a day as '2026-12-24', not None"),
        ({"exceptions": [{"from": "24/12/2026"}]}, "exceptions[0].from: write a day"),
        ({"exceptions": [{"from": "1226-12-24"}]}, "is not in our time"),
        (
            {"exceptions": [{"from": "2026-12-26", "until": "2026-12-24"}]},
            "exceptions[0]: its last day",
        ),
        ({"exceptions": [{"from": "2026-12-26", "name": "x" * 201}]}, "exceptions[0].name must be"),
        ({"events": [{"from": "2026-12-26"}]}, "events[0].from: write a time as"),
        (
            {"events": [{"from": "2026-12-26T08:00:00", "until": "2026-12-26T09:00:00Z"}]},
            "events[0].from: write a time as",
        ),
        (
            {"events": [{"from": "9999-12-31T23:00:00-05:00", "until": "2026-12-26T09:00:00Z"}]},
            "is not in our time",
        ),
        (
            {"events": [{"from": "2026-12-26T09:00:00Z", "until": "2026-12-26T09:00:00Z"}]},
            "events[0]: it is over before it begins",
        ),
        (
            {
                "events": [
                    {
                        "from": "2026-12-26T09:00:00Z",
                        "until": "2026-12-26T10:00:00Z",
                        "open": "no",
                    }
                ]
            },
            "events[0].open must be true or false",
        ),
    ],
)
def test_what_a_setting_may_not_say_is_told_with_what_to_write(setting: object, said: str):
    with pytest.raises(ValueError) as refused:
        schedule_from(setting)  # type: ignore[arg-type]
    assert said in str(refused.value)
