"""What a backtest measured, and its form in the database: JSON with the names of the fields.

Earlier versions stored the names in camelCase; such results can be read, too.
"""

import json
import re
from dataclasses import asdict, dataclass
from typing import Any

from clv.domain import calendar
from clv.prediction.backtest import Decile, Report, Scorecard
from clv.prediction.btyd import Parameters


@dataclass(frozen=True, slots=True)
class BacktestResult:
    """The models on one holdout. Amounts are in the tenant's currency.

    :param first_day: the first day of the history, as ``2026-01-31``
    :param split_day: the first day of the holdout
    :param last_day: the last day of both
    :param customers: with a conversion before the holdout
    :param returned: of these, with a conversion in the holdout
    :param revenue: of these customers in the holdout
    :param models: calibrated (if it could be fitted), rfm and mean
    :param parameters: of the calibrated model, from before the holdout
    :param not_fitted: why there are none
    :param recommended: calibrated or rfm
    :param sentence: which model to use, and how far off it was
    """

    first_day: str
    split_day: str
    last_day: str
    holdout_days: int
    customers: int
    returned: int
    revenue: float
    models: tuple[Scorecard, ...]
    parameters: Parameters | None
    not_fitted: str | None
    recommended: str
    sentence: str


def result_of(report: Report, first_day: int, split_day: int, last_day: int) -> BacktestResult:
    """A report with the days that it is about, each as a number of days since 1970."""
    return BacktestResult(
        first_day=calendar.key_of(first_day),
        split_day=calendar.key_of(split_day),
        last_day=calendar.key_of(last_day),
        holdout_days=report.holdout_days,
        customers=report.customers,
        returned=report.returned,
        revenue=report.revenue,
        models=report.scorecards,
        parameters=report.parameters,
        not_fitted=report.not_fitted,
        recommended=report.recommended,
        sentence=report.sentence,
    )


def to_json(result: BacktestResult) -> str:
    """The stored form of a result."""
    return json.dumps(asdict(result))


def from_json(text: str) -> BacktestResult:
    """The result that is stored as this text, with names in snake_case or camelCase."""
    values = json.loads(text, object_hook=_snake_case)
    parameters = values["parameters"]
    values["models"] = tuple(_scorecard(model) for model in values["models"])
    values["parameters"] = None if parameters is None else Parameters.from_dict(parameters)
    return BacktestResult(**values)


def _scorecard(values: dict[str, Any]) -> Scorecard:
    return Scorecard(**{**values, "deciles": tuple(Decile(**part) for part in values["deciles"])})


def _snake_case(values: dict[str, Any]) -> dict[str, Any]:
    return {re.sub("[A-Z]", r"_\g<0>", name).lower(): value for name, value in values.items()}
