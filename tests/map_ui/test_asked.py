"""What our scripts ask of the API is there to be asked."""

import re

import pytest

from map_ui.app import create_app
from tracking.settings import PROJECT

ASKED = re.compile(r"""ask\("([A-Z]+)", *["`](/[^"`?]*)""")
SCRIPTS = PROJECT / "map_ui" / "static"


def asked() -> set[tuple[str, str]]:
    """Every (method, path) in the scripts, with the API's own names of what is filled in."""
    found = {each for path in SCRIPTS.rglob("*.js") for each in ASKED.findall(path.read_text())}
    return {(method, re.sub(r"\$\{[^}]*\}", "*", path)) for method, path in found}


ROUTES = {
    (method.upper(), re.sub(r"\{[^}]*\}", "*", path.removeprefix("/api/v1")))
    for path, methods in create_app().openapi()["paths"].items()
    for method in methods
}


@pytest.mark.parametrize(("method", "path"), sorted(asked()))
def test_what_a_script_asks_exists(method: str, path: str):
    assert (method, path) in ROUTES
