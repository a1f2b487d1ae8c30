"""Lists of the customers of an RFM group, with other filters, in any order, in pages and files."""

import json

import pytest

from clv import db
from clv.domain.groups import NAMES
from clv.store import listing, rfm, snapshots
from clv.store.listing import Filter
from clv.store.rankings import Order
from tests.api.records.support import CSV, NDJSON, SORTS, of_csv
from tests.api.support import row
from tests.jobs.support import Bell, begin, complete


@pytest.fixture
def shop(app, tenant, load) -> None:
    """200 customers of acme whom a run has scored, some without revenue."""
    load(*(row(f"c{n:03}", (n * 37) % 120, 1 + n % 9, (n * 53) % 200 - 20) for n in range(200)))
    with db.scope():
        run_id = begin()
        complete(run_id, Bell(app.extensions["clv"].queue.redis))


@pytest.fixture
def group_of(shop) -> dict[str, str]:
    """The group of each customer, as Python says."""
    with db.scope():
        starts = rfm.current_starts(1)
        everybody = listing.page(1, Filter(), Order(), None, 999)
    return {entry.scores.customer_id: starts.rfm(entry.scores).group.name for entry in everybody}


def test_each_list_has_its_group_in_every_order(walk, group_of):
    for number, name in enumerate(NAMES):
        members = [customer for customer, group in group_of.items() if group == name]
        everybody = walk(sort=SORTS[number % len(SORTS)], limit=100)
        expected = [e for e in everybody if e["customerId"] in members]
        assert walk(rfmGroup=name, sort=SORTS[number % len(SORTS)], limit=7) == expected
    assert len(set(group_of.values())) >= 9


def test_a_group_goes_with_other_filters_and_is_counted(get, walk, group_of):
    members = {customer for customer, group in group_of.items() if group == "loyal"}
    assert members
    query = {"rfmGroup": "loyal", "minScore": 60, "activity": "slipping"}
    expected = [
        entry["customerId"]
        for entry in walk(minScore=60, activity="slipping", limit=100)
        if entry["customerId"] in members
    ]
    answer = get(**query, count="true")
    assert [entry["customerId"] for entry in answer.json["data"]] == expected
    assert answer.json["pagination"]["total"] == len(expected)
    assert get(rfmGroup="loyal").json["pagination"]["total"] is None


def test_a_file_has_the_group_alone(get, group_of):
    members = {customer for customer, group in group_of.items() if group == "dormant"}
    table = get(CSV, rfmGroup="dormant", sort="-revenueAtRisk").text
    assert {line["customerId"] for line in of_csv(table)} == members
    lines = get(NDJSON, rfmGroup="dormant").text
    assert lines.count("\n") == len(members)


def test_a_best_customer_who_slips_is_found_by_score_and_activity(get, load, app, shop):
    load(row("best", 40, 500, 90_000))
    with db.scope():
        complete(begin(), Bell(app.extensions["clv"].queue.redis))
    found = get(activity="slipping", minScore=70, sort="-revenueAtRisk", limit=1).json["data"]
    assert [entry["customerId"] for entry in found] == ["best"]
    assert found[0]["segment"] == "at_risk"


def test_new_customers_have_a_list(walk, load, app, shop):
    load(row("old", 3, firstContactAt="2020-05-01T00:00:00Z"))
    with db.scope():
        complete(begin(), Bell(app.extensions["clv"].queue.redis))
    found = {entry["customerId"] for entry in walk(maxTenureDays=89, limit=100)}
    everybody = {entry["customerId"] for entry in walk(limit=100)}
    with db.scope():
        older = db.rows("SELECT customer_id FROM clv_record WHERE tenure_days >= 90")
    assert everybody - found == {one for (one,) in older} and "old" not in found


def test_records_include_their_fifths_and_their_group(get, walk, shop):
    with db.scope():
        starts = rfm.current_starts(1)
        everybody = listing.page(1, Filter(), Order(), None, 999)
    expected = {entry.scores.customer_id: starts.rfm(entry.scores).shown for entry in everybody}
    listed = walk(include="rfm", limit=100)
    assert len(listed) == 200
    lines = [json.loads(line) for line in get(NDJSON, include="rfm").text.splitlines()]
    for found in (listed, lines, of_csv(get(CSV, include="rfm").text)):
        assert {one["customerId"]: (one["rfm"], one["rfmGroup"]) for one in found} == expected
    # With other words, behind the fixed columns.
    table = get(CSV, include="model,rfm")
    header, first, *_ = table.text.splitlines()
    assert header.endswith(",jobId,rfm,rfmGroup,model")
    assert first.endswith(f",{','.join(expected['c000'])},rfm/1")
    assert "rfm" not in get(limit=1).json["data"][0]


def test_a_group_lists_those_who_are_shown_in_it(walk, shop):
    for name in NAMES:
        found = walk(rfmGroup=name, include="rfm", limit=100)
        assert {entry["rfmGroup"] for entry in found} <= {name}


def test_without_a_distribution_fifths_and_group_are_null(get, shop):
    with db.scope():
        snapshots.drop_current(1)
    [found] = get(include="rfm", customerId="c001").json["data"]
    assert (found["rfm"], found["rfmGroup"]) == (None, None)
    [line] = of_csv(get(CSV, include="rfm", customerId="c001").text)
    assert (line["rfm"], line["rfmGroup"]) == ("", "")
    text = get(NDJSON, include="rfm", customerId="c001").text
    assert text.endswith(', "rfm": null, "rfmGroup": null}\n')
