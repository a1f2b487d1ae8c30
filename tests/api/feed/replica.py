"""Another system that follows the feed."""

import json
from typing import Any

from flask.testing import FlaskClient

from tests.support.removals import hmac_of

URL = "/api/v1/clv/feed"
NDJSON = "application/x-ndjson"
_NOT_OF_RECORD = ("id", "kind", "cursor")


class Replica:
    """What the feed has told so far.

    :param entries: all that came, in order
    """

    def __init__(self, client: FlaskClient, headers: dict[str, str]) -> None:
        self.client, self.headers = client, headers
        self.records: dict[str, dict] = {}
        self.entries: list[dict] = []
        self.cursor: str | None = None

    def page(self, limit: int) -> bool:
        """Take a page; whether more may be there."""
        page = self._get(limit=limit).json
        assert len(page["data"]) <= limit
        self._apply(page["data"], page["removalKey"])
        self.cursor = page["pagination"]["cursor"]
        return page["pagination"]["hasMore"]

    def stream(self, lines: int | None = None) -> None:
        """Take a stream, or no more than so many lines of it."""
        answer = self._get(Accept=NDJSON)
        pending = []
        for line in answer.text.splitlines()[:lines]:
            pending.append(json.loads(line))
            if "cursor" in pending[-1]:
                self._apply(pending, answer.headers["Removal-Key"])
                self.cursor, pending = pending[-1]["cursor"], []

    def catch_up(self, limit: int = 1_000) -> list[dict]:
        """Take pages until nothing is left; the entries that came."""
        before = len(self.entries)
        while self.page(limit):
            pass
        return self.entries[before:]

    def _get(self, Accept: str = "application/json", **query: Any) -> Any:
        if self.cursor is not None:
            query["after"] = self.cursor
        headers = {**self.headers, "Accept": Accept}
        answer = self.client.get(URL, query_string=query, headers=headers, buffered=True)
        assert answer.status_code == 200, answer.text
        return answer

    def _apply(self, entries: list[dict], key: str) -> None:
        for entry in entries:
            self.entries.append(entry)
            if entry["kind"] == "removed":
                for customer_id in list(self.records):
                    if hmac_of(key, customer_id) == entry["customerHmac"]:
                        del self.records[customer_id]
            else:
                record = {name: entry[name] for name in entry if name not in _NOT_OF_RECORD}
                self.records[entry["customerId"]] = record
