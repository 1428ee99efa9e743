"""Stored bytes, understood anew: from the journal, or from quarantine."""

import logging
from datetime import datetime

import protocols
from protocols.codec import Conversation, Peer
from protocols.message import Report
from tracking.ingest.arrival import Arrival

_log = logging.getLogger(__name__)


def understood(
    frame: bytes,
    *,
    codec: str,
    peer: Peer,
    address: str,
    received_at: datetime,
    talks: dict[str, Conversation] | None = None,
) -> Arrival:
    """The arrival that these bytes once were, with the reason as its error if they say nothing.

    Never raises: what is stored is read by processes that have other work, and bytes that cannot
    be read must not come back to stop it. ``talks`` keeps each unit's one conversation, for
    codecs that need what was said before.
    """
    reports: list[Report] = []
    error = ""
    try:
        talk = Conversation(protocols.get(codec), peer)
        if talks is not None:
            talk = talks.setdefault(peer.unit_id, talk)
        for heard in talk.receive(frame, received_at):
            if heard.incoming is None:
                error = str(heard.error)
            else:
                reports += (m for m in heard.incoming.messages if isinstance(m, Report))
    except Exception as lost:  # noqa: BLE001 - whatever it is, it goes with the bytes
        _log.exception("stored bytes cannot be read", extra={"unit": peer.unit_id})
        error = f"{type(lost).__name__}: {lost}"
    return Arrival(
        unit_id=peer.unit_id,
        codec=codec,
        address=address,
        received_at=received_at,
        frame=frame,
        reports=tuple(reports),
        error="" if reports else error,
    )
