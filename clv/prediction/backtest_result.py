"""What a backtest measured, and its form in the database: JSON with the names of the fields.

Results of earlier versions can be read, too: with names in camelCase, with one verdict for revenue
and churn, and without some figures. So can these by an earlier version, beside which this one runs
during a deploy, or which takes its place again.
"""

import json
import re
from dataclasses import asdict, dataclass, fields
from typing import Any

from clv.domain import calendar
from clv.domain.stored import restored
from clv.prediction.backtest import Report
from clv.prediction.btyd import Parameters
from clv.prediction.metrics import Decile
from clv.prediction.scorecard import ZERO, Scorecard

# What a result of an earlier version says of churn.
ONE_VERDICT = (
    "An earlier version measured this, and chose one model for revenue and churn together."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class BacktestResult(Report):
    """A report with the days that it is about. Amounts are in the tenant's currency.

    :param first_day: the first day of the history, as ``2026-01-31``
    :param split_day: the first day of the holdout
    :param last_day: the last day of both
    """

    first_day: str
    split_day: str
    last_day: str


def result_of(report: Report, first_day: int, split_day: int, last_day: int) -> BacktestResult:
    """A report with the days that it is about, each as a number of days since 1970."""
    return BacktestResult(
        **{field.name: getattr(report, field.name) for field in fields(report)},
        first_day=calendar.key_of(first_day),
        split_day=calendar.key_of(split_day),
        last_day=calendar.key_of(last_day),
    )


def to_json(result: BacktestResult) -> str:
    """The stored form of a result. Earlier versions need ``recommended``, and know no model zero,
    which therefore stands beside the others."""
    values = {**asdict(result), "recommended": result.recommended}
    cards = {card["model"]: card for card in values["models"]}
    if ZERO in cards:
        values[ZERO] = cards.pop(ZERO)
    return json.dumps({**values, "models": list(cards.values())})


def from_json(text: str) -> BacktestResult:
    """The result that is stored as this text, with names in snake_case or camelCase."""
    values = json.loads(text, object_hook=_snake_case)
    if "revenue_model" not in values:
        values |= _both_verdicts(values["recommended"], values["sentence"])
    parameters = values["parameters"]
    cards = [*values["models"], *([values[ZERO]] if ZERO in values else [])]
    values["models"] = tuple(_scorecard(card) for card in cards)
    values["parameters"] = None if parameters is None else Parameters.from_dict(parameters)
    return restored(BacktestResult, values)


def _both_verdicts(recommended: str, sentence: str) -> dict[str, str]:
    """The one verdict of an earlier version as two."""
    return {
        "revenue_model": recommended,
        "churn_model": recommended,
        "revenue_sentence": sentence,
        "churn_sentence": ONE_VERDICT,
    }


def _scorecard(values: dict[str, Any]) -> Scorecard:
    deciles = tuple(restored(Decile, part) for part in values["deciles"])
    return restored(Scorecard, {**values, "deciles": deciles})


def _snake_case(values: dict[str, Any]) -> dict[str, Any]:
    return {re.sub("[A-Z]", r"_\g<0>", name).lower(): value for name, value in values.items()}
