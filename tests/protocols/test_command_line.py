"""``python -m protocols``, run as a support engineer runs it."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import protocols
from tests.protocols.vector_files import Vector, vectors

ROOT = Path(__file__).resolve().parents[2]
ROW_KEYS = {"messages", "ack", "error", "unread"}
MESSAGE_KEYS = {"type", "unit_id", "fix", "signals", "readings", "buffered"}
FIX_KEYS = {
    "at",
    "valid",
    "lat",
    "lon",
    "altitude_m",
    "speed_kmh",
    "course_deg",
    "accuracy_m",
    "unsaid",
}

SOS = (
    "GET /?id=jane&lat=50.8&lon=4.3&timestamp=1795505415&alarm=sos HTTP/1.1\r\n"
    "Host: tracker\r\n\r\n"
)


def run(*arguments: str, rows: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "protocols", *arguments],
        input=rows,
        capture_output=True,
        text=True,
        encoding="utf-8",
        cwd=ROOT,
        timeout=60,
        check=False,
    )


def decoded(name: str, *rows: dict[str, Any] | str) -> list[dict[str, Any]]:
    """The answers to those rows; a text is sent as it is."""
    lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    done = run("decode", name, rows="\n".join(lines) + "\n")
    assert done.stderr == ""
    assert done.returncode == 0
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert all(answer.keys() == ROW_KEYS for answer in answers)
    return answers


def test_names_are_listed_one_a_line():
    assert run("names").stdout.split() == protocols.names()


def test_a_report_has_every_key_that_a_reader_expects():
    (answer,) = decoded("osmand", {"hex": SOS.encode().hex(), "unit_id": None})
    (message,) = answer["messages"]
    assert message.keys() >= MESSAGE_KEYS
    assert message["type"] == "Report"
    assert message["unit_id"] == "jane"
    assert message["fix"].keys() == FIX_KEYS
    assert message["fix"]["at"] == "2026-11-24T07:30:15Z"
    assert message["signals"] == ["panic"]
    assert bytes.fromhex(answer["ack"]) == b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"
    assert answer["error"] is None


@pytest.mark.parametrize("name", protocols.names())
def test_every_vector_is_decoded_with_the_same_keys(name: str):
    own = [vector for vector in vectors("uplink") if vector.protocol == name]
    rows = []
    for number, vector in enumerate(own):
        given = {"session": str(number), "model": vector.said.get("model"), "unit_id": None}
        given["unit_id"] = vector.said.get("unit_id")
        given["settings"] = vector.said.get("settings")
        rows += [{"hex": sent, **given} for sent in vector.said.get("prelude", [])]
        rows.append({"hex": vector.said["hex"], **given})
    answers = decoded(name, *rows)
    assert len(answers) == len(rows)
    for row, answer in zip(rows, answers, strict=True):
        assert answer["error"] is None, row
        assert all(message.keys() >= MESSAGE_KEYS for message in answer["messages"])


def test_rows_of_one_session_share_a_conversation_and_others_do_not():
    half, rest = SOS[:40].encode().hex(), SOS[40:].encode().hex()
    answers = decoded(
        "osmand",
        {"hex": half, "session": "a"},
        {"hex": half},
        {"hex": rest, "session": "a"},
    )
    assert [len(answer["messages"]) for answer in answers] == [0, 0, 1]
    assert [answer["unread"] for answer in answers] == [40, 40, 0]


def test_what_cannot_be_framed_ends_the_conversation_and_the_next_row_begins_a_new_one():
    answers = decoded(
        "osmand",
        {"hex": SOS.encode().hex() + "16030100", "session": "a"},
        {"hex": SOS.encode().hex(), "session": "a"},
    )
    assert answers[0]["error"].startswith("unframeable: ")
    assert [len(answer["messages"]) for answer in answers] == [1, 1]
    assert answers[1]["error"] is None


def test_a_malformed_frame_is_answered_as_the_protocol_wants_and_named():
    (answer,) = decoded("osmand", {"hex": b"GET / HTTP/1.1\r\n\r\n".hex()})
    assert answer["error"] == "malformed: no unit id"
    assert bytes.fromhex(answer["ack"]).startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("hello", "input: line 1: not JSON"),
        ("[" * 100_000, "input: line 1: not JSON"),
        ("[]", 'input: line 1: a row is a JSON object with "hex"'),
        ('{"wire": "00"}', 'input: line 1: a row is a JSON object with "hex"'),
        ('{"hex": "0g"}', 'input: line 1: "hex" is not hexadecimal'),
        ('{"hex": "00", "unit_id": 7}', "input: line 1: unit_id must be a text or null"),
    ],
)
def test_a_line_that_is_no_row_is_named_and_does_not_stop(line: str, reason: str):
    bad, good = decoded("osmand", line, {"hex": SOS.encode().hex()})
    assert bad["error"].startswith(reason)
    assert bad["messages"] == []
    assert len(good["messages"]) == 1


def test_each_answer_is_written_at_once():
    with subprocess.Popen(
        [sys.executable, "-m", "protocols", "decode", "osmand"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    ) as running:
        assert running.stdin is not None
        assert running.stdout is not None
        for _ in range(2):
            running.stdin.write(json.dumps({"hex": SOS.encode().hex()}) + "\n")
            running.stdin.flush()
            assert json.loads(running.stdout.readline())["error"] is None
        running.stdin.close()
        assert running.wait(timeout=30) == 0


def _words(vector: Vector) -> list[str]:
    """The command line that asks for that vector; its command in small letters."""
    arguments = [f"{key}={value}" for key, value in vector.said.get("arguments", {}).items()]
    options = [
        word
        for option in ("model", "dialect")
        if option in vector.said
        for word in (f"--{option}", vector.said[option])
    ]
    unit_id = vector.said.get("unit_id", "356938035643809")
    return [vector.said["command"].lower(), *arguments, "--unit-id", unit_id, *options]


@pytest.mark.parametrize(
    "vector", [v for v in vectors("downlink") if "prelude" not in v.said], ids=str
)
def test_a_command_is_printed_as_the_bytes_of_its_vector(vector: Vector):
    done = run("encode", vector.protocol, *_words(vector))
    assert done.stderr == ""
    assert done.stdout == f"{vector.wire.hex()}\n"


@pytest.mark.parametrize(
    "words",
    [
        ["report-every", "seconds=60", "--unit-id", "9012792183"],
        ["ReportEvery", "--unit-id", "9012792183", "seconds=60"],
        ["--unit-id", "9012792183", "REPORT_EVERY", "seconds=60"],
    ],
)
def test_a_command_may_be_written_in_several_ways(words: list[str]):
    done = run("encode", "watch", *words)
    assert bytes.fromhex(done.stdout.strip()).endswith(b"*UPLOAD,60]")


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["decode", "gt6"], "no protocol called 'gt6'; we speak"),
        (["encode", "gt6", "locate", "--unit-id", "1"], "no protocol called 'gt6'; we speak"),
        (["encode", "watch", "locate"], "the following arguments are required: --unit-id"),
        (["encode", "watch", "explode", "--unit-id", "1"], "no command is called 'explode'; watch"),
        (["encode", "osmand", "locate", "--unit-id", "1"], "osmand devices take no commands"),
        (["encode", "watch", "report-every", "--unit-id", "1"], "seconds is missing"),
        (
            ["encode", "watch", "report-every", "seconds=soon", "--unit-id", "1"],
            "seconds is a whole number, not 'soon'",
        ),
        (
            ["encode", "watch", "locate", "now=1", "--unit-id", "1"],
            "'now=1' is not an argument of locate",
        ),
        (
            ["encode", "watch", "report-every", "seconds=1", "seconds=2", "--unit-id", "1"],
            "'seconds=2' is given twice",
        ),
        (["decode", "watch", "--hex"], "unrecognized arguments: --hex"),
        ([], "the following arguments are required: TASK"),
    ],
)
def test_a_mistake_is_explained(words: list[str], reason: str):
    done = run(*words)
    assert done.returncode == 2
    assert done.stdout == ""
    assert reason in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("task", [[], ["decode"], ["encode"]])
def test_help_has_an_example_that_works(task: list[str]):
    help_text = run(*task, "--help").stdout
    examples = help_text.partition("example")[2]
    assert "python -m protocols" in examples


def test_the_table_is_printed():
    assert "| watch | 3G/SG/CS/ZJ wrist alarms | tcp | 5093 |" in run("table").stdout


def test_settings_reach_the_encoder():
    said = run("encode", "gt06", "locate", "--unit-id", "1", "--settings", '{"colour": 1}')
    assert said.returncode == 2
    assert "no such setting" in said.stderr
    assert run("encode", "gt06", "locate", "--unit-id", "1", "--settings", "{}").returncode == 0


def test_bytes_are_guessed():
    said = run("guess", "5b33472a333430313833303038312a303030322a4c4b5d")
    assert said.stdout.startswith("watch: reads 100%")
    assert run("guess", "00").returncode == 1
    assert "not hexadecimal" in run("guess", "xyz").stderr
