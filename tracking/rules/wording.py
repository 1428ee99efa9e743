"""Words of an event: a message that somebody wrote, with names of facts in braces.

``{speed_kmh} km/h in {zone}`` is filled in name by name. It is no format string: nothing in it is
looked up in an object, computed or padded.
"""

import re
from collections.abc import Mapping
from typing import Final

LANGUAGES: Final = ("nl", "fr", "de", "en")
LONGEST: Final = 500
"""Characters of a message, before it is filled in."""
UNKNOWN: Final = "–"  # noqa: RUF001 - a dash, as it is printed
"""Stands where an event has no such fact."""

_LONGEST_FACT: Final = 200
_YES_NO: Final = {
    "nl": ("ja", "nee"),
    "fr": ("oui", "non"),
    "de": ("ja", "nein"),
    "en": ("yes", "no"),
}
_NAME: Final = re.compile(r"\{([a-z][a-z0-9_]*)\}")


def fault_in(template: str, known: frozenset[str]) -> str | None:
    """What is wrong with a message, in words; None if it can be filled in from these facts."""
    if not template.strip():
        return "A message says something; leave the language out to use the usual words."
    if len(template) > LONGEST:
        return f"A message is at most {LONGEST} characters long."
    if not template.replace("\n", "").isprintable():
        return "Write it without control characters."
    if any(brace in _NAME.sub("", template) for brace in "{}"):
        return "Braces hold the name of a fact and nothing else, as {asset}."
    if odd := sorted(set(_NAME.findall(template)) - known):
        return f"There is no fact {', '.join(odd)}; there are {', '.join(sorted(known))}."
    return None


def filled(template: str, facts: Mapping[str, object], *, language: str) -> str:
    """The message with its facts; an unknown one is a dash. Text for people, not HTML."""
    return _NAME.sub(lambda found: said(facts.get(found[1]), language=language), template)


def said(fact: object, *, language: str) -> str:
    """One fact as people write it: 87.25 as 87.2, a list with commas, true as yes."""
    match fact:
        case None:
            return UNKNOWN
        case bool():
            return _YES_NO[language][0 if fact else 1]
        case float():
            text = f"{fact:.1f}".removesuffix(".0")
            return text if language == "en" else text.replace(".", ",")
        case list() | tuple():
            return ", ".join(said(each, language=language) for each in fact[:20])
        case Mapping():
            return UNKNOWN
    return str(fact)[:_LONGEST_FACT]
