"""What files and lists have beside the fixed columns, by the words of ``include``."""

import csv
import io
import json

import pytest

from clv.domain.groups import RfmShown
from clv.files import writer
from clv.files.included import WORDS, column_names, split_words
from clv.prediction.forecast import Forecast
from tests.unit.test_writer import JOB, entry

FORECAST = Forecast(
    365, 1.562332646300453, 374_861, 206.32615683613503, 0.7265897218354948, 239_937
)
FIXED_CSV = f"a,72,71.5,1440,0.119,171.36,5,48,360,high,2026-04-03T10:30:00.000Z,{JOB}"
FIXED_JSON = (
    '{"customerId": "a", "clvScore": 72, "score": 71.5, "predictedRevenue": 1440,'
    ' "churnProbability": 0.119, "revenueAtRisk": 171.36, "rfmRecency": 5, "rfmFrequency": 48,'
    ' "rfmMonetary": 360, "segment": "high", "computedAt": "2026-04-03T10:30:00.000Z",'
    f' "jobId": "{JOB}"'
)


def forecast(made: Forecast):
    return entry()._replace(forecast=made, rfm=RfmShown("545", "champions"))


def text(kind: str, *words: str, made: Forecast = FORECAST) -> str:
    return "".join(writer.write([[forecast(made)]], kind, words))


def test_the_model_is_a_last_column():
    assert text("csv", "model") == f"{','.join(writer.COLUMNS)},model\n{FIXED_CSV},rfm/1\n"
    assert text("ndjson", "model") == f'{FIXED_JSON}, "model": "rfm/1"}}\n'


def test_fifths_and_group_are_texts():
    assert text("csv", "rfm") == (
        f"{','.join(writer.COLUMNS)},rfm,rfmGroup\n{FIXED_CSV},545,champions\n"
    )
    assert text("ndjson", "rfm") == f'{FIXED_JSON}, "rfm": "545", "rfmGroup": "champions"}}\n'


def test_a_forecast_is_unrounded_and_its_money_plain():
    header, line, _ = text("csv", "forecast").split("\n")
    assert header == (
        f"{','.join(writer.COLUMNS)},horizonDays,expectedConversions,expectedRevenue,"
        "expectedDaysToNextConversion,probabilityActive,averageConversionValue"
    )
    assert line == (
        f"{FIXED_CSV},365,1.562332646300453,37.4861,206.32615683613503,0.7265897218354948,23.9937"
    )
    assert text("ndjson", "forecast") == (
        f'{FIXED_JSON}, "horizonDays": 365, "expectedConversions": 1.562332646300453,'
        ' "expectedRevenue": 37.4861, "expectedDaysToNextConversion": 206.32615683613503,'
        ' "probabilityActive": 0.7265897218354948, "averageConversionValue": 23.9937}\n'
    )


def test_where_there_is_no_forecast_cells_are_empty_and_values_null():
    assert text("csv", "forecast", made=Forecast(90)).endswith(f"{JOB},90,,,,,\n")
    assert json.loads(text("ndjson", "forecast", made=Forecast(90)))["expectedRevenue"] is None


def test_a_tiny_number_has_no_exponent():
    tiny = Forecast(365, 1.5e-24, 0, None, 1e-25, 5)
    assert f"{JOB},365,0.0000000000000000000000015,0,,0.0000000000000000000000001,0.0005\n" in (
        text("csv", "forecast", made=tiny)
    )


def test_all_words_stand_behind_the_fixed_columns_in_their_order():
    everything = tuple(WORDS)
    [line] = csv.DictReader(io.StringIO(text("csv", *everything)))
    assert tuple(line) == (*writer.COLUMNS, *column_names(everything))
    assert tuple(json.loads(text("ndjson", *everything))) == tuple(line)
    assert list(line)[-1] == "model"


def test_no_two_columns_have_one_name():
    names = (*writer.COLUMNS, *column_names(tuple(WORDS)))
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    "texts", [["model", "forecast"], ["model,forecast"], [" forecast , model,forecast"]]
)
def test_words_come_one_by_one_or_together_in_any_order(texts):
    assert split_words(texts) == ("forecast", "model")


@pytest.mark.parametrize("texts", [[""], ["model,"], ["all"], ["model", "Forecast"], ["a,model"]])
def test_an_unknown_word_is_refused_with_those_there_are(texts):
    with pytest.raises(ValueError, match="Must be one or more of: .*forecast.*, model"):
        split_words(texts)


def test_without_a_word_nothing_is_added():
    assert split_words([]) == () and text("csv") == "".join(writer.write([[entry()]], "csv"))
