"""An outcome is the sum of what is computed of each customer."""

import random

from hypothesis import given
from hypothesis import strategies as st

from clv.domain.scoring import SEGMENTS, Totals, score_customer
from clv.domain.settings import ScoreSettings
from clv.domain.units import DAY_MS
from clv.services import simulation
from tests.api.simulation.support import NOW, summed
from tests.unit.support import survey

customers = st.lists(
    st.builds(
        Totals,
        customer_id=st.just("c"),
        frequency=st.integers(0, 50),
        monetary=st.integers(-10_000, 5_000_000),
        first_contact_ms=st.integers(NOW - 900 * DAY_MS, NOW - 500 * DAY_MS),
        last_contact_ms=st.integers(NOW - 500 * DAY_MS, NOW),
    ),
    max_size=30,
)


@given(customers, st.integers(1, 500), st.integers(1, 9))
def test_an_outcome_holds_everybody_once(found, at_risk_days, scale):
    settings = ScoreSettings(at_risk_days=at_risk_days)
    outcome = simulation.outcome(found, settings, NOW, scale)
    segments = outcome.segments.values()
    assert sum(s.customers for s in segments) == scale * len(found)
    assert sum(s.revenue for s in segments) == scale * sum(t.monetary for t in found)
    assert all(0 <= s.revenue_at_risk <= s.predicted_revenue for s in segments)
    assert (outcome.p25 is None) == (not found)


weights = st.sampled_from([(0.35, 0.35, 0.30), (1, 0, 0), (0, 1, 0), (0.2, 0.3, 0.5)])
lengths = st.tuples(st.integers(1, 900), st.integers(1, 120), st.integers(1, 60))


@given(customers.filter(bool), weights, lengths, st.integers(1, 9), st.randoms())
def test_an_outcome_is_the_sum_of_single_computations_in_any_order(
    found, weights, lengths, scale, order: random.Random
):
    settings = ScoreSettings(*weights, *lengths)
    spread = survey(found, settings, NOW)
    rows: dict[str, list] = {name: [] for name in SEGMENTS}
    for totals in found:
        s = score_customer(totals, spread, settings, NOW)
        rows[s.segment].append((s.monetary, s.predicted_revenue, s.churn_probability))
    outcome = simulation.outcome(found, settings, NOW, scale)
    assert outcome.segments == {name: summed(rows[name], scale) for name in SEGMENTS}
    assert (outcome.p25, outcome.p75) == (spread.p25, spread.p75)
    order.shuffle(found)
    assert simulation.outcome(found, settings, NOW, scale) == outcome
