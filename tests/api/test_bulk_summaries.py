"""PUT /interaction-summaries: files of any size."""

import csv
import gzip
import io
import json
import math
import random
import socket
from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app import create_app
from clv import db
from clv.store import merging, staging, tenants
from clv.store.summaries import Summary
from tests.api.support import days_ago, row
from tests.bench import load as requests
from tests.bench import stage

URL = "/api/v1/interaction-summaries"
NDJSON = "application/x-ndjson"
HEADER = "customerId,periodType,periodKey,offerId,impressions,totalValue,lastContactAt\n"
LINE = "a,daily,2026-04-30,,3,10.5,2026-04-30T09:15:00Z\n"
# A hundred customers with an offer a day, in no order.
NAMES = [f"c{n:03}" for n in range(100)]
MANY = HEADER + "".join(
    f"{name},daily,2026-04-{day:02},o{day % 3},{day},{day / 4},2026-04-{day:02}T09:15:00Z\n"
    for day in range(1, 29)
    for name in random.Random(day).sample(NAMES, 100)
)


@pytest.fixture
def put(client, headers, tenant):
    key = headers("editor")

    def send(body, query: str = "", kind: str | None = "text/csv", **more):
        data = body if isinstance(body, bytes) else body.encode()
        return client.put(f"{URL}{query}", data=data, content_type=kind, headers=key, **more)

    return send


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


def stored(tenant: str = "acme") -> list[tuple]:
    with db.scope():
        return db.rows(
            "SELECT customer_id, period_key, offer_id, creative_id, channel_id, impressions,"
            " converts, total_value, first_contact_ms, last_contact_ms FROM interaction_summary"
            " WHERE tenant_id = (SELECT id FROM tenant WHERE name = %s) ORDER BY 1, 2, 3, 4, 5",
            (tenant,),
        )


def of_acme(column: str):
    with db.scope():
        return db.value(f"SELECT {column} FROM tenant WHERE name = 'acme'")


def changes(answer) -> dict:
    assert answer.status_code == 200, answer.text
    return {name: n for name, n in answer.json.items() if name != "errors" and n}


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
    twice = put(lines(both, {**both, "customerId": "b"}), kind=NDJSON)
    assert twice.json["errors"] == [{"line": 2, "message": "customerId: Is given twice."}]


def test_rows_with_and_without_offer_creative_and_channel_are_counted_once(put):
    left_out = row("a", 1, 3)
    empty = {**left_out, "offerId": "", "creativeId": "", "channelId": ""}
    null = {**left_out, "offerId": None, "creativeId": None, "channelId": None}
    assert changes(put(lines(left_out), kind=NDJSON)) == {"received": 1, "inserted": 1}
    for same in (empty, null):
        assert changes(put(lines(same), kind=NDJSON)) == {"received": 1, "unchanged": 1}
        assert changes(put(table(same))) == {"received": 1, "unchanged": 1}
    together = put(lines(null, empty, left_out, {**null, "offerId": "o"}), kind=NDJSON)
    assert changes(together) == {"received": 2, "inserted": 1, "unchanged": 1, "rejected": 2}
    assert len(stored()) == 2


def test_a_line_with_the_key_of_an_earlier_one_is_bad(put):
    text = HEADER + "?,daily,?,,,,\n" + LINE + LINE.replace(",3,", ",4,") + "\n"
    text += LINE.replace("a,", "b,", 1) + LINE.replace(",3,", ",5,") + "a/b" + LINE
    answer = put(text)
    assert changes(answer) == {"received": 2, "inserted": 2, "rejected": 4}
    reason = "Has the same key as an earlier line."
    assert [error["line"] for error in answer.json["errors"]] == [2, 4, 7, 8]
    assert [error["message"] for error in answer.json["errors"][1:3]] == [reason, reason]
    assert [found[5] for found in stored()] == [3, 3]
    strict = put(HEADER + LINE + LINE.replace(",3,", ",9,"), "?strict=true")
    assert strict.status_code == 400
    assert strict.json["errors"] == {"body": {"line 3": [reason]}}
    assert [found[5] for found in stored()] == [3, 3]


def test_of_very_many_bad_lines_the_first_100_are_returned_in_order(put):
    answer = put(MANY + MANY.removeprefix(HEADER) + "x,?,?,,,,\n" * 500)
    assert changes(answer) == {"received": 2800, "inserted": 2800, "rejected": 3300}
    assert [error["line"] for error in answer.json["errors"]] == list(range(2802, 2902))
    answer = put(HEADER + "x,?,?,,,,\n" * 60 + MANY.removeprefix(HEADER) * 2)
    assert [error["line"] for error in answer.json["errors"]] == [
        *range(2, 62),
        *range(2862, 2902),
    ]


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


