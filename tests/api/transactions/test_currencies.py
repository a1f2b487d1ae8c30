"""Amounts of different currencies are never added up."""

import io
from decimal import Decimal

import pytest

from clv import db
from clv.errors import Conflict
from clv.files.choices import Choices
from clv.files.stream import File
from clv.services import loading
from clv.services.loading import Options
from clv.store import tenants
from tests.api.transactions.support import HEADER, stored
from tests.jobs.support import together
from tests.support.exports import Sample

COLUMNS = "Customer,Date,Amount,Currency\n"
EUROS = f"{COLUMNS}a,2026-04-01,10,EUR\nb,2026-04-02,20,EUR\n"
DOLLARS = f"{COLUMNS}a,2026-04-03,7,USD\nc,2026-04-03,8,USD\n"
MIXED = f"{COLUMNS}a,2026-04-01,10,EUR\nb,2026-04-02,20,USD\na,2026-04-03,5,USD\n"


def currency() -> str:
    with db.scope():
        return tenants.tenant_by_name("acme").currency


def values() -> list[tuple]:
    return [(row[0], row[4]) for row in stored()]


@pytest.mark.parametrize("code", ["EUR", "USD", "JPY"])
def test_a_tenant_without_data_takes_that_of_its_first_file(put, preview, code):
    text = EUROS.replace("EUR", code)
    assert preview(text).json["currencies"] == [
        {"currency": code, "transactions": 2, "total": 30.0}
    ]
    assert put(text).status_code == 200
    assert currency() == code


def test_a_first_file_of_signs_takes_that_of_the_signs(put):
    assert put(f"{HEADER}a,2026-04-01,€10.50\nb,2026-04-02,€3\n").status_code == 200
    assert (currency(), values()) == ("EUR", [("a", 105_000), ("b", 30_000)])


def test_a_second_file_in_another_currency_is_refused_and_told_what_to_do(put, preview):
    put(EUROS)
    before = stored()
    for send in (put, preview):
        answer = send(DOLLARS)
        assert answer.status_code == 400
        for word in ("USD", "EUR", "can't be added up", "rate=USD:0.92"):
            assert word in answer.json["message"]
        assert "rate" in answer.json["errors"]["query"]
    assert (stored(), currency()) == (before, "EUR")
    # What was said does it.
    assert preview(DOLLARS, {"rate": "USD:0.92"}).json["total"] == 13.8
    assert put(DOLLARS, {"rate": "USD:0.92"}).status_code == 200
    assert [row[4] for row in stored() if row[1] == "2026-04-03"] == [64_400, 73_600]
    assert currency() == "EUR"


def test_a_currency_said_of_a_whole_file_must_be_the_tenants(put):
    put(EUROS)
    plain = f"{HEADER}z,2026-04-05,9\n"
    answer = put(plain, {"currency": "USD"})
    assert answer.status_code == 400 and "rate=USD:0.92" in answer.json["message"]
    assert put(plain, {"currency": "EUR"}).status_code == 200
    assert put(plain, {"currency": "USD", "rate": "USD:0.5"}).status_code == 200
    assert values()[-1] == ("z", 45_000)


def test_rows_of_another_are_left_out_with_their_number_and_sum(put, preview):
    put(EUROS)
    for send in (preview, put):
        answer = send(MIXED)
        assert answer.status_code == 200, answer.text
        (left_out,) = answer.json["leftOut"]
        assert "USD" in left_out["reason"]
        assert (left_out["rows"], left_out["total"], left_out["lines"]) == (2, 25.0, [3, 4])
    shown = preview(MIXED).json
    assert (shown["total"], shown["transactions"]) == (10.0, 1)
    assert {
        one["currency"]: (one["transactions"], one["total"]) for one in shown["currencies"]
    } == {
        "EUR": (1, 10.0),
        "USD": (2, 25.0),
    }
    assert values() == [("a", 100_000), ("b", 200_000)]


def test_a_preview_of_several_shows_each_and_no_sum(preview):
    shown = preview(MIXED).json
    assert [one["parameter"] for one in shown["questions"]] == ["currency"]
    assert shown["total"] is None
    assert [(one["currency"], one["total"]) for one in shown["currencies"]] == [
        ("USD", 25.0),
        ("EUR", 10.0),
    ]


