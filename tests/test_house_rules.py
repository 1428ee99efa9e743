"""The rules of the house that a machine can hold: shape, names, documents, locks."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import protocols
from tracking.__main__ import table_of_settings
from tracking.settings import PROJECT, Settings

OURS = ("protocols", "geofence", "tracking", "map_ui", "loadtests", "migrations", "tests")
LONGEST = 600
"""Lines in a file. At 400 look again; here it stops."""

NOT_NOUNS = {"utils", "util", "helpers", "helper", "base", "manager", "common", "misc"}


def _files(*endings: str) -> list[Path]:
    tracked = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", *OURS, "vigil", "docs"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    found = [PROJECT / name for name in tracked if name.endswith(endings)]
    return [path for path in found if path.is_file()]


def test_imports_point_down_the_house():
    # Apart from us: it would switch off every logger that exists already.
    program = Path(sys.executable).with_name("lint-imports")
    said = subprocess.run(
        [program, "--no-cache"], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    assert said.returncode == 0, said.stdout


@pytest.mark.parametrize("name", protocols.names())
def test_every_codec_has_vectors(name: str):
    rows = tomllib.loads((PROJECT / "tests" / "vectors" / f"{name}.toml").read_text())
    assert rows["uplink"]


def test_every_setting_is_documented():
    assert table_of_settings() in (PROJECT / "docs" / "operations.md").read_text()


def test_migrations_equal_models(settings: Settings):
    said = subprocess.run(
        [sys.executable, "-m", "alembic", "check"],
        cwd=PROJECT,
        env={**os.environ, "DATABASE_URL": settings.database_url},
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.returncode == 0, said.stdout + said.stderr


def test_no_file_is_too_long():
    endings = (".py", ".js", ".css", ".html", ".sql")
    lengths = {path: len(path.read_text().splitlines()) for path in _files(*endings)}
    assert not {path: lines for path, lines in lengths.items() if lines > LONGEST}


def test_every_module_is_named_by_a_noun():
    named = {path for path in _files(".py", ".js") if path.stem in NOT_NOUNS}
    assert not named


def test_only_the_database_room_commits():
    commits = re.compile(r"\.commit\(|\bCOMMIT\b;")
    elsewhere = {
        path.relative_to(PROJECT).as_posix()
        for path in _files(".py")
        if path.is_relative_to(PROJECT / "tracking") and commits.search(path.read_text())
    }
    assert not elsewhere


def test_sql_lives_in_stores():
    """Other rooms may take locks and listen; what answers a question is in a store."""
    question = re.compile(r'"""\s*(WITH|SELECT|INSERT INTO|UPDATE|DELETE FROM)\b')
    elsewhere = {
        path.relative_to(PROJECT).as_posix()
        for path in _files(".py")
        if path.is_relative_to(PROJECT / "tracking")
        and path.stem not in {"store", "arrivals"}
        and question.search(path.read_text())
    }
    assert not elsewhere


def test_no_lock_or_settings_file_names_an_address():
    files = [
        *(PROJECT / "requirements").glob("*.lock"),
        *(PROJECT / name for name in ("pyproject.toml", "package.json", "package-lock.json")),
        *(path for path in (PROJECT / ".npmrc",) if path.exists()),
    ]
    # npm's lock may say where to thank a package's author; never where the package comes from.
    address = re.compile(r'"resolved"|registry\s*=|index-url|//registry\.|//pypi\.')
    assert not {path for path in files if address.search(path.read_text())}


def test_every_locked_package_has_hashes():
    for lock in (PROJECT / "requirements").glob("*.lock"):
        names = re.findall(r"^[a-z0-9][^=\s]*==\S+.*$", lock.read_text(), re.MULTILINE)
        assert names
        assert all(line.endswith("\\") for line in names), lock


def test_pages_run_no_inline_script_and_write_no_raw_html():
    # folium writes its map as a script of the page; only that one carries the answer's own nonce.
    inline = re.compile(r"<script(?![^>]*\b(src|nonce)=)|\son[a-z]+=")
    raw = re.compile(r"\.(inner|outer)HTML\b|insertAdjacentHTML|document\.write|\beval\(")
    assert not {path for path in _files(".html") if inline.search(path.read_text())}
    assert not {path for path in _files(".js") if raw.search(path.read_text())}


def test_every_promise_names_a_test_that_exists():
    promises = re.search(
        r"^## Promises\n(.*?)^## ",
        (PROJECT / "ARCHITECTURE.md").read_text(),
        re.DOTALL | re.MULTILINE,
    )
    assert promises is not None
    rows = re.findall(r"^(\d+)\. ", promises[1], re.MULTILINE)
    assert rows == [str(number) for number in range(1, len(rows) + 1)]
    named = re.findall(r"`(tests/[^`:]+)(?:::(\w+))?`", promises[1])
    assert len(named) >= len(rows)
    for path, function in named:
        text = (PROJECT / path).read_text()
        assert not function or f"def {function}(" in text, f"{path} has no {function}"


def test_every_decision_is_one_page_and_numbered():
    decisions = sorted((PROJECT / "docs" / "decisions").glob("*.md"))
    assert [path.name[:4] for path in decisions] == [
        f"{number:04}" for number in range(1, len(decisions) + 1)
    ]
    assert all(len(path.read_text().splitlines()) <= 60 for path in decisions)


def test_readme_stays_under_two_screens():
    assert len((PROJECT / "README.md").read_text().splitlines()) <= 100
