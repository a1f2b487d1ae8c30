"""Requests of a web process: for single customers at a steady rate, whatever becomes of the ones
before, and with a file."""

import http.client
import json
import os
import statistics
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import BinaryIO

from clv import db
from clv.auth import keys
from clv.auth.principal import Role
from clv.store import tenants
from tests.bench.table import Row
from tests.support.processes import wait_until

REQUESTS_PER_SECOND = 20
IDLE_SECONDS = 10
CLIENTS = 40
MOST_SLOWER = 3
SEND_BYTES = 262_144
SEND_SECONDS = 1_800


def get(
    port: int, token: str, ids: Sequence[str], stop: Callable[[], bool]
) -> list[tuple[int, float]]:
    """Status (0: no answer) and seconds of each request, counted from when it was due."""
    begin = time.perf_counter()
    with ThreadPoolExecutor(CLIENTS) as clients:
        answers = []
        while not stop():
            due = begin + len(answers) / REQUESTS_PER_SECOND
            time.sleep(max(0.0, due - time.perf_counter()))
            customer_id = ids[len(answers) % len(ids)]
            answers.append(clients.submit(_get, port, token, customer_id, due))
        return [answer.result() for answer in answers]


def send(port: int, method: str, path: str, body: bytes | BinaryIO) -> tuple[float, dict]:
    """Send a CSV as an editor of the tenant ``bench``: seconds until the answer was read, and the
    answer."""
    token = keys.create_key(tenants.tenant_by_name("bench"), Role.EDITOR)
    db.release()
    connection = http.client.HTTPConnection(
        "127.0.0.1", port, timeout=SEND_SECONDS, blocksize=SEND_BYTES
    )
    size = len(body) if isinstance(body, bytes) else os.stat(body.fileno()).st_size
    headers = {
        "Authorization": f"Bearer {token}",
        "Content-Type": "text/csv",
        "Content-Length": str(size),
    }
    started = time.perf_counter()
    connection.request(method, path, body, headers)
    answer = connection.getresponse()
    text = answer.read()
    seconds = time.perf_counter() - started
    connection.close()
    assert answer.status == 200, text
    return seconds, json.loads(text)


def wait_for(port: int) -> None:
    """Return when the web process answers."""
    wait_until(lambda: _status(port, "/healthz", {}), "the web process answers")


def rows(
    database: str,
    customers: int,
    workers: int,
    idle: list[tuple[int, float]],
    busy: list[tuple[int, float]],
) -> list[Row]:
    """What the table says about it."""
    errors = sum(status != 200 for status, _ in idle + busy)
    before, during = (statistics.median(t for _, t in answers) for answers in (idle, busy))
    during_what = f"during a run, {workers} worker{'s' * (workers > 1)}"
    return [
        Row(
            database,
            customers,
            f"{REQUESTS_PER_SECOND} GET/s {during_what}: errors of {len(busy)}",
            str(errors),
            "0",
            errors == 0,
        ),
        Row(
            database,
            customers,
            f"median latency {during_what} / idle ({before * 1000:.1f} ms)",
            f"{during / before:.2f}",
            f"≤ {MOST_SLOWER}",
            during <= MOST_SLOWER * before,
        ),
    ]


def _get(port: int, token: str, customer_id: str, due: float) -> tuple[int, float]:
    path = f"/api/v1/customers/{customer_id}/clv"
    status = _status(port, path, {"Authorization": f"Bearer {token}"})
    return status, time.perf_counter() - due


def _status(port: int, path: str, headers: dict[str, str]) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        answer.read()
        return answer.status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()
