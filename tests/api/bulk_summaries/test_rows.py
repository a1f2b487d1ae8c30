"""What the rows of a file become, and what they replace."""

import csv
import gzip
import io
import json
from datetime import date, timedelta

import pytest

from clv import db
from clv.store import merging, staging, tenants
from clv.store.summaries import Summary
from tests.api.bulk_summaries.support import HEADER, LINE, MANY, NDJSON, URL, of_acme, stored
from tests.api.support import changes, days_ago, row


def lines(*rows: dict) -> str:
    """Rows as NDJSON."""
    return "".join(f"{json.dumps(row)}\n" for row in rows)


def table(*rows: dict) -> str:
    """Rows as CSV: null and left out are empty cells."""
    text = io.StringIO()
    names = list(dict.fromkeys(name for row in rows for name in row))
    writer = csv.DictWriter(text, names)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


@pytest.mark.parametrize("pack", [str.encode, lambda text: gzip.compress(text.encode())])
def test_the_same_file_twice_changes_nothing_the_second_time(put, pack):
    assert changes(put(pack(MANY))) == {"received": 2800, "inserted": 2800}
    before = stored()
    assert changes(put(pack(MANY))) == {"received": 2800, "unchanged": 2800}
    assert stored() == before
    assert (of_acme("customers"), of_acme("period_type")) == (100, "daily")


def test_a_corrected_file_replaces_its_rows_and_leaves_the_others(put, load):
    put(MANY)
    load(row("z", 1))
    corrected = MANY.replace("2026-04-05,o2,5,", "2026-04-05,o2,6,")
    assert changes(put(corrected)) == {"received": 2800, "updated": 100, "unchanged": 2700}
    assert {found[5] for found in stored() if found[1] == "2026-04-05"} == {6}
    assert of_acme("customers") == 101


@pytest.mark.parametrize("kind", ["text/csv", NDJSON])
def test_a_row_becomes_what_post_makes_of_it(put, load, kind):
    rows = [
        {**row("a", 1, 7, 10.25), "offerId": "o", "creativeId": "c", "channelId": "ch"},
        {**row("b", 2), "converts": 4, "firstContactAt": days_ago(9)},
        {**row("ä 客", 3, 0, -0.0001), "converts": 1},
    ]
    del rows[1]["impressions"]
    load(*rows)
    expected = stored()
    assert expected[1][5:7] == (4, 4)
    answer = put(table(*rows) if kind == "text/csv" else lines(*rows), "?replace=true", kind)
    assert changes(answer) == {"received": 3, "unchanged": 3}
    assert stored() == expected


def test_names_may_be_in_snake_case_and_in_any_order(put):
    header = "last_contact_at,periodKey,period_type,customer_id,first_contact_at,total_value\n"
    line = "2026-04-30T09:15:00+00,2026-04,monthly,a,2026-04-02 00:00:00 UTC, 1.5 \n"
    assert changes(put(header + line)) == {"received": 1, "inserted": 1}
    assert stored()[0][1:] == ("2026-04", "", "", "", 0, 0, 15_000, *(1775088000000, 1777540500000))
    snake = {"customer_id": "a", "period_type": "monthly", "periodKey": "2026-04"}
    more = {"first_contact_at": "2026-04-02", "totalValue": 1.5}
    both = {**snake, **more, "last_contact_at": "2026-04-30T09:15:00Z"}
    assert changes(put(lines(both), kind=NDJSON)) == {"received": 1, "unchanged": 1}
    twice = put(lines(both, {**both, "customerId": "b"}), "?skipBadLines=true", kind=NDJSON)
    assert twice.json["errors"] == [{"line": 2, "message": "customerId: Is given twice."}]


def test_rows_with_and_without_offer_creative_and_channel_are_counted_once(put):
    left_out = row("a", 1, 3)
    empty = {**left_out, "offerId": "", "creativeId": "", "channelId": ""}
    null = {**left_out, "offerId": None, "creativeId": None, "channelId": None}
    assert changes(put(lines(left_out), kind=NDJSON)) == {"received": 1, "inserted": 1}
    for same in (empty, null):
        assert changes(put(lines(same), kind=NDJSON)) == {"received": 1, "unchanged": 1}
        assert changes(put(table(same))) == {"received": 1, "unchanged": 1}
    several = lines(null, empty, left_out, {**null, "offerId": "o"})
    together = put(several, "?skipBadLines=true", kind=NDJSON)
    assert changes(together) == {"received": 2, "inserted": 1, "unchanged": 1, "rejected": 2}
    assert len(stored()) == 2


