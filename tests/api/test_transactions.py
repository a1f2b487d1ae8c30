"""PUT /transactions: files of any size."""

import gzip
import json
from dataclasses import replace

import pytest

from app import create_app
from clv import db
from clv.config import ROOT
from clv.files.kinds import KIND_OF_TRANSACTIONS
from tests.api.support import broken_off, changes, row, sender

URL = "/api/v1/transactions"
LOG = (ROOT / "clv" / "sample" / "cdnow.csv.gz").read_bytes()
HEADER = "customer_id,date,amount\n"


@pytest.fixture
def put(client, headers, tenant):
    return sender(client, URL, headers("editor"))


def stored() -> list[tuple]:
    with db.scope():
        return db.rows(
            "SELECT customer_id, period_key, offer_id, impressions, converts, total_value"
            " FROM interaction_summary ORDER BY 1, 2, 3"
        )


def test_the_cdnow_log_twice_changes_nothing_the_second_time(put):
    assert changes(put(LOG)) == {"received": 69_659, "inserted": 67_591}
    before = stored()
    assert changes(put(LOG)) == {"received": 69_659, "unchanged": 67_591}
    assert stored() == before
    with db.scope():
        assert db.value("SELECT customers FROM tenant") == 23_570


def test_an_order_moves_from_one_customer_to_another(put, client, headers):
    day = "a,2026-04-30,10\nb,2026-04-30,5\n"
    put(HEADER + day)
    client.get("/api/v1/customers/a/clv", headers=headers())
    moved = put(HEADER + day.replace("a,", "c,"), "?replace=true")
    assert changes(moved) == {"received": 2, "inserted": 1, "unchanged": 1, "deleted": 1}
    assert [found[0] for found in stored()] == ["b", "c"]
    assert client.get("/api/v1/customers/a/clv", headers=headers()).status_code == 404


def test_rows_of_a_day_are_added_up_and_replace_the_day_whatever_its_offers(put, load):
    load({**row("a", 1, 7, 70, offerId="o"), "periodKey": "2026-04-30"}, row("b", 1))
    answer = put(f"{HEADER}a,2026-04-30,10\na,2026-04-30T18:00:00Z,2.5\n")
    assert changes(answer) == {"received": 2, "inserted": 1, "deleted": 1, "lowered": 1}
    assert [found for found in stored() if found[0] == "a"] == [
        ("a", "2026-04-30", "", 2, 2, 125_000)
    ]


def test_another_period_type_is_a_conflict_unless_it_replaces(put, load):
    alltime = {"periodType": "alltime", "periodKey": "alltime"}
    load({**row("a", 1), **alltime, "firstContactAt": "2026-01-01T00:00:00Z"})
    assert put(f"{HEADER}a,2026-04-30,10\n").status_code == 409
    assert changes(put(f"{HEADER}a,2026-04-30,10\n", "?replace=true"))["inserted"] == 1
    assert [found[1] for found in stored()] == ["2026-04-30"]


def test_bad_lines_are_counted_and_named_and_the_good_ones_kept(put):
    lines = [f"c{n},2026-04-{n % 28 + 1:02},x" for n in range(100)]
    answer = put(HEADER + "a,2026-04-30,10\n" + "\n".join(lines), "?skipBadLines=true")
    assert changes(answer) == {"received": 1, "inserted": 1, "rejected": 100, "daysKept": 100}
    assert len(answer.json["errors"]) == 100
    first = answer.json["errors"][0]
    assert (
        first["line"] == 3 and first["message"].startswith("amount: ") and "'x'" in first["message"]
    )


def test_a_bad_line_keeps_the_whole_file_out(put):
    answer = put(f"{HEADER}a,2026-04-30,10\nb,yesterday,1\n")
    assert answer.status_code == 400
    assert answer.json["message"].startswith("1 bad line; nothing was loaded.")
    assert "date: Must be a time" in answer.json["errors"]["body"]["line 3"][0]
    assert stored() == []


