"""docs/protocols.md, brought up to date: what we speak, how sure we are, and where we disagree.

    python -m tests.protocols.document

The words between the marks are generated; those around them are written.
"""

import re
from collections.abc import Callable

import protocols
from protocols.__main__ import table
from tests.protocols.shared_rows import FOLDER, ROOT, differences, exceptions, rows_of

DOCUMENT = ROOT / "docs" / "protocols.md"


def renewed(text: str) -> str:
    """The document with every generated part as it is now; shares only where there are rows."""
    for name, part in PARTS.items():
        if name != "shares" or FOLDER.exists():
            text = re.sub(
                rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)",
                lambda marks, part=part: f"{marks[1]}{part()}\n{marks[2]}",  # type: ignore[misc]
                text,
                flags=re.DOTALL,
            )
    return text


def _shares() -> str:
    lines = [
        "| name | field rows | composed alarm rows | alarms that others lose |",
        "|---|---|---|---|",
    ]
    for protocol in protocols.names():
        cells = []
        for file in ("", ".alarms", ".alarms-undecoded-by-others"):
            rows = [row for row in rows_of(protocol) if row.name.split(" ")[0] == protocol + file]
            same = sum(not differences(row) for row in rows)
            cells.append(f"{same} of {len(rows)}" if rows else "none")
        lines.append(f"| {protocol} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _disagreements() -> str:
    lines = ["| row | reason |", "|---|---|"]
    lines += [f"| `{name}` | {reason} |" for name, reason in exceptions().items()]
    return "\n".join(lines)


PARTS: dict[str, Callable[[], str]] = {
    "devices": table,
    "shares": _shares,
    "exceptions": _disagreements,
}


if __name__ == "__main__":
    DOCUMENT.write_text(renewed(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")
