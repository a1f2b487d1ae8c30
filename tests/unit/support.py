"""A tenant's distribution from the public pieces, and published parameters, for tests of the pure
arithmetic."""

import numpy as np

from clv.domain.distribution import Distribution, dimension, percentiles
from clv.domain.formulas import composite
from clv.domain.scoring import Totals
from clv.domain.settings import ScoreSettings
from clv.domain.units import DAY_MS
from clv.prediction import btyd

TODAY = 20_000
AS_OF_MS = TODAY * DAY_MS + 34_567_890
# Published for the CDNOW sample, times in weeks: [FHL] table 2, [GG] section 4.
PUBLISHED = btyd.Parameters(r=0.243, alpha=4.414 * 7, a=0.793, b=2.426, p=6.25, q=3.74, v=15.45)


def customer(
    days: int = 5,
    frequency: int = 1,
    monetary: int = 0,
    tenure_days: int | None = None,
    customer_id: str = "a",
) -> Totals:
    """Totals with a last contact so many days before AS_OF_MS; the amount in 1/10,000."""
    first = days if tenure_days is None else tenure_days
    return Totals(
        customer_id, frequency, monetary, AS_OF_MS - first * DAY_MS, AS_OF_MS - days * DAY_MS
    )


def survey(
    customers: list[Totals],
    settings: ScoreSettings | None = None,
    as_of_ms: int = AS_OF_MS,
) -> Distribution:
    """The snapshot of a tenant with these customers."""
    last_ms = np.array([c.last_contact_ms for c in customers], dtype=np.float64)
    values = (
        np.minimum(last_ms, as_of_ms) // DAY_MS,
        np.array([c.frequency for c in customers], dtype=np.float64),
        np.array([max(0, c.monetary) for c in customers], dtype=np.float64),
    )
    dimensions = [dimension(v) for v in values]
    norms = [d.norms(v) for d, v in zip(dimensions, values, strict=True)]
    scores = composite(*norms, settings or ScoreSettings())
    p25, p75 = percentiles(np.minimum(scores, 100.0))
    return Distribution(as_of_ms, len(customers), *dimensions, p25, p75)
