"""Whatever was loaded, replaced, corrected and erased: after the next full run, the stored cohorts
are those of a fresh calculation."""

from itertools import count

from hypothesis import HealthCheck, given
from hypothesis import settings as given_settings
from hypothesis import strategies as some

from clv import db
from clv.db.clock import now_ms
from clv.domain.calendar import key_of
from clv.domain.cohorts import AgeSums
from clv.domain.units import DAY_MS
from clv.services import cohorts, loading
from clv.store import cohorts as cohort_store
from clv.store import runs, tenants
from clv.store.summaries import Summary, erase_customers
from tests.api.cohorts.support import SIZES, plain_cohorts
from tests.jobs.support import Bell, complete

NAMES = "abcdef"
FIRST_DAY, DAYS = 19_700, 500
numbers = count()

summaries = some.lists(
    some.tuples(
        some.sampled_from(NAMES),
        some.integers(0, DAYS),
        some.sampled_from(["", "offer"]),
        some.integers(0, 2),
        some.integers(0, 2),
        some.integers(-(10**16), 10**16),
    ),
    min_size=1,
    max_size=10,
)
# Rows that are loaded (of the same key: replaced; all zero: deleted), or who is erased; and whether
# a full run comes then.
steps = some.lists(
    some.tuples(summaries | some.sampled_from(NAMES), some.booleans()), min_size=1, max_size=6
)


def summary(name: str, day: int, offer: str, impressions: int, converts: int, value: int):
    day += FIRST_DAY
    at = day * DAY_MS
    return Summary(name, key_of(day), offer, "", "", impressions, converts, value, at, at)


def act(tenant, step) -> None:
    if isinstance(step, str):
        erase_customers(tenant.id, [step])
        return
    rows = {(row.customer_id, row.period_key, row.offer_id): row for row in map(_summary, step)}
    loading.add_summaries(tenants.tenant_by_id(tenant.id), "daily", list(rows.values()))


def _summary(values: tuple) -> Summary:
    return summary(*values)


def check_stored(tenant_id: int) -> None:
    rows = db.rows(
        "SELECT customer_id, period_key, converts, total_value FROM interaction_summary"
        " WHERE tenant_id = %s",
        (tenant_id,),
    )
    for by in SIZES:
        expected, outside = plain_cohorts(rows, by)
        stored = cohorts.cohorts.from_json(cohort_store.sums(tenant_id, by))
        assert stored.unconverted_revenue == outside
        assert [one.period for one in stored.cohorts] == sorted(expected)
        for one in stored.cohorts:
            customers, revenue, ages = expected[one.period]
            assert (one.customers, one.revenue) == (customers, revenue)
            listed = {age: sums for age, sums in enumerate(one.ages) if sums != (0, 0, 0)}
            assert listed == {age: AgeSums(*sums) for age, sums in ages.items() if any(sums)}
        everything = sum(one.revenue for one in stored.cohorts) + outside
        assert everything == sum(value for *_, value in rows)


@given_settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    max_examples=40,
)
@given(steps=steps)
def test_the_stored_cohorts_are_those_of_a_fresh_calculation(app, steps):
    bell = Bell(app.extensions["clv"].queue.redis)
    with db.scope():
        tenant = tenants.create_tenant(f"t{next(numbers)}")
        for step, then_runs in [*steps, ("nobody", True)]:
            act(tenant, step)
            if then_runs:
                complete(runs.join_or_create(tenant.id, None, "test", 10**9)[0].id, bell)
                check_stored(tenant.id)


def test_unchanged_data_are_not_read_again_and_changed_ones_are(app, tenant, load, monkeypatch):
    bell, reads = Bell(app.extensions["clv"].queue.redis), []
    stream = cohort_store.stream
    monkeypatch.setattr(cohort_store, "stream", lambda one: reads.append(one) or stream(one))
    with db.scope():
        act(tenant, [("a", 1, "", 1, 1, 5)])
        # As if an hour had passed.
        hour_ago = now_ms() - 3_600_000
        db.execute("UPDATE tenant SET data_updated_ms = %s", (hour_ago,))
        for expected in (1, 1, 1):
            complete(runs.join_or_create(tenant.id, None, "test", 10**9)[0].id, bell)
            assert len(reads) == expected
            check_stored(tenant.id)
        # Shortly after a change, another one may have had the same millisecond.
        monkeypatch.setattr(cohorts, "QUIET_MS", 10**12)
        complete(runs.join_or_create(tenant.id, None, "test", 10**9)[0].id, bell)
        assert len(reads) == 2
        monkeypatch.undo()
        act(tenant, [("a", 1, "", 1, 1, 6)])
        complete(runs.join_or_create(tenant.id, None, "test", 10**9)[0].id, bell)
        check_stored(tenant.id)
