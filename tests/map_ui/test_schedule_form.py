"""The fields of a schedule: rows of days and spans into a setting and back, and calendars."""

import json

import pytest

from geofence.schedule import schedule_as_setting, schedule_from
from map_ui import schedule_form
from map_ui.app import add_pages
from map_ui.language import LANGUAGES, translations
from map_ui.rendering import _environment
from tests.tracking.town import settle
from tests.tracking.web import add_person, open_web

WEEK = ["mon", "tue", "wed", "thu", "fri"]
SHOP = {
    "time_zone": "Europe/Brussels",
    "weekly": {
        **{day: ["08:00-12:00", "13:00-17:30"] for day in WEEK},
        "sat": ["22:00-06:00"],
        "sun": ["00:00-24:00"],
    },
    "holidays": {"countries": ["BE", "DE-NW"], "hours": ["09:00-12:00"]},
    "exceptions": [
        {"from": "2026-12-24", "until": "2026-12-26", "hours": [], "name": "Christmas"},
    ],
}
ICALENDAR = """BEGIN:VCALENDAR
BEGIN:VEVENT
UID:1
DTSTART;TZID=Europe/Brussels:20260105T080000
DTEND;TZID=Europe/Brussels:20260105T170000
RRULE:FREQ=WEEKLY
SUMMARY:Market
END:VEVENT
END:VCALENDAR
"""
_FIELDS = """
async ([html, setting]) => {
  const read = new DOMParser().parseFromString(html, "text/html");
  document.body.replaceChildren(document.importNode(read.body.firstElementChild, true));
  const { scheduleOf } = await import("/static/pages/schedule.js");
  const fieldset = document.querySelector("[data-schedule]");
  const form = scheduleOf(fieldset);
  form.setting = setting;
  return [form.setting, form.problem, fieldset.querySelector("input[type=hidden]").value];
}
"""


@pytest.fixture
def fields() -> str:
    """The fields as a page shows them."""
    template = _environment("en").from_string(
        '{% from "schedule-fields.html" import schedule_fields with context %}'
        '{{ schedule_fields("hours", "Opening hours", "Always open", choices) }}'
    )
    return template.render(choices=schedule_form.choices("en"))


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("setting", [SHOP, None], ids=["shop", "always"])
async def test_fields_say_the_setting_that_they_were_given(scripts, fields, setting):
    said, problem, field = await scripts.evaluate(_FIELDS, [fields, setting])
    assert problem == ""
    if setting is None:
        assert (said, field) == (None, "")
        return
    assert json.loads(field) == said
    assert schedule_from(said) == schedule_from(setting)


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    ("part", "value", "complaint"),
    [
        ('[data-end="until"]', "", "Give both times"),
        ('[data-end="until"]', "08:00", "begins and ends at the same time"),
        ('[data-part="holiday-hours"]', "9 till 5", "is not understood"),
        ('[data-key="until"]', "2026-12-01", "before the first"),
    ],
)
async def test_what_is_filled_in_wrong_is_said(scripts, fields, part, value, complaint):
    await scripts.evaluate(_FIELDS, [fields, SHOP])
    said = await scripts.evaluate(
        """([part, value]) => {
          const field = document.querySelector(part);
          field.value = value;
          field.dispatchEvent(new Event("input", { bubbles: true }));
          return document.querySelector('[data-part="problem"]').textContent;
        }""",
        [part, value],
    )
    assert complaint in said


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    ("text", "spans"),
    [
        ("8:00-12:00, 13:00–17:30", ["08:00-12:00", "13:00-17:30"]),  # noqa: RUF001 - as typed
        ("", []),
        ("22:00-06:00", ["22:00-06:00"]),
        ("24:00-06:00", None),
        ("08:00-24:30", None),
        ("08:00", None),
    ],
)
async def test_hours_are_read_as_people_write_them(scripts, text, spans):
    read = await scripts.evaluate(
        "async (text) => (await import('/static/pages/hours.js')).spansIn(text)", text
    )
    assert read == spans


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_choices_are_there_in_every_language(language):
    offered = schedule_form.choices(language)
    assert [code for code, _ in offered.countries] == ["BE", "NL", "FR", "DE", "LU", "GB"]
    assert offered.time_zones[0] == "Europe/Brussels"


def test_what_a_form_sends_is_read_in_full_or_refused_in_words():
    words = translations("en").gettext
    assert schedule_form.setting_sent("", words) is None
    full = schedule_as_setting(schedule_from(SHOP))
    assert schedule_form.setting_sent(json.dumps(SHOP), words) == full
    for odd in ("{", "[]", '{"weekly": {"mon": ["late"]}}'):
        with pytest.raises(ValueError, match="These hours cannot be read"):
            schedule_form.setting_sent(odd, words)


async def test_a_calendar_is_read_for_who_is_signed_in(settings, pool):
    town = await settle(pool)
    await add_person(pool, town.centre, "an", "operator")
    async with open_web(settings) as web:
        add_pages(web.app)
        send = {"headers": {"Content-Type": "text/calendar"}}
        stranger = await web.client().post("/schedules/calendar", content=ICALENDAR, **send)
        assert stranger.status_code == 401
        an = await web.browser("an")
        found = await an.post(
            "/schedules/calendar", content=ICALENDAR, params={"times": "closed"}, **send
        )
        assert found.status_code == 200
        events = found.json()["events"]
        assert {each["name"] for each in events} == {"Market"}
        assert {each["open"] for each in events} == {False}
        odd = await an.post("/schedules/calendar", content="no calendar", **send)
        assert odd.status_code == 422
        assert "iCalendar" in odd.json()["detail"]
