"""Rules as they judge now, compiled for who looks at them rather than for who judges by them."""

from collections.abc import Sequence

from geofence.kinds import condition_from
from tracking.database import Connection
from tracking.rules import store
from tracking.rules.book import LABEL, Book, bound
from tracking.rules.rule import SetRule
from tracking.zones import store as zones


async def book_of(connection: Connection, rules: Sequence[SetRule]) -> Book:
    """A book of these rules, whether they are filed or not, with the zones that they ask about.

    What cannot be compiled is set aside in it, as it is for gateways.
    """
    asked: set[str] = set()
    for rule in rules:
        try:
            named = condition_from(rule.setting).zone_ids()
        except ValueError:
            # An older Vigil filed what this one asks differently; the book says so.
            continue
        labels = [each.removeprefix(LABEL) for each in named if each.startswith(LABEL)]
        asked |= {each for each in named if not each.startswith(LABEL)}
        asked |= set(await store.zones_labelled(connection, rule.organisation_id, labels))
    return bound(rules, await zones.zones_to_judge_by(connection, sorted(asked)))
