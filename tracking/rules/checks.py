"""Whether a rule that somebody wrote can be judged, without asking anybody else.

Each fault is an ``Invalid`` that says where it is and what to write instead.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final
from uuid import UUID

import orjson

from geofence.condition import Condition
from geofence.kinds import COMBINATIONS, condition_from, setting_of
from geofence.schedule import schedule_as_setting, schedule_from
from protocols.message import Signal
from tracking.errors import Invalid
from tracking.fleet.fleet import AssetKind
from tracking.rules.kinds import FACTS, is_momentary, kinds_in, walked
from tracking.rules.rule import WrittenRule
from tracking.rules.wording import LANGUAGES, fault_in

LONGEST_WAIT_S: Final = 31 * 86_400.0
MOST_NAMED: Final = 1_000
"""Assets, groups or tags that one scope may name."""
LARGEST: Final = 200_000
"""Bytes of a rule, written as JSON: gateways keep all of them in memory."""

SCOPE: Final = ("organisations", "kinds", "assets", "groups", "tags")
_CAUSE: Final = re.compile(r"[a-z][a-z0-9_]{0,39}")


def checked(said: WrittenRule) -> tuple[WrittenRule, Condition[Any]]:
    """The rule as it is filed, whole and in one way of writing, and its condition.

    Raises Invalid.
    """
    condition = _condition(said.setting)
    kinds = kinds_in(condition)
    if not 0 <= said.for_s <= LONGEST_WAIT_S:
        raise Invalid("A rule waits between 0 seconds and 31 days.", where="body.for_s")
    if said.for_s > 0 and is_momentary(condition):
        raise Invalid(
            "What happens in a moment cannot be waited for: set for_s to 0, or combine the moments"
            " with a condition that lasts.",
            where="body.for_s",
        )
    _refuse_any_zone(condition)
    whole = replace(
        said,
        setting=setting_of(condition),
        cause=_cause(said.cause, kinds),
        schedule=_schedule(said.schedule),
        scope=scope_from(said.scope),
        told=tuple(name for name in ("desk", "client") if name in said.told),
    )
    _refuse_bad_words(whole.messages)
    written = (whole.setting, whole.schedule, whole.scope, whole.messages)
    if len(orjson.dumps(written)) > LARGEST:
        raise Invalid("This rule says too much; cut it in parts.", where="body")
    return whole, condition


def scope_from(said: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """A scope without what asks nothing, in order. Raises Invalid."""
    if odd := sorted(said.keys() - set(SCOPE)):
        raise Invalid(
            f"A scope has no {', '.join(odd)}; there are {', '.join(SCOPE)}.", where="body.scope"
        )
    scope: dict[str, list[str]] = {}
    for name in SCOPE:
        values = sorted({value.strip() for value in said.get(name, ())})
        if not values:
            continue
        where = f"body.scope.{name}"
        if len(values) > MOST_NAMED:
            raise Invalid(f"Name at most {MOST_NAMED}.", where=where)
        if name in {"organisations", "assets"}:
            values = [str(ids_from([value], where=where)[0]) for value in values]
        elif name == "kinds" and set(values) - set(AssetKind):
            raise Invalid(f"Assets are {', '.join(AssetKind)}.", where=where)
        elif not all(0 < len(value) <= 200 and value.isprintable() for value in values):
            raise Invalid("Write each on one line of at most 200 characters.", where=where)
        scope[name] = values
    return scope


def ids_from(said: Sequence[str], *, where: str) -> list[UUID]:
    """Ids in texts. Raises Invalid for what is none."""
    try:
        return [UUID(each) for each in said]
    except ValueError as error:
        raise Invalid("Name it by its id.", where=where) from error


def _condition(setting: object) -> Condition[Any]:
    try:
        return condition_from(setting)
    except ValueError as error:
        raise Invalid(_sentence(error), where=_place_of_fault(setting, "body.setting")) from error


def _place_of_fault(setting: object, where: str) -> str:
    """The innermost condition that cannot be read."""
    of = setting.get("of") if isinstance(setting, Mapping) else None
    parts = enumerate(of) if isinstance(of, list) else [("", of)] if of is not None else []
    for index, part in parts:
        inner = f"{where}.of" if index == "" else f"{where}.of.{index}"
        try:
            condition_from(part)
        except ValueError:
            return _place_of_fault(part, inner)
    return where


def _refuse_any_zone(condition: Condition[Any]) -> None:
    """A limit of whatever zone one is in would be that of anybody's zones."""
    for each in walked(condition):
        if (
            each.kind == "overspeed"
            and getattr(each, "limit", "") == "zone"
            and not each.zone_ids()
        ):
            raise Invalid(
                "Name the zones whose limits count, or a label that they have, as label:limit.",
                where="body.setting",
            )


def _cause(said: str | None, kinds: Sequence[str]) -> str:
    """The word for its alarms. One that devices use is left to conditions that ask for it.

    A repeat joins the open alarm of the same cause: what a person calls panic would hide in one.
    """
    cause = said or next((kind for kind in kinds if kind not in COMBINATIONS), kinds[0])
    if not _CAUSE.fullmatch(cause):
        raise Invalid(
            "A cause is one word in small letters, as zone_left or gate_forced.", where="body.cause"
        )
    if cause in set(Signal) and cause not in kinds:
        raise Invalid(f"Only a rule that asks for {cause} may be called so.", where="body.cause")
    return cause


def _schedule(said: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if said is None:
        return None
    try:
        return schedule_as_setting(schedule_from(said))
    except ValueError as error:
        raise Invalid(_sentence(error), where="body.schedule") from error


def _refuse_bad_words(messages: Mapping[str, str]) -> None:
    for language, template in messages.items():
        where = f"body.messages.{language}"
        if language not in LANGUAGES:
            raise Invalid(f"Messages are in {', '.join(LANGUAGES)}.", where=where)
        if (fault := fault_in(template, FACTS)) is not None:
            raise Invalid(fault, where=where)


def _sentence(error: ValueError) -> str:
    said = str(error)
    return f"{said[:1].upper()}{said[1:]}{'' if said.endswith('.') else '.'}"
