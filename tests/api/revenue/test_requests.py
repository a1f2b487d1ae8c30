"""What may be asked, and in which form the answer comes."""

import csv
import io

import pytest

from clv.files import revenue_writer
from tests.api.revenue.conftest import REVENUE, SPRING, bought


@pytest.mark.parametrize("role", ["viewer", "editor", "admin"])
def test_every_role_may_ask(client, headers, load, role):
    load(*SPRING)
    assert (
        client.get(f"{REVENUE}?by=month", headers=headers(role)).json["total"]["revenue"] == 97.84
    )


@pytest.mark.parametrize(
    ("query", "field", "message"),
    [
        ({"by": "year"}, "by", "Must be one of: day, week, month."),
        ({"from": "2025-13"}, "from", "Must be a day, a week or a month"),
        ({"to": "yesterday"}, "to", "Must be a day, a week or a month"),
        ({"from": "1969-12"}, "from", "Must not be before 1970."),
        ({"from": "2025-04", "to": "2025-03"}, "from", "Must not be later than to."),
        ({"since": "2025-04"}, "since", "Unknown field."),
        (
            {"from": "2020-01", "to": "2025-03", "by": "day"},
            "from",
            "Must be at most 1,100 periods",
        ),
    ],
)
def test_what_is_not_right_is_named_with_what_would_be(
    client, headers, load, query, field, message
):
    load(*SPRING)
    refused = client.get(REVENUE, query_string=query, headers=headers("viewer"))
    assert refused.status_code == 400
    assert refused.json["errors"]["query"][field][0].startswith(message)


def test_three_years_of_days_are_one_answer(load, ask):
    load(*SPRING)
    assert len(ask(by="day", **{"from": "2022-04-01", "to": "2025-04-04"})["data"]) == 1_100


def test_a_file_has_the_same_unrounded_in_columns_that_stay(client, headers, load):
    load(*SPRING, bought("bo", "2025-04-02", 0.0001))
    key = headers("viewer")
    answer = client.get(f"{REVENUE}?by=month", headers={**key, "Accept": "text/csv"})
    assert answer.status_code == 200 and answer.mimetype == "text/csv"
    assert "filename=clv-revenue.csv" in answer.headers["Content-Disposition"]
    assert answer.text == (
        "period,firstDay,lastDay,complete,revenue,conversions,customers,newBuyers,returningShare,"
        "averageConversionValue,previousRevenue,previousConversions,previousCustomers,"
        "previousNewBuyers,previousReturningShare,previousAverageConversionValue\n"
        "2025-03,2025-03-01,2025-03-31,true,40.5,3,2,2,0.0,13.5,,,,,,\n"
        "2025-04,2025-04-01,2025-04-30,true,57.3401,4,3,1,0.6666666666666666,14.335025,"
        "40.5,3,2,2,0.0,13.5\n"
    )


def test_a_file_without_periods_has_its_header(client, headers):
    answer = client.get(REVENUE, headers={**headers("viewer"), "Accept": "text/csv"})
    assert list(csv.reader(io.StringIO(answer.text))) == [list(revenue_writer.COLUMNS)]


def test_who_has_the_answer_gets_none_until_the_data_change(client, headers, load):
    load(*SPRING)
    key = headers("viewer")
    etag = client.get(REVENUE, headers=key).headers["ETag"]
    known = {**key, "If-None-Match": etag}
    assert client.get(REVENUE, headers=known).status_code == 304
    load(bought("cy", "2025-04-02", 12.35))
    assert client.get(REVENUE, headers=known).status_code == 200
