"""Rules in plain sentences: every kind and every setting has its words, in four languages."""

import re
from dataclasses import fields
from pathlib import Path

import pytest

from geofence import kinds
from map_ui import kind_words
from map_ui.causes import CAUSES
from map_ui.field_words import FACTS, FIELDS
from map_ui.language import LANGUAGES, translations
from map_ui.messages import example_facts, usual_message
from map_ui.quantities import duration_said
from map_ui.rule_form import asked_of, changed, setting_of, tree_of
from map_ui.rule_words import Named, RuleSaid, plain, sentence, strengthened
from tracking.rules.kinds import FACTS as KNOWN
from tracking.rules.wording import UNKNOWN, fault_in, filled

VAN = {"kinds": ["vehicle"], "tags": ["van"]}
NAMES = Named(
    zones={"g": "Depot Gent", "a": "Depot Aalst"},
    assets={"t": "Truck 14"},
    organisations={"b": "Bakery"},
)
NIGHTS = {
    "weekly": {day: ["20:00-06:00"] for day in ("mon", "tue", "wed", "thu", "fri")},
    "holidays": {"countries": ["BE"], "hours": []},
}
LEAVES = {"kind": "outside", "zones": ["a", "g"]}


def said(setting, language="en", **rule):
    found = plain(sentence(RuleSaid(setting=setting, **rule), NAMES, language))
    return found.replace("\N{EN DASH}", "-").replace("\N{NO-BREAK SPACE}", " ")


def unchanged(words):
    return words


def test_every_kind_has_words():
    assert set(kind_words.KINDS) == set(kinds.names())


@pytest.mark.parametrize("kind", kinds.names())
def test_every_setting_of_a_kind_has_a_label_and_stands_where_its_phrases_say(kind):
    there_are = {each.name for each in fields(kinds.get(kind))}
    assert {asked.name for asked in asked_of(kind, unchanged)} == there_are
    for phrase in kind_words.KINDS[kind].phrases:
        assert set(phrase.names) | set(phrase.given) <= there_are
        for words in (phrase.words, phrase.negated):
            assert set(re.findall(r"%\((\w+)\)s", words)) <= there_are


def test_no_words_are_left_of_settings_that_are_gone():
    there_are = {each.name for kind in kinds.names() for each in fields(kinds.get(kind))}
    assert {name.rpartition(".")[2] for name in FIELDS} <= there_are
    assert all(name.partition(".")[0] in kinds.names() for name in FIELDS if "." in name)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", kinds.names())
def test_the_usual_message_of_a_kind_can_be_filled_in(kind, language):
    template = usual_message(kind, language)
    assert fault_in(template, KNOWN) is None
    assert UNKNOWN not in filled(template, example_facts(kind, language), language=language)


@pytest.mark.parametrize("language", [each for each in LANGUAGES if each != "en"])
def test_translated_phrases_have_the_same_settings_in_them(language):
    words = translations(language).gettext
    for kind, each in kind_words.KINDS.items():
        for phrase in each.phrases:
            for english in (phrase.words, phrase.negated):
                found = re.findall(r"%\((\w+)\)s", words(english))
                assert sorted(found) == sorted(re.findall(r"%\((\w+)\)s", english)), (kind, english)


def test_the_desk_says_the_same_messages():
    script = Path("map_ui/static/pages/messages.js").read_text()
    said = dict(re.findall(r'^  (\w+): \(told\) => say\("([^"]+)", told\),$', script, re.MULTILINE))
    assert said == {kind: each.message for kind, each in kind_words.KINDS.items()}


def test_every_fact_has_a_name_and_every_kind_a_cause():
    assert set(KNOWN) <= set(FACTS)
    assert set(kinds.names()) | {"rule_failed"} <= set(CAUSES)


def test_a_rule_is_one_plain_sentence():
    rule = {"for_s": 120.0, "schedule": NIGHTS, "scope": VAN, "severity": 2}
    assert said(LEAVES, **rule, told=("desk", "client")) == (
        "When a vehicle tagged “van” is outside Depot Aalst or Depot Gent, for 2 minutes or longer,"
        " Monday to Friday 20:00-06:00, not on public holidays (Belgium), an operator is called"
        " with priority 2 and the client is told."
    )


SAID = {
    "nl": (
        "Wanneer een voertuig met label “van” buiten Depot Aalst of Depot Gent is, minstens"
        " 2 minuten lang, maandag tot vrijdag 20:00-06:00, niet op feestdagen (België), wordt een"
        " operator gealarmeerd met prioriteit 2 en wordt de klant verwittigd."
    ),
    "fr": (
        "Quand un véhicule marqué « van » est hors de Depot Aalst ou Depot Gent, pendant au moins"
        " 2 minutes, de lundi à vendredi 20:00-06:00, sauf les jours fériés (Belgique), un"
        " opérateur est appelé avec la priorité 2 et le client est prévenu."
    ),
    "de": (
        "Wenn ein Fahrzeug mit der Markierung „van“ außerhalb von Depot Aalst oder Depot Gent ist,"
        " mindestens 2 Minuten lang, Montag bis Freitag 20:00-06:00, nicht an Feiertagen"
        " (Belgien), wird ein Operator mit Priorität 2 alarmiert und der Kunde benachrichtigt."
    ),
}


