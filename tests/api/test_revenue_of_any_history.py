"""The stored sums of each period are those of the summaries, whatever was done to these."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import count
from typing import NamedTuple
from unittest import mock

from hypothesis import HealthCheck, given
from hypothesis import settings as given_settings
from hypothesis import strategies as some

from clv import db
from clv.domain import periods
from clv.domain.revenue import PeriodSums, by_first_day
from clv.domain.units import DAY_MS
from clv.store import merging, revenue, staging, summaries, tenants
from clv.store.summaries import Summary
from clv.store.tenants import Tenant

NAMES = "abcdefgh"
# From 2025-12-25 to 2026-02-04: around the turn of a year whose last week is the first of the next,
# and of a month within a year.
FIRST_DAY, DAYS = 20_447, 42
names = count()


class Row(NamedTuple):
    """A summary: of a customer, a day, an offer, with conversions and an amount."""

    customer: str
    day: int
    offer: str
    converts: int
    value: int


@dataclass(frozen=True)
class Change:
    """What is done: rows are sent, of a file that is complete for each day or replaces all, or
    customers are erased."""

    rows: list[Row] = field(default_factory=list)
    aggregated: bool = False
    replace: bool = False
    erased: list[str] = field(default_factory=list)
    # All summaries are added up when rows of one customer in so many are sent: ever, or never.
    few: int = 4


# All zero deletes the stored row; with an amount alone it is a correction.
amounts = some.integers(-(10**16), 10**16) | some.integers(-50_000, 50_000) | some.just(0)
rows = some.builds(
    Row,
    some.sampled_from(NAMES),
    some.integers(FIRST_DAY, FIRST_DAY + DAYS - 1),
    some.sampled_from(["", "o"]),
    some.integers(0, 2),
    amounts,
)
sent = some.lists(rows, min_size=1, max_size=12, unique_by=lambda row: row[:3])
files = some.lists(
    rows.map(lambda row: row._replace(offer="")),
    min_size=1,
    max_size=12,
    unique_by=lambda row: row[:2],
)
few = some.sampled_from([0, 4])
changes = some.lists(
    some.builds(Change, sent, replace=some.sampled_from([False, False, True]), few=few)
    | some.builds(Change, files, some.just(True), some.booleans(), few=few)
    | some.builds(Change, erased=some.lists(some.sampled_from(NAMES), min_size=1, max_size=3)),
    min_size=1,
    max_size=7,
)


def summary(row: Row, kind: str) -> Summary:
    key = periods.key(kind, periods.first_day(kind, row.day))
    at = row.day * DAY_MS
    values = (row.converts, row.converts, row.value, at, at)
    return Summary(row.customer, key, row.offer, "", "", *values)


def apply(tenant: Tenant, change: Change, kind: str = periods.DAY) -> None:
    if change.erased:
        summaries.erase_customers(tenant.id, change.erased)
        return
    period_type = {kind: one for one, kind in periods.KIND_OF_TYPE.items()}[kind]
    unique = {staged[:3]: staged for staged in (summary(row, kind) for row in change.rows)}
    with staging.few(), mock.patch.object(merging, "_FEW", change.few):
        staging.stage_summaries(list(unique.values()))
        merging.merge(tenant.id, period_type, aggregated=change.aggregated, replace=change.replace)


def stored_rows(tenant: Tenant) -> list[tuple]:
    return db.rows(
        "SELECT customer_id, period_key, converts, total_value FROM interaction_summary"
        " WHERE tenant_id = %s ORDER BY customer_id, period_key",
        (tenant.id,),
    )


def expected(stored: Iterable[tuple], kind: str) -> list[PeriodSums]:
    """The sums of each period, counted one by one."""
    sums: dict[int, dict[str, int]] = {}
    bought: dict[str, set[int]] = {}
    for customer, key, converts, value in stored:
        first = periods.first_day_of(key)
        of_period = sums.setdefault(first, dict.fromkeys(PeriodSums._fields[1:], 0))
        of_period["revenue"] += value
        of_period["conversions"] += converts
        if converts:
            bought.setdefault(customer, set()).add(first)
    for days in bought.values():
        for day in days:
            sums[day]["customers"] += 1
            for wider in (periods.WEEK, periods.MONTH):
                # Weeks and months are added up of days alone.
                since = periods.first_day(wider, day) if kind == periods.DAY else day
                is_first = not any(since <= other < day for other in days)
                sums[day][f"{wider}_customers"] += is_first
        sums[min(days)]["new_buyers"] += 1
    return [PeriodSums(first, **sums[first]) for first in sorted(sums)]


def sums_stored(tenant: Tenant) -> list[tuple]:
    sums = "SELECT * FROM revenue_period WHERE tenant_id = %s ORDER BY period_key"
    return db.rows(sums, (tenant.id,))


def check(tenant: Tenant, kind: str = periods.DAY) -> None:
    kept = revenue.read(tenant.id)
    assert kept.is_current
    assert kept.sums == expected(stored_rows(tenant), kind)
    as_stored = sums_stored(tenant)
    assert revenue.calculate(tenant.id)
    anew = sums_stored(tenant)
    assert as_stored == anew, "Every column, to the last digit."


EACH = given_settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    max_examples=60,
)


@EACH
@given(changes=changes)
def test_the_sums_of_days_equal_a_fresh_calculation_after_every_change(app, changes):
    with db.scope():
        tenant = tenants.create_tenant(f"t{next(names)}")
        other = tenants.create_tenant(f"t{next(names)}")
        apply(other, Change([Row("a", FIRST_DAY, "", 1, 70_000)]))
        for change in changes:
            apply(tenant, change)
            check(tenant)
        check(other)


@EACH
@given(changes=changes, kind=some.sampled_from([periods.WEEK, periods.MONTH]))
def test_those_of_weekly_and_monthly_summaries_do_too(app, changes, kind):
    with db.scope():
        tenant = tenants.create_tenant(f"t{next(names)}")
        for change in changes:
            apply(tenant, change, kind)
            check(tenant, kind)


@EACH
@given(changes=changes)
def test_days_add_up_to_weeks_and_months_with_each_buyer_once(app, changes):
    with db.scope():
        tenant = tenants.create_tenant(f"t{next(names)}")
        for change in changes:
            apply(tenant, change)
        sums = revenue.read(tenant.id).sums
        for kind in (periods.WEEK, periods.MONTH):
            figures = by_first_day(sums, periods.DAY, kind)
            buyers: dict[int, set[str]] = {first: set() for first in figures}
            for customer, key, converts, _ in stored_rows(tenant):
                if converts:
                    buyers[periods.first_day(kind, periods.first_day_of(key))].add(customer)
            assert {first: each.customers for first, each in figures.items()} == {
                first: len(who) for first, who in buyers.items()
            }
