"""Clients that change customers while the feed is followed: they compute, erase, load, replace."""

import json
import random
import threading
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from http import client
from typing import Any

from tests.load.chaos_database import POISONED

# What may happen to a request while processes are killed, besides that it is answered.
STATUSES = {0, 200, 204, 404, 503}
_JSON, _NDJSON = "application/json", "application/x-ndjson"
# How often each is done, relative to the others.
_ACTIONS = {"recompute": 40, "get": 20, "erase": 12, "zero": 10, "add": 25, "replace": 1}


class Writer(threading.Thread):
    """Does one thing after another, at random. Who takes its lock stops it in between.

    :param wrong: answers that should not be
    """

    def __init__(self, port: int, key: str, customers: int, seed: int) -> None:
        super().__init__(daemon=True)
        self._port, self._key = port, key
        # Computing one of the poisoned is a 500, as it should be.
        poisoned = {n * customers // POISONED for n in range(POISONED)}
        self._customers = [f"c{n:06}" for n in range(customers) if n not in poisoned]
        self._rng = random.Random(seed)
        self._closing = threading.Event()
        self.lock = threading.Lock()
        self.done: Counter[tuple[str, int]] = Counter()

    def run(self) -> None:
        """Until it is told to end."""
        while not self._closing.is_set():
            (name,) = self._rng.choices(list(_ACTIONS), list(_ACTIONS.values()))
            with self.lock:
                self.done[name, getattr(self, f"_{name}")()] += 1
            # So that whoever wants the lock gets it.
            time.sleep(self._rng.uniform(0.001, 0.03))

    def end(self) -> None:
        """Tell it to end, and wait for that."""
        self._closing.set()
        self.join()

    @property
    def wrong(self) -> list[tuple[str, int]]:
        return [one for one in self.done if one[1] not in STATUSES]

    def _recompute(self) -> int:
        return self._send("POST", f"customers/{self._anybody()}/clv")

    def _get(self) -> int:
        return self._send(
            "GET", f"customers/{self._anybody()}/clv", **{"Cache-Control": "max-age=0"}
        )

    def _erase(self) -> int:
        return self._send("DELETE", f"customers/{self._anybody()}")

    def _zero(self) -> int:
        """Take the rows of a day back: some customers have no others."""
        return self._load([self._row(self._anybody(), 0) for _ in range(3)])

    def _add(self) -> int:
        return self._load([self._row(self._anybody(), self._rng.randint(1, 9)) for _ in range(3)])

    def _replace(self) -> int:
        """Replace everything by one row each of most customers."""
        kept = self._rng.sample(self._customers, int(len(self._customers) * 0.9))
        lines = (json.dumps(self._row(one, self._rng.randint(1, 9))) for one in kept)
        body = "\n".join(lines)
        return self._send(
            "PUT", "interaction-summaries?replace=true", body, **{"Content-Type": _NDJSON}
        )

    def _anybody(self) -> str:
        return self._rng.choice(self._customers)

    def _row(self, customer_id: str, impressions: int) -> dict[str, Any]:
        at = datetime.now(UTC) - timedelta(days=self._rng.randint(1, 3))
        return {
            "customerId": customer_id,
            "periodType": "daily",
            "periodKey": at.strftime("%Y-%m-%d"),
            "impressions": impressions,
            "totalValue": impressions * 1.25,
            "lastContactAt": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        }

    def _load(self, rows: list[dict]) -> int:
        distinct = {(row["customerId"], row["periodKey"]): row for row in rows}
        body = json.dumps({"data": list(distinct.values())})
        return self._send("POST", "interaction-summaries", body, **{"Content-Type": _JSON})

    def _send(self, method: str, path: str, body: str | None = None, **headers: str) -> int:
        connection = client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        try:
            headers = {"Authorization": f"Bearer {self._key}", **headers}
            connection.request(method, f"/api/v1/{path}", body, headers)
            answer = connection.getresponse()
            answer.read()
            return answer.status
        except (OSError, client.HTTPException):
            return 0
        finally:
            connection.close()
