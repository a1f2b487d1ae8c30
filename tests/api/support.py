"""Rows, records, times and requests with a file for the tests of the API."""

import io
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from clv import db

# Of a customer's score, in their order.
TEN_FIELDS = [
    "customerId",
    "clvScore",
    "predictedRevenue",
    "churnProbability",
    "rfmRecency",
    "rfmFrequency",
    "rfmMonetary",
    "segment",
    "computedAt",
    "source",
]
RECORD_COLUMNS = (
    "tenant_id, customer_id, score, predicted_revenue, churn_probability, recency_days, frequency,"
    " monetary, segment, computed_ms, run_id, tenure_days"
)


def days_ago(days: int) -> str:
    """Now, so many days ago."""
    moment = datetime.now(UTC) - timedelta(days=days)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def row(customer: str, days: int, impressions: int = 1, value: float = 0, **more) -> dict:
    """A daily summary row of a customer's last contact, so many days ago."""
    return {
        "customerId": customer,
        "periodType": "daily",
        "periodKey": days_ago(days)[:10],
        "impressions": impressions,
        "totalValue": value,
        "lastContactAt": days_ago(days),
        **more,
    }


def sender(client: FlaskClient, url: str, key: dict[str, str]) -> Callable[..., TestResponse]:
    """Puts a file there, text or bytes, with the header of a key."""

    def send(body, query: str = "", kind: str | None = "text/csv", **more) -> TestResponse:
        data = body if isinstance(body, bytes) else body.encode()
        return client.put(f"{url}{query}", data=data, content_type=kind, headers=key, **more)

    return send


def broken_off(
    client: FlaskClient, url: str, key: dict[str, str], whole: bytes
) -> Iterator[TestResponse]:
    """The answers to a client that breaks off at twenty places of a CSV, one after another."""
    chance = random.Random(1)
    for _ in range(20):
        sent = whole[: chance.randint(1, len(whole) - 1)]
        yield client.put(
            url,
            input_stream=io.BytesIO(sent),
            content_type="text/csv",
            headers=key,
            # Werkzeug's client takes the length of the stream, whatever the headers say.
            environ_overrides={"CONTENT_LENGTH": str(len(whole))},
        )


def changes(answer: TestResponse) -> dict[str, int]:
    """The counters of an answer that are not zero."""
    assert answer.status_code == 200, answer.text
    return {name: n for name, n in answer.json.items() if type(n) is int and n}


def poison(customer_id: str) -> None:
    """Corrupt a customer behind the API's back, with the database's check switched off."""
    corrupt = "UPDATE interaction_summary SET impressions = -5 WHERE customer_id = %s"
    if db.is_sqlite():
        db.execute("PRAGMA ignore_check_constraints = 1")
        db.execute(corrupt, (customer_id,))
        db.execute("PRAGMA ignore_check_constraints = 0")
        return
    name = "interaction_summary_impressions_check"
    db.execute(f"ALTER TABLE interaction_summary DROP CONSTRAINT IF EXISTS {name}")
    db.execute(corrupt, (customer_id,))
    db.execute(
        f"ALTER TABLE interaction_summary ADD CONSTRAINT {name}"
        " CHECK (impressions BETWEEN 0 AND 1000000000) NOT VALID"
    )


def insert_records(records: Iterable[dict]) -> None:
    """Put records into the table, as values by column."""
    names = RECORD_COLUMNS.split(", ")
    with db.scope(), db.transaction():
        insert("clv_record", RECORD_COLUMNS, [[r[name] for name in names] for r in records])


def numbered_records(count: int, id_size: int = 6) -> list[dict]:
    """Records of the first tenant with ids of this length in their order, and all else alike."""
    values = (50.0, 14_400_000, 0.119, 5, 48, 3_600_000, "medium", 1_775_217_600_000, None, 9)
    return [
        dict(
            zip(
                RECORD_COLUMNS.split(", "),
                (1, f"{n:06}".ljust(id_size, "x"), *values),
                strict=True,
            )
        )
        for n in range(count)
    ]


@contextmanager
def unreadable_records() -> Iterator[None]:
    """The records can't be read meanwhile."""
    with db.scope():
        db.execute("ALTER TABLE clv_record RENAME TO clv_record_away")
    try:
        yield
    finally:
        with db.scope():
            db.execute("ALTER TABLE clv_record_away RENAME TO clv_record")


def insert(table: str, columns: str, rows: Iterable[Sequence]) -> None:
    """Put rows into a table behind the API's back."""
    db.insert_columns(table, columns, [list(zip(*rows, strict=True))])
