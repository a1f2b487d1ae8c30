"""The shards of a run: claimed by a worker, advanced chunk by chunk, and done."""

from collections.abc import Sequence
from dataclasses import dataclass

from clv import db
from clv.db.clock import now_sql
from clv.db.dialect import row_lock
from clv.domain.scoring import Scores
from clv.store import attempts, records
from clv.store.runs import IS_ACTIVE, Run


@dataclass(frozen=True, slots=True)
class Shard:
    """A claimed shard. Its remaining customers are those after ``cursor`` up to ``until_key``.

    Each chunk renews the lease of ``lease_ms`` milliseconds. A worker that commits none for longer
    is taken for dead.
    """

    id: int
    run_id: int
    cursor: str
    until_key: str | None
    attempt: int
    stuck: int
    computed: int
    errors: int
    lease_ms: int


@dataclass(frozen=True, slots=True)
class Chunk:
    """What one transaction adds to a run: scores and errors of the customers after the shard's
    cursor up to ``cursor``. ``done`` if the shard has no customers left."""

    cursor: str
    done: bool
    scores: Sequence[Scores]
    errors: Sequence[tuple[str, str]]


def claim_shard(run_id: int, lease_ms: int) -> Shard | None:
    """Claim a free or expired shard of a running run; None if there is none that this version may
    have."""
    claimed = db.row(
        "UPDATE shard SET attempt = attempt + 1, stuck = stuck + 1,"
        f" lease_ms = {now_sql()} + {attempts.claim_sql('stuck + 1', lease_ms)}"
        " WHERE id = (SELECT shard.id FROM shard JOIN run ON run.id = shard.run_id"
        " WHERE shard.run_id = %s AND run.status = 'running' AND NOT shard.done"
        f" AND {attempts.is_known_sql()}"
        f" AND shard.lease_ms < {now_sql()} ORDER BY shard.id LIMIT 1"
        + row_lock("UPDATE OF shard SKIP LOCKED")
        + ") RETURNING id, run_id, cursor, until_key, attempt, stuck, computed, errors",
        (run_id,),
    )
    return Shard(*(*claimed, lease_ms)) if claimed else None


def leave_shard(shard: Shard) -> None:
    """Give a claimed shard up, so that others may claim it at once."""
    db.execute(
        "UPDATE shard SET lease_ms = 0 WHERE id = %s AND attempt = %s", (shard.id, shard.attempt)
    )


def leave_failed(shard: Shard) -> None:
    """Give a claimed shard up at which this attempt failed; others may claim it after a pause."""
    db.execute(
        f"UPDATE shard SET lease_ms = {now_sql()} + {attempts.pause_sql('stuck')}"
        " WHERE id = %s AND attempt = %s",
        (shard.id, shard.attempt),
    )


def commit_chunk(run: Run, shard: Shard, cursor: str, chunk: Chunk) -> bool:
    """Write a chunk and advance the shard, in one transaction.

    :param run: as it was before the chunk's customers were read
    :param cursor: where the chunk begins
    :returns: False if the fence refused it: the run has ended, customers were erased since the
        read, or another worker has the shard
    """
    step = (chunk.cursor, chunk.done, len(chunk.scores), len(chunk.errors), shard.lease_ms)
    fence = (shard.id, shard.attempt, cursor)
    if not db.is_sqlite() and not chunk.errors:
        return _commit_on_postgresql(run, step, fence, chunk)
    with db.transaction():
        commit = _commit_on_sqlite if db.is_sqlite() else _commit_on_postgresql
        if not commit(run, step, fence, chunk):
            return False
        db.execute_many(
            "INSERT INTO run_error (run_id, customer_id, message) VALUES (%s, %s, %s)"
            " ON CONFLICT DO NOTHING",
            [(run.id, customer_id, reason) for customer_id, reason in chunk.errors],
        )
    return True


def reload_shard(shard: Shard) -> Shard | None:
    """The shard as stored now; None if it is done or another worker has claimed it."""
    row = db.row(
        "SELECT id, run_id, cursor, until_key, attempt, stuck, computed, errors FROM shard"
        " WHERE id = %s AND attempt = %s AND NOT done",
        (shard.id, shard.attempt),
    )
    return Shard(*(*row, shard.lease_ms)) if row else None


def fence_active_runs(tenant_id: int) -> None:
    """Keep active runs from writing customers who are about to be erased: wait for the chunks that
    are being written, and make every later one whose customers were read before read them again."""
    db.execute(
        f"UPDATE run SET erasures = erasures + 1 WHERE tenant_id = %s AND {IS_ACTIVE}",
        (tenant_id,),
    )


def shard_ids(run_id: int) -> list[int]:
    """The ids of a planned run's shards."""
    rows = db.rows("SELECT id FROM shard WHERE run_id = %s", (run_id,))
    return [shard_id for (shard_id,) in rows]


_ADVANCE = (
    "UPDATE shard SET cursor = %s, done = %s, computed = computed + %s, errors = errors + %s,"
    " lease_ms = {now} + %s, stuck = 0"
    " WHERE id = %s AND attempt = %s AND cursor = %s AND NOT done"
)
_UNCHANGED_RUN = "SELECT 1 FROM run WHERE id = %s AND status = 'running' AND erasures = %s"
# One round trip: lock the run; if it is unchanged, advance the shard; if that succeeds, write.
_COMMIT = (
    f"WITH fence AS ({_UNCHANGED_RUN} FOR SHARE),"
    f" step AS ({_ADVANCE} AND EXISTS (SELECT 1 FROM fence) RETURNING 1),"
    f" {records.WRITE_ARRAYS.format(run='%s', where='WHERE EXISTS (SELECT 1 FROM step)')}"
    # Without synchronous commit, a crash of the server may lose the last chunks: each with its
    # cursor and records together, and none of a run that has ended, whose own commit is synchronous
    # and makes all earlier ones durable.
    " SELECT COUNT(*), set_config('synchronous_commit', 'off', true) FROM step"
)


def _commit_on_sqlite(run: Run, step: tuple, fence: tuple, chunk: Chunk) -> bool:
    if not db.rows(_UNCHANGED_RUN, (run.id, run.erasures)):
        return False
    if db.execute(_ADVANCE.format(now=now_sql()), (*step, *fence)) != 1:
        return False
    records.upsert_each(run.tenant_id, run.id, chunk.scores)
    return True


def _commit_on_postgresql(run: Run, step: tuple, fence: tuple, chunk: Chunk) -> bool:
    parameters = (run.id, run.erasures, *step, *fence, run.tenant_id, run.id)
    parameters += tuple(records.arrays(chunk.scores))
    return db.value(_COMMIT.format(now=now_sql()), parameters) == 1
