"""The catalogues say everything that the pages say, in every language."""

import re

import pytest
from babel.messages.pofile import read_po

from map_ui.language import LANGUAGES, LOCALE, SOURCE
from map_ui.locale.__main__ import gathered, untranslated

TRANSLATED = [language for language in LANGUAGES if language != SOURCE]
_GAP = re.compile(r"\{\w+\}|%\(\w+\)s")


def _catalogue(language):
    with (LOCALE / f"{language}.po").open("rb") as file:
        return read_po(file, locale=language)


@pytest.mark.parametrize("language", TRANSLATED)
def test_nothing_is_left_untranslated(language):
    assert untranslated(language) == [], "run `python -m map_ui.locale` and translate"


@pytest.mark.parametrize("language", TRANSLATED)
def test_nothing_is_translated_that_nobody_says(language):
    said = {message.id for message in gathered()}
    assert {message.id for message in _catalogue(language)} <= said


@pytest.mark.parametrize("language", TRANSLATED)
def test_a_translation_has_the_gaps_of_its_original(language):
    for message in _catalogue(language):
        if not message.id:
            continue
        plural = isinstance(message.id, tuple | list)
        original = message.id[-1] if plural else message.id
        translation = message.string[-1] if plural else message.string
        assert sorted(_GAP.findall(translation)) == sorted(_GAP.findall(original)), original
