"""Processes of the service with what they log."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from clv.config import ROOT, Settings
from tests.conftest import environment, wait_until


class Logged:
    """A process, and the lines of its standard error."""

    def __init__(self, process: subprocess.Popen, log: Path) -> None:
        self.process, self._log = process, log

    @property
    def text(self) -> str:
        """All of it."""
        return self._log.read_text()

    def events(self, name: str) -> list[dict]:
        """The events of this name, in order."""
        lines = [line for line in self.text.splitlines() if line.startswith("{")]
        return [event for event in map(json.loads, lines) if event["event"] == name]

    def wait_for(self, name: str, cause: str = "") -> dict:
        """The first event of this name whose cause says so."""

        def found() -> list[dict]:
            return [event for event in self.events(name) if cause in event.get("cause", "")]

        wait_until(found, f"{name}: {cause}")
        return found()[0]


@contextmanager
def running(settings: Settings, log: Path, *command: str, **variables: str) -> Iterator[Logged]:
    """A process of the service with these settings: a module's name and arguments."""
    with log.open("wb") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", *command],
            cwd=ROOT,
            env=environment(settings, **variables),
            stdout=errors,
            stderr=errors,
        )
    try:
        yield Logged(process, log)
    finally:
        process.terminate()
        process.wait()


def ended(settings: Settings, *command: str, **variables: str) -> tuple[int, str]:
    """The status of a process that ends by itself, and all that it says."""
    completed = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=ROOT,
        env=environment(settings, **variables),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )
    return completed.returncode, completed.stdout + completed.stderr
