"""What has no column of its own is stored all the same, or costs nothing else."""

import orjson
import pytest

from protocols.message import CellTower, Report
from tracking.ingest.rows import _NULL, _double, _real, _rest


@pytest.mark.parametrize(
    ("said", "stored"),
    [
        ({"a": 2**100}, {"a": "0x1" + "0" * 25}),
        (
            {"a": [-(2**100), {"b": 1}], "c": "x\0y"},
            {"a": ["-0x1" + "0" * 25, {"b": 1}], "c": "xy"},
        ),
        ({"a": 10**6000, "b": "half \ud800"}, {"a": hex(10**6000)[:100], "b": "half ?"}),
        ({"a": float("inf"), "b": (1, 2)}, {"a": None, "b": [1, 2]}),
        ({"a": 2**64 - 1}, {"a": 2**64 - 1}),
    ],
)
def test_odd_values_do_not_cost_the_fix(said: dict[str, object], stored: dict[str, object]):
    assert orjson.loads(_rest(Report(other=said))[5:]) == stored


def test_a_cell_with_an_odd_number_does_not_cost_the_fix():
    cell = CellTower(mcc=206, mnc=1, lac=2**70, cid=1)
    (stored,) = orjson.loads(_rest(Report(cells=(cell,)))[5:])["cells"]
    assert (stored["mcc"], stored["lac"]) == (206, hex(2**70))


@pytest.mark.parametrize("number", [1e300, 10**400, -1e39])
def test_a_number_that_no_column_holds_says_nothing(number: float):
    assert _real(number) == _NULL
    assert _double(10**400) == _NULL
    assert _double(1e300) != _NULL
