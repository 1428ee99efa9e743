"""How figures are computed and shown, the same in every load test."""

import asyncio
import json
import signal
import sys
from collections.abc import Coroutine, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

Answer = TypeVar("Answer")
Seconds = npt.NDArray[np.float64]


def run(measurement: Coroutine[Any, Any, Answer]) -> Answer:
    """Run a load test to its end; SIGTERM ends it as Ctrl-C does, so that nothing is left behind.

    Raises KeyboardInterrupt then.
    """
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    return asyncio.run(measurement)


def latency_ms(seconds: Seconds) -> dict[str, float]:
    """Count, p50, p99, p99.9 and the largest, in milliseconds; only the count of nothing."""
    if not len(seconds):
        return {"count": 0}
    p50, p99, p999 = np.percentile(seconds, [50, 99, 99.9]) * 1000
    return {
        "count": len(seconds),
        "p50_ms": round(float(p50), 2),
        "p99_ms": round(float(p99), 2),
        "p999_ms": round(float(p999), 2),
        "max_ms": round(float(seconds.max()) * 1000, 2),
    }


def table(title: str, rows: Sequence[Sequence[object]], head: Sequence[str] = ()) -> str:
    """Plain text in columns: words to the left, numbers to the right."""
    lines = [[_shown(cell) for cell in row] for row in ([head] if head else []) + list(rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    shown = [title, "-" * len(title)]
    for line in lines:
        cells = [
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        shown.append("  ".join(cells).rstrip())
    return "\n".join(shown)


def show(figures: Mapping[str, object], text: str, *, as_json: bool) -> None:
    """Print one JSON object, or the text for people."""
    print(json.dumps(figures, default=float) if as_json else text, flush=True)


def say(words: str) -> None:
    """Tell who waits how far we are; never mixed into the figures."""
    print(words, file=sys.stderr, flush=True)


def _shown(cell: object) -> str:
    if isinstance(cell, float):
        return f"{cell:,.2f}" if abs(cell) < 100 else f"{cell:,.0f}"
    if isinstance(cell, int) and not isinstance(cell, bool):
        return f"{cell:,}"
    return str(cell)
