"""The range of Python versions stands in pyproject.toml alone, and make keeps to it."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from clv.config import ROOT

RANGE = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"]
LOWEST, BEYOND = (tuple(map(int, bound.split("."))) for bound in re.findall(r"[\d.]+", RANGE))
# A Python that says it is another version.
FAKE = f"""#!/bin/sh
exec {sys.executable} -c 'import sys; sys.version_info = VERSION; exec(sys.argv[2])' "$@"
"""


def made(folder: Path, python: str, version: tuple[int, ...]) -> subprocess.CompletedProcess:
    """What make does with this Python in a folder that has no virtual environment."""
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy(ROOT / name, folder)
    fake = folder / "python"
    fake.write_text(FAKE.replace("VERSION", str(version)))
    fake.chmod(0o755)
    # The tests may have been started by a make themselves, which tells its children so.
    env = {
        name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFL"))
    }
    command = ["make", f"PYTHON={python}", ".venv/bin/python"]
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("version", [(2, 7), (3, 10), (3, BEYOND[1]), (4, 0)])
def test_make_refuses_other_versions_with_one_line_that_names_the_range(tmp_path, version):
    completed = made(tmp_path, "./python", version)
    line, ended = completed.stderr.splitlines()
    assert line == (
        f"Python {version[0]}.{version[1]} cannot run this service, which needs Python {RANGE}:"
        f" make PYTHON=python{LOWEST[0]}.{LOWEST[1]} .venv/bin/python"
    )
    assert completed.returncode == 2 and ended.startswith("make: ***")
    assert not completed.stdout and not (tmp_path / ".venv").exists()


@pytest.mark.parametrize("minor", range(LOWEST[1], BEYOND[1]))
def test_make_takes_every_version_of_the_range(tmp_path, minor):
    completed = made(tmp_path, "./python", (3, minor))
    # The fake then fails to make the environment.
    assert completed.stdout == "./python -m venv .venv\n"
    assert "cannot run" not in completed.stderr


def test_make_says_that_there_is_no_such_python(tmp_path):
    completed = made(tmp_path, "python3.99", (3, 99))
    line, ended = completed.stdout.splitlines() + completed.stderr.splitlines()
    assert line == (
        f"There is no python3.99. Choose a Python {RANGE}: make PYTHON=path .venv/bin/python"
    )
    assert not (tmp_path / ".venv").exists()


def test_the_tests_run_within_the_range_and_so_does_heroku():
    heroku = tuple(map(int, (ROOT / ".python-version").read_text().split(".")))
    assert LOWEST <= heroku[:2] < BEYOND
    assert LOWEST <= sys.version_info[:2] < BEYOND
