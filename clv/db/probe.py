"""Whether the database takes changes: a read-only one answers every query of a monitor."""

import logging
import threading
import time
from functools import cache

from clv import logs
from clv.db import queries
from clv.db.connections import database, is_sqlite
from clv.db.failures import ERRORS, FULL, READ_ONLY, cause, is_busy, state_of
from clv.db.models import TABLES

# How long an answer is good for: who watches asks every web process, and some do so every second.
PROBE_SECONDS = 3.0


class _Probe:
    """The last answer in this process, and the database that it is of."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.state: str | None = None
        self.asked_at = 0.0
        self.asked: object = None


_probe = _Probe()


def refusal() -> str | None:
    """Why the database takes no changes, ``read-only`` or ``full``; None if it does.

    It is tried at most every ``PROBE_SECONDS`` in a process, by changing no row of any table. That
    finds a standby and revoked privileges, writes nothing, and waits for no lock: who holds one can
    write.

    :raises peewee.DatabaseError: when the database is down, and others of ``ERRORS``
    """
    with _probe.lock:
        is_old = time.monotonic() - _probe.asked_at >= PROBE_SECONDS
        if is_old or _probe.asked is not database.obj:
            _probe.state = _refusal()
            _probe.asked_at, _probe.asked = time.monotonic(), database.obj
        return _probe.state


def _refusal() -> str | None:
    try:
        _change_nothing()
    except ERRORS as error:
        if is_busy(error):
            return None
        state = state_of(error)
        if state not in (READ_ONLY, FULL):
            raise
        logs.event("database.refuses", logging.WARNING, cause=cause(error))
        return state
    return None


def _change_nothing() -> None:
    with queries.without_waiting():
        if is_sqlite():
            with queries.transaction():
                return
        queries.rows(_changes())


@cache
def _changes() -> str:
    """One statement that would insert into, update and delete from every table."""
    changes = []
    for table in TABLES:
        name, column = table._meta.table_name, table._meta.sorted_fields[0].column_name
        changes += [
            f"INSERT INTO {name} SELECT * FROM {name} WHERE false",
            f"UPDATE {name} SET {column} = {column} WHERE false",
            f"DELETE FROM {name} WHERE false",
        ]
    steps = ", ".join(f"change_{number} AS ({sql})" for number, sql in enumerate(changes))
    return f"WITH {steps} SELECT 1"
