"""Forecasts of customers, as their records are listed and explained: from the summaries as they are
now, by the model that serves now, from the time of the record on."""

from collections.abc import Sequence

from clv.domain import scoring
from clv.domain.scoring import Scores, Totals
from clv.errors import Invalid, Unscorable
from clv.prediction import forecast
from clv.prediction.btyd import Parameters
from clv.prediction.forecast import Forecast
from clv.services import snapshots
from clv.store import totals
from clv.store.tenants import Tenant


def horizon(tenant: Tenant, asked: int | None) -> int:
    """The horizon of lists and files.

    :raises Invalid: when the one that was asked for is longer than the lifespan
    """
    if asked is None:
        return forecast.default_horizon(tenant.settings)
    longest = forecast.longest_horizon(tenant.settings)
    if not 1 <= asked <= longest:
        reason = f"Must be from 1 to {longest}: the days of the lifespan."
        raise Invalid(
            f"The request is not valid. horizonDays: {reason}", {"query": {"horizonDays": [reason]}}
        )
    return asked


def horizons(tenant: Tenant, asked: int | None) -> list[int]:
    """The horizons of an explanation.

    :raises Invalid: likewise
    """
    if asked is None:
        return forecast.horizons(tenant.settings)
    return [horizon(tenant, asked)]


def fitted(tenant: Tenant) -> Parameters | None:
    """What the tenant's customers are forecast by; None where rfm serves."""
    return snapshots.serving(tenant).parameters


def of_records(
    tenant: Tenant,
    parameters: Parameters | None,
    records: Sequence[Scores],
    horizons_days: Sequence[int],
) -> list[list[Forecast]]:
    """For each horizon the forecast of each record; one query for all of them.

    :param parameters: those that :func:`fitted` returned
    """
    # Where no model makes a forecast of them, none are read.
    found = {} if parameters is None else _totals(tenant, records)
    customers = [found.get(record.customer_id) for record in records]
    as_of_ms = [record.computed_ms for record in records]
    return [
        forecast.forecast_customers(customers, as_of_ms, tenant.settings, parameters, days)
        for days in horizons_days
    ]


def _totals(tenant: Tenant, records: Sequence[Scores]) -> dict[str, Totals]:
    """Of those who can be scored."""
    ids = [record.customer_id for record in records]
    found = totals.totals_of(tenant.id, ids, with_purchases=True)
    return {customer_id: each for customer_id, each in found.items() if _can_be_scored(each)}


def _can_be_scored(customer: Totals) -> bool:
    try:
        scoring.check(customer)
    except Unscorable:
        return False
    return True
