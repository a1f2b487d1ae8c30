"""What a single value may be, wherever it comes from (JSON, a file, the command line).

Each function returns the value as it is stored or raises ``ValueError`` with a message that says
what would be right. What may come from JSON is of any type.
"""

import re
import unicodedata
from decimal import Decimal, InvalidOperation
from typing import Any

from clv.domain.units import AMOUNT_SCALE

MAX_ID_LENGTH = 128
MAX_COUNT = 1_000_000_000
MAX_AMOUNT = 1_000_000_000

_TENANT = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
# Python's int() takes signs, underscores, spaces and foreign digits, too.
_WHOLE_NUMBER = re.compile(r"\d{1,20}", re.ASCII)
_PLAIN_AMOUNT = re.compile(r"(-?\d{1,9})(?:\.(\d{1,4}))?", re.ASCII)
_AMOUNT_DECIMALS = 4


def text(value: Any) -> str:
    """Any text."""
    if not isinstance(value, str):
        raise ValueError("Must be a string.")
    return value


def customer_id(value: Any) -> str:
    """1 to 128 characters without ``/``, control characters or outer space; not ``.`` or ``..``."""
    if value in ("", ".", ".."):
        raise ValueError(f"Must be 1 to {MAX_ID_LENGTH} characters, and not '.' or '..'.")
    if "/" in text(value):
        raise ValueError("Must not contain '/'.")
    return plain_text(value)


def plain_text(value: Any) -> str:
    """At most 128 characters without control characters, lone surrogates or outer space."""
    if len(text(value)) > MAX_ID_LENGTH:
        raise ValueError(f"Must be at most {MAX_ID_LENGTH} characters.")
    # Printable text has neither, and most of it is.
    if not value.isprintable() and any(unicodedata.category(c) in ("Cc", "Cs") for c in value):
        raise ValueError("Must not contain control characters or lone surrogates.")
    if value != value.strip():
        raise ValueError("Must not begin or end with space.")
    return value


def count(value: Any) -> int:
    """An integer from 0 to a billion."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MAX_COUNT:
        raise ValueError(f"Must be an integer from 0 to {MAX_COUNT}.")
    return value


def count_in_text(value: str) -> int:
    """A count that a file gives in digits."""
    return count(int(value) if _WHOLE_NUMBER.fullmatch(value) else value)


def tenant_name(text: str) -> str:
    """A tenant's id: lower-case letters, digits and hyphens, at most 63."""
    if not _TENANT.fullmatch(text):
        raise ValueError(
            "Must be 1 to 63 lower-case letters, digits or hyphens, and not begin with a hyphen."
        )
    return text


def json_amount(value: Any) -> int:
    """An amount that JSON gives as a number."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise ValueError("Must be a number.")
    return amount(value)


def amount(value: str | int | float | Decimal) -> int:
    """Money as an integer of 1/10,000: at most 4 decimals, at most a billion."""
    plain = _PLAIN_AMOUNT.fullmatch(value) if isinstance(value, str) else None
    if plain:
        whole, decimals = plain.groups("")
        return int(whole + decimals.ljust(_AMOUNT_DECIMALS, "0"))
    try:
        if isinstance(value, str) and "_" in value:
            raise InvalidOperation
        number = Decimal(repr(value) if isinstance(value, float) else value)
    except InvalidOperation:
        raise ValueError("Must be a number.") from None
    if not number.is_finite() or not -MAX_AMOUNT <= number <= MAX_AMOUNT:
        raise ValueError(f"Must be a number from -{MAX_AMOUNT} to {MAX_AMOUNT}.")
    kept = number.quantize(Decimal(1) / AMOUNT_SCALE)
    if kept != number:
        raise ValueError("Must have at most 4 decimals.")
    return int(kept * AMOUNT_SCALE)