@pytest.mark.parametrize("language", SAID)
def test_the_sentence_is_said_in_every_language(language):
    rule = {"for_s": 120.0, "schedule": NIGHTS, "scope": VAN, "severity": 2}
    assert said(LEAVES, language, **rule, told=("desk", "client")) == SAID[language]


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ({"kind": "not", "of": LEAVES}, "is not outside Depot Aalst or Depot Gent"),
        ({"kind": "overspeed", "limit_kmh": 90}, "drives faster than 90 km/h"),
        ({"kind": "overspeed", "limit": "asset"}, "drives faster than its own limit"),
        (
            {"kind": "inside", "zones": ["label:depot"]},
            "is in a zone labelled “depot”",
        ),
        ({"kind": "near", "companions": ["t"]}, "is within 200 m of Truck 14"),
        (
            {
                "kind": "all",
                "of": [{"kind": "towed"}, {"kind": "not", "of": {"kind": "ignition"}}],
            },
            "is towed, unless it has its ignition on",
        ),
        (
            {
                "kind": "any",
                "of": [
                    {"kind": "towed"},
                    {"kind": "all", "of": [{"kind": "moving"}, {"kind": "power_lost"}]},
                ],
            },
            "is towed or (moves and loses its supply)",
        ),
        (
            {"kind": "not", "of": {"kind": "any", "of": [{"kind": "towed"}, {"kind": "moving"}]}},
            "is not towed and does not move",
        ),
        (
            {
                "kind": "all",
                "of": [
                    {"kind": "ignition"},
                    {"kind": "lasting", "of": {"kind": "moving"}, "for_s": 90},
                ],
            },
            "has its ignition on and (moves, for 1 minute 30 seconds or longer)",
        ),
        ({"kind": "tomorrow"}, "does something that this page does not know (tomorrow)"),
    ],
)
def test_conditions_are_said_as_people_say_them(setting, expected):
    found = said(setting)
    assert (
        found
        == f"When anything that we follow {expected}, it is written down and nobody is called."
    )


def test_names_that_a_reader_may_not_know_and_markup_in_names_are_harmless():
    named = Named(zones={"g": "<b>Depot</b>"})
    html = strengthened(sentence(RuleSaid(setting=LEAVES), named, "en"))
    assert "&lt;b&gt;Depot&lt;/b&gt;" in html
    assert "a zone that is gone" in html


TREES = [
    LEAVES,
    {"kind": "not", "of": LEAVES},
    {"kind": "lasting", "of": {"kind": "not", "of": {"kind": "moving"}}, "for_s": 90.0},
    {"kind": "not", "of": {"kind": "lasting", "of": {"kind": "moving"}, "for_s": 3600.0}},
    {"kind": "not", "of": {"kind": "not", "of": {"kind": "moving"}}},
    {
        "kind": "all",
        "of": [
            {"kind": "overspeed", "limit_kmh": 90.5},
            {
                "kind": "any",
                "of": [{"kind": "ignition"}, {"kind": "not", "of": {"kind": "moving"}}],
            },
        ],
    },
    {"kind": "harsh_driving", "braking": False, "quiet_s": 30.0},
    {"kind": "signalled", "signals": ["jamming", "panic"]},
    {"kind": "outside_at", "zones": ["g"], "at": "22:00", "weekdays": ["fri", "mon"]},
]


@pytest.mark.parametrize("setting", TREES, ids=lambda each: each["kind"])
def test_what_a_form_shows_of_a_setting_says_the_same_setting(setting):
    assert setting_of(tree_of(setting), unchanged) == (setting, [])


def test_times_of_a_journey_are_typed_by_the_clock_here():
    overdue = {"kind": "overdue", "zones": ["g"], "by": "2026-11-24T22:00:00+00:00"}
    tree = tree_of(overdue)
    assert tree.first("by") == "2026-11-24T23:00"
    assert setting_of(tree, unchanged)[0]["by"] == "2026-11-24T23:00+01:00"


def test_parts_come_and_go():
    one = tree_of({"kind": "towed"})
    two = changed(one, "and:w")
    assert (two.kind, [part.kind for part in two.parts]) == ("all", ["towed", ""])
    assert changed(two, "drop:w.1") == one
    assert changed(two, "drop:w.9") == two
    assert changed(one, "drop:w").kind == ""
    nested = changed(two, "or:w.0")
    assert nested.parts[0].kind == "any"
    for nonsense in ("", "and", "and:x", "and:w.a", "explode:w", "drop:w.0.0.0"):
        assert changed(two, nonsense) == two


def test_every_mistake_is_said_where_it_is():
    broken = tree_of({"kind": "all", "of": [{"kind": "inside", "zones": []}, {"kind": ""}]})
    _, problems = setting_of(broken, unchanged)
    assert [each.field for each in problems] == ["w.0.f.zones", "w.1.kind"]
    fast = tree_of({"kind": "overspeed", "limit_kmh": 90})
    typed = {**fast.typed, "limit_kmh": ["fast"]}
    _, (problem,) = setting_of(type(fast)(kind="overspeed", typed=typed), unchanged)
    assert (problem.field, problem.words) == ("w.f.limit_kmh", "Write a number.")


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("nl", "2 dagen 1 uur, 30 minuten"),
        ("fr", "2 jours 1 heure, 30 minutes"),
        ("de", "2 Tage 1 Stunde, 30 Minuten"),
        ("en", "2 days 1 hour, 30 minutes"),
    ],
)
def test_a_time_is_said_in_words_of_every_language(language: str, said: str):
    found = f"{duration_said(176_400, language)}, {duration_said(1_800, language)}"
    assert found.replace("\N{NO-BREAK SPACE}", " ") == said
