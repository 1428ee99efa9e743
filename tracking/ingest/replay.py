"""What a unit said before anybody registered it is read again once somebody has.

Quarantine keeps the bytes. When the unit becomes known they take the same way as fresh frames:
decoded, folded, committed; only then do they leave quarantine. Read twice they change nothing.
"""

import logging
from collections.abc import Sequence

import protocols
from protocols.codec import Conversation, Peer
from protocols.errors import Unframeable
from protocols.message import Report
from tracking.database import Connection
from tracking.ingest import store
from tracking.ingest.arrival import Arrival
from tracking.ingest.store import Quarantined
from tracking.ingest.writer import Kept, Writer

_log = logging.getLogger(__name__)
_AT_ONCE = 500


async def read_again(connection: Connection, writer: Writer) -> list[Kept]:
    """Move registered units' frames out of quarantine; what that committed.

    Raises one of database.AWAY with everything still in its place.
    """
    done: list[Kept] = []
    while waiting := await store.frames_of_units_registered_since(connection, most=_AT_ONCE):
        arrivals = [_understood(frame, talk) for frame, talk in _conversations(waiting)]
        done += await writer.keep(arrivals)
        await store.release(connection, [frame.id for frame in waiting])
        _log.info("read again from quarantine", extra={"frames": len(waiting)})
    return done


def _conversations(
    frames: Sequence[Quarantined],
) -> list[tuple[Quarantined, Conversation]]:
    """Each frame with its unit's one conversation: a codec may need what was said before."""
    talks: dict[str, Conversation] = {}
    pairs = []
    for frame in frames:
        talk = talks.get(frame.unit_id)
        if talk is None:
            peer = Peer(unit_id=frame.unit_id, model=frame.model)
            talk = talks[frame.unit_id] = Conversation(protocols.get(frame.codec), peer)
        pairs.append((frame, talk))
    return pairs


def _understood(frame: Quarantined, talk: Conversation) -> Arrival:
    reports: list[Report] = []
    error = ""
    try:
        for heard in talk.receive(frame.payload, frame.received_at):
            if heard.incoming is None:
                error = str(heard.error)
            else:
                reports += (m for m in heard.incoming.messages if isinstance(m, Report))
    except Unframeable as lost:
        error = str(lost)
    return Arrival(
        unit_id=frame.unit_id,
        codec=frame.codec,
        address=frame.address,
        received_at=frame.received_at,
        frame=frame.payload,
        reports=tuple(reports),
        error="" if reports else error,
    )
