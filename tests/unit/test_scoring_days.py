"""Scores count calendar days in the tenant's time zone, one by one and in a batch alike."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clv.domain.calendar import day_of, time_ms
from clv.domain.explanation import explain
from clv.domain.scoring import Totals, distribution_of, score_customer
from clv.domain.settings import ScoreSettings
from clv.domain.time_zone import time_zone, time_zone_names
from clv.domain.units import DAY_MS
from clv.prediction import calibrated
from clv.prediction.choice import CALIBRATED, RFM
from tests.support.calibrations import MODEL, calibration
from tests.support.purchases import bought_on

# Both by the calibrated model, and one of each.
SERVING = (calibration(), calibration(CALIBRATED, RFM), calibration(RFM, CALIBRATED))
NOW_MS = 20_500 * DAY_MS
NAMED = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata")


def days(first: str, last: str, as_of: str, name: str) -> tuple[int, int]:
    """Recency and tenure, which a batch and a single computation agree on."""
    settings, now = ScoreSettings(time_zone=name), time_ms(as_of)
    totals = Totals("a", 2, 10_000, time_ms(first), time_ms(last))
    spread = distribution_of(*columns([totals]), settings, now)
    alone = score_customer(totals, spread, settings, now)
    assert calibrated.score_customers([totals], spread, settings, now, None) == [alone]
    explained = explain(alone, spread, settings)
    assert explained.days_until_at_risk == max(0, 30 - alone.recency_days)
    return alone.recency_days, alone.tenure_days


def columns(customers) -> list[np.ndarray]:
    rows = [(c.frequency, c.monetary, c.last_contact_ms) for c in customers]
    return list(np.array(rows, dtype=np.float64).T)


@pytest.mark.parametrize(
    ("name", "midnight"),
    [
        ("UTC", "2026-03-13T00:00:00"),
        ("Europe/Berlin", "2026-03-12T23:00:00"),
        ("America/New_York", "2026-03-13T04:00:00"),
        ("Asia/Kolkata", "2026-03-12T18:30:00"),
    ],
)
def test_a_day_ends_at_local_midnight(name, midnight):
    at = time_ms(f"{midnight}Z")
    before, after = (iso(ms) for ms in (at - 1, at))
    assert days(before, before, after, name) == (1, 1)
    assert days(before, before, before, name) == (0, 0)
    assert days(after, after, after, name) == (0, 0)
    assert days(before, after, after, name) == (0, 1)


def iso(ms: int) -> str:
    moment = np.datetime64(ms, "ms")
    return f"{moment}Z"


@pytest.mark.parametrize(
    ("name", "last", "as_of", "recency"),
    [
        # 24 hours, but from the last half hour of a day of 25 hours.
        ("Europe/Berlin", "2026-10-24T22:30:00Z", "2026-10-25T22:30:00Z", 0),
        ("Europe/Berlin", "2026-10-24T22:30:00Z", "2026-10-25T23:00:00Z", 1),
        # 23 hours from midnight to midnight.
        ("Europe/Berlin", "2026-03-28T23:00:00Z", "2026-03-29T21:59:59Z", 0),
        ("Europe/Berlin", "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z", 1),
        ("America/New_York", "2026-11-01T04:00:00Z", "2026-11-02T04:59:59Z", 0),
        ("America/New_York", "2026-11-01T04:00:00Z", "2026-11-02T05:00:00Z", 1),
        ("America/New_York", "2026-03-08T05:00:00Z", "2026-03-09T03:59:59Z", 0),
        ("America/New_York", "2026-03-08T05:00:00Z", "2026-03-09T04:00:00Z", 1),
        ("Asia/Kolkata", "2026-03-28T18:30:00Z", "2026-03-29T18:29:59Z", 0),
        ("Asia/Kolkata", "2026-03-28T18:30:00Z", "2026-03-29T18:30:00Z", 1),
        # From summer to winter: still whole days.
        ("Europe/Berlin", "2026-07-01T21:59:59Z", "2026-12-01T23:00:00Z", 154),
        # A contact later than asOf (clocks differ) counts as one of that day.
        ("Asia/Kolkata", "2026-03-28T18:31:00Z", "2026-03-28T18:29:00Z", 0),
    ],
)
def test_days_are_whole_where_clocks_change(name, last, as_of, recency):
    assert days(last, last, as_of, name) == (recency, recency)


def test_a_day_of_conversions_is_compared_with_the_local_day():
    """At 23:30 UTC it is the next day in Berlin, and one more day has passed."""
    now = time_ms("2026-03-12T23:30:00Z")
    today = day_of("2026-03-13")
    bought = Totals("a", 3, 90_000, now, now, bought_on((today - 30, today - 9, today - 2), 90_000))
    yesterday = replace(bought, purchases=bought_on((today - 31, today - 10, today - 3), 90_000))
    berlin, utc = ScoreSettings(time_zone="Europe/Berlin"), ScoreSettings()
    both = calibration()
    [here] = calibrated.predict([bought], berlin, now, both)
    assert here == calibrated.predict([yesterday], utc, now, both)[0]
    assert here != calibrated.predict([bought], utc, now, both)[0]
    assert calibrated.interval(bought, berlin, now, MODEL) == calibrated.interval(
        yesterday, utc, now, MODEL
    )


@st.composite
def customer(draw, name: str) -> Totals:
    changes = [ms for ms in time_zone(name).changes_ms.tolist() if ms < NOW_MS]
    times = st.integers(0, NOW_MS + DAY_MS)
    if changes:
        times |= st.builds(int.__add__, st.sampled_from(changes), st.integers(-DAY_MS, DAY_MS))
    first, last = sorted((draw(times), draw(times)))
    bought = None
    if draw(st.booleans()):
        zone, more = time_zone(name), draw(st.lists(st.integers(-400, 3), max_size=8))
        days = (zone.day(first), *(max(-1, zone.day(last) + days) for days in more))
        bought = bought_on(days, draw(st.integers(0, 10**9)))
    amount = draw(st.integers(-(10**16), 10**16))
    return Totals("a", draw(st.integers(0, 9)), amount, first, last, bought)


@given(st.data(), st.sampled_from(NAMED) | st.sampled_from(time_zone_names()))
def test_a_batch_and_single_computations_agree_in_every_time_zone(data, name):
    customers = data.draw(st.lists(customer(name), min_size=1, max_size=8))
    as_of = NOW_MS + data.draw(st.integers(0, DAY_MS))
    settings, zone = ScoreSettings(time_zone=name), time_zone(name)
    spread = distribution_of(*columns(customers), settings, as_of)
    for serving in (None, *SERVING):
        batch = calibrated.score_customers(customers, spread, settings, as_of, serving)
        for totals, scores in zip(customers, batch, strict=True):
            prediction = calibrated.predict([totals], settings, as_of, serving)
            alone = score_customer(totals, spread, settings, as_of, prediction and prediction[0])
            assert scores == alone
            points = explain(alone, spread, settings).contributions
            assert sum(each.points for each in points) == pytest.approx(alone.score)
            last = zone.day(min(totals.last_contact_ms, as_of))
            assert scores.recency_days == max(0, zone.day(as_of) - last)
    # Who was last seen on the latest day has the best recency, and all of that day are equal.
    latest = [zone.day(min(c.last_contact_ms, as_of)) for c in customers]
    norms = {spread.recency.norm(day) for day in latest if day == max(latest)}
    assert norms == {1.0 if len(set(latest)) > 1 else 0.5}


@given(st.lists(customer("UTC"), min_size=1, max_size=8))
def test_each_prediction_is_exactly_that_of_its_own_model(customers):
    settings = ScoreSettings()
    spread = distribution_of(*columns(customers), settings, NOW_MS)
    by_rfm, by_both, revenue_alone, churn_alone = (
        calibrated.score_customers(customers, spread, settings, NOW_MS, serving)
        for serving in (None, *SERVING)
    )
    for rfm, both, revenue, churn in zip(by_rfm, by_both, revenue_alone, churn_alone, strict=True):
        assert revenue.predicted_revenue == both.predicted_revenue
        assert revenue.churn_probability == rfm.churn_probability
        assert churn.predicted_revenue == rfm.predicted_revenue
        assert churn.churn_probability == both.churn_probability
        assert (rfm.versioned_model, both.versioned_model) == ("rfm/1", "calibrated/2")
        assert revenue.versioned_model == "calibrated/2; churn rfm/1"
        assert churn.versioned_model == "rfm/1; churn calibrated/2"
        # Score and segment don't depend on the model.
        assert len({(s.score, s.segment) for s in (rfm, both, revenue, churn)}) == 1
