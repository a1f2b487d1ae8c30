"""Jobs as somebody plants them who can write to Redis: each would call, or load, a trap."""

import json
import os
import pickle
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from redis import Redis
from rq.job import Job
from rq.serializers import JSONSerializer

SPRING = "planted_trap.spring"
# Where RQ keeps jobs: each place with its status.
PLACES = {
    "queued": "queued",
    "intermediate": "queued",
    "started": "started",
    "deferred": "deferred",
    "ready": "ready_to_enqueue",
    "scheduled": "scheduled",
    "finished": "finished",
    "failed": "failed",
    "canceled": "canceled",
}
KINDS = (
    "success-callback",
    "failure-callback",
    "stopped-callback",
    "webhooks",
    "foreign-function",
    "pickled-data",
    "malformed-hash",
    "no-hash",
)
_MODULE = """
from pathlib import Path
sprung = Path(__file__).with_name("sprung")
(sprung / "imported").touch()
def spring(*arguments, **named):
    (sprung / "called").touch()
"""


@dataclass(frozen=True)
class Trap:
    """A module for the path of a process, and an address for webhooks.

    :param folder: of the module
    """

    folder: Path
    url: str

    @property
    def sprung(self) -> list[str]:
        """What happened of all that must not: ``imported``, ``called``, ``unpickled``, ``sent``."""
        return sorted(mark.name for mark in (self.folder / "sprung").iterdir())


@contextmanager
def trap(folder: Path) -> Iterator[Trap]:
    """A trap that is open to be sprung."""
    (folder / "planted_trap.py").write_text(_MODULE)
    marks = folder / "sprung"
    marks.mkdir()

    class Listener(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            (marks / "sent").touch()
            self.send_error(404)

    with ThreadingHTTPServer(("127.0.0.1", 0), Listener) as server:
        Thread(target=server.serve_forever).start()
        try:
            yield Trap(folder, f"http://127.0.0.1:{server.server_port}/")
        finally:
            server.shutdown()


def plant_everywhere(redis: Redis, trap: Trap) -> list[str]:
    """Plant a job of each kind in each place; return their ids."""
    redis.sadd("rq:queues", "rq:queue:clv")
    return [plant(redis, trap, kind, place) for place in PLACES for kind in KINDS]


def plant(redis: Redis, trap: Trap, kind: str, place: str) -> str:
    """Plant a job of this kind in this place; return its id."""
    job_id = f"planted-{kind}-{place}"
    # One that succeeds at once, or fails at once.
    argument = "x" if kind in ("failure-callback", "webhooks") else 999_999
    job = Job.create(
        "jobs.tasks.drain",
        (argument,),
        id=job_id,
        connection=redis,
        serializer=JSONSerializer,
        origin="clv",
        description="Planted",
        status=PLACES[place],
    )
    if kind == "no-hash":
        redis.set(job.key, "no hash")
    else:
        job.save()
        redis.hset(job.key, mapping=_fields(trap)[kind])
    _put(redis, job_id, place)
    return job_id


def remove_everything(redis: Redis) -> None:
    """Remove what was planted, and whatever RQ made of it."""
    for pattern in ("rq:job:planted-*", "rq:queue:clv*", "rq:results:planted-*"):
        for key in redis.scan_iter(pattern):
            redis.delete(key)
    for place in ("wip", *PLACES):
        redis.delete(f"rq:{place}:clv")


def _put(redis: Redis, job_id: str, place: str) -> None:
    if place == "queued":
        redis.rpush("rq:queue:clv", job_id)
    elif place == "intermediate":
        redis.rpush("rq:queue:clv:intermediate", job_id)
        an_hour_ago = time.time() - 3_600
        redis.set(f"rq:queue:clv:intermediate:first_seen:{job_id}", an_hour_ago)
    elif place == "started":
        # Its execution has expired: the worker that had it seems dead.
        redis.zadd("rq:wip:clv", {f"{job_id}:execution": 1})
    elif place == "failed":
        redis.zadd("rq:failed:clv", {job_id: time.time() + 3_600})
    else:
        redis.zadd(f"rq:{place}:clv", {job_id: 1})


def _fields(trap: Trap) -> dict[str, dict]:
    hooks = [{"url": trap.url, "job_status": status} for status in ("finished", "failed")]
    pickled = pickle.dumps(_Pickle(str(trap.folder / "sprung" / "unpickled")))
    return {
        "success-callback": {"success_callback_name": SPRING},
        "failure-callback": {"failure_callback_name": SPRING},
        "stopped-callback": {"stopped_callback_name": SPRING},
        "webhooks": {"webhooks": json.dumps(hooks)},
        "foreign-function": {"data": json.dumps([SPRING, None, [], {}])},
        "pickled-data": {"data": pickled, "meta": pickled, "result": pickled},
        "malformed-hash": {"timeout": "soon", "created_at": "once", "retries_left": "many"},
    }


class _Pickle:
    """Makes a folder when it is unpickled."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self):
        return os.mkdir, (self.path,)
