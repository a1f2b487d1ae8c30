"""What goes with a column that was chosen: refunds, a currency, states."""

from tests.unit.files.small_shops import preview, transactions

ANSWERED = (
    "Order,Date,Email,Net,Total,Refunded amount,Currency\n"
    "1,2026-03-12,a@b.de,50,58.80,8.80,EUR\n2,2026-03-13,b@b.de,10,12,0,USD"
)


def test_a_chosen_amount_is_less_what_was_paid_back_and_in_its_currency(shop):
    assert [question.parameter for question in preview(shop, ANSWERED).questions] == ["amount"]
    (question,) = preview(shop, ANSWERED, amount=("Total",)).questions
    assert (question.parameter, question.choices) == ("currency", ("EUR", "USD"))
    chosen = {"amount": ("Total",), "currency": "EUR"}
    assert transactions(shop, ANSWERED, **chosen) == ["a@b.de 2026-03-12 50.00"]


def test_whether_a_chosen_net_amount_is_less_what_was_paid_back_is_a_question(shop):
    chosen = {"amount": ("Net",), "currency": "EUR"}
    (question,) = preview(shop, ANSWERED, **chosen).questions
    assert (question.parameter, question.choices) == ("refund", ("Refunded amount", ""))
    for refund, amount in (("Refunded amount", "41.20"), ("", "50.00")):
        expected = [f"a@b.de 2026-03-12 {amount}"]
        assert transactions(shop, ANSWERED, **chosen, refund=refund) == expected


def test_the_currency_in_the_name_of_a_chosen_amount_is_that_of_all_amounts(shop):
    text = "Email,Date,Amount EUR,Amount USD\na@b.de,2026-03-12,8,9"
    (total,) = preview(shop, text, amount=("Amount USD",)).currencies
    assert (total.currency, total.total) == ("USD", 90_000)


def test_an_order_whose_chosen_state_is_refunded_counts_for_nothing(shop):
    text = (
        "Email,Date,Total,Payment Status,Order Status\na@b.de,2026-03-12,8,paid,completed\n"
        "b@b.de,2026-03-12,9,refunded,completed"
    )
    assert transactions(shop, text, state="Payment Status") == [
        "a@b.de 2026-03-12 8.00",
        "b@b.de 2026-03-12 0.00",
    ]


def test_a_reason_of_a_cancellation_says_that_there_was_one(shop):
    text = "Email,Date,Total,Cancel reason\na@b.de,2026-03-12,8,\nb@b.de,2026-03-12,9,too late"
    assert transactions(shop, text) == ["a@b.de 2026-03-12 8.00"]


def test_oklahoma_is_no_state_of_an_order(shop):
    text = "Email,Date,Total,State\na@b.de,2026-03-12,8,OK\nb@b.de,2026-03-12,9,CA"
    assert len(transactions(shop, text)) == 2
