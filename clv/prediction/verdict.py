"""The verdicts of a backtest: which model to use for revenue and which for churn, and how far to
trust them.

They are two, because a model may be better at one and worse at the other. Errors of single
customers don't count: most customers buy nothing, and so 0 for everybody has a small mean error.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from clv.prediction.calibrated import LEVEL
from clv.prediction.scorecard import CALIBRATED, MEAN, RFM, Scorecard


@dataclass(frozen=True, slots=True)
class Verdict:
    """Which of calibrated and rfm to use, and how far to trust them.

    :param sentence: why calibrated is missing, if it is, and the other two sentences
    """

    revenue_model: str
    churn_model: str
    revenue_sentence: str
    churn_sentence: str
    sentence: str


def decide(
    scorecards: Iterable[Scorecard], holdout_days: int, not_fitted: str | None = None
) -> Verdict:
    """The better model for revenue, by :func:`revenue_figure`, and for churn, by
    :func:`churn_figure`. A tie is rfm's, and without calibrated both are.

    :param not_fitted: why there is no scorecard of calibrated
    """
    cards = {card.model: card for card in scorecards}
    run_rate, fitted = cards[RFM], cards.get(CALIBRATED)
    revenue, other_revenue = _better(run_rate, fitted, revenue_figure)
    churn, other_churn = _better(run_rate, fitted, churn_figure)
    sentences = (
        _revenue_sentence(revenue, other_revenue, holdout_days),
        _churn_sentence(churn, other_churn, cards.get(MEAN)),
    )
    missing = [f"The calibrated model could not be fitted: {not_fitted}"] if not_fitted else []
    return Verdict(revenue.model, churn.model, *sentences, " ".join([*missing, *sentences]))


def revenue_figure(card: Scorecard) -> float:
    """Normalised Gini − abs(ln(total predicted / actual)): order and total in one figure.

    A total that is 10 % too high weighs as much as 0.1 of Gini, and half is as far off as double. A
    Gini of 0.6 and 0.8 of the total give 0.6 − 0.223 = 0.377. Without a total, or with one of 0 or
    less, it is −∞; without a Gini, where all customers brought the same, the total decides.
    """
    ratio, gini = card.total_ratio, card.normalized_gini
    if ratio is None or ratio <= 0:
        return -math.inf
    return (0.0 if gini is None else gini) - abs(math.log(ratio))


def churn_figure(card: Scorecard) -> float:
    """−log-loss, which judges both the order of the probabilities and their height; −∞ without
    customers."""
    return -math.inf if card.churn_log_loss is None else -card.churn_log_loss


def interval_sentence(scorecards: Iterable[Scorecard]) -> str | None:
    """How often the interval of calibrated held; None if nobody had one."""
    for card in scorecards:
        if card.interval_coverage is not None:
            return (
                f"The {_percent(LEVEL)} interval contained the actual revenue of"
                f" {_percent(card.interval_coverage)} of the customers."
            )
    return None


def _better(
    run_rate: Scorecard, fitted: Scorecard | None, figure: Callable[[Scorecard], float]
) -> tuple[Scorecard, Scorecard | None]:
    """The model with the larger figure, and the other one if there are two."""
    if fitted is None:
        return run_rate, None
    return (fitted, run_rate) if figure(fitted) > figure(run_rate) else (run_rate, fitted)


def _revenue_sentence(best: Scorecard, other: Scorecard | None, holdout_days: int) -> str:
    """How much of the revenue the model forecast, and how well it ordered the customers."""
    use = f"Use {best.model} for revenue"
    if best.total_ratio is None:
        return f"{use}: no revenue came in the {holdout_days} days that could judge a forecast."
    others = [(other.model, other)] if other else []
    total = _compared(lambda card: card.total_ratio, best, others, "of what came")
    sentence = f"{use}: over {holdout_days} days it forecast {total}"
    if best.normalized_gini is None:
        return f"{sentence}."
    order = _compared(_order, best, others, "of the way from chance to perfect")
    return f"{sentence}, and ordered the customers {order}."


def _churn_sentence(best: Scorecard, other: Scorecard | None, flat: Scorecard | None) -> str:
    """What the model thought of what then came, and how well it told customers apart.

    e^(−log-loss) is the geometric mean of the probabilities that it gave to what came. One
    probability for everybody, the holdout's own, shows what that is worth.
    """
    use = f"Use {best.model} for churn"
    if best.churn_log_loss is None:
        return f"{use}: there were no customers to judge it by."
    others = [(other.model, other)] if other else []
    all_alike = [("one probability for everybody", flat)] if flat else []
    given = _compared(_typical_probability, best, others + all_alike, "to what a customer then did")
    sentence = f"{use}: it typically gave a probability of {given}"
    if best.churn_auc is None:
        return f"{sentence}."
    apart = _compared(lambda card: card.churn_auc, best, others, "of the pairs")
    return f"{sentence}, and told who stays away from who comes back in {apart}."


def _order(card: Scorecard) -> float | None:
    """The normalised Gini; an order worse than chance is as useless as chance."""
    return None if card.normalized_gini is None else max(0.0, card.normalized_gini)


def _typical_probability(card: Scorecard) -> float | None:
    return None if card.churn_log_loss is None else math.exp(-card.churn_log_loss)


def _compared(
    figure: Callable[[Scorecard], float | None],
    best: Scorecard,
    others: Sequence[tuple[str, Scorecard]],
    of_what: str = "",
) -> str:
    """``81 % of what came (rfm: 266 %)``."""
    text = f"{_percent(figure(best))} {of_what}".strip()
    beside = "; ".join(f"{name}: {_percent(figure(card))}" for name, card in others)
    return f"{text} ({beside})" if beside else text


def _percent(share: float | None) -> str:
    return "an unknown share" if share is None else f"{100 * share:,.0f} %"
