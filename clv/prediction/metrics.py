"""How good predictions are, compared with what happened: errors, order, probabilities, intervals.

Pure: arrays of one value per customer in, one figure out. A figure that the data don't define is
None, never NaN, so that all of them fit into JSON.
"""

from dataclasses import dataclass

import numpy as np

# Customers are compared by tenths.
GROUPS = 10
# For the log-loss probabilities are kept this far from 0 and 1. A logistic curve says 1.0 of some
# customers, and a single surprise among them would count without end; so it counts as ln 1000.
MIN_PROBABILITY = 0.001


@dataclass(frozen=True, slots=True)
class Decile:
    """A tenth of the customers, by predicted revenue: their mean predicted and actual revenue."""

    customers: int
    predicted: float
    actual: float


def mean_absolute_error(predicted: np.ndarray, actual: np.ndarray) -> float | None:
    """Mean of abs(predicted − actual): errors of 1 and −3 give 2."""
    return float(np.abs(predicted - actual).mean()) if len(predicted) else None


def root_mean_squared_error(predicted: np.ndarray, actual: np.ndarray) -> float | None:
    """√ of the mean of (predicted − actual)²: errors of 1 and −7 give 5."""
    return float(np.sqrt(((predicted - actual) ** 2).mean())) if len(predicted) else None


def total_ratio(predicted: np.ndarray, actual: np.ndarray) -> float | None:
    """Σ predicted / Σ actual; None unless Σ actual is positive."""
    total = float(actual.sum())
    return float(predicted.sum()) / total if total > 0 else None


def spearman(predicted: np.ndarray, actual: np.ndarray) -> float | None:
    """Spearman's ρ, the correlation of the ranks, from −1 to 1.

    None for fewer than two customers, and if all predicted or all actual values are equal. The
    orders 1, 2, 3 and 1, 3, 2 give 0.5.
    """
    if len(predicted) < 2:
        return None
    one, other = (ranks(values) - (len(values) + 1) / 2.0 for values in (predicted, actual))
    spread = float(np.sqrt((one @ one) * (other @ other)))
    return float(one @ other) / spread if spread > 0 else None


def normalized_gini(predicted: np.ndarray, actual: np.ndarray) -> float | None:
    """Gini coefficient of actual revenue in the order of the predictions, divided by that in its
    own order (Wang, Liu, Miao 2019, arXiv 1912.07753): 1 is the perfect order, 0 is chance, −1 is
    the reverse.

    The Gini coefficient of amounts y in an order is 2 · Σ (rank − (n + 1)/2) · y / (n · Σ y), and
    so only the two sums over ranks remain. Equal predictions share their places; net refunds count
    as 0. Revenue of 0, 10 and 30 with predictions of 1, 3 and 2 gives (−1·0 + 1·10 + 0·30) /
    (−1·0 + 0·10 + 1·30) = 1/3. None if nobody has a larger revenue than another.
    """
    revenue = np.maximum(actual, 0.0)
    middle = (len(revenue) + 1) / 2.0
    own = float((ranks(revenue) - middle) @ revenue)
    return float((ranks(predicted) - middle) @ revenue) / own if own > 0 else None


def top_decile_capture(predicted: np.ndarray, actual: np.ndarray) -> float | None:
    """Share of Σ actual that came from the 10 % of customers with the highest predictions.

    Customers tied at the threshold share the remaining places: if all predictions are equal, the
    result is 0.1. None unless Σ actual is positive.
    """
    total = float(actual.sum())
    if total <= 0:
        return None
    places = max(1, round(len(predicted) / GROUPS))
    threshold = np.sort(predicted)[-places]
    above, tied = predicted > threshold, predicted == threshold
    share = (places - int(above.sum())) / int(tied.sum())
    return float(actual[above].sum() + share * actual[tied].sum()) / total


def auc(scores: np.ndarray, positive: np.ndarray) -> float | None:
    """Area under the ROC curve: P(score of a positive > score of a negative), ties counting half.

    By the rank sum (Mann and Whitney 1947). Positives of 0.9 and 0.5 and negatives of 0.5 and 0.1
    give 3.5 / 4. None if one of the classes is empty.

    :param positive: booleans, the class of each
    """
    positives = int(positive.sum())
    negatives = len(positive) - positives
    if not positives or not negatives:
        return None
    rank_sum = float(ranks(scores)[positive].sum())
    return (rank_sum - positives * (positives + 1) / 2.0) / (positives * negatives)


def brier(probability: np.ndarray, happened: np.ndarray) -> float | None:
    """Brier score (1950): mean of (probability − outcome)², from 0 to 1, 0 being the best.

    Probabilities of 0.5 and 0.1 for what happened and what did not give (0.25 + 0.01) / 2 = 0.13.

    :param happened: booleans
    """
    return float(((probability - happened) ** 2).mean()) if len(probability) else None


def log_loss(probability: np.ndarray, happened: np.ndarray) -> float | None:
    """Logarithmic score (Good 1952): mean of −ln(the probability given to what came), 0 being the
    best. Unlike the Brier score it tells 0.01 from 0.1.

    Probabilities of 0.5 and 0.1 for what happened and what did not give −(ln 0.5 + ln 0.9) / 2 =
    0.399. Probabilities are clipped at :data:`MIN_PROBABILITY`, and so it is at most ln 1000.

    :param happened: booleans
    """
    if not len(probability):
        return None
    clipped = np.clip(probability, MIN_PROBABILITY, 1.0 - MIN_PROBABILITY)
    return float(-np.log(np.where(happened, clipped, 1.0 - clipped)).mean())


def coverage(low: np.ndarray, high: np.ndarray, actual: np.ndarray) -> float | None:
    """Share of the customers whose actual value lies in their interval, both ends included.

    Intervals of 0 to 5, 0 to 5, and 2 to 9 with 0, 5 and 1 give 2/3.
    """
    return float(((low <= actual) & (actual <= high)).mean()) if len(actual) else None


def deciles(predicted: np.ndarray, actual: np.ndarray) -> tuple[Decile, ...]:
    """Mean predicted and actual values by tenths of the customers, ascending by prediction.

    Customers of equal prediction stay together, and so there may be fewer than ten.
    """
    if not len(predicted):
        return ()
    group = np.minimum((ranks(predicted) - 0.5) * GROUPS // len(predicted), GROUPS - 1).astype(int)
    counts, predicted_sums, actual_sums = (
        np.bincount(group, weights, GROUPS) for weights in (None, predicted, actual)
    )
    return tuple(
        Decile(int(count), float(predicted_sum) / int(count), float(actual_sum) / int(count))
        for count, predicted_sum, actual_sum in zip(
            counts, predicted_sums, actual_sums, strict=True
        )
        if count
    )


def ranks(values: np.ndarray) -> np.ndarray:
    """Ranks from 1, ascending; equal values share their mean rank: 5, 9, 9 give 1, 2.5, 2.5."""
    _, which, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return ((2 * last - counts + 1) / 2.0)[which]
