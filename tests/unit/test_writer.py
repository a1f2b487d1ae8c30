"""Lists of records as files."""

import csv
import io
import json
import re
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as some

from clv.domain import values
from clv.domain.scoring import Scores
from clv.files import writer
from clv.store.listing import Listed

JOB = "0f1c9a3e-8f9b-4d7c-9a68-2f3d6c1b7a55"
AWKWARD = [
    "a,b",
    'say "hi"',
    '"',
    "'",
    "\\",
    "=1+1",
    "a\u2028b\u2029c",
    "Zoë 🎈",
    "a;b\u00a0c",
    "NULL",
    "007",
    "-",
]


def entry(customer_id="a", job_id=JOB, **values) -> Listed:
    scores = {
        "score": 71.5,
        "predicted_revenue": 14_400_000,
        "churn_probability": 0.119,
        "recency_days": 5,
        "frequency": 48,
        "monetary": 3_600_000,
        "segment": "high",
        "computed_ms": 1_775_212_200_000,
        "tenure_days": 9,
        **values,
    }
    return Listed(Scores(customer_id, **scores), customer_id, job_id)


def of_csv(pages) -> list[dict]:
    return list(csv.DictReader(io.StringIO("".join(writer.write(pages, "csv")), newline="")))


def of_ndjson(pages) -> list[dict]:
    return [json.loads(line) for line in "".join(writer.write(pages, "ndjson")).splitlines()]


def test_a_csv_has_these_columns_in_this_order():
    assert "".join(writer.write([[entry(), entry("b", None)]], "csv")) == (
        "customerId,clvScore,score,predictedRevenue,churnProbability,revenueAtRisk,rfmRecency,"
        "rfmFrequency,rfmMonetary,segment,computedAt,jobId\n"
        f"a,72,71.5,1440,0.119,171.36,5,48,360,high,2026-04-03T10:30:00.000Z,{JOB}\n"
        "b,72,71.5,1440,0.119,171.36,5,48,360,high,2026-04-03T10:30:00.000Z,\n"
    )


def test_ndjson_is_an_object_a_line_with_the_same_names_and_numbers():
    assert "".join(writer.write([[entry()]], "ndjson")) == (
        '{"customerId": "a", "clvScore": 72, "score": 71.5, "predictedRevenue": 1440,'
        ' "churnProbability": 0.119, "revenueAtRisk": 171.36, "rfmRecency": 5, "rfmFrequency": 48,'
        ' "rfmMonetary": 360, "segment": "high", "computedAt": "2026-04-03T10:30:00.000Z",'
        f' "jobId": "{JOB}"}}\n'
    )
    assert of_ndjson([[entry(job_id=None)]])[0]["jobId"] is None


def test_each_page_is_a_piece_and_the_header_comes_once():
    pages = [[entry("a"), entry("b")], [entry("c")]]
    for kind, lines in (("csv", [3, 1]), ("ndjson", [2, 1])):
        assert [piece.count("\n") for piece in writer.write(pages, kind)] == lines


def test_pages_are_taken_one_at_a_time():
    taken = []

    def pages():
        for name in "abc":
            taken.append(name)
            yield [entry(name)]

    pieces = writer.write(pages(), "csv")
    assert taken == []
    next(pieces)
    assert taken == ["a"]


def test_without_records_a_csv_is_its_header_and_ndjson_is_empty():
    assert list(writer.write([], "csv")) == [",".join(writer.COLUMNS) + "\n"]
    assert list(writer.write([], "ndjson")) == []


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (0, "0"),
        (1, "0.0001"),
        (-1, "-0.0001"),
        (-5_000, "-0.5"),
        (10_000, "1"),
        (123_400, "12.34"),
        (1_000_000, "100"),
        (-2_500_000, "-250"),
        (2**63 - 1, "922337203685477.5807"),
    ],
)
def test_money_is_a_plain_and_exact_decimal(amount, text):
    assert of_csv([[entry(predicted_revenue=amount)]])[0]["predictedRevenue"] == text
    assert f'"rfmMonetary": {text},' in next(writer.write([[entry(monetary=amount)]], "ndjson"))


@pytest.mark.parametrize(
    ("predicted", "churn", "text"),
    [
        (1, 1e-9, "0.0000000000001"),
        (2**62, 1.0, "461168601842738.8"),
        (0, 0.5, "0.0"),
        (3, 0.1, "0.000030000000000000004"),
    ],
)
def test_revenue_at_risk_has_no_exponent(predicted, churn, text):
    (row,) = of_csv([[entry(predicted_revenue=predicted, churn_probability=churn)]])
    assert row["revenueAtRisk"] == text
    assert float(text) == predicted * churn / 10_000


