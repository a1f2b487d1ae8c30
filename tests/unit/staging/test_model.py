"""Any rows of transactions beside a plain model of what comes out of them."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as given_settings
from hypothesis import strategies as some

from clv import db
from clv.domain.calendar import key_of
from clv.domain.time_zone import TimeZone, time_zone
from clv.store import left_out, staged_days, staged_orders
from clv.store.staging import CORRECTION, COVERED, HELD, SALE
from tests.unit.staging.support import Row, at, days, stage

ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata")
# Around midnights and changes of the clocks.
MOMENTS = [
    at(f"{day}T{hour:02}:30:00Z")
    for day in ("2026-03-08", "2026-03-29", "2026-03-30", "2026-10-25", "2026-11-01")
    for hour in (0, 1, 4, 5, 6, 18, 19, 21, 22, 23)
]
ROWS = some.builds(
    Row,
    customer_id=some.sampled_from(["ann", "bo", "", None]),
    contact_ms=some.sampled_from(MOMENTS),
    amount=some.integers(-9, 9),
    kind=some.sampled_from([None, None, SALE, CORRECTION, COVERED, HELD]),
    order_id=some.sampled_from([None, "", "1", "2", "3"]),
)


@dataclass(frozen=True)
class Line:
    """A row with its kind and its line number."""

    row: Row
    kind: int
    number: int

    @property
    def counts(self) -> bool:
        return self.kind in (SALE, CORRECTION)


def lines_of(rows: Iterable[Row]) -> list[Line]:
    kinds = ((CORRECTION if row.amount < 0 else SALE, row) for row in rows)
    return [
        Line(row, sign if row.kind is None else row.kind, number)
        for number, (sign, row) in enumerate(kinds, 2)
    ]


def joined(lines: list[Line], how: str) -> list[Line]:
    held = {line.row.order_id for line in lines if line.kind == HELD and line.row.order_id}
    lines = [
        replace(line, kind=HELD) if line.counts and line.row.order_id in held else line
        for line in lines
    ]
    alone = [line for line in lines if not (line.counts and line.row.order_id)]
    orders = defaultdict(list)
    for line in lines:
        if line.counts and line.row.order_id:
            orders[line.row.order_id].append(line)
    join = added_up if how == "sum" else without_repeats
    return alone + [line for order in orders.values() for line in join(order)]


def added_up(order: list[Line]) -> Iterator[Line]:
    if len(order) == 1:
        yield from order
        return
    sales = [line for line in order if line.kind == SALE]
    first = (sales or order)[0]
    names = [line.row.customer_id for line in sales + order if line.row.customer_id]
    total = sum(line.row.amount for line in order)
    row = replace(first.row, customer_id=names[0] if names else None, amount=total)
    yield Line(row, CORRECTION if total < 0 or not sales else SALE, first.number)


def without_repeats(order: list[Line]) -> Iterator[Line]:
    known = set()
    for line in order:
        key = line.row.contact_ms if line.kind == CORRECTION else None
        if key not in known:
            known.add(key)
            yield line


def summed(lines: list[Line], zone: TimeZone) -> tuple[dict, int]:
    """The summaries by customer and day, and the number of held days."""
    by_day: dict[tuple[str, str], list[Line]] = defaultdict(list)
    for line in lines:
        if line.row.customer_id:
            day = key_of(zone.day(line.row.contact_ms))
            by_day[line.row.customer_id, day].append(line)
    held = {key for key, group in by_day.items() if any(line.kind == HELD for line in group)}
    sums = {}
    for key, group in by_day.items():
        if key not in held:
            kinds = Counter(line.kind for line in group)
            value = sum(line.row.amount for line in group if line.counts)
            sums[key] = (kinds[SALE], kinds[SALE], value)
    return sums, len(held)


@given(
    rows=some.lists(ROWS, min_size=1, max_size=12),
    how=some.sampled_from(["each", "sum", "first"]),
    name=some.sampled_from(ZONES),
)
@given_settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_days_of_any_rows_equal_the_models(connection, rows, how, name):
    stage(*rows)
    lines = lines_of(rows)
    if how != "each":
        staged_orders.join_orders(how)
        lines = joined(lines, how)
    nameless = [line for line in lines if line.counts and not line.row.customer_id]
    assert sum(group.rows for group in left_out.leave_out_nameless()) == len(nameless)
    held = staged_days.aggregate_transactions(time_zone(name))
    assert (days(), held) == summed(lines, time_zone(name))


@pytest.mark.parametrize("name", ZONES)
@given(moments=some.lists(some.integers(0, at("2026-11-30T00:00:00Z")), min_size=1, max_size=9))
@given_settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_days_of_any_moments_are_the_zones(connection, name, moments):
    zone = time_zone(name)
    stage(*(Row("ann", moment, 1) for moment in moments))
    staged_days.aggregate_transactions(zone)
    counts = Counter(key_of(zone.day(moment)) for moment in moments)
    rows = db.rows("SELECT period_key, impressions FROM staged_summary")
    assert dict(rows) == counts
