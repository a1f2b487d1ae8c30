"""What a single value may be, wherever it comes from: JSON, a file, the command line.

Each function returns the value as it is stored, or raises ``ValueError`` with a message that says
what would be valid. Parameters typed ``Any`` may be anything that JSON can hold.
"""

import re
import unicodedata
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

from clv.domain.units import AMOUNT_SCALE

MAX_ID_LENGTH = 128
MAX_COUNT = 1_000_000_000
# In some currencies a large order is a billion.
MAX_AMOUNT = 10**12

_TENANT_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
# int() alone would accept signs, underscores, spaces and non-ASCII digits.
_WHOLE_NUMBER = re.compile(r"\d{1,20}", re.ASCII)
_PLAIN_AMOUNT = re.compile(r"(-?\d{1,12})(?:\.(\d{1,4}))?", re.ASCII)
_AMOUNT_DECIMALS = 4
_SMALLEST_AMOUNT = Decimal(1).scaleb(-_AMOUNT_DECIMALS)


def text(value: Any) -> str:
    """Any string."""
    if not isinstance(value, str):
        raise ValueError("Must be a string.")
    return value


def plain_text(value: Any) -> str:
    """At most 128 characters; no control characters, lone surrogates, or space at either end."""
    if len(text(value)) > MAX_ID_LENGTH:
        raise ValueError(f"Must be at most {MAX_ID_LENGTH} characters.")
    # Most text is printable, and printable text has no such characters.
    if not value.isprintable() and any(unicodedata.category(c) in ("Cc", "Cs") for c in value):
        raise ValueError("Must not contain control characters or lone surrogates.")
    if value != value.strip():
        raise ValueError("Must not begin or end with space.")
    return value


def customer_id(value: Any) -> str:
    """A plain text that can be a segment of a URL's path: not empty, without ``/``, and neither
    ``.`` nor ``..``."""
    if value in ("", ".", ".."):
        raise ValueError(f"Must be 1 to {MAX_ID_LENGTH} characters, and not '.' or '..'.")
    if "/" in text(value):
        raise ValueError("Must not contain '/'.")
    return plain_text(value)


def id_part(value: Any) -> str:
    """A plain text that ids may contain: not empty. Space around it is left out."""
    part = plain_text(text(value).strip(" "))
    if not part:
        raise ValueError(f"Must be 1 to {MAX_ID_LENGTH} characters.")
    return part


def tenant_name(text: str) -> str:
    """1 to 63 lower-case letters, digits and hyphens, not beginning with a hyphen."""
    if not _TENANT_NAME.fullmatch(text):
        raise ValueError(
            "Must be 1 to 63 lower-case letters, digits or hyphens, and not begin with a hyphen."
        )
    return text


def count(value: Any) -> int:
    """An integer from 0 to a billion."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MAX_COUNT:
        raise ValueError(f"Must be an integer from 0 to {MAX_COUNT}.")
    return value


def count_in_text(value: str) -> int:
    """A count written in digits, as in a file."""
    return count(int(value) if _WHOLE_NUMBER.fullmatch(value) else value)


def json_amount(value: Any) -> int:
    """An amount given as a JSON number."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise ValueError("Must be a number.")
    return amount(value)


def amount(value: str | int | float | Decimal) -> int:
    """Money as an integer of 1/10,000: from -10^12 to 10^12, rounded half up to 4 decimals.

    12.3456 is stored as 123,456, and 15.299999999999999 as 153,000. Half up means away from 0, so
    that a refund is rounded as its sale was: 0.00005 is stored as 1, -0.00005 as -1.
    """
    plain = _PLAIN_AMOUNT.fullmatch(value) if isinstance(value, str) else None
    if plain:
        # Most amounts in a file; this takes two thirds of the time that Decimal takes.
        whole, decimals = plain.groups("")
        return int(whole + decimals.ljust(_AMOUNT_DECIMALS, "0"))
    number = _decimal(value)
    if not number.is_finite() or not -MAX_AMOUNT <= number <= MAX_AMOUNT:
        raise ValueError(f"Must be a number from -{MAX_AMOUNT} to {MAX_AMOUNT}.")
    return int(number.quantize(_SMALLEST_AMOUNT, ROUND_HALF_UP) * AMOUNT_SCALE)


def _decimal(value: str | int | float | Decimal) -> Decimal:
    try:
        if isinstance(value, str) and "_" in value:
            raise InvalidOperation
        # A float's repr is the number as it was written, 0.1; its exact value is not.
        return Decimal(repr(value) if isinstance(value, float) else value)
    except InvalidOperation:
        raise ValueError("Must be a number.") from None
