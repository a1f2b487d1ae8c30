"""Amounts of money as files write them: decimal and thousands signs, currencies, minus signs.

``1,234`` is a thousand in one file and a little more than one in another. So the decimal sign is
found out from whole columns (:class:`DecimalSign`), and each cell is then read by it. A cell that
does not fit is refused.
"""

import re
from collections.abc import Iterable, Sequence
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache

import numpy as np

from clv.domain.units import AMOUNT_SCALE
from clv.domain.values import MAX_AMOUNT
from clv.files.cells.bad_value import BadValue
from clv.files.cells.currencies import CODE_OF_SIGN, CODES, SHARED_SIGNS
from clv.files.choices import DECIMALS

# No amount is as long; a longer cell is not worth a look.
_MAX_LENGTH = 64
_MAX_EXAMPLES = 5
_CACHED_CELLS = 16_384

# Signs between groups of three digits, whatever the decimal sign: blanks (no-break, narrow no-break
# and thin ones, too) and apostrophes.
_GROUP_SIGNS = " \u00a0\u202f\u2009'\u2019"
_MINUS = "[-\u2212]"
_SIGN = "[-+\u2212]"
_CURRENCY = "|".join(
    sorted(map(re.escape, (*CODE_OF_SIGN, *SHARED_SIGNS, *CODES)), key=len, reverse=True)
)
# A bare decimal sign may end a cell, but not stand before a minus: 12,- is a price of 12.
_NUMBERS = {
    # Groups of two digits before the last three are lakhs; only the comma separates them.
    ".": rf"[1-9][0-9]{{0,2}}(?:(?P<group>[,{_GROUP_SIGNS}])[0-9]{{3}})(?:(?P=group)[0-9]{{3}})*"
    r"(?:\.[0-9]+)?"
    r"|[1-9][0-9]?(?:,[0-9]{2})+,[0-9]{3}(?:\.[0-9]+)?"
    r"|(?:[0-9]+(?:\.[0-9]+|\.$)?|\.[0-9]+)(?:[eE][-+]?[0-9]{1,2})?",
    ",": rf"[1-9][0-9]{{0,2}}(?:(?P<group>[.{_GROUP_SIGNS}])[0-9]{{3}})(?:(?P=group)[0-9]{{3}})*"
    r"(?:,[0-9]+)?"
    r"|(?:[0-9]+(?:,[0-9]+|,$)?|,[0-9]+)(?:[eE][-+]?[0-9]{1,2})?",
}
# Blanks are taken possessively, for a cell of blanks would else be tried in thousands of ways.
_AMOUNTS = {
    decimal: re.compile(
        rf"(?P<open>\()?(?P<sign>{_SIGN})?\s*+(?P<currency>{_CURRENCY})?\s*+"
        rf"(?P<inner_open>\()?(?P<inner_sign>{_SIGN})?\s*+"
        rf"(?P<number>{number})"
        rf"\s*+(?P<minus>{_MINUS})?(?P<inner_close>\))?\s*+(?P<currency_behind>{_CURRENCY})?"
        rf"\s*+(?P<minus_behind>{_MINUS})?(?P<close>\))?"
    )
    for decimal, number in _NUMBERS.items()
}
# The usual amount that can be read either way.
_OPEN = re.compile(r"-?[1-9][0-9]{0,2}[.,][0-9]{3}")
_PLAIN_BLOCKS = {
    decimal: re.compile(rf"(?:-?\d{{1,9}}(?:{re.escape(decimal)}\d{{1,4}})?\n)*", re.ASCII)
    for decimal in DECIMALS
}
# What may make a number negative, or say that it is not.
_SIGN_GROUPS = ("open", "inner_open", "sign", "inner_sign", "minus", "minus_behind")
_AROUND = re.compile(r"([^\d]*)\d(?:.*\d)?([^\d]*)", re.ASCII | re.DOTALL)
_NOT_CURRENCY = f" \t,()+-\u2212{_GROUP_SIGNS}"


class DecimalSign:
    """The decimal sign of the amounts that were added so far.

    A cell proves a sign if it is an amount with that sign alone. The first proof counts: cells that
    contradict it can then not be read.

    :ivar sign: ``.`` or ``,``; None until a cell proves it
    :ivar examples: the first cells that are another amount with either sign, such as ``1,234``
    """

    def __init__(self) -> None:
        self.sign: str | None = None
        self.examples: list[str] = []

    @property
    def is_open(self) -> bool:
        """Whether some amounts can be read either way, and nothing tells which is right."""
        return self.sign is None and bool(self.examples)

    def add(self, cells: Iterable[str]) -> None:
        """Look at more cells; those that are no amounts prove nothing."""
        for cell in cells:
            if self.sign is not None:
                return
            if "," in cell or "." in cell:
                self._add(cell)

    def _add(self, cell: str) -> None:
        if _OPEN.fullmatch(cell):
            self._add_example(cell)
            return
        with_point, with_comma = (_number(cell, decimal) for decimal in DECIMALS)
        if with_point == with_comma:
            return
        if with_point is None or with_comma is None:
            self.sign = "." if with_comma is None else ","
        else:
            self._add_example(cell.strip())

    def _add_example(self, text: str) -> None:
        if len(self.examples) < _MAX_EXAMPLES and text not in self.examples:
            self.examples.append(text)


