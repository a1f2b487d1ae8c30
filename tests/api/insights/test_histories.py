"""The history of the summary, a customer's history, and the changes of all customers."""

from collections.abc import Callable

from clv import db
from clv.domain.scoring import SEGMENTS
from clv.store import runs
from tests.api.insights.support import CHANGES, GROUP, HISTORY, SUMMARY, customer_history_url
from tests.api.support import days_ago, row
from tests.jobs.support import begin


def test_each_full_run_is_a_point_of_the_history_newest_first(run, get, load):
    load(row("a", 1, 2, 30), row("b", 40, 1, 5))
    jobs = [run()]
    run("high")
    load(row("c", 1, 1, 7.5))
    jobs.append(run())
    with db.scope():
        cancelled = begin()
        runs.close(cancelled, "cancelled", "for the test")
    jobs.append(run())
    shown = get(HISTORY)
    assert [point["jobId"] for point in shown["data"]] == jobs[::-1]
    assert [point["revenue"] for point in shown["data"]] == [42.5, 42.5, 35]
    assert shown["pagination"] == {"cursor": None, "hasMore": False}
    summary, latest = get(SUMMARY), shown["data"][0]
    finished = latest.pop("finishedAt")
    assert latest.pop("asOf") == summary["asOf"] <= finished
    assert latest == {name: summary[name] for name in latest}
    assert list(latest) == [
        "jobId",
        *GROUP,
        "segments",
        "newCustomers",
        "slipping",
        "lost",
        "rfmGroups",
        "rfmGrid",
        "p25",
        "p75",
        "model",
        "churnModel",
    ]


def walk(get: Callable[..., dict], url: str, limit: int) -> list[dict]:
    """All entries of a list, page by page."""
    found, cursor = [], ""
    while True:
        page = get(f"{url}{'&' if '?' in url else '?'}limit={limit}{cursor}")
        assert len(page["data"]) <= limit
        found += page["data"]
        if not page["pagination"]["hasMore"]:
            assert page["pagination"]["cursor"] is None
            return found
        cursor = f"&cursor={page['pagination']['cursor']}"


def test_the_points_are_read_in_pages(run, get, load):
    load(row("a", 1))
    jobs = [run() for _ in range(5)]
    for limit in (1, 2, 5, 100):
        assert [point["jobId"] for point in walk(get, HISTORY, limit)] == jobs[::-1]


def test_a_customers_history_has_a_row_for_the_first_scores_and_for_each_move(
    client, headers, run, get, load
):
    url, key = customer_history_url("a"), headers("editor")
    load(row("a", 1, 5, 50), row("b", 2, 9, 10), row("c", 3, 1, 90))
    run()
    [first] = get(url)["data"]
    record = get("/api/v1/customers/a/clv")
    assert first == {
        "at": record["computedAt"],
        "clvScore": record["clvScore"],
        "score": first["score"],
        "segment": record["segment"],
        "previousSegment": None,
    }
    assert int(first["score"] + 0.5) == first["clvScore"]
    # Nothing moved.
    client.post("/api/v1/customers/a/clv", headers=key)
    assert get(url)["data"] == [first]
    # By a single computation, by a read of what is too old, and by a run.
    load(row("a", 0, 90, 900))
    again = client.post("/api/v1/customers/a/clv", headers=key).json
    [second, *rest] = get(url)["data"]
    assert rest == [first] and second["previousSegment"] == first["segment"]
    assert (second["at"], second["clvScore"]) == (again["computedAt"], again["clvScore"])
    load({**row("a", 0, 0), **{"periodKey": days_ago(0)[:10]}}, row("a", 1, 1, 1))
    too_old = {**key, "Cache-Control": "max-age=0"}
    assert client.get("/api/v1/customers/a/clv", headers=too_old).json["source"] == "computed"
    [third, *rest] = get(url)["data"]
    assert rest == [second, first] and third["previousSegment"] == second["segment"]
    client.put("/api/v1/settings", json={"atRiskDays": 1}, headers=headers())
    run()
    [fourth, *rest] = get(url)["data"]
    assert rest == [third, second, first]
    assert (fourth["segment"], fourth["previousSegment"]) == ("at_risk", third["segment"])
    for limit in (1, 3):
        assert walk(get, url, limit) == [fourth, third, second, first]


def test_a_customer_who_was_never_scored_has_an_empty_history_and_a_stranger_none(
    client, headers, get, load
):
    load(row("a", 1))
    assert get(customer_history_url("a")) == {
        "data": [],
        "pagination": {"cursor": None, "hasMore": False},
    }
    client.get("/api/v1/customers/a/clv", headers=headers())
    assert len(get(customer_history_url("a"))["data"]) == 1
    for url, key in (
        (customer_history_url("b"), headers("viewer")),
        (customer_history_url("a"), headers("viewer", "other")),
    ):
        answer = client.get(url, headers=key)
        assert answer.status_code == 404
        assert answer.json["message"] == "There is no customer with this id."
    client.delete("/api/v1/customers/a", headers=headers())
    assert client.get(customer_history_url("a"), headers=headers()).status_code == 404
    assert get(CHANGES)["data"] == []


def test_changes_are_the_rows_of_all_customers_newest_first(client, headers, run, get, load):
    load(*(row(f"c{n:02}", n, n + 1, n) for n in range(40)))
    run()
    run()
    [first] = {change["at"] for change in get(f"{CHANGES}?limit=100")["data"]}
    load(row("c35", 0, 99, 999))
    client.post("/api/v1/customers/c35/clv", headers=headers("editor"))
    # c31 stays at risk, with a better score.
    load(row("c20", 0, 98, 998), row("c31", 38, 500, 500))
    run()
    found = walk(get, CHANGES, 100)
    times = [change["at"] for change in found]
    assert times == sorted(times, reverse=True) and times.count(first) == 40
    ids = [change["customerId"] for change in found]
    assert ids[-40:] == [f"c{n:02}" for n in range(39, -1, -1)]
    assert ids.index("c20") < ids.index("c35") < len(ids) - 40
    for limit in (1, 7, 40):
        assert walk(get, CHANGES, limit) == found
    # Whoever came into a segment, first rows included, and not whose score alone has moved.
    for segment in SEGMENTS:
        came = [c for c in found if c["segment"] == segment != c["previousSegment"]]
        assert walk(get, f"{CHANGES}?to={segment}", 3) == came
    assert "c31" in {c["customerId"] for c in found if c["segment"] == c["previousSegment"]}
    # The limit belongs to it.
    since = found[0]["at"]
    late = [change for change in found if change["at"] >= since]
    assert walk(get, f"{CHANGES}?since={since}", 2) == late != found
    assert walk(get, f"{CHANGES}?since={days_ago(1)}", 50) == found
    assert walk(get, f"{CHANGES}?to=high&since={since}", 2) == [
        c for c in late if c["segment"] == "high" != c["previousSegment"]
    ]