@pytest.mark.parametrize("customer_id", AWKWARD)
def test_any_customer_id_comes_back_from_both_kinds(customer_id):
    values.customer_id(customer_id)
    pages = [[entry(customer_id), entry("next")]]
    assert [row["customerId"] for row in of_csv(pages)] == [customer_id, "next"]
    assert [row["customerId"] for row in of_ndjson(pages)] == [customer_id, "next"]


@given(
    customer_id=some.text(some.characters(exclude_categories=["Cc", "Cs"]), min_size=1),
    score=some.floats(0, 100),
    predicted_revenue=some.integers(0, 2**63 - 1),
    churn_probability=some.floats(0, 1),
    recency_days=some.integers(0, 2**31 - 1),
    frequency=some.integers(0, 2**63 - 1),
    monetary=some.integers(-(2**63), 2**63 - 1),
    job_id=some.sampled_from([JOB, None]),
)
def test_every_value_comes_back_unrounded_and_alike_from_both_kinds(**values):
    pages = [[entry(**values)]]
    (of_a_csv,), (of_an_ndjson,) = of_csv(pages), of_ndjson(pages)
    assert list(of_a_csv) == list(of_an_ndjson) == list(writer.COLUMNS)
    text = "".join(writer.write(pages, "ndjson"))
    exact = json.loads(text, parse_float=Decimal)
    for money in ("predictedRevenue", "rfmMonetary"):
        stored = values["predicted_revenue" if money[0] == "p" else "monetary"]
        assert Fraction(of_a_csv[money]) == Fraction(exact[money]) == Fraction(stored, 10_000)
        assert "e" not in of_a_csv[money].lower()
    assert float(of_a_csv["score"]) == of_an_ndjson["score"] == values["score"]
    churn = values["churn_probability"]
    assert float(of_a_csv["churnProbability"]) == of_an_ndjson["churnProbability"] == churn
    at_risk = values["predicted_revenue"] * churn / 10_000
    assert float(of_a_csv["revenueAtRisk"]) == of_an_ndjson["revenueAtRisk"] == at_risk
    assert of_a_csv["customerId"] == of_an_ndjson["customerId"] == values["customer_id"]
    assert (of_a_csv["jobId"] or None) == of_an_ndjson["jobId"] == values["job_id"]
    for name in ("clvScore", "rfmRecency", "rfmFrequency"):
        assert int(of_a_csv[name]) == of_an_ndjson[name]


def for_spreadsheets(customer_id: str) -> str:
    """The id as it stands in a file for spreadsheets, read back from the kind that has any line end
    as it is."""
    lines = "".join(writer.write([[entry(customer_id)]], "ndjson", for_spreadsheets=True))
    return json.loads(lines)["customerId"]


@pytest.mark.parametrize("sign", "=+-@＝＋－＠")
def test_no_spreadsheet_finds_a_formula_in_an_id_wherever_it_splits_lines(sign):
    assert for_spreadsheets(f"{sign}1+1") == f"'{sign}1+1"
    for delimiter in ";,|\t":
        assert for_spreadsheets(f"x{delimiter}{sign}1") == f"x{delimiter}'{sign}1"
        assert for_spreadsheets(f"x{delimiter} \u00a0{sign}1") == f"x{delimiter}' \u00a0{sign}1"
        both = f"{sign}a{delimiter}{delimiter}{sign}b{delimiter}{sign}"
        assert for_spreadsheets(both) == both.replace(sign, f"'{sign}")
    for front in ("\t", "\r", "\n", "\r\n"):
        assert for_spreadsheets(f"{front}{sign}1").startswith("'")
        assert for_spreadsheets(f"{front}{sign}1").endswith(f"'{sign}1")
        assert for_spreadsheets(f"{front}x") == f"'{front}x"


@pytest.mark.parametrize(
    "customer_id",
    [
        "CUST-001",
        "a=b",
        "a+b@example.com",
        "a;b,c|d",
        "x ;y",
        "'=1",
        "1-2",
        "Zoë",
        "a，=1",
        '"',
        "7",
    ],
)
def test_other_ids_are_unchanged_in_a_file_for_spreadsheets(customer_id):
    assert for_spreadsheets(customer_id) == customer_id


@given(some.text(some.sampled_from("=+-@＝＋－＠;,|\t\r\n \u00a0\"'ab1"), min_size=1))
def test_nothing_but_apostrophes_is_added_and_no_cell_begins_with_a_sign(customer_id):
    text = for_spreadsheets(customer_id)
    assert text.replace("'", "") == customer_id.replace("'", "")
    for cell in re.split(r"[;,|\t\r\n]", text):
        assert cell.strip()[:1] not in tuple("=+-@＝＋－＠"), (customer_id, text)
    assert text[0] not in "\t\r\n"
