"""Log lines say who, what and the facts; nothing that a device says can forge one."""

import logging

import orjson
import pytest

from tracking import logs
from tracking.settings import Settings


@pytest.fixture
def written(capsys):
    """Configures logging as a process does, and hands back what was written."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level

    def configure(**settings):
        logs.configure(Settings(**settings), "gateway-1")

    yield configure, lambda: capsys.readouterr().err
    root.handlers[:] = before
    root.setLevel(level)
    logging.captureWarnings(capture=False)


def test_a_line_of_text_names_the_process_and_its_facts(written):
    configure, said = written
    configure()
    logging.getLogger("tracking.gateway").warning("refused", extra={"unit_id": "8600", "frames": 3})
    head, _, rest = said().partition(" ")
    assert head.endswith("Z")
    assert rest == 'WARNING gateway-1 tracking.gateway: refused unit_id="8600" frames=3\n'


def test_what_a_device_says_cannot_forge_a_line(written):
    configure, said = written
    configure()
    logging.getLogger("x").warning("%s", "a\nERROR forged", extra={"text": "b\nERROR forged"})
    assert said().count("\n") == 1


def test_json_lines_carry_the_same(written):
    configure, said = written
    configure(log_json=True, log_level="debug")
    logging.getLogger("x").debug("heard", extra={"frames": 3})
    line = orjson.loads(said())
    assert line["level"] == "DEBUG"
    assert line["process"] == "gateway-1"
    assert line["frames"] == 3


def test_an_exception_is_written_whole(written):
    configure, said = written
    configure(log_json=True)
    try:
        int("why")
    except ValueError:
        logging.getLogger("x").exception("failed")
    assert "ValueError: invalid literal" in orjson.loads(said())["exception"]
