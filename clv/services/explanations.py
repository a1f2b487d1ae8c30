"""Why a customer's score is what it is: the stored record, explained with the distribution and the
settings that it was computed with, and what a computation would give now."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace

from clv.domain import explanation, scoring
from clv.domain.explanation import Explanation
from clv.domain.formulas import recency_days
from clv.domain.scoring import Scores, Totals
from clv.domain.settings import MODEL_NAMES, ScoreSettings
from clv.domain.units import AMOUNT_SCALE
from clv.errors import Unscorable
from clv.prediction import calibrated
from clv.prediction.btyd import Parameters
from clv.prediction.calibrated import Calibration
from clv.prediction.forecast import Forecast
from clv.services import customers, forecasts
from clv.services.customers import Computation
from clv.services.settings import TenantSettings
from clv.services.snapshots import current_snapshot
from clv.store import records, snapshots
from clv.store.snapshots import Snapshot
from clv.store.tenants import Tenant
from clv.store.totals import corrections as read_corrections

NOT_STORED = "There is no stored record: this is what a computation gives now."
GONE = (
    "The distribution or the settings that the record was computed with are no longer kept. The"
    " contributions are by the current ones, and need not sum to its score."
)
_REASON_GONE = "What decided it then is no longer kept."
# What a record has beside its time and the tenure, which grows every day.
_COMPARED = tuple(name for name in Scores._fields if name not in ("computed_ms", "tenure_days"))


@dataclass(frozen=True, slots=True)
class RevenueInterval:
    """The amounts, in 1/10,000, between which a customer's revenue over the lifespan lies with a
    probability of ``level``."""

    low: int
    high: int
    level: float = calibrated.LEVEL
    note: str = (
        "Of this customer alone: the revenue of many is far less uncertain, and the sum of their"
        " intervals is not an interval of their sum."
    )


@dataclass(frozen=True, slots=True)
class Explained:
    """The explanation of a customer's record.

    :param serving: the model that predicted, and why that one
    :param interval: of the predicted revenue; None where rfm serves, without any conversion, and
        when the summaries have changed since
    :param corrections: their sum now, in 1/10,000
    :param forecasts: one for each horizon, as of the record, by the model that serves now
    :param would_change: what a computation gives now, if that is something else
    :param message: what to know about the explanation, if there is something
    """

    explanation: Explanation
    serving: Calibration
    interval: RevenueInterval | None
    settings: TenantSettings
    corrections: int
    forecasts: tuple[Forecast, ...] = ()
    would_change: Scores | None = None
    message: str | None = None
    formula_version: int = scoring.FORMULA_VERSION

    @property
    def scores(self) -> Scores:
        """The scores that are explained."""
        return self.explanation.scores

    @property
    def model(self) -> str:
        """The name of the model that predicted."""
        return MODEL_NAMES[self.scores.model]

    @property
    def model_version(self) -> int:
        """Its version."""
        return int(self.scores.versioned_model.partition("/")[2])

    @property
    def parameters(self) -> Parameters | None:
        """Those of the calibrated model, where it serves, with ``v`` in the tenant's currency."""
        parameters = self.serving.parameters
        return parameters and replace(parameters, v=parameters.v / AMOUNT_SCALE)


def explain_clv(tenant: Tenant, customer_id: str, horizon_days: int | None = None) -> Explained:
    """Why a customer's record is what it is; without one, what a computation gives now. Nothing is
    stored.

    :param horizon_days: of the only forecast; None for the usual ones
    :raises Invalid: when the horizon is longer than the lifespan
    :raises NotFound: without summaries
    :raises Unscorable: without a record, when none can be computed
    """
    horizons = forecasts.horizons(tenant, horizon_days)
    record = records.record(tenant.id, customer_id)
    if record is None:
        explained = _explain_computed(tenant, customers.compute(tenant, customer_id))
    else:
        explained = _explain_record(tenant, record)
    parameters = forecasts.fitted(tenant)
    made = forecasts.of_records(tenant, parameters, [explained.scores], horizons)
    return replace(explained, forecasts=tuple(each for [each] in made))


@dataclass(frozen=True, slots=True)
class _Basis:
    """What a record may have been computed with."""

    snapshot: Snapshot
    settings: ScoreSettings

    def gives(self, record: Scores) -> bool:
        return explanation.agrees(record, self.snapshot.distribution, self.settings)


def _explain_computed(tenant: Tenant, now: Computation) -> Explained:
    explained = _explained(tenant, now.scores, _Basis(now.snapshot, tenant.settings), now.totals)
    return replace(explained, message=NOT_STORED)


def _explain_record(tenant: Tenant, record: Scores) -> Explained:
    # Read first: a computation may replace the tenant's snapshot.
    kept = list(_kept(tenant, record.customer_id))
    now, failure = _computed_now(tenant, record.customer_id)
    totals = None if now is None else now.totals
    basis = next((basis for basis in kept if basis.gives(record)), None)
    if basis is None:
        explained = _explained_by_current(tenant, record, totals)
    else:
        explained = _explained(tenant, record, basis, totals)
    return replace(
        explained,
        would_change=now.scores if now is not None and _differ(record, now.scores) else None,
        message=" ".join(filter(None, (explained.message, failure))) or None,
    )


def _kept(tenant: Tenant, customer_id: str) -> Iterator[_Basis]:
    """What is still stored of what the record may have been computed with."""
    of_run = snapshots.of_record(tenant.id, customer_id)
    if of_run is not None:
        yield _Basis(of_run, of_run.settings)
    current = snapshots.current(tenant.id)
    if current is not None:
        yield _Basis(current, tenant.settings)
        yield _Basis(current, current.settings)


def _computed_now(tenant: Tenant, customer_id: str) -> tuple[Computation | None, str | None]:
    """What a computation gives now, or why it fails."""
    try:
        return customers.compute(tenant, customer_id), None
    except Unscorable as error:
        return None, f"A computation would fail now: {error.message}"


def _explained_by_current(tenant: Tenant, record: Scores, totals: Totals | None) -> Explained:
    basis = _Basis(current_snapshot(tenant), tenant.settings)
    explained = _explained(tenant, record, basis, totals)
    unknown = replace(explained.explanation, reason=_REASON_GONE)
    return replace(explained, explanation=unknown, message=GONE)


def _explained(tenant: Tenant, scores: Scores, basis: _Basis, totals: Totals | None) -> Explained:
    settings, distribution = basis.settings, basis.snapshot.distribution
    serving = calibrated.serving(settings, basis.snapshot.calibration)
    return Explained(
        explanation.explain(scores, distribution, settings),
        serving,
        _interval(scores, totals, settings, serving.parameters),
        TenantSettings(**asdict(settings), currency=tenant.currency),
        read_corrections(tenant.id, scores.customer_id),
    )


def _interval(
    scores: Scores, totals: Totals | None, settings: ScoreSettings, parameters: Parameters | None
) -> RevenueInterval | None:
    if parameters is None or totals is None or not _were(totals, scores, settings):
        return None
    bounds = calibrated.interval(totals, settings, scores.computed_ms, parameters)
    return None if bounds is None else RevenueInterval(*bounds)


def _were(totals: Totals, scores: Scores, settings: ScoreSettings) -> bool:
    """Whether the scores were computed from such totals."""
    recency = recency_days(totals.last_contact_ms, scores.computed_ms, settings.zone)
    now = (recency, totals.frequency, totals.monetary)
    return now == (scores.recency_days, scores.frequency, scores.monetary)


def _differ(record: Scores, computed: Scores) -> bool:
    return any(getattr(record, name) != getattr(computed, name) for name in _COMPARED)
