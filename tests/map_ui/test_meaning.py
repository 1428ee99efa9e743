"""What decoded frames are called in words: as people at a desk read them, in their language."""

from datetime import UTC, datetime
from typing import get_args

import pytest

import protocols
from map_ui.causes import CAUSES
from map_ui.language import LANGUAGES, translations
from map_ui.meaning import Fact, grouped, meaning_of, readings_said, replies_in, text_of
from map_ui.names import COMMANDS, READINGS, SIGNALS
from protocols.json_lines import Row, Sessions, message_as_json
from protocols.message import (
    CellTower,
    Command,
    CommandReply,
    Fix,
    Heartbeat,
    Login,
    Message,
    Readings,
    Report,
    Signal,
    Unknown,
    WifiNetwork,
)

AT = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
LEUVEN = Fix(at=AT, lat=50.8796, lon=4.7009, speed_kmh=43.2, course_deg=44.0)


def _meaning(*messages: Message, language: str = "en", **other: object):
    decoded = {"messages": [message_as_json(one, "1") for one in messages], "ack": ""}
    return meaning_of({**decoded, "error": None, "unread": 0, **other}, language)


def _facts(facts: tuple[Fact, ...]) -> dict[str, str]:
    return {fact.name: fact.value for fact in facts}


def test_a_position_says_when_where_and_how_fast():
    (said,) = _meaning(Report(fix=LEUVEN, at=AT)).said
    assert said.title == "Position"
    assert _facts(said.facts) == {
        "Time": "24 Nov 2026, 09:00:00",
        "Place": "canton Leuven, near Leuven (Belgium)",
        "Coordinates": "50.87960, 4.70090",
        "Fix": "Satellite fix",
        "Speed": "43 km/h",
    }
    assert _facts(said.rest) == {"Course": "NE · 44°"}


@pytest.mark.parametrize(
    ("language", "time", "place", "speed"),
    [
        ("nl", "24 nov 2026, 09:00:00", "kanton Leuven, bij Leuven (België)", "Snelheid"),
        (
            "fr",
            "24 nov. 2026, 09:00:00",
            "canton de Louvain, près de Louvain (Belgique)",
            "Vitesse",
        ),
        ("de", "24.11.2026, 09:00:00", "Kanton Leuven, bei Leuven (Belgien)", "Geschwindigkeit"),
    ],
)
def test_a_position_is_said_in_the_readers_language(language, time, place, speed):
    (said,) = _meaning(Report(fix=LEUVEN, at=AT), language=language).said
    facts = _facts(said.facts)
    assert time in facts.values()
    assert place in facts.values()
    assert facts[speed] == "43 km/h"


def test_a_panic_is_urgent_and_a_parked_car_is_not():
    (said,) = _meaning(Report(at=AT, signals=frozenset({Signal.PANIC, Signal.PARKING}))).said
    assert said.title == "Report without a position"
    assert [(signal.words, signal.urgent) for signal in said.signals] == [
        ("SOS", True),
        ("Parked", False),
    ]


def test_readings_have_names_and_units():
    readings = Readings(
        battery_pct=82.0,
        battery_v=3.9,
        ignition=True,
        odometer_m=1_234_567.0,
        satellites=11,
        driver_id="A1",
    )
    (said,) = _meaning(Report(at=AT, readings=readings)).said
    assert _facts(said.facts) | {"Time": ""} == {
        "Time": "",
        "Battery": "82 %",
        "Battery voltage": "3.90 V",
        "Ignition": "Yes",
        "Odometer": "1,235 km",
        "Satellites": "11",
        "Driver": "A1",
    }
    assert readings_said({"battery_v": 3.9}, "nl")[0].value == "3,90 V"


