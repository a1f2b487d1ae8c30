"""Corrections (refunds, mostly): rows that change a customer's revenue and nothing else."""

import json

import pytest

from clv import db
from clv.db.clock import now_ms
from clv.domain.calendar import LAST_MS, day_of, time_ms
from clv.domain.scoring import Scores
from clv.domain.units import DAY_MS
from clv.services import customers
from clv.store import records, tenants
from clv.store.summaries import first_contact, last_contact
from tests.api.pages import Visitor
from tests.api.support import changes, days_ago, row
from tests.jobs.support import Bell, begin, complete
from tests.support.calibrations import calibration

TRANSACTIONS, SUMMARIES = "/api/v1/transactions", "/api/v1/interaction-summaries"
HEADER = "customer_id,date,amount"
# A sale, and its full refund 20 days later.
SALE = "a,2026-04-01T10:00:00Z,80"
REFUND = "a,2026-04-21T18:00:00Z,-80"
SALE_AT, REFUND_AT = (time_ms(line.split(",")[1]) for line in (SALE, REFUND))
NDJSON = "application/x-ndjson"


@pytest.fixture
def put(client, headers):
    """Load lines of a file; the counts that are not 0."""
    key = headers("editor")

    def send(*lines, url=TRANSACTIONS, header=HEADER, kind="text/csv") -> dict:
        text = "\n".join((header, *lines) if header else lines)
        answer = client.put(url, data=text.encode(), content_type=kind, headers=key)
        return changes(answer)

    return send


@pytest.fixture
def batch(app, tenant):
    """The records that a run of acme wrote, which equal those of single computations."""

    def run(segment: str | None = None) -> dict[str, Scores]:
        with db.scope():
            complete(begin(segment), Bell(app.extensions["clv"].queue.redis))
            stored = {
                name: scores
                for name, scores in records_of(tenant).items()
                if segment in (None, scores.segment)
            }
            owner = tenants.tenant_by_id(tenant.id)
            for scores in stored.values():
                alone = customers.recompute_clv(owner, scores.customer_id)
                assert alone._replace(computed_ms=0) == scores._replace(computed_ms=0)
            return stored

    return run


def records_of(tenant) -> dict[str, Scores]:
    rows = db.rows(f"SELECT {records.COLUMNS} FROM clv_record WHERE tenant_id = %s", (tenant.id,))
    return {values[0]: Scores(*values) for values in rows}


def stored() -> list[tuple]:
    with db.scope():
        return db.rows(
            "SELECT period_key, impressions, converts, total_value, first_contact_ms,"
            " last_contact_ms FROM interaction_summary ORDER BY customer_id, period_key"
        )


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([(5, 0), (9, 0), (2, 1), (11, 1)], (5, 9)),
        ([(2, 1), (11, 1)], (2, 11)),
        ([(0, 1), (LAST_MS, 0)], (LAST_MS, LAST_MS)),
        ([(0, 0), (LAST_MS, 1)], (0, 0)),
        ([(0, 1), (LAST_MS, 1)], (0, LAST_MS)),
    ],
)
def test_the_contact_times_are_those_of_corrections_only_if_there_are_no_others(
    app, rows, expected
):
    table = " UNION ALL ".join(f"SELECT {ms} AS ms, {mark} AS mark" for ms, mark in rows)
    both = ", ".join(contact("ms", "mark = 1") for contact in (first_contact, last_contact))
    with db.scope():
        assert db.row(f"SELECT {both} FROM ({table}) times") == expected


def test_the_amounts_of_a_day_from_0_on_are_its_contacts_and_all_are_its_value(put):
    put(
        "a,2026-04-01T06:00:00Z,-5",
        "a,2026-04-01T08:00:00Z,80",
        "a,2026-04-01T09:00:00Z,0",
        "a,2026-04-01T10:00:00Z,-30.5",
        "b,2026-04-01T07:00:00Z,-2",
        "b,2026-04-01T11:00:00Z,-1",
    )
    hour, day = 3_600_000, day_of("2026-04-01") * DAY_MS
    assert stored() == [
        ("2026-04-01", 2, 2, 445_000, day + 8 * hour, day + 9 * hour),
        ("2026-04-01", 0, 0, -30_000, day + 7 * hour, day + 11 * hour),
    ]


ONE_FILE, TWO_FILES = [(SALE, REFUND)], [(SALE,), (REFUND,)]
SAME_DAY = SALE.replace("10:00", "18:00").replace("80", "-80")


