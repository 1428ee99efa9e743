"""Many zones at once from a file: looked at first, then all filed in one step, or none."""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from tracking.database import Connection, Pool, transaction
from tracking.errors import Invalid, VigilError
from tracking.people.administration import organisation_seen
from tracking.people.person import Person
from tracking.zones import service
from tracking.zones.candidates import Candidate
from tracking.zones.files import FileRead


@dataclass(frozen=True, slots=True, kw_only=True)
class Filed:
    """What became of one candidate: its zone, if it was filed to stay, or its problem."""

    candidate: Candidate
    zone_id: UUID | None


class _OnlyTried(Exception):
    """Ends a transaction of which nothing shall stay."""


async def import_zones(
    pool: Pool,
    by: Person,
    read: FileRead,
    *,
    organisation_id: UUID,
    only_try: bool,
    although_some_cannot: bool,
) -> Sequence[Filed]:
    """File every zone of a file. Raises NotFound (organisation), or Invalid where some cannot be.

    ``only_try`` takes everything back again; ``although_some_cannot`` files the others.
    """
    filed: list[Filed] = []
    with contextlib.suppress(_OnlyTried):
        async with transaction(pool, by.reach) as connection:
            await organisation_seen(connection, organisation_id)
            filed = [await _file(connection, by, each, organisation_id) for each in read.candidates]
            problems = sum(1 for each in filed if each.candidate.problem)
            if only_try:
                raise _OnlyTried
            if problems and not although_some_cannot:
                raise Invalid(
                    f"{problems} of {len(filed)} cannot be zones, so none was filed. Look at them"
                    " first, or file the others without them."
                )
    return [replace(each, zone_id=None) for each in filed] if only_try else filed


async def _file(
    connection: Connection, by: Person, candidate: Candidate, organisation_id: UUID
) -> Filed:
    if candidate.said is None or candidate.outline is None:
        return Filed(candidate=candidate, zone_id=None)
    try:
        async with connection.transaction():
            zone_id = await service.file_outline(
                connection,
                by,
                organisation_id=organisation_id,
                said=candidate.said,
                outline=candidate.outline,
            )
    except VigilError as error:
        return Filed(candidate=replace(candidate, problem=str(error)), zone_id=None)
    return Filed(candidate=candidate, zone_id=zone_id)
