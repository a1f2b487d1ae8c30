"""A worker that is paused past its lease."""

import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from clv import db
from clv.config import ROOT
from clv.services import batch
from clv.store import runs, shards
from tests.conftest import environment, wait_until
from tests.jobs.faults.support import CHUNKS, CUSTOMERS, TRIALS
from tests.jobs.support import (
    LEASE,
    Bell,
    begin,
    complete,
    written_twice,
)


@pytest.fixture
def paused_workers(settings) -> Iterator[subprocess.Popen]:
    """What starts workers that stop themselves."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.jobs.paused_worker"],
        cwd=ROOT,
        env=environment(settings, SHARD_CUSTOMERS=str(CUSTOMERS // 2)),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        yield process


def pause_and_resume(
    workers: subprocess.Popen, bell: Bell, chunks: int, *control: str
) -> tuple[int, int]:
    """One worker stops after some chunks of the first of two shards, another ends that shard, the
    first goes on: how many customers were computed, and how many written twice."""
    run_id = begin()
    db.release()
    print(run_id, chunks, *control, file=workers.stdin, flush=True)
    first = int(workers.stdout.readline())
    try:
        wait_until(lambda: is_stopped(first), "the first worker stopped")
        # The other shards are held, so that the run goes on when the first worker comes back.
        first_shard, *others = sorted(shards.shard_ids(run_id))
        held: dict[int, shards.Shard] = {}
        wait_until(lambda: first_shard in claim_all(run_id, held), "the first lease expired")
        assert set(held) == {first_shard, *others}
        with bell.reporting(runs.by_id(run_id).job_id) as report:
            batch.compute_shard(held[first_shard], report, until=float("inf"))
    finally:
        os.kill(first, signal.SIGCONT)
        exit_code = int(workers.stdout.readline())
    assert exit_code == 0
    for shard in others:
        shards.leave_shard(held[shard])
    complete(run_id, bell)
    return runs.by_id(run_id).computed, written_twice(run_id)


def claim_all(run_id: int, held: dict[int, shards.Shard]) -> dict[int, shards.Shard]:
    while shard := shards.claim_shard(run_id, LEASE):
        held[shard.id] = shard
    db.release()
    return held


def is_stopped(pid: int) -> bool:
    with open(f"/proc/{pid}/stat") as stat:
        return stat.read().rpartition(")")[2].split()[0] == "T"


def test_a_worker_that_was_paused_past_its_lease_applies_nothing(
    paused_workers, customers, bell, log
):
    for trial in range(TRIALS):
        chunks = random.Random(trial).randint(1, CHUNKS // 2 - 1)
        assert pause_and_resume(paused_workers, bell, chunks) == (CUSTOMERS, 0)


def test_without_the_fence_the_paused_worker_does_damage(paused_workers, customers, bell, log):
    computed, doubled = pause_and_resume(paused_workers, bell, 3, "unfenced")
    assert computed > CUSTOMERS and doubled > 0
