"""The accounts must notice what they are there for, and the generator must speak as devices do."""

from datetime import UTC, datetime

import numpy as np
import pytest

import protocols
from loadtests import decode, frames, population
from loadtests.accounts import judge
from loadtests.figures import latency_ms, table
from protocols.codec import Conversation, Peer
from protocols.message import Report, Signal

SAID = {"a": [1, 2, 3], "b": [1]}


def test_what_was_acknowledged_and_stored_once_is_clean() -> None:
    verdict = judge("record", said=SAID, acknowledged={"a": [1, 2]}, stored={"a": [2, 1, 3]})
    assert verdict.clean
    assert (verdict.acknowledged, verdict.stored) == (2, 3)


@pytest.mark.parametrize(
    ("stored", "fault"),
    [
        ({"a": [1]}, "lost"),
        ({"a": [1, 2, 2]}, "doubled"),
        ({"a": [1, 2, 9]}, "phantom"),
        ({"a": [1, 2], "c": [1]}, "phantom"),
    ],
)
def test_every_fault_is_noticed(stored: dict[str, list[int]], fault: str) -> None:
    verdict = judge("record", said=SAID, acknowledged={"a": [1, 2]}, stored=stored)
    assert not verdict.clean
    assert getattr(verdict, fault) == 1
    assert verdict.examples


def test_verdicts_add_up() -> None:
    lost = judge("record", said=SAID, acknowledged=SAID, stored={})
    lost.add(judge("record", said=SAID, acknowledged=SAID, stored=SAID))
    assert (lost.acknowledged, lost.lost, lost.stored) == (8, 4, 4)


def test_a_patched_template_is_a_frame_like_any_other() -> None:
    at_ms = 1_790_000_000_123
    frame = frames.ORDINARY.frame(at_ms=at_ms, lat_e7=508_466_000, lon_e7=43_525_000)
    report = _heard("teltonika", frame)
    assert report.fix is not None
    assert report.fix.at == datetime.fromtimestamp(at_ms / 1000, UTC)
    assert (report.fix.lat, report.fix.lon) == pytest.approx((50.8466, 4.3525))
    assert report.readings["power_v"] == pytest.approx(13.87)
    assert report.cells
    assert not report.signals


def test_the_factory_setting_has_fifteen_elements() -> None:
    assert sum(map(len, frames.FACTORY_ELEMENTS.values())) == 15


def test_a_cry_is_understood_as_one() -> None:
    frame = frames.SOS.frame(at_ms=1_790_000_000_000, lat_e7=508_466_000, lon_e7=43_525_000)
    assert _heard("teltonika", frame).signals == {Signal.PANIC}


@pytest.mark.parametrize("codec", population.OTHERS)
def test_a_mixed_population_speaks_what_the_gateways_understand(codec: str) -> None:
    peer = Peer(unit_id=population.unit_id(7), dialect="3G" if codec == "watch" else "")
    said = frames.report(codec, peer, at_ms=1_790_000_000_000, lat=50.85, lon=4.35)
    report = _heard(codec, said.frame, peer)
    assert report.fix is not None
    assert round(report.fix.at.timestamp() * 1000) == said.at_ms


def test_three_of_ten_in_a_mixed_population_are_strangers() -> None:
    spoken = [population.codec_of(number, mixed=True) for number in range(1000)]
    assert spoken.count("teltonika") == 700
    assert set(spoken) == {"teltonika", *population.OTHERS}


def test_percentiles_are_in_milliseconds() -> None:
    shown = latency_ms(np.linspace(0.0, 1.0, 1001))
    assert (shown["p50_ms"], shown["p99_ms"], shown["max_ms"]) == (500.0, 990.0, 1000.0)
    assert latency_ms(np.array([])) == {"count": 0}


def test_tables_line_up() -> None:
    shown = table("Title", [("first", 1_234), ("second one", 0.5)], head=("what", "many"))
    assert shown.splitlines() == [
        "Title",
        "-----",
        "what         many",
        "first       1,234",
        "second one   0.50",
    ]


def test_the_cost_of_decoding_is_known_for_every_protocol() -> None:
    class Arguments:
        count = 2
        codec = None

    figures = decode.measure(Arguments())  # type: ignore[arg-type]  # what argparse would make
    assert figures["not_understood"] == []
    assert {"teltonika, 15 elements", "osmand"} <= set(figures["us_a_record"])
    assert decode.text_of(figures)


def _heard(codec: str, frame: bytes, peer: Peer | None = None) -> Report:
    talk = Conversation(protocols.get(codec), peer or Peer(unit_id=population.unit_id(1)))
    (heard,) = talk.receive(frame, datetime.now(UTC))
    assert heard.incoming is not None, heard.error
    (report,) = (each for each in heard.incoming.messages if isinstance(each, Report))
    return report
