"""Load commands are run as people run them; ``-m "not load"`` leaves them out."""

import pytest


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "load: starts a whole house of its own; takes seconds")
