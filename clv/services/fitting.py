"""Measures the models on a tenant's own history, and fits the calibrated one if it may serve.

For workers and commands: a fit loads scipy, which takes about 60 MB. Amounts are in the tenant's
currency in a backtest, and in 1/10,000 in the parameters that serve.
"""

from collections.abc import Callable

import numpy as np

from clv.domain.units import AMOUNT_SCALE
from clv.errors import Invalid, NotFitted
from clv.prediction import model
from clv.prediction.backtest import backtest
from clv.prediction.backtest_result import BacktestResult, result_of
from clv.prediction.choice import Findings, Verdict
from clv.prediction.log import Log
from clv.store import logs, totals
from clv.store.tenants import Tenant

# With fewer buyers or days the parameters are poorly determined.
MIN_BUYERS = 100
MIN_REPEAT_DAYS = 100
MIN_HISTORY_DAYS = 60
# The horizons that the model which serves is fitted for: it predicts for any.
REVENUE_DAYS, CHURN_DAYS = 365, 90
# A longer holdout leaves less to fit, and says little about the next one.
MAX_DEFAULT_HOLDOUT_DAYS = 365
NO_HISTORY = "There is no history of days with conversions; that takes daily summaries."

# Called before each long step, to renew the caller's lease.
Renew = Callable[[], object]


def find_out(tenant: Tenant, as_of_ms: int, renew: Renew) -> Findings:
    """Fit the calibrated model, if the tenant has 100 buyers, 100 repeat days and 60 days of
    history, and measure both models by a backtest on the second half of it."""
    today = tenant.settings.zone.day(as_of_ms)
    try:
        first_day, last_day = _span(tenant)
        log = logs.read(tenant.id, tenant.customers, tenant.settings.zone)
        renew()
        _check_gate(log, first_day, last_day)
        result = _backtest(tenant, log, first_day, last_day, None)
        if result.not_fitted is not None:
            raise NotFitted(result.sentence)
        renew()
        # Not those of the settings: what other ones would change is simulated with this model.
        fitted = model.fit(log, max(today, last_day), REVENUE_DAYS, CHURN_DAYS)
    except NotFitted as error:
        return Findings(None, None, None, error.message)
    return Findings(fitted, *_verdicts(result), coverage=result.coverage)


def backtest_tenant(tenant: Tenant, holdout_days: int | None, renew: Renew) -> BacktestResult:
    """A backtest on the tenant's history.

    :param holdout_days: None for half of the history, at most 365
    :raises Invalid: when the holdout does not fit into the history
    :raises NotFitted: when there is no history
    """
    first_day, last_day = _span(tenant)
    if holdout_days is not None:
        _check_holdout(holdout_days, last_day - first_day)
    renew()
    log = logs.read(tenant.id, tenant.customers, tenant.settings.zone)
    renew()
    return _backtest(tenant, log, first_day, last_day, holdout_days)


def default_holdout_days(first_day: int, last_day: int) -> int:
    """Half of the history, so that the models learn from as much as they are measured by."""
    return min(MAX_DEFAULT_HOLDOUT_DAYS, (last_day - first_day + 1) // 2)


def _backtest(
    tenant: Tenant, log: Log, first_day: int, last_day: int, holdout_days: int | None
) -> BacktestResult:
    if holdout_days is None:
        holdout_days = default_holdout_days(first_day, last_day)
        _check_holdout(holdout_days, last_day - first_day)
    split_day = last_day - holdout_days + 1
    report = backtest(log.in_units(AMOUNT_SCALE), split_day, holdout_days, tenant.settings)
    if not report.customers:
        raise NotFitted("Nobody visited or bought before the holdout.")
    return result_of(report, first_day, split_day, last_day)


def _check_holdout(holdout_days: int, most: int) -> None:
    if not 1 <= holdout_days <= most:
        raise Invalid(
            f"holdoutDays must be from 1 to {most}: the history has {most + 1} days."
            if most
            else "The history has only one day."
        )


def _verdicts(result: BacktestResult) -> tuple[Verdict, Verdict]:
    """What a backtest says about revenue and about churn."""
    return (
        Verdict(result.revenue_model, result.revenue_sentence),
        Verdict(result.churn_model, result.churn_sentence),
    )


def _check_gate(log: Log, first_day: int, last_day: int) -> None:
    """Check that there is enough to fit the calibrated model to.

    :raises NotFitted: with what is missing
    """
    days = int(log.converts.sum())
    buyers = len(np.unique(log.customer[log.converts]))
    for least, there, what in (
        (MIN_BUYERS, buyers, "customers with conversions"),
        (MIN_REPEAT_DAYS, days - buyers, "days on which a customer came back to buy"),
        (MIN_HISTORY_DAYS, last_day - first_day, "days of history with conversions"),
    ):
        if there < least:
            raise NotFitted(f"The calibrated model needs {least} {what}, and there are {there}.")


def _span(tenant: Tenant) -> tuple[int, int]:
    if tenant.period_type != "daily":
        kind = f"{NO_HISTORY} The tenant's summaries are {tenant.period_type}."
        raise NotFitted(kind if tenant.period_type else NO_HISTORY)
    span = totals.span(tenant.id)
    if span is None:
        raise NotFitted(NO_HISTORY)
    return span
