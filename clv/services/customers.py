"""One customer: read, compute, explain."""

from typing import NamedTuple

from clv.db.clock import now_ms
from clv.domain.explanation import Explanation, explain
from clv.domain.scoring import Prediction, Scores, Totals, check, score_customer
from clv.domain.settings import ScoreSettings
from clv.errors import NotFound
from clv.prediction import calibrated
from clv.prediction.btyd import Parameters
from clv.prediction.calibrated import Calibration
from clv.services.snapshots import current_snapshot
from clv.store import changes, records, runs, summaries, tenants
from clv.store.changes import Change
from clv.store.summaries import Summary
from clv.store.tenants import Tenant
from clv.store.totals import totals as read_totals


def customer_history(
    tenant: Tenant, customer_id: str, before_ms: int | None, limit: int
) -> list[Change]:
    """How a customer's segment and score moved, the latest first, before this time; nothing when
    there are summaries, but were never any scores.

    :raises NotFound: without a record and without summaries
    """
    before = runs.LAST_ID if before_ms is None else before_ms
    found = changes.of_customer(tenant.id, customer_id, before, limit)
    if not found and not _is_customer(tenant, customer_id):
        raise NotFound(NO_SUCH_CUSTOMER)
    return found


def _is_customer(tenant: Tenant, customer_id: str) -> bool:
    return records.record(tenant.id, customer_id) is not None or summaries.exist(
        tenant.id, customer_id
    )


NO_SUCH_CUSTOMER = "There is no customer with this id."


class Explained(NamedTuple):
    """A customer's explanation.

    :param serving: the model that predicted, and why that one
    :param interval: of the predicted revenue, in 1/10,000, with the probability
        ``clv.prediction.calibrated.LEVEL``; None where rfm serves, and without any conversion
    """

    explanation: Explanation
    serving: Calibration
    interval: tuple[int, int] | None


def get_clv(
    tenant_id: int, customer_id: str, max_age_seconds: int | None = None
) -> tuple[Scores, str]:
    """A customer's scores and their source: ``cached`` or ``computed``. More of the tenant than
    its id is needed, and read, only to compute.

    :param max_age_seconds: a stored record that is older is computed again
    :raises NotFound: without a record and without summaries
    """
    max_age_ms = None if max_age_seconds is None else max_age_seconds * 1000
    stored = records.record(tenant_id, customer_id, max_age_ms)
    if stored is not None:
        return stored, "cached"
    return recompute_clv(tenants.tenant_by_id(tenant_id), customer_id), "computed"


def recompute_clv(tenant: Tenant, customer_id: str) -> Scores:
    """A customer's scores from the current summaries; they are stored.

    :raises NotFound: without summaries
    """
    while True:
        # Before the totals are read: the record of a later reading must win.
        as_of_ms = now_ms()
        totals = _totals(tenant, customer_id)
        snapshot, settings = current_snapshot(tenant), tenant.settings
        prediction = _prediction(totals, settings, as_of_ms, snapshot.parameters(settings))
        scores = score_customer(totals, snapshot.distribution, settings, as_of_ms, prediction)
        if records.save_if_customer_exists(tenant.id, scores):
            return scores


def explain_clv(tenant: Tenant, customer_id: str) -> Explained:
    """Why a customer's score is what it is, computed now; nothing is stored.

    :raises NotFound: without summaries
    """
    as_of_ms, settings = now_ms(), tenant.settings
    totals = _totals(tenant, customer_id)
    snapshot = current_snapshot(tenant)
    serving = calibrated.serving(settings, snapshot.calibration)
    prediction = _prediction(totals, settings, as_of_ms, serving.parameters)
    explanation = explain(totals, snapshot.distribution, settings, as_of_ms, prediction)
    interval = None
    if serving.parameters is not None:
        interval = calibrated.interval(totals, settings, as_of_ms, serving.parameters)
    return Explained(explanation, serving, interval)


def customer_summaries(
    tenant: Tenant,
    customer_id: str,
    period_type: str | None,
    offer_id: str | None,
    channel_id: str | None,
    limit: int,
) -> tuple[list[Summary], int]:
    """A customer's summaries, the latest period first, and how many there are in all."""
    if period_type not in (None, tenant.period_type):
        return [], 0
    return summaries.of_customer(tenant.id, customer_id, offer_id, channel_id, limit)


def _prediction(
    totals: Totals, settings: ScoreSettings, as_of_ms: int, parameters: Parameters | None
) -> Prediction | None:
    check(totals)
    predictions = calibrated.predict([totals], settings, as_of_ms, parameters)
    return None if predictions is None else predictions[0]


def _totals(tenant: Tenant, customer_id: str) -> Totals:
    with_purchases = tenant.settings.model != "rfm"
    totals = read_totals(tenant.id, customer_id, with_purchases)
    if totals is None:
        raise NotFound(NO_SUCH_CUSTOMER)
    return totals
