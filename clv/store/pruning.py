"""What is kept for a while only, and deleted when that is over.

Rows that somebody else has locked are left for the next time: waiting for them could be a deadlock.
"""

from clv import db
from clv.db.clock import latest_sql, now_sql
from clv.db.dialect import row_lock
from clv.store import feed
from clv.store.runs import IS_ACTIVE, TAKE_SUMS

# Rows deleted in one transaction: other writers wait no longer than that takes.
DELETED_AT_ONCE = 5_000
# The last run that started: a ranking is only believed if it is of this one.
_LAST_STARTED = "SELECT MAX(id) FROM run WHERE started_ms IS NOT NULL GROUP BY tenant_id"
_FINISHED = "status = 'finished' AND overview IS NOT NULL"


def errors(before_ms: int) -> int:
    """Delete the errors of runs that ended before this; return their number."""
    of_run = "run_error e JOIN run ON run.id = e.run_id"
    return _in_portions(
        "run_error",
        "run_id, customer_id",
        f"SELECT e.run_id, e.customer_id FROM {of_run} WHERE NOT {IS_ACTIVE} AND finished_ms < %s",
        before_ms,
        of="e",
    )


def runs(before_ms: int, points_before_ms: int) -> int:
    """Delete runs that ended before this; return their number. Each tenant keeps its latest
    finished run, its latest finished full run, and the run that started last.

    Runs that have no number in the feed yet are kept, so that the feed knows which are missing.

    :param points_before_ms: finished full runs are points of the history, and kept until this
    """
    doomed = (
        f"SELECT id FROM run WHERE NOT {IS_ACTIVE} AND finished_ms < %s"
        " AND feed_number IS NOT NULL"
        f" AND NOT ({_FINISHED} AND segment IS NULL AND finished_ms >= {points_before_ms:d})"
        f" AND id NOT IN ({_latest('1 = 1')}) AND id NOT IN ({_latest('segment IS NULL')})"
        f" AND id NOT IN ({_LAST_STARTED})"
    )
    portion = f"DELETE FROM run WHERE id IN ({doomed} LIMIT {DELETED_AT_ONCE}{_skipping('run')})"
    deleted = 0
    while True:
        with db.transaction():
            gone = db.rows(f"{portion} RETURNING tenant_id, feed_number", (before_ms,))
            feed.note_pruned(gone)
        if not gone:
            return deleted
        deleted += len(gone)


def shards() -> int:
    """Delete the shards of ended runs, which processes of an older version leave behind, and keep
    their sums; return their number."""
    of_ended = f"SELECT id FROM run WHERE NOT {IS_ACTIVE}"
    with db.transaction():
        db.execute(f"UPDATE run SET {TAKE_SUMS} WHERE NOT {IS_ACTIVE} AND computed IS NULL")
        return db.execute(f"DELETE FROM shard WHERE run_id IN ({of_ended})")


def backtests(before_ms: int) -> int:
    """Delete backtests that ended before this, or began before an erasure; return their number. A
    sum in a backtest may be the amount of the only customer who came back."""
    erased = "SELECT 1 FROM removal r WHERE r.tenant_id = backtest.tenant_id AND r.erased"
    ended = (
        f"SELECT id FROM backtest WHERE NOT {IS_ACTIVE} AND (finished_ms < %s"
        f" OR EXISTS ({erased} AND r.at_ms >= backtest.created_ms))"
    )
    return _in_portions("backtest", "id", ended, before_ms)


def removals(before_ms: int) -> int:
    """Delete removals of before this; return their number. There may be a million of them."""
    doomed = "SELECT tenant_id, number FROM removal WHERE at_ms < %s"
    return _in_portions("removal", "tenant_id, number", doomed, before_ms)


def mappings(before_ms: int) -> int:
    """Delete what files were read by that were last used before this; return their number."""
    return db.execute("DELETE FROM file_mapping WHERE used_ms < %s", (before_ms,))


def sessions() -> int:
    """Delete sessions that are over; return their number."""
    return db.execute(f"DELETE FROM session WHERE ends_ms <= {now_sql()}")


def snapshots() -> int:
    """Delete snapshots that are no tenant's current one and no running run's; return their
    number."""
    return db.execute(
        "DELETE FROM snapshot WHERE NOT EXISTS"
        " (SELECT 1 FROM tenant WHERE tenant.snapshot_id = snapshot.id)"
        " AND NOT EXISTS (SELECT 1 FROM run WHERE run.snapshot_id = snapshot.id"
        " AND run.status = 'running')"
    )


def _latest(condition: str) -> str:
    """The query of each tenant's latest finished run, as the overview takes it."""
    return (
        f"SELECT MAX(id) FROM run WHERE {_FINISHED} AND {condition}"
        f" AND started_ms <= {latest_sql()} AND finished_ms <= {latest_sql()} GROUP BY tenant_id"
    )


def _in_portions(table: str, key: str, doomed: str, before_ms: int, of: str | None = None) -> int:
    """Delete the rows whose keys a query returns.

    :param of: the name of the table in the query
    """
    lock = _skipping(of or table)
    portion = f"DELETE FROM {table} WHERE ({key}) IN ({doomed} LIMIT {DELETED_AT_ONCE}{lock})"
    deleted = 0
    while count := db.execute(portion, (before_ms,)):
        deleted += count
    return deleted


def _skipping(table: str) -> str:
    return row_lock(f"UPDATE OF {table} SKIP LOCKED")
