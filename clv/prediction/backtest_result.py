"""What a backtest measured, and its form in the database: JSON with the names of the fields.

Earlier versions stored the names in camelCase; such results can be read, too.
"""

import json
import re
from dataclasses import asdict, dataclass, fields
from typing import Any

from clv.domain import calendar
from clv.domain.stored import restored
from clv.prediction.backtest import Decile, Report, Scorecard
from clv.prediction.btyd import Parameters


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
    """The stored form of a result."""
    return json.dumps(asdict(result))


def from_json(text: str) -> BacktestResult:
    """The result that is stored as this text, with names in snake_case or camelCase."""
    values = json.loads(text, object_hook=_snake_case)
    parameters = values["parameters"]
    values["models"] = tuple(_scorecard(model) for model in values["models"])
    values["parameters"] = None if parameters is None else Parameters.from_dict(parameters)
    return restored(BacktestResult, values)


def _scorecard(values: dict[str, Any]) -> Scorecard:
    deciles = tuple(restored(Decile, part) for part in values["deciles"])
    return restored(Scorecard, {**values, "deciles": deciles})


def _snake_case(values: dict[str, Any]) -> dict[str, Any]:
    return {re.sub("[A-Z]", r"_\g<0>", name).lower(): value for name, value in values.items()}
