"""The GET that Traccar Client would send."""

from urllib.parse import quote

from protocols.codec import Peer
from protocols.codecs.osmand.words import KMH_PER_KNOT, READINGS, WORDS, written
from protocols.errors import Unsupported
from protocols.message import Login, Message, Report


def simulate(message: Message, peer: Peer) -> bytes:
    """The GET that Traccar Client sends. Raises Unsupported for a heartbeat: there is none."""
    match message:
        case Login(unit_id=name):
            form = [("id", name)]
        case Report():
            form = [("id", peer.unit_id), *_simulated(message)]
        case _:
            raise Unsupported(f"a phone app never sends a {type(message).__name__}")
    query = "&".join(f"{key}={quote(value, safe=',:')}" for key, value in form)
    return f"GET /?{query} HTTP/1.1\r\nHost: tracker\r\n\r\n".encode("ascii")


def _simulated(report: Report) -> list[tuple[str, str]]:
    form: list[tuple[str, str]] = []
    if fix := report.fix:
        form += [("lat", f"{fix.lat:.7f}"), ("lon", f"{fix.lon:.7f}")]
        form += [("timestamp", fix.at.isoformat().replace("+00:00", "Z"))]
        form += [] if fix.valid else [("valid", "false")]
        for key, value, factor in (
            ("altitude", fix.altitude_m, 1.0),
            ("speed", fix.speed_kmh, KMH_PER_KNOT),
            ("bearing", fix.course_deg, 1.0),
            ("accuracy", fix.accuracy_m, 1.0),
        ):
            form += [] if value is None else [(key, f"{value / factor:.4f}")]
    elif report.at is not None:
        form += [("timestamp", report.at.isoformat().replace("+00:00", "Z"))]
    words = [WORDS[signal] for signal in sorted(report.signals) if signal in WORDS]
    if len(words) < len(report.signals):
        raise Unsupported(f"no alarm word for one of {', '.join(sorted(report.signals))}")
    form += [("alarm", ",".join(words))] if words else []
    form += [(_SPOKEN[name], written(said)) for name, said in report.readings.items()]
    for cell in report.cells:
        parts = [cell.mcc, cell.mnc, cell.lac, cell.cid, cell.rssi]
        form.append(("cell", ",".join(str(part) for part in parts if part is not None)))
    for network in report.wifi:
        rssi = "" if network.rssi is None else f",{network.rssi}"
        form.append(("wifi", network.mac.replace(":", "-") + rssi))
    return form


_SPOKEN = {name: key for key, (name, _) in READINGS.items()} | {"immobilised": "blocked"}
