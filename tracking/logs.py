"""How every process of the house writes its log: one line a fact, as text or as JSON."""

import logging
import sys
from datetime import UTC, datetime

import orjson

from tracking.settings import Settings

_OF_EVERY_RECORD = frozenset(vars(logging.makeLogRecord({}))) | {
    *("message", "asctime", "taskName"),
    "color_message",  # what uvicorn says again for terminals
}


def configure(settings: Settings, process_name: str) -> None:
    """Send everything from ``settings.log_level`` up to standard error, with who said it."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Json(process_name) if settings.log_json else _Text(process_name))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.log_level.upper())
    logging.captureWarnings(capture=True)
    # A line for every request says nothing that /metrics does not say better.
    logging.getLogger("uvicorn.access").setLevel(logging.WARNING)
    logging.getLogger("alembic").setLevel(logging.WARNING)


class _Text(logging.Formatter):
    """``2026-05-01T12:00:00.123Z WARNING gateway-1 tracking.gateway: words key=value``."""

    def __init__(self, process_name: str) -> None:
        super().__init__()
        self._process_name = process_name

    def format(self, record: logging.LogRecord) -> str:
        head = f"{_at(record)} {record.levelname} {self._process_name} {record.name}: "
        # Values may come from a device: as JSON they cannot forge a line of their own.
        facts = "".join(f" {name}={_json(value)}" for name, value in _facts(record).items())
        text = head + record.getMessage().replace("\n", "\\n") + facts
        return text + "\n" + self.formatException(record.exc_info) if record.exc_info else text


class _Json(logging.Formatter):
    """One JSON object a line."""

    def __init__(self, process_name: str) -> None:
        super().__init__()
        self._process_name = process_name

    def format(self, record: logging.LogRecord) -> str:
        said: dict[str, object] = {
            "at": _at(record),
            "level": record.levelname,
            "process": self._process_name,
            "logger": record.name,
            "message": record.getMessage(),
            **_facts(record),
        }
        if record.exc_info:
            said["exception"] = self.formatException(record.exc_info)
        return _json(said)


def _at(record: logging.LogRecord) -> str:
    at = datetime.fromtimestamp(record.created, UTC)
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"


def _facts(record: logging.LogRecord) -> dict[str, object]:
    """What the caller gave as ``extra=``."""
    return {name: value for name, value in vars(record).items() if name not in _OF_EVERY_RECORD}


def _json(value: object) -> str:
    return orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
