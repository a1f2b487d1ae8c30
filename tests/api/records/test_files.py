"""Records as a file: its contents, its headers, and what sending it holds up."""

import json
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal

import pytest

from app import create_app
from clv import db
from clv.files import writer
from tests.api.records.support import CSV, NDJSON, URL, brute, of_csv, rounded, shown
from tests.api.support import insert_records, numbered_records, unreadable_records


def of_ndjson(text: str) -> list[dict]:
    # Lines end with a line feed and nothing else.
    return [json.loads(line) for line in text.splitlines()]


def as_shown(line: dict) -> dict:
    """A line of a file rounded like JSON."""
    money = {
        name: rounded(Decimal(str(line[name])), "0.01")
        for name in ("predictedRevenue", "revenueAtRisk", "rfmMonetary")
    }
    return {
        **{name: line[name] for name in shown_order() if name in line},
        **money,
        "clvScore": int(line["clvScore"]),
        "churnProbability": rounded(Decimal(float(line["churnProbability"])), "0.001"),
        "rfmRecency": int(line["rfmRecency"]),
        "rfmFrequency": int(line["rfmFrequency"]),
        "jobId": line["jobId"] or None,
    }


def shown_order() -> list[str]:
    return [name for name in writer.COLUMNS if name != "score"]


@pytest.mark.parametrize("query", [{}, {"segment": "high"}, {"minScore": 40, "maxRecency": 200}])
@pytest.mark.parametrize("sort", ["customerId", "-revenueAtRisk", "clvScore"])
def test_both_kinds_of_file_are_the_walk_unrounded(get, walk, records, job, query, sort):
    table, lines = get(CSV, sort=sort, **query), get(NDJSON, sort=sort, **query)
    assert table.text.startswith(",".join(writer.COLUMNS) + "\n")
    walked = walk(sort=sort, limit=100, **query)
    assert [as_shown(line) for line in of_csv(table.text)] == walked
    assert [as_shown(line) for line in of_ndjson(lines.text)] == walked
    expected = brute(records, query, sort)
    assert walked == [shown(r, job[1]) for r in expected]
    for found, stored in zip(of_ndjson(lines.text), expected, strict=True):
        assert found["score"] == stored["score"]
        assert found["churnProbability"] == stored["churn_probability"]
        assert Decimal(str(found["predictedRevenue"])) * 10_000 == stored["predicted_revenue"]
        assert Decimal(str(found["rfmMonetary"])) * 10_000 == stored["monetary"]


def test_a_file_has_the_headers_of_one(get, records):
    for accept, name in ((CSV, "clv-records.csv"), (NDJSON, "clv-records.ndjson")):
        answer = get(accept)
        assert answer.headers["Content-Type"] == f"{accept}; charset=utf-8"
        assert answer.headers["Content-Disposition"] == f"attachment; filename={name}"
        assert answer.headers["Vary"] == "Accept, Accept-Encoding"
        assert answer.headers["X-Request-Id"]
        assert {
            line["customerId"] for line in (of_csv if accept == CSV else of_ndjson)(answer.text)
        }


@pytest.mark.parametrize(
    ("accept", "mimetype"),
    [
        (None, "application/json"),
        ("", "application/json"),
        ("*/*", "application/json"),
        ("application/*", "application/json"),
        ("text/html, */*;q=0.1", "application/json"),
        ("text/html", "application/json"),
        ("application/x-parquet", "application/json"),
        ("text/csv;q=0", "application/json"),
        ("nonsense", "application/json"),
        ("text/csv;q=0.4, application/json;q=0.5", "application/json"),
        ("application/json, text/csv", "application/json"),
        (CSV, CSV),
        ("TEXT/CSV", CSV),
        ("text/csv; charset=utf-8", CSV),
        ("text/*", CSV),
        ("text/csv, */*;q=0.5", CSV),
        ("application/json;q=0.4, text/csv;q=0.5", CSV),
        (NDJSON, NDJSON),
        ("application/x-ndjson, text/csv;q=0.9", NDJSON),
    ],
)
def test_the_client_says_what_it_accepts(get, accept, mimetype):
    answer = get(accept)
    assert (answer.status_code, answer.mimetype) == (200, mimetype)