def test_alltime_is_a_conflict_with_daily_unless_it_is_replaced(put, load):
    alltime = {**row("a", 1), "periodType": "alltime", "periodKey": "alltime"}
    load({**alltime, "firstContactAt": "2026-01-01T00:00:00Z"})
    before = stored()
    refused = put(HEADER + LINE)
    assert refused.status_code == 409
    assert "alltime" in refused.json["message"] and "daily" in refused.json["message"]
    assert stored() == before
    answer = put(HEADER + LINE, "?replace=true")
    assert changes(answer) == {"received": 1, "inserted": 1, "deleted": 1}
    assert [found[1] for found in stored()] == ["2026-04-30"]
    assert of_acme("period_type") == "daily"


@pytest.mark.parametrize("place", [3, 257, 2000])
def test_rows_of_two_period_types_are_refused_and_the_line_named(put, place):
    put(HEADER + LINE)
    before, many = stored(), MANY.splitlines()
    many[place - 1] = "x,weekly,2026-W18,,1,1,2026-04-30"
    answer = put("\n".join(many), "?replace=true")
    assert answer.status_code == 400
    assert answer.json["message"].startswith(
        f"Line {place} is weekly, but the lines before it are daily: all rows"
    )
    assert stored() == before


def test_a_bad_line_does_not_settle_the_period_type(put):
    text = HEADER + "x,weekly,2026-W99,,1,1,2026-04-30\n" + LINE
    assert changes(put(text)) == {"received": 1, "inserted": 1, "rejected": 1}


def test_an_alltime_row_needs_its_first_contact(put):
    answer = put(HEADER + "a,alltime,alltime,,1,1,2026-04-30\n")
    assert answer.status_code == 400
    reason = "firstContactAt: Is required for an alltime row."
    assert answer.json["errors"] == {"body": {"line 2": [reason]}}


def test_strict_keeps_nothing_if_a_line_is_bad(put):
    answer = put(f"{HEADER}{LINE}b,daily,yesterday,,1,1,2026-04-30\n", "?strict=true")
    assert answer.status_code == 400
    assert answer.json["message"] == "1 bad line; nothing was imported."
    reason = "periodKey: Must look like 2026-04-30 for a daily row."
    assert answer.json["errors"]["body"]["line 3"] == [reason]
    assert stored() == []


@pytest.mark.parametrize(
    ("body", "kind", "status", "says"),
    [
        (HEADER + LINE, "application/json", 415, "text/csv or application/x-ndjson"),
        (HEADER + LINE, None, 415, "text/csv or application/x-ndjson"),
        ("", "text/csv", 400, "must name the columns customerId, periodType, periodKey"),
        (HEADER, "text/csv", 400, "There are no interaction summaries in the file."),
        ("\n\n", NDJSON, 400, "There are no interaction summaries in the file."),
        (HEADER.replace("periodKey,", ""), "text/csv", 400, "there is no periodKey in it"),
        (HEADER.replace("offerId", "offer"), "text/csv", 400, "names 'offer', which is no column"),
        (HEADER.replace("offerId", "customer_id"), "text/csv", 400, "customerId more than once"),
        (HEADER.replace(",", ";") + LINE, "text/csv", 400, "must name the columns"),
        (gzip.compress(MANY.encode(), mtime=0)[:2000], "text/csv", 400, "gzip"),
        (b"\x1f\x8b broken", NDJSON, 400, "gzip"),
        (b"\xff\xfe\x00\n" * 10, "text/csv", 400, "must name the columns"),
        ("x" * 3_000_000, "text/csv", 400, "must name the columns"),
    ],
)
def test_what_is_no_file_of_summaries_is_refused(put, body, kind, status, says):
    answer = put(body, kind=kind)
    assert answer.status_code == status, answer.text
    assert says in answer.json["message"]
    assert stored() == []


def test_who_may_is_asked_first_then_the_content_type_then_the_rest(client, headers, tenant):
    def status(role, query="", kind="text/csv", **more):
        found = client.put(
            f"{URL}{query}",
            data=HEADER + LINE,
            content_type=kind,
            headers={**(headers(role) if role else {}), **more},
        )
        return found.status_code

    assert status(None, "?x=1", "text/plain") == 401
    assert status("viewer", "?x=1", "text/plain") == 403
    assert status("editor", "?x=1", "text/plain", **{"X-Tenant-Id": "other"}) == 403
    assert status("editor", "?x=1", "text/plain") == 415
    assert status("editor", "?x=1") == 400
    assert status("editor", "?replace=maybe") == 400
    assert stored() == []
    assert status("editor", "?strict=true&replace=false") == 200
    assert status("admin") == 200


