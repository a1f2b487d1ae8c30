"""Rows of single days, and the cohorts that a plain calculation makes of rows."""

from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

COHORTS = "/api/v1/clv/cohorts"
SIZES = {"month": 1, "quarter": 3}


class Expected(NamedTuple):
    """A cohort of a plain calculation: by age buyers, conversions, and revenue in 1/10,000."""

    customers: int
    revenue: int
    ages: dict[int, tuple[int, int, int]]


def bought(customer: str, day: str, value: float, converts: int = 1, **more) -> dict:
    """What a customer bought on a day."""
    return {
        "customerId": customer,
        "periodType": "daily",
        "periodKey": day,
        "impressions": converts,
        "converts": converts,
        "totalValue": value,
        "lastContactAt": f"{day}T12:00:00Z",
        **more,
    }


def corrected(customer: str, day: str, value: float, **more) -> dict:
    """A correction of a customer's day."""
    return bought(customer, day, value, 0, channelId="correction", **more)


def plain_cohorts(
    rows: Iterable[tuple[str, str, int, int]], by: str
) -> tuple[dict[int, Expected], int]:
    """The cohorts of (customer, key, conversions, value) in the plainest way, and the value of
    those who are in none."""
    size, known = SIZES[by], list(rows)
    first: dict[str, int] = {}
    for customer, key, converts, _ in known:
        if converts:
            first[customer] = min(first.get(customer, 10**9), _month(key))
    members = defaultdict(set)
    for customer, month in first.items():
        members[month // size].add(customer)
    cells = defaultdict(lambda: defaultdict(lambda: (set(), [0], [0])))
    outside = 0
    for customer, key, converts, value in known:
        if customer not in first:
            outside += value
            continue
        cohort = first[customer] // size
        buyers, conversions, revenue = cells[cohort][max(0, _month(key) // size - cohort)]
        if converts:
            buyers.add(customer)
        conversions[0] += converts
        revenue[0] += value
    return {
        cohort: Expected(
            len(members[cohort]),
            sum(revenue[0] for _, _, revenue in ages.values()),
            {age: (len(b), c[0], r[0]) for age, (b, c, r) in ages.items()},
        )
        for cohort, ages in cells.items()
    }, outside


def _month(key: str) -> int:
    return int(key[:4]) * 12 + int(key[5:7]) - 1
