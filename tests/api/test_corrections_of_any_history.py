"""Corrections change nothing but revenue, whatever the history."""

from collections import Counter
from itertools import count

import numpy as np
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as given_settings
from hypothesis import strategies as some

from clv import db
from clv.domain.calendar import key_of
from clv.domain.time_zone import UTC_ZONE
from clv.domain.units import DAY_MS
from clv.prediction import backtest
from clv.prediction.backtest import Split
from clv.services import loading
from clv.store import contacts as contacts_store
from clv.store import logs, tenants, totals
from clv.store.summaries import Summary

NAMES = "abcde"
FIRST_DAY, DAYS = 20_000, 60
names = count()

moments = some.tuples(some.integers(0, DAYS - 1), some.integers(0, DAY_MS - 1))
contacts = some.lists(
    some.tuples(
        some.sampled_from(NAMES),
        moments,
        some.integers(0, 3),
        some.integers(0, 2),
        some.integers(0, 10**6),
    ).filter(lambda contact: contact[2] or contact[3]),
    min_size=1,
    max_size=12,
)
refunds = some.lists(
    some.tuples(some.sampled_from(NAMES), moments, some.integers(-(10**6), 10**6).filter(bool)),
    min_size=1,
    max_size=8,
)


def summary(at: int, offer: str, customer: str, moment: tuple[int, int], *values: int) -> Summary:
    day, ms = moment[0] + FIRST_DAY, (moment[0] + FIRST_DAY) * DAY_MS + moment[1]
    return Summary(customer, key_of(day), f"{offer}{at}", "", "", *values, ms, ms)


def readings(tenant_id: int, cut: int) -> dict:
    """All that scores, models and the suggestion are computed from, by customer."""
    page = totals.totals_page(tenant_id, "", None, 100, None, with_purchases=True)
    streamed = [each for rows in totals.stream_totals(tenant_id) for each in rows]
    sampled = totals.sample_totals(tenant_id, 1, 1, 100, with_purchases=True)
    assert page == sampled == [totals.totals(tenant_id, each.customer_id, True) for each in page]
    as_streamed = [(t.customer_id, t.frequency, t.monetary, t.last_contact_ms) for t in page]
    assert streamed == as_streamed
    now = (FIRST_DAY + DAYS) * DAY_MS
    log = logs.read(tenant_id, 100, UTC_ZONE)
    return {
        "totals": {each.customer_id: each for each in page},
        "split": backtest.split_at(log, FIRST_DAY + cut, DAYS),
        "gaps": contacts_store.gaps(tenant_id, list(NAMES), UTC_ZONE),
        "at risk": [
            contacts_store.share_at_risk(tenant_id, now, days, UTC_ZONE)
            for days in range(0, DAYS, 7)
        ],
        "span": totals.span(tenant_id),
    }


@given_settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    max_examples=60,
)
@given(contacts=contacts, refunds=refunds, cut=some.integers(1, DAYS))
def test_corrections_change_the_revenue_of_any_history_and_nothing_else(
    app, contacts, refunds, cut
):
    with db.scope():
        tenant = tenants.create_tenant(f"t{next(names)}")
        rows = [summary(at, "o", *contact) for at, contact in enumerate(contacts)]
        loading.add_summaries(tenant, "daily", rows)
        before = readings(tenant.id, cut)
        known = set(before["totals"])
        rows = [
            summary(at, "r", name, moment, 0, 0, amount)
            for at, (name, moment, amount) in enumerate(refunds)
        ]
        loading.add_summaries(tenant, "daily", rows)
        after = readings(tenant.id, cut)
        corrected = Counter[str]()
        for each in rows:
            corrected[each.customer_id] += each.total_value
        assert corrected == {name: totals.corrections(tenant.id, name) for name in corrected}
    for name in ("gaps", "at risk", "span"):
        assert after[name] == before[name]
    for name, old in before["totals"].items():
        check_totals(old, after["totals"][name], corrected[name])
    for name in set(after["totals"]) - known:
        times = [each.last_contact_ms for each in rows if each.customer_id == name]
        new = after["totals"][name]
        assert (new.first_contact_ms, new.last_contact_ms) == (min(times), max(times))
        assert (new.frequency, new.monetary, new.purchases) == (0, corrected[name], None)
    cut_key = key_of(FIRST_DAY + cut)
    buyers = {name for name, (day, _), _, converts, _ in contacts if converts and day < cut}
    visitors = {name for name, (day, _), *_ in contacts if day < cut} - buyers
    sums = [parted(rows, name, cut_key) for name in (*sorted(buyers), *sorted(visitors))]
    check_split(before["split"], after["split"], np.array(sums).reshape(-1, 2).T)


def parted(rows: list[Summary], customer: str, cut_key: str) -> tuple[int, int]:
    """A customer's values before a day and from then on."""
    values = [(r.period_key < cut_key, r.total_value) for r in rows if r.customer_id == customer]
    return tuple(sum(value for is_before, value in values if is_before == b) for b in (True, False))


def check_totals(old, new, corrected: int) -> None:
    assert new.monetary == old.monetary + corrected
    same = ("frequency", "first_contact_ms", "last_contact_ms")
    assert [getattr(new, each) for each in same] == [getattr(old, each) for each in same]
    if old.purchases is None:
        assert new.purchases is None
    else:
        assert new.purchases == old.purchases._replace(value=old.purchases.value + corrected)


def check_split(before: Split, after: Split, corrected: np.ndarray) -> None:
    """Of the buyers and visitors before a day: their values before it and from then on move by
    these sums."""
    earlier, later = corrected
    assert (after.monetary - before.monetary).tolist() == earlier.tolist()
    assert (after.revenue - before.revenue).tolist() == later.tolist()
    old, new = before.population.histories, after.population.histories
    spent = (each.mean_value * (each.x + 1) for each in (new, old))
    assert next(spent) - next(spent) == pytest.approx(earlier[: len(old.x)])
    # No time and no count moves.
    for name in ("recency_days", "tenure_days", "conversion_days"):
        assert getattr(after, name).tolist() == getattr(before, name).tolist()
    for name in ("x", "first", "last", "last_contact", "days", "buyer"):
        assert getattr(new, name).tolist() == getattr(old, name).tolist()
    for name in ("recency", "visits"):
        one, other = (getattr(each.population.visits, name) for each in (before, after))
        assert one.tolist() == other.tolist()
