"""What the event codes of Contact ID and of SIA mean to us, whatever protocol carries them.

See: SIA DC-05 (Ademco Contact ID) and SIA DC-03, annexes of event codes. Fire, gas and smoke are
PANIC as well: whoever sends them needs somebody now, and ``other`` says why. Burglary and what
we do not know of the alarm classes is UNSPECIFIED. Restores and tests call nobody.
"""

from protocols.message import Signal

NOTHING: frozenset[Signal] = frozenset()


def _meanings(groups: dict[Signal, str]) -> dict[str, frozenset[Signal]]:
    return {code: frozenset({signal}) for signal, codes in groups.items() for code in codes.split()}


CONTACT_ID = _meanings(
    {
        # Medical, personal emergency, fire, panic and hold-up, gas, carbon monoxide, more help.
        Signal.PANIC: "100 101 110 111 112 113 114 115 116 117 118 120 121 122 123 124 125 126 129 "
        "151 162 646",
        Signal.FALL: "103",
        Signal.NO_MOTION: "102 641 654",
        Signal.TAMPER: "137 144 145 316 317 341 383",
        Signal.JAMMING: "344",
        Signal.LOW_BATTERY: "302 309 311 338 384",
        Signal.POWER_CUT: "301 314 337 342 926",
        Signal.POWERED_OFF: "308",
        Signal.TEMPERATURE: "152 153 158 159",
        Signal.FAULT: "147 300 303 304 307 310 312 315 330 331 332 333 334 343 350 351 352 353 354 "
        "355 356 357 358 373 375 376 380 381 382 389",
        Signal.UNSPECIFIED: "130 131 132 133 134 135 136 138 139 140 141 142 143 146 150 154 155 "
        "156 157 161 163 168 169 423",
        # Not an alarm but the end of one.
        Signal.SOS_END: "465",
    }
)

SIA = _meanings(
    {
        # Panic, hold-up, medical, emergency, fire, gas, heat, sprinkler.
        Signal.PANIC: "PA HA MA QA FA FM GA KA SA",
        Signal.NO_MOTION: "NA",
        Signal.TAMPER: "TA TT ES JA XS AA",
        Signal.JAMMING: "XQ",
        Signal.LOW_BATTERY: "YT YM XT",
        Signal.POWER_CUT: "AT",
        Signal.POWER_RESTORED: "AR",
        Signal.POWERED_ON: "RR",
        Signal.TEMPERATURE: "ZA",
        Signal.FAULT: "YC YS YP YF LT NT NC ET IA XL BZ UT PT HT MT QT FT GT KT",
        Signal.UNSPECIFIED: "BA BM BV BG UA UX UZ XM WA EA CM DF DL",
        # Their alarm is over: restored as an alarm, or altogether.
        Signal.SOS_END: "PH PR HH HR MH MR QH QR FH FR GH GR KH KR SH SR",
    }
)

SILENT = frozenset({"121", "122", "124", "125", "126", "HA"})
"""Nobody at the place may notice that it was sent."""
DURESS = frozenset({"121", "124", "125"})

TEXTS = {
    "100": "medical", "101": "personal emergency", "102": "failed to report in", "103": "fall",
    "110": "fire", "111": "smoke", "112": "combustion", "113": "water flow", "114": "heat",
    "115": "pull station", "116": "duct", "117": "flame", "118": "near alarm", "120": "panic",
    "121": "duress", "122": "silent panic", "123": "audible panic", "124": "duress, access granted",
    "125": "duress, egress granted", "126": "hold-up suspicion", "129": "panic verified",
    "130": "burglary", "131": "perimeter", "137": "tamper", "144": "sensor tamper",
    "145": "module tamper", "151": "gas", "162": "carbon monoxide", "301": "mains lost",
    "302": "low system battery", "305": "system reset", "309": "battery test failed",
    "344": "radio jammed", "350": "communication trouble", "354": "failed to communicate",
    "356": "central polling lost", "358": "communication test", "381": "radio supervision lost",
    "383": "sensor tamper", "384": "low transmitter battery", "406": "cancelled by a user",
    "465": "panic reset", "601": "manual test", "602": "periodic test",
    "606": "listen-in follows", "607": "walk test", "608": "periodic test, trouble present",
    "611": "tested, in order", "641": "senior watch", "642": "latch-key", "645": "help arrived",
    "646": "further help needed", "647": "further help cancelled", "654": "inactivity",
    "AA": "panel substituted", "AR": "mains restored", "AT": "mains lost", "BA": "burglary",
    "FA": "fire", "FM": "fire, two points", "GA": "gas", "HA": "hold-up", "JA": "wrong user code",
    "KA": "heat", "LF": "listen-in follows", "MA": "medical", "NA": "no activity", "PA": "panic",
    "QA": "emergency", "RP": "automatic test", "RR": "power up", "RX": "manual test",
    "RY": "test off normal", "SA": "sprinkler", "TA": "tamper", "TR": "tamper restored",
    "UA": "untyped alarm", "WA": "water", "XQ": "radio jammed", "XT": "low transmitter battery",
    "YC": "failed to communicate", "YK": "communication restored", "YR": "battery restored",
    "YS": "communication trouble", "YT": "low system battery", "ZA": "freezing",
}  # fmt: skip
"""A few words for the operator, for the codes that matter most."""


def contact_id(code: str) -> frozenset[Signal]:
    """What a new Contact ID event says. An alarm that we do not know is UNSPECIFIED."""
    usual = CONTACT_ID.get(code)
    if usual is not None:
        return usual
    return frozenset({Signal.UNSPECIFIED}) if code[:1] == "1" else NOTHING


def restored(means: frozenset[Signal]) -> frozenset[Signal]:
    """What the end of such an event says: mains are back, help is no longer asked for."""
    return frozenset({_RESTORED[each] for each in means if each in _RESTORED})


def about(code: str) -> dict[str, object]:
    """A few words about a code, and whether it must not be heard at the place."""
    said: dict[str, object] = {}
    if code in TEXTS:
        said["event_text"] = TEXTS[code]
    if code in SILENT:
        said["silent"] = True
    if code in DURESS:
        said["duress"] = True
    return said


_RESTORED = {Signal.POWER_CUT: Signal.POWER_RESTORED, Signal.PANIC: Signal.SOS_END}
