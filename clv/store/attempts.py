"""How long a claim keeps others away, so that something that always fails at once is tried again
ever more slowly: after 1, 4 and 15 s. Meanwhile what is wrong may end: a deploy, a full disk.

A claim lasts at least as long as the pause after it, for a worker that was killed can't ask for
one. With the usual lease of 20 s that changes nothing.
"""

from clv import db

PAUSES_MS = (1_000, 4_000, 15_000)
LONGEST_PAUSE_MS = PAUSES_MS[-1]


def pause_sql(attempts: str) -> str:
    """SQL: the milliseconds until the next attempt.

    :param attempts: SQL: how many there have been
    """
    return claim_sql(attempts, 0)


def claim_sql(attempts: str, lease_ms: int) -> str:
    """SQL: how many milliseconds a claim lasts unless it is renewed.

    :param attempts: SQL: how many attempts there have been, with this one
    """
    first, second, later = (max(int(lease_ms), pause) for pause in PAUSES_MS)
    return (
        f"CASE WHEN {attempts} <= 1 THEN {first} WHEN {attempts} = 2 THEN {second} ELSE {later} END"
    )


def is_known_sql() -> str:
    """SQL: a newer version of the service has not planned this ``run``. Such a run is left alone by
    workers of this version: they may lack what its plan needs."""
    return f"run.version <= {db.schema_version()}"
