"""`./vigil` itself: what it says before anything is installed."""

import shutil
import subprocess
import sys

import pytest

from tracking.settings import PROJECT

NEEDED = ("bash", "cat", "cmp", "date", "dirname", "flock", "id", "mkdir", "readlink", "tail", "tr")


@pytest.fixture
def fresh(tmp_path):
    """A checkout in which nothing is installed, and a machine with next to no programs."""
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    shutil.copy(PROJECT / "vigil", checkout)
    shutil.copytree(PROJECT / "requirements", checkout / "requirements")
    shutil.copy(PROJECT / "package-lock.json", checkout)
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in NEEDED:
        (programs / name).symlink_to(shutil.which(name) or f"/bin/{name}")
    (programs / "python3").symlink_to(sys.executable)

    def vigil(*arguments, **environment):
        return subprocess.run(
            [shutil.which("bash") or "/bin/bash", checkout / "vigil", *arguments],
            env={"PATH": str(programs), "HOME": str(tmp_path), **environment},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    return vigil, programs


@pytest.mark.parametrize("command", ["status", "down", "doctor", "help"])
def test_before_anything_is_installed_it_says_how_to_begin(fresh, command):
    vigil, _ = fresh
    said = vigil(command)
    assert said.returncode == 1
    assert "./vigil up installs and starts everything" in said.stderr


def test_where_there_is_no_apt_it_says_what_to_install(fresh):
    vigil, _ = fresh
    said = vigil("up")
    assert said.returncode == 1
    assert "this is not Debian or Ubuntu" in said.stderr
    assert "redis-server" in said.stderr
    assert "npm" in said.stderr
    assert "chromium" not in said.stderr


@pytest.mark.parametrize("package", ["chromium", "sip-tester", "gdal-bin"])
def test_only_the_tests_need_programs_of_others(fresh, package):
    vigil, _ = fresh
    needed = {
        command: vigil(command).stderr.partition("(Debian's names)")[0]
        for command in ("test", "up")
    }
    assert package in needed["test"]
    assert package not in needed["up"]


def test_servers_that_were_given_are_not_asked_for(fresh):
    vigil, _ = fresh
    assert "redis-server" not in vigil("up", REDIS_URL="redis://elsewhere").stderr


def test_a_failing_installation_shows_the_end_of_its_log(fresh):
    vigil, programs = fresh
    (programs / "apt-get").write_text("#!/bin/bash\necho no route to anywhere; exit 100\n")
    (programs / "sudo").write_text('#!/bin/bash\n[[ $1 != apt-get ]] || "$@"\n')
    for name in ("apt-get", "sudo"):
        (programs / name).chmod(0o755)
    # Whoever we are, this machine's own folders are out of reach: id says we are not root.
    (programs / "id").unlink()
    (programs / "id").write_text("#!/bin/bash\necho 1000\n")
    (programs / "id").chmod(0o755)
    said = vigil("up")
    assert said.returncode == 1
    assert "no route to anywhere" in said.stderr
    assert "the whole story is in .vigil/log/install.log" in said.stderr
