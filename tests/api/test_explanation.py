"""Why a score is what it is, and the rows that it was made from."""

import pytest

from clv.config import ROOT
from clv.domain.groups import GRID, PROSPECTS
from tests.api.support import days_ago, row

LOG = str(ROOT / "clv" / "sample" / "cdnow.csv.gz")
ROWS = "/api/v1/interaction-summaries"


def explanation(client, key, customer: str) -> dict:
    answer = client.get(f"/api/v1/customers/{customer}/clv/explanation", headers=key)
    assert answer.status_code == 200, answer.text
    return answer.json


def test_the_contributions_are_named_and_sum_to_the_score(client, headers, load):
    load(row("a", 5, 48, 360), row("b", 1, 2, 10), row("c", 40, 1, 500))
    key = headers("viewer")
    body = explanation(client, key, "a")
    parts = {part["dimension"]: part for part in body["contributions"]}
    assert {name: (part["value"], part["norm"]) for name, part in parts.items()} == {
        "recency": (5, 0.5),
        "frequency": (48, 1),
        "monetary": (360.0, 0.5),
    }
    assert [part["weight"] for part in body["contributions"]] == [0.35, 0.35, 0.3]
    assert body["score"] == pytest.approx(67.5)
    record = client.get("/api/v1/customers/a/clv", headers=key).json
    assert (body["clvScore"], body["segment"]) == (record["clvScore"], record["segment"])
    assert body["daysUntilAtRisk"] == 25
    assert body["model"] == "rfm" and body["formulaVersion"] == 2
    assert body["settings"]["atRiskDays"] == body["thresholds"]["atRiskDays"] == 30


def test_the_reason_says_why_this_segment(client, headers, load):
    load(row("gone", 40), row("a", 1, 1), row("b", 1, 2, 9), row("c", 0, 9, 99))
    key = headers("viewer")
    gone = explanation(client, key, "gone")
    assert gone["reason"].startswith("The last contact was 40 days ago")
    assert gone["daysUntilAtRisk"] == 0
    for customer in "abc":
        body = explanation(client, key, customer)
        words = {"high": "top quarter", "medium": "between the quarters", "low": "bottom quarter"}
        assert words[body["segment"]] in body["reason"]


def test_the_rfm_group_follows_from_the_norms_that_are_shown(client, headers, load):
    load(*(row(f"c{n}", n, 1 + (n * 7) % 11, (n * 5) % 13) for n in range(11)), row("none", 1))
    key = headers("viewer")
    for n in range(11):
        body = explanation(client, key, f"c{n}")
        fifths = [min(5, 1 + int(5 * part["norm"])) for part in body["contributions"]]
        assert body["rfm"] == "".join(map(str, fifths))
        group = GRID[fifths[0], (fifths[1] + fifths[2] + 1) // 2] if (n * 5) % 13 else PROSPECTS
        assert (body["rfmGroup"], body["rfmAdvice"]) == (group.name, group.advice)
    assert explanation(client, key, "none")["rfmGroup"] == "prospects"


def test_an_explanation_stores_nothing_and_is_private(client, headers, load):
    load(row("a", 5))
    key = headers("viewer")
    explanation(client, key, "a")
    assert client.get("/api/v1/customers/a/clv", headers=key).json["source"] == "computed"
    url = "/api/v1/customers/{}/clv/explanation"
    assert client.get(url.format("b"), headers=key).status_code == 404
    assert client.get(url.format("a"), headers=headers("admin", "other")).status_code == 404
    assert client.get(url.format("%20"), headers=key).status_code == 400


def test_the_points_of_500_real_customers_sum_to_their_scores(app, headers):
    run, client = app.test_cli_runner().invoke, app.test_client()
    run(args=["tenants", "create", "shop"])
    done = run(args=["import", LOG, "--tenant", "shop", "--replay-until", "now"])
    assert done.exit_code == 0, done.output
    key = headers("viewer", "shop")
    for number in range(1, 23_570, 47):
        body = explanation(client, key, f"{number:05}")
        points = [part["points"] for part in body["contributions"]]
        assert abs(sum(points) - body["score"]) <= 1e-9
        assert (
            client.get(f"/api/v1/customers/{number:05}/clv", headers=key).json["clvScore"]
            == (body["clvScore"])
        )


def test_the_rows_of_a_customer_are_listed_latest_first(client, headers, load):
    first = row("a", 3, 2, 10.1234, offerId="o1", channelId="mail")
    load(first, row("a", 1, 1, -5), row("a", 2, offerId="o2"), row("b", 1))
    key = headers("viewer")
    answer = client.get(f"{ROWS}?customerId=a", headers=key).json
    assert answer["total"] == 3
    assert [found["periodKey"] for found in answer["data"]] == [days_ago(n)[:10] for n in (1, 2, 3)]
    oldest = answer["data"][2]
    assert {name: oldest[name] for name in ("totalValue", "offerId", "periodType")} == {
        "totalValue": 10.1234,
        "offerId": "o1",
        "periodType": "daily",
    }
    limited = client.get(f"{ROWS}?customerId=a&limit=1", headers=key).json
    assert (len(limited["data"]), limited["total"]) == (1, 3)
    for query, count in (
        ("offerId=o1", 1),
        ("offerId=", 1),
        ("channelId=mail", 1),
        ("offerId=o2&channelId=mail", 0),
        ("periodType=daily", 3),
        ("periodType=weekly", 0),
    ):
        assert client.get(f"{ROWS}?customerId=a&{query}", headers=key).json["total"] == count
    foreign = client.get(f"{ROWS}?customerId=a", headers=headers("admin", "other"))
    end = {"cursor": None, "hasMore": False}
    assert foreign.json == {"data": [], "total": 0, "pagination": end}


def test_what_was_read_can_be_sent_again(client, headers, load):
    load(row("a", 1, 3, 12.5, offerId="o"), row("a", 2))
    stored = client.get(f"{ROWS}?customerId=a", headers=headers("viewer")).json["data"]
    assert load(*stored)["unchanged"] == 2


@pytest.mark.parametrize(
    "query", ["", "customerId=", "customerId=a&limit=201", "customerId=a&page=1", "customerId=a/b"]
)
def test_a_wrong_query_is_refused(client, headers, tenant, query):
    answer = client.get(f"{ROWS}?{query}", headers=headers())
    assert answer.status_code == 400 and answer.json["errors"]["query"]
