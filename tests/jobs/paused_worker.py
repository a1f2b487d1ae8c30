"""Works on runs and stops itself (SIGSTOP) after the n-th chunk of each, as a machine that hangs
does.

For each line of its input, ``run_id n`` or ``run_id n unfenced`` for the control, it forks a
worker, and prints the worker's process id and, when it has ended, its exit code. Importing the
code takes longer than the work.
"""

import os
import signal
import sys
import traceback
from dataclasses import replace

from clv import config, db
from clv.services import batch
from clv.store import shards
from jobs.queue import connect
from tests.jobs.support import InterruptedBell

# Nobody else claims the shard before the worker stands still, however slow it is until then.
LEASE_SECONDS = 0.2


def main() -> None:
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            work(*line.split())
        print(pid, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)


def work(run_id: str, chunks: str, *control: str) -> None:
    """Work as a process of its own, and end it."""
    try:
        if control:
            remove_the_fence()
        settings = replace(config.from_env(), lease_seconds=LEASE_SECONDS)
        db.configure(settings)
        stop = lambda: os.kill(os.getpid(), signal.SIGSTOP)  # noqa: E731
        bell = InterruptedBell(connect(settings.redis_url), int(chunks), stop)
        # Time passes while it is stopped; it must go on to write all the same.
        batch.DRAIN_SECONDS = 3600
        with db.scope():
            batch.work(int(run_id), bell, settings)
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


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
