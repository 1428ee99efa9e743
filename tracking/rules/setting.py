"""Decisions about rules: who may set what about whom. A rule is never changed, only followed.

Every change tells whoever judges in its own transaction (``store.add_version``).
"""

from dataclasses import fields, replace
from typing import Any
from uuid import UUID, uuid4

from geofence.condition import Condition
from tracking.database import Connection, Pool, transaction
from tracking.errors import Conflict, Forbidden, Invalid, NotFound
from tracking.people.account import Organisation
from tracking.people.administration import organisation_seen
from tracking.people.person import KEEPERS, Person, Role
from tracking.rules import store
from tracking.rules.book import LABEL
from tracking.rules.checks import checked, ids_from
from tracking.rules.rule import FiledRule, SetRule, WrittenRule

MAY_SET = KEEPERS | {Role.CLIENT}
"""Who sets rules: the keepers of the centre's books, and clients about what is theirs."""


async def add_rule(pool: Pool, by: Person, said: WrittenRule) -> FiledRule:
    """File a new rule. Raises NotFound (organisation), Invalid or Forbidden."""
    _refuse_who_may_not(by)
    _refuse_to_ring_as_a_life(by, said)
    whole, condition = checked(said)
    async with transaction(pool, by.reach) as connection:
        rule = await permitted(connection, whole, condition, rule_id=uuid4(), version=1)
        await store.add_version(connection, rule, by=by.id)
        return await rule_seen(connection, rule.id)


async def change_rule(
    pool: Pool, by: Person, rule_id: UUID, said: WrittenRule, *, based_on: int
) -> FiledRule:
    """File the next version of a rule; ``said.organisation_id`` is ignored: it stays as it is.

    Raises NotFound, Invalid, Forbidden, or Conflict when ``based_on`` is not the newest.
    """
    _refuse_who_may_not(by)
    _refuse_to_ring_as_a_life(by, said)
    whole, condition = checked(said)
    async with transaction(pool, by.reach) as connection:
        newest = await _to_follow(connection, rule_id, based_on=based_on)
        whole = replace(whole, organisation_id=newest.organisation_id)
        rule = await permitted(
            connection, whole, condition, rule_id=rule_id, version=newest.version + 1
        )
        await store.add_version(connection, rule, by=by.id)
        return await rule_seen(connection, rule_id)


async def switch_rule(pool: Pool, by: Person, rule_id: UUID, *, enabled: bool) -> FiledRule:
    """Have a rule judge, or no longer; nothing changes if it does so already.

    Raises NotFound or Forbidden.
    """
    _refuse_who_may_not(by)
    async with transaction(pool, by.reach) as connection:
        newest = await _to_follow(connection, rule_id)
        if newest.enabled is not enabled:
            following = replace(newest, version=newest.version + 1, enabled=enabled)
            await store.add_version(connection, following, by=by.id)
        return await rule_seen(connection, rule_id)


async def remove_rule(pool: Pool, by: Person, rule_id: UUID) -> None:
    """Take a rule out of the books; its versions stay for what was judged by them.

    Raises NotFound or Forbidden.
    """
    _refuse_who_may_not(by)
    async with transaction(pool, by.reach) as connection:
        newest = await _to_follow(connection, rule_id)
        last = replace(newest, version=newest.version + 1, enabled=False)
        await store.add_version(connection, last, by=by.id, removed=True)


async def rule_seen(connection: Connection, rule_id: UUID) -> FiledRule:
    """The version in force. Raises NotFound when there is none, or none that may be seen."""
    found = await store.rule_in_force(connection, rule_id)
    if found is None:
        raise NotFound("There is no such rule, or none that you may see.")
    return found


async def versions_seen(connection: Connection, rule_id: UUID) -> list[FiledRule]:
    """Every version, newest first, also of a rule that was taken away. Raises NotFound."""
    found = await store.versions(connection, rule_id)
    if not found:
        raise NotFound("There is no such rule, or none that you may see.")
    return found