def amount(cell: str, decimal: str) -> int:
    """An amount as an integer of 1/10,000, rounded half up (away from zero).

    ``-$1,234.56`` with ``.`` is -12,345,600; so is ``(1.234,56 €)`` with ``,``.

    :param decimal: the decimal sign, ``.`` or ``,``
    :raises ValueError: if it is no amount with this decimal sign, or beyond ±10^12
    """
    if len(cell) > _MAX_LENGTH:
        cell = cell.strip()
        if len(cell) > _MAX_LENGTH:
            raise _no_amount(cell, decimal)
    return _cached_amount(cell, decimal)


def amounts(cells: Sequence[str], decimal: str) -> list[int]:
    """:func:`amount` of many cells: many times as fast if none has more than digits, a decimal sign
    and a minus in front."""
    block = "\n".join(cells) + "\n"
    if block.count("\n") == len(cells) and _PLAIN_BLOCKS[decimal].fullmatch(block):
        # Up to 13 digits, which a float keeps.
        numbers = np.array(block.replace(decimal, ".").split(), np.float64)
        return np.rint(numbers * AMOUNT_SCALE).astype(np.int64).tolist()
    return [amount(cell, decimal) for cell in cells]


def currency_of(cell: str) -> str | None:
    """The currency that an amount itself names, as a code of ISO 4217.

    None if it names none or two, or has a sign of several currencies: ``$``, ``¥``, ``kr``.
    """
    around = _AROUND.fullmatch(cell) if len(cell) <= _MAX_LENGTH else None
    # A point may belong to the sign (лв.) or to the number (€.50).
    codes = {
        _code(text.strip(others))
        for text in (around.groups() if around else ())
        for others in (_NOT_CURRENCY, f"{_NOT_CURRENCY}.")
    }
    codes.discard(None)
    return codes.pop() if len(codes) == 1 else None


def currency_code(cell: str) -> str | None:
    """The code in a column of currencies: ``eur`` is EUR. None for an empty cell.

    :raises ValueError: if it is none of ISO 4217
    """
    code = cell.strip().upper()
    if code and code not in CODES:
        raise BadValue("Must be a currency's code of ISO 4217 such as EUR", cell)
    return code or None


@lru_cache(_CACHED_CELLS)
def _cached_amount(cell: str, decimal: str) -> int:
    number = _number(cell, decimal)
    if number is None:
        raise _no_amount(cell, decimal)
    if abs(number) > MAX_AMOUNT:
        raise BadValue(f"Must be an amount from -{MAX_AMOUNT} to {MAX_AMOUNT}", cell)
    return int(number.quantize(Decimal(1) / AMOUNT_SCALE, ROUND_HALF_UP) * AMOUNT_SCALE)


def _number(cell: str, decimal: str) -> Decimal | None:
    """The number in a cell; None if it is no amount."""
    match = _AMOUNTS[decimal].fullmatch(cell.strip()) if len(cell) <= _MAX_LENGTH else None
    if match is None or not _is_consistent(match):
        return None
    digits = "".join(c for c in match["number"] if c.isalnum() or c in f"{decimal}+-")
    number = Decimal(digits.replace(decimal, "."))
    return -number if _signs(match) - {"+"} else number


def _is_consistent(match: re.Match[str]) -> bool:
    """Whether brackets are closed, and neither sign nor currency is given twice."""
    groups = match.groupdict()
    opened = [groups["open"], groups["inner_open"]].count("(")
    closed = [groups["close"], groups["inner_close"]].count(")")
    signs = sum(1 for name in _SIGN_GROUPS if groups[name])
    codes = {_code(groups[name] or "") for name in ("currency", "currency_behind")}
    return opened == closed and signs <= 1 and len(codes - {None}) <= 1


def _signs(match: re.Match[str]) -> set[str]:
    return set(match.group(*_SIGN_GROUPS)) - {None}


def _code(sign: str) -> str | None:
    return sign if sign in CODES else CODE_OF_SIGN.get(sign)


def _no_amount(cell: str, decimal: str) -> BadValue:
    example = "1234.50 or 1,234.50" if decimal == "." else "1234,50 or 1.234,50"
    return BadValue(f"Must be an amount such as {example}", cell)
