"""Monitoring: whether the service can do its work, what runs did, and what waits."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from clv import db, logs
from clv.errors import Unavailable
from clv.queue import Queue
from clv.services.insights import STALE_MS
from clv.store import run_tally
from clv.store.run_tally import Ended

OK = "ok"
UNAVAILABLE = "unavailable"


@dataclass(frozen=True, slots=True)
class Readiness:
    """What the service depends on: ``ok``, or what is wrong in a word or two.

    :param workers: how many are alive
    :param unknown_migrations: what a newer version of the service did to the database. This one
        goes on: a migration leaves room for the version before it
    """

    database: str
    redis: str
    workers: int
    unknown_migrations: Sequence[str] = ()

    @property
    def status(self) -> str:
        """``unavailable`` if the database fails, ``degraded`` if Redis does or without workers."""
        if self.database != OK:
            return UNAVAILABLE
        return OK if self.redis == OK and self.workers else "degraded"


@dataclass(frozen=True, slots=True)
class ActiveRuns:
    """The runs that are queued, or those that are running, and for how long the oldest has been."""

    status: str
    count: int
    oldest_ms: int


@dataclass(frozen=True, slots=True)
class DatabaseFigures:
    """What the database says of all runs, and of all tenants that have customers.

    :param oldest_full_run_ms: age of the last finished full run, of the tenant where it is oldest
    :param stale_tenants: tenants whose last full run is older than 36 hours
    """

    ended: list[Ended]
    active: list[ActiveRuns]
    tenants: int
    oldest_full_run_ms: int
    stale_tenants: int


@dataclass(frozen=True, slots=True)
class QueueFigures:
    """Jobs that wait, and workers that are alive."""

    depth: int
    workers: int


def readiness(queue: Queue) -> Readiness:
    """Whether the database answers, is migrated and takes changes, and whether Redis and workers
    do."""
    database, unknown = _database_state()
    try:
        return Readiness(database, queue.refusal() or OK, queue.workers_alive(), unknown)
    except Unavailable as error:
        logs.event("redis.failed", logging.WARNING, cause=db.cause(error))
        return Readiness(database, UNAVAILABLE, 0, unknown)


def database_figures() -> DatabaseFigures | None:
    """The database's figures, or None if it is down or not migrated; gives the connection back."""
    try:
        ages = run_tally.full_runs(STALE_MS)
        return DatabaseFigures(
            ended=run_tally.ended(),
            active=[ActiveRuns(status, *rest) for status, rest in run_tally.active().items()],
            tenants=ages.tenants,
            oldest_full_run_ms=ages.oldest_ms,
            stale_tenants=ages.stale,
        )
    except db.ERRORS as error:
        if not db.is_not_now(error):
            raise
        return None
    finally:
        # Others may use it while the caller asks Redis.
        db.release()


def queue_figures(queue: Queue) -> QueueFigures | None:
    """The queue's figures, or None if it can't be reached."""
    try:
        return QueueFigures(queue.depth(), queue.workers_alive())
    except Unavailable:
        return None


def _database_state() -> tuple[str, Sequence[str]]:
    """The state of the database, and the migrations there that this version does not know."""
    try:
        pending, unknown = db.migration_state()
        return db.NO_TABLES if pending else db.refusal() or OK, unknown
    except db.ERRORS as error:
        logs.event("database.failed", logging.WARNING, cause=db.cause(error))
        return UNAVAILABLE, ()
