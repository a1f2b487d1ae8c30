"""Each sample of a real layout as it comes, through the preview that all doors share."""

import io
from collections import Counter
from decimal import Decimal

import pytest

from clv.errors import Invalid
from clv.files.choices import Choices
from clv.files.stream import File
from clv.services import loading
from tests.support.exports import SAMPLES, kind_of


def preview(shop, sample, choices=None):
    """What a sample would do."""
    chosen = dict(choices or {})
    if "rate" in chosen:
        currency, _, rate = chosen.pop("rate").partition(":")
        chosen["rates"] = ((currency, Decimal(rate)),)
    file = File(io.BytesIO(sample.path.read_bytes()))
    return loading.preview_transactions(shop, file, Choices(**chosen))


def amounts(shop, text, **choices):
    """The amounts of the transactions in a file, and what is asked about it."""
    file = File(io.BytesIO(text.encode()))
    result = loading.preview_transactions(shop, file, Choices(**choices))
    questions = [question.parameter for question in result.questions]
    return [row.amount / 10_000 for row in result.sample], questions


def test_what_was_paid_back_is_taken_away_whatever_its_sign(shop):
    text = "Email,Date,Total,Refund\na@b.de,2026-03-13,58.80,-8.80\nb@b.de,2026-03-13,9.00,1.00\n"
    assert amounts(shop, text) == ([50, 8], [])


def test_a_net_amount_that_is_chosen_in_a_known_layout_may_have_the_refund_in_it(shop):
    (wix,) = (sample for sample in SAMPLES if sample.file == "wix_orders.csv")
    (question,) = preview(shop, wix, {"amount": ("Net amount",)}).questions
    assert (question.parameter, question.choices) == ("refund", ("Refunded amount", ""))
    chosen = {"amount": ("Net amount",), "refund": ""}
    assert [row.amount for row in preview(shop, wix, chosen).sample] == [588_000, 10_000_000]


def test_orders_with_several_lines_are_one_question_where_no_name_tells_what_they_add_up_to(shop):
    text = "Order ID,Email,Date,Total\n1,a@b.de,2026-03-13,30\n1,a@b.de,2026-03-13,30\n"
    assert amounts(shop, text)[1] == ["orderLines"]
    assert amounts(shop, text, order_lines="sum") == ([60], [])
    assert amounts(shop, text, order_lines="first") == ([30], [])
    assert amounts(shop, text, order="") == ([30, 30], [])


@pytest.mark.parametrize("sample", SAMPLES, ids=str)
def test_a_sample_gives_the_customers_days_and_amounts_of_the_table(shop, sample):
    if sample.refused:
        with pytest.raises(Invalid, match=sample.refused):
            preview(shop, sample)
        return
    asked = [question.parameter for question in preview(shop, sample).questions]
    assert asked == sample.questions
    result = preview(shop, sample, sample.choices)
    assert result.profile == sample.profile
    assert [
        (row.customer_id, row.day, Decimal(row.amount) / 10_000, row.kind) for row in result.sample
    ] == [(customer, day, Decimal(amount), kind) for customer, day, amount, kind in sample.rows]
    left_out = Counter()
    for reason in result.left_out:
        left_out[kind_of(reason.reason)] += reason.rows
    assert left_out == sample.left_out
    assert result.bad_lines.count == 0
    assert [warning.code for warning in result.warnings] == sample.warnings
    assert not result.questions or sample.questions
