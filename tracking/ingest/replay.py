"""What a unit said before anybody registered it is read again once somebody has.

Quarantine keeps the bytes. When the unit becomes known they take the same way as fresh frames:
decoded, folded, committed; only then do they leave quarantine. Read twice they change nothing.
"""

import logging

from protocols.codec import Conversation, Peer
from protocols.settings import AS_USUAL
from tracking.database import Connection
from tracking.ingest import store
from tracking.ingest.understood import understood
from tracking.ingest.writer import Kept, Writer
from tracking.profiles import store as profiles

_log = logging.getLogger(__name__)
_AT_ONCE = 500


async def read_again(connection: Connection, writer: Writer) -> list[Kept]:
    """Move registered units' frames out of quarantine; what that committed.

    Raises one of database.AWAY with everything still in its place.
    """
    done: list[Kept] = []
    while waiting := await store.frames_of_units_registered_since(connection, most=_AT_ONCE):
        talks: dict[str, Conversation] = {}
        units = await profiles.settings_of_units(connection, [each.unit_id for each in waiting])
        arrivals = [
            understood(
                frame.payload,
                codec=frame.codec,
                peer=Peer(unit_id=frame.unit_id, settings=units.get(frame.unit_id, AS_USUAL)),
                address=frame.address,
                received_at=frame.received_at,
                talks=talks,
            )
            for frame in waiting
        ]
        done += await writer.keep(arrivals)
        await store.release(connection, [frame.id for frame in waiting])
        _log.info("read again from quarantine", extra={"frames": len(waiting)})
    return done
