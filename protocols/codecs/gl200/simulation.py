"""What a GV300 says when it moves, and a GL300 when its button is pressed."""

from protocols.codec import Peer
from protocols.codecs.gl200.kinds import STATES
from protocols.errors import Unsupported
from protocols.message import Fix, Heartbeat, Message, Readings, Report, Signal

_VERSION = "060228"
_COUNT = "11F0"

_EVENTS = {
    Signal.PANIC: ("SOS", "0,0,1"),
    Signal.FALL: ("MSA", "0,0,1"),
    Signal.NO_MOTION: ("NMR", "0,0,1"),
    Signal.CRASH: ("CRA", "01"),
    Signal.POWER_CUT: ("MPF", ""),
    Signal.POWER_RESTORED: ("MPN", ""),
    Signal.LOW_BATTERY: ("BPL", "3.50"),
    Signal.MOVEMENT: ("STT", "42"),
    Signal.ZONE_ALERT: ("SWG", "1"),
    Signal.ZONE_ENTERED: ("GEO", "0,01,1"),
    Signal.ZONE_LEFT: ("GEO", "0,00,1"),
    Signal.TEMPERATURE: ("TEM", "3,33"),
    Signal.JAMMING: ("JDS", "2"),
    Signal.TOW: ("TOW", "0,0,1"),
    Signal.OVERSPEED: ("SPD", "0,0,1"),
    Signal.IDLE: ("IDN", "0"),
    Signal.HARSH_BRAKING: ("HBM", ",10,1"),
    Signal.HARSH_ACCELERATION: ("HBM", ",11,1"),
    Signal.HARSH_CORNERING: ("HBM", ",12,1"),
}
"""The report of each signal, and what stands in it before the place."""

_PLACELESS = {Signal.POWERED_ON: "PNA", Signal.POWERED_OFF: "PFA"}


def simulate(message: Message, peer: Peer) -> bytes:
    """The text frame of a device called ``peer.unit_id``. Raises Unsupported."""
    unit_id = peer.unit_id
    if not unit_id:
        raise Unsupported("a Queclink names itself in every frame: give the peer a unit_id")
    match message:
        case Heartbeat():
            said = f"+ACK:GTHBD,{_VERSION},{unit_id},,20260101000000"
        case Report():
            head = "+BUFF" if message.buffered else "+RESP"
            kind, content = _content(message)
            at = message.at or (message.fix.at if message.fix else None)
            if at is None:
                raise Unsupported("a Queclink dates every report: give it a time")
            said = f"{head}:GT{kind},{_VERSION},{unit_id},,{content}{at:%Y%m%d%H%M%S}"
        case _:
            raise Unsupported(f"a Queclink never says a {type(message).__name__} by itself")
    return f"{said},{_COUNT}$".encode()


def _content(report: Report) -> tuple[str, str]:
    """The kind, and the fields between the name and the time of sending, each with its comma."""
    if len(report.signals) > 1:
        raise Unsupported("a Queclink report is an alarm of one kind: one signal, one report")
    signal = next(iter(report.signals), None)
    if signal in _PLACELESS:
        if report.fix is not None or report.readings:
            raise Unsupported(f"a Queclink says {signal} without a place")
        return _PLACELESS[signal], ""
    if signal is None:
        return "FRI", _fixed_report(report)
    if signal not in _EVENTS:
        raise Unsupported(f"a Queclink cannot say {signal}")
    unsayable = set(report.readings) - {"battery_pct"}
    if unsayable:
        raise Unsupported(f"an alarm of a Queclink cannot say {', '.join(sorted(unsayable))}")
    kind, before = _EVENTS[signal]
    charge = report.readings.get("battery_pct")
    battery = "" if charge is None else f"{charge:.0f}"
    return kind, f"{before},{_place(report.fix)},00,{battery},"


def _fixed_report(report: Report) -> str:
    readings = report.readings
    unsayable = set(readings) - {"battery_pct", "power_v", "ignition", "motion", "odometer_m"}
    if unsayable or report.fix is None:
        missing = ", ".join(sorted(unsayable)) or "anything without a place or an alarm"
        raise Unsupported(f"a fixed report of a Queclink cannot say {missing}")
    power = readings.get("power_v")
    millivolts = "" if power is None else f"{power * 1000:.0f}"
    metres = readings.get("odometer_m")
    distance = "" if metres is None else f"{metres / 1000:.1f}"
    charge = readings.get("battery_pct")
    battery = "" if charge is None else f"{charge:.0f}"
    state = _state(readings)
    place = _place(report.fix)
    return f"{millivolts},10,1,{place},00,{distance},,,,{battery},{state}0000,,,,"


def _state(readings: Readings) -> str:
    wanted = readings.get("ignition"), readings.get("motion", False)
    if not {"ignition", "motion"} & set(readings):
        return "00"
    states = {meaning: state for state, meaning in reversed(STATES.items())}
    return states[wanted]


def _place(fix: Fix | None) -> str:
    if fix is None:
        return "0,0.0,0,0.0,,,,0206,0010,0BEB,5001"
    motion = (fix.speed_kmh, fix.course_deg, fix.altitude_m)
    speed, course, altitude = ("" if value is None else value for value in motion)
    return (
        f"1,{speed},{course},{altitude},{fix.lon:.6f},{fix.lat:.6f},"
        f"{fix.at:%Y%m%d%H%M%S},0206,0010,0BEB,5001"
    )
