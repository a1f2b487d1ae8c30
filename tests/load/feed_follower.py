"""The consumer of docs/feed.md, as another system runs it."""

import json
import random
import re
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

from clv.config import ROOT

_CODE = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
# One in so many calls is killed.
KILLED = 4
_NOT_OF_RECORD = ("id", "kind")


class Follower:
    """Calls the consumer, and reads its table.

    :param kills: how often it was killed
    """

    def __init__(self, folder: Path, name: str, url: str, key: str) -> None:
        page = (ROOT / "docs" / "feed.md").read_text()
        (code,) = _CODE.findall(page)
        script = folder / "follow.py"
        script.write_text(code)
        self._file = folder / f"{name}.sqlite"
        self._log = folder / f"follower-{name}.log"
        self._command = (sys.executable, str(script), url, key, str(self._file))
        self.calls = self.kills = 0

    def follow(self, closing: threading.Event, rng: random.Random) -> None:
        """Call it again and again; sometimes it is killed."""
        while not closing.wait(rng.uniform(0, 0.3)):
            with self._start() as process:
                if rng.randrange(KILLED) == 0:
                    closing.wait(rng.uniform(0.05, 0.6))
                    process.kill()
                    self.kills += 1
                process.wait()

    def catch_up(self) -> bool:
        """Call it once; whether it got to the end."""
        with self._start() as process:
            return process.wait() == 0

    def records(self) -> dict[str, dict]:
        """The customers that it has, by id, with the fields of their records."""
        with closing(sqlite3.connect(self._file)) as table:
            rows = table.execute("SELECT id, record FROM customers").fetchall()
        return {customer_id: _record(json.loads(record)) for customer_id, record in rows}

    def _start(self) -> subprocess.Popen:
        self.calls += 1
        with self._log.open("ab") as sink:
            return subprocess.Popen(self._command, stdout=sink, stderr=sink)


def _record(entry: dict) -> dict:
    return {name: value for name, value in entry.items() if name not in _NOT_OF_RECORD}
