"""A commit whose reply is lost."""

import random
import select
import socket
import threading
from contextlib import closing, suppress
from dataclasses import replace

import pytest

from clv import db
from clv.config import Settings
from clv.services import batch
from clv.store import runs, shards
from tests.jobs import paused_worker
from tests.jobs.faults.support import CHUNKS, CUSTOMERS, TRIALS
from tests.jobs.support import (
    Bell,
    complete,
    planned,
    written_twice,
)


class CuttingProxy:
    """Stands between a worker and PostgreSQL, and cuts the connection once: instead of passing the
    n-th reply on, after the server has worked the query off."""

    READY = b"Z\0\0\0\5"

    def __init__(self, upstream: str, cut_at: int) -> None:
        self.upstream, self.cut_at, self.was_cut = upstream, cut_at, False
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        # Closing alone wakes nobody: the thread would wait at the port for ever.
        with suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._carry, args=(client,), daemon=True).start()

    def _carry(self, client: socket.socket) -> None:
        with closing(client), closing(self._connect()) as server:
            is_open, reply = False, b""
            while True:
                readable, _, _ = select.select([client, server], [], [])
                if client in readable:
                    sent = client.recv(1 << 20)
                    if not sent:
                        return
                    server.sendall(sent)
                if server in readable:
                    received = server.recv(1 << 20)
                    if not received:
                        return
                    reply += received
                    # A reply is complete when the server is ready for the next query.
                    is_complete = reply[-6:-1] == self.READY
                    if is_complete and is_open:
                        self.cut_at -= 1
                        if self.cut_at == 0:
                            self.was_cut = True
                            return
                    if is_complete or not is_open:
                        client.sendall(reply)
                        is_open, reply = is_open or is_complete, b""

    def _connect(self) -> socket.socket:
        if "/" not in self.upstream:
            host, _, port = self.upstream.partition(":")
            return socket.create_connection((host, int(port or 5432)))
        server = socket.socket(socket.AF_UNIX)
        server.connect(self.upstream)
        return server


def upstream_of_database() -> str:
    with db.scope():
        info = db.database.connection().info
        port = info.port
        return f"{info.host}/.s.PGSQL.{port}" if "/" in info.host else f"{info.host}:{port}"


def run_through(proxy: CuttingProxy, settings: Settings, bell: Bell) -> int:
    """Work off a run on a connection that is cut once; the number of customers computed."""
    run_id = planned(bell)
    info = db.database.connection().info
    name, user, password = info.dbname, info.user, info.password
    db.disconnect()
    url = f"postgresql://{user}:{password}@127.0.0.1:{proxy.port}/{name}?sslmode=disable"
    db.configure(replace(settings, database_url=url, db_connections=8))
    try:
        while runs.by_id(run_id).is_active:
            # Cut elsewhere than in a shard, a drain ends, and the next one goes on.
            with suppress(*db.ERRORS):
                # Where the reply to a claim was lost, its lease must expire first.
                complete(run_id, bell, lease=0.2)
            db.disconnect()
        return runs.by_id(run_id).computed
    finally:
        db.disconnect()
        db.configure(settings)


@pytest.fixture
def server(app, monkeypatch):
    """Where PostgreSQL listens; SQLite has no connection that can be cut."""
    # It is there all the time.
    monkeypatch.setattr(batch, "RECONNECT_SECONDS", 0.01)
    return None if db.is_sqlite() else upstream_of_database()


def test_a_commit_whose_reply_was_lost_counts_once(settings, customers, bell, log, server):
    for trial in range(TRIALS if server else 0):
        cut_at = random.Random(trial).randint(6, CHUNKS)
        with closing(CuttingProxy(server, cut_at)) as proxy:
            assert run_through(proxy, settings, bell) == CUSTOMERS
            assert proxy.was_cut
        assert written_twice(db.value("SELECT MAX(id) FROM run")) == 0


def test_without_the_fence_a_lost_reply_counts_twice(
    settings, customers, bell, log, server, monkeypatch
):
    if server is None:
        return
    for name in ("_ADVANCE", "_COMMIT"):
        monkeypatch.setattr(shards, name, getattr(shards, name))
    paused_worker.remove_the_fence()
    monkeypatch.setattr(shards, "reload_shard", lambda shard: shard)
    computed = []
    for cut_at in range(8, 16):
        with closing(CuttingProxy(server, cut_at)) as proxy:
            computed.append(run_through(proxy, settings, bell))
    assert max(computed) > CUSTOMERS
