"""A tenant's log for the models (:mod:`clv.prediction.log`): of all customers, or of a sample."""

from typing import Any

import numpy as np

from clv import db
from clv.db.dialect import in_texts, texts
from clv.domain.calendar import DAILY_KEY_LENGTH
from clv.domain.time_zone import TimeZone
from clv.prediction.log import EMPTY, Log
from clv.store import totals
from clv.store.summaries import first_contact, last_contact
from clv.store.totals import STREAM_ROWS, float_sum

# Of more customers, every n-th is read; of more rows, every other one is let go: 2,000,000 rows
# take 80 MiB, and models don't get better with more.
MAX_CUSTOMERS = 100_000
MAX_ROWS = 2_000_000


def read(
    tenant_id: int,
    customers: int,
    zone: TimeZone,
    most: int = MAX_CUSTOMERS,
    most_rows: int = MAX_ROWS,
) -> Log:
    """What the tenant's customers did, in 1/10,000, by the days of their daily summaries.

    :param customers: how many the tenant has
    :param most: the largest number that is read
    """
    every = max(1, -(-customers // most))
    chosen, params = "", list[Any]([tenant_id])
    if every > 1:
        chosen = f" AND {in_texts('customer_id')}"
        params.append(texts(totals.every_nth(tenant_id, every, 1)))
    sql = (
        f"SELECT customer_id, period_key, {float_sum('impressions')},"
        f" MAX(CASE WHEN converts > 0 THEN 1 ELSE 0 END), {float_sum(totals.SPENT)},"
        f" {float_sum('total_value')}, {first_contact()}, {last_contact()} FROM interaction_summary"
        f" WHERE tenant_id = %s AND LENGTH(period_key) = {DAILY_KEY_LENGTH}{chosen}"
        " GROUP BY customer_id, period_key ORDER BY customer_id, period_key"
    )
    rows = _Rows(zone, most_rows)
    for page in db.stream(sql, tuple(params), STREAM_ROWS):
        rows.add(page)
    return rows.log()


_Columns = tuple[np.ndarray, ...]


class _Rows:
    """The rows that are kept, page by page, as arrays."""

    def __init__(self, zone: TimeZone, most_rows: int) -> None:
        self._zone = zone
        self._most_rows = most_rows
        self._pages: list[tuple[np.ndarray, ...]] = []
        self._rows = 0
        self._every = 1
        self._customers = 0
        self._last: str | None = None

    def add(self, page: list[tuple]) -> None:
        ids, keys, visits, converts, spent, total, first_ms, last_ms = zip(*page, strict=True)
        number = self._numbers(ids)
        columns: _Columns = (
            number,
            np.array(keys, dtype="datetime64[D]").astype(np.int64),
            np.array(visits, dtype=np.float64),
            np.array(converts, dtype=bool),
            np.array(spent, dtype=np.float64),
            np.array(total, dtype=np.float64),
            *(self._zone.days(np.array(ms, dtype=np.int64)) for ms in (first_ms, last_ms)),
        )
        self._keep(columns)
        while self._rows > self._most_rows:
            self._every *= 2
            pages, self._pages, self._rows = self._pages, [], 0
            for columns in pages:
                self._keep(columns)

    def log(self) -> Log:
        if not self._pages:
            return EMPTY
        number, *columns = map(np.concatenate, zip(*self._pages, strict=True))
        kept, customer = np.unique(number, return_inverse=True)
        return Log(len(kept), customer, *columns)

    def _keep(self, columns: tuple[np.ndarray, ...]) -> None:
        chosen = columns[0] % self._every == 0
        if self._every > 1:
            columns = tuple(column[chosen] for column in columns)
        if len(columns[0]):
            self._pages.append(columns)
            self._rows += len(columns[0])

    def _numbers(self, ids: tuple[str, ...]) -> np.ndarray:
        """A number for each row: its customer's, from 0 in the order of ids."""
        begins = np.fromiter(
            map(str.__ne__, ids, (self._last or "", *ids)), dtype=np.int64, count=len(ids)
        )
        numbers = np.cumsum(begins) + self._customers - 1
        self._last, self._customers = ids[-1], int(numbers[-1]) + 1
        return numbers
