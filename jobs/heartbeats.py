"""The heartbeats that RQ's workers leave in Redis. What stands there may be anything: another
program's, an older version's, or broken; whatever is no heartbeat is not a living worker's."""

from datetime import UTC, datetime
from typing import Any

from redis import Redis
from rq.worker_registration import REDIS_WORKER_KEYS

# A machine's clock may be ahead of ours by this much.
AHEAD_SECONDS = 300


def workers_alive(redis: Redis, alive_seconds: float) -> int:
    """How many registered workers have had a heartbeat within so many seconds.

    :raises RedisError: when Redis can't be reached
    """
    members: Any = redis.smembers(REDIS_WORKER_KEYS)
    pipeline = redis.pipeline(transaction=False)
    for key in members:
        pipeline.hmget(key, "last_heartbeat", "death")
    # The answer to a key that is no hash is an error of that key alone.
    answers = pipeline.execute(raise_on_error=False)
    now = datetime.now(UTC)
    return sum(_is_alive(answer, now, alive_seconds) for answer in answers)


def _is_alive(answer: Any, now: datetime, alive_seconds: float) -> bool:
    if isinstance(answer, Exception):
        return False
    heartbeat, death = answer
    if not heartbeat or death:
        return False
    try:
        age = (now - datetime.fromisoformat(heartbeat.decode())).total_seconds()
    except (ValueError, TypeError, OverflowError):
        # No text, no time, or a time without its offset.
        return False
    return -AHEAD_SECONDS <= age < alive_seconds
