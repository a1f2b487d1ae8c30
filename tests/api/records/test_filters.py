"""Filters of the records, and parameters that are wrong."""

from decimal import Decimal
from random import Random

import pytest

from clv.api import paging
from clv.domain import calendar
from clv.domain.groups import NAMES
from tests.api.records.support import CSV, FILTERS, SORTS, activity, brute, shown


def a_limit(name: str, records: list[dict], random: Random):
    """A value of a filter, mostly one that some record has."""
    one = random.choice(records)
    return {
        "segment": one["segment"],
        "customerId": [r["customer_id"] for r in random.choices(records, k=60)] + ["nobody"],
        "minScore": one["score"] / 2,
        "maxScore": one["score"],
        "minRecency": one["recency_days"] // 2,
        "maxRecency": one["recency_days"],
        "minFrequency": one["frequency"],
        "maxFrequency": one["frequency"],
        "minRevenue": str(Decimal(one["predicted_revenue"]) / 10_000),
        "minTenureDays": one["tenure_days"],
        "maxTenureDays": one["tenure_days"],
        "activity": activity(one["recency_days"], one["frequency"]),
        "computedAfter": calendar.iso(one["computed_ms"] - 1_000),
        "computedBefore": calendar.iso(one["computed_ms"] + 1),
    }[name]


def contradicts_itself(query: dict) -> bool:
    return (
        query.get("minScore", 0) > query.get("maxScore", 100)
        or query.get("minRecency", 0) > query.get("maxRecency", 10**9)
        or query.get("minFrequency", 0) > query.get("maxFrequency", 10**19)
        or query.get("minTenureDays", 0) > query.get("maxTenureDays", 10**19)
        or query.get("computedAfter", "1") >= query.get("computedBefore", "9")
    )


def test_every_filter_and_sort_is_what_a_plain_loop_finds(walk, get, records, job):
    random = Random(11)
    queries = [{name: a_limit(name, records, random)} for name in FILTERS]
    for _ in range(40):
        names = random.sample(list(FILTERS), random.randint(0, 4))
        queries.append({name: a_limit(name, records, random) for name in names})
    matched = 0
    for number, query in enumerate(queries):
        sort = SORTS[number % len(SORTS)]
        if contradicts_itself(query):
            continue
        expected = brute(records, query, sort)
        limit = random.choice([1, 7, 20, 100]) if len(expected) < 60 else 100
        found = walk(**query, sort=sort, limit=limit)
        assert found == [shown(r, job[1]) for r in expected], (query, sort)
        total = get(**query, count="true").json["pagination"]["total"]
        assert total == len(expected)
        matched += 0 < len(expected) < len(records)
    assert matched > 25


