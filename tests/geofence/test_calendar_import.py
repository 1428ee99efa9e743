"""iCalendar files become times of a schedule, or an error that says which event is wrong."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geofence.calendar_import import LONGEST_TEXT, schedule_from_icalendar
from geofence.schedule import schedule_from

SINCE = datetime(2026, 10, 1, tzinfo=UTC)

OUTLOOK_ZONE = """
BEGIN:VTIMEZONE
TZID:Our own time
BEGIN:STANDARD
DTSTART:19701025T030000
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU
END:STANDARD
BEGIN:DAYLIGHT
DTSTART:19700329T020000
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU
END:DAYLIGHT
END:VTIMEZONE
"""


def _calendar(*events: str, zone: str = "") -> str:
    """A calendar of these events; the lines of each stand apart by blanks."""
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Rosters//EN", *zone.split("\n")]
    for event in events:
        lines += ["BEGIN:VEVENT", *event.split("|"), "END:VEVENT"]
    return "\r\n".join(line.strip() for line in [*lines, "END:VCALENDAR", ""] if line.strip())


def _times(text: str, **said: object) -> list[str]:
    """Each time as ``10-24 20:00/04:00 Name``: month, day and hours in UTC."""
    setting = schedule_from_icalendar(text, **{"since": SINCE, **said})
    schedule_from(setting)
    return [
        f"{each['from'][5:10]} {each['from'][11:16]}/{each['until'][11:16]} {each['name']}".strip()
        for each in setting["events"]
    ]


def test_a_night_shift_repeats_by_the_clock_on_the_wall_and_ends_by_it():
    shift = (
        "SUMMARY:Night|DTSTART;TZID=Europe/Brussels:20261023T220000"
        "|DTEND;TZID=Europe/Brussels:20261024T060000|RRULE:FREQ=DAILY;COUNT=4"
    )
    assert _times(_calendar(shift)) == [
        "10-23 20:00/04:00 Night",
        "10-24 20:00/05:00 Night",
        "10-25 21:00/05:00 Night",
        "10-26 21:00/05:00 Night",
    ]


@pytest.mark.parametrize(
    ("event", "times"),
    [
        # One time, in UTC, in a zone, in no zone.
        ("DTSTART:20261124T080000Z|DTEND:20261124T093000Z", ["11-24 08:00/09:30"]),
        ("DTSTART:20261124T080000|DURATION:PT90M", ["11-24 07:00/08:30"]),
        (
            "DTSTART;TZID=America/New_York:20261124T080000|DTEND;TZID=Europe/Brussels:20261124T150000",
            ["11-24 13:00/14:00"],
        ),
        # Days are days of the schedule's own time zone, the last one not included.
        ("DTSTART;VALUE=DATE:20261224", ["12-23 23:00/23:00"]),
        ("DTSTART;VALUE=DATE:20261224|DTEND;VALUE=DATE:20261227", ["12-23 23:00/23:00"]),
        # Until, by the clock of the event: with its own last time, and as a day.
        (
            (
                "DTSTART;TZID=Europe/Brussels:20261124T233000|DURATION:PT15M"
                "|RRULE:FREQ=DAILY;UNTIL=20261125T223000Z"
            ),
            ["11-24 22:30/22:45", "11-25 22:30/22:45"],
        ),
        (
            (
                "DTSTART;TZID=Europe/Brussels:20261124T233000|DURATION:PT15M"
                "|RRULE:FREQ=DAILY;UNTIL=20261125T222959Z"
            ),
            ["11-24 22:30/22:45"],
        ),
        (
            (
                "DTSTART;TZID=Europe/Brussels:20261124T233000|DURATION:PT15M"
                "|RRULE:FREQ=DAILY;UNTIL=20261125"
            ),
            ["11-24 22:30/22:45", "11-25 22:30/22:45"],
        ),
        # Days that do not come.
        (
            (
                "DTSTART:20261124T080000Z|DURATION:PT1H|RRULE:FREQ=WEEKLY;BYDAY=TU,TH;COUNT=5"
                "|EXDATE:20261126T080000Z,20261203T080000Z|EXDATE:20261208T090000Z"
            ),
            ["11-24 08:00/09:00", "12-01 08:00/09:00", "12-08 08:00/09:00"],
        ),
        (
            (
                "DTSTART:20261124T080000Z|DURATION:PT1H|RRULE:FREQ=DAILY;COUNT=3"
                "|EXDATE;VALUE=DATE:20261125"
            ),
            ["11-24 08:00/09:00", "11-26 08:00/09:00"],
        ),
        (
            (
                "DTSTART;TZID=Europe/Brussels:20261124T080000|DURATION:PT1H|RRULE:FREQ=DAILY;COUNT=2"
                "|EXDATE:20261125T070000Z"
            ),
            ["11-24 07:00/08:00"],
        ),
        # Days that come besides.
        (
            "DTSTART:20261124T080000Z|DURATION:PT1H|RDATE:20261201T100000Z,20261124T080000Z",
            ["11-24 08:00/09:00", "12-01 10:00/11:00"],
        ),
        # What is over is left out, what goes on is not.
        (
            "DTSTART:20260930T220000Z|DURATION:PT4H|RRULE:FREQ=DAILY;COUNT=2",
            ["09-30 22:00/02:00", "10-01 22:00/02:00"],
        ),
        ("DTSTART:20260929T200000Z|DURATION:PT4H|RRULE:FREQ=DAILY;COUNT=3", ["10-01 20:00/00:00"]),
        # A day on which clocks leave nothing of it.
        (
            (
                "DTSTART;TZID=Europe/Brussels:20270327T023000"
                "|DTEND;TZID=Europe/Brussels:20270327T030000|RRULE:FREQ=DAILY;COUNT=3"
            ),
            ["03-27 01:30/02:00", "03-29 00:30/01:00"],
        ),
    ],
)
def test_an_event_comes_when_its_lines_say(event: str, times: list[str]):
    assert _times(_calendar(event)) == times


def test_a_whole_day_is_one_of_the_schedules_own_time_zone():
    text = _calendar("DTSTART;VALUE=DATE:20261224")
    assert _times(text, time_zone="Asia/Tokyo") == ["12-23 15:00/15:00"]
    (event,) = schedule_from_icalendar(text, since=SINCE)["events"]
    assert event["until"] == "2026-12-24T23:00:00Z"


def test_a_time_zone_that_only_the_file_knows_is_followed_over_clock_changes():
    event = "DTSTART;TZID=Our own time:20261024T080000|DURATION:PT1H|RRULE:FREQ=DAILY;COUNT=2"
    assert _times(_calendar(event, zone=OUTLOOK_ZONE)) == ["10-24 06:00/07:00", "10-25 07:00/08:00"]


def test_an_occurrence_may_be_moved_and_another_cancelled():
    series = (
        "UID:a|SUMMARY:Early|DTSTART;TZID=Europe/Brussels:20261124T080000|DURATION:PT1H"
        "|RRULE:FREQ=DAILY;COUNT=3"
    )
    moved = (
        "UID:a|SUMMARY:Late|RECURRENCE-ID:20261125T070000Z"
        "|DTSTART;TZID=Europe/Brussels:20261125T180000|DURATION:PT2H"
    )
    cancelled = (
        "UID:a|STATUS:CANCELLED|RECURRENCE-ID;TZID=Europe/Brussels:20261126T080000"
        "|DTSTART;TZID=Europe/Brussels:20261126T080000|DURATION:PT1H"
    )
    other = "UID:b|SUMMARY:Other|DTSTART:20261126T070000Z|DURATION:PT1H"
    gone = "UID:c|STATUS:cancelled|DTSTART:20261126T070000Z|DURATION:PT1H"
    events = (moved, series, cancelled, other, gone)
    assert _times(_calendar(*events)) == [
        "11-24 07:00/08:00 Early",
        "11-25 17:00/19:00 Late",
        "11-26 07:00/08:00 Other",
    ]


def test_an_occurrence_may_last_longer_than_the_others():
    series = "UID:a|DTSTART:20261124T080000Z|DURATION:PT1H|RRULE:FREQ=DAILY;COUNT=2"
    longer = "UID:a|RECURRENCE-ID:20261125T080000Z|DTSTART:20261125T080000Z|DURATION:PT3H"
    assert _times(_calendar(series, longer)) == ["11-24 08:00/09:00", "11-25 08:00/11:00"]


def test_closures_are_taken_from_the_hours_they_are_put_into():
    text = _calendar("SUMMARY:Stock-taking|DTSTART:20261124T090000Z|DTEND:20261124T100000Z")
    closures = schedule_from_icalendar(text, since=SINCE, opens=False)["events"]
    schedule = schedule_from({"weekly": {"tue": ["08:00-17:00"]}, "events": closures})
    assert schedule.next_change(datetime(2026, 11, 24, 8, tzinfo=UTC)) == datetime(
        2026, 11, 24, 9, tzinfo=UTC
    )
    assert not schedule.covers(datetime(2026, 11, 24, 9, 30, tzinfo=UTC))
    assert schedule.covers(datetime(2026, 11, 24, 10, tzinfo=UTC))


def test_what_repeats_for_ever_is_written_out_for_two_years():
    text = _calendar("DTSTART:20200101T080000Z|DURATION:PT1H|RRULE:FREQ=WEEKLY")
    events = schedule_from_icalendar(text, since=SINCE)["events"]
    assert len(events) == 104
    assert (events[0]["from"], events[-1]["from"]) == (
        "2026-10-07T08:00:00Z",
        "2028-09-27T08:00:00Z",
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "there is no event in this file"),
        ("hello", "this is not an iCalendar file"),
        ("BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n", "there is no event in this file"),
        ("BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n", "there is no event in this file"),
        (__file__, "this is not an iCalendar file"),
        ("x" * (LONGEST_TEXT + 1), "at most 2,000,000 characters"),
        (_calendar("UID:a"), "event 1 (a): it has no DTSTART"),
        (_calendar("SUMMARY:Early"), "event 1 (Early): it has no DTSTART"),
        (_calendar("DTSTART:20261124T080000Z"), "no event of this calendar takes any time"),
        (_calendar("DTSTART:20200101T080000Z|DURATION:PT1H"), "from 2026-10-01 on"),
        (
            _calendar("DTSTART:20261124T080000Z|DURATION:PT1H", "DTSTART:tomorrow"),
            "event 2 (without a title): DTSTART cannot be read",
        ),
        (
            _calendar("DTSTART;TZID=Atlantis:20261124T080000|DURATION:PT1H"),
            "its time zone 'Atlantis' is not known",
        ),
        (
            _calendar("DTSTART:20261124T080000Z|DTSTART:20261125T080000Z"),
            "it has more than one DTSTART",
        ),
        (_calendar("DTSTART:20261124T080000Z|DTEND:20261124T070000Z"), "it ends before it begins"),
        (_calendar("DTSTART:20261124T080000Z|DURATION:P400D"), "it lasts longer than a year"),
        (
            _calendar("DTSTART:20261124T080000Z|DURATION:PT1H|RRULE:FREQ=HOURLY"),
            "it repeats HOURLY; at most DAILY can be read",
        ),
        (
            _calendar("DTSTART:20261124T080000Z|DURATION:PT1H|RRULE:FREQ=SOMETIMES"),
            "RRULE cannot be read",
        ),
        (
            _calendar("DTSTART:20261124T080000Z|DURATION:PT1H|RRULE:FREQ=DAILY;INTERVAL=0"),
            "as nothing can",
        ),
        (
            _calendar("DTSTART:20261124T080000Z|DURATION:PT1H|RRULE:FREQ=DAILY;COUNT=0"),
            "as nothing can",
        ),
        (
            _calendar(
                "DTSTART:20261124T080000Z|DURATION:PT1H|RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"
            ),
            "it repeats on days that never come",
        ),
        (
            _calendar("DTSTART:19600101T080000Z|DURATION:PT1H|RRULE:FREQ=YEARLY"),
            "it has repeated since before 1970",
        ),
        (
            _calendar("DTSTART:20261124T080000Z|DURATION:PT1H|EXRULE:FREQ=YEARLY"),
            "EXRULE is no longer part of iCalendar",
        ),
        (
            _calendar(
                "DTSTART:20261124T080000Z|DURATION:PT1H|RDATE;VALUE=PERIOD:20261125T080000Z/PT3H"
            ),
            "RDATE with an end of its own cannot be read",
        ),
        (
            _calendar(
                "DTSTART:20261124T080000Z|DURATION:PT1H"
                "|RECURRENCE-ID;RANGE=THISANDFUTURE:20261124T080000Z"
            ),
            "it changes all that follow it",
        ),
        (
            _calendar(
                *(
                    f"SUMMARY:{n}|DTSTART:20261124T080000Z|DURATION:PT1H|RRULE:FREQ=DAILY"
                    for n in range(10)
                )
            ),
            "event 8 (7): with this one there are more than 5,000 times",
        ),
        (
            _calendar(
                "SUMMARY:Bells|DTSTART:20260101T000000Z|DURATION:PT1M|RRULE:FREQ=DAILY;BYHOUR="
                + ",".join(map(str, range(24)))
                + ";BYMINUTE="
                + ",".join(map(str, range(60)))
            ),
            "event 1 (Bells): with this one, events repeat too often",
        ),
    ],
)
def test_an_error_says_which_event_is_wrong_and_why(text: str, said: str):
    with pytest.raises(ValueError) as refused:
        schedule_from_icalendar(text, since=SINCE)
    assert said in str(refused.value)


def test_a_time_zone_that_does_not_exist_is_refused():
    text = _calendar("DTSTART:20261124T080000Z|DURATION:PT1H")
    with pytest.raises(ValueError, match="there is no time zone 'Brussels'"):
        schedule_from_icalendar(text, since=SINCE, time_zone="Brussels")


_LINES = _calendar(
    "UID:a|DTSTART;TZID=Europe/Brussels:20261124T080000|DURATION:PT1H|RRULE:FREQ=DAILY;COUNT=3"
    "|EXDATE:20261125T070000Z|RDATE:20261201T100000Z",
    "UID:a|RECURRENCE-ID:20261124T070000Z|DTSTART;VALUE=DATE:20261124|DTEND;VALUE=DATE:20261125",
    zone=OUTLOOK_ZONE,
).split("\r\n")


@settings(max_examples=200, deadline=None)
@given(
    cuts=st.lists(
        st.tuples(
            st.integers(0, len(_LINES) - 1),
            st.integers(0, 60),
            st.text("0123456789TZ:;=-,ABDEFNRVX\x00é", max_size=4),
        ),
        max_size=3,
    )
)
def test_whatever_is_wrong_with_a_file_it_is_refused_or_read_whole(
    cuts: list[tuple[int, int, str]],
):
    lines = list(_LINES)
    for number, column, instead in cuts:
        line = lines[number]
        lines[number] = line[:column] + instead + line[column + len(instead) :]
    try:
        setting = schedule_from_icalendar("\r\n".join(lines), since=SINCE)
    except ValueError:
        return
    assert schedule_from(setting).next_change(SINCE) is not None
