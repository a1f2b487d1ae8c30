"""What only a person can know is asked, and the answer remembered."""

from clv.services import staged_file
from tests.api.transactions.support import HEADER, stored
from tests.conftest import ON_ONE_DATABASE

DATES = "Kunde;Datum;Betrag\na;03/04/2026;10,50\nb;05/04/2026;3,00\n"
CURRENCIES = (
    "Customer,Date,Amount,Currency\na,2026-04-01,10,EUR\nb,2026-04-02,20,USD\na,2026-04-03,5,USD\n"
)


def questions(answer) -> dict[str, list[str]]:
    """What a preview asks: choices by parameter."""
    assert answer.status_code == 200, answer.text
    return {one["parameter"]: one["choices"] for one in answer.json["questions"]}


def test_an_open_question_is_a_400_that_names_the_parameter_and_its_choices(put):
    answer = put(DATES)
    assert answer.status_code == 400
    assert list(answer.json["errors"]["query"]) == ["dateOrder"]
    for text in (answer.json["message"], answer.json["errors"]["query"]["dateOrder"][0]):
        assert "dmy" in text and "mdy" in text and "03/04/2026" in text
    assert stored() == []


def test_the_answer_settles_it(put, preview):
    assert set(questions(preview(DATES))["dateOrder"]) == {"dmy", "mdy"}
    assert questions(preview(DATES, {"dateOrder": "dmy"})) == {}
    assert put(DATES, {"dateOrder": "dmy"}).status_code == 200
    assert [row[:2] for row in stored()] == [("a", "2026-04-03"), ("b", "2026-04-05")]


def test_the_next_file_with_the_header_asks_nothing_and_that_of_another_tenant_does(
    put, preview, client, headers
):
    put(DATES, {"dateOrder": "mdy"})
    again = put(DATES.replace("/2026", "/2025"))
    assert again.status_code == 200, again.text
    assert ("a", "2025-03-04") in [row[:2] for row in stored()]
    assert questions(preview(DATES)) == {}
    other = client.put(
        "/api/v1/transactions",
        data=DATES,
        content_type="text/csv",
        headers=headers("editor", "other"),
    )
    assert other.status_code == 400


def test_a_preview_is_not_remembered(put, preview):
    assert questions(preview(DATES, {"dateOrder": "mdy"})) == {}
    assert "dateOrder" in questions(preview(DATES))
    assert put(DATES).status_code == 400


def test_a_column_that_no_date_decides_but_one_is_no_question(put):
    assert put(DATES.replace("05/04", "25/04")).status_code == 200
    assert [row[1] for row in stored()] == ["2026-04-03", "2026-04-25"]


def test_of_several_currencies_one_is_chosen_and_the_others_left_out_with_their_sums(put, preview):
    assert questions(preview(CURRENCIES))["currency"] == ["USD", "EUR"]
    assert preview(CURRENCIES).json["total"] is None
    assert put(CURRENCIES).status_code == 400
    answer = put(CURRENCIES, {"currency": "USD"})
    assert answer.status_code == 200, answer.text
    (left_out,) = answer.json["leftOut"]
    assert "EUR" in left_out["reason"]
    assert (left_out["rows"], left_out["total"], left_out["lines"]) == (1, 10.0, [2])
    assert [(row[0], row[4]) for row in stored()] == [("a", 50_000), ("b", 200_000)]


def test_amounts_are_converted_by_the_rates_that_are_given(put):
    answer = put(CURRENCIES, {"currency": "EUR", "rate": "USD:0.92"})
    assert answer.status_code == 200, answer.text
    assert answer.json["leftOut"] == []
    assert [(row[0], row[4]) for row in stored()] == [
        ("a", 100_000),
        ("a", 46_000),
        ("b", 184_000),
    ]


def test_a_column_that_the_file_lacks_is_named(put, preview):
    for send in (put, preview):
        for parameter in ("customer", "time", "amount", "refund", "order", "state"):
            answer = send(DATES, {"dateOrder": "dmy", parameter: "Straße"})
            assert answer.status_code == 400, (parameter, answer.text)
            assert "Straße" in answer.json["message"]
            assert parameter in answer.json["errors"]["query"]
    assert stored() == []


def test_an_unknown_profile_is_refused(put):
    answer = put(DATES, {"profile": "etsee"})
    assert answer.status_code == 400
    assert "etsee" in answer.json["message"] and "profile" in answer.json["errors"]["query"]


def test_a_file_of_one_customer_alone_is_a_question(put, preview):
    many = 20_000
    body = HEADER + "a,2026-04-30,1\n" * many
    answer = put(body)
    assert answer.status_code == 400
    assert "All 20,000 transactions are of one customer, 'a'" in answer.json["message"]
    assert stored() == []
    shown = preview(body).json
    assert (shown["transactions"], shown["customers"]) == (many, 1)
    assert [one["parameter"] for one in shown["questions"]] == ["customer"]
    assert put(body, {"customer": "customer_id"}).status_code == 200
    assert stored() == [("a", "2026-04-30", many, many, many * 10_000)]
    assert put(body).json["unchanged"] == 1


@ON_ONE_DATABASE
def test_few_transactions_of_one_customer_are_no_question(put):
    many = staged_file.MANY_OF_ONE_CUSTOMER - 1
    assert put(HEADER + "a,2026-04-30,1\n" * many).status_code == 200


@ON_ONE_DATABASE
def test_a_column_with_a_hundred_states_is_none_of_states(put, preview):
    rows = "".join(f"c{n},2026-04-30,1,{n} {'x' * 900}\n" for n in range(200))
    body = f"Customer,Date,Total,Remark\n{rows}"
    for send in (put, preview):
        assert send(body).status_code == 200
        answer = send(body, {"state": "Remark"})
        assert answer.status_code == 400 and "more than 100 different" in answer.json["message"]
        assert len(answer.text) < 2_000
    assert put(body, {"state": ""}).json["unchanged"] == 200
