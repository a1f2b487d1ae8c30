"""Customers as files write them: ids and e-mail addresses, and what spreadsheets make of them."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import lru_cache

from clv.budgets import MAX_CACHED_CELL
from clv.domain.values import MAX_ID_LENGTH, customer_id
from clv.files.cells.bad_value import BadValue

# Cells that stand for nobody in particular, in lower case: never anybody's id.
PLACEHOLDERS = frozenset(
    """
    - -- --- . ? 0 00 n/a na n.a. #n/a #n/d #nv null (null) <null> none (none) nan nil nul undefined
    empty (empty) (blank) blank unknown (unknown) unbekannt anonymous anonym anon guest gast visitor
    besucher default test keine kein no-email noemail walkin laufkunde laufkundschaft barverkauf
    barkunde diverse invité invitado ospite anonyme anonimo anónimo gość passant
    """.split()
) | frozenset(
    (
        "not set",
        "(not set)",
        "not logged in",
        "not available",
        "no customer",
        "no email",
        "no name",
        "walk-in",
        "walk in",
        "walk-in customer",
        "guest customer",
        "guest user",
        "anonymous user",
        "unknown customer",
        "(not provided)",
        "not provided",
        "kein kunde",
        "cash sale",
        "cash customer",
        "client de passage",
        "client comptoir",
        "cliente generico",
        "consumidor final",
        "público en general",
        "nicht angemeldet",
    )
)
_CACHED_CELLS = 32_768
# A cell of more characters than an id, with what a spreadsheet puts around it, is none.
_MAX_LENGTH = 2 * MAX_ID_LENGTH
# Ids that are stored as they are: most of them, and checked a block at a time. The first letter
# keeps out 12345.0, 1.2E+11, and e-mail addresses with capital letters. Atomic: an id such as "ann"
# fits both forms, and where a later cell fits none, each of them would be tried both ways.
_PLAIN_BLOCK = re.compile(
    rf"(?>(?:[a-z][a-z0-9._@+-]{{0,{MAX_ID_LENGTH - 1}}}|[A-Za-z0-9_-]{{1,{MAX_ID_LENGTH}}})\n)*"
)
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")
_FORMULA = re.compile(r'="([^"]*)"')
# An apostrophe makes a spreadsheet take a number or a formula as text.
_AS_TEXT = re.compile(r"'(?=[0-9+\-=@])([^']*)")
_FLOAT = re.compile(r"([0-9]+)\.0")
_SHORTENED = re.compile(r"[0-9]+(?:[.,][0-9]+)?[eE]\+[0-9]+")
_WORD = r"[^\W\d_]+\.?(?:['’.-][^\W\d_]+\.?)*"
_NAME = re.compile(rf"{_WORD}(?:,? {_WORD})+")


def customer(cell: str) -> str:
    """The id that is stored; "" for an empty cell.

    E-mail addresses are in lower case; other ids are as they were before a spreadsheet had them:
    ``12345.0``, ``'00123`` and ``="00123"`` are 12345, 00123 and 00123.

    :raises ValueError: if it can't be an id
    """
    text = cell.strip()
    if len(text) <= MAX_CACHED_CELL:
        return _cached_customer(text)
    return _customer(text) if len(text) <= _MAX_LENGTH else customer_id(text)


def customers(cells: Sequence[str]) -> list[str]:
    """:func:`customer` of many cells: many times as fast if all are plain ids."""
    block = "\n".join(cells) + "\n"
    if block.count("\n") == len(cells) and _PLAIN_BLOCK.fullmatch(block):
        return list(cells)
    return [customer(cell) for cell in cells]


def looks_like_name(ids: Iterable[str]) -> bool:
    """Whether most of these customers are two or more words of letters: names rather than ids."""
    are_names = [_NAME.fullmatch(id) is not None for id in ids]
    return 2 * sum(are_names) > len(are_names)


def _customer(text: str) -> str:
    text = _unwrapped(text)
    if not text:
        return ""
    if _SHORTENED.fullmatch(text):
        raise BadValue("Must be a whole id; a spreadsheet has shortened this number", text)
    if match := _FLOAT.fullmatch(text):
        text = match[1]
    elif _EMAIL.fullmatch(text):
        text = text.lower()
    return customer_id(unicodedata.normalize("NFC", text))


_cached_customer = lru_cache(_CACHED_CELLS)(_customer)


def _unwrapped(text: str) -> str:
    """What a spreadsheet shows for a text that it was told to leave alone."""
    match = _FORMULA.fullmatch(text) or _AS_TEXT.fullmatch(text)
    return match[1].strip() if match else text
