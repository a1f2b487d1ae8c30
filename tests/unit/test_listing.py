"""Sorted pages beside a plain sort of all records, whatever happened since the leaders were
stored."""

from dataclasses import dataclass, field
from random import Random

import pytest

from clv import db
from clv.store import listing, rankings, removals, runs
from clv.store.listing import Filter
from clv.store.rankings import Order
from tests.api.support import insert
from tests.jobs.support import begin

COLUMNS = (
    "tenant_id, customer_id, score, predicted_revenue, churn_probability, recency_days, frequency,"
    " monetary, segment, computed_ms, run_id, tenure_days"
)
ORDERS = [Order(by, descending) for by in rankings.SORTS for descending in (False, True)]
VALUES = "score, predicted_revenue, churn_probability, recency_days, frequency, monetary"
# Drawn from few values there are ties, among the leaders and across their end.
FEW = [
    (0.0, 0, 0.0, 0, 0, 0),
    (1 / 3, 7, 0.1, 1, 1, -5),
    (50.0, 7, 0.7, 30, 1, -5),
    (100.0, 2**53, 1.0, 30, 9, 2**53),
    (100.0, 2**53 + 1, 1.0, 30, 9, -(2**53) - 1),
]


@dataclass
class World:
    """A tenant's records, its runs, and what may happen to them."""

    tenant_id: int
    random: Random
    few: int = 0
    leaders: int = 12
    run_id: int = 0
    created: int = 0
    happened: list[str] = field(default_factory=list)

    def insert(self, count: int, run_id: int | None) -> None:
        rows = [self._row(self._new_id(), run_id) for _ in range(count)]
        insert("clv_record", COLUMNS, rows)

    def compute_singly(self) -> None:
        for customer_id in self._some():
            self._write(customer_id, None)

    def appear(self) -> None:
        self.insert(self.random.randint(1, 3), None)

    def erase(self) -> None:
        for customer_id in self._some():
            db.execute("DELETE FROM clv_record WHERE customer_id = %s", (customer_id,))

    def begin_run(self) -> None:
        """A run begins, and has written some customers."""
        runs.close(self.run_id, "failed", "Superseded by the test.")
        self.run_id = begin()
        runs.start(self.run_id)
        for customer_id in self._some():
            self._write(customer_id, self.run_id)

    def finish_run(self) -> None:
        """A run that wrote everybody, or a segment, or hardly anybody, ends."""
        self.begin_run()
        share = self.random.choice([0.0, 0.3, 1.0])
        for customer_id in self.ids() if share else ():
            if self.random.random() < share:
                self._write(customer_id, self.run_id)
        self.end_run()

    def end_run(self) -> None:
        with db.transaction():
            since = removals.last(self.tenant_id)
            found = rankings.leaders(self.tenant_id, self.few, self.leaders)
            rankings.save_leaders(self.tenant_id, self.run_id, found, since)
        runs.close(self.run_id, "finished", "")

    def queue_run(self) -> None:
        """A run is queued; it changes nothing before it begins."""
        begin()

    def ids(self) -> list[str]:
        return [row[0] for row in db.rows("SELECT customer_id FROM clv_record")]

    def sorted(self, order: Order) -> list[tuple]:
        """All records by a plain sort: (value, customer id)."""
        found = db.rows(
            f"SELECT customer_id, {VALUES} FROM clv_record WHERE tenant_id = %s", (self.tenant_id,)
        )
        rows = []
        for customer_id, *row in found:
            values = dict(zip(VALUES.split(", "), row, strict=True))
            values["revenue_at_risk"] = values["predicted_revenue"] * values["churn_probability"]
            rows.append((values[order.by], customer_id))
        return sorted(rows, reverse=order.descending)

    def check(self, order: Order, limit: int, most_pages: int = 10**9) -> None:
        """Each page of a walk is the next ones of the plain sort."""
        expected, after = self.sorted(order), None
        for start in range(0, min(len(expected), most_pages * limit) + 1, limit):
            page = listing.page(self.tenant_id, Filter(), order, after, limit)
            found = [(entry.value, entry.scores.customer_id) for entry in page]
            assert found == expected[start : start + limit], (order, limit, start, self.happened)
            after = found[-1] if found else None

    def _new_id(self) -> str:
        self.created += 1
        # Not in the order of their creation.
        return f"{self.random.randrange(10**6):06} ü{self.created}\",'"

    def _some(self) -> list[str]:
        """Some customers, of the leaders more often than of the others."""
        ids, order = self.ids(), self.random.choice(ORDERS)
        first = [row[1] for row in self.sorted(order)[: self.leaders + 2]]
        chosen = self.random.sample(ids, min(len(ids), 3)) + self.random.sample(
            first, min(len(first), 2)
        )
        return chosen[: self.random.randint(0, 5)]

    def _write(self, customer_id: str, run_id: int | None) -> None:
        db.execute("DELETE FROM clv_record WHERE customer_id = %s", (customer_id,))
        insert("clv_record", COLUMNS, [self._row(customer_id, run_id)])

    def _row(self, customer_id: str, run_id: int | None) -> tuple:
        some = self.random
        if some.random() < 0.5:
            values = some.choice(FEW)
        else:
            predicted, paid = int(some.lognormvariate(12, 3)), int(some.gauss(0, 1e6))
            recency, contacts = int(some.expovariate(0.02)), int(some.expovariate(0.1))
            values = (some.uniform(0, 100), predicted, some.random(), recency, contacts, paid)
        return (self.tenant_id, customer_id, *values, "low", 1_000, run_id, 9)


