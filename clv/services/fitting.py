"""Measures the models on a tenant's own history, and fits the calibrated one if it may serve.

For workers and commands: a fit loads scipy, which takes about 60 MB. Amounts are in the tenant's
currency in a backtest, and in 1/10,000 in the parameters that serve.
"""

from collections.abc import Callable

import numpy as np

from clv.domain import calendar
from clv.domain.time_zone import TimeZone
from clv.domain.units import AMOUNT_SCALE
from clv.errors import Invalid, NotFitted
from clv.prediction import btyd_fit, calibrated
from clv.prediction.backtest import Split, backtest
from clv.prediction.backtest_result import BacktestResult, result_of
from clv.prediction.calibrated import History
from clv.prediction.choice import Findings, Verdict
from clv.store import totals
from clv.store.tenants import Tenant

# With fewer buyers or days the parameters are poorly determined.
MIN_BUYERS = 500
MIN_HISTORY_DAYS = 180
# A longer holdout leaves less to fit, and says little about the next one.
MAX_DEFAULT_HOLDOUT_DAYS = 365
NO_HISTORY = "There is no history of days with conversions; that takes daily summaries."

# Called before each long step, to renew the caller's lease.
Renew = Callable[[], object]


def find_out(tenant: Tenant, history: History, renew: Renew) -> Findings:
    """Fit the calibrated model, if the tenant has at least 500 buyers and 180 days of history, and
    measure both models by a backtest on the second half of it.

    :param history: of all buyers, as of now
    """
    try:
        _check_gate(tenant, history)
        result = backtest_tenant(tenant, None, renew)
        if result.not_fitted is not None:
            raise NotFitted(result.sentence)
        renew()
        fit = btyd_fit.fit(history.x, history.t_x, history.age, history.mean_value)
    except NotFitted as error:
        return Findings(None, None, None, error.message)
    return Findings(fit.parameters, *_verdicts(result))


def backtest_tenant(tenant: Tenant, holdout_days: int | None, renew: Renew) -> BacktestResult:
    """A backtest on the tenant's history.

    :param holdout_days: None for half of the history, at most 365
    :raises Invalid: when the holdout does not fit into the history
    :raises NotFitted: when there is no history
    """
    first_day, last_day = _span(tenant)
    if holdout_days is None:
        holdout_days = default_holdout_days(first_day, last_day)
    _check_holdout(holdout_days, last_day - first_day)
    split_day = last_day - holdout_days + 1
    renew()
    split = read_split(tenant, split_day, holdout_days)
    renew()
    return result_of(backtest(split, tenant.settings), first_day, split_day, last_day)


def default_holdout_days(first_day: int, last_day: int) -> int:
    """Half of the history, so that the models learn from as much as they are measured by."""
    return min(MAX_DEFAULT_HOLDOUT_DAYS, (last_day - first_day + 1) // 2)


def read_split(tenant: Tenant, split_day: int, holdout_days: int) -> Split:
    """The tenant's buyers before a day, and what they did from that day on.

    :raises NotFitted: without any
    """
    zone, stream = tenant.settings.zone, totals.stream_split(tenant.id, split_day)
    pages = [_split_page(page, split_day, zone) for page in stream]
    if not pages:
        raise NotFitted("Nobody had a conversion before the holdout.")
    columns = map(np.concatenate, zip(*pages, strict=True))
    x, t_x, age, mean_value, monetary, recency_days, tenure_days, revenue, days = columns
    return Split(
        x,
        t_x,
        age,
        mean_value,
        monetary,
        recency_days,
        tenure_days,
        revenue,
        days,
        holdout_days,
    )


def _check_holdout(holdout_days: int, most: int) -> None:
    if not 1 <= holdout_days <= most:
        raise Invalid(
            f"holdoutDays must be from 1 to {most}: the history has {most + 1} days."
            if most
            else "The history has only one day."
        )


def _verdicts(result: BacktestResult) -> tuple[Verdict, Verdict]:
    """What a backtest says about revenue and about churn."""
    both = Verdict(result.recommended, result.sentence)
    return both, both


def _check_gate(tenant: Tenant, history: History) -> None:
    """Check that there is enough to fit the calibrated model to.

    :raises NotFitted: with what is missing
    """
    first_day, last_day = _span(tenant)
    if len(history.x) < MIN_BUYERS:
        raise NotFitted(
            f"The calibrated model needs {MIN_BUYERS} customers with conversions, and there are"
            f" {len(history.x)}."
        )
    if last_day - first_day < MIN_HISTORY_DAYS:
        raise NotFitted(
            f"The calibrated model needs a history of {MIN_HISTORY_DAYS} days with conversions, and"
            f" there are {last_day - first_day}."
        )


def _span(tenant: Tenant) -> tuple[int, int]:
    if tenant.period_type != "daily":
        kind = f"{NO_HISTORY} The tenant's summaries are {tenant.period_type}."
        raise NotFitted(kind if tenant.period_type else NO_HISTORY)
    span = totals.span(tenant.id)
    if span is None:
        raise NotFitted(NO_HISTORY)
    return span


def _split_page(page: list[tuple], split_day: int, zone: TimeZone) -> tuple[np.ndarray, ...]:
    """One page of the first nine fields of a Split."""
    monetary, first_ms, last_ms, days, first_key, last_key, value, days_after, value_after = zip(
        *page, strict=True
    )
    day_of = calendar.day_of
    first_day, last_day = (
        np.array([day_of(key) for key in keys], dtype=np.float64) for keys in (first_key, last_key)
    )
    history = calibrated.history(
        np.array(days), first_day, last_day, np.array(value) / AMOUNT_SCALE, split_day
    )
    first_contact, last_contact = (zone.days(np.array(times)) for times in (first_ms, last_ms))
    return (
        history.x,
        history.t_x,
        history.age,
        history.mean_value,
        np.array(monetary) / AMOUNT_SCALE,
        np.maximum(split_day - last_contact, 0).astype(np.int32),
        np.maximum(split_day - first_contact, 0).astype(np.int32),
        np.array(value_after) / AMOUNT_SCALE,
        np.array(days_after, dtype=np.int32),
    )
