"""A short run of every load test: it works, it accounts, and it fails when it should."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from loadtests import assault
from tracking.settings import PROJECT

pytestmark = [pytest.mark.load, pytest.mark.timeout(180)]


def run(module: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", f"loadtests.{module}", *arguments],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
        timeout=170,
    )


def figures_of(module: str, *arguments: str) -> dict[str, Any]:
    done = run(module, *arguments, "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    figures: dict[str, Any] = json.loads(done.stdout)
    return figures


@pytest.mark.parametrize(
    "module", ["ingest", "panic", "connections", "kill", "decode", "fuzz", "house"]
)
def test_every_command_says_what_it_is_for(module: str) -> None:
    said = run(module, "--help")
    assert said.returncode == 0
    assert f"python -m loadtests.{module}" in said.stdout


def test_everything_acknowledged_is_counted_in_a_mixed_population() -> None:
    figures = figures_of("ingest", "--units", "60", "--rate", "300", "--seconds", "2", "--mix")
    assert figures["problems"] == []
    assert figures["counted"] > 300
    (run_asked,) = figures["runs"].values()
    assert run_asked["ack"]["count"] > 200
    assert figures["copy_rows_per_s"] > 0


def test_every_cry_is_seen_also_in_the_dark() -> None:
    figures = figures_of("panic", "--count", "8", "--units", "20", "--load", "50", "--dark", "3")
    assert figures["problems"] == []
    assert set(figures["phases"]) == {
        "idle",
        "80 % of maximum",
        "Redis gone",
        "PostgreSQL gone",
    }


def test_connections_are_counted_and_come_back() -> None:
    figures = figures_of("connections", "--sizes", "100", "--storm", "100")
    assert figures["problems"] == []
    assert figures["storm"]["sos_to_desk"]["count"] == 10


def test_floods_hold_up_no_cry_for_help() -> None:
    figures = figures_of("floods", "--count", "10", "--connections", "60", "--rate", "200")
    assert figures["problems"] == []
    assert {"quiet", *assault.KINDS, "quiet again"} < figures["situations"].keys()
    assert all(found["count"] == 10 for found in figures["situations"].values())


def test_kill_minus_nine_loses_nothing() -> None:
    figures = figures_of("kill", "--rounds", "6")
    assert figures["clean"]
    assert figures["positions"]["acknowledged"] > 0
    assert figures["sos"]["acknowledged"] > 0


@pytest.mark.parametrize("promise", ["ack-first", "no-dedupe"])
def test_a_broken_promise_is_noticed(promise: str) -> None:
    figures = figures_of("kill", "--rounds", "6", "--break", promise)
    assert not figures["clean"]


def test_locust_drives_devices_and_operators() -> None:
    locust = Path(sys.executable).with_name("locust")
    done = subprocess.run(
        [
            *(sys.executable, "-m", "loadtests.house", "--units", "20", "--"),
            *(str(locust), "-f", "loadtests/locustfile.py", "--headless"),
            *("-u", "12", "-r", "12", "-t", "4s", "--json"),
        ],
        cwd=PROJECT,
        env={**os.environ, "PYTHONWARNINGS": "ignore"},
        capture_output=True,
        text=True,
        check=False,
        timeout=170,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    requests = json.loads(done.stdout)
    assert {"teltonika position", "hello"} <= {one["name"] for one in requests}
    assert sum(one["num_failures"] for one in requests) == 0
