"""The calibrated model: what it reaches on real purchases, and what it makes of simulated ones."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clv.domain.calendar import day_of
from clv.domain.scoring import Totals
from clv.domain.settings import ScoreSettings
from clv.domain.units import DAY_MS
from clv.errors import NotFitted
from clv.prediction import backtest, calibrated, metrics, model
from clv.prediction.log import population
from clv.prediction.scorecard import CALIBRATED
from tests.support import simulated_logs
from tests.support.purchases import bought_on

SETTINGS = ScoreSettings()
HALF, END = day_of("1997-09-30"), day_of("1998-06-30")


@pytest.fixture(scope="module")
def cdnow():
    return simulated_logs.cdnow()


@pytest.fixture(scope="module")
def seasonal():
    """A model with everything: seasons, two sets, corrections, visitors."""
    early = model.Purchases(1.5, 20.0, 0.3, 4.0)
    seasons = [0.6, 0.7, 0.9, 1.0, 1.0, 0.9, 0.8, 0.8, 1.0, 1.1, 1.6, 1.9]
    log = simulated_logs.shop(6_000, 900, seasons=seasons, early=early, days_before=700)
    fitted = model.fit(log, int(log.day.max()), 730.5, 90)
    visited = simulated_logs.visits(4_000)
    visitors = model.fit(visited, int(visited.day.max()), 730.5, 90).visitors
    return replace(fitted, visitors=visitors)


def card(report, name=CALIBRATED):
    return next(card for card in report.models if card.model == name)


def test_nine_months_of_cdnow_foretell_the_next_nine(cdnow):
    report = backtest.backtest(cdnow, HALF + 1, END - HALF, SETTINGS)
    ours = card(report)
    assert ours.churn_auc >= 0.764
    assert ours.churn_brier <= 0.164
    assert ours.spearman >= 0.43
    assert 0.80 <= ours.total_ratio <= 1.15
    assert 0.72 <= ours.interval_coverage <= 0.88
    assert (report.revenue_model, report.churn_model) == ("calibrated", "calibrated")


def test_three_months_of_cdnow_foretell_the_next_fifteen(cdnow):
    split = day_of("1997-04-01")
    ours = card(backtest.backtest(cdnow, split, END - split + 1, SETTINGS))
    assert ours.churn_auc >= 0.655
    assert ours.churn_brier <= 0.225


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("customers", "days"), [(3_000, 365), (5_000, 730)])
def test_a_log_without_any_structure_is_not_made_worse(customers, days, seed):
    log = simulated_logs.shop(customers, days, seed)
    today = simulated_logs.FIRST_DAY + days // 2
    fitted = model.fit(log, today, days // 2, days // 2)
    known = population(log.between(0, today), today)
    after = log.between(today + 1, today + days // 2)
    churned = np.bincount(after.customer, minlength=log.customers)[known.buyers] == 0
    base, ours = (
        metrics.log_loss(each.silence(known.histories, days // 2), churned)
        for each in (model.Model(fitted.base), fitted)
    )
    assert abs(ours / base - 1) < 0.01


def test_visitors_who_never_bought_are_foretold_to_buy_as_often_as_they_do():
    log = simulated_logs.visits(20_000)
    today, days = simulated_logs.FIRST_DAY + 214, 150
    fitted = model.fit(log, today, days, days)
    known = population(log.between(0, today), today)
    after = log.between(today + 1, today + days)
    bought = np.bincount(after.customer, after.converts, log.customers)[known.visitors]
    silence = fitted.visitors_silence(known.visits, days)
    assert (1 - silence).sum() == pytest.approx((bought > 0).sum(), rel=0.2)
    assert metrics.auc(silence, bought == 0) > 0.7
    revenue = np.bincount(after.customer, after.total, log.customers)[known.visitors].sum()
    foretold = fitted.visitors_revenue(known.visits, today, days).sum()
    assert 0.6 < foretold / revenue < 1.6


def test_visitors_count_in_the_backtest():
    log = simulated_logs.visits(6_000)
    report = backtest.backtest(log, simulated_logs.FIRST_DAY + 214, 150, SETTINGS)
    before = log.between(0, simulated_logs.FIRST_DAY + 213)
    assert report.customers == len(np.unique(before.customer))
    assert report.visitors == report.customers - len(np.unique(before.customer[before.converts]))
    assert report.churn_model == "calibrated"


def test_without_first_purchases_visitors_are_foretold_none():
    log = simulated_logs.cdnow()
    assert model.fit(log, HALF, 90, 90).visitors is None
    empty = model.Model(model.fit(log, HALF, 90, 90).base)
    visits = population(simulated_logs.visits(50), 10**6).visits
    assert (empty.visitors_silence(visits, 90) == 1).all()
    assert (empty.visitors_revenue(visits, HALF, 90) == 0).all()


def test_nobody_who_bought_is_said():
    log = simulated_logs.visits(50).between(0, 0)
    with pytest.raises(NotFitted, match="Nobody has bought yet"):
        model.fit(log, HALF, 90, 90)


def test_the_fit_sees_nothing_of_what_comes_later(cdnow):
    later = cdnow.day > HALF
    other = replace(cdnow, spent=np.where(later, 1e6, cdnow.spent))
    one, two = (model.fit(log, HALF, 273, 273) for log in (cdnow, other))
    assert one == two == model.fit(cdnow.between(0, HALF), HALF, 273, 273)


def test_a_model_survives_json(seasonal):
    assert seasonal.base.clock.factors and seasonal.base.early
    assert seasonal.corrections and seasonal.visitors
    assert model.from_dict(json.loads(json.dumps(seasonal.to_dict()))) == seasonal


def test_corrected_numbers_sum_up_to_the_bases(cdnow):
    fitted = model.fit(cdnow, HALF, 273, 90)
    base, known = model.Model(fitted.base), population(cdnow.between(0, HALF), HALF).histories
    corrected, plain = fitted.purchases(known, 273), base.purchases(known, 273)
    assert corrected.sum() == pytest.approx(plain.sum())
    assert fitted.silence(known, 90).mean() == pytest.approx(base.silence(known, 90).mean())
    assert np.abs(np.log(corrected / plain)).max() < 1.5


@st.composite
def customers(draw) -> list[Totals]:
    today = simulated_logs.FIRST_DAY + 900
    found = []
    for number in range(draw(st.integers(1, 6))):
        days = draw(st.lists(st.integers(today - 1_500, today + 3), max_size=8))
        value = draw(st.integers(-(10**9), 10**9))
        first = min(days, default=today - draw(st.integers(0, 900)))
        last = max([first, *days])
        found.append(
            Totals(
                f"c{number}",
                draw(st.integers(0, 50)),
                value,
                first * DAY_MS,
                last * DAY_MS,
                bought_on(days, value) if days else None,
            )
        )
    return found


@settings(max_examples=100, deadline=None)
@given(found=customers(), one=st.floats(0.5, 3_000), other=st.floats(0.5, 3_000))
def test_predictions_are_finite_monotone_and_the_same_alone_and_in_a_batch(
    seasonal, found, one, other
):
    as_of_ms = (simulated_logs.FIRST_DAY + 900) * DAY_MS
    short, long = sorted((one, other))
    batch = calibrated.Customers(found, SETTINGS, as_of_ms)
    near, far = (
        (batch.purchases(seasonal, d), batch.revenue(seasonal, d), batch.silence(seasonal, d))
        for d in (short, long)
    )
    for values in (*near, *far):
        assert np.isfinite(values).all() and (values >= 0).all()
    tolerance = 1 + 1e-9
    assert (near[0] <= far[0] * tolerance).all()
    assert (near[1] <= far[1] * tolerance).all()
    assert (near[2] * tolerance >= far[2]).all() and (near[2] <= 1).all()
    for place, totals in enumerate(found):
        alone = calibrated.Customers([totals], SETTINGS, as_of_ms)
        assert alone.purchases(seasonal, long)[0] == far[0][place]
        assert alone.revenue(seasonal, long)[0] == far[1][place]
        assert alone.silence(seasonal, long)[0] == far[2][place]
