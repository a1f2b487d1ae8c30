"""What a newer version stored beside this one, during a deploy or before it was taken back."""

import json

from clv.domain import overview
from clv.domain.overview import Cell
from clv.domain.settings import ScoreSettings
from clv.files import choices
from clv.prediction import backtest_result, choice
from tests.support.backtests import RESULT
from tests.support.calibrations import calibration

CELL = Cell("high", 9, True, "active", False, (5, 4), 2, 90.0, 7, 8, 0.5)


def newer(text: str) -> str:
    """The JSON text with a field in each object that this version does not know."""

    def grown(values: dict) -> dict:
        # The segments are objects by name; these names are no fields.
        is_by_name = values and all(isinstance(value, dict) for value in values.values())
        return values if is_by_name else {**values, "of_a_newer_version": {"any": ["thing"]}}

    return json.dumps(json.loads(text, object_hook=grown))


def test_an_overview_is_read_without_its_unknown_fields():
    stored = overview.add_up([CELL], 0, ScoreSettings(at_risk_days=7), (1.0, 2.0), 30)
    assert overview.from_json(newer(overview.to_json(stored))) == stored


def test_a_backtest_is_read_without_its_unknown_fields():
    assert backtest_result.from_json(newer(backtest_result.to_json(RESULT))) == RESULT


def test_a_calibration_is_read_without_its_unknown_fields():
    stored = calibration(as_of_ms=5)
    assert choice.from_json(newer(stored.to_json())) == stored


def test_the_choices_for_a_file_are_read_without_the_unknown_ones():
    stored = choices.Choices(currency="EUR")
    assert choices.restored({"currency": "EUR", "of_a_newer_version": [1]}) == stored


def test_places_of_the_grid_are_read_without_their_unknown_values():
    stored = overview.add_up([CELL], 0, ScoreSettings(), (1.0, 2.0), 30)
    text = json.loads(overview.to_json(stored))
    text["places"] = json.dumps([[*place, 1.5] for place in json.loads(text["places"])])
    newer_one = overview.from_json(json.dumps(text))
    assert newer_one.rfm_grid == stored.rfm_grid
    assert newer_one.rfm_groups == stored.rfm_groups