@pytest.mark.parametrize("files", [ONE_FILE, TWO_FILES, TWO_FILES[::-1]], ids=str)
@pytest.mark.parametrize("kind", ["text/csv", NDJSON, "page", "command"])
def test_a_sale_and_its_full_refund_leave_the_sale_without_its_value(
    app, put, batch, headers, tmp_path, files, kind
):
    for lines in files:
        if kind == "text/csv":
            put(*lines)
        elif kind == NDJSON:
            fields = HEADER.split(",")
            rows = [dict(zip(fields, line.split(","), strict=True)) for line in lines]
            put(*map(json.dumps, rows), header=None, kind=NDJSON)
        elif kind == "page":
            body = "\n".join((HEADER, *lines)).encode()
            assert Visitor(app, headers("editor")).put("/data/transactions", body).status_code < 300
        else:
            path = tmp_path / "orders.csv"
            path.write_text("\n".join((HEADER, *lines)))
            done = app.test_cli_runner().invoke(args=["import", str(path), "--tenant", "acme"])
            assert done.exit_code == 0, done.output
    assert stored() == [
        ("2026-04-01", 1, 1, 800_000, SALE_AT, SALE_AT),
        ("2026-04-21", 0, 0, -800_000, REFUND_AT, REFUND_AT),
    ]
    scores = batch()["a"]
    today = scores.computed_ms // DAY_MS
    assert (scores.recency_days, scores.tenure_days) == (today - SALE_AT // DAY_MS,) * 2
    assert (scores.frequency, scores.monetary, scores.predicted_revenue) == (1, 0, 0)


def test_a_refund_on_the_day_of_the_sale_is_a_day_with_the_sale_at_0(put, batch):
    put(SALE, SAME_DAY)
    assert stored() == [("2026-04-01", 1, 1, 0, SALE_AT, SALE_AT)]
    assert (batch()["a"].frequency, batch()["a"].monetary) == (1, 0)


def test_an_order_that_comes_again_as_refunded_is_a_correction_afterwards(put):
    put(SALE)
    assert put(SAME_DAY) == {"received": 1, "updated": 1, "lowered": 1}
    assert stored()[0][1:4] == (0, 0, -800_000)


@pytest.mark.parametrize("way", ["POST", "PUT"])
def test_a_summary_with_a_value_alone_is_a_correction(put, load, batch, way):
    refund = {**row("a", 2, value=-30), "channelId": "refund"}
    del refund["impressions"]
    if way == "POST":
        load(row("a", 40, 2, 100, converts=1), refund)
    else:
        rows = map(json.dumps, (row("a", 40, 2, 100, converts=1), refund))
        put(*rows, url=SUMMARIES, header=None, kind=NDJSON)
    scores = batch()["a"]
    assert (scores.recency_days, scores.frequency, scores.monetary) == (40, 2, 700_000)
    assert scores.segment == "at_risk"


def test_of_who_has_nothing_but_corrections_they_are_the_contact_times(load, batch):
    load(row("a", 50, 0, -30, firstContactAt=days_ago(50)), row("a", 9, 0, -5), row("b", 1, 3, 10))
    scores = batch()["a"]
    assert (scores.recency_days, scores.tenure_days) == (9, 50)
    assert (scores.frequency, scores.monetary, scores.predicted_revenue) == (0, -350_000, 0)
    assert scores.segment != "at_risk", "Nobody is without an interaction."


def test_a_value_of_0_alone_still_deletes(load):
    load(row("a", 3, 1, 10), row("a", 2, 0, -10))
    gone = load(row("a", 2, 0, 0))
    assert (gone["deleted"], len(stored())) == (1, 1)


def test_the_explanation_has_the_sum_of_the_corrections(client, headers, load):
    load(row("a", 9, 3, 100), row("a", 3, 0, -30.255), row("a", 2, 0, 10), row("b", 1, 1, 5))
    for customer, corrected, revenue in (("a", -20.26, 79.75), ("b", 0, 5)):
        url = f"/api/v1/customers/{customer}/clv/explanation"
        body = client.get(url, headers=headers("viewer")).json
        assert body["corrections"] == corrected
        assert body["contributions"][2]["value"] == revenue
    assert body["contributions"][0]["value"] == 1


def test_the_page_shows_corrections_where_there_are_some(app, headers, load):
    load(row("a", 9, 3, 100), row("a", 3, 0, -30.25), row("b", 1, 1, 5))
    visitor = Visitor(app, headers("viewer"))
    text = visitor.get("/customers/a").text
    assert "<dt>Of which corrections</dt><dd>−30.25 USD</dd>" in text
    assert "corrections" not in visitor.get("/customers/b").text


def test_a_simulation_and_the_share_at_risk_leave_the_times_of_refunds_out(
    client, headers, load, batch
):
    load(row("sold", 40, 1, 80), row("refunded", 40, 1, 80), row("refunded", 1, 0, -80))
    assert {scores.segment for scores in batch().values()} == {"at_risk"}
    found = client.post("/api/v1/clv/simulate", headers=headers("viewer")).json
    assert found["before"]["segments"]["at_risk"]["customers"] == 2
    assert found["before"]["segments"]["at_risk"]["revenue"] == 80


def test_the_calibrated_model_predicts_from_days_net_of_corrections(
    app, client, headers, tenant, load, batch
):
    load(
        row("net", 40, 1, 50, converts=1),
        row("gross", 40, 1, 80, converts=1),
        row("gross", 9, 0, -30),
        row("visitor", 3, 2),
        row("visitor", 1, 0, -30),
    )
    batch()
    with db.scope(), db.transaction():
        text = calibration(as_of_ms=now_ms()).to_json()
        db.execute("UPDATE snapshot SET calibration = %s", (text,))
        db.execute("UPDATE tenant SET model = 'calibrated'")
    # A run of a segment keeps the parameters.
    stored = batch("at_risk")
    net, gross = (stored[name] for name in ("net", "gross"))
    assert net.versioned_model == gross.versioned_model == "calibrated/2"
    assert gross.predicted_revenue > 0
    assert net._replace(customer_id="gross") == gross
    url = "/api/v1/customers/visitor/clv"
    visitor = client.post(url, headers=headers("editor")).json
    assert (visitor["predictedRevenue"], visitor["churnProbability"]) == (0, 1)