def test_scores_are_compared_unrounded(get, records):
    at_least = get(minScore=49.5, limit=100).json["data"]
    found = get(minScore=49.4999, maxScore=49.49995, limit=100).json["data"]
    assert {entry["clvScore"] for entry in found} == {49}
    assert not {entry["customerId"] for entry in at_least} & {e["customerId"] for e in found}


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ({"segment": "vip"}, "segment"),
        ({"customerId": "a/b"}, "customerId"),
        ({"customerId": ""}, "customerId"),
        ({"customerId": ["a", "b\0"]}, "customerId"),
        ({"customerId": ["a"] * 101}, "customerId"),
        ({"minScore": "x"}, "minScore"),
        ({"minScore": "nan"}, "minScore"),
        ({"minScore": "-1"}, "minScore"),
        ({"maxScore": "inf"}, "maxScore"),
        ({"maxScore": "100.1"}, "maxScore"),
        ({"minScore": "60", "maxScore": "50"}, "minScore"),
        ({"minRecency": "-1"}, "minRecency"),
        ({"minRecency": "1.5"}, "minRecency"),
        ({"minRecency": "9" * 5000}, "minRecency"),
        ({"maxRecency": str(2**63)}, "maxRecency"),
        ({"minRecency": "31", "maxRecency": "30"}, "minRecency"),
        ({"minFrequency": "many"}, "minFrequency"),
        ({"maxFrequency": "-1"}, "maxFrequency"),
        ({"minFrequency": "2", "maxFrequency": "1"}, "minFrequency"),
        ({"minTenureDays": "90", "maxTenureDays": "89"}, "minTenureDays"),
        ({"maxTenureDays": "new"}, "maxTenureDays"),
        ({"activity": "new"}, "activity"),
        ({"activity": ""}, "activity"),
        ({"rfmGroup": "Champions"}, "rfmGroup"),
        ({"rfmGroup": "cant_lose"}, "rfmGroup"),
        ({"minRevenue": "1e13"}, "minRevenue"),
        ({"minRevenue": "NaN"}, "minRevenue"),
        ({"minRevenue": "1e999999999"}, "minRevenue"),
        ({"minTenureDays": ""}, "minTenureDays"),
        ({"computedAfter": "yesterday"}, "computedAfter"),
        ({"computedAfter": "2026-04-03T12:00:00"}, "computedAfter"),
        ({"computedBefore": "1969-12-31"}, "computedBefore"),
        ({"computedAfter": "2026-04-04", "computedBefore": "2026-04-04"}, "computedAfter"),
        ({"sort": "score"}, "sort"),
        ({"sort": "--clvScore"}, "sort"),
        ({"limit": "0"}, "limit"),
        ({"limit": "101"}, "limit"),
        ({"count": "perhaps"}, "count"),
        ({"page": "2"}, "page"),
        ({"SEGMENT": "high"}, "SEGMENT"),
        ({"cursor": "!"}, "cursor"),
        ({"cursor": paging.encode("customerId", "a")}, "cursor"),
        ({"cursor": paging.encode("customerId", 1, "a")}, "cursor"),
        ({"cursor": paging.encode("-customerId", "a", "a")}, "cursor"),
        ({"cursor": paging.encode("clvScore", 1.0, "a")}, "cursor"),
        ({"cursor": paging.encode("clvScore", 1.0, "a"), "sort": "-clvScore"}, "cursor"),
        ({"cursor": paging.encode("clvScore", 1.0, "a\0"), "sort": "clvScore"}, "cursor"),
        ({"cursor": paging.encode("rfmRecency", 2**63, "a"), "sort": "rfmRecency"}, "cursor"),
    ],
)
@pytest.mark.parametrize("accept", [None, CSV])
def test_a_wrong_parameter_is_named(get, accept, query, parameter):
    answer = get(accept, **query)
    assert answer.status_code == 400, answer.text
    assert answer.mimetype == "application/json"
    assert list(answer.json["errors"]["query"]) == [parameter]
    assert parameter in answer.json["message"]


@pytest.mark.parametrize(
    "query",
    [
        {"minRecency": 2**63 - 1},
        {"minFrequency": 2**63 - 1},
        {"minTenureDays": 2**63 - 1},
        {"minRevenue": 1_000_000_000},
        {"computedAfter": "9999-12-31T23:59:59.999Z"},
        {"sort": "rfmRecency", "cursor": paging.encode("rfmRecency", 2**63 - 1, "a")},
        {"sort": "clvScore", "cursor": paging.encode("clvScore", 1e308, "a")},
        {"sort": "-clvScore", "cursor": paging.encode("-clvScore", -1e308, "a")},
        {"sort": "predictedRevenue", "cursor": paging.encode("predictedRevenue", 2**63 - 1, "a")},
        {"sort": "-revenueAtRisk", "cursor": paging.encode("-revenueAtRisk", -5e-324, "a")},
        {"cursor": paging.encode("customerId", "\U0010ffff", "\U0010ffff")},
    ],
)
def test_what_is_beyond_all_records_finds_none(get, records, query):
    answer = get(**query)
    assert (answer.status_code, answer.json["data"]) == (200, [])


def test_before_there_is_a_distribution_nobody_is_in_an_rfm_group(get, records):
    for name in NAMES:
        answer = get(rfmGroup=name, count="1")
        assert (answer.status_code, answer.json["data"]) == (200, [])
        assert answer.json["pagination"]["total"] == 0


@pytest.mark.parametrize(
    "query", [{"minRevenue": "-1"}, {"computedBefore": "2999-01-01"}, {"maxRecency": 2**63 - 1}]
)
def test_what_is_before_all_records_finds_all(get, records, query):
    assert get(**query, count="1").json["pagination"]["total"] == len(records)
