"""What people may ask about noise, and how a cure for it is found."""

from dataclasses import replace
from datetime import timedelta
from typing import Any, Final
from uuid import UUID, uuid4

from tracking import clock
from tracking.database import Connection, Pool, transaction
from tracking.errors import Conflict, NotFound
from tracking.events.noise import store
from tracking.events.noise.changes import changed_rules
from tracking.events.noise.noise import FALSE, GENUINE, Change, Comparison, Noise, comparison_of
from tracking.people.person import Person
from tracking.rules.previews import service as previews
from tracking.rules.previews.preview import Preview
from tracking.rules.previews.runner import Runner
from tracking.rules.setting import rule_seen

TOP: Final = 10
MOST_POSITIONS: Final = 5_000_000
"""Read for one comparison; then it ends with the assets that were read."""
NEAR_S: Final = 1_800.0
"""A candidate that notices something so near a confirmed alarm has not lost it."""
MOST_CONFIRMED: Final = 200
"""Confirmed alarms that candidates are held against, the newest first."""


async def noise_seen(connection: Connection, *, days: int) -> Noise:
    """Who made most alarms in the last ``days`` days, of what may be seen."""
    since = clock.now() - timedelta(days=days)
    return Noise(
        since=since,
        rules=await store.noisiest_rules(connection, since, false=FALSE, genuine=GENUINE, most=TOP),
        devices=await store.noisiest_devices(
            connection, since, false=FALSE, genuine=GENUINE, most=TOP
        ),
        watches=await store.noisiest_watches(
            connection, since, false=FALSE, genuine=GENUINE, most=TOP
        ),
    )


async def start_comparison(
    pool: Pool, runner: Runner, by: Person, rule_id: UUID, *, days: int
) -> Comparison:
    """Try a rule against itself with other numbers, on the same days.

    Raises NotFound, TooMany, Invalid (it cannot be compiled), or Conflict: it has no number that
    could make less of it.
    """
    with runner.place() as place:
        async with transaction(pool, by.reach) as connection:
            rule = (await rule_seen(connection, rule_id)).rule
            changes = changed_rules(rule)
            if not changes:
                raise Conflict("Nothing that is set in this rule could make less of it.")
            confirmed = await store.confirmed_alarms(
                connection,
                rule_id,
                clock.now() - timedelta(days=days),
                genuine=GENUINE,
                near_s=NEAR_S,
                most=MOST_CONFIRMED,
            )
            tried: dict[str, Any] = {
                "rule": {"version": rule.version, "name": rule.name},
                "changes": [
                    {"at": each.at, "before": each.before, "after": each.after}
                    for each, _ in changes
                ],
            }
            # As it is under a name of its own, so that what it is tried against can be told apart.
            job = await previews.file_job(
                connection,
                by,
                [replace(rule, id=uuid4()), *(changed for _, changed in changes)],
                rule_id=rule_id,
                tried=tried,
                days=days,
                confirmed=confirmed,
                most_positions=MOST_POSITIONS,
            )
        return _comparison(await previews.start_job(pool, by, place, job))


async def comparison_seen(connection: Connection, preview_id: UUID) -> Comparison:
    """How far a comparison has come. Raises NotFound."""
    return _comparison(await previews.preview_seen(connection, preview_id))


def _comparison(preview: Preview) -> Comparison:
    if "changes" not in preview.tried or preview.rule_id is None:
        raise NotFound("There is no such comparison, or none that you may see.")
    changes = [Change(**each) for each in preview.tried["changes"]]
    began, confirmed, spared = comparison_of(preview.counts, changes)
    return Comparison(
        preview_id=preview.id,
        rule_id=preview.rule_id,
        state=preview.state.value,
        share=preview.share,
        error=preview.error,
        from_at=preview.from_at,
        until_at=preview.until_at,
        assets=preview.assets,
        assets_done=preview.assets_done,
        cut=bool(preview.counts.get("cut")),
        began=began,
        confirmed=confirmed,
        spared=spared,
    )
