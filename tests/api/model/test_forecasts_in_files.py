"""Forecasts in files, in exports of the command line, and on the page."""

import pytest
from flask.testing import FlaskClient

from clv import db
from clv.store import totals
from tests.api.dashboard.support import sign_in
from tests.api.model.support import FILES, FORECAST, RECORDS, lines
from tests.api.support import insert_records, numbered_records


@pytest.mark.parametrize("accept", FILES)
def test_a_file_has_the_same_forecasts_unrounded(ask, shop, accept):
    listed = ask("include=forecast,model").json["data"]
    written = lines(ask("include=model&include=forecast", accept))
    assert [list(line)[-7:] for line in written] == [[*FORECAST, "model"]] * 3
    for entry, line in zip(listed, written, strict=True):
        assert (line["model"], line["customerId"]) == ("calibrated/1", entry["customerId"])
        for name in FORECAST:
            if entry[name] is None:
                assert line[name] in ("", None)
            else:
                assert float(line[name]) == pytest.approx(entry[name], abs=0.0051)


def test_files_and_lists_of_any_order_have_the_same_forecasts(ask, shop):
    alike = [
        {line["customerId"]: line for line in lines(ask(f"include=forecast&sort={sort}", FILES[1]))}
        for sort in ("customerId", "-predictedRevenue")
    ]
    assert alike[0] == alike[1]


def test_a_head_request_is_refused_like_a_get(client, headers, shop):
    head = {**headers("viewer"), "Accept": "text/csv"}
    for query, status in (
        ("include=forecast", 200),
        ("include=forecast&horizonDays=731", 400),
        ("horizonDays=90", 400),
        ("include=all", 400),
    ):
        assert client.head(f"{RECORDS}?{query}", headers=head).status_code == status, query


def test_a_file_reads_the_totals_of_each_page_at_once_and_holds_no_connection(
    app, headers, shop, monkeypatch
):
    insert_records(numbered_records(4_100))
    read, totals_of = [], totals.totals_of

    def counted(tenant_id, customer_ids, **more):
        read.append(len(customer_ids))
        return totals_of(tenant_id, customer_ids, **more)

    monkeypatch.setattr(totals, "totals_of", counted)
    monkeypatch.setattr(totals, "totals", None)
    head = {**headers("viewer"), "Accept": "text/csv"}
    with app.test_client().get(f"{RECORDS}?include=forecast", headers=head) as answer:
        lines = 0
        for piece in answer.response:
            assert db.database.is_closed()
            lines += piece.count(b"\n")
    assert (lines, read) == (4_104, [2_000, 2_000, 103])


def test_an_export_has_the_forecasts_of_the_file_of_the_api(app, ask, shop):
    runner = app.test_cli_runner()
    query = "include=forecast,model&horizonDays=90"
    sent = ask(query, "text/csv").text
    for words in (["forecast,model"], ["model", "forecast"]):
        options = [part for word in words for part in ("--include", word)]
        command = ["export", "--tenant", "acme", *options, "--horizon-days", "90"]
        assert runner.invoke(args=command).stdout == sent
    refused = {
        "Must be one or more of: ": ["--include", "everything"],
        "needs include=forecast": ["--horizon-days", "90"],
        "Must be from 1 to 730": ["--include", "forecast", "--horizon-days", "731"],
    }
    for reason, options in refused.items():
        done = runner.invoke(args=["export", "--tenant", "acme", *options])
        assert done.exit_code and reason in done.stderr and not done.stdout


def test_the_page_of_a_customer_says_what_to_expect(app, headers, shop, choose):
    token = headers("viewer")["Authorization"].split()[1]
    app.test_client_class = FlaskClient
    browser = app.test_client()
    sign_in(browser, token)
    text = " ".join(browser.get("/customers/regular").text.split())
    assert "Within 365 days, revenue of 37.49 USD is to be expected." in text
    assert "The odds are even that the next conversion comes within 207 days." in text
    assert "to be expected" not in browser.get("/customers/visitor").text
    listed = browser.get("/customers?tab=all").text
    assert "/customers.csv?tab=all&amp;include=forecast" in listed
    csv_file = browser.get("/customers.csv?tab=all&include=forecast&include=model").text
    assert csv_file.split("\n")[0].endswith("averageConversionValue,model")
    choose(model="rfm")
    assert "to be expected" not in browser.get("/customers/regular").text
    assert "include=forecast" not in browser.get("/customers?tab=all").text
