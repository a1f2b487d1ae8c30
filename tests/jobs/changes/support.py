"""Scores to write, and the rows that are there."""

from collections.abc import Callable, Sequence

from clv import db
from clv.domain.scoring import Scores
from clv.store import changes, records, runs, shards
from clv.store.shards import Chunk
from tests.jobs.support import LEASE, Bell, planned

CUSTOMERS = [f"c{n:05}" for n in range(1, 51)]
AT = 1_790_000_000_000
Write = Callable[[int, Sequence[Scores]], None]


def write_singly(tenant_id: int, found: Sequence[Scores]) -> None:
    """Write scores as single computations do."""
    for each in found:
        assert records.save_if_customer_exists(tenant_id, each)


def chunk_writer(bell: Bell) -> Write:
    """Writes scores as a chunk of a run, again and again at the same cursor."""
    run_id = planned(bell)
    run, shard = runs.by_id(run_id), shards.claim_shard(run_id, LEASE)

    def write(tenant_id: int, found: Sequence[Scores]) -> None:
        assert shards.commit_chunk(run, shard, "", Chunk("", False, found, []))

    return write


def scores(
    score: float, segment: str = "medium", at: int = AT, customer_id: str = "c00001"
) -> Scores:
    """The scores of one customer."""
    return Scores(customer_id, score, 0, 0.1, 1, 1, 0, segment, at, 1)


def rows(customer_id: str = "c00001") -> list[tuple]:
    """The customer's rows, the oldest first: minutes since AT, score, segments after and before."""
    found = changes.of_customer(1, customer_id, 2**63 - 1, 10**6)
    return [
        ((row.at_ms - AT) // 60_000, row.score, row.segment, row.previous_segment)
        for row in reversed(found)
    ]


def write_series(write: Write, *series: tuple[float, str]) -> None:
    """Scores and segments of one customer, a minute apart."""
    for minute, (score, segment) in enumerate(series):
        write(1, [scores(score, segment, AT + minute * 60_000)])


def broken_links(tenant_id: int) -> list[str]:
    """Where customers' rows are no chain: each begins in the segment in which the one before ended,
    and the record remembers the last one, and is in its segment."""
    stored = db.rows(
        "SELECT customer_id, segment, noted_score, noted_ms FROM clv_record WHERE tenant_id = %s",
        (tenant_id,),
    )
    found = []
    for customer_id, *record in stored:
        chain = changes.of_customer(tenant_id, customer_id, 2**63 - 1, 10**6)[::-1]
        segments = [None, *(row.segment for row in chain)]
        if [row.previous_segment for row in chain] != segments[:-1]:
            found.append(f"{customer_id}: a row does not begin where the one before ended")
        if record != [chain[-1].segment, chain[-1].score, chain[-1].at_ms]:
            found.append(f"{customer_id}: the record is not where its last row ended")
    return found