@pytest.fixture
def world(tenant):
    """Starts a world with a run that has ended."""

    def make(seed: int, records: int, **sizes: int) -> World:
        made = World(tenant.id, Random(seed), **sizes)
        made.begin_run()
        made.insert(records, made.run_id)
        made.end_run()
        return made

    with db.scope():
        yield make


@pytest.mark.parametrize("seed", range(12))
def test_each_page_is_the_next_part_of_a_plain_sort_whatever_happened_since_the_run(world, seed):
    world = world(seed, records=60)
    random = world.random
    events = [world.compute_singly] * 4 + [world.erase, world.appear, world.queue_run] * 2
    events += [world.finish_run, world.begin_run]
    for _ in range(25):
        event = random.choice(events)
        world.happened.append(event.__name__)
        event()
        for order in random.sample(ORDERS, 4):
            world.check(order, random.choice([1, 2, 3, 5, 11, 12, 13, 200]))


def test_so_it_is_with_as_many_records_as_leaders_are_meant_for(world):
    most = rankings.FEW_RECORDS
    world = world(1, records=most + 50, few=most, leaders=rankings.LEADERS)
    for _ in range(3):
        for event in (world.compute_singly, world.erase, world.appear):
            event()
        for order in ORDERS:
            world.check(order, 101, most_pages=7)


def test_a_page_among_the_leaders_reads_no_other_records(world):
    world = world(1, records=60)
    order = Order("score", True)
    before = listing.page(world.tenant_id, Filter(), order, None, 10)
    # Nobody but the run writes so: this customer is best, and not looked at.
    hidden = (world.tenant_id, "hidden", 101.0, *world._row("", None)[3:-2], world.run_id, 9)
    insert("clv_record", COLUMNS, [hidden])
    assert listing.page(world.tenant_id, Filter(), order, None, 10) == before
    assert listing.page(world.tenant_id, Filter(), order, None, 13)[0].scores.score == 101.0
    runs.start(begin())
    assert listing.page(world.tenant_id, Filter(), order, None, 10)[0].scores.score == 101.0


def test_with_many_computed_singly_all_records_are_read(world):
    world = world(1, records=60)
    hidden = (world.tenant_id, "hidden", 101.0, *world._row("", None)[3:-2], world.run_id, 9)
    insert("clv_record", COLUMNS, [hidden])
    world.insert(rankings.MOST_SINGLE + 1, None)
    world.check(Order("score", True), 10, most_pages=1)


def test_few_records_have_no_leaders(world):
    world = world(1, records=60, few=60)
    assert db.value("SELECT COUNT(*) FROM leaders") == 0
    world.appear()
    world.finish_run()
    assert db.value("SELECT COUNT(*) FROM leaders") == len(ORDERS)
    world.few = 1_000
    world.finish_run()
    assert db.value("SELECT COUNT(*) FROM leaders") == 0
