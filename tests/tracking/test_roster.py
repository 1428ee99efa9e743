"""The note of who runs is believed only while its processes live."""

import os

import pytest

from tracking import roster
from tracking.program import Running, birth_of


@pytest.fixture
def noted(settings):
    note = roster.Roster(
        pid=os.getpid(),
        born=birth_of(os.getpid()),
        phase=roster.UP,
        started_at="2026-05-01T12:00:00+00:00",
        address="http://127.0.0.1:8080",
        device_host="127.0.0.1",
        device_ports={"gt06/tcp": 5023},
        members=(
            roster.Member(
                name="gateway-1",
                state="running",
                pid=os.getpid(),
                born=birth_of(os.getpid()),
                since="2026-05-01T12:00:00+00:00",
                restarts=1,
                last_exit=None,
            ),
        ),
    )
    roster.write(settings, note)
    return note


def test_a_note_reads_as_it_was_written(settings, noted):
    assert roster.read(settings) == noted
    assert roster.read(settings).supervised


def test_no_note_means_nobody(settings):
    assert roster.read(settings) is None


def test_half_a_note_means_nobody(settings, noted):
    path = settings.state_dir / "supervisor.json"
    path.write_bytes(path.read_bytes()[:40])
    assert roster.read(settings) is None


def test_a_process_number_that_was_handed_out_again_is_somebody_else():
    assert Running(name="x", pid=os.getpid(), born=birth_of(os.getpid())).process
    assert Running(name="x", pid=os.getpid(), born=1.0).process is None


def test_device_ports_are_told_in_columns():
    told = roster.ports_in_columns({"gt06/tcp": 5023, "dc09/udp": 12300, "dc09/tcp": 12300})
    assert [line.split() for line in told] == [["dc09", "12300/tcp,udp", "gt06", "5023"]]
    assert roster.ports_in_columns({}) == []
