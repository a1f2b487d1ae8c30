"""The condition that a customer's id contains a text, letters of either case.

It has no index: one pass over a million records takes 0.2 s. An index of the ids' parts would have
to be kept by each batch and each file, and no index finds two letters.
"""

import unicodedata
from collections.abc import Iterator
from functools import cache

from clv import db

# What LIKE and GLOB read as a pattern. A backslash is LIKE's escape.
_WILDCARDS = str.maketrans({sign: f"\\{sign}" for sign in "\\%_"})
_GLOB_SIGNS = "*?["


def contains(column: str, text: str) -> tuple[str, list[str]]:
    """The condition that a column contains a text, and its parameters. Each character stands for
    itself; a letter also for its lower and its upper case, if that is a single character.

    :param text: in any of Unicode's forms; the composed and the decomposed one are looked for
    """
    forms = {unicodedata.normalize(form, text) for form in ("NFC", "NFD")}
    found = [_contains_form(column, form) for form in sorted(forms)]
    condition = " OR ".join(condition for condition, _ in found)
    return f"({condition})", [param for _, params in found for param in params]


def _contains_form(column: str, text: str) -> tuple[str, list[str]]:
    """Likewise, of this form alone. Both databases' LIKE knows the case of ASCII alone. Where the
    text has other letters, it finds the ids that have one of these, and anything in the places of
    all of them; a slower match decides."""
    letters = [one for one in text if not one.isascii() and len(_cases(one)) > 1]
    anything = _part(text)
    if not letters:
        return _like(column), [anything]
    for letter in letters:
        anything = anything.replace(letter, "_")
    any_case = " OR ".join([_like(column)] * len(_cases(letters[0])))
    pattern = f"*{_pattern(text)}*" if db.is_sqlite() else _pattern(text)
    operator = "GLOB" if db.is_sqlite() else "~"
    condition = f"({_like(column)} AND ({any_case}) AND {column} {operator} %s)"
    return condition, [anything, *map(_part, _cases(letters[0])), pattern]


def _like(column: str) -> str:
    return f"{column} {'LIKE' if db.is_sqlite() else 'ILIKE'} %s ESCAPE '\\'"


def _part(text: str) -> str:
    return f"%{text.translate(_WILDCARDS)}%"


def _pattern(text: str) -> str:
    """The text as a pattern of GLOB, or as a regular expression of PostgreSQL."""
    return "".join(map(_any_case, text))


def _any_case(character: str) -> str:
    if len(cases := _cases(character)) > 1:
        return f"[{''.join(cases)}]"
    if db.is_sqlite():
        return f"[{character}]" if character in _GLOB_SIGNS else character
    return character if character.isalnum() or not character.isascii() else f"\\{character}"


@cache
def _cases(character: str) -> tuple[str, ...]:
    return tuple(sorted(set(_all_cases(character))))


def _all_cases(character: str) -> Iterator[str]:
    yield character
    for other in (character.lower(), character.upper()):
        if len(other) == 1:
            yield other