def test_a_chosen_amount_keeps_its_currency_and_its_refunds(put, preview):
    text = "Email,Date,Net amount,Gross amount,Refund,Currency\n"
    text += "a@x.de,2026-04-01,100.00,100.00,40.00,USD\nb@x.de,2026-04-02,10.00,10.00,0,EUR\n"
    choices = {"amount": "Gross amount"}
    assert preview(text, choices).json["mapping"]["refund"] == "Refund"
    assert "currency" in put(text, choices).json["errors"]["query"]
    assert put(text, {**choices, "currency": "USD"}).status_code == 200
    assert (currency(), values()) == ("USD", [("a@x.de", 600_000)])


def test_an_amount_that_nobody_knows_keeps_them_as_well(put):
    text = "Email;Date;Much;Currency\na@x.de;2026-04-01;10;USD\nb@x.de;2026-04-01;20;EUR\n"
    assert "currency" in put(text, {"amount": "Much"}).json["errors"]["query"]
    assert put(text, {"amount": "Much", "currency": "EUR", "rate": "USD:0.5"}).status_code == 200
    assert values() == [("a@x.de", 50_000), ("b@x.de", 200_000)]


def test_the_name_of_a_chosen_amount_may_tell_the_currency(put):
    put(EUROS)
    text = "Email;Date;Worth in USD\na@x.de;2026-04-01;10\n"
    answer = put(text, {"amount": "Worth in USD"})
    assert answer.status_code == 400 and "rate=USD:0.92" in answer.json["message"]


def test_a_first_file_that_is_converted_is_in_the_tenants_currency(put, preview, client, headers):
    client.put("/api/v1/settings", json={"currency": "CHF"}, headers=headers("admin"))
    text, choices = f"{HEADER}a,2026-04-01,10\n", {"currency": "USD", "rate": "USD:0.5"}
    shown = preview(text, choices).json
    assert shown["currencies"] == [{"currency": "CHF", "transactions": 1, "total": 5.0}]
    assert put(text, choices).status_code == 200
    assert (currency(), values()) == ("CHF", [("a", 50_000)])


def test_refunds_are_in_the_currency_of_their_order_and_converted_with_it(put):
    text = "Order,Email,Date,Total,Refund,Currency\n"
    text += "1,a@x.de,2026-04-01,100.00,40.00,USD\n2,b@x.de,2026-04-02,10.00,0.00,EUR\n"
    answer = put(text, {"currency": "EUR", "rate": "USD:0.9"})
    assert answer.status_code == 200, answer.text
    assert values() == [("a@x.de", 540_000), ("b@x.de", 100_000)]


def test_a_real_export_in_two_currencies(put):
    body, choices = (
        Sample("paypal_activity_en.csv").path.read_bytes(),
        {"dateOrder": "mdy", "currency": "EUR"},
    )
    assert put(body, choices).status_code == 200
    assert currency() == "EUR"
    assert sum(Decimal(row[4]) / 10_000 for row in stored()) == 1000
    with_rate = put(body, {**choices, "rate": "USD:0.92"})
    assert with_rate.json["leftOut"] == []
    assert sum(Decimal(row[4]) / 10_000 for row in stored()) == Decimal("1054.096")


def test_replacing_everything_may_bring_another_currency(put):
    put(EUROS)
    assert put(DOLLARS, {"replace": "true"}).status_code == 200
    assert (currency(), values()) == ("USD", [("a", 70_000), ("c", 80_000)])


def test_two_first_files_at_once_leave_one_currency(tenant):
    """Both have looked at the tenant before either is merged."""

    def load(text: str) -> None:
        file = File(io.BytesIO(text.encode()))
        loading.load_transactions(tenant, file, Choices(), Options())

    for _ in range(4):
        wrong = together(lambda: load(EUROS), lambda: load(DOLLARS))
        assert [type(error) for error in wrong] == [Conflict], wrong
        assert "can't be added" in wrong[0].message
        expected = {
            "EUR": [("a", 100_000), ("b", 200_000)],
            "USD": [("a", 70_000), ("c", 80_000)],
        }
        assert values() == expected[currency()]
        with db.scope(), db.transaction():
            db.execute("DELETE FROM interaction_summary")
            db.execute("UPDATE tenant SET customers = 0, period_type = NULL")
