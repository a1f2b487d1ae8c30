"""The choices about a file of transactions, as a query gives them."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from marshmallow import ValidationError

from clv.api.schemas.choices import ChoicesQuery, parse_rates, quoted_name, split_names
from clv.api.schemas.uploads import PreviewQuery, TransactionsQuery
from clv.files.choices import Choices
from clv.services.loading import Options

NAMES = st.lists(st.text(st.characters(exclude_categories=("Cs",)), min_size=1), min_size=1)


@given(NAMES)
def test_quoted_names_are_read_back_from_one_text_whatever_is_in_them(names):
    assert split_names([",".join(map(quoted_name, names))]) == names


@given(NAMES.filter(lambda names: len(names) > 1))
def test_several_texts_are_names_as_they_are(names):
    assert split_names(names) == names


def test_a_query_becomes_choices():
    query = {
        "profile": "",
        "customer": ["Email, Phone"],
        "time": ["Date", "Time, local"],
        "amount": ['"Total, net"'],
        "order": "",
        "orderLines": "first",
        "currency": "EUR",
        "keepStates": ["paid,Shipped"],
        "delimiter": "semicolon",
        "dateOrder": "dmy",
        "timeZone": "Europe/Berlin",
        "headerLine": "3",
        "rate": ["USD:0.92", "gbp:1.15"],
    }
    assert ChoicesQuery().load(query)["choices"] == Choices(
        profile="",
        customer=("Email", "Phone"),
        time=("Date", "Time, local"),
        amount=("Total, net",),
        order="",
        order_lines="first",
        currency="EUR",
        keep_states=("paid", "Shipped"),
        delimiter="semicolon",
        date_order="dmy",
        time_zone="Europe/Berlin",
        header_line=3,
        rates=(("USD", Decimal("0.92")), ("GBP", Decimal("1.15"))),
    )


def test_what_is_left_out_is_left_open():
    assert PreviewQuery().load({}) == {"choices": Choices(), "is_partial": False}
    assert TransactionsQuery().load({}) == {"choices": Choices(), "options": Options()}


def test_every_choice_has_its_parameter():
    attributes = {field.attribute or name for name, field in ChoicesQuery().fields.items()}
    assert attributes == set(Choices.__dataclass_fields__)


@given(st.text())
def test_a_rate_is_positive_or_refused(text):
    try:
        [(currency, rate)] = parse_rates([text])
    except ValueError:
        return
    assert rate > 0 and len(currency) == 3


@pytest.mark.parametrize("text", ["USD:0.0000000001", "USD:1000000001", "USD: 1", "USD:1 ", "€:1"])
def test_a_rate_out_of_range_or_form_is_refused(text):
    with pytest.raises(ValidationError):
        ChoicesQuery().load({"rate": [text]})
