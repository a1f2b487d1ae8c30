"""What files cost the process that reads them: ``python -m tests.support.file_cost``.

Each line of the standard input is a task as JSON; each line of the output is what it cost.
"""

import io
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from clv import db
from clv.config import Settings
from clv.errors import ClvError
from clv.files.choices import Choices
from clv.files.stream import File
from clv.services import loading
from clv.services.loading import Options
from clv.store import tenants
from clv.store.tenants import Tenant

MAX_INFLATED = 2 * 1024 * 1024 * 1024
_EXAMPLE = b"customer_id,date,amount\n" + b"c1,2026-01-02,1.50\n" * 9


class Unseekable(io.RawIOBase):
    """A stream as from a network."""

    def __init__(self, path: str) -> None:
        self._file = open(path, "rb")  # noqa: SIM115

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._file.readinto(buffer)


def cost(tenant: Tenant, task: dict[str, Any]) -> dict[str, Any]:
    """The processor seconds of a task, how far memory has grown, and why the file was refused."""
    # Linux forgets the peak so far.
    Path("/proc/self/clear_refs").write_text("5")
    before, started = _peak(), time.thread_time()
    message = ""
    try:
        _run(tenant, task)
    except ClvError as refused:
        message = refused.message
    seconds = time.thread_time() - started
    return {**task, "seconds": seconds, "bytes": _peak() - before, "message": message[:500]}


def _run(tenant: Tenant, task: dict[str, Any]) -> None:
    file = File(Unseekable(task["path"]), task["kind"], MAX_INFLATED)  # type: ignore[arg-type]
    if task["action"] == "preview":
        loading.preview_transactions(tenant, file, Choices())
        return
    options = Options(skip_bad_lines=task["action"] == "skip")
    if task["are_summaries"]:
        loading.load_summaries(tenant, file, options)
    else:
        loading.load_transactions(tenant, file, Choices(), options)


def _peak() -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) * 1024


def main() -> None:
    """Run all tasks in one process, each for a tenant without data."""
    with tempfile.TemporaryDirectory() as folder:
        db.configure(Settings(database_url=f"sqlite:///{Path(folder) / 'clv.db'}"))
        with db.scope():
            db.migrate()
            first = tenants.create_tenant("first")
            # What a process does once is no cost of a file.
            loading.preview_transactions(first, File(io.BytesIO(_EXAMPLE)), Choices())
            for number, line in enumerate(sys.stdin):
                tenant = tenants.create_tenant(f"tenant-{number}")
                print(json.dumps(cost(tenant, json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
