"""Works on a run and stops itself (SIGSTOP) after the n-th chunk, as a machine that hangs does.
The arguments: the run's id, n, and ``unfenced`` for the control."""

import os
import signal
import sys

from clv import config, db
from clv.services import batch
from clv.store import shards
from jobs.queue import connect
from tests.jobs.support import InterruptedBell


def main() -> None:
    run_id, chunks, *control = sys.argv[1:]
    if control:
        remove_the_fence()
    settings = config.from_env()
    db.configure(settings)
    stop = lambda: os.kill(os.getpid(), signal.SIGSTOP)  # noqa: E731
    bell = InterruptedBell(connect(settings.redis_url), int(chunks), stop)
    # Time passes while it is stopped; it must go on to write all the same.
    batch.DRAIN_SECONDS = 3600
    with db.scope():
        batch.work(int(run_id), bell, settings)


def remove_the_fence() -> None:
    """Let every chunk be written, whoever has the shard."""
    for name in ("_ADVANCE", "_COMMIT"):
        fenced = getattr(shards, name)
        unfenced = fenced.replace(
            "attempt = %s AND cursor = %s AND NOT done", "(attempt = %s OR cursor = %s OR 1 = 1)"
        )
        assert unfenced != fenced
        setattr(shards, name, unfenced)


if __name__ == "__main__":
    main()
