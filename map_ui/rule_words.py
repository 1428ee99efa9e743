"""A rule in a plain sentence: whom it is about, what it asks, when, and what follows.

“When a vehicle tagged “van” leaves Depot Gent for 2 minutes or longer, Monday to Friday
20:00 to 06:00, an operator is called with priority 2 and the client is told.” Words of single kinds
are in ``kind_words``; here they become sentences. Values stand between two marks, so that a page
can show them stronger; ``plain`` takes the marks away.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from babel.lists import format_list
from markupsafe import Markup, escape

from geofence.kinds import COMBINATIONS
from geofence.schedule import schedule_from
from map_ui import kind_words
from map_ui.language import REGIONS, translations
from map_ui.names import Words
from map_ui.quantities import duration_said, instant_said, quantity_said
from map_ui.schedule_words import schedule_said

_BEGIN, _END = "\ue000", "\ue001"
_LABEL = "label:"
_NAMED = 4
"""Names that a sentence says one by one; of more, only how many more there are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """What ids are called; an id that is missing here is not the reader's to know."""

    zones: Mapping[str, str] = field(default_factory=dict)
    assets: Mapping[str, str] = field(default_factory=dict)
    organisations: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleSaid:
    """What a sentence is made of: a rule that is in the books, or one that is being written."""

    setting: Mapping[str, Any]
    for_s: float = 0.0
    schedule: Mapping[str, Any] | None = None
    scope: Mapping[str, Sequence[str]] = field(default_factory=dict)
    severity: int = 0
    told: Sequence[str] = ("desk",)


def sentence(rule: RuleSaid, named: Named, language: str) -> str:
    """The whole rule in one sentence."""
    words = translations(language).gettext
    teller = _Teller(named=named, language=language)
    parts = [teller.what(rule.setting)]
    if rule.for_s > 0:
        time = _strong(duration_said(rule.for_s, language))
        parts.append(words("for %(time)s or longer") % {"time": time})
    if rule.schedule is not None:
        parts.append(_strong(hours_or_fault(rule.schedule, language)))
    said = words("When %(who)s %(what)s, %(then)s.") % {
        "who": teller.who(rule.scope),
        "what": ", ".join(parts),
        "then": then_said(rule.severity, rule.told, words),
    }
    return said[:1].upper() + said[1:]


def condition_said(setting: Mapping[str, Any], named: Named, language: str) -> str:
    """What a condition asks, as it follows “a vehicle …”."""
    return _Teller(named=named, language=language).what(setting)


def who_said(scope: Mapping[str, Sequence[str]], named: Named, language: str) -> str:
    """Whom a rule is for: “a vehicle tagged “van” of Bakery”."""
    return _Teller(named=named, language=language).who(scope)


def then_said(severity: int, told: Sequence[str], words: Words) -> str:
    """What follows once the rule notices something."""
    if severity and "desk" in told:
        said = words("an operator is called with priority %(priority)s")
        said %= {"priority": _strong(str(severity))}
    else:
        said = words("it is written down and nobody is called")
    client = words("and the client is told")
    return f"{said} {client}" if "client" in told else said


def hours_or_fault(setting: Mapping[str, Any], language: str) -> str:
    """The hours of a schedule in words; what cannot be read says so."""
    try:
        return schedule_said(schedule_from(setting), language)
    except ValueError:
        return translations(language).gettext("in hours that cannot be read")


def value_said(
    kind: str, name: str, setting: Mapping[str, Any], named: Named, language: str
) -> str:
    """One setting of a condition in words; what nobody set is as usual."""
    return _Teller(named=named, language=language).value(kind, name, setting)


def first_kind(setting: Mapping[str, Any]) -> str:
    """The kind that a rule is about first; "" for none."""
    kind, of = str(setting.get("kind", "")), setting.get("of")
    if kind not in COMBINATIONS:
        return kind
    parts = [of] if isinstance(of, Mapping) else of or ()
    found = (first_kind(part) for part in parts if isinstance(part, Mapping))
    return next(filter(None, found), "")


def plain(said: str) -> str:
    """A sentence without its marks."""
    return said.replace(_BEGIN, "").replace(_END, "")


def strengthened(said: str) -> Markup:
    """A sentence as HTML, its values stronger."""
    safe = str(escape(said))
    return Markup(safe.replace(_BEGIN, "<strong>").replace(_END, "</strong>"))  # noqa: S704 - escaped above


