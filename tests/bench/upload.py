"""How fast an upload is: ``python -m tests.bench.upload``.

A file of transactions and one of interaction summaries go over HTTP to a real web process. The
reference does what can't be left out, from parsed rows in memory, and days already added up: on
PostgreSQL a COPY into a temporary table and one upsert of all of it, on SQLite an executemany of an
upsert. Ours and the reference take turns in one run, first into a tenant that has nothing, then the
same rows again. Files are in the order of their keys, which suits the reference best.
"""

import argparse
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from clv import db
from clv.config import Settings
from clv.domain import calendar
from clv.domain.units import AMOUNT_SCALE, DAY_MS
from clv.store import tenants
from tests.bench import data, load, stage
from tests.bench.table import MIB, Row, shown
from tests.support import servers
from tests.support.processes import DATABASES, empty_tables

ROWS = 1_000_000
STATES = ("into an empty tenant", "again")
LEAST_RATIO = 0.4
MOST_MIB = 64
IDLE_SECONDS = 0.5
_NAMES = data.COLUMNS.split(", ")
_KEY = ", ".join(_NAMES[:6])
_ASSIGNMENTS = ", ".join(f"{name} = excluded.{name}" for name in _NAMES[6:])
_ON_CONFLICT = f"ON CONFLICT ({_KEY}) DO UPDATE SET {_ASSIGNMENTS}"
_SUMS = "COUNT(*), " + ", ".join(f"SUM({name})" for name in _NAMES[6:])


@dataclass(frozen=True)
class Upload:
    """One file, and its rows as they are stored."""

    kind: str
    path: Path
    rows: list[tuple]

    @property
    def sums(self) -> tuple[int, ...]:
        """The number of rows, and the sum of each of their values."""
        values = zip(*(row[6:] for row in self.rows), strict=True)
        return (len(self.rows), *map(sum, values))


@dataclass(frozen=True)
class Bench:
    """The measurements on one database."""

    database: str
    settings: Settings
    runs: int

    def upload(self, upload: Upload) -> list[Row]:
        """Ours and the reference: medians, their ratios, and how much the web process grew."""
        times: dict[tuple[str, str], list[float]] = defaultdict(list)
        grown: list[int] = []
        with stage.web(self.settings, WEB_CONCURRENCY="1") as (port, pid):
            load.wait_for(port)
            for _ in range(self.runs):
                with stage.Memory([pid]) as idle:
                    time.sleep(IDLE_SECONDS)
                with stage.Memory([pid]) as memory:
                    self._turn("ours", lambda: self._put(port, upload), upload, times)
                if memory.peak and idle.peak:
                    grown.append(memory.peak - idle.peak)
                self._turn("reference", lambda: self._reference(upload), upload, times)
        medians = {name: statistics.median(found) for name, found in times.items()}
        return [*self._rows(upload, medians), *self._memory(upload, grown)]

    def _turn(
        self,
        who: str,
        measure: Callable[[], float],
        upload: Upload,
        times: dict[tuple[str, str], list[float]],
    ) -> None:
        empty_tables()
        tenants.create_tenant("bench")
        for state in STATES:
            stage.settle(self.settings.redis_url, "interaction_summary")
            seconds = measure()
            times[who, state].append(seconds)
            print(f"{self.database} {upload.kind} {state}, {who}: {seconds:.2f} s", file=sys.stderr)
            sums = db.row(f"SELECT {_SUMS} FROM interaction_summary")
            assert sums == upload.sums, f"{who}: {sums} instead of {upload.sums}"

    def _put(self, port: int, upload: Upload) -> float:
        with upload.path.open("rb") as body:
            seconds, answer = load.send(port, "PUT", f"/api/v1/{upload.kind}", body)
        assert answer["rejected"] == 0, answer
        return seconds

    def _reference(self, upload: Upload) -> float:
        tenant_id = tenants.tenant_by_name("bench").id
        rows = [(tenant_id, *row[1:]) for row in upload.rows]
        started = time.perf_counter()
        with db.transaction():
            if db.is_sqlite():
                places = ", ".join(["%s"] * len(_NAMES))
                db.execute_many(
                    f"INSERT INTO interaction_summary ({data.COLUMNS}) VALUES ({places})"
                    f" {_ON_CONFLICT}",
                    rows,
                )
            else:
                db.execute(
                    "CREATE TEMPORARY TABLE bench_parsed ON COMMIT DROP AS"
                    f" SELECT {data.COLUMNS} FROM interaction_summary LIMIT 0"
                )
                with db.database.cursor().copy(
                    f"COPY bench_parsed ({data.COLUMNS}) FROM STDIN"
                ) as copy:
                    for row in rows:
                        copy.write_row(row)
                db.execute(
                    f"INSERT INTO interaction_summary ({data.COLUMNS})"
                    f" SELECT {data.COLUMNS} FROM bench_parsed {_ON_CONFLICT}"
                )
        return time.perf_counter() - started

    def _rows(self, upload: Upload, medians: dict[tuple[str, str], float]) -> Iterator[Row]:
        size = len(upload.rows)
        for state in STATES:
            ours, reference = medians["ours", state], medians["reference", state]
            for who, seconds in (("ours", ours), ("reference", reference)):
                rate = f"{size / seconds:,.0f} rows/s"
                what = f"{upload.kind} {state}, {who}: median {seconds:.2f} s"
                yield Row(self.database, size, what, rate)
            what = f"{upload.kind} {state}: reference / ours"
            ratio = reference / ours
            goal = f"≥ {LEAST_RATIO:g}"
            yield Row(self.database, size, what, f"{ratio:.2f}", goal, ratio >= LEAST_RATIO)

    def _memory(self, upload: Upload, grown: list[int]) -> Iterator[Row]:
        if grown:
            mib = max(grown) / MIB
            what = f"{upload.kind}: the web process grows at most by (PSS)"
            goal = f"< {MOST_MIB} MiB"
            yield Row(self.database, len(upload.rows), what, f"{mib:.0f} MiB", goal, mib < MOST_MIB)