def test_towers_and_networks_are_counted_and_listed_behind():
    tower = CellTower(mcc=206, mnc=1, lac=1234, cid=5678, rssi=-71)
    network = WifiNetwork(mac="aa:bb:cc:dd:ee:ff")
    (said,) = _meaning(Report(at=AT, cells=(tower, tower), wifi=(network,))).said
    facts = _facts(said.facts)
    assert (facts["Mobile network"], facts["Wi-Fi"]) == ("2 towers", "1 network")
    assert [fact.value for fact in said.rest] == [
        "206-01 1234/5678 · -71 dBm",
        "206-01 1234/5678 · -71 dBm",
        "aa:bb:cc:dd:ee:ff",
    ]


def test_what_has_no_name_here_is_shown_as_it_is():
    (said,) = _meaning(Report(at=AT, other={"io_77": [1, 2], "text": "x" * 400})).said
    rest = _facts(said.rest)
    assert rest["io_77"] == "[1, 2]"
    assert rest["text"] == "x" * 300 + "…"


def test_a_report_from_the_backlog_says_that_it_is_late():
    (said,) = _meaning(Report(fix=LEUVEN, at=AT, buffered=True)).said
    assert "Sent late" in _facts(said.facts)


def test_a_last_known_place_is_not_called_a_satellite_fix():
    old = Fix(at=datetime(2026, 11, 24, 7, 0, tzinfo=UTC), lat=50.8, lon=4.3, valid=False)
    facts = _facts(_meaning(Report(fix=old, at=AT)).said[0].facts)
    assert facts["Fix"] == "Last known position"
    assert facts["Time of the fix"] == "24 Nov 2026, 08:00:00"
    assert "Speed" not in facts


@pytest.mark.parametrize(
    ("message", "title", "value"),
    [
        (Login(unit_id="356307042441013"), "Says who it is", "356307042441013"),
        (Heartbeat(), "Sign of life", None),
        (CommandReply(text="RELAY:ON OK"), "Answer to a command", "RELAY:ON OK"),
        (Unknown(kind="0x94"), "Something that we do not translate", "0x94"),
    ],
)
def test_what_is_no_report_has_a_name_of_its_own(message, title, value):
    (said,) = _meaning(message).said
    assert said.title == title
    assert [fact.value for fact in said.facts] == ([] if value is None else [value])


def test_a_frame_that_cannot_be_read_says_so_and_keeps_the_reason_for_engineers():
    meaning = _meaning(error="malformed: checksum", language="nl")
    assert (meaning.problem, meaning.reason) == (
        "Het kon niet worden gelezen.",
        "malformed: checksum",
    )
    assert _meaning(unread=12).problem == "It is not whole: the rest of it is missing."
    assert _meaning().problem == "It says nothing by itself."
    assert _meaning(Heartbeat(), ack="78780501").answer == "78780501"


def test_answers_to_commands_are_found_wherever_they_stand():
    inside = Report(at=AT, readings=Readings(reply_text="OK"))
    decoded = {"messages": [message_as_json(one, "1") for one in (CommandReply(text="A"), inside)]}
    assert replies_in(decoded) == ["A", "OK"]


def test_bytes_are_grouped_and_text_is_read_as_text():
    assert grouped("78780d0108683040") == "78780d01 08683040"
    assert text_of(b"[3G*3401830080*0002*LK]\r\n") == "[3G*3401830080*0002*LK]"
    assert text_of(bytes(range(200, 240))) == ""
    assert text_of(b"") == ""


def test_every_word_of_a_codec_has_a_name_in_every_language():
    assert SIGNALS.keys() == {str(signal) for signal in Signal}
    assert READINGS.keys() >= Readings.__annotations__.keys()
    assert COMMANDS.keys() == {command.__name__ for command in get_args(Command)}
    english = [*SIGNALS.values(), *READINGS.values(), *COMMANDS.values(), *CAUSES.values()]
    for language in LANGUAGES:
        known = translations(language)
        assert language == "en" or all(words in known._catalog for words in english)


@pytest.mark.parametrize("name", protocols.names())
def test_garbage_at_any_door_is_said_in_words(name):
    decoded = Sessions(protocols.get(name)).hear(Row(wire=b"\x00garbage\xff" * 3), AT)
    meaning = meaning_of(decoded, "en")
    assert meaning.said or meaning.problem
