"""What serves, without a full run that decides it."""

from clv.prediction.base import Base
from clv.prediction.btyd import Parameters
from clv.prediction.choice import CALIBRATED, VERSION, Calibration, Choice
from clv.prediction.model import Model

PARAMETERS = Parameters(0.25, 30.0, 0.8, 2.4, 6.25, 3.74, 150_000.0)
MODEL = Model(Base(PARAMETERS))
REASON = "A test says so."


def calibration(
    revenue: str = CALIBRATED,
    churn: str = CALIBRATED,
    as_of_ms: int | None = None,
    version: int = VERSION,
    fitted: Model = MODEL,
) -> Calibration:
    """These models serve, as a full run has chosen them."""
    choices = (Choice(name, REASON, as_of_ms, chosen=name) for name in (revenue, churn))
    serves = CALIBRATED in (revenue, churn)
    return Calibration(fitted if serves else None, *choices, as_of_ms, "auto", version)