def main() -> None:
    """Measure, and print one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--runs", type=int, default=3, help="the median of so many counts")
    parser.add_argument("--databases", nargs="+", choices=DATABASES, default=DATABASES)
    options = parser.parse_args()
    with shown("rows") as rows, servers.folder() as path, stage.redis_server(path) as redis_url:
        files = list(written(path, options.rows))
        for database in options.databases:
            with stage.configured(database, path, redis_url) as settings:
                for upload in files:
                    rows += Bench(database, settings, options.runs).upload(upload)


def written(path: Path, count: int) -> Iterator[Upload]:
    """The files: each transaction on a day of its own, summaries with all columns."""
    today = int(time.time() * 1000) // DAY_MS
    summaries = [
        (*row[:-2], row[-1] - row[-1] % DAY_MS // 2, row[-1])
        for row in data.rows(0, count // data.ROWS_A_CUSTOMER, today)
    ]
    transactions = [(*row[:6], 1, 1, row[8], row[10], row[10]) for row in summaries]
    yield _write(path, "transactions", transactions, "customer_id,date,amount", _transaction)
    header = "customerId,periodType,periodKey,offerId,creativeId,channelId,impressions,converts,"
    header += "totalValue,firstContactAt,lastContactAt"
    yield _write(path, "interaction-summaries", summaries, header, _summary)


def _write(
    path: Path, kind: str, rows: list[tuple], header: str, line: Callable[..., Iterable[object]]
) -> Upload:
    upload = Upload(kind, path / f"{kind}.csv", rows)
    with upload.path.open("w") as file:
        file.write(f"{header}\n")
        file.writelines(",".join(map(str, line(*row))) + "\n" for row in rows)
    return upload


def _transaction(tenant_id: int, customer: str, *rest: object) -> Iterable[object]:
    amount, contact_ms = rest[-3], rest[-1]
    return customer, calendar.iso(contact_ms), amount / AMOUNT_SCALE


def _summary(tenant_id: int, customer: str, key: str, *rest: object) -> Iterable[object]:
    *others, amount, first_ms, last_ms = rest
    value = amount / AMOUNT_SCALE
    return customer, "daily", key, *others, value, calendar.iso(first_ms), calendar.iso(last_ms)


if __name__ == "__main__":
    main()
