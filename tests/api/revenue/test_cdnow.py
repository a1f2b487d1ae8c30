"""The CDNOW log: each figure is that of a plain query, to the cent."""

from decimal import Decimal

import pytest

from clv import db
from tests.api.bases import import_log

# The first day of a day's period, on SQLite and on PostgreSQL.
PERIODS = {
    "day": ("period_key", "period_key"),
    "week": (
        "date(period_key, '-' || ((strftime('%w', period_key) + 6) % 7) || ' days')",
        "to_char(period_key::date - extract(isodow FROM period_key::date)::int + 1, 'YYYY-MM-DD')",
    ),
    "month": ("date(period_key, 'start of month')", "substr(period_key, 1, 8) || '01'"),
}


def oracle(kind: str) -> dict[str, tuple]:
    """Revenue in 1/10,000, conversions, buyers and new buyers of each period, by its first
    day."""
    period = PERIODS[kind][not db.is_sqlite()]
    first = "SELECT customer_id, MIN(period_key) AS day FROM interaction_summary"
    found = db.rows(
        f"SELECT period, SUM(total_value), SUM(converts),"
        " COUNT(DISTINCT CASE WHEN converts > 0 THEN s.customer_id END),"
        " COUNT(DISTINCT CASE WHEN converts > 0 AND s.day = f.day THEN s.customer_id END)"
        f" FROM (SELECT {period} AS period, period_key AS day, i.* FROM interaction_summary i) s"
        f" LEFT JOIN ({first} WHERE converts > 0 GROUP BY customer_id) f"
        " ON f.customer_id = s.customer_id GROUP BY period ORDER BY period"
    )
    return {key: tuple(map(int, values)) for key, *values in found}


@pytest.mark.parametrize("kind", list(PERIODS))
def test_each_period_has_the_figures_of_a_plain_query(app, tenant, ask, kind):
    import_log(app)
    with db.scope():
        expected = oracle(kind)
        total = db.value("SELECT SUM(total_value) FROM interaction_summary")
        buyers = db.value(
            "SELECT COUNT(DISTINCT customer_id) FROM interaction_summary WHERE converts > 0"
        )
    first, last = list(expected)[0], list(expected)[-1]
    answer = ask(by=kind, **{"from": first, "to": last})
    found = {
        each["firstDay"]: (
            int(Decimal(str(each["revenue"])) * 10_000),
            *(each[name] for name in ("conversions", "customers", "newBuyers")),
        )
        for each in answer["data"]
    }
    assert {key: values for key, values in found.items() if any(values)} == expected
    assert answer["total"]["revenue"] == float(Decimal(int(total)) / 10_000)
    assert (answer["total"]["customers"], answer["total"]["newBuyers"]) == (buyers, buyers)
    for before, each in zip(answer["data"], answer["data"][1:], strict=False):
        names = answer["total"]
        compared = {name: before[name] for name in names} if each["complete"] else None
        assert each["previous"] == compared
