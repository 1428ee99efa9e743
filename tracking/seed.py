"""Fills an empty house: with the demonstration centre, or with only a centre and its administrator.

Running it again changes nothing. Passwords are made up here and nowhere else: they are written to
``sign_ins`` in the state folder, which only its owner can read, and only their hashes are stored.
"""

import asyncio
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

from tracking import clock, demonstration, demonstration_rules
from tracking.database import Connection, open_pool, transaction
from tracking.demonstration import DemonstrationAsset, DemonstrationPerson
from tracking.fleet import store as fleet
from tracking.fleet.fleet import NewAsset, NewDevice
from tracking.people import store as people
from tracking.people.passwords import Passwords, generated
from tracking.profiles import store as profiles
from tracking.profiles.known import KNOWN
from tracking.rules import store as rules
from tracking.rules.rule import SetRule
from tracking.settings import Settings
from tracking.zones import store as zones
from tracking.zones.outlines import outline_of
from tracking.zones.zone import ZoneSaid

FITTED_FOR = timedelta(days=30)
"""Demonstration devices have been on their assets for so long: late fixes find their asset."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignIn:
    """Who can sign in, as it is told to whoever set this house up."""

    role: str
    sign_in: str
    password: str


def run(settings: Settings, *, empty: bool = False) -> None:
    """Fill the house if nobody lives in it yet."""
    asyncio.run(seed(settings, empty=empty))


async def seed(settings: Settings, *, empty: bool = False) -> list[SignIn]:
    """Fill the house if nobody lives in it yet; who can sign in now, or [] if it was filled before.

    ``empty`` files no clients, assets or devices: only a centre and its administrator.
    """
    pool = await open_pool(settings, "owner", size=1)
    passwords = Passwords()
    try:
        async with transaction(pool, None) as connection:
            if await people.anybody(connection):
                _log.info("somebody lives here already; nothing is changed")
                return []
            made = await _file_everything(connection, passwords, empty=empty)
            # Written before COMMIT: a password that nobody knows cannot be brought back, and a
            # note about people who were not filed after all is replaced by the next run.
            write_sign_ins(settings.state_dir / "sign_ins", made)
    finally:
        passwords.close()
        await pool.close()
    _log.info("the house is filled", extra={"people": len(made)})
    return made


def write_sign_ins(path: Path, made: list[SignIn]) -> None:
    """The note for whoever set this house up; nobody else on this machine can read it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    width = max(len(one.sign_in) for one in made)
    lines = [f"{one.role:<14} {one.sign_in:<{width}}  {one.password}\n" for one in made]
    beside = path.with_suffix(".new")
    beside.unlink(missing_ok=True)
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as note:
        note.writelines(lines)
    beside.replace(path)


async def _file_everything(
    connection: Connection, passwords: Passwords, *, empty: bool
) -> list[SignIn]:
    centre_id = await people.add_centre(connection, name=demonstration.CENTRE, language="nl")
    staff = (demonstration.ADMINISTRATOR,) if empty else demonstration.STAFF
    made = [await _file_person(connection, passwords, centre_id, person) for person in staff]
    for known in KNOWN:
        await profiles.add_version(connection, known, by=None)
    if empty:
        return made
    fitted_from = clock.now() - FITTED_FOR
    clients: dict[str, UUID] = {}
    for client in demonstration.clients():
        organisation = await people.add_client(
            connection, centre_id=centre_id, name=client.name, language=client.language
        )
        made.append(await _file_person(connection, passwords, organisation.id, client.person))
        clients[client.name] = organisation.id
        for asset in client.assets:
            await _file_asset(connection, organisation.id, asset, fitted_from)
    await _file_zones_and_rules(connection, clients, centre_id)
    return made


async def _file_zones_and_rules(
    connection: Connection, clients: Mapping[str, UUID], centre_id: UUID
) -> None:
    haulier, guards, *_ = clients
    for zone in demonstration_rules.zones(haulier, guards):
        await zones.add_version(
            connection,
            None,
            organisation_id=clients[zone.client] if zone.client else centre_id,
            said=ZoneSaid(
                name=zone.name,
                colour=zone.colour,
                labels=zone.labels,
                speed_limit_kmh=zone.speed_limit_kmh,
            ),
            outline=outline_of(zone.drawing),
            by=None,
        )
    for rule in demonstration_rules.rules(haulier, guards):
        filed = SetRule(
            id=uuid4(),
            version=1,
            organisation_id=clients[rule.client] if rule.client else centre_id,
            of_centre=rule.client is None,
            name=rule.name,
            setting=rule.setting,
            cause=str(rule.setting["kind"]),
            for_s=rule.for_s,
            schedule=rule.schedule,
            scope=rule.scope,
            severity=rule.severity,
            messages=rule.messages,
            told=rule.told,
        )
        await rules.add_version(connection, filed, by=None)


async def _file_person(
    connection: Connection,
    passwords: Passwords,
    organisation_id: UUID,
    person: DemonstrationPerson,
) -> SignIn:
    password = generated()
    await people.add_account(
        connection,
        organisation_id=organisation_id,
        sign_in=person.sign_in,
        name=person.name,
        role=person.role,
        language=person.language,
        password_hash=await passwords.hash(password),
    )
    return SignIn(role=person.role, sign_in=person.sign_in, password=password)


async def _file_asset(
    connection: Connection,
    organisation_id: UUID,
    asset: DemonstrationAsset,
    fitted_from: datetime,
) -> None:
    asset_id = await fleet.add_asset(
        connection,
        NewAsset(
            organisation_id=organisation_id,
            kind=asset.kind,
            name=asset.name,
            plate=asset.plate,
            phone=asset.phone,
            note="",
        ),
    )
    device_id = await fleet.add_device(
        connection,
        NewDevice(
            organisation_id=organisation_id,
            unit_id=asset.unit_id,
            codec=asset.codec,
            model=asset.model,
            kind=asset.device_kind,
            phone=None,
            reporting_time_s=asset.reporting_time_s,
        ),
    )
    await fleet.fit(
        connection,
        organisation_id=organisation_id,
        device_id=device_id,
        asset_id=asset_id,
        fitted_from=fitted_from,
    )
    await fleet.notify_gateways(connection, device_id=device_id)
