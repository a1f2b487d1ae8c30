"""Runs that have ended, and the work-horses of a worker."""

from pathlib import Path

from clv import db
from clv.store import runs


def finished(run_id: int) -> bool:
    """Whether a run ended well."""
    with db.scope():
        return runs.by_id(run_id).status == "finished"


def children(pid: int) -> list[int]:
    """The process ids of the children of a process."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
