"""Maintenance: deletes what was kept for long enough, and makes an erasure complete.

An erasure deletes at once whatever names the customer. Until maintenance, amounts of the erased may
stand in the current distribution and in the cohorts, where a value can be that of a single
customer, and in what the database has not overwritten yet. All of it may run twice, and beside
everything else.
"""

import logging
from contextlib import suppress
from dataclasses import dataclass

from clv import db, logs
from clv.config import Settings
from clv.db.clock import now_ms
from clv.domain.units import DAY_MS, HOUR_MS
from clv.errors import NotFound
from clv.queue import Queue
from clv.services import cohorts, snapshots
from clv.services.runs import last_due_ms
from clv.store import feed, maintenance, pruning, tenants
from clv.store.changes import KEPT_DAYS

# A shop that has not sent a kind of file for so long may be asked again how to read it.
MAPPINGS_KEPT_DAYS = 400
# Maintenance waits for the nightly runs, but no longer than this.
MOST_WAIT_MS = 2 * HOUR_MS


@dataclass(frozen=True, slots=True)
class Maintained:
    """What maintenance did.

    :param deleted: rows by what they are
    :param rebuilt: current distributions made anew
    :param vacuumed: False if others kept the database from a vacuum
    """

    deleted: dict[str, int]
    rebuilt: int
    vacuumed: bool


def maintain(settings: Settings, vacuums: bool = True) -> Maintained:
    """Do maintenance now.

    :param vacuums: whether there may be something to overwrite
    """
    now = now_ms()
    with db.within(db.LONG_SECONDS):
        rebuilt = _rebuild_distributions()
        added_up = cohorts.add_up_again()
        _number_runs()
        deleted = _prune(settings, now)
        vacuumed = db.vacuum() if vacuums else True
    logs.event("maintenance.done", rebuilt=rebuilt, added_up=added_up, vacuumed=vacuumed, **deleted)
    return Maintained(deleted, rebuilt, vacuumed)


def ring_if_due(settings: Settings, queue: Queue, as_of_ms: int) -> None:
    """Tell a worker to do the maintenance of the last night, once its runs have ended.

    :raises Unavailable: when the queue can't be reached
    """
    due_ms = last_due_ms(settings.nightly_at, as_of_ms)
    if not maintenance.is_due(due_ms):
        return
    if as_of_ms - due_ms > MOST_WAIT_MS or not maintenance.is_running():
        queue.ring_maintenance(due_ms)


def maintain_if_due(settings: Settings, due_ms: int) -> None:
    """Do the maintenance of a night, unless somebody else has begun it. SQLite, whose writers wait
    meanwhile, is vacuumed only after a customer was erased."""
    last_ms = maintenance.begun_ms()
    if not maintenance.begin(due_ms):
        return
    vacuums = not db.is_sqlite() or maintenance.has_erasures_since(last_ms)
    if not maintain(settings, vacuums).vacuumed:
        # Due again at the next look.
        maintenance.take_back(due_ms, last_ms)


def _rebuild_distributions() -> int:
    """Make the current distributions anew that may have amounts of erased customers."""
    rebuilt = 0
    for tenant_id in maintenance.tenants_to_rebuild():
        try:
            rebuilt += snapshots.rebuild(tenants.tenant_by_id(tenant_id))
        except NotFound:
            logs.event("maintenance.tenant_gone", logging.INFO, tenant=tenant_id)
    return rebuilt


def _number_runs() -> None:
    """Give the runs that ended their numbers in the feed, or they are not deleted."""
    for tenant_id in feed.behind():
        with suppress(NotFound):
            feed.number(tenant_id)


def _prune(settings: Settings, now: int) -> dict[str, int]:
    runs_ms = now - settings.keep_runs_days * DAY_MS
    points_ms = min(runs_ms, now - KEPT_DAYS * DAY_MS)
    return {
        "shards": pruning.shards(),
        "errors": pruning.errors(runs_ms),
        "runs": pruning.runs(runs_ms, points_ms),
        "backtests": pruning.backtests(runs_ms),
        "distributions": pruning.snapshots(),
        "removals": pruning.removals(now - settings.keep_removals_days * DAY_MS),
        "mappings": pruning.mappings(now - MAPPINGS_KEPT_DAYS * DAY_MS),
        "sessions": pruning.sessions(),
    }