@pytest.mark.parametrize("name", ["limit", "cursor", "count"])
def test_what_belongs_to_pages_is_refused_for_a_file(get, records, name):
    value = get().json["pagination"]["cursor"] if name == "cursor" else "1"
    for accept in (CSV, NDJSON):
        answer = get(accept, **{name: value})
        assert answer.status_code == 400
        assert list(answer.json["errors"]["query"]) == [name]
    assert get(**{name: value}).status_code == 200


def test_a_head_request_tells_the_headers_and_sends_nothing(client, headers, records):
    key = {**headers("viewer"), "Accept": CSV}
    answer = client.head(URL, headers=key)
    assert (answer.status_code, answer.data) == (200, b"")
    assert answer.headers["Content-Disposition"]
    assert "Content-Length" not in answer.headers
    assert client.head(f"{URL}?limit=5", headers=key).status_code == 400


def test_a_file_read_while_records_change_has_each_customer_once(app, headers, tenant):
    records = numbered_records(9_000)
    insert_records(records)
    answer = app.test_client().get(URL, headers={**headers("viewer"), "Accept": CSV})
    pieces: Iterator[bytes] = iter(answer.response)
    text = next(pieces)
    kept = records[1::2]
    for number, piece in enumerate(pieces):
        text += piece
        # No transaction and no lock is left behind by a file that is being read.
        with db.scope(), db.transaction():
            db.execute("UPDATE clv_record SET score = 100 - score, segment = 'high'")
            gone = [r["customer_id"] for r in records[number * 10 : 9_000 : 500] if r not in kept]
            for customer_id in gone:
                db.execute("DELETE FROM clv_record WHERE customer_id = %s", (customer_id,))
        insert_records([{**records[0], "customer_id": f"new {number}"}])
    answer.close()
    ids = [line["customerId"] for line in of_csv(text.decode())]
    assert len(ids) == len(set(ids))
    assert set(ids) >= {r["customer_id"] for r in kept}


def test_no_connection_is_held_while_a_page_is_sent(settings, app, headers, tenant):
    insert_records(numbered_records(5_000))
    narrow = create_app(replace(settings, db_connections=7))
    key = {**headers("viewer"), "Accept": CSV}
    answers = [narrow.test_client().get(URL, headers=key) for _ in range(3)]
    for answer in answers:
        pieces = iter(answer.response)
        next(pieces)
        assert db.database.is_closed()
        next(pieces)
        assert db.database.is_closed()
        answer.close()


def test_a_file_that_cannot_begin_is_an_error_like_any_other(get, records):
    with unreadable_records():
        answer = get(CSV)
    assert answer.status_code in (500, 503)
    assert answer.json["message"] and "clv_record" not in answer.text


def test_at_most_half_of_the_threads_send_files(settings, app, headers, records):
    client = create_app(replace(settings, web_threads=2)).test_client()
    key = {**headers("viewer"), "Accept": CSV}
    first = client.get(URL, headers=key)
    refused = client.get(URL, headers=key)
    assert (refused.status_code, refused.json["code"]) == (503, 503)
    assert refused.headers["Retry-After"]
    assert client.get(URL, headers=headers("viewer")).status_code == 200
    first.close()
    with unreadable_records():
        assert client.get(URL, headers=key).status_code in (500, 503)
    for _ in range(3):
        with client.get(URL, headers=key) as again:
            assert again.text.count("\n") == len(records) + 1
        with client.head(URL, headers=key) as head:
            assert head.status_code == 200


def test_whoever_has_the_end_of_a_file_finds_a_seat_for_the_next(settings, app, headers, records):
    client = create_app(replace(settings, web_threads=2)).test_client()
    key = {**headers("viewer"), "Accept": CSV}
    first = client.get(URL, headers=key)
    # As the server sends it: that it is closed comes after its end.
    assert list(first.response)
    with client.get(URL, headers=key) as second:
        assert second.status_code == 200
    first.close()
    with client.head(URL, headers=key), client.get(URL, headers=key) as third:
        assert third.status_code == 200