def test_a_row_of_zeros_deletes_and_the_last_one_takes_the_record_with_it(put, client, headers):
    put(MANY)
    clv = "/api/v1/customers/c001/clv"
    assert client.get(clv, headers=headers()).status_code == 200
    own = [line for line in MANY.splitlines() if line.startswith("c001")]
    zeros = [",".join([*line.split(",")[:4], "0", "", line.split(",")[-1]]) for line in own]
    most = HEADER + "\n".join(zeros[1:])
    assert changes(put(most)) == {"received": 27, "deleted": 27}
    assert changes(put(most)) == {"received": 27, "unchanged": 27}
    assert client.get(clv, headers=headers()).status_code == 200
    assert changes(put(HEADER + zeros[0])) == {"received": 1, "deleted": 1}
    assert client.get(clv, headers=headers()).status_code == 404
    assert of_acme("customers") == 99


def test_a_replacing_file_is_all_that_is_left_and_the_records_of_others_go(put, client, headers):
    put(MANY)
    for name in ("c001", "c002"):
        client.post(f"/api/v1/customers/{name}/clv", headers=headers())
    kept = HEADER + "".join(
        line for line in MANY.splitlines(keepends=True) if line.startswith("c002")
    )
    new = LINE.replace("a,", "new,", 1)
    answer = put(kept + new, "?replace=true")
    assert changes(answer) == {"received": 29, "inserted": 1, "unchanged": 28, "deleted": 2772}
    assert {found[0] for found in stored()} == {"c002", "new"}
    assert of_acme("customers") == 2
    with db.scope():
        assert db.rows("SELECT customer_id FROM clv_record") == [("c002",)]


def test_another_tenants_rows_are_never_touched(put, client, headers):
    put(MANY)
    before = stored()
    foreign = headers("editor", "other")
    for body in (MANY, HEADER + LINE):
        answer = client.put(
            f"{URL}?replace=true", data=body, content_type="text/csv", headers=foreign
        )
        assert answer.status_code == 200
    assert len(stored("other")) == 1
    assert stored() == before


def test_a_file_is_merged_in_time_into_data_that_postgresql_has_no_statistics_of(app, tenant):
    if db.is_sqlite():
        return
    day = date.today() - timedelta(days=1)
    at_ms = (day - date(1970, 1, 1)).days * 86_400_000
    more = f"'', '', 1, 1, 100, {at_ms}, {at_ms}"
    insert = f"INSERT INTO interaction_summary SELECT %s, n, '{day}', %s, {more}"
    made = " FROM (SELECT 'c' || lpad(n::text, 6, '0') AS n FROM generate_series(1, %s) n) ids"
    scored = "1, 1, 0.5, 1, 1, 1, 'high', 1"
    tables = ("interaction_summary", "clv_record", "clv_change")
    with db.scope():
        other = tenants.create_tenant("other")
        for table in tables:
            db.execute(f"ALTER TABLE {table} SET (autovacuum_enabled = false)")
        db.execute(insert + made, (other.id, "", 50_000))
        db.execute("ANALYZE interaction_summary")
        # PostgreSQL goes on believing that the tenant has no rows.
        db.execute(insert + made, (tenant.id, "mail", 60_000))
        db.execute(
            "INSERT INTO clv_record (tenant_id, customer_id, score, predicted_revenue,"
            " churn_probability, recency_days, frequency, monetary, segment, computed_ms)"
            f" SELECT %s, n, {scored}" + made,
            (tenant.id, 60_000),
        )
    few = [
        Summary(f"c{n:06}", str(day), "", "", "", 1, 1, 200, at_ms, at_ms) for n in range(1, 9_001)
    ]
    try:
        # Gone through once a row, they take an hour.
        with db.within(60):
            staging.stage_summaries(few)
            done = merging.merge(tenant.id, "daily", aggregated=True)
            assert (done.inserted, done.deleted) == (9_000, 9_000)
            staging.stage_summaries(few)
            done = merging.merge(tenant.id, "daily", replace=True)
            assert (done.unchanged, done.deleted) == (9_000, 51_000)
        with db.scope():
            of_tenant = "WHERE tenant_id = %s"
            assert db.value(f"SELECT COUNT(*) FROM clv_record {of_tenant}", (tenant.id,)) == 9_000
            assert tenants.tenant_by_id(tenant.id).customers == 9_000
            assert (
                db.value(f"SELECT COUNT(*) FROM interaction_summary {of_tenant}", (other.id,))
                == 50_000
            )
    finally:
        with db.scope():
            for table in tables:
                db.execute(f"ALTER TABLE {table} RESET (autovacuum_enabled)")
