"""How numbers leave through the schemas."""

import importlib
import pkgutil
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from marshmallow import Schema, fields

from clv.api import schemas
from clv.api.schemas.base import (
    Amount,
    Exact,
    Input,
    Money,
    Output,
    Probability,
    Rounded,
    StoredAmount,
    cents,
)


def all_of(kind: type[Schema]) -> list[type[Schema]]:
    """The schemas of this kind, of all modules."""
    for module in pkgutil.iter_modules(schemas.__path__):
        importlib.import_module(f"{schemas.__name__}.{module.name}")
    found, waiting = [], [kind]
    while waiting:
        derived = waiting.pop().__subclasses__()
        found += derived
        waiting += derived
    return found


def test_each_number_that_leaves_says_how_it_is_rounded():
    ways = (Amount, StoredAmount, Rounded, Exact, fields.Integer)
    numbers = [
        (schema.__name__, name, field)
        for schema in all_of(Output)
        for name, field in schema._declared_fields.items()
        if isinstance(field, fields.Number)
    ]
    assert len(numbers) > 50
    assert not [(schema, name) for schema, name, field in numbers if not isinstance(field, ways)]


def test_each_word_that_comes_in_is_named_by_its_error():
    for schema in all_of(Input):
        for name, field in schema._declared_fields.items():
            if any(type(check).__name__ == "OneOf" for check in field.validators):
                assert "Must be one of: " in str(field.error_messages) or name == "period_type"


@pytest.mark.parametrize(
    ("field", "value", "shown"),
    [
        (Money(), 776961.1300000001, 776961.13),
        (Money(), 1.005, 1.01),
        (Money(), -0.001, 0.0),
        (Money(), None, None),
        (Probability(), 0.0625, 0.063),
        (Probability(), 0.11949999999, 0.119),
        (Probability(), None, None),
        (Rounded(1), 33.35, 33.4),
        (Exact(), 71.49999999999999, 71.49999999999999),
        (Exact(), -0.0, 0.0),
    ],
)
def test_numbers_are_rounded_half_up_and_zero_has_no_sign(field, value, shown):
    written = field._serialize(value, "x", None)
    assert repr(written) == repr(shown)


@given(
    st.integers(-(2**63), 2**63)
    | st.integers(-(10**9), 10**9).map(lambda cents: cents * 50)
    | st.floats(-1e15, 1e15)
)
def test_an_amount_is_rounded_half_up_to_cents_like_a_decimal(amount):
    shown = Amount()._serialize(amount, None, None)
    assert shown == float(cents(Decimal(amount)))
    assert str(shown) != "-0.0"
