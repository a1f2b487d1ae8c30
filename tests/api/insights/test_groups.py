"""The RFM groups in the summary, beside plain SQL over the records of the CDNOW log."""

import json
from collections import defaultdict

import pytest

from clv import db
from clv.domain.groups import NAMES
from clv.domain.scoring import SEGMENTS
from tests.api.insights.support import HISTORY, SUMMARY
from tests.api.support import row

# The fifths by ranks among all customers, in integers, and the grid. Every record is of one run.
ORACLE = """
WITH ranked AS (
  SELECT r.*, COUNT(*) OVER () AS n,
    RANK() OVER (ORDER BY recency_days DESC) - 1 AS r_below,
    COUNT(*) OVER (PARTITION BY recency_days) AS r_equal,
    RANK() OVER (ORDER BY frequency) - 1 AS f_below,
    COUNT(*) OVER (PARTITION BY frequency) AS f_equal,
    RANK() OVER (ORDER BY CASE WHEN monetary > 0 THEN monetary ELSE 0 END) - 1 AS m_below,
    COUNT(*) OVER (PARTITION BY CASE WHEN monetary > 0 THEN monetary ELSE 0 END) AS m_equal
  FROM clv_record r WHERE tenant_id = 1
), fifths AS (
  SELECT ranked.*,
    CASE WHEN r_below = n - r_equal THEN 5 ELSE 1 + 5 * r_below / (n - r_equal) END AS r5,
    CASE WHEN f_below = n - f_equal THEN 5 ELSE 1 + 5 * f_below / (n - f_equal) END AS f5,
    CASE WHEN m_below = n - m_equal THEN 5 ELSE 1 + 5 * m_below / (n - m_equal) END AS m5
  FROM ranked
)
SELECT customer_id, r5, (f5 + m5 + 1) / 2 AS fm,
  CASE
    WHEN monetary <= 0 THEN 'prospects'
    WHEN r5 = 5 AND f5 + m5 >= 7 THEN 'champions'
    WHEN r5 >= 3 AND f5 + m5 >= 7 THEN 'loyal'
    WHEN r5 >= 4 AND f5 + m5 >= 5 THEN 'active'
    WHEN r5 = 5 THEN 'new'
    WHEN r5 = 4 THEN 'promising'
    WHEN r5 = 3 AND f5 + m5 >= 5 THEN 'needs_attention'
    WHEN r5 = 3 THEN 'almost_lost'
    WHEN f5 + m5 >= 9 THEN 'previously_loyal'
    WHEN f5 + m5 >= 5 THEN 'at_risk'
    ELSE 'dormant'
  END AS name,
  monetary, predicted_revenue, predicted_revenue * churn_probability
FROM fifths
"""
# Of the values, the snapshot keeps 1,024, and interpolates between them: so many of the 23,674 may
# be on the other side of a limit.
MOST_MOVED = 25
AMOUNTS = ("revenue", "predictedRevenue", "revenueAtRisk")


def added(rows: list[tuple]) -> list[float]:
    """Customers, and their amounts in money."""
    return [len(rows), *(sum(float(one[n]) for one in rows) / 10_000 for n in (4, 5, 6))]


def listed(get, name: str) -> set[str]:
    """The ids of all customers in a group."""
    found, cursor = set(), ""
    while True:
        page = get(f"/api/v1/clv/records?rfmGroup={name}&limit=100{cursor}")
        found |= {entry["customerId"] for entry in page["data"]}
        if not page["pagination"]["hasMore"]:
            return found
        cursor = f"&cursor={page['pagination']['cursor']}"


def test_groups_of_the_cdnow_log_are_those_of_plain_sql(shop, run, get):
    run()
    shown = get(SUMMARY)
    with db.scope():
        rows = db.rows(ORACLE)
    assert len(rows) == 23_674
    by_sql = {one[0]: one[3] for one in rows}
    by_list = {customer: name for name in NAMES for customer in listed(get, name)}
    assert by_list.keys() == by_sql.keys()
    moved = [customer for customer in by_sql if by_list[customer] != by_sql[customer]]
    assert len(moved) <= MOST_MOVED
    # The sums are over those who are listed, to the cent.
    members, places = defaultdict(list), defaultdict(list)
    for one in rows:
        members[by_list[one[0]]].append(one)
        if one[3] != "prospects":
            places[one[1], one[2]].append(one)
    assert list(shown["rfmGroups"]) == list(NAMES)
    for name, group in shown["rfmGroups"].items():
        figures = [group["customers"], *(group[amount] for amount in AMOUNTS)]
        assert figures == pytest.approx(added(members[name]), abs=0.006), name
    assert len(shown["rfmGrid"]) == 25
    for cell in shown["rfmGrid"]:
        there = places[cell["recency"], cell["frequencyMonetary"]]
        assert abs(cell["customers"] - len(there)) <= MOST_MOVED
    # Everything is there once, however it is divided.
    for figure in ("customers", *AMOUNTS):
        whole = pytest.approx(shown[figure], abs=0.06)
        assert sum(shown["segments"][name][figure] for name in SEGMENTS) == whole
        assert sum(group[figure] for group in shown["rfmGroups"].values()) == whole
        on_grid = sum(cell[figure] for cell in shown["rfmGrid"])
        assert on_grid + shown["rfmGroups"]["prospects"][figure] == whole
        both = shown["slipping"][figure] + shown["lost"][figure]
        assert both == pytest.approx(shown["segments"]["at_risk"][figure], abs=0.02)
    for name, group in shown["rfmGroups"].items():
        of_group = sum(c["customers"] for c in shown["rfmGrid"] if c["group"] == name)
        assert of_group == (0 if name == "prospects" else group["customers"])


def test_what_a_run_stored_before_there_were_groups_is_null(run, get, load):
    load(row("a", 1, 2, 30))
    run()
    with db.scope():
        [[run_id, text]] = db.rows("SELECT id, overview FROM run WHERE overview IS NOT NULL")
        stored = json.loads(text)
        for name in ("slipping", "lost", "places"):
            del stored[name]
        db.execute("UPDATE run SET overview = %s WHERE id = %s", (json.dumps(stored), run_id))
    for shown in (get(SUMMARY), get(HISTORY)["data"][0]):
        for name in ("slipping", "lost", "rfmGroups", "rfmGrid"):
            assert shown[name] is None
    run()
    assert get(SUMMARY)["rfmGroups"]["prospects"]["customers"] == 0


def test_after_a_run_of_a_segment_everybody_is_in_one_group(client, headers, run, get, load):
    load(*(row(f"c{n}", n, 1 + n % 4, n % 7) for n in range(60)))
    run()
    load(row("c3", 0, 9, 900), row("c59", 0, 1, 1))
    client.post("/api/v1/customers/c3/clv", headers=headers("editor"))
    run("high")
    shown = get(SUMMARY)
    assert sum(group["customers"] for group in shown["rfmGroups"].values()) == 60
    for name, group in shown["rfmGroups"].items():
        assert len(listed(get, name)) == group["customers"], name
