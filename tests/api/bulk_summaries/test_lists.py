"""Stored summaries read again: page by page, or all of them as a file that can be loaded."""

import csv
import io
import json
from datetime import date, timedelta

import pytest

from clv import db
from tests.api.bulk_summaries.support import MANY, NDJSON, URL, stored
from tests.api.support import changes, days_ago, row

CSV = "text/csv"
# What a file could get wrong: quotes, delimiters, what looks like a number or a formula.
NAMES = ['a"b', "a,b;c", "007", "1e5", "=1+1", "'00123", '="00123"', "12345.0", "ä 客", "NULL"]


@pytest.fixture
def get(client, headers, tenant):
    """Ask for summaries with a key of this role."""
    keys = {role: headers(role) for role in ("admin", "editor", "viewer")}

    def ask(query: str = "", accept: str = "application/json", role: str = "admin"):
        return client.get(f"{URL}{query}", headers={**keys[role], "Accept": accept})

    return ask


@pytest.fixture
def odd_rows(load):
    """Rows of customers with odd ids, amounts and labels."""
    load(
        *(row(name, n, n, 10.1234 - n, offerId=f'o,"{n}"') for n, name in enumerate(NAMES)),
        row("refund", 3, 0, -0.0001),
        row("bought", 3, 0, 1e12, converts=2, firstContactAt=days_ago(400), channelId="mail"),
        row("bought", 3, 1, channelId="-"),
    )


def test_of_250_daily_rows_each_is_read_once_whatever_the_limit(get, load):
    first = date.fromisoformat(days_ago(200)[:10])
    days = [(first + timedelta(n // 2)).isoformat() for n in range(250)]
    for part in (days[:125], days[125:]):
        load(
            *(
                row("a", 0, offerId=f"o{n % 2}", periodKey=day, lastContactAt=f"{day}T09:00:00Z")
                for n, day in enumerate(part, days.index(part[0]) % 2)
            )
        )
    load(row("b", 1))
    for limit in (1, 7, 200):
        seen, query = [], f"?customerId=a&limit={limit}"
        page = get(query).json
        while True:
            assert page["total"] == len(stored()) - 1
            assert len(page["data"]) <= limit
            seen += [(one["periodKey"], one["offerId"]) for one in page["data"]]
            if not page["pagination"]["hasMore"]:
                break
            page = get(f"{query}&cursor={page['pagination']['cursor']}").json
        assert page["pagination"]["cursor"] is None
        assert seen == sorted(seen, key=lambda key: (-int(key[0].replace("-", "")), key[1]))
        assert len(seen) == len(set(seen)) == len(stored()) - 1


@pytest.mark.parametrize("cursor", ["x", "WyJhIl0=", "WzEsMiwzLDRd"])
def test_a_cursor_of_another_list_is_refused(get, cursor):
    answer = get(f"?customerId=a&cursor={cursor}")
    assert answer.status_code == 400 and list(answer.json["errors"]["query"]) == ["cursor"]


@pytest.mark.parametrize("kind", [CSV, NDJSON])
def test_a_file_of_all_rows_can_be_loaded_again(get, put, client, headers, odd_rows, kind):
    file = get(accept=kind)
    assert file.status_code == 200 and file.mimetype == kind
    assert file.headers["Content-Disposition"].startswith(
        "attachment; filename=clv-interaction-summaries."
    )
    before, sent = stored(), file.data
    again = put(sent, "?replace=true", kind)
    assert changes(again) == {"received": len(before), "unchanged": len(before)}
    other = headers("admin", "other")
    loaded = client.put(URL, data=sent, content_type=kind, headers=other)
    assert loaded.json["inserted"] == len(before)
    assert stored("other") == stored() == before
    copied = client.get(URL, headers={**other, "Accept": kind})
    assert copied.data == sent


@pytest.mark.parametrize(
    ("period_type", "period_key"),
    [("weekly", "2026-W18"), ("monthly", "2026-04"), ("alltime", "alltime")],
)
def test_rows_of_every_period_type_come_back(get, put, load, period_type, period_key):
    load(
        {
            "customerId": "a",
            "periodType": period_type,
            "periodKey": period_key,
            "impressions": 3,
            "totalValue": 4.5,
            "lastContactAt": "2026-04-30T09:15:00.123Z",
            "firstContactAt": "2026-04-29T09:15:00.001Z",
        }
    )
    before = stored()
    for kind in (CSV, NDJSON):
        assert changes(put(get(accept=kind).data, "?replace=true", kind))["unchanged"] == 1
        assert stored() == before


def test_a_file_has_what_was_chosen_in_the_order_of_the_keys(get, put):
    put(MANY)
    whole = list(csv.DictReader(io.StringIO(get(accept=CSV).text)))
    keys = [(one["customerId"], one["periodKey"]) for one in whole]
    assert len(keys) == 2_800 and keys == sorted(keys)
    lines = get("?customerId=c007&offerId=o1", NDJSON, "viewer").text.splitlines()
    rows = [json.loads(line) for line in lines]
    assert {(one["customerId"], one["offerId"]) for one in rows} == {("c007", "o1")}
    assert len(rows) == 10
    assert get("?periodType=weekly", CSV).text.count("\n") == 1


def test_an_empty_tenant_has_an_empty_file(get):
    assert get(accept=CSV).text.startswith("customerId,periodType,periodKey,")
    assert get(accept=CSV).text.count("\n") == 1
    assert get(accept=NDJSON).text == ""


def test_the_rows_of_all_customers_are_the_admins(get, load):
    load(row("a", 1))
    for role in ("viewer", "editor"):
        refused = get(accept=CSV, role=role)
        assert refused.status_code == 403 and "admin" in refused.json["message"]
        assert get("?customerId=a", CSV, role).text.count("\n") == 2


def test_without_a_customer_json_is_refused_and_told_how(get, load):
    load(row("a", 1))
    for role in ("viewer", "admin"):
        answer = get(role=role)
        assert answer.status_code == 400
        assert "Accept: text/csv or application/x-ndjson" in answer.json["message"]
    for name in ("limit=5", "cursor=x"):
        assert get(f"?{name}", CSV).status_code == 400


def test_a_file_is_read_in_pieces_between_which_no_connection_is_held(client, headers, load):
    columns = (
        "tenant_id, customer_id, period_key, offer_id, creative_id, channel_id, impressions,"
        " converts, total_value, first_contact_ms, last_contact_ms"
    )
    load(row("a", 1))
    values = ("2026-04-30", "", "", "", 1, 0, 0, 1_777_540_500_000, 1_777_540_500_000)
    with db.scope(), db.transaction():
        rows = [(1, f"c{n:06}", *values) for n in range(12_000)]
        db.insert_columns("interaction_summary", columns, [list(zip(*rows, strict=True))])
    with client.get(URL, headers={**headers(), "Accept": CSV}) as answer:
        pieces = []
        for piece in answer.response:
            assert db.database.is_closed()
            pieces.append(piece.count(b"\n"))
    assert sum(pieces) == 12_002 and max(pieces) <= 5_001 and len(pieces) >= 3
