"""The cohorts of the CDNOW log against plain SQL over its lines, to the cent."""

import csv
import io
import sqlite3
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

import pytest

from clv.config import ROOT
from tests.api.cohorts.support import COHORTS
from tests.conftest import ON_ONE_DATABASE

LOG = str(ROOT / "clv" / "sample" / "cdnow.csv.gz")
MARGIN, COSTS = "0.4", (0, 14.5, 20, 30, 37, 1_000)
# The log's lines with the cohort of their customer, and its age then; {0}: months of a period.
LINES = """
    WITH line AS (
        SELECT customer, cents,
            (CAST(substr(day, 1, 4) AS INTEGER) * 12 + CAST(substr(day, 6, 2) AS INTEGER) - 1) / {0}
                AS period
        FROM log
    ), first AS (SELECT customer, MIN(period) AS cohort FROM line GROUP BY customer)
"""
AGES = f"""{LINES}
    SELECT cohort, period - cohort, COUNT(DISTINCT line.customer), COUNT(*), SUM(cents)
    FROM line JOIN first ON first.customer = line.customer GROUP BY 1, 2 ORDER BY 1, 2
"""
SIZES = f"{LINES} SELECT cohort, COUNT(*) FROM first GROUP BY 1"


@pytest.fixture
def shop(app, tenant, run):
    """The log in acme, as it was."""
    done = app.test_cli_runner().invoke(args=["import", LOG, "--tenant", "acme"])
    assert done.exit_code == 0, done.output
    run()


@pytest.fixture
def oracle(cdnow):
    """The log in a database of its own."""
    with sqlite3.connect(":memory:") as log:
        log.execute("CREATE TABLE log (customer TEXT, day TEXT, cents INTEGER)")
        lines = [(who, day, int(Decimal(amount) * 100)) for who, day, amount in cdnow]
        log.executemany("INSERT INTO log VALUES (?, ?, ?)", lines)
        yield log


def rounded(value: Fraction, places: str) -> float:
    exact = Decimal(value.numerator) / Decimal(value.denominator)
    return float(exact.quantize(Decimal(places), ROUND_HALF_UP))


def name(by: str, period: int) -> str:
    if by == "month":
        return f"{period // 12}-{period % 12 + 1:02}"
    return f"{period // 4}-Q{period % 4 + 1}"


def expected(oracle: sqlite3.Connection, by: str, cost: float) -> dict[str, dict]:
    """What each cohort must be with an acquisition cost."""
    size = {"month": 1, "quarter": 3}[by]
    customers = dict(oracle.execute(SIZES.format(size)))
    cohorts: dict[str, dict] = {}
    cumulated: dict[int, list[int]] = {}
    for cohort, age, buyers, conversions, cents in oracle.execute(AGES.format(size)):
        converted, earned = cumulated.setdefault(cohort, [0, 0])
        cumulated[cohort] = converted + conversions, earned + cents
        converted, earned = cumulated[cohort]
        n = customers[cohort]
        made = cohorts.setdefault(
            name(by, cohort), {"customers": n, "ages": [], "paybackAge": None}
        )
        margin = Fraction(MARGIN) * Fraction(earned, 100)
        if made["paybackAge"] is None and margin >= Fraction(cost) * n:
            made["paybackAge"] = age
        made["revenue"] = earned / 100
        made["ages"].append(
            {
                "age": age,
                "buyers": buyers,
                "share": rounded(Fraction(buyers, n), "0.001"),
                "conversions": conversions,
                "revenue": cents / 100,
                "cumulativeConversionsPerCustomer": rounded(Fraction(converted, n), "0.001"),
                "cumulativeRevenuePerCustomer": rounded(Fraction(earned, 100 * n), "0.01"),
                "cumulativeMarginPerCustomer": rounded(margin / n, "0.01"),
            }
        )
    return cohorts


@pytest.mark.parametrize("by", ["month", "quarter"])
def test_each_figure_equals_plain_sql_over_the_log(shop, client, headers, oracle, by):
    client.put("/api/v1/settings", json={"grossMargin": float(MARGIN)}, headers=headers())
    key, paid_back = headers("viewer"), set()
    for cost in COSTS:
        report = client.get(f"{COHORTS}?by={by}&acquisitionCost={cost}", headers=key).json
        wanted = expected(oracle, by, cost)
        assert [cohort["cohort"] for cohort in report["cohorts"]] == sorted(wanted)
        for cohort in report["cohorts"]:
            assert {**cohort, **wanted[cohort["cohort"]]} == cohort
            assert cohort["complete"] is True
            paid_back.add(cohort["paybackAge"])
    assert {None, 0} < paid_back, "Some cohorts are paid back later, and some never."
    summary = client.get("/api/v1/clv/summary", headers=key).json
    assert round(sum(cohort["revenue"] for cohort in report["cohorts"]), 2) == summary["revenue"]
    assert report["revenueWithoutConversion"] == 0
    assert report["asOf"] == summary["asOf"] and report["stale"] is False


@ON_ONE_DATABASE
def test_the_page_shows_what_comes_out(shop, client, headers):
    client.put("/api/v1/settings", json={"grossMargin": float(MARGIN)}, headers=headers())
    report = client.get(f"{COHORTS}?acquisitionCost=20", headers=headers("viewer")).json
    page = (ROOT / "docs" / "cohorts.md").read_text()
    rows = [line.strip("|").split("|") for line in page.splitlines() if line.startswith("| 1997")]
    shown = [[cell.strip() for cell in row] for row in rows]
    assert shown == [
        [
            cohort["cohort"],
            str(cohort["customers"]),
            *(f"{age['share']:.3f}" for age in cohort["ages"][1:3]),
            *(f"{age['cumulativeRevenuePerCustomer']:.2f}" for age in cohort["ages"][:3]),
            str(cohort["paybackAge"]),
        ]
        for cohort in report["cohorts"]
    ]


@ON_ONE_DATABASE
def test_the_file_has_a_line_for_each_age(shop, client, headers):
    key = headers("viewer")
    listed = client.get(f"{COHORTS}?acquisitionCost=30", headers=key).json["cohorts"]
    answer = client.get(f"{COHORTS}?acquisitionCost=30", headers={**key, "Accept": "text/csv"})
    assert answer.mimetype == "text/csv"
    assert "clv-cohorts.csv" in answer.headers["Content-Disposition"]
    lines = list(csv.DictReader(io.StringIO(answer.text)))
    ages = [(cohort, age) for cohort in listed for age in cohort["ages"]]
    assert len(lines) == len(ages)
    for line, (cohort, age) in zip(lines, ages, strict=True):
        assert line["cohort"] == cohort["cohort"] and line["complete"] == "true"
        assert int(line["customers"]) == cohort["customers"]
        assert line["paybackAge"] == ("" if cohort["paybackAge"] is None else "0")
        for field in ("age", "buyers", "conversions", "revenue"):
            assert float(line[field]) == age[field]
        for field in ("share", "cumulativeRevenuePerCustomer", "cumulativeMarginPerCustomer"):
            assert float(line[field]) == pytest.approx(age[field], abs=0.0051)
