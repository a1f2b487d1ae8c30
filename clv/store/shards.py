"""The shards of a run: claimed, advanced chunk by chunk, done."""

from collections.abc import Sequence
from dataclasses import dataclass

from clv import db
from clv.db.clock import clock
from clv.db.dialect import row_lock
from clv.domain.scoring import Scores
from clv.store import records
from clv.store.runs import Run


@dataclass(frozen=True, slots=True)
class Shard:
    """A claimed shard: its customers are those above ``cursor`` up to ``until_key``. Each chunk
    renews its lease; whoever is silent for longer is taken for dead."""

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
    """What one transaction adds to a run: scores and errors of the customers above the shard's
    cursor up to ``cursor``; ``done`` when no customer of the shard is left."""

    cursor: str
    done: bool
    scores: Sequence[Scores]
    errors: Sequence[tuple[str, str]]


def claim_shard(run_id: int, lease_ms: int) -> Shard | None:
    """Claim a free or expired shard of a running run, or None if there is none."""
    claimed = db.row(
        f"UPDATE shard SET attempt = attempt + 1, stuck = stuck + 1, lease_ms = {clock()} + %s"
        " WHERE id = (SELECT shard.id FROM shard JOIN run ON run.id = shard.run_id"
        " WHERE shard.run_id = %s AND run.status = 'running' AND NOT shard.done"
        f" AND shard.lease_ms < {clock()} ORDER BY shard.id LIMIT 1"
        + row_lock("UPDATE OF shard SKIP LOCKED")
        + ") RETURNING id, run_id, cursor, until_key, attempt, stuck, computed, errors",
        (lease_ms, run_id),
    )
    return Shard(*(*claimed, lease_ms)) if claimed else None


def leave_shard(shard: Shard) -> None:
    """Free a claimed shard for others at once."""
    db.execute(
        "UPDATE shard SET lease_ms = 0 WHERE id = %s AND attempt = %s", (shard.id, shard.attempt)
    )


def commit_chunk(run: Run, shard: Shard, cursor: str, chunk: Chunk) -> bool:
    """Write a chunk and advance the shard, or neither.

    :param run: as it was before the chunk's customers were read
    :param cursor: where the chunk began
    :returns: False when the fence refused: the run ended, customers were erased since the read,
        or another worker has the shard
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
    """The shard as it is stored, or None if it is done or another worker claimed it since."""
    found = db.row(
        "SELECT id, run_id, cursor, until_key, attempt, stuck, computed, errors FROM shard"
        " WHERE id = %s AND attempt = %s AND NOT done",
        (shard.id, shard.attempt),
    )
    return Shard(*(*found, shard.lease_ms)) if found else None


def shard_ids(run_id: int) -> list[int]:
    """The ids of a planned run's shards."""
    return [found[0] for found in db.rows("SELECT id FROM shard WHERE run_id = %s", (run_id,))]


_ADVANCE = (
    "UPDATE shard SET cursor = %s, done = %s, computed = computed + %s, errors = errors + %s,"
    " lease_ms = {clock} + %s, stuck = 0"
    " WHERE id = %s AND attempt = %s AND cursor = %s AND NOT done"
)
_UNCHANGED_RUN = "SELECT 1 FROM run WHERE id = %s AND status = 'running' AND erasures = %s"
# One round trip: lock the run, advance the shard if that held, write if that held.
_COMMIT = (
    f"WITH fence AS ({_UNCHANGED_RUN} FOR SHARE),"
    f" step AS ({_ADVANCE} AND EXISTS (SELECT 1 FROM fence) RETURNING 1),"
    f" {records.WRITE_ARRAYS.format(run='%s', where='WHERE EXISTS (SELECT 1 FROM step)')}"
    # A crash of the server may lose the last chunks, cursor and records together, and nothing
    # after a run's end: its commit waits for the disk, and with it all earlier ones.
    " SELECT COUNT(*), set_config('synchronous_commit', 'off', true) FROM step"
)


def _commit_on_sqlite(run: Run, step: tuple, fence: tuple, chunk: Chunk) -> bool:
    if not db.rows(_UNCHANGED_RUN, (run.id, run.erasures)):
        return False
    if db.execute(_ADVANCE.format(clock=clock()), (*step, *fence)) != 1:
        return False
    records.upsert_each(run.tenant_id, run.id, chunk.scores)
    return True


def _commit_on_postgresql(run: Run, step: tuple, fence: tuple, chunk: Chunk) -> bool:
    parameters = (run.id, run.erasures, *step, *fence, run.tenant_id, run.id)
    parameters += tuple(records.arrays(chunk.scores))
    return db.value(_COMMIT.format(clock=clock()), parameters) == 1
