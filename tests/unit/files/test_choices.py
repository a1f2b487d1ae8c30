"""What the caller chooses about a file's columns wins, column by column."""

import pytest

from clv.errors import Invalid
from clv.files.columns import states
from clv.files.columns.mapping import Amount, Less
from tests.unit.files.small_files import SHOPIFY, brief, read


def test_an_answer_closes_a_question():
    text = "Email,Date,Net,Gross\na@b.de,2026-01-01,8,9"
    assert brief(text, amount=("gross",)) == ("Email Date Gross", {})
    text = "Email,Date,Price,Quantity\na@b.de,2026-01-01,3,2"
    assert brief(text, quantity="Quantity") == ("Email Date Price", {"times": "Quantity"})
    assert brief(text, quantity="") == ("Email Date Price", {})
    text = "Order ID,Email,Date,Total\n1,a@b.de,2026-01-01,30\n1,a@b.de,2026-01-01,10"
    assert brief(text, order_lines="sum")[1] == {"order": "Order ID", "lines": "sum"}
    assert brief(text, order="") == ("Email Date Total", {})


def test_a_question_about_a_price_is_closed_by_another_amount():
    text = "Email,Date,Price,Quantity,Paid in all\na@b.de,2026-01-01,3,2,6"
    assert brief(text, amount=("Paid in all",)) == ("Email Date Paid in all", {})
    (question,) = read(text, amount=("Price",)).questions
    assert question.parameter == "quantity"


def test_a_price_of_one_piece_that_is_chosen_is_multiplied_as_well():
    text = "Email,Date,Unit price,Price per unit,Quantity\na@b.de,2026-01-01,3,2,6"
    assert [question.parameter for question in read(text).questions] == ["amount"]
    assert brief(text, amount=("Unit price",))[1] == {"times": "Quantity"}


@pytest.mark.parametrize("header", ["customer_id,date,amount", "Amount,customerId,DATE"])
def test_the_plain_columns_are_taken_unasked_and_no_others(header):
    others = ",status,order_id,currency,refund,email,total,order_date"
    row = ",".join(["1"] * 11)
    assert brief(f"{header}{others}\n{row}\n{row}")[1] == {}


def test_the_plain_columns_come_before_a_profile():
    assert read(f"customer_id,date,amount,{SHOPIFY}").profile is None
    assert read(f"customer_id,date,amount,{SHOPIFY}", profile="shopify").profile is not None


def test_other_columns_are_used_beside_the_plain_ones_if_they_are_chosen():
    text = "customer_id,date,amount,status,order_id\n1,2026-01-01,3,paid,1"
    assert brief(text, state="Status", order="order_id", order_lines="sum")[1] == {
        "state": "status",
        "order": "order_id",
        "lines": "sum",
    }


def test_both_spellings_of_a_plain_column_at_once_are_refused():
    with pytest.raises(Invalid, match="both customerId and customer_id"):
        read("customer_id,customerId,date,amount\n1,2,2026-01-01,3")


def test_a_choice_wins_over_the_profile_and_leaves_the_rest_of_it():
    known, chosen = read(SHOPIFY).mapping, read(SHOPIFY, customer=("phone",)).mapping
    assert chosen.customer == ("Phone",)
    assert (chosen.time, chosen.amounts, chosen.state) == (
        known.time,
        known.amounts,
        "Financial Status",
    )
    assert chosen.line_has == known.line_has == "Total"


def test_no_profile_and_no_column_can_be_chosen():
    text = f"{SHOPIFY}\n#1,a@b.de,,paid,EUR,3,0,2026-01-01,,x,1,"
    resolved = read(text, profile="", refund="", currency="", state="")
    assert resolved.profile is None
    assert resolved.mapping.amounts == (Amount("Total"),)
    assert resolved.mapping.state is None
    assert read(SHOPIFY, refund="").mapping.amounts[0].less == ()
    assert read(SHOPIFY, order="").mapping.order == ()


def test_another_amount_keeps_the_refunds_and_the_currency_of_the_profile():
    mapping = read(f"{SHOPIFY},Subtotal", amount=("Subtotal",)).mapping
    assert mapping.amounts == (Amount("Subtotal", (Less("Refunded Amount"),), currency="Currency"),)


def test_a_currency_is_a_column_or_a_code():
    text = "Email,Date,Total,Cur\na@b.de,2026-01-01,3,EUR"
    assert brief(text, currency="cur")[1] == {"currency": "Cur"}
    assert brief(text, currency="chf")[1] == {"currency": "CHF"}
    with pytest.raises(
        Invalid, match='currency: "Geld" is neither a code such as EUR nor a column'
    ):
        read(text, currency="Geld")
    assert read(SHOPIFY, currency="EUR").fixed_currency == "EUR"
    assert read(SHOPIFY, currency="EUR").mapping.amounts[0].currency == "Currency"


def test_two_times_are_the_date_and_the_time_of_day():
    mapping = read("Email,Tag,Um,Total\na@b.de,1.1.2026,10,3", time=("Tag", "Um")).mapping
    assert (mapping.time, mapping.clock) == (("Tag",), "Um")


def test_states_that_are_chosen_are_the_only_ones_that_count():
    mapping = read(SHOPIFY, keep_states=("Paid", "On-Hold")).mapping
    kept = [
        states.counts(state, mapping.keep_states, mapping.drop_states)
        for state in ("paid", "on_hold", "refunded", "whatever", "")
    ]
    assert kept == [True, True, False, False, True]


@pytest.mark.parametrize(
    "choices, message",
    [
        (
            {"customer": ("Mail",)},
            r'customer: there is no column "Mail"\. The columns are: Name, Em',
        ),
        ({"order": "Mail"}, 'order: there is no column "Mail"'),
        ({"time": ("Created at", "Mail")}, 'time: there is no column "Mail"'),
        ({"time": ("Created at", "Name", "Notes")}, "time: one column, or two"),
        (
            {"profile": "shopware"},
            'profile: there is no "shopware". There are: amazon_date_range, ',
        ),
        ({"order_lines": "last"}, 'orderLines: "last" is neither sum nor first'),
    ],
)
def test_a_choice_that_the_file_does_not_have_is_refused_with_what_it_has(choices, message):
    with pytest.raises(Invalid, match=message):
        read(SHOPIFY, **choices)
