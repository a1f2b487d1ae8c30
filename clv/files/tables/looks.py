"""What a cell looks like: a value, or words."""

import re

# Takes as many steps as there are characters, whatever they are: the first point that may be one
# between names is as good as any.
_E_MAIL = re.compile(r"[^\s@]+@[^\s@][^\s@.]*\.[^\s@]+")


def is_value(cell: str) -> bool:
    """Whether a cell is a number, an amount, a date or an e-mail address.

    More digits than letters make a value: ``12-Mär-26`` and ``EUR 58,80``, but not ``Tax 1 Name``.
    """
    digits = sum(map(str.isdigit, cell))
    return digits > sum(map(str.isalpha, cell)) or bool(_E_MAIL.fullmatch(cell.strip()))