def test_ndjson_and_camel_case_work_too(put):
    rows = [
        {"customerId": "a", "date": "2026-04-30", "amount": 10.5},
        {"customerId": "b", "date": "2026-04-30 12:00:00 UTC", "amount": "3"},
        {"customerId": "c", "date": "2026-04-30", "amount": True},
        ["d"],
    ]
    text = "\n".join(map(json.dumps, rows)) + "\nnot json\n\n"
    answer = put(text, "?skipBadLines=true", kind="application/x-ndjson")
    assert changes(answer) == {"received": 2, "inserted": 2, "rejected": 3, "daysKept": 1}
    assert [error["line"] for error in answer.json["errors"]] == [3, 4, 5]
    assert changes(put("customerId,date,amount\na,2026-04-30,10.5\n"))["unchanged"] == 1


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (HEADER + "a,2026-04-30,1\n", "application/json", 415),
        (HEADER + "a,2026-04-30,1\n", None, 415),
        ("", "text/csv", 400),
        (HEADER, "text/csv", 400),
        ("a;b;c\n1;2;3\n", "text/csv", 400),
        ("customer_id,date,amount,amount\n", "text/csv", 400),
        (LOG[:5000], "text/csv", 400),
        (b"\x1f\x8b broken", "text/csv", 400),
        (b"\xff\xfe\x00\n" * 10, "text/csv", 400),
        ("x" * 1_000_000, "text/csv", 400),
    ],
)
def test_what_is_no_file_of_transactions_is_refused(put, body, kind, status):
    answer = put(body, kind=kind)
    assert answer.status_code == status, answer.text
    assert answer.json["message"] and stored() == []


def test_roles_and_queries_are_checked_first(client, headers, tenant):
    body = {"data": HEADER + "a,2026-04-30,1\n", "content_type": "text/csv"}
    assert client.put(URL, headers=headers("viewer"), **body).status_code == 403
    assert client.put(f"{URL}?replace=maybe", headers=headers(), **body).status_code == 400
    assert client.put(f"{URL}?unknown=1", headers=headers(), **body).status_code == 400
    other = {**body, "content_type": "text/plain"}
    refused = client.put(f"{URL}?unknown=1", headers=headers(), **other)
    assert refused.status_code == 415
    assert refused.json["message"].startswith("The body must be text/csv")
    assert stored() == []


@pytest.mark.parametrize("whole", [LOG, gzip.decompress(LOG)], ids=["gzipped", "plain"])
def test_a_client_that_breaks_off_anywhere_changes_nothing(put, client, headers, whole):
    put(f"{HEADER}a,2026-04-30,10\n")
    before = stored()
    for answer in broken_off(client, f"{URL}?replace=true", headers("editor"), whole):
        assert answer.status_code == 400, answer.text
        assert stored() == before
    assert changes(put(LOG, "?replace=true"))["inserted"] == 67_591


def test_a_gzip_that_inflates_too_far_is_refused(settings, app, headers):

    narrow = create_app(replace(settings, max_inflated_mb=1)).test_client()
    bomb = gzip.compress((HEADER + "a,2026-04-30,1\n" * 200_000).encode())
    answer = narrow.put(URL, data=bomb, content_type="text/csv", headers=headers("editor"))
    assert answer.status_code == 413
    assert "inflates" in answer.json["message"] and stored() == []


def test_another_tenants_rows_are_never_touched(put, client, headers):
    put(f"{HEADER}a,2026-04-30,10\n")
    foreign = headers("editor", "other")
    answer = client.put(
        f"{URL}?replace=true",
        data=f"{HEADER}a,2026-04-29,1\n",
        content_type="text/csv",
        headers=foreign,
    )
    assert changes(answer) == {"received": 1, "inserted": 1}
    assert len(stored()) == 2


def test_a_type_that_is_no_file_of_transactions_is_told_which_are(put):
    answer = put("a", kind="text/html")
    assert answer.status_code == 415
    *others, last = KIND_OF_TRANSACTIONS
    assert answer.json["message"] == f"The body must be {', '.join(others)} or {last}."
