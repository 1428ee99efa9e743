"""A cry for help as the desks hear it before PostgreSQL has confirmed it."""

from collections.abc import Iterable

import orjson

from geofence.engine import evaluate
from tracking.alarms.arrivals import event_id
from tracking.alarms.priorities import priority_of
from tracking.ingest.arrival import Arrival
from tracking.ingest.fold import event_time, fingerprint, time_of
from tracking.ingest.identity import Units
from tracking.rules.service import RuleBook


def provisional_alarms(arrival: Arrival, units: Units, rules: RuleBook) -> Iterable[bytes]:
    """One JSON object for each life-safety event of an arrival.

    Carries the event's derived identity: when the commit comes, desks recognise the same event.
    A unit that this gateway never met in better times is shown by its name on the wire.
    """
    unit = units.get(arrival.unit_id)
    fitment = unit.fitment_now if unit else None
    urgent = rules.of(unit.kind)[:1] if unit else rules.stranger
    for report in arrival.reports:
        at = time_of(report, arrival.received_at)
        fix = report.fix
        _, events = evaluate(urgent, {}, report, at)
        for event in events:
            identity = event_id(
                unit_id=arrival.unit_id,
                cause=event.cause,
                at=event_time(report, at),
                fingerprint=fingerprint(arrival.unit_id, report.record),
            )
            yield orjson.dumps(
                {
                    "event_id": identity,
                    "organisation_id": fitment and fitment.organisation_id,
                    "alarm": {
                        "id": identity,
                        "event_id": identity,
                        "state": "provisional",
                        "priority": priority_of(event.cause),
                        "cause": event.cause,
                        "asset": fitment
                        and {"id": fitment.asset_id, "name": fitment.name, "kind": fitment.kind},
                        "unit_id": arrival.unit_id,
                        "organisation": fitment.organisation if fitment else "",
                        "at": at,
                        "raised_at": arrival.received_at,
                        "fix": fix
                        and {"at": fix.at, "lat": fix.lat, "lon": fix.lon, "valid": fix.valid},
                        "labels": ([] if fix else ["no_fix"]) + ([] if unit else ["unknown_unit"]),
                        "repeats": 0,
                        "rule": None,
                        "acknowledged_by": None,
                        "acknowledged_at": None,
                        "closed_at": None,
                        "close_code": None,
                    },
                },
                # The database's driver has a UUID of its own, which the encoder does not know.
                default=str,
                option=orjson.OPT_UTC_Z,
            )
