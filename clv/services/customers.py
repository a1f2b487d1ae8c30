"""One customer: read, compute, erase."""

from collections.abc import Iterable
from dataclasses import dataclass

from clv.db.clock import now_ms
from clv.domain import scoring
from clv.domain.scoring import Prediction, Scores, Totals, score_customer
from clv.domain.settings import ScoreSettings
from clv.domain.units import MAX_STORED_INTEGER
from clv.errors import NotFound
from clv.prediction import calibrated
from clv.prediction.choice import Calibration
from clv.services.snapshots import current_snapshot
from clv.store import changes, records, summaries, tenants
from clv.store.changes import Change
from clv.store.snapshots import Snapshot
from clv.store.tenants import Tenant
from clv.store.totals import totals as read_totals

NO_SUCH_CUSTOMER = "There is no customer with this id."


@dataclass(frozen=True, slots=True)
class Computation:
    """What a customer's summaries give now.

    :param snapshot: has the distribution that they were scored with
    """

    totals: Totals
    snapshot: Snapshot
    scores: Scores


@dataclass(frozen=True, slots=True)
class Erasure:
    """What erasing many customers did.

    :param not_found: how many ids there was nothing of
    """

    erased: int
    not_found: int


def get_clv(
    tenant_id: int, customer_id: str, max_age_seconds: int | None = None
) -> tuple[Scores, str]:
    """A customer's scores and their source: ``cached`` or ``computed``. The tenant is read only
    when there is something to compute.

    :param max_age_seconds: a stored record that is older is computed again
    :raises NotFound: without a record and without summaries
    """
    max_age_ms = None if max_age_seconds is None else max_age_seconds * 1000
    record = records.record(tenant_id, customer_id, max_age_ms)
    if record is not None:
        return record, "cached"
    return recompute_clv(tenants.tenant_by_id(tenant_id), customer_id), "computed"


def recompute_clv(tenant: Tenant, customer_id: str) -> Scores:
    """A customer's scores from the current summaries; they are stored.

    :raises NotFound: without summaries
    """
    while True:
        scores = compute(tenant, customer_id).scores
        if records.save_if_customer_exists(tenant.id, scores):
            return scores


def compute(tenant: Tenant, customer_id: str) -> Computation:
    """A customer's scores from the current summaries; they are not stored.

    :raises NotFound: without summaries
    :raises Unscorable: when they can't be scored
    """
    # Before the totals are read: the record of a later reading must win.
    as_of_ms = now_ms()
    totals = _totals(tenant, customer_id)
    snapshot, settings = current_snapshot(tenant), tenant.settings
    prediction = _prediction(totals, settings, as_of_ms, snapshot.serving(settings))
    scores = score_customer(totals, snapshot.distribution, settings, as_of_ms, prediction)
    return Computation(totals, snapshot, scores)


def customer_history(
    tenant: Tenant, customer_id: str, before_ms: int | None, limit: int
) -> list[Change]:
    """How a customer's segment and score moved before this time, the latest first. Empty when
    there are summaries, but were never any scores.

    :raises NotFound: without a record and without summaries
    """
    before = MAX_STORED_INTEGER if before_ms is None else before_ms
    history = changes.of_customer(tenant.id, customer_id, before, limit)
    if not history and not _is_customer(tenant, customer_id):
        raise NotFound(NO_SUCH_CUSTOMER)
    return history


def erase_customer(tenant: Tenant, customer_id: str) -> None:
    """Erase a customer's summaries, record, history and errors, also from a run that is going on.

    :raises NotFound: when there is nothing of this customer
    """
    if not summaries.erase_customers(tenant.id, [customer_id]):
        raise NotFound(NO_SUCH_CUSTOMER)


def erase_customers(tenant: Tenant, customer_ids: Iterable[str]) -> Erasure:
    """:func:`erase_customer` for many, all of them or none. An id that is given twice counts once,
    and one of which there is nothing is no error: the request can be sent again."""
    distinct = sorted(set(customer_ids))
    erased = summaries.erase_customers(tenant.id, distinct)
    return Erasure(erased, len(distinct) - erased)


def _totals(tenant: Tenant, customer_id: str) -> Totals:
    with_purchases = tenant.settings.model != "rfm"
    totals = read_totals(tenant.id, customer_id, with_purchases)
    if totals is None:
        raise NotFound(NO_SUCH_CUSTOMER)
    return totals


def _prediction(
    totals: Totals, settings: ScoreSettings, as_of_ms: int, serving: Calibration
) -> Prediction | None:
    scoring.check(totals)
    predictions = calibrated.predict([totals], settings, as_of_ms, serving)
    return None if predictions is None else predictions[0]


def _is_customer(tenant: Tenant, customer_id: str) -> bool:
    return records.record(tenant.id, customer_id) is not None or summaries.exist(
        tenant.id, customer_id
    )
