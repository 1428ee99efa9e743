"""Names for what rules hold by id, and what a person may mean by a name that they typed."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from geofence.kinds import COMBINATIONS
from map_ui import kind_words, rule_form
from map_ui.names import Words
from map_ui.rule_draft import Draft
from map_ui.rule_form import Node
from map_ui.rule_words import Named
from tracking.database import Connection
from tracking.rules.naming import store
from tracking.rules.naming.store import Name
from tracking.rules.rule import SetRule

MOST_OFFERED = 20
_LABEL = "label:"
_BETWEEN = " · "


async def named_in(connection: Connection, rules: Iterable[SetRule]) -> Named:
    """The names of everything that these rules hold by id."""
    zones: set[str] = set()
    assets: set[str] = set()
    organisations: set[str] = set()
    for rule in rules:
        _gather(rule.setting, zones, assets)
        assets |= set(rule.scope.get("assets", ()))
        organisations |= set(rule.scope.get("organisations", ()))
    return await _called(connection, zones, assets, organisations)


async def named_in_draft(connection: Connection, draft: Draft) -> Named:
    """The names of everything that a form holds by id."""
    zones, assets = rule_form.zones_and_assets(draft.tree)
    return await _called(
        connection,
        zones,
        assets | set(draft.scope.get("assets", ())),
        set(draft.scope.get("organisations", ())),
    )


async def offered(connection: Connection, what: str, search: str) -> list[str]:
    """What could be meant by the beginning of a name, as ``meant`` takes it."""
    search = search.strip().removeprefix(_LABEL)
    if what == "zones":
        labels = await store.labels_like(connection, search, most=MOST_OFFERED)
        zones = await store.zones_like(connection, search, most=MOST_OFFERED)
        return [*(f"{_LABEL}{each.name}" for each in labels), *map(_as_offered, zones)]
    found = await _LIKE[what](connection, search, most=MOST_OFFERED)
    return [_as_offered(each) for each in found]


async def meant(connection: Connection, what: str, text: str, words: Words) -> str:
    """The id, label or word that was meant by a text. Raises ValueError in words."""
    text = text.strip()
    if what in {"groups", "tags"}:
        if len(text) > 200 or not text.isprintable():
            raise ValueError(words("Write it on one line, 200 letters at most."))
        return text
    if what == "zones" and text.startswith(_LABEL):
        label = text.removeprefix(_LABEL).strip()
        if await store.labels_like(connection, label, most=1):
            return f"{_LABEL}{label}"
        raise ValueError(words("No zone has the label %(name)s.") % {"name": label})
    name, _, owner = text.partition(_BETWEEN)
    found = await _LIKE[what](connection, name.strip(), most=MOST_OFFERED)
    fits = [each for each in found if not owner or each.organisation == owner.strip()]
    exact = [each for each in fits if each.name.casefold() == name.strip().casefold()]
    chosen = exact or fits
    if not chosen:
        raise ValueError(
            words("There is nothing called %(name)s that you may see.") % {"name": text}
        )
    if len(chosen) > 1:
        sentence = words("Several are called so: choose one of the list.")
        raise ValueError(sentence)
    return chosen[0].id


def label_of(value: str, names: Mapping[str, str], words: Words) -> str:
    """What stands on the chip of something that was chosen."""
    if value.startswith(_LABEL):
        return words("label %(label)s") % {"label": value.removeprefix(_LABEL)}
    return names.get(value, value)


def _gather(setting: Mapping[str, Any], zones: set[str], assets: set[str]) -> None:
    of = setting.get("of")
    for part in [of] if isinstance(of, Mapping) else of or ():
        if isinstance(part, Mapping):
            _gather(part, zones, assets)
    if setting.get("kind") in COMBINATIONS:
        return
    for name, value in setting.items():
        ids = [value] if isinstance(value, str) else value
        if name in kind_words.ZONE_FIELDS:
            zones |= {each for each in ids or () if not each.startswith(_LABEL)}
        elif name in kind_words.ASSET_FIELDS:
            assets |= set(ids or ())


async def _called(
    connection: Connection, zones: set[str], assets: set[str], organisations: set[str]
) -> Named:
    return Named(
        zones=await store.zones_called(connection, _ids(zones)),
        assets=await store.assets_called(connection, _ids(assets)),
        organisations=await store.organisations_called(connection, _ids(organisations)),
    )


def _ids(said: Collection[str]) -> list[UUID]:
    found = []
    for each in said:
        try:
            found.append(UUID(each))
        except ValueError:
            continue
    return found


def _as_offered(name: Name) -> str:
    return f"{name.name}{_BETWEEN}{name.organisation}" if name.organisation else name.name


_LIKE = {
    "zones": store.zones_like,
    "assets": store.assets_like,
    "organisations": store.organisations_like,
    "groups": store.groups_like,
    "tags": store.tags_like,
}


async def with_names_added(
    connection: Connection, tree: Node, words: Words, *, path: str = rule_form.ROOT
) -> tuple[Node, dict[str, str]]:
    """The tree with what was typed beside its lists put into them, and what could not be."""
    faults: dict[str, str] = {}
    if tree.group:
        parts: list[Node] = []
        for at, part in enumerate(tree.parts):
            added, odd = await with_names_added(connection, part, words, path=f"{path}.{at}")
            parts.append(added)
            faults |= odd
        return rule_form.replaced(tree, parts=parts), faults
    typed: dict[str, Sequence[str]] = dict(tree.typed)
    for name in [each for each in typed if each.endswith(".add")]:
        text, field = rule_form.text_of(typed, name), name.removesuffix(".add")
        if not text.strip():
            continue
        what = "zones" if field in kind_words.ZONE_FIELDS else "assets"
        try:
            value = await meant(connection, what, text, words)
        except ValueError as error:
            faults[f"{path}.f.{field}"] = str(error)
            continue
        typed[field] = [*dict.fromkeys([*typed.get(field, ()), value])]
        typed[name] = [""]
    return rule_form.replaced(tree, typed=typed), faults