def listed(parts: Sequence[str], language: str, *, style: str = "or") -> str:
    """“A, B or C”."""
    return format_list(list(parts), style=style, locale=REGIONS[language])  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Teller:
    named: Named
    language: str

    def words(self, english: str) -> str:
        """The same in the language of the sentence."""
        return translations(self.language).gettext(english)

    def what(
        self, setting: Mapping[str, Any], *, inner: bool = False, negated: bool = False
    ) -> str:
        kind = str(setting.get("kind", ""))
        if kind == "not":
            return self.what(_part(setting), inner=inner, negated=not negated)
        if kind == "lasting":
            said = self._lasting(setting, negated=negated)
            return f"({said})" if inner else said
        if kind in COMBINATIONS:
            return self._combined(kind, setting, inner=inner, negated=negated)
        return self._one(kind, setting, negated=negated)

    def who(self, scope: Mapping[str, Sequence[str]]) -> str:
        assets = [self.named.assets.get(each, "…") for each in scope.get("assets", ())]
        if assets and not (scope.get("groups") or scope.get("tags")):
            return self._names(assets)
        kinds = scope.get("kinds", ())
        said = listed(
            [self.words(_SUBJECTS[each]) for each in kinds if each in _SUBJECTS], self.language
        )
        if not said:
            said = self.words("anything that we follow")
        marks = []
        if tags := scope.get("tags", ()):
            marks.append(self.words("tagged %(tags)s") % {"tags": self._quoted(tags)})
        if groups := scope.get("groups", ()):
            marks.append(self.words("of group %(groups)s") % {"groups": self._quoted(groups)})
        if assets:
            marks.append(self.words("called %(names)s") % {"names": self._names(assets)})
        if marks:
            said = f"{said} {listed(marks, self.language)}"
        if owners := scope.get("organisations", ()):
            names = [self.named.organisations.get(each, "…") for each in owners]
            said += " " + self.words("of %(clients)s") % {"clients": self._names(names)}
        return said

    def _lasting(self, setting: Mapping[str, Any], *, negated: bool) -> str:
        said = self.what(_part(setting), inner=True)
        time = _strong(duration_said(float(setting.get("for_s") or 0), self.language))
        if negated:
            words = self.words("does not do this for %(time)s: %(what)s")
        else:
            words = self.words("%(what)s, for %(time)s or longer")
        return words % {"what": said, "time": time}

    def _combined(
        self, kind: str, setting: Mapping[str, Any], *, inner: bool, negated: bool
    ) -> str:
        parts = [each for each in setting.get("of") or () if isinstance(each, Mapping)]
        if negated:
            # Neither A nor B, and not both, are said by what their parts do not.
            kind = "any" if kind == "all" else "all"
        if len(parts) == 1:
            return self.what(parts[0], inner=inner, negated=negated)
        if kind == "any" or negated:
            said = [self.what(each, inner=True, negated=negated) for each in parts]
            whole = listed(said, self.language, style="or" if kind == "any" else "standard")
        else:
            wanted = [each for each in parts if each.get("kind") != "not"]
            unless = [each for each in parts if each.get("kind") == "not"]
            if not wanted:
                wanted, unless = unless, []
            said = [self.what(each, inner=True) for each in wanted]
            whole = listed(said, self.language, style="standard")
            for each in unless:
                what = self.what(_part(each), inner=len(unless) > 1)
                whole += ", " + self.words("unless it %(what)s") % {"what": what}
        return f"({whole})" if inner and len(parts) > 1 else whole

    def _one(self, kind: str, setting: Mapping[str, Any], *, negated: bool) -> str:
        if not kind:
            # Nothing has been chosen yet.
            return self.words("does …")
        phrase = kind_words.phrase_of(kind, setting)
        if phrase is None:
            return self.words("does something that this page does not know (%(kind)s)") % {
                "kind": kind
            }
        said = self.words(phrase.negated if negated else phrase.words)
        return re.sub(r"%\((\w+)\)s", lambda found: self.value(kind, found[1], setting), said)

    def value(self, kind: str, name: str, setting: Mapping[str, Any]) -> str:
        value = setting.get(name, kind_words.default_of(kind, name))
        if name in kind_words.ZONE_FIELDS:
            return self._zones(value, needed=kind_words.is_needed(kind, name))
        if name in kind_words.ASSET_FIELDS:
            ids = [value] if isinstance(value, str) else list(value or ())
            return self._names([self.named.assets.get(each, "…") for each in ids if each])
        choices = dict(kind_words.choices_of(kind, name))
        if choices:
            values = [value] if isinstance(value, str) else list(value or ())
            return self._names([self.words(choices.get(each, each)) for each in values])
        if name in kind_words.INSTANT_FIELDS:
            return _strong(instant_said(str(value or ""), self.language) or "…")
        return _strong(quantity_said(name, value, self.language) or "…")

    def _zones(self, ids: Any, *, needed: bool) -> str:  # noqa: ANN401 - of a form or a book
        names = [
            self.words("a zone labelled %(label)s") % {"label": self._quoted([each[len(_LABEL) :]])}
            if str(each).startswith(_LABEL)
            else _strong(self.named.zones.get(str(each), self.words("a zone that is gone")))
            for each in ids or ()
        ]
        if not names:
            return _strong("…") if needed else self.words("any zone")
        return self._shortened(names)

    def _names(self, names: Sequence[str]) -> str:
        return self._shortened([_strong(each) for each in names]) if names else _strong("…")

    def _quoted(self, names: Sequence[str]) -> str:
        quote = self.words("“%(name)s”")
        return self._shortened([_strong(quote % {"name": each}) for each in names])

    def _shortened(self, names: Sequence[str]) -> str:
        if len(names) <= _NAMED:
            return listed(names, self.language)
        more = len(names) - _NAMED + 1
        ngettext = translations(self.language).ngettext
        rest = ngettext("%(num)s more", "%(num)s more", more) % {"num": more}
        return listed([*names[: _NAMED - 1], rest], self.language)


def _part(setting: Mapping[str, Any]) -> Mapping[str, Any]:
    of = setting.get("of")
    return of if isinstance(of, Mapping) else {}


def _strong(value: str) -> str:
    return f"{_BEGIN}{value}{_END}"


def _(english: str) -> str:
    """Marks words for the catalogues; they are translated when they are said."""
    return english


_SUBJECTS: Mapping[str, str] = {
    "vehicle": _("a vehicle"),
    "lone_worker": _("a lone worker"),
    "senior": _("a senior"),
}
