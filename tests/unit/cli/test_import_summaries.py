"""``clv import`` of summaries."""

import json

import pytest

from tests.api.support import row
from tests.unit.cli.support import acme, summaries

SUMMARIES = "customerId,periodType,periodKey,offerId,impressions,totalValue,lastContactAt"


@pytest.mark.parametrize("name", ["log.csv", "log.csv.gz"])
def test_summaries_are_imported_with_their_own_columns(tenant, run, log, name):
    lines = ("a,daily,2026-04-01,o,3,1.5,2026-04-01", "a,daily,2026-04-09,,2,,2026-04-09")
    path = log(*lines, header=SUMMARIES, name=name)
    done = run("import", path, "--tenant", "acme", "--kind", "summaries")
    assert done.stdout.startswith(
        "2 daily summaries read: 2 inserted, 0 updated, 0 unchanged, 0 deleted.\n"
    )
    assert "within 8 days: flask tenants set acme --at-risk-days 8" in done.stdout
    assert summaries() == [
        ("a", "2026-04-01", 3, 0, 15_000),
        ("a", "2026-04-09", 2, 0, 0),
    ]
    again = run("import", path, "--tenant", "acme", "--kind", "summaries")
    assert "0 inserted, 0 updated, 2 unchanged, 0 deleted." in again.stdout


def objects(*rows):
    return [json.dumps(row) for row in rows]


@pytest.mark.parametrize("name", ["log.ndjson", "log.jsonl", "log.NDJSON.gz"])
def test_ndjson_is_known_by_the_files_name(tenant, run, log, name):
    orders = [{"customerId": c, "date": "2026-04-01", "amount": 1.5} for c in "ab"]
    first, *others = objects(*orders)
    run("import", log(*others, header=first, name=name), "--tenant", "acme")
    assert [line[0] for line in summaries()] == ["a", "b"]
    first, *others = objects(row("c", 1), row("d", 2))
    path = log(*others, header=first, name=name)
    run("import", path, "--tenant", "acme", "--kind", "summaries", "--replace")
    assert [line[0] for line in summaries()] == ["c", "d"]


def test_the_format_may_be_named(tenant, run, refused, log):
    [line] = objects({"customer_id": "a", "date": "2026-04-01", "amount": 1.5})
    run("import", "-", "--tenant", "acme", "--format", "ndjson", stdin=line)
    before = summaries()
    assert before == [("a", "2026-04-01", 1, 1, 15_000)]
    assert "The file is JSON." in refused("import", "-", "--tenant", "acme", stdin=line)
    path = log("a,2026-04-01,1.5", name="log.ndjson")
    run("import", path, "--tenant", "acme", "--format", "csv")
    assert "The line is not JSON." in refused("import", path, "--tenant", "acme")
    assert summaries() == before


def test_a_bad_summary_is_named_and_nothing_kept_unless_it_may_be_skipped(
    tenant, run, refused, log
):
    good = "a,daily,2026-04-01,,3,1.5,2026-04-01"
    path = log(good, "a,daily,?,,,,2026-04-01", good, header=SUMMARIES)
    command = ("import", path, "--tenant", "acme", "--kind", "summaries")
    said = refused(*command)
    assert said.startswith("Error: 2 bad lines; nothing was loaded.")
    assert "1 × periodKey: Must look like 2026-04-30 for a daily row (line 3)" in said
    assert "1 × Has the same key as an earlier line (line 4)" in said
    assert summaries() == []
    for option in ("--skip-bad-lines", "--skip-bad-rows"):
        done = run(*command, option)
        assert "1 daily summaries read: " in done.stdout
        assert done.stderr.splitlines() == [
            "1 bad line (line 3): periodKey: Must look like 2026-04-30 for a daily row.",
            "1 bad line (line 4): Has the same key as an earlier line.",
        ]


def test_summaries_of_another_period_type_need_to_replace(tenant, run, refused, log):
    run("import", log("a,2026-04-01,1"), "--tenant", "acme")
    path = log("a,weekly,2026-W14,,1,1,2026-04-01", header=SUMMARIES)
    command = ("import", path, "--tenant", "acme", "--kind", "summaries")
    assert "This tenant's summaries are daily" in refused(*command)
    run(*command, "--replace")
    assert acme().period_type == "weekly"


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--customer", "who"),
        ("--date-order", "dmy"),
        ("--rate", "USD:0.92"),
        ("--replay-until", "now"),
    ],
)
def test_options_that_make_no_sense_for_summaries_are_refused(tenant, refused, log, option, value):
    path = log("a,daily,2026-04-01,,3,1.5,2026-04-01", header=SUMMARIES)
    command = ("import", path, "--tenant", "acme", "--kind", "summaries", option, value)
    assert f"{option}: makes no sense for summaries" in refused(*command, code=2)
    assert summaries() == []


@pytest.mark.parametrize("option", [("--kind", "orders"), ("--format", "pdf")])
def test_other_kinds_and_formats_are_refused(tenant, refused, log, option):
    assert option[1] in refused("import", log(), "--tenant", "acme", *option, code=2)
