"""What the calibrated model predicts for a customer.

Pure. Predicted revenue is the expected revenue over the lifespan; churn is the probability of no
conversion within the churn horizon (:mod:`clv.prediction.model`). Which model serves is decided in
:mod:`clv.prediction.choice`. Score and segment are the same with every model.
"""

from collections.abc import Sequence
from itertools import repeat

import numpy as np

from clv.domain import calendar, scoring
from clv.domain.distribution import Distribution
from clv.domain.scoring import Prediction, Scores, Totals
from clv.domain.settings import ScoreSettings
from clv.domain.units import MONTH_DAYS
from clv.prediction.choice import Calibration
from clv.prediction.log import Histories, Visits
from clv.prediction.model import Model

# The probability that a customer's revenue lies in the interval.
LEVEL = 0.8
# The largest float64 that is still an integer the database can store.
_MAX_AMOUNT = float(2**63 - 1024)
# More days than any key can mean, so that buyer and day are one number.
_DAYS = 2**22
# West of Greenwich the first day of 1970 UTC begins on the day before.
_BEFORE = 1


def lifespan_days(settings: ScoreSettings) -> float:
    """The lifespan in days: 24 months are 730.5 days."""
    return settings.lifespan_months * MONTH_DAYS


def score_customers(
    customers: Sequence[Totals],
    distribution: Distribution,
    settings: ScoreSettings,
    as_of_ms: int,
    serving: Calibration | None,
) -> list[Scores]:
    """``clv.domain.scoring.score_customers`` with the predictions of what serves.

    :param serving: None for rfm
    """
    predictions = predict(customers, settings, as_of_ms, serving)
    return scoring.score_customers(customers, distribution, settings, as_of_ms, predictions)


def predict(
    customers: Sequence[Totals], settings: ScoreSettings, as_of_ms: int, serving: Calibration | None
) -> list[Prediction] | None:
    """What the calibrated model predicts for each customer, of revenue and churn what it serves;
    None if that is neither.

    One customer alone gets the same to the last bit as among others.
    """
    if serving is None or serving.fitted is None:
        return None
    those, by_rfm = Customers(customers, settings, as_of_ms), [None] * len(customers)
    revenue: Sequence[int | None] = by_rfm
    churn: Sequence[float | None] = by_rfm
    if serving.revenue.is_calibrated:
        revenue = amounts(those.revenue(serving.fitted, lifespan_days(settings)))
    if serving.churn.is_calibrated:
        churn = those.silence(serving.fitted, settings.churn_horizon_days).tolist()
    # Prediction(…) would take twice as long.
    return list(map(Prediction._make, zip(revenue, churn, repeat(serving.index))))


def amounts(revenue: np.ndarray) -> list[int]:
    """Amounts as they are stored: truncated, as the run rate is."""
    return [int(amount) for amount in np.minimum(revenue, _MAX_AMOUNT).tolist()]


def interval(
    totals: Totals, settings: ScoreSettings, as_of_ms: int, model: Model
) -> tuple[int, int] | None:
    """The amounts, in 1/10,000, between which a customer's revenue over the lifespan lies with a
    probability of :data:`LEVEL`; None without a conversion."""
    buyers = histories([totals], settings, as_of_ms)
    if not len(buyers.x):
        return None
    low, high = model.interval(buyers, lifespan_days(settings), LEVEL)
    return int(min(low, _MAX_AMOUNT)), int(min(high, _MAX_AMOUNT))


def histories(customers: Sequence[Totals], settings: ScoreSettings, as_of_ms: int) -> Histories:
    """The histories of those of the customers who have a conversion, in the same order."""
    today = settings.zone.day(as_of_ms)
    bought = [(totals, totals.purchases) for totals in customers if totals.purchases is not None]
    counts = np.array([purchases.keys.count(",") + 1 for _, purchases in bought], dtype=np.int64)
    contacts = settings.zone.days(
        np.array([totals.last_contact_ms for totals, _ in bought], dtype=np.int64)
    )
    days = np.array([], dtype=np.int64)
    if bought:
        days = calendar.days_of(",".join(purchases.keys for _, purchases in bought))
    # A key that is not valid stands for the last contact.
    days = np.minimum(np.where(days < 0, np.repeat(contacts, counts), days), today)
    # In order, and each day once: several rows of a day are one conversion day.
    ordered = np.unique(np.repeat(np.arange(len(counts)), counts) * _DAYS + days + _BEFORE)
    buyer, days = ordered // _DAYS, ordered % _DAYS - _BEFORE
    number = np.bincount(buyer, minlength=len(counts))
    ends = np.cumsum(number)
    last = days[ends - 1]
    value = np.array([float(purchases.value) for _, purchases in bought])
    return Histories(
        x=number - 1,
        first=days[ends - number],
        last=last,
        mean_value=value / number,
        last_contact=np.clip(contacts, last, today),
        days=days,
        buyer=buyer,
        today=today,
    )


class Customers:
    """Customers as the model takes them: buyers, visitors, and those who have nothing but
    corrections. Every method gives one value per customer."""

    def __init__(self, customers: Sequence[Totals], settings: ScoreSettings, as_of_ms: int) -> None:
        self.today = settings.zone.day(as_of_ms)
        self.histories = histories(customers, settings, as_of_ms)
        self.bought = np.array([totals.purchases is not None for totals in customers], dtype=bool)
        visits = np.array([float(totals.frequency) for totals in customers])
        self._visited = ~self.bought & (visits > 0)
        contacts = np.array([totals.last_contact_ms for totals in customers], dtype=np.int64)
        recency = np.maximum(self.today - settings.zone.days(contacts), 0)
        self._visits = Visits(recency[self._visited], visits[self._visited])

    def revenue(self, model: Model, days: float) -> np.ndarray:
        """Expected revenue within so many days."""
        of_visitors = model.visitors_revenue(self._visits, self.today, days)
        return self._each(model.revenue(self.histories, days), of_visitors, 0.0)

    def purchases(self, model: Model, days: float) -> np.ndarray:
        """Expected conversion days within so many days."""
        of_visitors = model.visitors_purchases(self._visits, self.today, days)
        return self._each(model.purchases(self.histories, days), of_visitors, 0.0)

    def silence(self, model: Model, days: float) -> np.ndarray:
        """P(no conversion within so many days)."""
        of_visitors = model.visitors_silence(self._visits, days)
        silence = self._each(model.silence(self.histories, days), of_visitors, 1.0)
        return np.clip(silence, 0.0, 1.0)

    def days_to_next(self, model: Model) -> np.ndarray:
        """The median of the days until the next conversion; infinite for nobody knows when."""
        of_visitors = model.visitors_days_to_next(self._visits)
        return self._each(model.days_to_next(self.histories), of_visitors, np.inf)

    def active(self, model: Model) -> np.ndarray:
        """P(alive) of buyers; NaN of others."""
        alive = np.clip(model.base.p_alive(self.histories), 0.0, 1.0)
        return self._each(alive, np.full(len(self._visits.visits), np.nan), np.nan)

    def value(self, model: Model) -> np.ndarray:
        """Expected value of a conversion day."""
        of_visitors = np.full(len(self._visits.visits), model.usual_value)
        return self._each(model.base.value(self.histories), of_visitors, np.nan)

    def _each(self, of_buyers: np.ndarray, of_visitors: np.ndarray, others: float) -> np.ndarray:
        values = np.full(len(self.bought), others)
        values[self.bought] = of_buyers
        values[self._visited] = of_visitors
        return values
