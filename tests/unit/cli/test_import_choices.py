"""``flask import``: choices, previews, and the answers of the API."""

import json

import pytest

from tests.api.transactions.support import PLAIN, PREVIEW, URL
from tests.conftest import ON_ONE_DATABASE
from tests.unit.cli.support import summaries


@pytest.fixture
def export(tmp_path):
    """Write a file as it is."""

    def write(text, name="orders.csv"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return str(path)

    return write


@pytest.fixture
def asked(client, headers):
    """The API's answer to another tenant that sends the same file."""

    def ask(method, url, body, **query):
        key = headers("editor", "other")
        answer = client.open(
            url, method=method, data=body, query_string=query, content_type="text/csv", headers=key
        )
        assert answer.status_code == 200, answer.text
        return answer.json

    return ask


def test_the_json_of_a_load_is_the_apis_answer(tenant, run, asked, export):
    path = export(f"{PLAIN}c,yesterday,1\n")
    done = run("import", path, "--tenant", "acme", "--skip-bad-lines", "--json")
    body = f"{PLAIN}c,yesterday,1\n"
    answer = json.loads(done.stdout)
    assert answer == asked("PUT", URL, body, skipBadLines="true")
    assert list(answer)[:3] == ["received", "rejected", "inserted"]
    assert answer["rejected"] == 1 and done.stderr == ""


def test_the_json_of_a_preview_is_the_apis_answer_and_nothing_is_stored(tenant, run, asked, export):
    done = run("import", export(PLAIN), "--tenant", "acme", "--preview", "--json")
    answer = json.loads(done.stdout)
    assert answer == asked("POST", PREVIEW, PLAIN)
    assert answer["transactions"] == 2 and answer["corrections"] == 1
    assert summaries() == []


def test_the_json_of_summaries_is_the_apis_answer(tenant, run, asked, export):
    text = "customerId,periodType,periodKey,impressions,lastContactAt\n"
    text += "a,daily,2026-04-01,3,2026-04-01\n"
    done = run("import", export(text), "--tenant", "acme", "--kind", "summaries", "--json")
    answer = json.loads(done.stdout)
    assert answer == asked("PUT", "/api/v1/interaction-summaries", text)
    assert answer["inserted"] == 1


def test_a_preview_says_what_would_be_done(tenant, run, export):
    said = run("import", export(PLAIN), "--tenant", "acme", "--preview").stdout
    assert "customer = customer_id" in said
    assert (
        "3 rows: 2 transactions and 1 correction of 2 customers, 2026-04-29 to 2026-05-02" in said
    )
    assert "11.50 in all" in said
    assert said.endswith("Nothing was stored.\n")
    assert summaries() == []


def test_a_load_says_what_the_file_was_taken_for(tenant, run, export):
    said = run("import", export(PLAIN), "--tenant", "acme").stdout
    assert said.startswith("Read as ")
    first = said.splitlines()[0]
    assert "customer = customer_id, time = date, amount = amount, encoding utf-8" in first
    assert first.endswith("times without an offset in UTC, days in UTC.")


@pytest.mark.parametrize(
    "options",
    [
        ("--customer", "who", "--time", "when", "--amount", "what"),
        ("--customer", '"who"', "--time", '"when"', "--amount", '"what"'),
        ("--customer-column", "who", "--date-column", "when", "--amount-column", "what"),
    ],
)
def test_columns_are_named_by_options_old_and_new(tenant, run, export, options):
    path = export("what,when,who\n1,2026-04-01,a\n")
    run("import", path, "--tenant", "acme", *options)
    assert summaries() == [("a", "2026-04-01", 1, 1, 10_000)]


@ON_ONE_DATABASE
@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--skip-bad-lines", "--replace"), "--skip-bad-lines: not with --replace"),
        (("--skip-bad-rows", "--replace"), "--skip-bad-lines: not with --replace"),
        (("--date-order", "ydm"), "'ymd', 'dmy', 'mdy'"),
        (("--decimal", "'"), "'.', ','"),
        (("--delimiter", "dot"), "--delimiter: Must be one of: comma, semicolon"),
        (("--time-zone", "Berlin"), "--time-zone: Must be a time zone"),
        (("--rate", "USD"), "--rate: Must be a currency"),
        (("--rate", "USD:1", "--rate", "usd:2"), "--rate: A currency must have only one rate."),
        (("--customer", '"a'), "--customer: A name with a comma"),
        (("--header-line", "0"), "--header-line: Must be greater"),
        (("--header-line", "first"), "'first' is not a valid integer"),
    ],
)
def test_an_option_that_is_wrong_is_named(tenant, refused, export, options, says):
    assert says in refused("import", export(PLAIN), "--tenant", "acme", *options, code=2)
    assert summaries() == []


@ON_ONE_DATABASE
def test_a_preview_of_summaries_is_refused(tenant, refused, export):
    command = ("import", export(PLAIN), "--tenant", "acme", "--kind", "summaries", "--preview")
    assert "--preview: makes no sense for summaries" in refused(*command, code=2)


@ON_ONE_DATABASE
def test_the_old_names_are_not_in_the_help(run):
    text = run("import", "--help").stdout
    assert "--skip-bad-lines" in text and "--time-zone" in text
    for old in ("--skip-bad-rows", "--customer-column", "--date-column", "--amount-column"):
        assert old not in text
