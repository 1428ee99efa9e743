"""What the settings say of an alarm code is what that code means: that code, and nothing else.

No row names the codes of its frame. A mapping that listens to what the codec looks up finds them.
"""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache

import pytest

import protocols
from protocols.message import Report, Signal
from tests.protocols.vector_files import FOLDER, HEARD_AT, Vector, vectors

Alarms = Mapping[str, frozenset[Signal]]

EVERY_CODEC = protocols.names()
UPLINKS = vectors("uplink")
NOTHING: frozenset[Signal] = frozenset()
PANIC = frozenset({Signal.PANIC})

UNREAD = frozenset({Signal.UNSPECIFIED})
"""What an alarm says that breaks off before its code; there is no code to set otherwise."""

RETAINED = {
    f"{name}-what_was_retained_without_a_time_cries_no_more" for name in ("json_mqtt", "owntracks")
}
"""A broker says it again and again; without a time nobody could tell it from a new cry."""


@dataclass(slots=True, eq=False)
class Listening(Alarms):
    """Settings that mean what ``usual`` says, and note which codes were looked up."""

    usual: Alarms
    codes: list[str] = field(default_factory=list)

    def __getitem__(self, code: str) -> frozenset[Signal]:
        if code not in self.codes:
            self.codes.append(code)
        return self.usual[code]

    def __iter__(self) -> Iterator[str]:
        return iter(self.usual)

    def __len__(self) -> int:
        # Never empty, or no codec would look anything up.
        return 1 + len(self.usual)


def _heard(vector: Vector, alarms: Alarms) -> list[Report]:
    """The reports of a device whose codes were set so, and whose inputs are no buttons."""
    settings = replace(vector.settings, alarms=alarms, panic_inputs=frozenset())
    heard = vector.conversation(settings).receive(vector.wire, HEARD_AT)
    messages = [message for one in heard if one.incoming for message in one.incoming.messages]
    return [message for message in messages if isinstance(message, Report)]


def _as_row(vector: Vector) -> list[Report]:
    return _heard(vector, vector.settings.alarms)


def _set(vector: Vector, codes: list[str], means: frozenset[Signal]) -> list[Report]:
    return _heard(vector, {**vector.settings.alarms, **dict.fromkeys(codes, means)})


def _codes(vector: Vector) -> list[str]:
    """The codes that this codec looks up for this frame."""
    listening = Listening(vector.settings.alarms)
    _heard(vector, listening)
    return listening.codes


@cache
def _documented(name: str) -> list[tuple[str, Signal]]:
    rows = tomllib.loads((FOLDER / f"{name}.toml").read_text(encoding="utf-8"))
    return [(code, Signal(signal)) for signal, code in rows.get("codes", {}).items()]


def _signals(reports: list[Report]) -> frozenset[Signal]:
    return NOTHING.union(*(report.signals for report in reports))


def _assert_same_but_for_signals(ours: list[Report], usual: list[Report]) -> None:
    """Fix, readings and the rest. What has no place may be a report for its alarm alone."""
    if len(ours) != len(usual):
        ours, usual = _placed(ours), _placed(usual)
    for our, report in zip(ours, usual, strict=True):
        assert replace(our, signals=NOTHING, other={}) == replace(report, signals=NOTHING, other={})


def _placed(reports: list[Report]) -> list[Report]:
    return [report for report in reports if report.fix and report.fix.valid]


ALARMS = [vector for vector in UPLINKS if _signals(_as_row(vector))]
CODED = [vector for vector in UPLINKS if _codes(vector)]
DOCUMENTED = [(name, *pair) for name in EVERY_CODEC for pair in _documented(name)]


@pytest.mark.parametrize("vector", ALARMS, ids=str)
def test_a_frame_means_the_same_where_only_other_codes_were_set(vector: Vector):
    assert _set(vector, ["no such code"], PANIC) == _as_row(vector)


@pytest.mark.parametrize("vector", ALARMS, ids=str)
def test_every_signal_of_a_frame_has_a_code_that_can_be_set_to_mean_nothing(vector: Vector):
    silenced = _set(vector, _codes(vector), NOTHING)
    assert _signals(silenced) <= UNREAD
    if _codes(vector):
        assert not _signals(silenced)
    _assert_same_but_for_signals(silenced, _as_row(vector))


@pytest.mark.parametrize("vector", [v for v in CODED if str(v) not in RETAINED], ids=str)
def test_every_code_of_a_frame_can_be_set_to_call_for_help(vector: Vector):
    called = _set(vector, _codes(vector), PANIC)
    # A cry for help that is taken back says so.
    assert _signals(called) & {Signal.PANIC, Signal.SOS_END}


@pytest.mark.parametrize("vector", CODED, ids=str)
def test_a_code_that_was_set_changes_no_other(vector: Vector):
    usual = _as_row(vector)
    another = next(s for s in (Signal.FALL, Signal.CRASH, Signal.AMBER) if s not in _signals(usual))
    for code in _codes(vector):
        without = _set(vector, [code], NOTHING)
        instead = _set(vector, [code], frozenset({another}))
        assert _signals(without) <= _signals(usual), code
        assert _signals(instead) - {another, Signal.SOS_END} == _signals(without), code
        for ours in (without, instead):
            _assert_same_but_for_signals(ours, usual)


@pytest.mark.parametrize(("name", "code", "signal"), DOCUMENTED)
def test_the_documented_code_is_a_fall_or_nothing_where_that_was_set(
    name: str, code: str, signal: Signal
):
    rows = [
        vector
        for vector in ALARMS
        if vector.protocol == name
        and code not in vector.settings.alarms
        and signal in _signals(_as_row(vector)) - _signals(_set(vector, [code], NOTHING))
    ]
    assert rows, f"no frame of {name} says {signal} by {code} alone"
    for vector in rows:
        usual = _as_row(vector)
        fallen = _set(vector, [code], frozenset({Signal.FALL}))
        assert _signals(fallen) == _signals(usual) - {signal} | {Signal.FALL}
        _assert_same_but_for_signals(fallen, usual)


@pytest.mark.parametrize("name", EVERY_CODEC)
def test_a_codec_whose_frames_have_alarms_names_a_code(name: str):
    own = [vector for vector in UPLINKS if vector.protocol == name]
    if any(_signals(_heard(vector, {})) for vector in own):
        assert _documented(name)