async def permitted(
    connection: Connection,
    whole: WrittenRule,
    condition: Condition[Any],
    *,
    rule_id: UUID,
    version: int,
) -> SetRule:
    """The rule, if all that it names is its organisation's to name.

    A client's rule is about that client's assets and zones. A centre's may be about its own and
    its clients'; one that tells clients must not tell one client of another. Raises NotFound
    (organisation) or Invalid, which says what is named wrongly.
    """
    owner = await organisation_seen(connection, whole.organisation_id)
    served = await store.served_by(connection, owner.id)
    about = await _scope(connection, whole, owner, served)
    zones = sorted(name for name in condition.zone_ids() if not name.startswith(LABEL))
    others = sorted(condition.companion_ids())
    owners = await _owners_of_zones(connection, zones, served)
    owners |= await _owners_of_assets(
        connection, others, served, "body.setting", "companions are assets"
    )
    if "client" in whole.told and owner.kind == "centre":
        foreign = owners - {owner.id}
        if foreign and {str(each) for each in foreign} != set(about):
            raise Invalid(
                "A rule that tells clients and names a client's zone or asset is about that client"
                " only: name it in the scope.",
                where="body.scope.organisations",
            )
    said = {each.name: getattr(whole, each.name) for each in fields(whole)}
    scope = {**whole.scope, "organisations": about} if about else dict(whole.scope)
    return SetRule(
        **{**said, "scope": scope}, id=rule_id, version=version, of_centre=owner.kind == "centre"
    )


async def _scope(
    connection: Connection, whole: WrittenRule, owner: Organisation, served: set[UUID]
) -> list[str]:
    """The organisations that the rule is about; none named: all that a centre serves."""
    where = "body.scope.organisations"
    named = set(ids_from(list(whole.scope.get("organisations", ())), where=where))
    if named - served:
        raise Invalid(
            "There is no such organisation, or none that this rule may name.", where=where
        )
    assets = list(whole.scope.get("assets", ()))
    await _owners_of_assets(connection, assets, served, "body.scope.assets", "a scope names assets")
    if owner.kind == "client":
        return [str(owner.id)]
    return sorted(str(each) for each in named)


async def _owners_of_zones(
    connection: Connection, names: list[str], served: set[UUID]
) -> set[UUID]:
    ids = ids_from(names, where="body.setting")
    owners = await store.owners_of_zones(connection, ids)
    missing = [each for each in ids if owners.get(each) not in served]
    if missing:
        raise Invalid(
            f"There is no zone {missing[0]}, or none that this rule may ask about.",
            where="body.setting",
        )
    return set(owners.values())


async def _owners_of_assets(
    connection: Connection, names: list[str], served: set[UUID], where: str, what: str
) -> set[UUID]:
    ids = ids_from(names, where=where)
    owners = await store.owners_of_assets(connection, ids)
    missing = [each for each in ids if owners.get(each) not in served]
    if missing:
        raise Invalid(
            f"There is no asset {missing[0]}, or none that this rule may be about; {what} of its"
            " organisation.",
            where=where,
        )
    return set(owners.values())


async def _to_follow(
    connection: Connection, rule_id: UUID, *, based_on: int | None = None
) -> SetRule:
    """The version that the next one follows; nobody else follows it meanwhile."""
    await store.lock_rule(connection, rule_id)
    newest = (await rule_seen(connection, rule_id)).rule
    if based_on is not None and newest.version != based_on:
        raise Conflict(
            f"Somebody changed this rule meanwhile: version {newest.version} is in force, and you"
            f" changed version {based_on}. Look at it and change it again."
        )
    return newest


def _refuse_to_ring_as_a_life(by: Person, said: WrittenRule) -> None:
    """A device's cry for help must not stand in a queue behind what a client thinks important."""
    if by.role is Role.CLIENT and said.severity == 1:
        raise Invalid(
            "Priority 1 is kept for lives in danger: choose 2, or ask the centre to set this rule.",
            where="body.severity",
        )


def _refuse_who_may_not(by: Person) -> None:
    if by.role not in MAY_SET:
        raise Forbidden("Your role may look at rules and not set them.")
