"""The live progress of a run: a Redis hash with two counters for each shard, kept for a day.

A shard's counters are set to what the database holds, so setting them twice changes nothing. The
hash is only a convenience: when it is missing or incomplete, the database answers.
"""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from redis import Redis
from redis.exceptions import RedisError

from clv.queue import Report

# Renewed by every report.
TTL_SECONDS = 86_400
_KINDS = ("computed", "errors")
# What a counter looks like; it would fit into the database's.
_COUNT = re.compile(rb"[0-9]{1,18}")


def begin(redis: Redis, job_id: str, shard_ids: Iterable[int]) -> None:
    """Create the hash of a run that was just planned, with all shards at zero."""
    # A hash without this field was emptied in between, and has the counters of some shards only.
    counters: dict[Any, int] = {"complete": 1}
    counters |= {f"{shard_id}:{kind}": 0 for shard_id in shard_ids for kind in _KINDS}
    with _best_effort():
        pipeline = redis.pipeline()
        pipeline.delete(_key(job_id))
        pipeline.hset(_key(job_id), mapping=counters)
        pipeline.expire(_key(job_id), TTL_SECONDS)
        pipeline.execute()


@contextmanager
def reporting(redis: Redis, job_id: str) -> Iterator[Report]:
    """A function that sets one shard's counters, to be called after each chunk's transaction.

    It does not wait for replies, which makes it ten times cheaper, so it has a connection of its
    own, which is closed at the end. When Redis fails, no more is reported within this context.
    """
    pool, connection = redis.connection_pool, None

    def report(shard_id: int, computed: int, errors: int) -> None:
        if connection is None:
            return
        counters = (f"{shard_id}:computed", computed, f"{shard_id}:errors", errors)
        commands = [("HSET", _key(job_id), *counters), ("EXPIRE", _key(job_id), TTL_SECONDS)]
        with _best_effort():
            connection.send_packed_command(connection.pack_commands(commands))

    with _best_effort():
        connection = pool.get_connection()
        connection.send_command("CLIENT", "REPLY", "OFF")
    try:
        yield report
    finally:
        if connection is not None:
            connection.disconnect()
            pool.release(connection)


def read(redis: Redis, job_id: str) -> dict[str, int] | None:
    """The counters of a run summed over its shards; None if the hash is missing, incomplete, out
    of reach or not ours."""
    counters: dict = {}
    with _best_effort():
        counters = redis.hgetall(_key(job_id))
    if b"complete" not in counters or not all(map(_COUNT.fullmatch, counters.values())):
        return None
    return {
        kind: sum(int(n) for name, n in counters.items() if name.endswith(f":{kind}".encode()))
        for kind in _KINDS
    }


def _key(job_id: str) -> str:
    return f"clv:run:{job_id}"


def _best_effort() -> suppress:
    return suppress(RedisError, OSError)