def test_a_client_that_breaks_off_anywhere_changes_nothing(put, client, headers):
    put(HEADER + LINE)
    before, key, whole = stored(), headers("editor"), MANY.encode()
    chance = random.Random(1)
    for _ in range(20):
        sent = whole[: chance.randint(1, len(whole) - 1)]
        answer = client.put(
            f"{URL}?replace=true",
            input_stream=io.BytesIO(sent),
            content_type="text/csv",
            headers=key,
            # Werkzeug's client takes the length of the stream, whatever the headers say.
            environ_overrides={"CONTENT_LENGTH": str(len(whole))},
        )
        assert answer.status_code == 400, answer.text
        assert stored() == before
    assert changes(put(MANY, "?replace=true"))["inserted"] == 2800


@pytest.mark.parametrize("framing", ["Content-Length: {}", "Transfer-Encoding: chunked"])
def test_a_client_that_hangs_up_on_gunicorn_changes_nothing(settings, put, headers, framing):
    put(HEADER + LINE)
    before, key, whole = stored(), headers("editor"), MANY.encode()
    head = f"PUT {URL}?replace=true HTTP/1.1\r\nHost: x\r\nContent-Type: text/csv\r\n"
    head += f"Authorization: {key['Authorization']}\r\n{framing.format(len(whole))}\r\n\r\n"
    chance = random.Random(1)
    with stage.web(settings, WEB_CONCURRENCY="1") as (port, _):
        requests.wait_for(port)
        for _ in range(5):
            body = whole[: chance.randint(1, len(whole) - 1)]
            if "chunked" in framing:
                # Whole chunks, but not the last one.
                body = b"%x\r\n%b\r\n" % (len(body), body)
            with socket.create_connection(("127.0.0.1", port)) as client:
                client.sendall(head.encode() + body)
                client.shutdown(socket.SHUT_WR)
                answer = client.makefile("rb").read()
            assert answer.startswith(b"HTTP/1.1 400 ") and b"broke off" in answer
            assert stored() == before


def test_a_gzip_that_inflates_too_far_is_refused(settings, app, headers):
    narrow = create_app(replace(settings, max_inflated_mb=1)).test_client()
    bomb = gzip.compress((HEADER + LINE * 30_000).encode())
    answer = narrow.put(URL, data=bomb, content_type="text/csv", headers=headers("editor"))
    assert answer.status_code == 413
    assert "inflates" in answer.json["message"] and stored() == []


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


GOOD = {
    "customerId": "a",
    "periodType": "daily",
    "periodKey": "2026-04-30",
    "lastContactAt": "2026-04-30T09:15:00Z",
}
ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 2_000_000_000) | st.just(10**400),
    st.floats(),
    st.text(max_size=5) | st.characters(categories=("Cc", "Cs", "Zs")),
    st.sampled_from(["", ".", "a/b", "x" * 129, "7", "1.5", "daily", "alltime", "2026-04-30"]),
    st.sampled_from(["2026-04-30T09:15Z", "2999-01-01", "1969-12-31", "2026-04-30T09:15:00"]),
    st.lists(st.integers(), max_size=1),
    st.dictionaries(st.text(max_size=2), st.none(), max_size=1),
)
NAMES_OF_FIELDS = [*GOOD, "offerId", "creativeId", "channelId", "impressions", "converts"]
NAMES_OF_FIELDS += ["totalValue", "firstContactAt", "surprise"]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(odd=st.dictionaries(st.sampled_from(NAMES_OF_FIELDS), ODD, max_size=3), missing=st.data())
def test_post_and_put_refuse_the_same_rows_for_the_same_reasons(client, shared_key, odd, missing):
    offered = {**GOOD, "impressions": 1, **odd}
    for name in missing.draw(st.sets(st.sampled_from(NAMES_OF_FIELDS), max_size=1)):
        offered.pop(name, None)
    text = json.dumps(offered)
    posted = client.post(
        URL,
        data=f'{{"data": [{text}]}}',
        content_type="application/json",
        headers=shared_key,
    )
    sent = client.put(
        f"{URL}?strict=true&replace=true", data=text, content_type=NDJSON, headers=shared_key
    )
    assert sent.status_code == posted.status_code, (text, posted.json, sent.json)
    if posted.status_code == 200:
        # The same row is there already.
        assert sent.json["updated"] == sent.json["inserted"] == 0
        return
    if any(isinstance(value, float) and not math.isfinite(value) for value in offered.values()):
        assert sent.json["errors"]["body"]["line 1"] == ["The line is not JSON."]
        return
    reasons = posted.json["errors"]["json"]["data"]["0"]
    listed = [f"{name}: {reason}" for name, found in reasons.items() for reason in found]
    assert sent.json["errors"]["body"]["line 1"][0] in listed


@pytest.fixture
def shared_key(headers):
    """One key for all examples of a test."""
    return headers("editor")


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
